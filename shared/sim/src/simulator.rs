//! The whole of it: the model, its wire face, its clock, and the local Lambda.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::clock::{CLOCK_VARIABLE, Clock};
use crate::iam::Ledger;
use crate::lambda::{FunctionSettings, Lambda, LambdaConfig, rules_of, schedules_of};
use crate::model::{Aws, BEGINNING, Settings};
use crate::stack::{Deployed, Facts, Stack};
use crate::wire::dynamo::{Dynamo, DynamoRefusal};
use crate::wire::{Backend, Calls, serve};

/// The longest that the model is left alone, in simulated time.
const LONGEST_NAP: SignedDuration = SignedDuration::from_secs(60);

/// The longest, in real time, that ending may take.
const LONGEST_END: Duration = Duration::from_secs(5);

/// What a simulator is started with.
#[derive(Debug, Clone)]
pub struct SimulatorConfig {
    /// The port on 127.0.0.1; `None` takes a free one.
    pub port: Option<u16>,
    /// How the simulated AWS behaves, its seed included.
    pub settings: Settings,
    /// Simulated seconds in a real second.
    pub speed: f64,
    /// The compiled functions; `None` leaves events undelivered.
    pub functions: Option<FunctionsConfig>,
}

impl Default for SimulatorConfig {
    fn default() -> Self {
        Self { port: None, settings: Settings::default(), speed: 10.0, functions: None }
    }
}

/// The compiled functions.
#[derive(Debug, Clone)]
pub struct FunctionsConfig {
    /// The binary for all of them.
    pub binary: PathBuf,
    /// Variables of their environment, beside Lambda's own, the endpoint and dummy credentials.
    pub env: BTreeMap<String, String>,
    /// The deployment's ID: hooks that begin with `stateful-asg-ID-` are its own.
    pub deployment: String,
}

/// Why a simulator does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or may not be used.
    #[error("cannot listen on {address}: choose another port, or none to take a free one")]
    Listen {
        /// What was tried.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The binary is not there.
    #[error("there is no file {0}: build the functions first")]
    NoBinary(PathBuf),
    /// The threads that it runs on.
    #[error("cannot start the simulator's threads")]
    Threads(#[source] std::io::Error),
    /// The database in memory.
    #[error("cannot start the simulated DynamoDB")]
    Dynamo(#[source] DynamoRefusal),
}

/// Why the clock did not leap.
#[derive(Debug, thiserror::Error)]
#[error("the functions have been at work for {0:?}, and simulated time cannot leap until they rest")]
pub struct StillAtWork(Duration);

/// A running simulated AWS. It runs on threads of its own until it is shut down or dropped, which
/// ends the functions' processes too.
pub struct Simulator {
    backend: Arc<Backend>,
    lambda: Option<Arc<Lambda>>,
    clock: Clock,
    address: SocketAddr,
    region: String,
    runtime: Option<Runtime>,
}

impl Simulator {
    /// Starts to listen, and to let simulated time pass.
    pub fn start(config: SimulatorConfig) -> Result<Self, StartError> {
        let SimulatorConfig { port, settings, speed, functions } = config;
        if let Some(missing) = functions.as_ref().map(|functions| &functions.binary).filter(|binary| !binary.is_file())
        {
            return Err(StartError::NoBinary(missing.clone()));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap_or_default()));
        let listen = |source| StartError::Listen { address, source };
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;

        let clock = Clock::start(BEGINNING, speed);
        let dynamo = Dynamo::start(clock.clone()).map_err(StartError::Dynamo)?;
        let (region, account) = (settings.region.clone(), settings.account.clone());
        let backend = Arc::new(Backend::new(Aws::new(settings), dynamo, clock.clone(), account.clone()));
        let lambda = functions.map(|functions| {
            let config = lambda_config(functions, address, region.clone(), account);
            Arc::new(Lambda::new(config, clock.clone(), runtime.handle().clone()))
        });

        let server = serve(listener, backend.clone());
        runtime.spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the simulated AWS no longer answers");
            }
        });
        runtime.spawn(keep_time(backend.clone(), lambda.clone(), clock.clone()));
        if let Some(lambda) = lambda.clone() {
            runtime.spawn(async move { lambda.keep_schedules().await });
        }
        Ok(Self { backend, lambda, clock, address, region, runtime: Some(runtime) })
    }

    /// Where it listens, such as `http://127.0.0.1:4566`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The environment that a client needs: endpoint, Region, dummy credentials and the clock.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        let mut variables = client_variables(self.address, &self.region);
        variables.insert("AWS_ACCESS_KEY_ID".to_owned(), "SIMULATED-operator".to_owned());
        variables.insert("AWS_SECRET_ACCESS_KEY".to_owned(), "simulated".to_owned());
        variables.insert(CLOCK_VARIABLE.to_owned(), self.clock.to_variable());
        variables
    }

    /// The simulated time.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock.clone()
    }

    /// Puts the clock forward at once, as soon as no function is at work; none works meanwhile. What falls due in the
    /// model happens in its order; each schedule fires once. Functions' processes know the clock from their start, and
    /// are started anew.
    ///
    /// # Errors
    /// A function is at work for longer than `patience`, in real time: the clock did not leap.
    pub fn leap(&self, by: SignedDuration, patience: Duration) -> Result<(), StillAtWork> {
        let Some(lambda) = &self.lambda else {
            self.clock.leap(by);
            return Ok(());
        };
        let runtime = self.runtime.as_ref().expect("it is taken only when this is dropped");
        let rest = async { tokio::time::timeout(patience, lambda.at_rest()).await };
        let _at_rest = runtime.block_on(rest).map_err(|_| StillAtWork(patience))?;
        lambda.close();
        self.clock.leap(by);
        Ok(())
    }

    /// Does something with the model, at the present simulated time. The server waits meanwhile.
    pub fn with<T>(&self, act: impl FnOnce(&mut Aws) -> T) -> T {
        self.backend.with(act)
    }

    /// API calls over the wire so far by operation, such as `ec2:AttachVolume` or `dynamodb:GetItem`.
    /// What [`with`](Self::with) and [`dynamo`](Self::dynamo) do is not counted.
    #[must_use]
    pub fn counts(&self) -> Calls {
        let mut total = Calls::new();
        for (operation, count) in self.counts_by_caller().into_values().flatten() {
            *total.entry(operation).or_default() += count;
        }
        total
    }

    /// As [`counts`](Self::counts), apart for each function (by name) and other caller (by access key).
    #[must_use]
    pub fn counts_by_caller(&self) -> BTreeMap<String, Calls> {
        self.backend.calls()
    }

    /// From now on callers may do what the ledger says. A function is known by its name; who is not in it may do everything.
    pub fn enforce(&self, rights: Ledger) {
        self.backend.enforce(rights);
    }

    /// What callers may do, and what of it was used or missing so far.
    #[must_use]
    pub fn rights(&self) -> Ledger {
        self.backend.rights()
    }

    /// The simulated DynamoDB.
    #[must_use]
    pub fn dynamo(&self) -> &Dynamo {
        self.backend.dynamo()
    }

    /// The local Lambda, if there are functions: its journal, its taps.
    #[must_use]
    pub fn lambda(&self) -> Option<&Lambda> {
        self.lambda.as_deref()
    }

    /// Every invocation so far.
    #[must_use]
    pub fn invocations(&self) -> Vec<crate::lambda::Invocation> {
        self.lambda.as_ref().map(|lambda| lambda.journal().invocations()).unwrap_or_default()
    }

    /// Ends the server and the functions' processes.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(lambda) = &self.lambda {
            lambda.close();
        }
        if let Some(runtime) = self.runtime.take() {
            // On a thread of its own, so that this may be dropped within another runtime; waited
            // for, so that no process outlives it.
            let ending = std::thread::spawn(move || runtime.shutdown_timeout(LONGEST_END));
            let _ = ending.join();
        }
    }
}

