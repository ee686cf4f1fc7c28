//! The world as one actor sees it: how a call goes out, takes effect, comes back, and goes wrong.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::plan::Plan;
use stateful_asg_core::step::{Step, Why};
use stateful_asg_core::table::TableWrite;
use stateful_asg_runtime::codes::kind_of;
use stateful_asg_runtime::ports::{CallError, Called};
use tokio::sync::Notify;

use super::{BUCKET_EMPTY, Fault, MemoryTable, Region, Sort, State, asked};
use crate::model::{Aws, AwsError};

/// Whether an actor has died of a crash.
#[derive(Default)]
struct Death {
    dead: Cell<bool>,
    bell: Notify,
}

/// The writes of an actor's last plan, and why it makes them.
type Whys = Rc<RefCell<Vec<(TableWrite, BTreeSet<Why>)>>>;

/// A call as a story names it: the operation, and what it is about where lines are kept and it changes something.
struct Going {
    operation: &'static str,
    sort: Sort,
    about: Option<String>,
}

impl fmt::Display for Going {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation)?;
        self.about.as_ref().map_or(Ok(()), |about| write!(f, " {about}"))
    }
}

/// The world as one actor sees it.
#[derive(Clone)]
pub struct SimWorld {
    region: Rc<Region>,
    actor: Rc<str>,
    /// By how much its own clock is ahead of AWS's.
    pub(super) skew: SignedDuration,
    death: Rc<Death>,
    instant: bool,
    /// Kept for the story alone.
    whys: Whys,
}

impl SimWorld {
    pub(super) fn new(region: &Rc<Region>, name: &str, skew: SignedDuration) -> Self {
        let (region, death) = (Rc::clone(region), Rc::new(Death::default()));
        Self { region, actor: Rc::from(name), skew, death, instant: false, whys: Whys::default() }
    }

    /// The world that it is part of.
    #[must_use]
    pub fn region(&self) -> &Rc<Region> {
        &self.region
    }

    /// The same actor where calls take no time, never go wrong and are not counted: to look at what one does.
    #[must_use]
    pub fn instant(&self) -> Self {
        Self { instant: true, ..self.clone() }
    }

