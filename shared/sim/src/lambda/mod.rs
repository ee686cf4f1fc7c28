//! A local Lambda: EventBridge rules and a schedule start the compiled binary, feed it through the
//! Runtime API, and retry as Lambda does.

mod environment;
mod function;
mod record;
mod rules;
mod runtime_api;
mod schedule;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

pub use function::FunctionSettings;
pub use record::{DeadLetter, Invocation, Journal, Line, OnLine, Outcome};
pub use rules::{Rule, rules_of};
pub use schedule::{Schedule, schedules_of};

use crate::clock::Clock;
use environment::Recipe;
use function::Function;

/// What happens to one event on its way to one function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It arrives.
    Deliver,
    /// It never arrives.
    Drop,
    /// It arrives this much later.
    Delay(SignedDuration),
    /// It arrives twice, the second time this much later.
    Double(SignedDuration),
}

/// Decides, for an event and the name of the function it goes to, what becomes of it.
pub type Tap = Box<dyn FnMut(&Value, &str) -> Delivery + Send>;

/// What the local Lambda is set up with.
pub struct LambdaConfig {
    /// The compiled binary, for all functions: the handler's name tells which it is.
    pub binary: PathBuf,
    /// Variables of the processes' environment beside those that Lambda sets.
    pub variables: BTreeMap<String, String>,
    /// The functions.
    pub functions: Vec<FunctionSettings>,
    /// Which events go where.
    pub rules: Vec<Rule>,
    /// Which functions get scheduled events.
    pub schedules: Vec<Schedule>,
    /// The Region in ARNs and events.
    pub region: String,
    /// The account in ARNs and events.
    pub account: String,
}

/// The running Lambda.
pub struct Lambda {
    functions: BTreeMap<String, Arc<Function>>,
    rules: Vec<Rule>,
    tap: Mutex<Option<Tap>>,
    journal: Journal,
    clock: Clock,
    runtime: Handle,
    schedules: Vec<Schedule>,
    /// From when on schedules count.
    begun: Timestamp,
    at_work: Arc<RwLock<()>>,
    region: String,
    account: String,
}

impl Lambda {
    /// Sets it up; processes start when the first events come. Work runs on `runtime`.
    #[must_use]
    pub fn new(config: LambdaConfig, clock: Clock, runtime: Handle) -> Self {
        let journal = Journal::default();
        let (at_work, begun) = (Arc::default(), clock.now());
        let functions = config.functions.into_iter().map(|settings| {
            let recipe = Recipe {
                function: settings.name.clone(),
                binary: config.binary.clone(),
                variables: variables_of(&settings.name, &config.variables, &config.region),
                memory_mb: settings.memory_mb,
                clock: clock.clone(),
                at_work: Arc::clone(&at_work),
                journal: journal.clone(),
            };
            let arn = format!("arn:aws:lambda:{}:{}:function:{}", config.region, config.account, settings.name);
            (settings.name.clone(), Arc::new(Function::new(settings, arn, recipe)))
        });
        Self {
            functions: functions.collect(),
            rules: config.rules,
            tap: Mutex::default(),
            journal,
            clock,
            runtime,
            schedules: config.schedules,
            begun,
            at_work,
            region: config.region,
            account: config.account,
        }
    }

    /// What was invoked, with what outcome.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// Has `tap` decide what becomes of each event from now on; `None` lets all arrive.
    pub fn tap(&self, tap: Option<Tap>) {
        *self.tap.lock().unwrap_or_else(PoisonError::into_inner) = tap;
    }

    /// Gives an event to every rule, as EventBridge would.
    pub fn put(&self, event: &Value) {
        for rule in self.rules.iter().filter(|rule| rule.matches(event)) {
            self.send(&rule.function, event);
        }
    }

    /// Sends an event to one function, past the rules; what the tap says still applies.
    pub fn send(&self, function: &str, event: &Value) {
        let delivery = match self.tap.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            Some(tap) => tap(event, function),
            None => Delivery::Deliver,
        };
        match delivery {
            Delivery::Drop => {}
            Delivery::Deliver => self.deliver(function, event, SignedDuration::ZERO),
            Delivery::Delay(by) => self.deliver(function, event, by),
            Delivery::Double(by) => {
                self.deliver(function, event, SignedDuration::ZERO);
                self.deliver(function, event, by);
            }
        }
    }

    fn deliver(&self, name: &str, event: &Value, after: SignedDuration) {
        let Some(function) = self.functions.get(name).cloned() else {
            tracing::warn!(function = name, "an event was for a function that does not exist");
            return;
        };
        let (clock, event) = (self.clock.clone(), event.clone());
        self.runtime.spawn(async move {
            clock.sleep(after).await;
            function.handle(event).await;
        });
    }

    /// Waits until no invocation is at work. None begins until the guard is dropped.
    pub(crate) async fn at_rest(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.at_work).write_owned().await
    }

    /// Ends all idle processes.
    pub(crate) fn close(&self) {
        self.functions.values().for_each(|function| function.close());
    }
}

/// Dummy credentials, whose key ID tells the simulated AWS which function calls; then what the caller gave.
fn variables_of(function: &str, given: &BTreeMap<String, String>, region: &str) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<String, String> = [
        ("AWS_ACCESS_KEY_ID", crate::wire::access_key_of(function).as_str()),
        ("AWS_SECRET_ACCESS_KEY", "simulated"),
        ("AWS_REGION", region),
        ("AWS_DEFAULT_REGION", region),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    variables.extend(given.clone());
    variables
}
