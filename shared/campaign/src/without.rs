//! A history without a class of faults: everything else in it stays as it was drawn.

use std::time::Duration;

use stateful_asg_sim::model::RequestBuckets;
use stateful_asg_sim::typed::{ITEM_MISSING, Odds, PAGE_MISSING};

use crate::classes::Class;
use crate::script::Script;

impl Script {
    /// The same history without faults of this class.
    #[must_use]
    pub fn without(mut self, class: Class) -> Self {
        self.acts.retain(|act| act.deed.class() != Some(class));
        let calls = |script: &mut Self, kind: &str| script.odds = script.odds.without(kind);
        let all = |script: &mut Self, kind: &str| {
            script.odds = script.odds.without(kind);
            script.table = script.table.without(kind);
        };
        match class {
            Class::EventLost => {
                self.bus.dropped = 0;
                self.cut = false;
            }
            Class::EventDoubled => self.bus.doubled = 0,
            Class::EventLate => self.bus.late = (0, 0),
            Class::EventReordered => (self.bus.late, self.bus.in_order) = ((0, 0), true),
            Class::KilledBefore => all(&mut self, "crash before"),
            Class::KilledAfter => all(&mut self, "crash after"),
            Class::CallPaused => all(&mut self, "pause"),
            Class::Stalled => all(&mut self, "stall"),
            Class::EffectLate => all(&mut self, "late effect"),
            Class::AnswerLost => calls(&mut self, "answer lost"),
            Class::Throttled => calls(&mut self, "throttled"),
            Class::Denied => calls(&mut self, "denied"),
            Class::InternalError => calls(&mut self, "internal"),
            Class::ItemMissing => calls(&mut self, ITEM_MISSING),
            Class::PageMissing => calls(&mut self, PAGE_MISSING),
            Class::TableError => {
                self.table = self.table.without("throttled").without("denied").without("internal");
            }
            Class::TableUnknown => self.table = self.table.without("answer lost"),
            Class::TableConflict => self.table = self.table.without("conflict"),
            Class::BucketEmpty => self.world.buckets = RequestBuckets::Off,
            Class::ReadStale => self.world.read_lag = Duration::ZERO,
            Class::ClockSkew => self.skew = Duration::ZERO,
            Class::TwoActors => self.with_actors(if self.actors < 3 { 1 } else { 3 }),
            Class::ThreeActors => self.with_actors(self.actors.min(2)),
            Class::AttachHangs => self.attach_hangs = false,
            Class::DetachHangs => self.detach_hangs = false,
            Class::DetachBusy => self.acts.retain(|act| act.deed != crate::deed::Deed::DetachByHand),
            Class::HookTimeout => self.group.heartbeat = 900,
            Class::WarmPool => self.group.warm = None,
            Class::Person => self.adopts = false,
            Class::InstanceDeath
            | Class::ForeignHand
            | Class::ZoneOutage
            | Class::NoCapacity
            | Class::LaunchFirst
            | Class::SpecChange
            | Class::SpecInvalid
            | Class::DiskLoss
            | Class::TableLoss => {}
        }
        self
    }

    /// The history of this seed without faults of these classes.
    #[must_use]
    pub fn draw_without(seed: u64, classes: &[Class]) -> Self {
        classes.iter().copied().fold(Self::draw(seed), Self::without)
    }

    fn with_actors(&mut self, actors: u8) {
        self.actors = actors;
        self.world.leases_off &= actors > 1;
    }

    /// No call goes wrong at random.
    pub(crate) fn calls_go_wrong(&self) -> bool {
        self.odds != Odds::default() || self.table != Odds::default()
    }
}
