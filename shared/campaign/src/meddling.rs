//! What happens beside, in a part of the histories: deaths in any state, disks that go elsewhere for a while, tags and
//! tables that are lost, orders that are taken back.

use std::rc::Rc;
use std::time::Duration;

use rand::RngExt;
use stateful_asg_core::ids::{GroupName, VolumeId};
use stateful_asg_core::shared::Shared;
use stateful_asg_core::table::Slot;
use stateful_asg_core::tags;
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{
    AttachVolume, CreateSnapshot, CreateVolume, DetachVolume, InstanceState, LifecycleState, VolumeState,
};

use crate::adopt::Adopter;
use crate::deed::Deed;
use crate::lab::Lab;
use crate::operator::Operator;
use crate::wish::{SIZE, SNAPSHOT, Start, TEMPLATE};

/// How long may pass between two looks at what was left behind.
const BETWEEN_LOOKS: Duration = Duration::from_secs(11 * 60);
/// Where a foreign hand attaches volumes.
const FOREIGN_DEVICE: &str = "/dev/sdz";

impl Operator<'_> {
    /// Does it, if there is anything to do it to; false if not.
    #[allow(clippy::wildcard_enum_match_arm, reason = "the other deeds are done elsewhere")]
    pub(crate) fn meddle(&mut self, deed: Deed) -> bool {
        match deed {
            Deed::TerminateAnywhere => self.terminate_anywhere(),
            Deed::AttachElsewhere => self.attach_elsewhere(),
            Deed::LoseTag => self.lose_tag(),
            Deed::LoseTable => self.lose_table(),
            Deed::Cancel => self.cancel(),
            Deed::RemoveVolumes => self.remove_volumes(),
            Deed::LoseTemplate => self.lose_template(),
            _ => false,
        }
    }

    /// In whatever state; those that hooks hold first.
    fn terminate_anywhere(&mut self) -> bool {
        let states = |held: bool| {
            self.lab.truth(|aws, _| {
                let alive = |id: &str| {
                    let state = aws.instance(id).map(|i| i.state);
                    state.is_some_and(|s| !matches!(s, InstanceState::ShuttingDown | InstanceState::Terminated))
                };
                let members = aws.members(&self.group.asg).filter(|m| m.state != LifecycleState::InService);
                let held = members.filter(|m| alive(&m.instance_id) && (!held || m.state.is_wait()));
                held.map(|m| m.instance_id.clone()).collect::<Vec<_>>()
            })
        };
        let (held, all) = (states(true), states(false));
        let Some(instance) = self.pick(if held.is_empty() { &all } else { &held }) else { return false };
        self.lab.operate(&format!("terminates {instance}"), |aws, _| aws.terminate_instances(&[instance]).is_ok())
    }

    /// Someone attaches a free volume of the group to some instance, which writes to it, and detaches it again.
    fn attach_elsewhere(&mut self) -> bool {
        let free: Vec<(String, String)> = self.lab.truth(|aws, _| {
            let free = aws.volumes().filter(|v| v.state == VolumeState::Available && v.tags.contains_key(tags::GROUP));
            let running = |zone: &str| {
                let up = aws.instances().filter(|i| i.state == InstanceState::Running && i.availability_zone == zone);
                up.map(|i| i.instance_id.clone()).collect::<Vec<_>>()
            };
            free.flat_map(|v| running(&v.availability_zone).into_iter().map(|i| (v.volume_id.clone(), i))).collect()
        });
        if free.is_empty() {
            return false;
        }
        let (volume, instance) = free[self.rng.random_range(0..free.len())].clone();
        let request = AttachVolume {
            volume_id: volume.clone(),
            instance_id: instance.clone(),
            device: FOREIGN_DEVICE.to_owned(),
        };
        let done = self
            .lab
            .operate(&format!("attaches {volume} to {instance} by hand"), |aws, _| aws.attach_volume(&request).is_ok());
        let drawn = Duration::from_secs(self.rng.random_range(30..900));
        // Use that is over before the next look is not seen (docs/safety.md, rule 6): a person who means to write to what was
        // left behind untags it first.
        let left = self.lab.truth(|aws, _| aws.volume(&volume).is_some_and(|v| v.tags.contains_key(tags::SUPERSEDED)));
        let long = if left { drawn.max(BETWEEN_LOOKS) } else { drawn };
        let region = Rc::clone(&self.lab.region);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(long).await;
            region.act("operator", |aws, _| take_back(aws, &volume));
        });
        done
    }

    /// A volume or an interface loses the tag by which it is ours; someone puts it back after a while.
    fn lose_tag(&mut self) -> bool {
        let ours: Vec<(String, String, String)> = self.lab.truth(|aws, _| {
            let volumes = aws.volumes().map(|v| (&v.volume_id, &v.tags));
            let interfaces = aws.interfaces().map(|i| (&i.network_interface_id, &i.tags));
            let keys = [tags::DEPLOYMENT, tags::GROUP];
            let tagged = volumes.chain(interfaces).flat_map(|(id, shown)| {
                keys.into_iter().filter_map(|key| Some((id.clone(), key.to_owned(), shown.get(key)?.clone())))
            });
            tagged.collect()
        });
        if ours.is_empty() {
            return false;
        }
        let (resource, key, value) = ours[self.rng.random_range(0..ours.len())].clone();
        let lost = self.lab.operate(&format!("takes the tag {key} from {resource}"), |aws, _| {
            aws.delete_tags(std::slice::from_ref(&resource), &[(key.clone(), None)]).is_ok()
        });
        self.lost_tags.push((resource.clone(), key.clone(), value.clone()));
        if lost && self.rng.random_bool(0.5) {
            let long = Duration::from_secs(self.rng.random_range(30..1800));
            let region = Rc::clone(&self.lab.region);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(long).await;
                region.act("operator", |aws, _| _ = aws.create_tags(&[resource], &[(key, value)].into()));
            });
        }
        lost
    }

    /// The table is lost. A person rebuilds it, and tries again as long as that does not succeed.
    fn lose_table(&mut self) -> bool {
        self.lab.lose_table();
        let adopter = self.lab.adopter();
        let group: GroupName = self.group.group.parse().expect("a good group name");
        let wait = Duration::from_secs(self.rng.random_range(10..900));
        tokio::task::spawn_local(async move {
            tokio::time::sleep(wait).await;
            for _ in 0..10 {
                if adopter.adopt(&group).await.is_ok() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
        });
        true
    }

    /// What `stateful-asg slot cancel` writes.
    fn cancel(&mut self) -> bool {
        let (group, slots) = self.slots();
        let open = |slot: &&Shared<Slot>| slot.upkeep.order.is_some() || slot.upkeep.change.is_some();
        let open: Vec<Shared<Slot>> = slots.iter().filter(open).cloned().collect();
        if open.is_empty() {
            return false;
        }
        let slot = open[self.rng.random_range(0..open.len())].clone();
        let at = self.lab.now();
        self.lab.operate(&format!("cancels what is under way for slot {}", slot.number), |_, table| {
            table.edit_slot((&group, slot.number), (at, "operator"), |slot| {
                if slot.upkeep.order.take().is_none() {
                    let (claim, vacated) = (slot.claim, slot.vacated);
                    slot.upkeep.give_up_change(claim, vacated, at);
                }
            })
        })
    }

    /// What `stateful-asg volumes remove` does to a volume that a slot left behind.
    fn remove_volumes(&mut self) -> bool {
        let (group, slots) = self.slots();
        let left: Vec<(Shared<Slot>, VolumeId)> = self.lab.truth(|aws, _| {
            let is_free = |id: &VolumeId| {
                aws.volume(id.as_str()).is_some_and(|v| matches!(v.state, VolumeState::Available | VolumeState::Error))
            };
            let left = slots.iter().flat_map(|slot| slot.upkeep.superseded.keys().map(move |id| (slot, id)));
            left.filter(|(_, id)| is_free(id)).map(|(slot, id)| (slot.clone(), id.clone())).collect()
        });
        if left.is_empty() {
            return false;
        }
        let (slot, volume) = left[self.rng.random_range(0..left.len())].clone();
        let at = self.lab.now();
        self.lab.operate(&format!("removes {volume}"), |aws, table| {
            let marked = table.edit_slot((&group, slot.number), (at, "operator"), |slot| {
                if let Some(left) = slot.upkeep.superseded.get_mut(&volume) {
                    left.deleting.get_or_insert(at);
                }
            });
            marked && aws.delete_volume(volume.as_str()).is_ok()
        })
    }

    fn lose_template(&mut self) -> bool {
        let template = self.lab.words.borrow().get(TEMPLATE).cloned();
        let there = template.filter(|id| self.lab.truth(|aws, _| aws.volume(id).is_some()));
        let Some(template) = there else { return false };
        self.lab.operate(&format!("loses the template {template}"), |aws, _| aws.lose_volume(&template));
        true
    }

    fn slots(&self) -> (GroupName, Vec<Shared<Slot>>) {
        let group: GroupName = self.group.group.parse().expect("a good group name");
        let slots = self.lab.truth(|_, table| table.slots(&group).cloned().collect());
        (group, slots)
    }

    /// People undo what they did: what is attached elsewhere comes back, and tags too. Whoever uses what was left behind goes
    /// on until that was seen.
    pub(crate) fn undo_meddling(&mut self) {
        let lost = std::mem::take(&mut self.lost_tags);
        self.lab.operate("takes back what was attached by hand, and tags what lost its tags", |aws, _| {
            let foreign: Vec<String> = aws
                .volumes()
                .filter(|v| v.attachments.iter().any(|a| a.device == FOREIGN_DEVICE))
                .filter(|v| !v.tags.contains_key(tags::SUPERSEDED))
                .map(|v| v.volume_id.clone())
                .collect();
            foreign.iter().for_each(|volume| take_back(aws, volume));
            for (resource, key, value) in lost {
                let _ = aws.create_tags(&[resource], &[(key, value)].into());
            }
        });
        let template = self.lab.words.borrow().get(TEMPLATE).cloned();
        if template.is_some_and(|id| self.lab.truth(|aws, _| aws.volume(&id).is_none())) {
            prepare(self.lab, self.wish.start());
            self.mend_spec();
        }
    }
}

