//! The functions as EventBridge's rules and Lambda run them: the product's own handlers.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;

use jiff::Timestamp;
use serde_json::{Value, json};
use stateful_asg_core::ids::{DeploymentId, GroupName};
use stateful_asg_core::spec::Limits;
use stateful_asg_core::waiting::Waiting;
use stateful_asg_runtime::config::{self, Config};
use stateful_asg_runtime::handlers::{self, Context, HandlerError, Known, Outcome};
use stateful_asg_sim::typed::SimWorld;

/// One of the functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Auto Scaling events and our own.
    Lifecycle,
    /// EC2 events.
    Instance,
    /// The schedule.
    Sweep,
    /// The other schedule: snapshots.
    Snapshot,
}

impl Function {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lifecycle => "lifecycle",
            Self::Instance => "instance",
            Self::Sweep => "sweep",
            Self::Snapshot => "snapshot",
        }
    }
}

/// What an invocation comes to.
pub type Handled<'a> = Pin<Box<dyn Future<Output = Result<Outcome, HandlerError>> + 'a>>;

/// Which face of the world the functions see.
pub trait Face {
    /// One invocation: the product's handlers, on this face.
    fn handle<'a>(&'a self, world: &'a SimWorld, context: &'a Context<'a>, event: &'a Value) -> Handled<'a>;
}

/// The ports, played by the simulated AWS itself.
#[derive(Debug, Clone, Copy)]
pub struct Typed;

impl Face for Typed {
    fn handle<'a>(&'a self, world: &'a SimWorld, context: &'a Context<'a>, event: &'a Value) -> Handled<'a> {
        Box::pin(handlers::handle(world, context, event))
    }
}

/// The functions, and what came of their invocations.
pub struct Functions {
    configs: [Config; 4],
    known: Known,
    seen: RefCell<Seen>,
    face: Rc<dyn Face>,
}

/// What came of the functions' invocations.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// What the last whole settle of each group left waiting.
    pub waiting: BTreeMap<GroupName, Vec<Waiting>>,
    /// The waits of each group that call a person, and when each was last left.
    pub alarmed: BTreeMap<GroupName, BTreeMap<&'static str, Timestamp>>,
    /// How often each kind of wait was left at a settle's end.
    pub waits: BTreeMap<&'static str, u64>,
    /// Steps taken, by kind.
    pub steps: BTreeMap<String, u64>,
    /// Failed calls, by what they meant.
    pub failures: BTreeMap<String, u64>,
    /// Steps that the product's own second opinion refused: each is a bug of the planner.
    pub refused: Vec<String>,
    /// Answers, by word.
    pub outcomes: BTreeMap<&'static str, u64>,
}

impl Functions {
    /// The functions of a deployment that allows this much.
    ///
    /// # Panics
    /// Where the settings are refused: they are constant.
    #[must_use]
    pub fn new(deployment: &DeploymentId, limits: Limits, face: Rc<dyn Face>) -> Self {
        let config = |handler: &str| {
            let vars = |name: &str| match name {
                "_HANDLER" => Some(handler.to_owned()),
                config::DEPLOYMENT => Some(deployment.to_string()),
                config::TABLE => Some("table".to_owned()),
                _ => None,
            };
            Config { limits: limits.clone(), ..Config::from_vars(vars).expect("these settings are complete") }
        };
        let configs = ["lifecycle", "instance", "sweep", "snapshot"].map(config);
        Self { configs, known: Known::default(), seen: RefCell::default(), face }
    }

    /// What came of the invocations so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.seen.borrow().clone()
    }

    /// One invocation. The error is one that Lambda tries again.
    pub(crate) async fn run(
        &self,
        function: Function,
        world: &SimWorld,
        event: &Value,
        deadline: Timestamp,
    ) -> Result<String, String> {
        let config = match function {
            Function::Lifecycle => &self.configs[0],
            Function::Instance => &self.configs[1],
            Function::Sweep => &self.configs[2],
            Function::Snapshot => &self.configs[3],
        };
        let context = Context { config, request_id: world.name(), deadline, known: &self.known };
        match self.face.handle(world, &context, event).await {
            Ok(outcome) => Ok(self.note(&outcome, world.region().now())),
            Err(error) => Err(chain(&error)),
        }
    }

    fn note(&self, outcome: &Outcome, now: Timestamp) -> String {
        let seen = &mut *self.seen.borrow_mut();
        *seen.outcomes.entry(outcome.word()).or_default() += 1;
        if let Outcome::Settled { group, settled } = outcome {
            for (kind, count) in &settled.steps {
                *seen.steps.entry((*kind).to_owned()).or_default() += *count;
            }
            for (kind, count) in &settled.failures {
                *seen.failures.entry(format!("{kind:?}")).or_default() += *count;
            }
            seen.refused.extend(settled.refused.iter().cloned());
            for wait in &settled.waiting {
                *seen.waits.entry(wait.reason.kind()).or_default() += 1;
            }
            for wait in settled.waiting.iter().filter(|wait| wait.reason.alarms()) {
                seen.alarmed.entry(group.clone()).or_default().insert(wait.reason.kind(), now);
            }
            if settled.led {
                seen.waiting.insert(group.clone(), settled.waiting.clone());
            }
            let waits: Vec<String> =
                settled.waiting.iter().map(|wait| format!("{}: {}", wait.subject, wait.reason.kind())).collect();
            return format!(
                "{} after {} passes, waiting [{}] {}",
                outcome.word(),
                settled.passes,
                waits.join(", "),
                settled.refused.join("; ")
            );
        }
        outcome.word().to_owned()
    }
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Which function the deployment's EventBridge rules send an event to.
#[must_use]
pub fn target(event: &Value) -> Option<Function> {
    let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default();
    match (text("source"), text("detail-type")) {
        ("aws.autoscaling", "EC2 Instance-launch Lifecycle Action" | "EC2 Instance-terminate Lifecycle Action") => {
            let hook = event["detail"]["LifecycleHookName"].as_str().unwrap_or_default();
            hook.starts_with("stateful-asg-").then_some(Function::Lifecycle)
        }
        ("aws.autoscaling", _) | ("stateful-asg", "Settle") => Some(Function::Lifecycle),
        (
            "aws.ec2",
            "EC2 Instance State-change Notification"
            | "EC2 Spot Instance Interruption Warning"
            | "EC2 Instance Rebalance Recommendation",
        ) => Some(Function::Instance),
        ("aws.events", "Scheduled Event") => Some(Function::Sweep),
        _ => None,
    }
}

/// The schedule's event.
#[must_use]
pub fn scheduled_event(now: Timestamp) -> Value {
    json!({"version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "123456789012", "time": now.to_string(), "region": "eu-central-1", "resources": [], "detail": {}})
}

/// What an event is about, for people.
#[must_use]
pub fn summary(event: &Value) -> String {
    let detail = &event["detail"];
    let about =
        ["EC2InstanceId", "instance-id", "group"].iter().find_map(|key| detail[*key].as_str()).unwrap_or_default();
    let more = ["state", "LifecycleHookName"].iter().find_map(|key| detail[*key].as_str()).unwrap_or_default();
    format!("{} {about} {more}", event["detail-type"].as_str().unwrap_or_default())
}
