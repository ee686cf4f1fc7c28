//! What really happened, from the simulated AWS itself: it is not what the functions say of themselves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::{ModificationState, VolumeModification};
use stateful_asg_sim::model::{EffectKind, Stamp};

use super::check::Check;
use super::picture::Slots;
use crate::output::count;
use crate::site::Site;

/// What the databases on the nodes wrote, by volume.
pub(super) fn stamps(site: &Site, slots: &Slots) -> BTreeMap<String, Vec<Stamp>> {
    let volumes = slots.values().flat_map(|slot| slot.has.volumes.values());
    site.simulator.with(|aws| volumes.map(|volume| (volume.clone(), aws.stamps(volume))).collect())
}

/// Volumes created in the whole story.
pub(super) fn created(site: &Site) -> usize {
    times(site, |what| matches!(what, EffectKind::VolumeCreated { .. })).len()
}

/// Volumes deleted or lost.
pub(super) fn gone(site: &Site) -> usize {
    times(site, |what| matches!(what, EffectKind::VolumeGone { .. })).len()
}

/// When such things happened, in order.
pub(super) fn times(site: &Site, wanted: impl Fn(&EffectKind) -> bool) -> Vec<Timestamp> {
    site.simulator
        .with(|aws| aws.effects().iter().filter(|effect| wanted(&effect.what)).map(|effect| effect.at).collect())
}

/// When the volume's snapshots were completed.
pub(super) fn saved(site: &Site, volume: &str) -> Vec<Timestamp> {
    times(site, |what| matches!(what, EffectKind::SnapshotReady { volume: of, failed: false, .. } if of == volume))
}

/// When deleting the volume was asked for.
pub(super) fn deleted(site: &Site, volume: &str) -> Option<Timestamp> {
    times(site, |what| matches!(what, EffectKind::VolumeDeleting { volume: which } if which == volume)).first().copied()
}

/// Whether the volume exists.
pub(super) fn exists(site: &Site, volume: &str) -> bool {
    site.simulator.with(|aws| aws.volume(volume).is_some())
}

/// The value of an instance's tag.
pub(super) fn tag_of(site: &Site, instance: Option<&String>, key: &str) -> Option<String> {
    site.simulator.with(|aws| aws.instance(instance?)?.tags.get(key).cloned())
}

/// What the functions tell the guest of the data that it finds.
pub(super) fn data_tag(site: &Site, instance: Option<&String>) -> Option<String> {
    tag_of(site, instance, tags::DATA)
}

/// The latest change of a volume, if it is over.
pub(super) fn finished_change(site: &Site, volume: &str) -> Option<VolumeModification> {
    let latest = site.simulator.with(|aws| aws.modification(volume).map(|change| change.as_ref().clone()))?;
    (latest.state == ModificationState::Completed).then_some(latest)
}

/// Every mark of the old volume is on the new one.
pub(super) fn all_written(site: &Site, slot: u32, old: &str, new: &str) -> Check {
    let (was, is) = site.simulator.with(|aws| (aws.data(old), aws.data(new)));
    let lacking: u64 = is.lacks(&was).iter().map(|written| written.marks()).sum();
    let (was, is) = (was.marks(), is.marks());
    Check {
        what: format!("the new volume of slot {slot} holds every write of the old one"),
        ok: lacking == 0 && was > 0 && old != new,
        detail: format!("{old} was written to {was} times; {new} lacks {lacking} of that and has {is} writes"),
    }
}

/// The old volume was deleted, and only when a snapshot of all that is on it had been completed.
pub(super) fn deleted_on_proof(site: &Site, slot: u32, old: &str, left_at: Timestamp) -> Check {
    let (at, proof) = (deleted(site, old), saved(site, old).into_iter().find(|at| *at >= left_at));
    let detail = match (at, proof) {
        (Some(at), Some(proof)) => {
            format!("{old} was deleted {} min after its last snapshot was complete", at.duration_since(proof).as_mins())
        }
        (None, _) => format!("{old} was not deleted"),
        (Some(_), None) => format!("{old} was deleted, and no snapshot of it was completed after it was left"),
    };
    let ok = at.zip(proof).is_some_and(|(at, proof)| proof < at) && !exists(site, old);
    Check {
        what: format!("the old volume of slot {slot} was deleted, and only after its last snapshot was complete"),
        ok,
        detail,
    }
}

