//! What is due, over a simulated week of runs.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use stateful_asg_core::ids::{SlotNumber, VolumeName};
use stateful_asg_core::snapshots::{Due, Failing, MOST_A_RUN, Series, SlotSeries, Taken, Use, due};

const RUN: u64 = 300;
const WEEK: u64 = 7 * 86_400;

/// What happens to a group in a week.
#[derive(Debug, Clone)]
struct Plot {
    slots: u32,
    every: u64,
    /// All were born at once; else one after the other.
    at_once: bool,
    /// How many runs in a hundred do not happen.
    dropped: u64,
    /// How many attempts in a hundred fail, of slots with an odd number.
    failed: u64,
    /// How many seconds a snapshot is pending at most.
    pending: u64,
    /// Whether the time of the decision is on record.
    on_record: bool,
    /// How many seconds a run is late at most.
    jitter: u64,
    seed: u64,
}

/// A snapshot, or an attempt at one.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    decided: u64,
    started: u64,
    completed: u64,
    failed: bool,
}

struct Week {
    plot: Plot,
    born: BTreeMap<u32, u64>,
    attempts: BTreeMap<u32, Vec<Attempt>>,
    runs: Vec<(u64, Vec<Due>)>,
    random: u64,
}

fn instant(seconds: u64) -> Timestamp {
    let begin: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
    begin + SignedDuration::from_secs(i64::try_from(seconds).unwrap())
}

impl Week {
    fn play(plot: &Plot) -> Self {
        let mut week = Self {
            plot: plot.clone(),
            born: BTreeMap::new(),
            attempts: BTreeMap::new(),
            runs: Vec::new(),
            random: plot.seed,
        };
        for number in 0..plot.slots {
            let born = if plot.at_once { 0 } else { week.below(plot.every.min(WEEK / 2)) };
            week.born.insert(number, born);
            week.attempts.insert(number, Vec::new());
        }
        for run in 0..WEEK / RUN {
            let now = run * RUN + week.below(plot.jitter + 1);
            if week.below(100) >= plot.dropped {
                week.run(now);
            }
        }
        week
    }

    /// SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.random ^ (self.random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound.max(1)
    }

    fn run(&mut self, now: u64) {
        let slots: Vec<SlotSeries> = self.attempts.keys().map(|number| self.seen(*number, now)).collect();
        let dues = due(&slots, Duration::from_secs(RUN), instant(now));
        for due in &dues {
            let started = now + 1 + self.below(8);
            let completed = started + self.below(self.plot.pending + 1);
            let failed = due.slot.0 % 2 == 1 && self.below(100) < self.plot.failed;
            self.attempts.get_mut(&due.slot.0).unwrap().push(Attempt { decided: now, started, completed, failed });
        }
        self.runs.push((now, dues));
    }

    fn seen(&self, number: u32, now: u64) -> SlotSeries {
        let attempts = &self.attempts[&number];
        let newest = attempts.iter().rev().find(|one| !one.failed).map(|one| Taken {
            started: instant(one.started),
            decided: self.plot.on_record.then(|| instant(one.decided)),
        });
        let failures = attempts.iter().rev().take_while(|one| one.failed).count();
        let failing = attempts
            .last()
            .filter(|one| one.failed)
            .map(|one| Failing { count: u32::try_from(failures).unwrap(), last: instant(one.decided) });
        let series = Series { every: Duration::from_secs(self.plot.every), newest };
        SlotSeries {
            slot: SlotNumber(number),
            volumes: BTreeMap::from([(VolumeName::new("data").unwrap(), series)]),
            pending: attempts.last().is_some_and(|one| !one.failed && now < one.completed),
            failing,
            used: Use::Held,
            born: (self.born[&number] <= now).then(|| instant(self.born[&number])),
        }
    }

    fn bound(&self) -> usize {
        let twice = 2 * (u64::from(self.plot.slots) * RUN).div_ceil(self.plot.every);
        usize::try_from(twice).unwrap().clamp(1, MOST_A_RUN)
    }

    /// The group asks for no more than half of what a run may take.
    fn keeps_up(&self) -> bool {
        u64::from(self.plot.slots) * RUN <= self.plot.every * 20
    }

    fn taken(&self, number: u32) -> Vec<Attempt> {
        self.attempts[&number].iter().filter(|one| !one.failed).copied().collect()
    }

    /// The longest that a slot had to wait while it was due for certain, in runs that happened.
    fn longest_wait(&self, number: u32) -> usize {
        let taken = self.taken(number);
        let stands = |one: &Attempt| if self.plot.on_record { one.decided } else { one.started };
        let from = std::iter::once(self.born[&number]).chain(taken.iter().map(|one| stands(one).max(one.completed)));
        let begins = std::iter::once(self.born[&number] + RUN).chain(taken.iter().map(stands));
        let certain = begins.zip(from).map(|(begin, free)| (begin + self.plot.every).max(free));
        let until = taken.iter().map(|one| one.decided).chain(std::iter::once(u64::MAX));
        let before = |instant: u64| self.runs.partition_point(|(now, _)| *now < instant);
        certain.zip(until).map(|(certain, until)| before(until).saturating_sub(before(certain))).max().unwrap()
    }
}

