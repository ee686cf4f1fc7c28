//! The decision: from one reading of a group to the steps that are all safe to take now.
//!
//! `plan` returns a frontier: steps that may be taken in any order, each of which may fail, be
//! applied and answered with an error, or never be taken. A crash between two of them needs no
//! log but the recorded attempts of creation: observe and plan again.

mod change;
mod draft;
mod group;
mod growth;
mod hooks;
mod interfaces;
pub mod invariants;
mod leave;
mod leftovers;
mod loss;
mod lost;
mod matching;
mod names;
mod periodic;
mod phase;
mod policy;
mod pool;
mod saving;
mod serve;
mod since;
mod slots;
mod view;
mod volumes;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use crate::cloud::RecordKey;
use crate::ids::{SubnetId, VolumeId};
use crate::observed::Observed;
use crate::spec::Mode;
use crate::step::Step;
use crate::waiting::{Reason, Subject, Waiting};

pub use periodic::{RUN_EVERY, periodic};
pub use phase::Phase;

/// How long reads aimed at an ID must miss it before it counts as gone.
pub const CERTAINLY_ABSENT: Duration = Duration::from_secs(600);
/// By how much our clock and EC2's may differ.
pub const CLOCKS_DIFFER: Duration = Duration::from_secs(300);
/// How long an attachment may stay in `attaching` before the launch is given up.
pub const ATTACH_STUCK: Duration = Duration::from_secs(90);

/// What to do now, and why nothing else is done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Safe to take now, in any order.
    pub steps: Vec<Step>,
    /// Every wait, with its reason.
    pub waiting: Vec<Waiting>,
    /// What the next reading must include besides the usual.
    pub look: Look,
    /// When to look again even if nothing happens.
    pub look_at: Option<Timestamp>,
}

/// What the next reading must include besides the usual.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// Our hooks.
    pub hooks: bool,
    /// These records.
    pub records: BTreeSet<RecordKey>,
    /// These subnets.
    pub subnets: BTreeSet<SubnetId>,
    /// The group's snapshots.
    pub snapshots: bool,
    /// The newest change of each of these volumes.
    pub modifications: BTreeSet<VolumeId>,
    /// These volumes, as templates for new ones.
    pub templates: BTreeSet<VolumeId>,
    /// What lost one of the two tags by which it would be found.
    pub half_tagged: bool,
}

impl Look {
    /// Nothing besides the usual.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.hooks
            && self.records.is_empty()
            && self.subnets.is_empty()
            && !self.snapshots
            && self.modifications.is_empty()
            && self.templates.is_empty()
            && !self.half_tagged
    }
}

/// Plans one pass over one group.
#[must_use]
pub fn plan(observed: &Observed, now: Timestamp) -> Plan {
    let mut draft = draft::Draft::new(observed);
    let spec = match group::settle_spec(observed, now, &mut draft) {
        Ok(spec) => spec,
        Err(reason) => {
            draft.wait(Subject::Group, reason, None);
            since::date(&mut draft, now);
            return draft.finish(now);
        }
    };
    let view = view::View::new(observed, &spec, now);
    lost::check(&view, &mut draft);
    if observed.record.is_none() && spec.mode != Mode::Observe {
        // The group's own item comes first. A table that was lost looks like a group that is new: what is made rests on two
        // readings, because one may miss what the tags would tell.
        since::date(&mut draft, now);
        return policy::filter(draft.finish(now), spec.mode);
    }
    slots::tend(&view, &mut draft);
    loss::tend(&view, &mut draft);
    change::tend(&view, &mut draft);
    growth::tend(&view, &mut draft);
    leftovers::tend(&view, &mut draft);
    let mut serving = serve::Serving::default();
    matching::assign(&view, &mut draft, &mut serving);
    slots::park(&view, &mut draft);
    for slot in observed.slots() {
        serve::serve(&view, slot, &mut draft, &mut serving);
    }
    names::group_record(&view, &mut draft);
    hooks::launching(&view, &mut draft, &serving);
    leave::terminating(&view, &mut draft);
    explain(&view, &mut draft);
    if spec.mode != Mode::Observe {
        since::date(&mut draft, now);
    }
    policy::filter(draft.finish(now), spec.mode)
}

/// Names what got nothing: instances that never came through our hook or are between two states, and vacant slots.
fn explain(view: &view::View<'_>, draft: &mut draft::Draft<'_>) {
    for (id, phase) in view.members() {
        let subject = Subject::Instance(id.clone());
        if view.slot_of(id).is_some() || draft.slot_held_by(id).is_some() || draft.waits(&subject) {
            continue;
        }
        let since = view.instance(id).map(|instance| instance.launched);
        match phase {
            Phase::InService | Phase::Standby => draft.wait(subject, Reason::NeedsAdoption, since),
            Phase::Booting => draft.wait(subject, Reason::Booting, since),
            Phase::Unclear => draft.wait(subject, Reason::HolderUnclear(id.clone()), since),
            Phase::Launching
            | Phase::Proceeding
            | Phase::Leaving
            | Phase::Gone
            | Phase::Stopped
            | Phase::Detached
            | Phase::Retained
            | Phase::ReplacingRoot
            | Phase::Warm => {}
        }
    }
    for slot in view.obs.slots().filter(|slot| slot.is_active()) {
        let taken = draft.slot(slot.number).slot.holder.is_some();
        if !taken && !draft.waits(&Subject::Slot(slot.number)) && !draft.promised.contains(&slot.number) {
            draft.wait(Subject::Slot(slot.number), Reason::Vacant(slot.zone.clone()), slot.vacated);
        }
    }
}
