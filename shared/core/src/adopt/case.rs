//! One adoption in the making.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::adopt::{Adoption, Needs, Wishes, evidence};
use crate::cloud::{Interface, Tags, Volume};
use crate::ids::{Generation, InstanceId, InterfaceId, SlotNumber, SubnetId, VolumeId, VolumeName, Zone};
use crate::observed::Observed;
use crate::spec::{Choice, Problem, Spec, VolumeParams, VolumeType};
use crate::step::Step;
use crate::table::{InterfaceRecord, NameRecord, Slot, VolumeRecord};
use crate::tags;
use crate::upkeep::Growth;

/// One adoption in the making.
pub(super) struct Case<'a> {
    pub(super) obs: &'a Observed,
    pub(super) spec: &'a Spec,
    pub(super) wishes: &'a Wishes,
    pub(super) now: Timestamp,
    pub(super) rebuilt: Vec<Slot>,
    pub(super) new: Vec<Slot>,
    pub(super) record: Option<NameRecord>,
    pub(super) refused: Vec<Problem>,
    pub(super) notices: Vec<Problem>,
    pub(super) needs: Needs,
}

impl<'a> Case<'a> {
    pub(super) fn new(obs: &'a Observed, spec: &'a Spec, wishes: &'a Wishes, now: Timestamp) -> Self {
        Self {
            obs,
            spec,
            wishes,
            now,
            rebuilt: Vec::new(),
            new: Vec::new(),
            record: None,
            refused: Vec::new(),
            notices: Vec::new(),
            needs: Needs::default(),
        }
    }

    pub(super) fn refuse(&mut self, about: impl ToString, message: impl Into<String>) {
        self.refused.push(Problem { path: about.to_string(), message: message.into() });
    }

    pub(super) fn notice(&mut self, about: impl ToString, message: impl Into<String>) {
        self.notices.push(Problem { path: about.to_string(), message: message.into() });
    }

    /// Bears this group's and this deployment's tags.
    pub(super) fn is_ours(&self, shown: &Tags) -> bool {
        shown.get(tags::GROUP).map(String::as_str) == Some(self.obs.group.as_str())
            && shown.get(tags::DEPLOYMENT).map(String::as_str) == Some(self.obs.deployment.as_str())
    }

    /// Bears another group's or another deployment's tag.
    pub(super) fn is_foreign(&self, shown: &Tags) -> bool {
        let other = |key, own: &str| shown.get(key).is_some_and(|value: &String| value != own);
        other(tags::GROUP, self.obs.group.as_str()) || other(tags::DEPLOYMENT, self.obs.deployment.as_str())
    }

    /// The slot that has this volume on record, in the table or in this proposal, whether it serves or was left behind.
    pub(super) fn owner_of(&self, volume: &VolumeId) -> Option<SlotNumber> {
        let owns = |slot: &&Slot| {
            let made = slot.upkeep.change.iter().flat_map(|change| change.volumes.values().map(|made| &made.record));
            let mut known = slot.volumes.values().chain(made).filter_map(|record| record.id.as_ref());
            known.any(|id| id == volume) || slot.upkeep.superseded.contains_key(volume)
        };
        self.slots().find(owns).map(|slot| slot.number)
    }

    /// The slot that has this interface on record.
    pub(super) fn interface_owner(&self, interface: &InterfaceId) -> Option<SlotNumber> {
        let owns = |slot: &&Slot| {
            let present = slot.interface.as_ref().and_then(|record| record.id.as_ref());
            present == Some(interface) || slot.upkeep.left_interfaces.contains_key(interface)
        };
        self.slots().find(owns).map(|slot| slot.number)
    }

    /// The slot that this instance holds.
    pub(super) fn held_by(&self, instance: &InstanceId) -> Option<SlotNumber> {
        self.slots().find(|slot| slot.held_by(instance)).map(|slot| slot.number)
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.obs.slots().chain(&self.rebuilt).chain(&self.new)
    }

    /// The record of a volume that exists.
    pub(super) fn volume_record(&self, name: &VolumeName, volume: &Volume) -> VolumeRecord {
        let kind = VolumeType::ALL.into_iter().find(|kind| kind.as_str() == volume.kind).unwrap_or_default();
        let shown = VolumeParams {
            size_gib: volume.size_gib,
            kind,
            iops: volume.iops,
            throughput: volume.throughput,
            encrypted: volume.encrypted,
            kms_key: None,
            snapshot: None,
            initialization_rate: None,
        };
        VolumeRecord {
            attempt: evidence::attempt(&volume.tags).unwrap_or(1),
            params: self.spec.volumes.get(name).map_or(shown.clone(), |spec| spec.params_beside(&shown)),
            id: Some(volume.id.clone()),
            born: volume.is_born(),
            absent_since: None,
            growth: Growth::default(),
        }
    }

