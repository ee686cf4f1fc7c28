//! Where a slot's new volumes come from: its own past, the pool, or EC2, by the figures of the spec and its template.

use std::collections::BTreeSet;

use crate::cloud::Volume;
use crate::ids::{SlotNumber, VolumeId, VolumeName};
use crate::plan::draft::Draft;
use crate::plan::loss::{made_from, tell};
use crate::plan::view::View;
use crate::plan::volumes::tagged;
use crate::spec::{VolumeParams, VolumeSpec};
use crate::step::Why;
use crate::table::{Bound, Slot, VolumeRecord};
use crate::tags;
use crate::upkeep::{Data, Growth, Origin};
use crate::waiting::{Reason, Subject};

/// A volume that bears one of these belongs to a slot, belonged to one, or is being made for one.
const NEVER_POOLED: [&str; 4] = [tags::SLOT, tags::SUPERSEDED, tags::FOR_SLOT, tags::ATTEMPT];

/// Records an attempt for each volume of the spec that the slot lacks: a pool volume, else one to be created.
pub(crate) fn intend(view: &View<'_>, draft: &mut Draft<'_>, number: SlotNumber) {
    for (name, spec) in &view.spec.volumes {
        if draft.slot(number).slot.volumes.contains_key(name) {
            continue;
        }
        if let Some(stray) = tagged(view.obs, number, name).next() {
            let reason = Reason::VolumeStray { name: name.clone(), volume: stray.id.clone() };
            draft.wait(Subject::Slot(number), reason, None);
            continue;
        }
        if let Some(wanted) = wanted(view, draft, number, name, spec) {
            record(view, draft, number, name, &wanted);
        }
    }
}

/// What the volume is asked to be; nothing while its template was not read, or lends no figures that may be used.
fn wanted(
    view: &View<'_>,
    draft: &mut Draft<'_>,
    number: SlotNumber,
    name: &VolumeName,
    spec: &VolumeSpec,
) -> Option<VolumeParams> {
    let Some(template) = &spec.template else { return Some(spec.params.clone()) };
    let Some(shown) = view.obs.templates.get(&template.volume) else {
        draft.look.templates.insert(template.volume.clone());
        draft.wait(Subject::Slot(number), Reason::VolumeCreating { name: name.clone(), volume: None }, None);
        return None;
    };
    match lent(view, spec, shown.as_ref()) {
        Ok(params) => Some(params),
        Err(why) => {
            let reason = Reason::TemplateUnusable { name: name.clone(), volume: template.volume.clone(), why };
            draft.wait(Subject::Slot(number), reason, None);
            None
        }
    }
}

/// The spec's figures and the template's, or why there can be no such volume. Limits bind whatever figures are lent.
fn lent(view: &View<'_>, spec: &VolumeSpec, template: Option<&Volume>) -> Result<VolumeParams, String> {
    let template = template.ok_or("EC2 does not show it")?;
    let shown = VolumeParams::shown(template)
        .ok_or_else(|| format!("its type, {}, is not one that this version knows", template.kind))?;
    let params = spec.params_beside(&shown);
    let problems = params.problems(&view.obs.limits);
    if problems.is_empty() { Ok(params) } else { Err(problems.join("; ")) }
}

fn record(view: &View<'_>, draft: &mut Draft<'_>, number: SlotNumber, name: &VolumeName, wanted: &VolumeParams) {
    let upkeep = &draft.slot(number).slot.upkeep;
    let (saved, attempt) = (upkeep.retired.get(name).cloned(), upkeep.attempts.saturating_add(1));
    let pooled = match saved {
        Some(_) => None,
        None => from_pool(view, draft, number, name, wanted).map(|volume| volume.id.clone()),
    };
    let why = if pooled.is_some() { Why::PoolVolumeTaken } else { Why::VolumeIntended };
    let params = made_from(wanted, saved.as_ref());
    let origin = match (&pooled, &params.snapshot) {
        (Some(_), _) => Origin::Kept,
        (None, Some(_)) => Origin::Snapshot,
        (None, None) => Origin::Blank,
    };
    let data = Data { origin, as_of: saved.map(|saved| saved.as_of), told: None };
    let record = VolumeRecord {
        attempt,
        params,
        born: pooled.is_some(),
        id: pooled.clone(),
        absent_since: None,
        growth: Growth::default(),
    };
    let entry = draft.slot(number);
    tell(&mut entry.slot, data);
    entry.slot.upkeep.retired.remove(name);
    entry.bind.extend(pooled.map(Bound::Volume));
    entry.why.insert(why);
    entry.slot.volumes.insert(name.clone(), record);
}

/// A free volume of the slot's zone that never belonged to a slot and fits. One that is tagged with this name goes first,
/// then the smallest, then the lowest ID; one that is tagged with another name is not taken.
fn from_pool<'o>(
    view: &View<'o>,
    draft: &mut Draft<'_>,
    number: SlotNumber,
    name: &VolumeName,
    wanted: &VolumeParams,
) -> Option<&'o Volume> {
    let zone = draft.slot(number).slot.zone.clone();
    let taken: BTreeSet<VolumeId> =
        draft.slots.values().map(|entry| &*entry.slot).chain(view.obs.slots()).flat_map(known).cloned().collect();
    view.obs
        .volumes
        .values()
        .filter(|volume| volume.is_free() && !volume.multi_attach && volume.zone == zone)
        .filter(|volume| NEVER_POOLED.iter().all(|tag| !volume.tags.contains_key(*tag)))
        .filter(|volume| !taken.contains(&volume.id))
        .filter(|volume| volume.tags.get(tags::VOLUME).is_none_or(|tagged| tagged == name.as_str()))
        .filter(|volume| fits(volume, wanted))
        .min_by_key(|volume| (!volume.tags.contains_key(tags::VOLUME), volume.size_gib, volume.id.clone()))
}

/// Volumes that a slot's item names: they are not the pool's, even where somebody took their tags away.
fn known(slot: &Slot) -> impl Iterator<Item = &VolumeId> {
    let successors = slot.upkeep.change.iter().flat_map(|change| change.volumes.values().map(|made| &made.record));
    let recorded = slot.volumes.values().chain(successors).filter_map(|record| record.id.as_ref());
    recorded.chain(slot.upkeep.superseded.keys())
}

/// As large as is asked for and as fast, of the type, and encrypted alike. EC2 does not show the key with which.
fn fits(volume: &Volume, wanted: &VolumeParams) -> bool {
    let reaches = |has: Option<u32>, asked: Option<u32>| asked.is_none_or(|asked| has.is_some_and(|has| has >= asked));
    volume.size_gib >= wanted.size_gib
        && volume.kind == wanted.kind.as_str()
        && volume.encrypted == wanted.encrypted
        && reaches(volume.iops, wanted.iops)
        && reaches(volume.throughput, wanted.throughput)
}
