//! The rules over AWS: nothing made twice, nothing pulled away, nothing foreign touched, nothing in service unserved.

use jiff::Timestamp;
use stateful_asg_core::ids::{GroupName, SlotNumber};
use stateful_asg_core::table::Slot;
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::{InstanceState, LifecycleResult, LifecycleState, VolumeState};
use stateful_asg_sim::model::{Aws, Effect, EffectKind, Gone};
use stateful_asg_sim::typed::MemoryTable;

use super::{Rules, belongs, has_let_go, is_gone, is_ours, place};
use crate::served;

impl Rules {
    #[allow(clippy::wildcard_enum_match_arm, reason = "of all effects these few matter here")]
    pub(super) fn judge_effect(&mut self, effect: &Effect, aws: &Aws, table: &MemoryTable) {
        let at = effect.at;
        self.remember(effect, aws, table);
        self.remember_data(effect);
        self.tally(effect, aws);
        match &effect.what {
            EffectKind::VolumeGone { volume, why: Gone::WithInstance } => {
                self.accuse(1, at, format!("{volume} was deleted with its instance"));
            }
            EffectKind::InterfaceGone { interface, why: Gone::WithInstance } => {
                self.accuse(1, at, format!("{interface} was deleted with its instance"));
            }
            EffectKind::Record { zone, name, old, new, .. } => {
                self.judge_record(effect, (zone, name), old.as_deref(), new.as_deref(), aws, table)
            }
            _ if !is_ours(&effect.actor) => {}
            what => {
                self.note_effect(effect, aws, table);
                self.judge_own(at, what, aws, table);
            }
        }
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "of all effects these few matter here")]
    fn remember(&mut self, effect: &Effect, aws: &Aws, table: &MemoryTable) {
        match &effect.what {
            EffectKind::Lifecycle { instance, state: Some(LifecycleState::InService), .. } => {
                self.in_service.insert(instance.clone());
                let slot = owner(table, |slot| {
                    slot.holder.as_ref().is_some_and(|holder| holder.instance.as_str() == instance)
                });
                // One that dies on its way comes into service all the same, without the address that it had, or without
                // the slot that it had it of.
                let had = self.attached_with.get(instance).or_else(|| self.launched_with.get(instance)).cloned();
                let held = self.holders.iter().any(|(_, _, holder)| holder == instance);
                let has = slot.and_then(|slot| served::address(aws, &slot, instance));
                self.addresses.extend(has.or(had.filter(|_| held)));
                self.judge_told(effect.at, instance, aws, table);
            }
            EffectKind::Tagged { resource, new, .. } => {
                if let Some(claim) = new.get(tags::RELEASED) {
                    self.released_since.entry((resource.clone(), claim.clone())).or_insert(effect.at);
                }
            }
            EffectKind::InstanceLaunched { instance, .. } => {
                let address = aws.instance(instance).and_then(|i| i.private_ip_address.clone());
                self.launched_with.extend(address.map(|address| (instance.clone(), address)));
            }
            EffectKind::InterfaceAttached { interface, instance } => {
                let address = aws.interface(interface).map(|interface| interface.private_ip_address.clone());
                self.attached_with.extend(address.map(|address| (instance.clone(), address)));
            }
            EffectKind::InstanceState { instance, state: InstanceState::ShuttingDown } => {
                self.gone_since.insert(instance.clone(), effect.at);
            }
            EffectKind::HookStarted { instance, hook, .. } if self.is_our_hook(hook) => {
                self.hooks.entry((instance.clone(), hook.clone())).or_default().0 += 1;
                self.begun.insert(instance.clone(), effect.at);
                let leaves_pool = aws.member(instance).is_none_or(|member| !member.state.is_warmed());
                if hook.ends_with("-launch") && leaves_pool {
                    self.hooked.insert(instance.clone());
                }
            }
            _ => {}
        }
    }

    fn is_our_hook(&self, hook: &str) -> bool {
        hook.strip_prefix("stateful-asg-")
            .and_then(|rest| rest.strip_prefix(self.deployment.as_str()))
            .is_some_and(|r| r.starts_with('-'))
    }

    /// What a function of ours did.
    #[allow(clippy::wildcard_enum_match_arm, reason = "of all effects these few matter here")]
    #[allow(clippy::too_many_lines, reason = "one arm for each effect")]
    fn judge_own(&mut self, at: Timestamp, what: &EffectKind, aws: &Aws, table: &MemoryTable) {
        match what {
            EffectKind::VolumeCreated { volume, .. } => self.judge_new_volume(at, volume, aws, table),
            EffectKind::InterfaceCreated { interface, .. } => self.judge_new_interface(at, interface, aws, table),
            EffectKind::VolumeAttaching { volume, instance, .. } => {
                self.judge_attach(at, volume, instance, owner_of(table, |slot| has_volume(slot, volume)));
                self.judge_touch(at, volume, aws.volume(volume).is_some_and(|v| belongs(&v.tags, &self.deployment)));
                self.judge_touch_instance(at, instance, aws);
            }
            EffectKind::InterfaceAttaching { interface, instance, .. } => {
                self.judge_attach(at, interface, instance, owner_of(table, |slot| has_interface(slot, interface)));
                self.judge_touch(
                    at,
                    interface,
                    aws.interface(interface).is_some_and(|i| belongs(&i.tags, &self.deployment)),
                );
                self.judge_touch_instance(at, instance, aws);
            }
            EffectKind::VolumeDetaching { volume, instance, force, .. } => {
                self.judge_detach(at, volume, instance, *force, aws, table);
                self.judge_touch(at, volume, aws.volume(volume).is_some_and(|v| belongs(&v.tags, &self.deployment)));
            }
            EffectKind::InterfaceDetaching { interface, instance, force, .. } => {
                self.judge_detach(at, interface, instance, *force, aws, table);
            }
            EffectKind::VolumeDeleting { volume } => {
                self.judge_touch(at, volume, aws.volume(volume).is_some_and(|v| belongs(&v.tags, &self.deployment)));
                self.judge_volume_deletion(at, volume, aws, table);
            }
            EffectKind::VolumeModifying { volume, .. } => {
                self.judge_touch(at, volume, aws.volume(volume).is_some_and(|v| belongs(&v.tags, &self.deployment)));
                if owner_of(table, |slot| has_volume(slot, volume)).is_none() && !self.late_calls {
                    self.accuse(3, at, format!("{volume} was changed, and no slot has it on record"));
                }
            }
            EffectKind::SnapshotCreated { volume, .. } => {
                self.judge_touch(at, volume, aws.volume(volume).is_some_and(|v| belongs(&v.tags, &self.deployment)));
            }
            EffectKind::SnapshotGone { snapshot, volume, .. } => {
                self.judge_snapshot_deletion(at, (snapshot, volume), aws, table);
            }
            EffectKind::InterfaceGone { interface, .. } => {
                let allowed = self.limits.deletes && owner_of(table, |slot| has_interface(slot, interface)).is_none();
                if !allowed {
                    self.accuse(6, at, format!("{interface} was deleted"));
                }
            }
            // Their beginnings were judged.
            EffectKind::VolumeGone { .. } => {}
            EffectKind::Tagged { resource, .. } | EffectKind::Untagged { resource, .. } => {
                let ours = tags_of(aws, resource).is_none_or(|tags| belongs(tags, &self.deployment));
                self.judge_touch(at, resource, ours);
            }
            EffectKind::VolumeDeleteOnTermination { instance, value, .. }
            | EffectKind::InterfaceDeleteOnTermination { instance, value, .. } => {
                self.judge_touch_instance(at, instance, aws);
                if *value {
                    self.accuse(1, at, format!("DeleteOnTermination was set on an attachment to {instance}"));
                }
            }
            EffectKind::HookCompleted { instance, group, hook, result, timeout: false } => {
                self.judge_completion(at, (instance, group, hook), *result, aws, table);
            }
            EffectKind::HookHeartbeat { group, hook, .. } => self.judge_hook(at, group, hook, aws),
            EffectKind::EventPut { .. } => {}
            other => self.accuse(7, at, format!("a function did what none should: {other:?}")),
        }
    }

    /// Rule 7: only what bears our deployment's tag.
    fn judge_touch(&mut self, at: Timestamp, what: &str, ours: bool) {
        if !ours && !self.just_untagged(at, what) {
            self.accuse(7, at, format!("{what} was touched without bearing our deployment's tag"));
        }
    }

    fn judge_touch_instance(&mut self, at: Timestamp, instance: &str, aws: &Aws) {
        let ours = aws.instance(instance).is_none_or(|i| belongs(&i.tags, &self.deployment));
        self.judge_touch(at, instance, ours);
    }

    fn judge_hook(&mut self, at: Timestamp, asg: &str, hook: &str, aws: &Aws) {
        let ours = aws.group(asg).is_none_or(|group| {
            group.tags.get(tags::DEPLOYMENT).is_some_and(|tag| tag.value == self.deployment.as_str())
        });
        self.judge_touch(at, &format!("the hook {hook} of {asg}"), ours && self.is_our_hook(hook));
    }

    /// Rule 1: no second volume.
    fn judge_new_volume(&mut self, at: Timestamp, volume: &str, aws: &Aws, table: &MemoryTable) {
        let Some(new) = aws.volume(volume) else { return };
        let Some((group, slot, name)) = place(&new.tags) else {
            return self.judge_successor(at, volume, aws, table);
        };
        let twin = aws.volumes().find(|other| {
            other.volume_id != volume
                && place(&other.tags) == Some((group, slot, name))
                && !other.tags.contains_key(tags::SUPERSEDED)
                && matches!(other.state, VolumeState::Available | VolumeState::InUse)
        });
        if let Some(twin) = twin {
            self.accuse(1, at, format!("{volume} was created for slot {slot} {name}, which has {}", twin.volume_id));
        }
        let record = recorded(table, group, slot)
            .and_then(|slot| slot.volumes.iter().find(|(n, _)| n.as_str() == name).map(|(_, r)| r.clone()));
        match record {
            Some(record) if record.born => {
                self.accuse(
                    1,
                    at,
                    format!("{volume} was created for slot {slot} {name}, which has {:?} on record", record.id),
                );
            }
            Some(_) => {}
            None if self.rests_on_lost_table(at) => {}
            None => {
                self.accuse(1, at, format!("{volume} was created for slot {slot} {name} without an intent on record"))
            }
        }
    }

    /// Rule 1: a volume that is to take another's place is made once for each attempt, and on record before.
    fn judge_successor(&mut self, at: Timestamp, volume: &str, aws: &Aws, table: &MemoryTable) {
        let place = |tags: &stateful_asg_sim::model::types::Tags| {
            [tags::GROUP, tags::FOR_SLOT, tags::VOLUME, tags::ATTEMPT]
                .map(|key| tags.get(key).cloned().unwrap_or_default())
        };
        let Some(new) = aws.volume(volume) else { return };
        let ours = place(&new.tags);
        if ours.iter().any(String::is_empty) {
            return self.accuse(7, at, format!("{volume} was created without all of our tags"));
        }
        if let Some(twin) = aws.volumes().find(|other| other.volume_id != volume && place(&other.tags) == ours) {
            self.accuse(1, at, format!("{volume} was created for {ours:?}, which has {}", twin.volume_id));
        }
        let [group, slot, name, attempt] = ours;
        // A call that was long on its way may land after the change was dropped: it is left behind.
        let known = recorded(table, &group, &slot).is_some_and(|slot| {
            let attempt = attempt.parse::<u32>().unwrap_or(u32::MAX);
            let made = slot.upkeep.change.iter().flat_map(|change| &change.volumes);
            made.into_iter().any(|(n, made)| n.as_str() == name && made.record.attempt == attempt)
                || attempt <= slot.upkeep.attempts
        });
        if !known && !self.rests_on_lost_table(at) {
            self.accuse(1, at, format!("{volume} was created for slot {slot} {name} without an intent on record"));
        }
    }

    fn judge_new_interface(&mut self, at: Timestamp, interface: &str, aws: &Aws, table: &MemoryTable) {
        let Some(new) = aws.interface(interface) else { return };
        let tag = |key| new.tags.get(key).map_or("", String::as_str);
        let (group, slot) = (tag(tags::GROUP), tag(tags::SLOT));
        let left = recorded(table, group, slot).map(|slot| slot.upkeep.left_interfaces).unwrap_or_default();
        let twin = aws.interfaces().find(|other| {
            // Which interfaces a slot that moved has left behind was in the table alone.
            other.network_interface_id != interface
                && !self.lost_table()
                && !left.keys().any(|id| id.as_str() == other.network_interface_id)
                && other.tags.get(tags::GROUP).is_some_and(|g| g == group)
                && other.tags.get(tags::SLOT).is_some_and(|s| s == slot)
        });
        if let Some(twin) = twin {
            self.accuse(
                1,
                at,
                format!("{interface} was created for slot {slot}, which has {}", twin.network_interface_id),
            );
        }
        let intended = recorded(table, group, slot).is_some_and(|slot| slot.interface.is_some());
        if !intended && !self.rests_on_lost_table(at) {
            self.accuse(1, at, format!("{interface} was created for slot {slot} without an intent on record"));
        }
    }

    /// Rule 3: attached to the slot's holder or to nobody. A call that was long on its way may still reach the holder
    /// before; nobody else.
    fn judge_attach(&mut self, at: Timestamp, what: &str, instance: &str, owner: Option<(GroupName, Slot)>) {
        let Some((group, slot)) = owner else {
            if self.rests_on_lost_table(at) {
                return;
            }
            return self.accuse(3, at, format!("{what} was attached to {instance}, and no slot has it on record"));
        };
        let holds = slot.holder.as_ref().is_some_and(|holder| holder.instance.as_str() == instance);
        let late = self.late_calls && self.holders.contains(&(group, slot.number, instance.to_owned()));
        if !holds && !late {
            self.accuse(
                3,
                at,
                format!("{what} was attached to {instance}, but slot {} is held by {:?}", slot.number, slot.holder),
            );
        }
    }

    /// Rule 4: nothing is pulled from under a running guest.
    fn judge_detach(&mut self, at: Timestamp, what: &str, instance: &str, force: bool, aws: &Aws, table: &MemoryTable) {
        if force {
            self.accuse(4, at, format!("{what} was detached from {instance} by force"));
        }
        let running = aws.instance(instance).is_some_and(|i| i.state == InstanceState::Running);
        let held = owner(table, |slot| slot.holder.as_ref().is_some_and(|holder| holder.instance.as_str() == instance));
        // Once the slot is released, a call that was long on its way rests on the claim that was.
        let late = self.late_calls || self.rests_on_lost_table(at);
        let was = || aws.instance(instance).and_then(|i| i.tags.get(tags::CLAIM)?.parse().ok()).filter(|_| late);
        let claim = held.map(|slot| slot.claim.0).or_else(was);
        if running && !claim.is_some_and(|claim| has_let_go(aws, instance, claim)) {
            self.accuse(4, at, format!("{what} was detached from {instance}, which runs and has not released it"));
        }
    }

    /// Rules 5, 7 and 8.
    fn judge_completion(
        &mut self,
        at: Timestamp,
        of: (&str, &str, &str),
        result: LifecycleResult,
        aws: &Aws,
        table: &MemoryTable,
    ) {
        let (instance, asg, hook) = of;
        self.judge_hook(at, asg, hook, aws);
        let counts = self.hooks.entry((instance.to_owned(), hook.to_owned())).or_default();
        counts.1 += 1;
        if counts.1 > counts.0 {
            self.accuse(8, at, format!("{hook} of {instance} was answered more often than it began"));
        }
        let warmed = aws.member(instance).is_some_and(|member| member.state.is_warmed());
        if !hook.ends_with("-launch") || result == LifecycleResult::Abandon || warmed || is_gone(aws, instance) {
            return;
        }
        let group: Option<GroupName> =
            aws.group(asg).and_then(|asg| asg.tags.get(tags::GROUP)).and_then(|tag| tag.value.parse().ok());
        let Some(group) = group else { return };
        let mut lacks = self.unserved(at, &group, instance, aws, table);
        // Where calls are held up for minutes, an older change of the name may land just before: the next settle mends it.
        // What a person did to a name is found at the next audit.
        let excused = |lack: &str| lack.starts_with(served::NAME) && (self.late_calls || self.person_named(lack));
        lacks.retain(|lack| !self.just_meddled(at, lack) && !excused(lack));
        if !lacks.is_empty() {
            self.accuse(5, at, format!("{instance} was let into service, but {}", lacks.join("; ")));
        }
    }

    /// What an instance lacks by each spec that may have decided: empty if by one of them it lacks nothing.
    fn unserved(
        &self,
        at: Timestamp,
        group: &GroupName,
        instance: &str,
        aws: &Aws,
        table: &MemoryTable,
    ) -> Vec<String> {
        let specs = self.specs_lately(group, at);
        if specs.is_empty() {
            return vec!["no spec was ever accepted".to_owned()];
        }
        let table = self.rested_on(at, group, instance, table);
        let all: Vec<Vec<String>> = specs.iter().map(|spec| served::lacks(aws, table, group, instance, spec)).collect();
        all.into_iter().min_by_key(Vec::len).unwrap_or_default()
    }
}

