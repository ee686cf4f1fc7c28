//! What a plan says, and what a change is about, in a line: for the story of a history, and for nothing else.

use std::collections::BTreeSet;

use stateful_asg_core::cloud::{RecordChange, Tags};
use stateful_asg_core::ids::Generation;
use stateful_asg_core::plan::Plan;
use stateful_asg_core::step::{ActionRef, Step, Why};
use stateful_asg_core::table::{Bound, Slot, TableWrite};
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Target;
use stateful_asg_runtime::ports::{NewInterface, NewVolume, SettleRequest};

use super::told::{action as noted, held, some};

/// A plan's steps, each by its key, and its waits.
pub(super) fn plan(plan: &Plan) -> String {
    let step = |step: &Step| {
        if let Step::Write { why, .. } = step { format!("{} ({})", step.key(), whys(why)) } else { step.key() }
    };
    let steps = plan.steps.iter().map(step).collect::<Vec<_>>().join(", ");
    let steps = if steps.is_empty() { "nothing".to_owned() } else { steps };
    let waits = plan.waiting.iter().map(|wait| format!("{}: {}", wait.subject, wait.reason.kind()));
    format!("{steps}; waits [{}]", waits.collect::<Vec<_>>().join(", "))
}

/// Why the table is written.
fn whys(why: &BTreeSet<Why>) -> String {
    why.iter().map(|why| format!("{why:?}")).collect::<Vec<_>>().join(", ")
}

/// Which items a write changes, from which generation to which, and why where a plan told.
pub(super) fn write(write: &TableWrite, why: Option<&BTreeSet<Why>>) -> String {
    let mut parts = Vec::new();
    if let Some((was, slot)) = &write.slot {
        parts.push(format!("slot {} {}, {}", slot.number, generations(*was, slot.generation), contents(slot)));
    }
    if let Some((was, group)) = &write.record {
        parts.push(format!("group {} {}", group.name, generations(*was, group.generation)));
    }
    for (verb, bounds) in [("binds", &write.bind), ("unbinds", &write.unbind)] {
        if !bounds.is_empty() {
            parts.push(format!("{verb} {}", some(bounds, Bound::key)));
        }
    }
    parts.extend(write.action.as_ref().map(|action| format!("notes {}", noted(action))));
    let why = why.map(|why| format!(" ({})", whys(why))).unwrap_or_default();
    format!("{}{why}", parts.join("; "))
}

fn generations(was: Option<Generation>, is: Generation) -> String {
    was.map_or_else(|| format!("new at generation {is}"), |was| format!("generation {was} -> {is}"))
}

/// A slot's holder, and what it has.
fn contents(slot: &Slot) -> String {
    let volumes = slot.volumes.iter().map(|(name, volume)| {
        let id = volume.id.as_ref().map_or_else(|| format!("attempt {}", volume.attempt), ToString::to_string);
        format!(", {name} {id}")
    });
    let interface = slot.interface.as_ref().map(|interface| {
        let id = interface.id.as_ref().map_or_else(|| format!("attempt {}", interface.attempt), ToString::to_string);
        format!(", interface {id}")
    });
    held(slot) + &volumes.chain(interface).collect::<String>()
}

pub(super) fn answered(action: &ActionRef) -> String {
    format!("{} of {}", format!("{:?}", action.transition).to_lowercase(), action.instance)
}

pub(super) fn volume(new: &NewVolume) -> String {
    let NewVolume { zone, params, tags, .. } = new;
    let from = params.snapshot.as_ref().map(|snapshot| format!(" from {snapshot}")).unwrap_or_default();
    format!("{} GiB {}{from} in {zone}{}", params.size_gib, params.kind, whose(tags))
}

pub(super) fn interface(new: &NewInterface) -> String {
    let ip = new.ip.map(|ip| format!(" with {ip}")).unwrap_or_default();
    format!("in {}{ip}{}", new.subnet, whose(&new.tags))
}

/// The slot that tags name, and the name in it.
pub(super) fn whose(all: &Tags) -> String {
    let slot = all.get(tags::SLOT).map(|slot| format!(" for slot {slot}")).unwrap_or_default();
    let name = all.get(tags::VOLUME).map(|name| format!(" {name}")).unwrap_or_default();
    slot + &name
}

pub(super) fn target(target: &Target) -> String {
    let Target { size_gib, kind, iops, throughput } = target;
    let parts = [
        size_gib.map(|size| format!("{size} GiB")),
        kind.map(|kind| kind.to_string()),
        iops.map(|iops| format!("{iops} IOPS")),
        throughput.map(|throughput| format!("{throughput} MiB/s")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

pub(super) fn tags(tags: &Tags) -> String {
    some(tags, |(key, value)| format!("{key}={value}"))
}

pub(super) fn record(change: &RecordChange) -> String {
    let values = |side: &Option<(u32, BTreeSet<_>)>| {
        side.as_ref().map_or_else(|| "nothing".to_owned(), |(_, values)| some(values, std::net::Ipv4Addr::to_string))
    };
    format!("{} from {} to {}", change.key.name, values(&change.old), values(&change.new))
}

pub(super) fn settles(requests: &[SettleRequest]) -> String {
    let settle = |request: &SettleRequest| format!("{}{}", request.group, if request.audit { " (audit)" } else { "" });
    format!("settle {}", some(requests, settle))
}