/// Whether somebody uses a volume on it that a slot left behind.
pub(crate) fn uses_leftover(aws: &Aws, instance: &str) -> bool {
    let left = aws.volumes().filter(|volume| volume.tags.contains_key(tags::SUPERSEDED));
    left.flat_map(|volume| &volume.attachments).any(|attachment| attachment.instance_id == instance)
}

/// Terminates these once their use was certainly seen.
pub(crate) fn terminate_later(lab: &Lab, instances: Vec<String>) {
    if instances.is_empty() {
        return;
    }
    let region = Rc::clone(&lab.region);
    tokio::task::spawn_local(async move {
        tokio::time::sleep(BETWEEN_LOOKS).await;
        region.act("operator", |aws, _| _ = aws.terminate_instances(&instances));
    });
}

/// Detaches what a foreign hand attached.
fn take_back(aws: &mut Aws, volume: &str) {
    let foreign = aws.volume(volume).and_then(|v| v.attachments.iter().find(|a| a.device == FOREIGN_DEVICE).cloned());
    if let Some(attachment) = foreign {
        let _ = aws.detach_volume(&DetachVolume {
            volume_id: volume.to_owned(),
            instance_id: Some(attachment.instance_id),
            device: Some(attachment.device),
            force: true,
        });
    }
}

