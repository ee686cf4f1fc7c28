//! A history written out before it runs: what the world is like, and who does what when. Drawn from a seed; each of its
//! parts can be left out without changing the others, so that one that breaks a rule can be made short.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use stateful_asg_core::spec::Limits;
use stateful_asg_sim::model::types::{WarmPool, WarmPoolState};
use stateful_asg_sim::model::{GuestMode, RequestBuckets, Span, Timings};
use stateful_asg_sim::typed::Odds;

use crate::bus::BusOdds;
use crate::classes::Class;
use crate::deed::Deed;
use crate::group::NewGroup;
use crate::lab::World;
use crate::wish::{Start, Wish};

/// What is drawn beside is drawn from another seed.
const MORE: u64 = 0x005e_ed0f_e77a;

/// A history, written out.
#[derive(Debug, Clone)]
pub struct Script {
    /// What it was drawn from, and what everything random in it is drawn from.
    pub seed: u64,
    /// What it is like, in words.
    pub kind: String,
    /// The world.
    pub world: World,
    /// The group that is created at the beginning.
    pub group: NewGroup,
    /// Its spec.
    pub wish: Wish,
    /// The largest desired capacity.
    pub most: u32,
    /// How often calls of AWS's services go wrong.
    pub odds: Odds,
    /// How often calls of the table go wrong.
    pub table: Odds,
    /// How badly events are delivered.
    pub bus: BusOdds,
    /// How many invocations each event begins at once.
    pub actors: u8,
    /// By how much the clocks of invocations are wrong.
    pub skew: Duration,
    /// Attaching takes up to minutes.
    pub attach_hangs: bool,
    /// Detaching takes up to minutes.
    pub detach_hangs: bool,
    /// The group is in service before it is given to us.
    pub adopts: bool,
    /// What is done to the group, in turn.
    pub acts: Vec<Act>,
    /// How long after the last of them faults and people rest.
    pub rest: Duration,
    /// From then on no event of AWS's arrives.
    pub cut: bool,
}

/// Something that is done to the group.
#[derive(Debug, Clone, Copy)]
pub struct Act {
    /// How long after the one before.
    pub after: Duration,
    /// What.
    pub deed: Deed,
    /// To whom or what is drawn from this.
    pub seed: u64,
}