    /// The record of an interface that exists. EC2 is not asked again for its subnet: it only counts at creation.
    pub(super) fn interface_record(
        &mut self,
        interface: &Interface,
        near: Option<&SubnetId>,
    ) -> Option<InterfaceRecord> {
        let subnet = near.cloned().or_else(|| self.subnet_in(&interface.zone))?;
        let security_groups = match &self.spec.address.security_groups {
            Choice::Group => Vec::new(),
            Choice::List(list) => list.clone(),
        };
        Some(InterfaceRecord {
            attempt: evidence::attempt(&interface.tags).unwrap_or(1),
            subnet,
            security_groups,
            id: Some(interface.id.clone()),
            ip: interface.ip,
            born: interface.ip.is_some(),
            absent_since: None,
        })
    }

    /// A subnet of the group, or of the spec, in this zone.
    fn subnet_in(&mut self, zone: &Zone) -> Option<SubnetId> {
        let listed: BTreeSet<SubnetId> = match &self.spec.address.subnets {
            Choice::Group => self.obs.asgs.iter().flat_map(|asg| asg.subnets.iter().cloned()).collect(),
            Choice::List(list) => list.iter().cloned().collect(),
        };
        let known = |id: &&SubnetId| self.obs.subnet(id).is_some_and(|subnet| &subnet.zone == zone);
        let found = listed.iter().find(known).cloned();
        if found.is_none() {
            self.needs.look.subnets.extend(listed.into_iter().filter(|id| !self.obs.subnets.contains_key(id)));
        }
        found
    }

    pub(super) fn finish(self) -> Adoption {
        let seen = evidence::numbers(self.obs).last().map_or(0, |number| number.0.saturating_add(1));
        let recorded = self.obs.record.as_ref().map_or(0, |group| group.next_slot);
        let proposed =
            self.rebuilt.iter().chain(&self.new).map(|slot| slot.number.0.saturating_add(1)).max().unwrap_or(0);
        let (keep, tags) = (self.to_keep(), self.to_tag());
        Adoption {
            rebuilt: self.rebuilt,
            new: self.new,
            next_slot: recorded.max(seen).max(proposed),
            first: Generation::afresh(self.now),
            record: self.record,
            keep,
            tags,
            refused: self.refused,
            notices: self.notices,
            needs: self.needs,
        }
    }

    /// What of the proposed slots would be deleted with its instance.
    fn to_keep(&self) -> Vec<Step> {
        let proposed = || self.rebuilt.iter().chain(&self.new);
        let volumes = proposed().flat_map(|slot| slot.volumes.values()).filter_map(|record| record.id.as_ref());
        let volumes = volumes.filter_map(|id| self.obs.volumes.get(id)).flat_map(|volume| {
            volume.attachments.iter().filter(|attachment| attachment.delete_on_termination).map(|attachment| {
                Step::KeepVolume {
                    volume: volume.id.clone(),
                    instance: attachment.instance.clone(),
                    device: attachment.device.clone(),
                }
            })
        });
        let interfaces = proposed().filter_map(|slot| slot.interface.as_ref()?.id.as_ref());
        let interfaces = interfaces.filter_map(|id| self.obs.interfaces.get(id)).filter_map(|interface| {
            let attachment = interface.attachment.as_ref().filter(|attachment| attachment.delete_on_termination)?;
            Some(Step::KeepInterface { interface: interface.id.clone(), attachment: attachment.id.clone() })
        });
        volumes.chain(interfaces).collect()
    }

    /// The tags that what is on record lacks, of slots in the table too: a run that was interrupted is completed.
    fn to_tag(&self) -> Vec<(String, Tags)> {
        let mut wanted: BTreeMap<String, Tags> = BTreeMap::new();
        for slot in self.slots() {
            let own = Tags::from([
                (tags::GROUP.to_owned(), self.obs.group.to_string()),
                (tags::DEPLOYMENT.to_owned(), self.obs.deployment.to_string()),
                (tags::SLOT.to_owned(), slot.number.to_string()),
            ]);
            for (name, record) in &slot.volumes {
                let Some(volume) = record.id.as_ref().and_then(|id| self.obs.volumes.get(id)) else { continue };
                let mut own = own.clone();
                own.insert(tags::VOLUME.to_owned(), name.to_string());
                own.retain(|key, value| volume.tags.get(key) != Some(value));
                wanted.insert(volume.id.to_string(), own);
            }
            let interface = slot.interface.as_ref().and_then(|record| record.id.as_ref());
            if let Some(interface) = interface.and_then(|id| self.obs.interfaces.get(id)) {
                let mut own = own;
                own.retain(|key, value| interface.tags.get(key) != Some(value));
                wanted.insert(interface.id.to_string(), own);
            }
        }
        wanted.into_iter().filter(|(_, own)| !own.is_empty()).collect()
    }
}