/// Makes the template or the snapshot that a spec names.
pub(crate) fn prepare(lab: &Lab, start: Start) {
    if start == Start::Blank {
        return;
    }
    let zone = lab.zones[0].clone();
    let deployment = lab.deployment.to_string();
    let (word, id) = lab.operate("makes what the spec names", |aws, _| {
        let size_gib = Some(if start == Start::Template { SIZE } else { SIZE / 2 });
        let volume = CreateVolume {
            availability_zone: zone,
            size_gib,
            volume_type: Some("gp3".to_owned()),
            encrypted: true,
            ..CreateVolume::default()
        };
        let volume = aws.create_volume(&volume).expect("nothing is wrong with it").volume_id.clone();
        if start == Start::Template {
            return (TEMPLATE, volume);
        }
        let soon = aws.now() + jiff::SignedDuration::from_secs(30);
        aws.advance_to(soon);
        let snapshot = CreateSnapshot {
            volume_id: volume,
            tags: [(tags::DEPLOYMENT.to_owned(), deployment)].into(),
            ..CreateSnapshot::default()
        };
        (SNAPSHOT, aws.create_snapshot(&snapshot).expect("the volume is there").snapshot_id.clone())
    });
    lab.words.borrow_mut().insert(word, id);
}

/// Attaches to each member, which came into service without our hooks, the volumes that the spec asks for.
pub(crate) fn furnish(lab: &Lab, asg: &str, names: &[&str]) {
    lab.operate(&format!("gives each member of {asg} its volumes by hand"), |aws, _| {
        let members: Vec<(String, String)> =
            aws.members(asg).map(|m| (m.instance_id.clone(), m.availability_zone.clone())).collect();
        for ((instance, zone), name) in members.iter().flat_map(|member| names.iter().map(move |name| (member, name))) {
            let new = CreateVolume {
                availability_zone: zone.clone(),
                size_gib: Some(SIZE),
                volume_type: Some("gp3".to_owned()),
                encrypted: true,
                tags: [(tags::VOLUME.to_owned(), (*name).to_owned())].into(),
                ..CreateVolume::default()
            };
            let Ok(volume) = aws.create_volume(&new).map(|made| made.volume_id.clone()) else { continue };
            let soon = aws.now() + jiff::SignedDuration::from_secs(5);
            aws.advance_to(soon);
            let device = format!("/dev/sd{}", if *name == "data" { 'm' } else { 'n' });
            let _ = aws.attach_volume(&AttachVolume { volume_id: volume, instance_id: instance.clone(), device });
        }
    });
}

impl Lab {
    /// A person who can adopt.
    #[must_use]
    pub fn adopter(&self) -> Adopter {
        Adopter {
            region: Rc::clone(&self.region),
            deployment: self.deployment.clone(),
            limits: self.rules.borrow().limits().clone(),
        }
    }
}
