//! What a step that succeeded tells without another reading, so that the next plan can follow at once.
//!
//! Folding is economy: what it writes into a reading is no more than what AWS answered, and
//! attachments it leaves as "under way" until they are read.

use jiff::Timestamp;

use crate::cloud::{
    Attachment, AttachmentState, Interface, InterfaceAttachment, Modification, ModificationState, RecordSeen, Snapshot,
    Tags, Volume, VolumeState,
};
use crate::ids::{DeviceName, InstanceId, InterfaceId, SlotNumber, SnapshotId, VolumeId, Zone};
use crate::observed::Observed;
use crate::spec::VolumeParams;
use crate::step::Step;
use crate::table::{Slot, TableWrite};

/// What AWS answered to a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done; nothing else to know.
    Done,
    /// A volume is being created.
    Volume(VolumeId),
    /// An interface is being created.
    Interface(InterfaceId),
    /// Snapshots are being taken.
    Snapshots(Vec<Snapshot>),
}

impl Observed {
    /// Takes over what the success of `step` tells.
    pub fn fold(&mut self, step: &Step, outcome: &Outcome, now: Timestamp) {
        self.notes.failures.remove(&step.key());
        match (step, outcome) {
            (Step::Write { write, .. }, _) => self.fold_write(write),
            // Taken from the pool once it had lost the tags that said whose it is.
            (Step::CreateVolume { slot, token, .. }, Outcome::Volume(id)) if self.went_to_another(*slot, id) => {
                self.notes.spent.insert(token.clone());
            }
            (Step::CreateVolume { params, zone, tags, .. }, Outcome::Volume(id)) => {
                let made = self.volumes.entry(id.clone()).or_insert_with(|| creating(id, params, zone, tags));
                // The token says whose it is, whatever tags were taken from it since.
                made.tags.extend(tags.clone());
            }
            (Step::CreateInterface { slot, tags, .. }, Outcome::Interface(id)) => self.fold_interface(*slot, id, tags),
            (Step::AttachVolume { volume, instance, device, .. }, _) => self.fold_attach(volume, instance, device, now),
            // Read back before anything follows from it.
            (Step::KeepVolume { volume, instance, .. }, _) => {
                let shown = self.volumes.get_mut(volume).map(|volume| &mut volume.attachments);
                for attachment in shown.into_iter().flatten().filter(|attachment| &attachment.instance == instance) {
                    (attachment.state, attachment.since) = (AttachmentState::Attaching, None);
                }
            }
            (Step::KeepInterface { interface, .. }, _) => {
                if let Some(attachment) = self.interfaces.get_mut(interface).and_then(|i| i.attachment.as_mut()) {
                    (attachment.state, attachment.since) = (AttachmentState::Attaching, None);
                }
            }
            (Step::DetachVolume { volume, instance, .. }, _) => {
                if let Some(volume) = self.volumes.get_mut(volume) {
                    let ours = volume.attachments.iter_mut().filter(|attachment| &attachment.instance == instance);
                    ours.for_each(|attachment| attachment.state = AttachmentState::Detaching);
                }
            }
            (Step::DetachInterface { interface, .. }, _) => {
                if let Some(attachment) = self.interfaces.get_mut(interface).and_then(|i| i.attachment.as_mut()) {
                    attachment.state = AttachmentState::Detaching;
                }
            }
            (Step::AttachInterface { interface, instance, index, .. }, _) => {
                self.fold_attach_interface(interface, instance, *index, now);
            }
            (Step::Tag { resource, tags }, _) => self.fold_tags(resource, tags),
            (Step::ChangeRecord(change), _) => {
                let seen = match &change.new {
                    Some((ttl, values)) => RecordSeen::A { ttl: *ttl, values: values.clone() },
                    None => RecordSeen::Absent,
                };
                self.records.insert(change.key.clone(), seen);
            }
            (Step::Complete { action, result }, _) => {
                self.notes.answered.insert((action.instance.clone(), action.transition), *result);
            }
            (Step::Heartbeat(action), _) => {
                self.notes.beats.insert((action.instance.clone(), action.transition), now);
            }
            (step, outcome) => self.fold_storage(step, outcome, now),
        }
    }

    /// Another slot has this volume on record.
    pub(crate) fn is_anothers(&self, slot: SlotNumber, id: &VolumeId) -> bool {
        let has = |slot: &Slot| slot.volumes.values().any(|record| record.id.as_ref() == Some(id));
        self.slots().any(|other| other.number != slot && has(other))
    }

    /// Another slot has it on record, or left it behind.
    fn went_to_another(&self, slot: SlotNumber, id: &VolumeId) -> bool {
        let left = |other: &Slot| other.number != slot && other.upkeep.superseded.contains_key(id);
        self.is_anothers(slot, id) || self.slots().any(left)
    }

