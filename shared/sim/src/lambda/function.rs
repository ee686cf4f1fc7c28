//! A function: its environments, and asynchronous invocation with Lambda's retries.
//!
//! Documented (AWS Lambda Developer Guide, *How Lambda handles errors and retries with asynchronous
//! invocation*, <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>): on an error of the
//! function as many more attempts as are configured, at most two, after one and then two minutes; what still fails goes
//! to the dead-letter target. Assumed: an environment takes the next event at once, and one that crashed is made anew.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::SignedDuration;
use serde_json::Value;
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

use super::environment::{Environment, Recipe};
use super::record::{DeadLetter, Invocation, Outcome};
use super::runtime_api::Job;

/// Simulated minutes before each further attempt.
const RETRY_AFTER_MINUTES: [i64; 2] = [1, 2];

/// A function's limits.
#[derive(Debug, Clone)]
pub struct FunctionSettings {
    /// The name, which is also the handler.
    pub name: String,
    /// The longest that one invocation may run, in simulated time.
    pub timeout: SignedDuration,
    /// The most environments at once; further events wait.
    pub most_environments: usize,
    /// The memory that the environment variable names; it is not enforced.
    pub memory_mb: u32,
    /// How often a failed event is tried again, at most twice.
    pub retries: usize,
}

/// A function that events can be delivered to.
pub(super) struct Function {
    settings: FunctionSettings,
    arn: String,
    recipe: Recipe,
    idle: Mutex<Vec<Environment>>,
    places: Semaphore,
}

impl Function {
    pub(super) fn new(settings: FunctionSettings, arn: String, recipe: Recipe) -> Self {
        let places = Semaphore::new(settings.most_environments.max(1));
        Self { settings, arn, recipe, idle: Mutex::default(), places }
    }

    /// Handles an event as an asynchronous invocation: the first attempt and the further ones, then a dead letter.
    pub(super) async fn handle(self: Arc<Self>, event: Value) {
        let request_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, unique(&self.settings.name).as_bytes()).to_string();
        let mut attempt = 1;
        loop {
            let outcome = self.attempt(&request_id, attempt, &event).await;
            if outcome.is_success() {
                return;
            }
            tracing::debug!(function = self.settings.name, attempt, ?outcome, "a function failed on an event");
            let mut pauses = RETRY_AFTER_MINUTES.iter().take(self.settings.retries);
            match usize::try_from(attempt - 1).ok().and_then(|index| pauses.nth(index)) {
                Some(minutes) => self.recipe.clock.sleep(SignedDuration::from_mins(*minutes)).await,
                None => {
                    let function = self.settings.name.clone();
                    return self.recipe.journal.bury(DeadLetter { function, event, last: outcome });
                }
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, request_id: &str, attempt: u32, event: &Value) -> Outcome {
        let _place = self.places.acquire().await.expect("the semaphore is never closed");
        let _at_work = self.recipe.at_work.read().await;
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let index = self.recipe.journal.begin(Invocation {
            function: self.settings.name.clone(),
            request_id: request_id.to_owned(),
            event_id: text("id"),
            detail_type: text("detail-type"),
            attempt,
            started: self.recipe.clock.now(),
            ended: None,
            outcome: None,
        });
        let outcome = self.run(request_id, event).await;
        self.recipe.journal.end(index, self.recipe.clock.now(), outcome.clone());
        outcome
    }

    async fn run(&self, request_id: &str, event: &Value) -> Outcome {
        let mut environment = match self.take_idle() {
            Some(environment) => environment,
            None => match Environment::start(&self.recipe).await {
                Ok(environment) => environment,
                Err(outcome) => return outcome,
            },
        };
        let deadline = self.recipe.clock.now().checked_add(self.settings.timeout).unwrap_or(jiff::Timestamp::MAX);
        let (reply, answer) = oneshot::channel();
        let job = Job {
            request_id: request_id.to_owned(),
            function_arn: self.arn.clone(),
            deadline_ms: deadline.as_millisecond(),
            event: event.clone(),
            reply,
        };
        let outcome = environment.run(job, answer, self.recipe.clock.real(self.settings.timeout)).await;
        match &outcome {
            Outcome::Succeeded(_) | Outcome::Failed { .. } => self.idle().push(environment),
            Outcome::Crashed(_) | Outcome::TimedOut | Outcome::NotStarted(_) => drop(environment),
        }
        outcome
    }

    fn take_idle(&self) -> Option<Environment> {
        let mut idle = self.idle();
        idle.retain_mut(Environment::is_alive);
        idle.pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Environment>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends all idle processes; those at work end with the runtime that drives them.
    pub(super) fn close(&self) {
        self.idle().clear();
    }
}

/// A text that no other invocation in this process has had.
fn unique(function: &str) -> String {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    format!("{function}-{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
}