fn plot() -> impl Strategy<Value = Plot> {
    let every = prop_oneof![300..700_u64, 300..172_800_u64, (1..100_u64).prop_map(|runs| runs * RUN)];
    let slots = prop_oneof![3 => 1..30_u32, 1 => 30..120_u32];
    let chance = || prop_oneof![Just(0), 0..60_u64];
    (slots, every, any::<bool>(), chance(), chance(), prop_oneof![Just(60), 0..3_000_u64], any::<bool>(), any::<u64>())
        .prop_map(|(slots, every, at_once, dropped, failed, pending, on_record, seed)| Plot {
            slots,
            every,
            at_once,
            dropped,
            failed,
            pending,
            on_record,
            jitter: 50,
            seed,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_run_takes_more_than_its_bound_nor_a_slot_of_which_one_is_pending(plot in plot()) {
        let week = Week::play(&plot);
        for (now, dues) in &week.runs {
            prop_assert!(dues.len() <= week.bound(), "{} at {now}", dues.len());
        }
        for attempts in week.attempts.values() {
            for pair in attempts.windows(2) {
                prop_assert!(pair[0].failed || pair[1].decided >= pair[0].completed, "{pair:?}");
                prop_assert!(pair[1].decided > pair[0].decided);
            }
        }
    }

    /// Once a slot is due, each other one is ahead of it at most once, however many runs are dropped or attempts fail.
    #[test]
    fn no_slot_waits_for_more_runs_than_all_the_others_need_once(plot in plot()) {
        let week = Week::play(&plot);
        let turns = usize::try_from(plot.slots).unwrap().div_ceil(week.bound());
        for number in (0..plot.slots).filter(|number| plot.failed == 0 || number % 2 == 0) {
            let waited = week.longest_wait(number);
            prop_assert!(waited < turns, "slot {number} was passed over in {waited} runs; {turns} do for all");
        }
    }

    #[test]
    fn each_slot_gets_as_many_as_the_week_has_intervals(plot in plot()) {
        let plot = Plot { pending: plot.pending.min(240), ..plot };
        // Else an interval now and then has no run, or too few.
        let jitter = if plot.every.is_multiple_of(RUN) { plot.jitter } else { 0 };
        let whole = Week::play(&Plot { dropped: 0, failed: 0, on_record: true, jitter, ..plot.clone() });
        let dropped = Week::play(&plot);
        for number in 0..plot.slots {
            let time = WEEK - whole.born[&number];
            let count = u64::try_from(whole.taken(number).len()).unwrap();
            prop_assert!(count <= time.div_ceil(plot.every) + 1, "slot {number}: {count}");
            prop_assert!(!whole.keeps_up() || count + 1 >= (time - RUN) / plot.every, "slot {number}: {count}");
            let time = WEEK - dropped.born[&number];
            let count = u64::try_from(dropped.taken(number).len()).unwrap();
            prop_assert!(count <= time.div_ceil(plot.every) + 1, "with runs dropped, slot {number}: {count}");
        }
    }

    /// One run in five is dropped: with a dozen runs an interval none is lost.
    #[test]
    fn runs_that_are_dropped_now_and_then_cost_no_snapshot(slots in 1..60_u32, every in 7_200..86_400_u64, at_once: bool, seed: u64) {
        let plot = Plot { slots, every, at_once, dropped: 20, failed: 0, pending: 60, on_record: true, jitter: 50, seed };
        let week = Week::play(&plot);
        for number in 0..slots {
            let time = WEEK - week.born[&number];
            let count = u64::try_from(week.taken(number).len()).unwrap();
            prop_assert!(((time - RUN) / every..=time.div_ceil(every) + 2).contains(&(count + 1)), "slot {number}: {count}");
        }
    }
}

/// Runs without jitter, an outage of six hours in between: afterwards each run takes what it took before.
#[test]
fn an_outage_is_caught_up_and_leaves_the_spread_as_it_was() {
    let every = 7_200;
    let plot = Plot {
        slots: 24,
        every,
        at_once: true,
        dropped: 0,
        failed: 0,
        pending: 60,
        on_record: true,
        jitter: 50,
        seed: 1,
    };
    let mut week = Week::play(&Plot { slots: 24, dropped: 100, ..plot });
    let outage = 86_400..86_400 + 3 * every;
    for now in (0..3 * 86_400).step_by(usize::try_from(RUN).unwrap()).filter(|now| !outage.contains(now)) {
        week.run(now);
    }
    let of_a_round = |from: u64| -> BTreeMap<u64, Vec<u32>> {
        let runs = week.runs.iter().filter(|(now, _)| (from..from + every).contains(now));
        runs.map(|(now, dues)| (now - from, dues.iter().map(|due| due.slot.0).collect())).collect()
    };
    let before = of_a_round(86_400 - every);
    let after = of_a_round(2 * 86_400);
    assert_eq!(before, after);
    assert!(before.values().all(|slots| (0..=2).contains(&slots.len())), "{before:?}");
    assert!(before.values().filter(|slots| slots.is_empty()).count() <= 6, "{before:?}");
    let catching_up = of_a_round(outage.end);
    assert!(catching_up.values().all(|slots| slots.len() <= 2), "{catching_up:?}");
    let mut caught_up: Vec<u32> = catching_up.range(..=every / 2).flat_map(|(_, slots)| slots).copied().collect();
    caught_up.sort_unstable();
    caught_up.dedup();
    assert_eq!(caught_up.len(), 24, "all within half an interval");
}