impl Script {
    /// The history of this seed.
    #[must_use]
    pub fn draw(seed: u64) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let (faults, odds) = odds(rng);
        let (events, bus) = bus(rng);
        let most = most(rng);
        let (world, mounted) = world(seed, rng);
        let wish = Wish::draw(rng, mounted);
        let any_zone = rng.random_bool(0.6);
        let leases = if world.leases_off { "leases off" } else { "leases on" };
        let group = NewGroup { any_zone, ..NewGroup::cass(&wish.text(), rng.random_range(2..=most)) };
        let longest = [30, 120, 300][rng.random_range(0..3)] * 1000;
        let gap = |rng: &mut ChaCha8Rng| Duration::from_millis(rng.random_range(0..longest));
        let acts = (0..rng.random_range(4..=9))
            .map(|_| Act { after: gap(rng), deed: Deed::draw(rng), seed: rng.random_range(0..u64::MAX) })
            .collect();
        let mut script = Self {
            seed,
            kind: format!("{faults} faults, {events} events, {leases}"),
            world,
            group,
            wish,
            most,
            odds,
            table: odds,
            bus,
            actors: 1,
            skew: Duration::ZERO,
            attach_hangs: false,
            detach_hangs: false,
            adopts: false,
            acts,
            rest: gap(rng),
            cut: rng.random_bool(0.3),
        };
        script.draw_more(&mut ChaCha8Rng::seed_from_u64(seed ^ MORE));
        script.leave_out_what_cannot_hold();
        script
    }

    /// What no actor can be safe from, or is not yet: docs/safety.md tells of both. A call that takes effect minutes late
    /// may reach the next passage of a warm instance through the same hook, and a table that was made anew meanwhile.
    fn leave_out_what_cannot_hold(&mut self) {
        let late = |odds: &Odds| odds.late + odds.pause + odds.stall > 0;
        if late(&self.odds) || late(&self.table) || self.world.leases_off {
            self.group.warm = None;
            self.acts.retain(|act| act.deed != Deed::LoseTable);
        }
    }

    /// What happens in a part of the histories alone. It is drawn apart, so that what was drawn before stays the same.
    fn draw_more(&mut self, rng: &mut ChaCha8Rng) {
        if self.world.leases_off {
            self.actors = [1, 2, 2, 3][rng.random_range(0..4)];
        }
        if self.calls_go_wrong() {
            self.table.conflict = self.odds.internal;
        }
        // They take longer than the others, and twenty thousand are to run within minutes.
        if rng.random_bool(0.9) {
            return;
        }
        let missing = |rng: &mut ChaCha8Rng| if rng.random_bool(0.25) { rng.random_range(5..=30) } else { 0 };
        self.odds.item_missing = missing(rng);
        self.odds.page_missing = missing(rng);
        if rng.random_bool(0.2) {
            self.table = Odds { throttled: 30, internal: 30, answer_lost: 60, late: 30, conflict: 60, ..self.table };
        }
        self.skew = Duration::from_secs(if rng.random_bool(0.2) { rng.random_range(60..=240) } else { 0 });
        // Route 53 grants five requests a second. The SDK tries again what that refuses; the typed face does not.
        if rng.random_bool(0.3) && (self.most <= 2 || !self.wish.names_anything()) {
            self.world.buckets = [RequestBuckets::PerOperation, RequestBuckets::SharedMutating][rng.random_range(0..2)];
        }
        self.attach_hangs = rng.random_bool(0.12);
        self.detach_hangs = rng.random_bool(0.12);
        if rng.random_bool(0.25) {
            self.group.heartbeat = [180, 300][rng.random_range(0..2)];
        }
        self.group.warm = rng.random_bool(0.25).then(|| warm_pool(self.most, rng));
        let start =
            [Start::Template, Start::Snapshot, Start::Blank, Start::Blank, Start::Blank][rng.random_range(0..5)];
        self.wish = self.wish.clone().starting(start);
        self.group.spec = self.wish.text();
        self.adopts = rng.random_bool(0.06);
        self.group.hooks = !self.adopts;
        if rng.random_bool(0.6) {
            for _ in 0..rng.random_range(1..=3) {
                let after = Duration::from_millis(rng.random_range(0..300_000));
                let act = Act { after, deed: Deed::draw_of(&Deed::MORE, rng), seed: rng.random_range(0..u64::MAX) };
                self.acts.insert(rng.random_range(0..=self.acts.len()), act);
            }
        }
    }

    /// Less of what happens in a part of the histories alone.
    fn simpler_worlds(&self, with: &mut impl FnMut(&dyn Fn(&mut Self))) {
        let classes = [
            (Class::ThreeActors, self.actors > 2),
            (Class::AttachHangs, self.attach_hangs),
            (Class::DetachHangs, self.detach_hangs),
            (Class::WarmPool, self.group.warm.is_some()),
            (Class::BucketEmpty, self.world.buckets != RequestBuckets::Off),
        ];
        for (class, _) in classes.into_iter().filter(|(_, present)| *present) {
            with(&|next| *next = next.clone().without(class));
        }
        if self.skew > Duration::ZERO {
            with(&|next| next.skew = Duration::ZERO);
        }
        if self.group.heartbeat < 900 {
            with(&|next| next.group.heartbeat = 900);
        }
        if self.wish.start() != Start::Blank {
            with(&|next| {
                next.wish = next.wish.clone().starting(Start::Blank);
                next.group.spec = next.wish.text();
            });
        }
    }

    /// The same history with less in it, one thing less in each: what takes most away first.
    #[must_use]
    pub fn simpler(&self) -> Vec<Self> {
        let mut all = Vec::new();
        let mut with = |change: &dyn Fn(&mut Self)| {
            let mut next = self.clone();
            change(&mut next);
            all.push(next);
        };
        let half = self.acts.len() / 2;
        if half > 0 {
            with(&|next| next.acts.truncate(half));
            with(&|next| _ = next.acts.drain(..half));
        }
        if self.calls_go_wrong() {
            with(&|next| (next.odds, next.table) = (Odds::default(), Odds::default()));
        }
        if self.bus != BusOdds::default() {
            with(&|next| next.bus = BusOdds::default());
        }
        if self.world.read_lag > Duration::ZERO {
            with(&|next| next.world.read_lag = Duration::ZERO);
        }
        if self.world.leases_off {
            with(&|next| next.world.leases_off = false);
        }
        if !self.world.hidden_devices.is_empty() {
            with(&|next| next.world.hidden_devices.clear());
        }
        if self.cut {
            with(&|next| next.cut = false);
        }
        self.simpler_worlds(&mut with);
        for index in 0..self.acts.len() {
            with(&|next| _ = next.acts.remove(index));
        }
        if self.group.desired > 1 {
            with(&|next| next.group.desired -= 1);
        }
        for kind in Odds::KINDS {
            if self.odds.without(kind) != self.odds || self.table.without(kind) != self.table {
                with(&|next| (next.odds, next.table) = (next.odds.without(kind), next.table.without(kind)));
            }
        }
        all
    }
}

