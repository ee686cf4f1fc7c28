//! One simulated world, run from a seed: AWS, the bus, the functions, and the rules that watch.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::ids::{DeploymentId, GroupName};
use stateful_asg_core::shared::Shared;
use stateful_asg_core::spec::Limits;
use stateful_asg_core::table::Slot;
use stateful_asg_sim::model::{Aws, GuestMode, RequestBuckets, Settings, Timings};
use stateful_asg_sim::typed::{Faults, MemoryTable, Region};
use tokio::task::LocalSet;

use crate::actors::{Face, Functions, Typed};
use crate::bus::Bus;
use crate::rules::{Rules, Violation, Watcher};
use crate::served::{self, Unserved};

/// Between a reading's parts, and from it to the call that follows, at the usual pace.
const USUAL: SignedDuration = SignedDuration::from_secs(2);

/// More calls than any history needs, for each member of the group: something is done again and again.
const MOST_CALLS: u64 = 15_000;

/// How long a settle works on one reading; where two work on one group, the other changes the table meanwhile.
const READING: SignedDuration = SignedDuration::from_secs(25);

/// What a world is like.
#[derive(Debug, Clone)]
pub struct World {
    /// Everything random comes from this.
    pub seed: u64,
    /// How many zones its Region has, 1 to 3.
    pub zones: u8,
    /// The longest staleness of reads.
    pub read_lag: Duration,
    /// What runs on the instances.
    pub guest: GuestMode,
    /// Everyone gets the lease.
    pub leases_off: bool,
    /// What the deployment allows.
    pub limits: Limits,
    /// Device names that the image uses invisibly.
    pub hidden_devices: Vec<String>,
    /// Lines of what happens are kept.
    pub trace: bool,
    /// How long AWS takes for things.
    pub timings: Timings,
    /// Which request buckets apply.
    pub buckets: RequestBuckets,
    /// Attachments begin with DeleteOnTermination set, as AWS does not document whether they do.
    pub deletes_with_instance: bool,
}

impl World {
    /// A quiet world.
    #[must_use]
    pub fn quiet(seed: u64) -> Self {
        Self {
            seed,
            zones: 2,
            read_lag: Duration::ZERO,
            guest: GuestMode::None,
            leases_off: false,
            limits: Limits::unlimited(),
            hidden_devices: Vec::new(),
            trace: true,
            timings: Timings::default(),
            buckets: RequestBuckets::Off,
            deletes_with_instance: false,
        }
    }
}

/// A running world.
pub struct Lab {
    /// The simulated AWS.
    pub region: Rc<Region>,
    /// What carries events.
    pub bus: Rc<Bus>,
    /// What must hold.
    pub rules: Rc<RefCell<Rules>>,
    /// The hosted zone for all names.
    pub zone: String,
    /// How many members groups were created with.
    pub members: std::cell::Cell<u64>,
    /// How many settle the group at once.
    pub actors: std::cell::Cell<u64>,
    /// The zones of the Region.
    pub zones: Vec<String>,
    /// What words in a spec stand for, besides `ZONE`.
    pub words: RefCell<BTreeMap<&'static str, String>>,
    /// Our deployment.
    pub deployment: DeploymentId,
}

/// Runs a story in a world, in simulated time.
///
/// # Panics
/// Where the world cannot be set up at all.
pub fn simulate<T>(world: &World, story: impl AsyncFnOnce(&Lab) -> T) -> T {
    simulate_on(world, |_| Rc::new(Typed), story)
}

/// Runs a story in a world whose functions see this face of it.
///
/// # Panics
/// Where the world cannot be set up at all.
pub fn simulate_on<T>(
    world: &World,
    face: impl FnOnce(&Rc<Region>) -> Rc<dyn Face>,
    story: impl AsyncFnOnce(&Lab) -> T,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without input and output needs nothing from the system");
    LocalSet::new().block_on(&runtime, async {
        let lab = Lab::new(world, face);
        story(&lab).await
    })
}