/// Whoever was left alone has what it had, the same instance included.
pub(super) fn others_untouched(before: &Slots, after: &Slots, but: Option<u32>) -> Check {
    let others = || before.iter().filter(|(number, _)| Some(**number) != but);
    let changed: Vec<String> = others()
        .filter(|(number, was)| {
            let is = after.get(number);
            !is.is_some_and(|is| is.has.is_same(&was.has) && is.waits_for.is_none())
        })
        .map(|(number, _)| number.to_string())
        .collect();
    Check {
        what: "no other node was replaced, and each has the volume, the address and the name that it had".to_owned(),
        ok: changed.is_empty(),
        detail: if changed.is_empty() {
            count(others().count(), "slot")
        } else {
            format!("changed: slot {}", changed.join(", "))
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::SignedDuration;
    use stateful_asg_sim::model::types::{CreateSnapshot, CreateVolume};

    use super::super::check::tests::slot;
    use super::*;
    use crate::site::{self, Plot};

    /// A simulated AWS without functions, and a volume in it.
    fn with_volume() -> (Site, String) {
        let plot = Plot {
            deployment: "demo",
            functions: None,
            port: None,
            seed: 1,
            speed: 60.0,
            any_zone: false,
            without: None,
        };
        let site = site::start(plot).unwrap();
        let request = CreateVolume {
            availability_zone: "eu-central-1a".to_owned(),
            size_gib: Some(1),
            ..CreateVolume::default()
        };
        let id = site.simulator.with(|aws| aws.create_volume(&request)).unwrap().volume_id.clone();
        pass(&site);
        (site, id)
    }

    fn pass(site: &Site) {
        site.simulator.leap(SignedDuration::from_mins(5), Duration::from_secs(5)).unwrap();
    }

    fn save(site: &Site, id: &str) {
        let request = CreateSnapshot { volume_id: id.to_owned(), ..CreateSnapshot::default() };
        site.simulator.with(|aws| aws.create_snapshot(&request)).unwrap();
        pass(site);
    }

    fn delete(site: &Site, id: &str) {
        site.simulator.with(|aws| aws.delete_volume(id)).unwrap();
        pass(site);
    }

    #[test]
    fn a_volume_that_goes_without_a_later_snapshot_went_without_proof() {
        let (site, id) = with_volume();
        save(&site, &id);
        let left = site.simulator.clock().now();
        assert!(!deleted_on_proof(&site, 0, &id, left).ok, "it is there");
        delete(&site, &id);
        let check = deleted_on_proof(&site, 0, &id, left);
        assert!(!check.ok && check.detail.contains("no snapshot"), "{check:?}");
    }

    #[test]
    fn a_volume_that_goes_after_its_last_snapshot_went_on_proof() {
        let (site, id) = with_volume();
        let left = site.simulator.clock().now();
        save(&site, &id);
        delete(&site, &id);
        let check = deleted_on_proof(&site, 0, &id, left);
        assert!(check.ok, "{check:?}");
        assert!(!all_written(&site, 0, &id, &id).ok, "nothing was ever written, and it is the same volume");
    }

    #[test]
    fn whoever_was_left_alone_must_have_what_it_had() {
        let before: Slots = [(0, slot(0, "i-a")), (1, slot(1, "i-b"))].into();
        let mut after = before.clone();
        after.insert(0, slot(0, "i-new"));
        assert!(others_untouched(&before, &after, Some(0)).ok);
        assert!(!others_untouched(&before, &after, None).ok, "slot 0 has another holder");
        after.get_mut(&1).unwrap().waits_for = Some("a node to take it".to_owned());
        let check = others_untouched(&before, &after, Some(0));
        assert!(!check.ok && check.detail.contains('1'), "{check:?}");
    }
}
