//! What people and AWS do to disks: grown, lost, cut off, detached and retagged by hand, ordered elsewhere.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rand::RngExt;
use stateful_asg_core::ids::{GroupName, SlotNumber, SnapshotId, VolumeName, Zone};
use stateful_asg_core::shared::Shared;
use stateful_asg_core::table::Slot;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Order;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    AttachmentStatus, DetachNetworkInterface, DetachVolume, LifecycleState, SnapshotState,
};

use crate::deed::Deed;
use crate::operator::Operator;

/// How long EC2 takes at the most until the disk of an instance that is terminated is free.
const FREED_WITHIN: Duration = Duration::from_secs(180);
/// The key that specs name.
pub const KEY: &str = "alias/ours";

impl Operator<'_> {
    /// Does it, if there is anything to do it to; false if not.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the other deeds are done elsewhere")]
    pub(crate) fn act_on_storage(&mut self, deed: Deed) -> bool {
        match deed {
            Deed::Grow => {
                self.wish.grow(&mut self.rng);
                self.apply_wish()
            }
            Deed::MoveRule => {
                self.wish.change_moves(&mut self.rng);
                self.apply_wish()
            }
            Deed::Shrink => {
                let smaller = self.wish.smaller().text();
                self.lab.edit_spec(&self.group.asg.clone(), &smaller);
                true
            }
            Deed::LoseVolume => self.with_volume("loses", |aws, volume| aws.lose_volume(volume)),
            Deed::FailSnapshot => {
                self.with_volume("fails the next snapshot of", |aws, volume| aws.fail_snapshot(volume))
            }
            Deed::FailModification => {
                self.with_volume("fails the next change of", |aws, volume| aws.fail_modification(volume))
            }
            Deed::DetachByHand => self.with_volume("detaches by hand", detach),
            Deed::Untag => self.untag(),
            Deed::LoseSnapshot => self.lose_snapshot(),
            Deed::KeyRefused => self.for_a_while(
                "takes the key away",
                |aws| aws.set_key_usable(KEY, false),
                |aws| aws.set_key_usable(KEY, true),
            ),
            Deed::ZoneDown if self.lab.zones.len() > 1 && self.rng.random_bool(0.5) => self.zone_dies_with_a_node(),
            Deed::ZoneDown => {
                let zone = self.zone();
                let (down, up) = (zone.clone(), zone.clone());
                self.for_a_while(
                    &zone,
                    move |aws| aws.set_zone_reachable(&down, false),
                    move |aws| aws.set_zone_reachable(&up, true),
                )
            }
            Deed::SnapshotQuota => self.for_a_while(
                "no more snapshots",
                |aws| {
                    let used = aws.snapshots().count();
                    aws.set_snapshot_quota(Some(used));
                },
                |aws| aws.set_snapshot_quota(None),
            ),
            Deed::DeleteInterface => self.delete_interface(),
            Deed::Order => self.order(),
            Deed::ScaleInLong => {
                let asg = self.group.asg.clone();
                self.lab.operate("scales in for hours", |aws, _| aws.set_desired_capacity(&asg, 1).is_ok())
            }
            Deed::TimePasses => true,
            _ => false,
        }
    }

    pub(crate) fn apply_wish(&mut self) -> bool {
        self.group.spec = self.wish.text();
        self.lab.edit_spec(&self.group.asg.clone(), &self.group.spec.clone());
        true
    }

    fn with_volume(&mut self, what: &str, deed: impl FnOnce(&mut Aws, &str)) -> bool {
        let all: Vec<String> = self.lab.truth(|aws, _| aws.volumes().map(|v| v.volume_id.clone()).collect());
        let Some(volume) = self.pick(&all) else { return false };
        self.lab.operate(&format!("{what} {volume}"), |aws, _| deed(aws, &volume));
        true
    }

    fn untag(&mut self) -> bool {
        let key = [tags::SLOT, tags::VOLUME, tags::ATTEMPT][self.rng.random_range(0..3)];
        self.with_volume(&format!("takes the tag {key} from"), |aws, volume| {
            let _ = aws.delete_tags(&[volume.to_owned()], &[(key.to_owned(), None)]);
        })
    }

    fn lose_snapshot(&mut self) -> bool {
        let all: Vec<String> = self.lab.truth(|aws, _| aws.snapshots().map(|s| s.snapshot_id.clone()).collect());
        let Some(snapshot) = self.pick(&all) else { return false };
        self.lab.operate(&format!("loses {snapshot}"), |aws, _| aws.lose_snapshot(&snapshot));
        true
    }

    /// Something is amiss for one minute to half an hour.
    fn for_a_while(&mut self, what: &str, begin: impl FnOnce(&mut Aws), end: impl FnOnce(&mut Aws) + 'static) -> bool {
        self.lab.operate(&format!("for a while: {what}"), |aws, _| begin(aws));
        let region = Rc::clone(&self.lab.region);
        let long = Duration::from_secs(self.rng.random_range(60..1800));
        tokio::task::spawn_local(async move {
            tokio::time::sleep(long).await;
            region.act("operator", |aws, _| end(aws));
        });
        true
    }

    /// A node dies where nothing can be launched; once its disk is free its zone is out of reach too, and the others have
    /// room again: what was last saved is all that can follow it.
    fn zone_dies_with_a_node(&mut self) -> bool {
        let nodes: Vec<(String, String)> = self.lab.truth(|aws, _| {
            let members = aws.members(&self.group.asg).filter(|member| member.state == LifecycleState::InService);
            members.map(|member| (member.instance_id.clone(), member.availability_zone.clone())).collect()
        });
        if nodes.is_empty() {
            return false;
        }
        let (node, zone) = nodes[self.rng.random_range(0..nodes.len())].clone();
        let zones = self.lab.zones.clone();
        let done = self.lab.operate(&format!("{zone} dies with {node}"), |aws, _| {
            zones.iter().for_each(|zone| aws.set_capacity(zone, false));
            aws.terminate_instances(&[node]).is_ok()
        });
        let down = Duration::from_secs(self.rng.random_range(900..3000));
        let region = Rc::clone(&self.lab.region);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(FREED_WITHIN).await;
            region.act("operator", |aws, _| {
                aws.set_zone_reachable(&zone, false);
                zones.iter().filter(|other| **other != zone).for_each(|other| aws.set_capacity(other, true));
            });
            tokio::time::sleep(down).await;
            region.act("operator", |aws, _| {
                aws.set_zone_reachable(&zone, true);
                aws.set_capacity(&zone, true);
            });
        });
        done
    }

    fn delete_interface(&mut self) -> bool {
        let own: Vec<String> = self.lab.truth(|aws, _| {
            let ours = aws.interfaces().filter(|i| i.tags.contains_key(tags::SLOT));
            ours.map(|i| i.network_interface_id.clone()).collect()
        });
        let Some(interface) = self.pick(&own) else { return false };
        self.lab.operate(&format!("deletes {interface} by hand"), |aws, _| {
            let attachment =
                aws.interface(&interface).and_then(|i| i.attachment.as_ref().map(|a| a.attachment_id.clone()));
            match attachment {
                Some(attachment_id) => {
                    aws.detach_network_interface(&DetachNetworkInterface { attachment_id, force: true }).is_ok()
                }
                None => aws.delete_network_interface(&interface).is_ok(),
            }
        })
    }

    /// What `stateful-asg slot retire|move|restore` writes.
    fn order(&mut self) -> bool {
        let group: GroupName = self.group.group.parse().expect("a good group name");
        let slots: Vec<Shared<Slot>> = self.lab.truth(|_, table| table.slots(&group).cloned().collect());
        if slots.is_empty() {
            return false;
        }
        let slot = slots[self.rng.random_range(0..slots.len())].clone();
        let order = match self.rng.random_range(0..4) {
            0 => Order::Retire,
            1 => Order::Move { to: self.zone().parse::<Zone>().expect("a good zone") },
            _ => match self.snapshots_of(slot.number) {
                chosen if chosen.is_empty() => return false,
                volumes => Order::Restore { volumes },
            },
        };
        let at = self.lab.now();
        self.lab.operate(&format!("orders for slot {}: {order:?}", slot.number), |_, table| {
            table.edit_slot((&group, slot.number), (at, "operator"), |slot| slot.upkeep.order = Some(order))
        })
    }

    /// A completed snapshot of each volume of the slot that has one.
    fn snapshots_of(&mut self, slot: SlotNumber) -> BTreeMap<VolumeName, SnapshotId> {
        let all: Vec<(VolumeName, SnapshotId)> = self.lab.truth(|aws, _| {
            let ours = aws.snapshots().filter(|s| s.state == SnapshotState::Completed);
            ours.filter(|s| s.tags.get(tags::SLOT) == Some(&slot.to_string()))
                .filter_map(|s| Some((s.tags.get(tags::VOLUME)?.parse().ok()?, s.snapshot_id.parse().ok()?)))
                .collect()
        });
        let mut chosen = BTreeMap::new();
        for (name, snapshot) in all {
            if !chosen.contains_key(&name) || self.rng.random_bool(0.5) {
                chosen.insert(name, snapshot);
            }
        }
        chosen
    }

    /// Everything that was done to disks and zones for a while is over, and a person sees to what only persons can.
    pub(crate) fn mend_storage(&mut self) {
        let zones = self.lab.zones.clone();
        self.lab.operate("mends disks and zones", |aws, _| {
            for zone in &zones {
                aws.set_zone_reachable(zone, true);
            }
            aws.set_key_usable(KEY, true);
            aws.set_snapshot_quota(None);
            // Whoever detached a mounted volume by hand must end its instance.
            let busy: Vec<String> = aws
                .volumes()
                .flat_map(|volume| volume.attachments.iter())
                .filter(|attachment| attachment.status == AttachmentStatus::Busy)
                .map(|attachment| attachment.instance_id.clone())
                .collect();
            if !busy.is_empty() {
                let _ = aws.terminate_instances(&busy);
            }
        });
    }
}

fn detach(aws: &mut Aws, volume: &str) {
    let request = DetachVolume { volume_id: volume.to_owned(), instance_id: None, device: None, force: false };
    let _ = aws.detach_volume(&request);
}
