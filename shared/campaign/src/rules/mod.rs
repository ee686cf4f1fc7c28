//! The rules, held against the truth after everything that takes effect.

mod cloud;
mod data;
mod deletion;
mod names;
mod orders;
mod rest;
mod table;
mod tally;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::ids::{DeploymentId, GroupName, SlotNumber};
use stateful_asg_core::spec::{Limits, Spec};
use stateful_asg_core::table::Slot;
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::{InstanceState, LifecycleState, ModificationState, Tags};
use stateful_asg_sim::model::{Aws, AwsError, EffectKind, Gone};
use stateful_asg_sim::typed::{MemoryTable, Watch};

/// A rule that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which, by its number in the design.
    pub rule: u8,
    /// When.
    pub at: Timestamp,
    /// How.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule {} broken at {}: {}", self.rule, self.at, self.text)
    }
}

/// A spec may be replaced between a plan and the call that it led to: this long the one before it excuses.
const GRACE: SignedDuration = SignedDuration::from_mins(5);

/// Whoever reads the table after this long reads the answer.
const SETTLED: SignedDuration = SignedDuration::from_secs(30);

/// What the rules remember of the past.
#[derive(Clone)]
pub struct Rules {
    deployment: DeploymentId,
    seen_effects: usize,
    seen_writes: usize,
    violations: Vec<Violation>,
    /// Instances that reached InService.
    in_service: BTreeSet<String>,
    /// Addresses that instances had when they reached InService.
    addresses: BTreeSet<String>,
    /// The address that each instance was launched with: EC2 takes it back when the instance dies.
    launched_with: BTreeMap<String, String>,
    /// The address of the interface that was last attached to each instance.
    attached_with: BTreeMap<String, String>,
    /// Since when instances cannot come back.
    gone_since: BTreeMap<String, Timestamp>,
    /// Since when guests have let go, by instance and claim.
    released_since: BTreeMap<(String, String), Timestamp>,
    /// Who ever held which slot.
    holders: BTreeSet<(GroupName, SlotNumber, String)>,
    /// How old what a settle knows may be when its call takes effect: stale answers, and calls long on their way.
    slack: SignedDuration,
    /// Calls may rest on a table that others have changed since.
    late_calls: bool,
    /// Instances that came through our launch hook.
    hooked: BTreeSet<String>,
    /// How often our hooks began and were answered, by instance and hook.
    hooks: BTreeMap<(String, String), (u32, u32)>,
    /// What we ever wrote under a name, and whether we wrote last.
    records: BTreeMap<(String, String), Written>,
    /// When the last hook of ours began, by instance.
    begun: BTreeMap<String, Timestamp>,
    /// What the deployment allows.
    limits: Limits,
    /// Specs accepted for each group, with their times.
    specs: BTreeMap<GroupName, Vec<(Timestamp, Rc<Spec>)>>,
    /// What is known of the data.
    ledger: data::Ledger,
    /// The last change that a function of ours made.
    last_change: Option<(Timestamp, String)>,
    counts: BTreeMap<&'static str, u64>,
    /// In which states instances died.
    deaths: BTreeMap<&'static str, u64>,
    /// Since when what is attached or detached is on its way.
    transit: BTreeMap<String, Timestamp>,
    /// Instances that were ever on their way into a warm pool.
    warmed: BTreeSet<String>,
    /// By how much clocks are wrong.
    skew: SignedDuration,
    /// When the table was last lost, and what it held then.
    table_lost: Option<(Timestamp, Rc<MemoryTable>)>,
}

#[derive(Clone, Default)]
struct Written {
    values: BTreeSet<Vec<String>>,
    last: bool,
}

/// Hands every effect to the rules.
pub struct Watcher(pub Rc<RefCell<Rules>>);

impl Watch for Watcher {
    fn look(&mut self, aws: &Aws, table: &MemoryTable) {
        self.0.borrow_mut().look(aws, table);
    }

    fn shown_in_use(&mut self, at: Timestamp, volume: &str) {
        self.0.borrow_mut().ledger.saw_in_use(at, volume);
    }

    fn refused(&mut self, at: Timestamp, operation: &str, error: &AwsError, table: &MemoryTable) {
        if operation == "autoscaling:CompleteLifecycleAction" && error.message.contains("No active Lifecycle Action") {
            self.0.borrow_mut().judge_needless_answer(at, &error.message, table);
        }
    }
}

/// Functions' names begin so.
#[must_use]
pub fn is_ours(actor: &str) -> bool {
    actor.starts_with("fn:")
}

