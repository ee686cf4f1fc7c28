//! The rules over DNS: only records of ours, and the group's own only with what serves.

use jiff::Timestamp;
use stateful_asg_core::ids::GroupName;
use stateful_asg_sim::model::types::ResourceRecordSet;
use stateful_asg_sim::model::{Aws, Effect};
use stateful_asg_sim::typed::MemoryTable;

use super::{Rules, is_ours};
use crate::served;

impl Rules {
    /// Rule 7 in DNS, and rule 5 for the group's record.
    pub(super) fn judge_record(
        &mut self,
        effect: &Effect,
        (zone, name): (&str, &str),
        old: Option<&ResourceRecordSet>,
        new: Option<&ResourceRecordSet>,
        aws: &Aws,
        table: &MemoryTable,
    ) {
        let values = |set: Option<&ResourceRecordSet>| set.map(|set| sorted(&set.values));
        let ours = is_ours(&effect.actor);
        let known = self.records.entry((zone.to_owned(), name.trim_end_matches('.').to_owned())).or_default();
        let foreign = ours && values(old).is_some_and(|held| !known.last && !known.values.contains(&held));
        known.last = ours;
        if let (true, Some(values)) = (ours, values(new)) {
            known.values.insert(values);
        }
        if foreign {
            self.accuse(7, effect.at, format!("the record {name} was changed, but {old:?} is not ours"));
        }
        if !ours {
            return;
        }
        self.changed(effect.at, || format!("{} changed the record {name}", effect.actor));
        let before = values(old).unwrap_or_default();
        let added: Vec<String> =
            values(new).unwrap_or_default().into_iter().filter(|ip| !before.contains(ip)).collect();
        self.judge_group_record(effect.at, name.trim_end_matches('.'), &added, aws, table);
    }

    /// A person wrote last under the name that this is about.
    pub(super) fn person_named(&self, lack: &str) -> bool {
        self.records.iter().any(|((_, name), written)| !written.last && lack.contains(&format!(" {name} ")))
    }

    fn judge_group_record(&mut self, at: Timestamp, name: &str, added: &[String], aws: &Aws, table: &MemoryTable) {
        let of: Vec<GroupName> = self
            .specs
            .iter()
            .filter(|(_, specs)| {
                specs.iter().any(|(_, spec)| {
                    spec.dns.as_ref().and_then(|dns| dns.group.as_ref()).is_some_and(|n| n.as_str() == name)
                })
            })
            .map(|(group, _)| group.clone())
            .collect();
        for (group, ip) in of.iter().flat_map(|group| added.iter().map(move |ip| (group, ip))) {
            // A change that was paused on its way may name one that has gone since; the next settle mends that.
            let served = self.addresses.contains(ip)
                || table.slots(group).any(|slot| {
                    let holder = slot.holder.as_ref().map(|holder| holder.instance.as_str());
                    holder.is_some_and(|holder| {
                        self.in_service.contains(holder) && served::address(aws, slot, holder).as_ref() == Some(ip)
                    })
                });
            if !served {
                self.accuse(
                    5,
                    at,
                    format!("the group's record {name} gained {ip}, which no instance that was in service has"),
                );
            }
        }
    }
}

fn sorted(values: &[String]) -> Vec<String> {
    let mut values = values.to_vec();
    values.sort();
    values
}