    /// The actor's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.actor
    }

    /// Runs what the actor does until it is done, or until a fault kills the actor: then nothing.
    pub async fn live<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.death.bell.notified() => None,
            done = what => Some(done),
        }
    }

    async fn die(&self) -> ! {
        self.region.note(&self.actor, || "dies".to_owned());
        self.death.dead.set(true);
        self.death.bell.notify_one();
        std::future::pending().await
    }

    /// An answer that lists many, without what it happens to leave out.
    pub(super) fn thinned<T>(&self, operation: &'static str, answer: Called<Vec<T>>) -> Called<Vec<T>> {
        answer.map(|mut all| {
            self.region.faults(|faults| faults.thin(operation, &mut all));
            all
        })
    }

    /// Tells in the story what an answer showed. It goes on as it is.
    pub(super) fn saw<T>(&self, answer: Called<T>, words: impl FnOnce(&T) -> String) -> Called<T> {
        if let (Ok(seen), false) = (&answer, self.instant) {
            self.region.note(&self.actor, || format!("sees {}", words(seen)));
        }
        answer
    }

    /// Tells in the story what the actor is about to do, and what it waits for.
    pub(super) fn plans(&self, plan: &Plan) {
        if !self.region.keeps_trace() {
            return;
        }
        self.region.note(&self.actor, || format!("plans {}", asked::plan(plan)));
        let writes = plan.steps.iter().filter_map(|step| {
            let Step::Write { write, why } = step else { return None };
            Some((write.clone(), why.clone()))
        });
        *self.whys.borrow_mut() = writes.collect();
    }

    /// What a write changes, and why where the last plan told.
    pub(super) fn about(&self, write: &TableWrite) -> String {
        let whys = self.whys.borrow();
        asked::write(write, whys.iter().find(|(planned, _)| planned == write).map(|(_, why)| why))
    }

    /// One call that looks: the way there, the answer, the way back, and what goes wrong.
    pub(super) async fn read<T: 'static>(
        &self,
        operation: &'static str,
        answer: impl FnOnce(&mut Aws, &mut MemoryTable) -> Result<T, AwsError> + 'static,
    ) -> Called<T> {
        let going = Going { operation, sort: Sort::Read, about: None };
        self.call(going, |aws, table, _| answer(aws, table)).await
    }

    /// One call that changes something; `about` says of what, for the story.
    pub(super) async fn change<T: 'static>(
        &self,
        operation: &'static str,
        about: impl FnOnce() -> String,
        effect: impl FnOnce(&mut Aws, &mut MemoryTable, &Stamp) -> Result<T, AwsError> + 'static,
    ) -> Called<T> {
        let about = (self.region.keeps_trace() && !self.instant).then(about);
        self.call(Going { operation, sort: Sort::Change, about }, effect).await
    }

    async fn call<T: 'static>(
        &self,
        going: Going,
        effect: impl FnOnce(&mut Aws, &mut MemoryTable, &Stamp) -> Result<T, AwsError> + 'static,
    ) -> Called<T> {
        let operation = going.operation;
        let error = move |error: AwsError| CallError {
            operation,
            kind: kind_of(&error.code, &error.message),
            code: error.code,
            message: error.message,
        };
        self.go(going, move |world| world.take_effect(effect).map_err(error)).await
    }

    /// One call that reaches AWS in a way of its own: `carry` is what happens at the moment at which it takes effect. Time,
    /// faults, counts and the rules' look are those of every call.
    pub async fn call_by<T: 'static>(
        &self,
        operation: &'static str,
        sort: Sort,
        carry: impl FnOnce(&Self) -> Called<T> + 'static,
    ) -> Called<T> {
        self.go(Going { operation, sort, about: None }, carry).await
    }

    async fn go<T: 'static>(&self, going: Going, carry: impl FnOnce(&Self) -> Called<T> + 'static) -> Called<T> {
        let Going { operation, sort, .. } = going;
        if self.instant {
            return carry(self);
        }
        let (there, back) = self.region.faults(|faults| (faults.latency(), faults.latency()));
        let fault = self.region.faults(|faults| faults.strike(operation, sort));
        if let Some(fault) = fault {
            self.region.note(&self.actor, || format!("{going}: {fault:?}"));
        }
        let failed = |code: &str| {
            let AwsError { code, message, .. } = AwsError::injected(code);
            Err(CallError { operation, kind: kind_of(&code, &message), code, message })
        };
        on_the_way(there).await;
        let answer = match fault {
            None => self.apply(&going, carry),
            Some(Fault::Throttled) => failed(throttling_code(operation)),
            Some(Fault::Denied) => failed(denial_code(operation)),
            Some(Fault::Internal) => failed("InternalError"),
            Some(Fault::AnswerLost) => {
                let _ = self.apply(&going, carry);
                failed("RequestTimeout")
            }
            Some(Fault::Late(after)) => {
                let late = self.clone();
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(after).await;
                    late.region.note(&late.actor, || format!("{going}: lands late"));
                    let _ = late.apply(&going, carry);
                });
                failed("RequestTimeout")
            }
            Some(Fault::Conflict) => failed("TransactionConflictException"),
            Some(Fault::Pause(long) | Fault::Stall(long)) => {
                tokio::time::sleep(long).await;
                self.apply(&going, carry)
            }
            Some(Fault::CrashBefore) => self.die().await,
            Some(Fault::CrashAfter) => {
                let _ = self.apply(&going, carry);
                self.die().await
            }
        };
        on_the_way(back).await;
        answer
    }

    /// What a call does to AWS and to the table, at the present moment, under the actor's name.
    fn take_effect<T>(
        &self,
        effect: impl FnOnce(&mut Aws, &mut MemoryTable, &Stamp) -> Result<T, AwsError>,
    ) -> Result<T, AwsError> {
        let stamp = Stamp { now: self.region.now(), actor: Rc::clone(&self.actor) };
        let State { aws, table, .. } = &mut *self.region.state.borrow_mut();
        aws.advance_to(stamp.now);
        let answer = effect(aws.as_actor(&self.actor), table, &stamp);
        aws.as_actor("");
        answer
    }

    fn apply<T>(&self, going: &Going, carry: impl FnOnce(&Self) -> Called<T>) -> Called<T> {
        let Going { operation, sort, .. } = *going;
        let answer = carry(self);
        if answer.is_ok() {
            self.region.count(&self.actor, operation, sort);
        }
        match &answer {
            Err(error) => {
                let error = AwsError::new(&error.code, error.message.clone());
                self.region.note(&self.actor, || format!("{going} -> {error}"));
                let now = self.region.now();
                let State { table, watch, faults, .. } = &mut *self.region.state.borrow_mut();
                if error.code == throttling_code(operation) {
                    faults.note(operation, BUCKET_EMPTY, 1);
                }
                if let Some(watch) = watch {
                    watch.refused(now, operation, &error, table);
                }
            }
            Ok(_) if sort == Sort::Change => self.region.note(&self.actor, || going.to_string()),
            Ok(_) => {}
        }
        self.region.look();
        answer
    }
}

/// Tokio's clock counts whole milliseconds, and a way that takes no time must take none.
async fn on_the_way(long: Duration) {
    if !long.is_zero() {
        tokio::time::sleep(long).await;
    }
}

/// When and by whom a call takes effect.
pub(super) struct Stamp {
    pub(super) now: Timestamp,
    pub(super) actor: Rc<str>,
}

fn throttling_code(operation: &str) -> &'static str {
    match operation.split(':').next() {
        Some("ec2") => "RequestLimitExceeded",
        Some("dynamodb") => "ProvisionedThroughputExceededException",
        Some("events") => "ThrottlingException",
        _ => "Throttling",
    }
}

fn denial_code(operation: &str) -> &'static str {
    match operation.split(':').next() {
        Some("ec2") => "UnauthorizedOperation",
        Some("dynamodb" | "events") => "AccessDeniedException",
        _ => "AccessDenied",
    }
}