impl Rules {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(deployment: &DeploymentId, limits: Limits) -> Self {
        Self {
            deployment: deployment.clone(),
            seen_effects: 0,
            seen_writes: 0,
            violations: Vec::new(),
            in_service: BTreeSet::new(),
            addresses: BTreeSet::new(),
            launched_with: BTreeMap::new(),
            attached_with: BTreeMap::new(),
            gone_since: BTreeMap::new(),
            released_since: BTreeMap::new(),
            holders: BTreeSet::new(),
            slack: SignedDuration::ZERO,
            late_calls: false,
            hooked: BTreeSet::new(),
            hooks: BTreeMap::new(),
            records: BTreeMap::new(),
            begun: BTreeMap::new(),
            limits,
            specs: BTreeMap::new(),
            ledger: data::Ledger::default(),
            last_change: None,
            counts: BTreeMap::new(),
            deaths: BTreeMap::new(),
            transit: BTreeMap::new(),
            warmed: BTreeSet::new(),
            skew: SignedDuration::ZERO,
            table_lost: None,
        }
    }

    /// Allows for answers and plans as old as this, and, with `late_calls`, for calls that rest on a table which others
    /// have changed since.
    pub fn allow(&mut self, slack: SignedDuration, late_calls: bool) {
        self.slack = slack;
        self.late_calls = late_calls;
    }

    /// Allows for clocks that are wrong by as much as this.
    pub fn allow_skew(&mut self, skew: std::time::Duration) {
        self.skew = SignedDuration::try_from(skew).unwrap_or_default();
    }

    /// The table is lost now: what only it knew is known no more.
    pub fn table_lost(&mut self, at: Timestamp, table: &MemoryTable) {
        self.table_lost = Some((at, Rc::new(table.clone())));
        // What the next holders were to be told was in the table alone.
        self.ledger.forget_untold();
    }

    /// Whether the table was ever lost.
    #[must_use]
    pub fn lost_table(&self) -> bool {
        self.table_lost.is_some()
    }

    /// What a call that takes effect now may rest on a table that was lost since.
    fn rests_on_lost_table(&self, at: Timestamp) -> bool {
        self.table_lost.as_ref().is_some_and(|(lost, _)| at.duration_since(*lost) < self.slack + SETTLED)
    }

    /// The table that the answer for this instance rests on: one that was lost just before, where it gave the instance a
    /// slot, and the slot and the instance are not on record again.
    fn rested_on<'a>(
        &'a self,
        at: Timestamp,
        group: &GroupName,
        instance: &str,
        table: &'a MemoryTable,
    ) -> &'a MemoryTable {
        let holds = |slot: &Slot| slot.holder.as_ref().is_some_and(|holder| holder.instance.as_str() == instance);
        let unknown = |number| !table.slots(group).any(|slot| slot.number == number || holds(slot));
        let lost = self.table_lost.as_ref().filter(|_| self.rests_on_lost_table(at)).map(|(_, lost)| &**lost);
        lost.filter(|lost| lost.slots(group).any(|slot| holds(slot) && unknown(slot.number))).unwrap_or(table)
    }

    /// What the deployment allows.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// In which states of their membership instances died, and how many.
    #[must_use]
    pub fn deaths(&self) -> &BTreeMap<&'static str, u64> {
        &self.deaths
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// What was broken, oldest first.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether anything was broken.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        !self.violations.is_empty()
    }

    /// Effects by kind, for coverage.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// Whether the instance came through our launch hook.
    #[must_use]
    pub fn came_through_hook(&self, instance: &str) -> bool {
        self.hooked.contains(instance)
    }

    /// Breaks a rule that is judged elsewhere.
    pub fn accuse(&mut self, rule: u8, at: Timestamp, text: impl Into<String>) {
        self.violations.push(Violation { rule, at, text: text.into() });
    }

    /// Rule 8: an answer on record is not repeated, however long another owner's hook holds the instance.
    fn judge_needless_answer(&mut self, at: Timestamp, message: &str, table: &MemoryTable) {
        let Some(instance) = message.split_whitespace().find(|word| word.starts_with("i-")) else { return };
        // Its last action's: that of its launch may have been noted long after it began to leave.
        let last = table.actions_of(instance).max_by_key(|action| action.since);
        let given = last.and_then(|action| action.done.as_ref()).map(|done| done.at);
        let begun = self.begun.get(instance).copied();
        let given = given.filter(|given| begun.is_none_or(|begun| begun < *given));
        // The answer's time is by the clock of whoever gave it.
        let known_for = self.slack + SETTLED + self.skew;
        if given.is_some_and(|given| !self.late_calls && at.duration_since(given) > known_for) {
            self.accuse(8, at, format!("an answer given at {given:?} was repeated: {message}"));
        }
    }

    /// Holds what took effect since the last look against the rules.
    pub(crate) fn look(&mut self, aws: &Aws, table: &MemoryTable) {
        for write in &table.log()[self.seen_writes..] {
            self.judge_write(write, aws, table);
        }
        self.seen_writes = table.log().len();
        for effect in &aws.effects()[self.seen_effects..] {
            *self.counts.entry(kind_name(&effect.what)).or_default() += 1;
            self.judge_effect(effect, aws, table);
        }
        self.seen_effects = aws.effects().len();
    }

    /// The spec that the table holds for this group.
    #[must_use]
    pub fn accepted_spec(&self, group: &GroupName) -> Option<&Rc<Spec>> {
        self.specs.get(group)?.last().map(|(_, spec)| spec)
    }

    /// The specs that may have been in force when a call was decided that takes effect now.
    fn specs_lately(&self, group: &GroupName, now: Timestamp) -> Vec<Rc<Spec>> {
        let all = self.specs.get(group).map_or(&[][..], Vec::as_slice);
        let last_old = all.iter().rposition(|(since, _)| now.duration_since(*since) > GRACE).unwrap_or(0);
        all[last_old..].iter().map(|(_, spec)| Rc::clone(spec)).collect()
    }
}

