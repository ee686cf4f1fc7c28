//! Classes of faults: what can go wrong, each with a name, each counted, and each of them can be left out of a history.

use std::fmt;
use std::str::FromStr;

use crate::coverage::Coverage;

/// One kind of thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each says itself what it is")]
pub enum Class {
    EventLost,
    EventDoubled,
    EventLate,
    EventReordered,
    KilledBefore,
    KilledAfter,
    CallPaused,
    Stalled,
    EffectLate,
    AnswerLost,
    Throttled,
    BucketEmpty,
    Denied,
    InternalError,
    TableError,
    TableUnknown,
    TableConflict,
    ReadStale,
    ItemMissing,
    PageMissing,
    ClockSkew,
    TwoActors,
    ThreeActors,
    InstanceDeath,
    AttachHangs,
    DetachHangs,
    DetachBusy,
    ForeignHand,
    ZoneOutage,
    NoCapacity,
    HookTimeout,
    LaunchFirst,
    WarmPool,
    SpecChange,
    SpecInvalid,
    DiskLoss,
    TableLoss,
    Person,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 38] = [
        Self::EventLost,
        Self::EventDoubled,
        Self::EventLate,
        Self::EventReordered,
        Self::KilledBefore,
        Self::KilledAfter,
        Self::CallPaused,
        Self::Stalled,
        Self::EffectLate,
        Self::AnswerLost,
        Self::Throttled,
        Self::BucketEmpty,
        Self::Denied,
        Self::InternalError,
        Self::TableError,
        Self::TableUnknown,
        Self::TableConflict,
        Self::ReadStale,
        Self::ItemMissing,
        Self::PageMissing,
        Self::ClockSkew,
        Self::TwoActors,
        Self::ThreeActors,
        Self::InstanceDeath,
        Self::AttachHangs,
        Self::DetachHangs,
        Self::DetachBusy,
        Self::ForeignHand,
        Self::ZoneOutage,
        Self::NoCapacity,
        Self::HookTimeout,
        Self::LaunchFirst,
        Self::WarmPool,
        Self::SpecChange,
        Self::SpecInvalid,
        Self::DiskLoss,
        Self::TableLoss,
        Self::Person,
    ];

    /// Its name, and what goes wrong.
    #[must_use]
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::EventLost => ("event-lost", "an event is never delivered"),
            Self::EventDoubled => ("event-doubled", "an event is delivered twice"),
            Self::EventLate => ("event-late", "an event is delivered minutes late"),
            Self::EventReordered => ("event-reordered", "an event overtakes an older one (late ones go with it)"),
            Self::KilledBefore => ("killed-before", "an invocation dies just before a call takes effect"),
            Self::KilledAfter => ("killed-after", "an invocation dies after a call took effect, before its answer"),
            Self::CallPaused => ("call-paused", "a call is held up for seconds, within the lease"),
            Self::Stalled => ("stalled", "an invocation stalls before a call for longer than its lease, and wakes"),
            Self::EffectLate => ("effect-late", "a call fails, and takes effect later"),
            Self::AnswerLost => ("answer-lost", "a call takes effect, and its answer is an error"),
            Self::Throttled => ("throttled", "a call is refused for too many requests, at random"),
            Self::BucketEmpty => ("bucket-empty", "a call is refused by the published request buckets"),
            Self::Denied => ("denied", "a right is missing"),
            Self::InternalError => ("internal-error", "a call fails, and nothing was done"),
            Self::TableError => ("table-error", "DynamoDB throttles, denies or fails, and nothing was done"),
            Self::TableUnknown => ("table-unknown", "a transaction is applied, and DynamoDB's answer is lost"),
            Self::TableConflict => ("table-conflict", "DynamoDB refuses a transaction for another's sake"),
            Self::ReadStale => ("read-stale", "a read shows what was so seconds ago"),
            Self::ItemMissing => ("item-missing", "an answer leaves out something that is there"),
            Self::PageMissing => ("page-missing", "an answer breaks off"),
            Self::ClockSkew => ("clock-skew", "the clocks of actors differ by minutes"),
            Self::TwoActors => ("two-actors", "two settle one group at once, without a lease"),
            Self::ThreeActors => ("three-actors", "three settle one group at once, without a lease"),
            Self::InstanceDeath => ("instance-death", "an instance is terminated, in whatever state"),
            Self::AttachHangs => ("attach-hangs", "an attachment stays attaching for long"),
            Self::DetachHangs => ("detach-hangs", "an attachment stays detaching for long"),
            Self::DetachBusy => ("detach-busy", "a volume that is mounted is detached by hand, and stays busy"),
            Self::ForeignHand => ("foreign-hand", "someone attaches, detaches, retags or deletes, or changes a name"),
            Self::ZoneOutage => ("zone-outage", "a zone is out of reach"),
            Self::NoCapacity => ("no-capacity", "instances are not to be had in a zone, or never boot"),
            Self::HookTimeout => ("hook-timeout", "hooks run out soon, into their default results; others' hooks wait"),
            Self::LaunchFirst => ("launch-first", "rebalancing, refreshes and group replacements launch first"),
            Self::WarmPool => ("warm-pool", "instances come from a warm pool and go back into it"),
            Self::SpecChange => ("spec-change", "the spec is edited"),
            Self::SpecInvalid => ("spec-invalid", "the spec is edited badly"),
            Self::DiskLoss => ("disk-loss", "a volume, snapshot, key or quota is lost, or a change of a volume fails"),
            Self::TableLoss => ("table-loss", "the table is lost, and a person rebuilds it"),
            Self::Person => ("person", "a person gives orders, takes them back, removes volumes, adopts"),
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.words().0
    }

    /// What goes wrong.
    #[must_use]
    pub const fn about(self) -> &'static str {
        self.words().1
    }

    /// How often it struck.
    #[must_use]
    pub fn count(self, coverage: &Coverage) -> u64 {
        let calls = |fault: &str, of_table: bool| -> u64 {
            let is = |cell: &str| {
                cell.split_once(' ')
                    .is_some_and(|(call, kind)| kind == fault && call.starts_with("dynamodb:") == of_table)
            };
            coverage.section("faults").filter(|(cell, _)| is(cell)).map(|(_, count)| count).sum()
        };
        let any = |fault: &str| calls(fault, false) + calls(fault, true);
        let deeds = || -> u64 {
            let all = crate::deed::Deed::ALL.iter().chain(&crate::deed::Deed::MORE);
            let own = all.filter(|(deed, _)| deed.class() == Some(self));
            own.map(|(deed, _)| coverage.reached("deeds", &deed.name())).sum()
        };
        match self {
            Self::EventLost => coverage.reached("events", "event dropped"),
            Self::EventDoubled => coverage.reached("events", "event doubled"),
            Self::EventLate => coverage.reached("events", "event late"),
            Self::EventReordered => coverage.reached("events", "event overtaken"),
            Self::KilledBefore => any("crash before"),
            Self::KilledAfter => any("crash after"),
            Self::CallPaused => any("pause"),
            Self::Stalled => any("stall"),
            Self::EffectLate => any("late effect"),
            Self::AnswerLost => calls("answer lost", false),
            Self::Throttled => calls("throttled", false),
            Self::BucketEmpty => any(stateful_asg_sim::typed::BUCKET_EMPTY),
            Self::Denied => calls("denied", false),
            Self::InternalError => calls("internal", false),
            Self::TableError => ["throttled", "denied", "internal"].map(|kind| calls(kind, true)).iter().sum(),
            Self::TableUnknown => calls("answer lost", true),
            Self::TableConflict => calls("conflict", true),
            Self::ItemMissing => any(stateful_asg_sim::typed::ITEM_MISSING),
            Self::PageMissing => any(stateful_asg_sim::typed::PAGE_MISSING),
            Self::ReadStale => coverage.reached("world", "stale read"),
            Self::ClockSkew => coverage.reached("events", "invocation with a wrong clock"),
            Self::TwoActors => coverage.reached("world", "two actors"),
            Self::ThreeActors => coverage.reached("world", "three actors"),
            Self::AttachHangs => coverage.reached("effects", "attach hung"),
            Self::DetachHangs => coverage.reached("effects", "detach hung"),
            Self::DetachBusy => coverage.reached("effects", "volume busy"),
            Self::HookTimeout => coverage.reached("effects", "hook timed out"),
            Self::WarmPool => {
                coverage.reached("effects", "into the warm pool") + coverage.reached("effects", "out of the warm pool")
            }
            Self::InstanceDeath
            | Self::ForeignHand
            | Self::ZoneOutage
            | Self::NoCapacity
            | Self::LaunchFirst
            | Self::SpecChange
            | Self::SpecInvalid
            | Self::DiskLoss
            | Self::TableLoss
            | Self::Person => deeds(),
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that no class has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoSuchClass(String);

impl fmt::Display for NoSuchClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
        write!(f, "there is no class {}; they are {}", self.0, all.join(", "))
    }
}

impl std::error::Error for NoSuchClass {}

impl FromStr for Class {
    type Err = NoSuchClass;

    fn from_str(text: &str) -> Result<Self, NoSuchClass> {
        Self::ALL.into_iter().find(|class| class.name() == text).ok_or_else(|| NoSuchClass(text.to_owned()))
    }
}
