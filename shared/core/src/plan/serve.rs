//! Everything that the holder of a slot needs before it is InService, and keeps afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::cloud::{Instance, Tags};
use crate::ids::{InstanceId, SlotNumber, VolumeId};
use crate::observed::Failure;
use crate::plan::draft::Draft;
use crate::plan::view::{View, later};
use crate::plan::{Phase, interfaces, names, pool, volumes};
use crate::spec::{Filesystem, Ready, VolumeSpec};
use crate::step::Step;
use crate::table::Slot;
use crate::tags;
use crate::upkeep::Origin;
use crate::waiting::{Reason, Subject};

/// How long a step that nobody waits for rests after it failed, at least.
const LEISURE: Duration = Duration::from_secs(60);

/// How far each instance is: what blocks it, if anything does.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    blocked: BTreeMap<InstanceId, Vec<Reason>>,
    ready: BTreeMap<InstanceId, SlotNumber>,
}

impl Serving {
    pub(crate) fn block(&mut self, instance: &InstanceId, reason: Reason) {
        self.blocked.entry(instance.clone()).or_default().push(reason);
    }

    /// Served as rule 5 asks, for this slot.
    pub(crate) fn ready(&self, instance: &InstanceId) -> Option<SlotNumber> {
        self.ready.get(instance).copied()
    }

    pub(crate) fn blockers(&self, instance: &InstanceId) -> &[Reason] {
        self.blocked.get(instance).map_or(&[], Vec::as_slice)
    }
}

/// What one slot still lacks: steps are taken, waits are named. Empty when served.
pub(crate) struct Lacks {
    pub(crate) reasons: Vec<Reason>,
    /// A step was planned: not served before it is seen done.
    pub(crate) pending: bool,
}

/// Plans for one recorded slot: creation, attachment, tags, its own name, and whether its holder is served.
pub(crate) fn serve(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>, serving: &mut Serving) {
    let mut lacks = Lacks { reasons: Vec::new(), pending: false };
    let held = slot.holder.as_ref().and_then(|holder| view.instance(&holder.instance));
    let served = view.holder_phase(slot).is_some_and(Phase::is_served);
    let holder = held.filter(|_| served);
    if holder.is_some() {
        pool::intend(view, draft, slot.number);
        interfaces::intend(view, draft, slot.number);
    }
    volumes::serve(view, slot, holder, draft, &mut lacks);
    interfaces::serve(view, slot, holder, draft, &mut lacks);
    names::slot_record(view, slot, draft, &mut lacks);
    let Some(instance) = holder else {
        return say(slot, None, lacks, draft, serving);
    };
    tag(view, slot, instance, draft, &mut lacks);
    if view.spec.launch.ready != Ready::Attached && !view.has_mounted(slot) {
        lacks.reasons.push(Reason::GuestNotReady);
    }
    // What is not written yet counts as lacking: CONTINUE follows only what the table knows.
    let unwritten = draft.slots.get(&slot.number).is_some_and(|entry| &entry.slot != slot);
    let complete = lacks.reasons.is_empty() && !lacks.pending && !unwritten;
    let launching = view.holder_phase(slot) == Some(Phase::Launching);
    if let Some(key) = names::must_read_back(view, slot).filter(|_| complete && launching) {
        lacks.reasons.push(Reason::RecordChanging(key.name.clone()));
        draft.look.records.insert(key);
    } else if complete {
        serving.ready.insert(instance.id.clone(), slot.number);
    }
    say(slot, Some(instance), lacks, draft, serving);
}

fn say(slot: &Slot, holder: Option<&Instance>, lacks: Lacks, draft: &mut Draft<'_>, serving: &mut Serving) {
    let since = slot.holder.as_ref().map(|holder| holder.since).or(slot.vacated);
    for reason in lacks.reasons {
        if let Some(instance) = holder {
            serving.block(&instance.id, reason.clone());
        }
        draft.wait(Subject::Slot(slot.number), reason, since);
    }
}

