//! Records: reading one, and compare-and-swap.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use stateful_asg_core::cloud::{RecordChange, RecordKey, RecordSeen};

use crate::model::types::{
    Change, ChangeAction, ChangeResourceRecordSets, ListResourceRecordSets, RecordSetPage, ResourceRecordSet,
};

pub(super) fn look_up(key: &RecordKey) -> ListResourceRecordSets {
    ListResourceRecordSets {
        hosted_zone_id: key.zone.to_string(),
        start_record_name: Some(key.name.to_string()),
        start_record_type: Some("A".to_owned()),
        max_items: Some(2),
        ..ListResourceRecordSets::default()
    }
}

/// The record of this name, if the page begins with it.
pub(super) fn seen(key: &RecordKey, page: &RecordSetPage) -> RecordSeen {
    let Some(record) =
        page.records.iter().find(|r| r.name.trim_end_matches('.') == key.name.as_str() && r.record_type == "A")
    else {
        return RecordSeen::Absent;
    };
    if record.set_identifier.is_some() || record.multi_value_answer.is_some() {
        return RecordSeen::Other("an A record with a routing policy".to_owned());
    }
    let values = record.values.iter().map(|value| value.parse()).collect::<Result<_, _>>();
    match (record.ttl, values) {
        (Some(ttl), Ok(values)) => RecordSeen::A { ttl, values },
        (None, _) => RecordSeen::Other("an alias".to_owned()),
        (Some(_), Err(_)) => RecordSeen::Other("an A record that holds no plain addresses".to_owned()),
    }
}

pub(super) fn batch(change: &RecordChange) -> ChangeResourceRecordSets {
    let one = |action, (ttl, values): &(u32, BTreeSet<Ipv4Addr>)| Change {
        action,
        record: ResourceRecordSet::a(change.key.name.as_str(), *ttl, values.iter().map(Ipv4Addr::to_string)),
    };
    let delete = change.old.iter().map(|old| one(ChangeAction::Delete, old));
    let create = change.new.iter().map(|new| one(ChangeAction::Create, new));
    ChangeResourceRecordSets {
        hosted_zone_id: change.key.zone.to_string(),
        comment: None,
        changes: delete.chain(create).collect(),
    }
}