/// How many there are at the most: what a large group shows a small one shows too, for a tenth of the time.
fn most(rng: &mut ChaCha8Rng) -> u32 {
    match rng.random_range(0..1000) {
        0..=2 => rng.random_range(11..=50),
        3..=22 => rng.random_range(5..=10),
        _ => rng.random_range(2..=4),
    }
}

fn warm_pool(most: u32, rng: &mut ChaCha8Rng) -> WarmPool {
    WarmPool {
        min_size: rng.random_range(0..=2),
        max_group_prepared_capacity: Some(rng.random_range(most..=most + 1)),
        state: [WarmPoolState::Stopped, WarmPoolState::Running][rng.random_range(0..2)],
        reuse_on_scale_in: rng.random_bool(0.7),
    }
}

/// Worlds without leases, and with readings that lag far behind, are the ones that take long: fewer than the others.
fn world(seed: u64, rng: &mut ChaCha8Rng) -> (World, bool) {
    let (guest, mounted) = [(false, false), (false, false), (true, false), (true, true)][rng.random_range(0..4)];
    let guest = if guest { GuestMode::Reports { delay: Span::secs(1, 20) } } else { GuestMode::None };
    let lag = [0, 0, 0, 0, 3, 3, 3, 20][rng.random_range(0..8)];
    let hidden = rng.random_bool(0.2).then(|| vec!["/dev/sdf".to_owned(), "/dev/xvdf".to_owned()]);
    let world = World {
        seed,
        zones: rng.random_range(1..=3),
        read_lag: Duration::from_secs(lag),
        guest,
        leases_off: rng.random_bool(0.07),
        hidden_devices: hidden.unwrap_or_default(),
        limits: Limits { max_volume_gib: 100, deletes: rng.random_bool(0.8), ..Limits::unlimited() },
        trace: false,
        timings: Timings::default(),
        buckets: RequestBuckets::Off,
        // A death between an attachment and the call that keeps it would lose it, and nobody could help that.
        deletes_with_instance: false,
    };
    (world, mounted)
}

fn odds(rng: &mut ChaCha8Rng) -> (&'static str, Odds) {
    let light = Odds {
        throttled: 15,
        denied: 2,
        internal: 10,
        answer_lost: 12,
        late: 6,
        pause: 3,
        crash_before: 4,
        crash_after: 6,
        stall: 1,
        ..Odds::default()
    };
    match rng.random_range(0..5) {
        0 => ("no", Odds::default()),
        1 => (
            "heavy",
            Odds {
                throttled: 80,
                denied: 10,
                internal: 40,
                answer_lost: 50,
                late: 30,
                pause: 15,
                crash_before: 15,
                crash_after: 20,
                stall: 4,
                ..Odds::default()
            },
        ),
        2 => ("crashing", Odds { crash_before: 30, crash_after: 50, ..Odds::default() }),
        3 => ("unclear", Odds { answer_lost: 100, late: 60, pause: 15, stall: 5, ..Odds::default() }),
        _ => ("light", light),
    }
}

fn bus(rng: &mut ChaCha8Rng) -> (&'static str, BusOdds) {
    match rng.random_range(0..5) {
        0 => ("all", BusOdds::default()),
        1 => ("no", BusOdds::CUT),
        2 => ("most lost", BusOdds { dropped: 600, doubled: 100, late: (200, 300), in_order: false }),
        _ => ("some", BusOdds { dropped: 100, doubled: 200, late: (250, 180), in_order: false }),
    }
}