/// Tells the guest which slot, claim and volumes are its own: all at once, because a guest that saw the claim without its
/// volumes would report them mounted.
fn tag(view: &View<'_>, slot: &Slot, instance: &Instance, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    let mut wanted = Tags::from([
        (tags::SLOT.to_owned(), slot.number.to_string()),
        (tags::CLAIM.to_owned(), slot.claim.to_string()),
    ]);
    let launching = view.holder_phase(slot) == Some(Phase::Launching);
    for (name, spec) in &view.spec.volumes {
        let born = slot.volumes.get(name).filter(|record| record.born).and_then(|record| record.id.as_ref());
        let Some(id) = born else {
            lacks.pending = true;
            return;
        };
        wanted.insert(tags::volume_key(name), guest_tag(spec, id));
        match view.obs.volumes.get(id) {
            Some(volume) => _ = wanted.insert(tags::size_key(name), volume.size_gib.to_string()),
            // It may be lost, and another take its place: the guest would wait for it, and a call that was held up say so
            // after the guest was told better.
            None if launching => return,
            None => {}
        }
    }
    wanted.insert(tags::DATA.to_owned(), data_tag(slot));
    set_tags(view, instance.id.as_str(), &instance.tags, wanted, draft, lacks);
}

/// Sets the tags that the resource does not show, and that this process has not set already.
pub(crate) fn set_tags(
    view: &View<'_>,
    resource: &str,
    shown: &Tags,
    mut wanted: Tags,
    draft: &mut Draft<'_>,
    lacks: &mut Lacks,
) {
    let set = view.obs.notes.tagged.get(resource);
    wanted.retain(|key, value| shown.get(key) != Some(value) && set.and_then(|set| set.get(key)) != Some(value));
    if !wanted.is_empty() {
        take(view, Step::Tag { resource: resource.to_owned(), tags: wanted }, draft, lacks);
    }
}

/// Whose data the volumes hold, and as of when where that is not the last write.
fn data_tag(slot: &Slot) -> String {
    let Some(data) = slot.upkeep.data else { return Origin::Kept.word().to_owned() };
    data.as_of.map_or_else(|| data.origin.word().to_owned(), |as_of| format!("{} {as_of}", data.origin.word()))
}

/// What the guest is told of a volume: its ID, where to mount it, its filesystem and, if the spec says so, its owner.
fn guest_tag(spec: &VolumeSpec, id: &VolumeId) -> String {
    let mount = spec.mount.as_ref().map_or("-", |mount| mount.as_str());
    let fs = match spec.fs {
        Filesystem::Ext4 => "ext4",
        Filesystem::Xfs => "xfs",
        Filesystem::None => "none",
    };
    let owner = spec.owner.map_or_else(String::new, |owner| format!(" {}:{}", owner.uid, owner.gid));
    format!("{id} {mount} {fs}{owner}")
}

/// Takes a step, unless its last failure is too fresh: then that is what is waited for.
pub(crate) fn take(view: &View<'_>, step: Step, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    let key = step.key();
    match view.backing_off(&key) {
        Some(failure) => {
            draft.look_at(failure.retry_at);
            lacks.reasons.push(failed(key, failure, true));
        }
        None => {
            lacks.pending = true;
            draft.step(step);
        }
    }
}

/// Takes a step that nobody waits for: where it failed, a later settle tries again.
pub(crate) fn take_at_leisure(view: &View<'_>, step: Step, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    let key = step.key();
    match view.backing_off(&key) {
        Some(failure) => {
            draft.look_at(failure.retry_at.max(later(view.now, LEISURE)));
            lacks.reasons.push(failed(key, failure, false));
        }
        None => {
            lacks.pending = true;
            draft.step(step);
        }
    }
}

fn failed(step: String, failure: &Failure, urgent: bool) -> Reason {
    Reason::CallFailed { step, kind: failure.kind, message: failure.message.clone(), urgent }
}
