//! DNS names that exist already: taken as ours where they hold what we would write, and nothing else.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use crate::adopt::case::Case;
use crate::cloud::{RecordKey, RecordSeen};
use crate::spec::AddressKind;
use crate::table::{NameRecord, Slot};

/// The slot's own record, if it holds the slot's address.
pub(super) fn slot_record(case: &mut Case<'_>, slot: &Slot) -> Option<NameRecord> {
    let dns = case.spec.dns.as_ref()?;
    let key = RecordKey { zone: dns.zone.clone(), name: dns.slot.as_ref()?.name(slot.number) };
    let ip = address(case, slot)?;
    take(case, key, |values| values == &BTreeSet::from([ip]))
}

/// The group's shared record, if it holds addresses of its slots and no other.
pub(super) fn group_record(case: &mut Case<'_>) {
    let Some(dns) = case.spec.dns.as_ref() else { return };
    let Some(name) = dns.group.clone() else { return };
    let adopting = !(case.rebuilt.is_empty() && case.new.is_empty());
    if !adopting || case.obs.record.as_ref().is_some_and(|group| group.record.is_some()) {
        return;
    }
    let key = RecordKey { zone: dns.zone.clone(), name };
    let slots = case.obs.slots().chain(&case.rebuilt).chain(&case.new);
    let ours: BTreeSet<Ipv4Addr> = slots.filter_map(|slot| address(case, slot)).collect();
    case.record = take(case, key, |values| values.is_subset(&ours));
}

fn address(case: &Case<'_>, slot: &Slot) -> Option<Ipv4Addr> {
    match case.spec.address.kind {
        AddressKind::Eni => slot.interface.as_ref()?.ip,
        AddressKind::Instance => case.obs.instances.get(&slot.holder.as_ref()?.instance)?.ip,
    }
}

fn take(case: &mut Case<'_>, key: RecordKey, fits: impl Fn(&BTreeSet<Ipv4Addr>) -> bool) -> Option<NameRecord> {
    match case.obs.records.get(&key) {
        None => {
            case.needs.look.records.insert(key);
            None
        }
        Some(RecordSeen::Absent) => None,
        Some(RecordSeen::A { ttl, values }) if fits(values) => Some(NameRecord {
            key,
            ttl: *ttl,
            owned: true,
            tried: Vec::new(),
            confirmed: values.clone(),
            past: Vec::new(),
            changed: Some(case.now),
        }),
        Some(RecordSeen::A { values, .. }) => {
            let holds: Vec<String> = values.iter().map(ToString::to_string).collect();
            let message = format!(
                "holds {}, which is not what it would hold: it stays as it is and is not ours until it is deleted",
                holds.join(", ")
            );
            case.notice(&key.name, message);
            None
        }
        Some(RecordSeen::Other(what)) => {
            let message = format!("is {what}: it stays as it is and is not ours until it is deleted");
            case.notice(&key.name, message);
            None
        }
    }
}
