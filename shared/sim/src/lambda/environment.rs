//! One execution environment: a process of the function's binary, and the Runtime API that feeds it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{RwLock, oneshot};

use super::record::{Journal, Line, Outcome};
use super::runtime_api::{Job, RuntimeApi, Stage};
use crate::clock::{CLOCK_VARIABLE, Clock};

/// How long, in real time, a process may take to ask for work: Lambda's own limit of the start.
const START_LIMIT: Duration = Duration::from_secs(10);

/// What every environment of a function starts with.
pub(super) struct Recipe {
    pub(super) function: String,
    pub(super) binary: PathBuf,
    pub(super) variables: BTreeMap<String, String>,
    pub(super) memory_mb: u32,
    pub(super) clock: Clock,
    /// Held for reading by every invocation at work.
    pub(super) at_work: Arc<RwLock<()>>,
    pub(super) journal: Journal,
}

/// A running process that takes one invocation at a time. It is killed when this is dropped.
pub(super) struct Environment {
    child: Child,
    api: RuntimeApi,
}

impl Environment {
    /// Starts a process and waits until it asks for work.
    pub(super) async fn start(recipe: &Recipe) -> Result<Self, Outcome> {
        let api = RuntimeApi::listen()
            .await
            .map_err(|error| Outcome::NotStarted(format!("no port for the Runtime API: {error}")))?;
        let child = spawn(recipe, &api)?;
        let mut environment = Self { child, api };
        match tokio::time::timeout(START_LIMIT, environment.ready()).await {
            Ok(Ok(())) => Ok(environment),
            Ok(Err(outcome)) => Err(outcome),
            Err(_) => Err(Outcome::NotStarted(format!(
                "{} did not ask for work within {START_LIMIT:?}",
                recipe.binary.display()
            ))),
        }
    }

    async fn ready(&mut self) -> Result<(), Outcome> {
        let mut stage = self.api.stage.clone();
        let settled = stage.wait_for(|stage| *stage != Stage::Starting);
        let stage = tokio::select! {
            biased;
            settled = settled => settled.map(|stage| stage.clone()).unwrap_or(Stage::Starting),
            status = self.child.wait() => return Err(Outcome::NotStarted(ended(status))),
        };
        match stage {
            Stage::Ready => Ok(()),
            Stage::InitFailed(message) => Err(Outcome::NotStarted(message)),
            Stage::Starting => Err(Outcome::NotStarted("its Runtime API ended".to_owned())),
        }
    }

    /// Whether the process is still there to take work.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Runs one invocation; the environment may be used again only after an answer.
    pub(super) async fn run(&mut self, job: Job, answer: oneshot::Receiver<Outcome>, limit: Duration) -> Outcome {
        if self.api.jobs.send(job).await.is_err() {
            return Outcome::Crashed("its Runtime API ended".to_owned());
        }
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or_else(|_| Outcome::Crashed("its Runtime API ended".to_owned())),
            status = self.child.wait() => Outcome::Crashed(ended(status)),
            () = tokio::time::sleep(limit) => Outcome::TimedOut,
        }
    }
}

fn spawn(recipe: &Recipe, api: &RuntimeApi) -> Result<Child, Outcome> {
    let mut child = Command::new(&recipe.binary)
        .env("_HANDLER", &recipe.function)
        .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", &recipe.function)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", recipe.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", recipe.function))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "simulated")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env_remove("AWS_PROFILE")
        .env(CLOCK_VARIABLE, recipe.clock.to_variable())
        .envs(&recipe.variables)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| Outcome::NotStarted(format!("{} cannot be started: {error}", recipe.binary.display())))?;
    if let Some(stdout) = child.stdout.take() {
        collect(recipe, stdout);
    }
    if let Some(stderr) = child.stderr.take() {
        collect(recipe, stderr);
    }
    Ok(child)
}

fn collect(recipe: &Recipe, output: impl AsyncRead + Unpin + Send + 'static) {
    let (function, clock, journal) = (recipe.function.clone(), recipe.clock.clone(), recipe.journal.clone());
    tokio::spawn(async move {
        let mut lines = BufReader::new(output).split(b'\n');
        while let Ok(Some(line)) = lines.next_segment().await {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            journal.write(Line { at: clock.now(), function: function.clone(), text });
        }
    });
}

fn ended(status: std::io::Result<std::process::ExitStatus>) -> String {
    match status {
        Ok(status) => format!("the process ended: {status}"),
        Err(error) => format!("the process cannot be watched: {error}"),
    }
}