/// The instance cannot come back.
fn is_gone(aws: &Aws, instance: &str) -> bool {
    aws.instance(instance).is_none_or(|i| matches!(i.state, InstanceState::ShuttingDown | InstanceState::Terminated))
}

/// The guest said that it let go of what this claim gave it, and its group is ending it, or has it back in its warm pool.
fn has_released(aws: &Aws, instance: &str, claim: u64) -> bool {
    let said = aws.instance(instance).is_some_and(|i| i.tags.get(tags::RELEASED) == Some(&claim.to_string()));
    said && aws.member(instance).is_none_or(|m| {
        let ends = matches!(
            m.state,
            LifecycleState::Terminating | LifecycleState::TerminatingWait | LifecycleState::TerminatingProceed
        );
        ends || m.state.is_warmed()
    })
}

/// The guest let go of this claim.
fn has_let_go(aws: &Aws, instance: &str, claim: u64) -> bool {
    has_released(aws, instance, claim)
}

fn belongs(tags: &Tags, deployment: &DeploymentId) -> bool {
    tags.get(tags::DEPLOYMENT).is_some_and(|value| value == deployment.as_str())
}

/// Where a volume's tags say that it belongs: group, slot and name.
fn place(tags: &Tags) -> Option<(&str, &str, &str)> {
    let tag = |key| tags.get(key).map(String::as_str);
    Some((tag(tags::GROUP)?, tag(tags::SLOT)?, tag(tags::VOLUME)?))
}

fn kind_name(what: &EffectKind) -> &'static str {
    match what {
        EffectKind::InstanceLaunched { .. } => "instance launched",
        EffectKind::InstanceState { .. } => "instance state",
        EffectKind::VolumeCreated { .. } => "volume created",
        EffectKind::VolumeReady { failed: true, .. } => "volume failed",
        EffectKind::VolumeReady { .. } => "volume ready",
        EffectKind::VolumeAttaching { .. } => "volume attaching",
        EffectKind::VolumeAttached { .. } => "volume attached",
        EffectKind::VolumeDetaching { .. } => "volume detaching",
        EffectKind::VolumeAvailable { .. } => "volume available",
        EffectKind::VolumeDeleting { .. } => "volume deleting",
        EffectKind::VolumeModifying { .. } => "volume modifying",
        EffectKind::VolumeModification { state: ModificationState::Failed, .. } => "volume change failed",
        EffectKind::VolumeModification { .. } => "volume change",
        EffectKind::SnapshotCreated { .. } => "snapshot created",
        EffectKind::SnapshotReady { failed: true, .. } => "snapshot failed",
        EffectKind::SnapshotReady { .. } => "snapshot ready",
        EffectKind::SnapshotGone { why: Gone::Lost, .. } => "snapshot lost",
        EffectKind::SnapshotGone { .. } => "snapshot gone",
        EffectKind::ZoneReachable { reachable: true, .. } => "zone back",
        EffectKind::ZoneReachable { .. } => "zone out of reach",
        EffectKind::VolumeGone { why: Gone::Lost, .. } => "volume lost",
        EffectKind::VolumeGone { .. } => "volume gone",
        EffectKind::VolumeDeleteOnTermination { .. } => "volume keep",
        EffectKind::InterfaceCreated { .. } => "interface created",
        EffectKind::InterfaceAttaching { .. } => "interface attaching",
        EffectKind::InterfaceAttached { .. } => "interface attached",
        EffectKind::InterfaceDetaching { .. } => "interface detaching",
        EffectKind::InterfaceAvailable { .. } => "interface available",
        EffectKind::InterfaceGone { .. } => "interface gone",
        EffectKind::InterfaceDeleteOnTermination { .. } => "interface keep",
        EffectKind::Tagged { .. } => "tagged",
        EffectKind::Untagged { .. } => "untagged",
        EffectKind::Lifecycle { .. } => "lifecycle",
        EffectKind::Health { .. } => "health",
        EffectKind::HookStarted { .. } => "hook started",
        EffectKind::HookCompleted { timeout: true, .. } => "hook timed out",
        EffectKind::HookCompleted { .. } => "hook completed",
        EffectKind::HookHeartbeat { .. } => "hook heartbeat",
        EffectKind::GroupCreated { .. } => "group created",
        EffectKind::GroupChanged { .. } => "group changed",
        EffectKind::GroupGone { .. } => "group gone",
        EffectKind::Record { .. } => "record changed",
        EffectKind::HostedZoneCreated { .. } => "hosted zone created",
        EffectKind::EventPut { .. } => "event put",
    }
}