/// Lets the model keep up with the clock, and hands its events on.
async fn keep_time(backend: Arc<Backend>, lambda: Option<Arc<Lambda>>, clock: Clock) {
    loop {
        let (events, next) = backend.keep_up();
        if let Some(lambda) = &lambda {
            events.iter().for_each(|emitted| lambda.put(&emitted.event));
        }
        let nap =
            next.map_or(LONGEST_NAP, |next| next.duration_since(clock.now()).clamp(SignedDuration::ZERO, LONGEST_NAP));
        tokio::select! {
            () = clock.sleep(nap) => {}
            () = backend.bell.notified() => {}
        }
    }
}

fn client_variables(address: SocketAddr, region: &str) -> BTreeMap<String, String> {
    let pairs = [
        ("AWS_ENDPOINT_URL", format!("http://{address}")),
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The functions as the template deploys them: their time, their events, and how often those on a schedule run.
fn lambda_config(functions: FunctionsConfig, address: SocketAddr, region: String, account: String) -> LambdaConfig {
    let stack = Stack::with(&Facts::of(&functions.deployment));
    let settings = |(name, deployed): (&String, &Deployed)| FunctionSettings {
        name: name.clone(),
        timeout: SignedDuration::from_secs(deployed.timeout),
        most_environments: most_environments(deployed),
        memory_mb: deployed.memory,
        retries: deployed.retries,
    };
    let mut variables = client_variables(address, &region);
    variables.extend(functions.env);
    LambdaConfig {
        binary: functions.binary,
        variables,
        functions: stack.functions.iter().map(settings).collect(),
        rules: rules_of(&stack),
        schedules: schedules_of(&stack),
        region,
        account,
    }
}

/// Enough for a small group, and no more than this machine takes: the template sets no limit.
fn most_environments(deployed: &Deployed) -> usize {
    if deployed.schedules.is_empty() { 10 } else { 2 }
}
