//! What the slots have at one moment: the functions' table beside what is really so in AWS.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stateful_asg_core::ids::InstanceId;
use stateful_asg_core::table::{NameRecord, Slot, SlotState};
use stateful_asg_core::upkeep::{Change, ChangeKind, Stage};
use stateful_asg_sim::model::Aws;
use stateful_asg_sim::model::types::{AttachmentStatus, InstanceState, LifecycleState};

use super::group;
use crate::site::{Site, TABLE};

/// What a slot has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Belongings {
    /// Its holder.
    pub(super) instance: Option<String>,
    /// Its zone.
    pub(super) zone: String,
    /// Its volumes, by their names in the slot.
    pub(super) volumes: BTreeMap<String, String>,
    /// Their sizes in GiB.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) gib: BTreeMap<String, u32>,
    /// The address of its interface.
    pub(super) ip: Option<String>,
    /// Its name in DNS, if that resolves to the address.
    pub(super) name: Option<String>,
}

impl Belongings {
    /// The same holder, volumes, zone, address and name; the volumes may have grown.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let grown = Self { gib: other.gib.clone(), ..self.clone() };
        grown == *other
    }

    /// The volume of a slot that has one.
    ///
    /// # Errors
    /// It has none, or several.
    pub(super) fn volume(&self) -> anyhow::Result<String> {
        let mut volumes = self.volumes.values();
        match (volumes.next(), volumes.next()) {
            (Some(only), None) => Ok(only.clone()),
            (None, _) | (Some(_), Some(_)) => anyhow::bail!("the slot has {} volumes, not one", self.volumes.len()),
        }
    }

    /// Its volumes and their sizes, for people.
    pub(super) fn volumes_shown(&self) -> String {
        let shown = self.volumes.iter().map(|(name, id)| match self.gib.get(name) {
            Some(gib) => format!("{id} ({gib} GiB)"),
            None => id.clone(),
        });
        let shown: Vec<String> = shown.collect();
        if shown.is_empty() { "none".to_owned() } else { shown.join(" ") }
    }
}

/// A slot at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SlotNow {
    pub(super) has: Belongings,
    /// The holder's state, in EC2's and Auto Scaling's words; of a slot that rests, its own.
    pub(super) state: String,
    /// What keeps it from serving; `None` where nothing does.
    pub(super) waits_for: Option<String>,
}

/// All slots, by number.
pub(super) type Slots = BTreeMap<u32, SlotNow>;

/// The group at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    pub(super) at: Timestamp,
    pub(super) slots: Slots,
    /// Members that hold no slot, and their states.
    pub(super) others: BTreeMap<String, String>,
    /// Whether the name for all nodes resolves to the addresses of all slots, and to no other.
    pub(super) seeds_complete: bool,
}

impl Picture {
    /// Whether this many slots serve, and all others rest.
    pub(super) fn is_served(&self, slots: u32) -> bool {
        self.holders().count() == slots as usize
            && self.others.is_empty()
            && self.seeds_complete
            && self.slots.values().all(|slot| slot.waits_for.is_none())
    }

    /// The slots' holders.
    pub(super) fn holders(&self) -> impl Iterator<Item = &String> {
        self.slots.values().filter_map(|slot| slot.has.instance.as_ref())
    }

    /// What is waited for, one line a slot or instance.
    pub(super) fn waits(&self) -> Vec<String> {
        let slots = self.slots.iter();
        let mut waits: Vec<String> =
            slots.filter_map(|(number, slot)| Some(format!("slot {number}: {}", slot.waits_for.as_ref()?))).collect();
        waits.extend(self.others.iter().map(|(instance, state)| format!("{instance} ({state}): a slot")));
        if self.slots.is_empty() && self.others.is_empty() {
            waits.push("Auto Scaling to launch the nodes".to_owned());
        } else if waits.is_empty() && !self.seeds_complete {
            waits.push(format!("{} to name all nodes", group::seeds()));
        }
        waits
    }
}

/// Reads the group.
///
/// # Errors
/// A table that cannot be read.
pub(super) fn take(site: &Site) -> anyhow::Result<Picture> {
    let recorded = recorded(site)?;
    Ok(site.simulator.with(|aws| {
        let slots: Slots = recorded.iter().map(|slot| (slot.number.0, now(aws, &site.zone, slot))).collect();
        let held: BTreeSet<&str> = slots.values().filter_map(|slot| slot.has.instance.as_deref()).collect();
        let members = aws.members(group::ASG).filter(|member| !held.contains(member.instance_id.as_str()));
        let others = members.map(|member| (member.instance_id.clone(), state(aws, &member.instance_id))).collect();
        let held_slots = slots.values().filter(|slot| slot.has.instance.is_some());
        let wanted: BTreeSet<&str> = held_slots.filter_map(|slot| slot.has.ip.as_deref()).collect();
        let seeds_complete = wanted == addresses(aws, &site.zone, &group::seeds());
        Picture { at: aws.now(), others, seeds_complete, slots: slots.clone() }
    }))
}

/// The slots in the functions' table.
fn recorded(site: &Site) -> anyhow::Result<Vec<Slot>> {
    #[derive(Deserialize)]
    struct Row {
        content: Slot,
    }
    let request = json!({
        "TableName": TABLE,
        "ConsistentRead": true,
        "KeyConditionExpression": "pk = :group AND begins_with(sk, :slot)",
        "ExpressionAttributeValues": {":group": {"S": format!("group#{}", group::GROUP)}, ":slot": {"S": "slot#"}},
    });
    let items = site.simulator.dynamo().query(&request).context("the functions' table cannot be read")?;
    let rows = items.into_iter().map(|item| {
        let item: serde_dynamo::Item = serde_json::from_value(item)?;
        let row: Row = serde_dynamo::from_item(item)?;
        anyhow::Ok(row.content)
    });
    rows.collect::<anyhow::Result<_>>().context("a slot in the functions' table is not as this version writes it")
}