fn owner_of(table: &MemoryTable, is: impl Fn(&Slot) -> bool) -> Option<(GroupName, Slot)> {
    table.all_slots().find(|(_, slot)| is(slot)).map(|(group, slot)| (group.clone(), Slot::clone(slot)))
}

fn owner(table: &MemoryTable, is: impl Fn(&Slot) -> bool) -> Option<Slot> {
    owner_of(table, is).map(|(_, slot)| slot)
}

fn has_volume(slot: &Slot, volume: &str) -> bool {
    slot.volumes.values().any(|record| record.id.as_ref().is_some_and(|id| id.as_str() == volume))
}

fn has_interface(slot: &Slot, interface: &str) -> bool {
    slot.interface.as_ref().and_then(|record| record.id.as_ref()).is_some_and(|id| id.as_str() == interface)
}

fn recorded(table: &MemoryTable, group: &str, slot: &str) -> Option<Slot> {
    let (group, number): (GroupName, u32) = (group.parse().ok()?, slot.parse().ok()?);
    table.slots(&group).find(|slot| slot.number == SlotNumber(number)).map(|slot| Slot::clone(slot))
}

fn tags_of<'a>(aws: &'a Aws, resource: &str) -> Option<&'a stateful_asg_sim::model::types::Tags> {
    let volume = || aws.volume(resource).map(|v| &v.tags);
    let interface = || aws.interface(resource).map(|i| &i.tags);
    let snapshot = || aws.snapshot(resource).map(|s| &s.tags);
    aws.instance(resource).map(|i| &i.tags).or_else(volume).or_else(interface).or_else(snapshot).map(|tags| &**tags)
}
