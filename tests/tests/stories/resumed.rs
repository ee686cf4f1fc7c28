//! Moves of which every event is lost: wherever an actor dies, the next sweep goes on.

use std::time::Duration;

use jiff::SignedDuration;
use stateful_asg_campaign::bus::BusOdds;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Proof;
use stateful_asg_sim::typed::Fault;

use crate::moves::{FINAL, anywhere, drive_out, moved, slot, volume_of};
use crate::told;

/// What one death may cost: the lease runs out, and a sweep comes by.
const COSTS: SignedDuration = SignedDuration::from_mins(3);

struct Run {
    /// How many calls that change something there were.
    calls: u64,
    /// From the last holder's death to everything being served.
    took: SignedDuration,
}

/// A move without any event, with one call that fails so.
fn by_sweeps(fault: Option<(u64, Fault)>) -> Run {
    let mut run = Run { calls: 0, took: SignedDuration::ZERO };
    told(&World::quiet(310), async |lab: &Lab| {
        let group = anywhere(lab, FINAL, 1).await;
        let before = slot(lab, &group, 0);
        lab.bus.set_odds(BusOdds::CUT);
        let first = lab.region.faults(|faults| faults.changes());
        if let Some((number, fault)) = fault {
            lab.region.faults(|faults| faults.at_change(first + number, fault));
        }
        let began = lab.now();
        drive_out(lab, &group, 0);
        moved(lab, &group, &before).await;
        run.took = lab.now().duration_since(began);
        run.calls = lab.region.faults(|faults| faults.changes()) - first;
        // Whoever dies at the last call is counted a moment later.
        lab.pass(Duration::from_secs(1)).await;
        let died = lab.bus.counts().get("invocation crashed").copied().unwrap_or_default();
        assert_eq!(died, u64::from(fault.is_some()), "{}", lab.story());

        let (now, old) = (slot(lab, &group, 0), volume_of(&before));
        let left = &now.upkeep.superseded[&old.parse().expect("a good ID")];
        assert!(matches!(left.proof, Proof::Snapshot(_)) && !left.keep, "{left:?}");
        let mark = lab.truth(|aws, _| aws.volume(&old).and_then(|volume| volume.tags.get(tags::SUPERSEDED).cloned()));
        assert_eq!(mark, Some(volume_of(&now)), "{}", lab.story());
        lab.pass(Duration::from_secs(300)).await;
    });
    run
}

#[test]
fn a_move_without_events_goes_on_at_the_next_sweep_wherever_an_actor_died() {
    let whole = by_sweeps(None);
    assert!(whole.calls > 20, "a move is more than {} calls", whole.calls);
    for number in 1..=whole.calls {
        for fault in [Fault::CrashBefore, Fault::CrashAfter] {
            let took = by_sweeps(Some((number, fault))).took;
            let most = whole.took + COSTS;
            assert!(took <= most, "{fault:?} at call {number}: it took {took:#}, and may take {most:#}");
        }
    }
}