fn now(aws: &Aws, zone: &str, slot: &Slot) -> SlotNow {
    let holder = slot.holder.as_ref().map(|holder| holder.instance.clone());
    let volumes =
        slot.volumes.iter().filter_map(|(name, volume)| Some((name.to_string(), volume.id.as_ref()?.to_string())));
    let volumes: BTreeMap<String, String> = volumes.collect();
    let gib = volumes.iter().filter_map(|(name, id)| Some((name.clone(), aws.volume(id)?.size_gib)));
    let ip = slot.interface.as_ref().and_then(|interface| interface.id.as_ref());
    let ip = ip.and_then(|id| aws.interface(id.as_str())).map(|interface| interface.private_ip_address.clone());
    let name = slot.record.as_ref().filter(|record| resolves(aws, zone, record, ip.as_deref()));
    let has = Belongings {
        instance: holder.as_ref().map(InstanceId::to_string),
        zone: slot.zone.to_string(),
        gib: gib.collect(),
        volumes,
        ip,
        name: name.map(|record| record.key.name.to_string()),
    };
    let state = holder.as_ref().map_or_else(|| resting(slot).to_owned(), |holder| state(aws, holder.as_str()));
    let waits_for = waits_for(aws, slot, &has);
    SlotNow { has, state, waits_for }
}

/// What is with a slot that nobody holds.
fn resting(slot: &Slot) -> &'static str {
    match slot.state {
        SlotState::Active => "vacant",
        SlotState::Parked => "parked",
        SlotState::Retired => "retired",
    }
}

/// What a change of the slot's volumes is waiting for.
fn change(change: &Change) -> String {
    match (change.stage, &change.kind) {
        (Stage::Saving, _) => "its last snapshot".to_owned(),
        (Stage::Making, ChangeKind::Move { to }) => format!("its new volume in {to}"),
        (Stage::Making, ChangeKind::Restore | ChangeKind::Retire) => "its new volume".to_owned(),
        (Stage::Switching, _) => "the old volume to be marked".to_owned(),
    }
}

fn state(aws: &Aws, instance: &str) -> String {
    let member = aws.member(instance).map(|member| member.state.name());
    let ec2 = aws.instance(instance).map(|instance| instance.state);
    match (member, ec2) {
        (Some(member), Some(InstanceState::Running | InstanceState::Pending)) => member.to_owned(),
        (_, Some(ec2)) => ec2.name().to_owned(),
        (_, None) => "gone".to_owned(),
    }
}

/// The first thing that a slot lacks, in the order in which things come.
fn waits_for(aws: &Aws, slot: &Slot, has: &Belongings) -> Option<String> {
    let Some(holder) = &has.instance else {
        return match (&slot.upkeep.change, slot.state) {
            (Some(under_way), _) => Some(change(under_way)),
            (None, SlotState::Active) => Some("a node to take it".to_owned()),
            (None, SlotState::Parked | SlotState::Retired) => None,
        };
    };
    let known = aws.instance(holder);
    match known.map(|instance| instance.state) {
        Some(InstanceState::Running) => {}
        Some(InstanceState::Pending) => return Some(format!("EC2 boots {holder}")),
        Some(state) => return Some(format!("EC2 lets go of what {holder} had ({})", state.name())),
        None => return Some(format!("the functions find that {holder} is gone")),
    }
    for (name, record) in &slot.volumes {
        let Some(id) = &record.id else { return Some(format!("volume `{name}` to be created")) };
        let attachment = aws.volume(id.as_str()).and_then(|volume| volume.attachments.first().cloned());
        let there = attachment.is_some_and(|found| {
            found.instance_id == *holder && found.status == AttachmentStatus::Attached && !found.delete_on_termination
        });
        if !there {
            return Some(format!("EC2 attaches volume `{name}`"));
        }
        if !aws.is_mounted(id.as_str(), holder) {
            return Some(format!("the guest mounts volume `{name}`"));
        }
    }
    let interface = slot.interface.as_ref().and_then(|interface| aws.interface(interface.id.as_ref()?.as_str()));
    let attachment = interface.and_then(|interface| interface.attachment.as_ref());
    if !attachment.is_some_and(|found| found.instance_id == *holder && found.status == AttachmentStatus::Attached) {
        return Some("EC2 attaches the network interface".to_owned());
    }
    if has.name.is_none() {
        return Some("its name to be published".to_owned());
    }
    match aws.member(holder).map(|member| member.state) {
        Some(LifecycleState::InService) => None,
        Some(LifecycleState::PendingWait) => Some("the functions answer the launch hook".to_owned()),
        Some(state) => Some(format!("Auto Scaling takes {holder} into service ({})", state.name())),
        None => Some(format!("Auto Scaling knows {holder} no more")),
    }
}

fn resolves(aws: &Aws, zone: &str, record: &NameRecord, ip: Option<&str>) -> bool {
    ip.is_some_and(|ip| addresses(aws, zone, record.key.name.as_str()) == BTreeSet::from([ip]))
}

fn addresses<'a>(aws: &'a Aws, zone: &str, name: &str) -> BTreeSet<&'a str> {
    aws.record(zone, name, "A").into_iter().flat_map(|record| record.values.iter().map(String::as_str)).collect()
}