    fn fold_interface(&mut self, slot: SlotNumber, id: &InterfaceId, tags: &Tags) {
        let Some(zone) = self.slots.get(&slot).map(|slot| slot.zone.clone()) else { return };
        let made =
            Interface { id: id.clone(), available: false, zone, ip: None, tags: tags.clone().into(), attachment: None };
        self.interfaces.entry(id.clone()).or_insert(made).tags.extend(tags.clone());
    }

    /// Snapshots, changes and what is deleted; nothing is told by the others.
    #[allow(clippy::wildcard_enum_match_arm, reason = "`fold` sends the steps here that it does not know")]
    fn fold_storage(&mut self, step: &Step, outcome: &Outcome, now: Timestamp) {
        match (step, outcome) {
            (Step::CreateSnapshot { .. } | Step::CreateSnapshots { .. }, Outcome::Snapshots(taken)) => {
                if let Some(snapshots) = self.snapshots.as_mut() {
                    snapshots.extend(taken.iter().map(|snapshot| (snapshot.id.clone(), snapshot.clone())));
                }
            }
            (Step::DeleteSnapshot { snapshot }, _) => {
                if let Some(snapshots) = self.snapshots.as_mut() {
                    snapshots.remove(snapshot);
                }
            }
            (Step::ModifyVolume { volume, .. }, _) => {
                let begun = Modification {
                    volume: volume.clone(),
                    state: ModificationState::Modifying,
                    started: Some(now),
                    message: None,
                };
                self.modifications.insert(volume.clone(), Some(begun));
            }
            (Step::DeleteVolume { volume, .. }, _) => {
                if let Some(volume) = self.volumes.get_mut(volume) {
                    volume.state = VolumeState::Deleting;
                }
            }
            (Step::DeleteInterface { interface, .. }, _) => {
                self.interfaces.remove(interface);
            }
            _ => {}
        }
    }

    fn fold_attach_interface(&mut self, interface: &InterfaceId, instance: &InstanceId, index: u32, now: Timestamp) {
        if let Some(interface) = self.interfaces.get_mut(interface) {
            interface.available = false;
            interface.attachment = attaching(interface, instance, now);
        }
        if let Some(instance) = self.instances.get_mut(instance) {
            instance.interface_indexes.insert(index);
        }
    }

    fn fold_attach(&mut self, volume: &VolumeId, instance: &InstanceId, device: &DeviceName, now: Timestamp) {
        if let Some(volume) = self.volumes.get_mut(volume) {
            volume.state = VolumeState::InUse;
            volume.attachments = vec![Attachment {
                instance: instance.clone(),
                device: device.to_string(),
                state: AttachmentState::Attaching,
                delete_on_termination: false,
                since: Some(now),
            }];
        }
        if let Some(instance) = self.instances.get_mut(instance) {
            instance.devices.insert(device.clone());
        }
    }

    fn fold_write(&mut self, write: &TableWrite) {
        if let Some((_, slot)) = &write.slot {
            self.slots.insert(slot.number, (**slot).clone().into());
        }
        if let Some((_, group)) = &write.record {
            self.record = Some((**group).clone());
        }
        if let Some(action) = &write.action {
            let key = (action.instance.clone(), action.transition);
            if action.done.is_some() {
                self.notes.answered.remove(&key);
            }
            self.actions.insert(key, action.clone());
        }
    }

    fn fold_tags(&mut self, resource: &str, tags: &Tags) {
        self.notes.tagged.entry(resource.to_owned()).or_default().extend(tags.clone());
        let volume =
            VolumeId::new(resource).ok().and_then(|id| self.volumes.get_mut(&id)).map(|volume| &mut volume.tags);
        let instance = InstanceId::new(resource).ok().and_then(|id| self.instances.get_mut(&id)).map(|i| &mut i.tags);
        let snapshots = self.snapshots.as_mut();
        let snapshot =
            SnapshotId::new(resource).ok().and_then(|id| snapshots?.get_mut(&id)).map(|snapshot| &mut snapshot.tags);
        if let Some(shown) = volume.or(instance).or(snapshot) {
            shown.extend(tags.clone());
        }
    }
}

fn creating(id: &VolumeId, params: &VolumeParams, zone: &Zone, tags: &Tags) -> Volume {
    Volume {
        id: id.clone(),
        state: VolumeState::Creating,
        zone: zone.clone(),
        size_gib: params.size_gib,
        kind: params.kind.as_str().to_owned(),
        iops: params.iops,
        throughput: params.throughput,
        encrypted: params.encrypted,
        multi_attach: false,
        tags: tags.clone().into(),
        attachments: Vec::new(),
    }
}

/// The attachment's ID is known once it is read; until then there is none to name.
fn attaching(interface: &Interface, instance: &InstanceId, now: Timestamp) -> Option<InterfaceAttachment> {
    let id = interface.id.as_str().replacen("eni-", "eni-attach-", 1);
    Some(InterfaceAttachment {
        id: id.parse().ok()?,
        instance: Some(instance.clone()),
        state: AttachmentState::Attaching,
        delete_on_termination: false,
        since: Some(now),
    })
}