impl Lab {
    fn new(world: &World, face: impl FnOnce(&Rc<Region>) -> Rc<dyn Face>) -> Self {
        let mut aws = Aws::new(Settings {
            seed: world.seed,
            zones: world.zones,
            volumes_delete_on_termination: world.deletes_with_instance,
            interfaces_delete_on_termination: world.deletes_with_instance,
            read_lag: world.read_lag,
            guest: world.guest,
            hidden_devices: world.hidden_devices.clone(),
            timings: world.timings.clone(),
            buckets: world.buckets,
            ..Settings::default()
        });
        let deployment: DeploymentId = "test".parse().expect("a good name");
        let zones = ('a'..).take(usize::from(world.zones)).map(|letter| format!("eu-central-1{letter}")).collect();
        let zone = crate::group::hosted_zone(&mut aws);
        let region = Region::new(aws, Faults::none(world.seed ^ 0xfa17));
        if world.trace {
            region.keep_trace();
        }
        let rules = Rc::new(RefCell::new(Rules::new(&deployment, world.limits.clone())));
        let reading = if world.leases_off { READING } else { SignedDuration::ZERO };
        let lag = SignedDuration::try_from(world.read_lag).unwrap_or_default();
        rules.borrow_mut().allow(lag + reading + USUAL, world.leases_off);
        region.watch(Box::new(Watcher(Rc::clone(&rules))));
        region.act("operator", |_, table| table.leases_off = world.leases_off);
        let functions = Functions::new(&deployment, world.limits.clone(), face(&region));
        let bus = Bus::new(&region, functions, world.seed ^ 0xb05);
        let (aws, carrier) = (Rc::clone(&region), Rc::clone(&bus));
        tokio::task::spawn_local(async move {
            aws.run_aws(|region| carrier.deliver(region.take_events())).await;
        });
        tokio::task::spawn_local(Rc::clone(&bus).run_schedule());
        Self {
            region,
            bus,
            rules,
            zone,
            zones,
            deployment,
            words: RefCell::default(),
            members: std::cell::Cell::new(0),
            actors: std::cell::Cell::new(1),
        }
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.region.now()
    }

    /// Lets time pass.
    pub async fn pass(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    /// Something that people or other tools do.
    pub fn operate<T>(&self, what: &str, effect: impl FnOnce(&mut Aws, &mut MemoryTable) -> T) -> T {
        self.region.note("operator", || what.to_owned());
        self.region.act("operator", effect)
    }

    /// The table is lost, and the rules are told.
    pub fn lose_table(&self) {
        let now = self.now();
        self.region.truth(|_, table| self.rules.borrow_mut().table_lost(now, table));
        self.operate("loses the table", |_, table| table.wipe());
    }

    /// The truth.
    #[must_use]
    pub fn truth<T>(&self, read: impl FnOnce(&Aws, &MemoryTable) -> T) -> T {
        self.region.truth(read)
    }

    /// The rules that were broken so far.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.rules.borrow().violations().to_vec()
    }

    /// Waits until this holds, looking every second; false when the limit passes first or a rule is broken.
    pub async fn until(&self, limit: Duration, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now() + limit;
        while !holds(self) {
            if self.region.answered() > self.most_calls() {
                self.rules.borrow_mut().accuse(9, self.now(), "calls are made again and again, and never end");
            }
            if self.now() >= end || self.rules.borrow().is_broken() {
                return false;
            }
            self.pass(Duration::from_secs(1)).await;
        }
        true
    }

    /// More calls than the history so far has use for: a long one in which much is waited for makes more.
    fn most_calls(&self) -> u64 {
        let began = stateful_asg_sim::model::BEGINNING;
        let hours = u64::try_from(self.now().duration_since(began).as_hours()).unwrap_or_default();
        MOST_CALLS * self.members.get().max(4) * self.actors.get() * (2 + hours) / 2
    }

    /// What is not yet as it should be.
    #[must_use]
    pub fn unserved(&self, group: &GroupName) -> Vec<Unserved> {
        let rules = self.rules.borrow();
        self.truth(|aws, table| served::unserved(aws, table, &rules, group))
    }

    /// Waits until every member is served; false when the limit passes first or a rule is broken.
    pub async fn until_served(&self, group: &GroupName, limit: Duration) -> bool {
        self.until(limit, |lab| lab.unserved(group).is_empty()).await
    }

    /// The lines kept, for people.
    #[must_use]
    pub fn story(&self) -> String {
        use std::fmt::Write;
        let began = stateful_asg_sim::model::BEGINNING;
        let mut text = String::new();
        let lines = self.region.trace();
        let effects = self.truth(|aws, _| aws.effects().to_vec());
        let mut effects = effects.iter().peekable();
        for line in lines {
            while let Some(effect) = effects.next_if(|effect| effect.at <= line.at) {
                let _ = writeln!(
                    text,
                    "{:>10.3}  {:<18}  * {:?}",
                    effect.at.duration_since(began).as_secs_f64(),
                    effect.actor,
                    effect.what
                );
            }
            let _ = writeln!(
                text,
                "{:>10.3}  {:<18}  {}",
                line.at.duration_since(began).as_secs_f64(),
                line.actor,
                line.text
            );
        }
        for effect in effects {
            let _ = writeln!(
                text,
                "{:>10.3}  {:<18}  * {:?}",
                effect.at.duration_since(began).as_secs_f64(),
                effect.actor,
                effect.what
            );
        }
        let last = |(group, slot): (&GroupName, &Shared<Slot>)| format!("in the end, {group}: {slot:?}\n");
        text.extend(self.truth(|_, table| table.all_slots().map(last).collect::<Vec<_>>()));
        text
    }
}
