//! DNS names: each change is recorded before it is tried, made by compare-and-swap, and confirmed.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::cloud::{RecordChange, RecordKey, RecordSeen};
use crate::ids::InstanceId;
use crate::plan::Phase;
use crate::plan::draft::Draft;
use crate::plan::serve::{Lacks, take};
use crate::plan::view::View;
use crate::spec::AddressKind;
use crate::step::{Step, Why, record_key};
use crate::table::{NameRecord, Slot};
use crate::waiting::{Reason, Subject};

/// How many tried values of an unconfirmed record are remembered.
const TRIED: usize = 4;
/// How many values that a record once held are remembered: a change may land minutes after ones that were made later.
const PAST: usize = 24;
/// And how many addresses in them: all of it stands in one item, which each settle writes.
const PAST_ADDRESSES: usize = 1_600;
/// How many addresses one record holds.
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
const MOST_VALUES: usize = 400;
/// How long a change may be under way: no invocation lives longer.
const OLDEST_CHANGE: Duration = Duration::from_secs(900);

type Addresses = BTreeSet<Ipv4Addr>;

/// The slot's address, where it has one now.
pub(crate) fn address(view: &View<'_>, slot: &Slot) -> Option<Ipv4Addr> {
    match view.spec.address.kind {
        AddressKind::Eni => slot.interface.as_ref().and_then(|record| record.ip),
        AddressKind::Instance => slot.holder.as_ref().and_then(|holder| view.instance(&holder.instance)?.ip),
    }
}

/// The address goes with the holder, and the holder is not shown.
fn is_unseen(view: &View<'_>, slot: &Slot) -> bool {
    let holder = slot.holder.as_ref().filter(|_| view.spec.address.kind == AddressKind::Instance);
    holder
        .is_some_and(|holder| view.instance(&holder.instance).is_none() && view.holder_phase(slot) != Some(Phase::Gone))
}

/// The address stays with the slot, and the slot will be refilled: its names stay, whoever goes.
pub(crate) fn stays(view: &View<'_>, slot: &Slot) -> bool {
    view.spec.address.kind == AddressKind::Eni && slot.is_active() && !view.is_surplus(slot)
}

/// Plans the slot's own name.
pub(crate) fn slot_record(view: &View<'_>, slot: &Slot, draft: &mut Draft<'_>, lacks: &mut Lacks) {
    let wanted_key = view.spec.dns.as_ref().and_then(|dns| {
        dns.slot.as_ref().map(|template| RecordKey { zone: dns.zone.clone(), name: template.name(slot.number) })
    });
    let keep = match view.holder_phase(slot) {
        Some(phase) if phase.keeps_names() => true,
        // A vacant slot keeps what is published, and publishes nothing new.
        Some(_) | None => stays(view, slot) && slot.record.is_some(),
    };
    let wanted: Addresses = match &slot.record {
        // Not shown is not gone: the name stays as it is.
        Some(record) if keep && is_unseen(view, slot) => record.confirmed.clone(),
        Some(_) | None if keep => address(view, slot).into_iter().collect(),
        Some(_) | None => Addresses::new(),
    };
    let outcome = settle(view, slot.record.as_ref(), wanted_key, wanted, draft);
    outcome.apply(view, draft, lacks, |draft, record, why| {
        let entry = draft.slot(slot.number);
        entry.slot.record = record;
        entry.why.insert(why);
    });
}

/// The slot's name was changed so lately that an older change of it may still land: it is read back before CONTINUE.
pub(crate) fn must_read_back(view: &View<'_>, slot: &Slot) -> Option<RecordKey> {
    let record = slot.record.as_ref()?;
    let settled = view.past(record.changed, OLDEST_CHANGE);
    (!settled && !view.obs.records.contains_key(&record.key)).then(|| record.key.clone())
}

/// Plans the group's shared name: it gains an address only at InService, and loses it in standby too.
pub(crate) fn group_record(view: &View<'_>, draft: &mut Draft<'_>) {
    let recorded = view.obs.record.as_ref().and_then(|group| group.record.clone());
    let wanted_key = view
        .spec
        .dns
        .as_ref()
        .and_then(|dns| dns.group.as_ref().map(|name| RecordKey { zone: dns.zone.clone(), name: name.clone() }));
    let published = recorded.as_ref().map(|record| still_published(view, record)).unwrap_or_default();
    let active = || view.obs.slots().filter(|slot| slot.is_active());
    let mut wanted: Addresses = active()
        .filter_map(|slot| {
            let ip = address(view, slot)?;
            let phase = view.holder_phase(slot);
            let in_service = phase == Some(Phase::InService);
            // In standby it keeps its slot, for as long as people like, and is out of service by their will.
            let staying = phase != Some(Phase::Standby) && (phase.is_some_and(Phase::keeps_names) || stays(view, slot));
            (in_service || staying && published.contains(&ip)).then_some(ip)
        })
        .collect();
    // Whose address is whose is not known while a holder is not shown: nothing is withdrawn.
    if active().any(|slot| is_unseen(view, slot)) {
        wanted.extend(&published);
    }
    if let Some(key) = wanted_key.as_ref().filter(|_| wanted.len() > MOST_VALUES) {
        let reason = Reason::RecordFull { name: key.name.clone(), addresses: wanted.len() };
        return draft.wait(Subject::Group, reason, None);
    }
    let outcome = settle(view, recorded.as_ref(), wanted_key, wanted, draft);
    let mut lacks = Lacks { reasons: Vec::new(), pending: false };
    outcome.apply(view, draft, &mut lacks, |draft, record, why| {
        draft.group(why).record = record;
    });
    for reason in lacks.reasons {
        draft.wait(Subject::Group, reason, None);
    }
}

/// What the record holds whatever became of the changes that were tried: an address whose withdrawal was tried is new again,
/// and so is one that is not in what is shown. Someone else's record says nothing.
fn still_published(view: &View<'_>, record: &NameRecord) -> Addresses {
    let tried = |ip: &Ipv4Addr| record.tried.iter().all(|tried| tried.contains(ip));
    let shown = |ip: &Ipv4Addr| match view.obs.records.get(&record.key) {
        Some(RecordSeen::Absent) => false,
        Some(seen @ RecordSeen::A { values, .. }) if of_our_making(record, seen) => values.contains(ip),
        None | Some(RecordSeen::A { .. } | RecordSeen::Other(_)) => true,
    };
    record.confirmed.iter().filter(|ip| tried(ip) && shown(ip)).copied().collect()
}

/// A name of ours that must be withdrawn before this instance may go still holds its address.
pub(crate) fn still_names(view: &View<'_>, slot: &Slot, instance: &InstanceId) -> Option<RecordKey> {
    if stays(view, slot) {
        return None;
    }
    let ip = match view.spec.address.kind {
        AddressKind::Eni => address(view, slot)?,
        AddressKind::Instance => view.instance(instance)?.ip?,
    };
    let group = view.obs.record.as_ref().and_then(|group| group.record.as_ref());
    [slot.record.as_ref(), group]
        .into_iter()
        .flatten()
        .filter(|record| record.owned || !record.tried.is_empty())
        .find(|record| record.confirmed.contains(&ip) || record.tried.iter().any(|tried| tried.contains(&ip)))
        .map(|record| record.key.clone())
}

/// What one name needs.
enum Outcome {
    /// Nothing, or nothing that can be done.
    Rest(Option<Reason>),
    /// The table must say this before or after the change.
    Record(Option<NameRecord>, Why),
    /// The change itself.
    Change(RecordChange),
}

impl Outcome {
    fn apply<'d>(
        self,
        view: &View<'_>,
        draft: &mut Draft<'d>,
        lacks: &mut Lacks,
        write: impl FnOnce(&mut Draft<'d>, Option<NameRecord>, Why),
    ) {
        match self {
            Self::Rest(reason) => lacks.reasons.extend(reason),
            Self::Record(record, why) => {
                lacks.pending = true;
                write(draft, record, why);
            }
            Self::Change(change) => take(view, Step::ChangeRecord(change), draft, lacks),
        }
    }
}

/// One name's way from what is recorded to what is wanted.
fn settle(
    view: &View<'_>,
    recorded: Option<&NameRecord>,
    key: Option<RecordKey>,
    wanted: Addresses,
    draft: &mut Draft<'_>,
) -> Outcome {
    let ttl = view.spec.dns.as_ref().map_or(60, |dns| dns.ttl);
    match (recorded, key) {
        (None, None) => Outcome::Rest(None),
        (None, Some(_)) if wanted.is_empty() => Outcome::Rest(None),
        (None, Some(key)) => {
            // Looked up before the first intent: a record that is there already is not ours.
            let fresh = NameRecord {
                key,
                ttl,
                owned: false,
                tried: Vec::new(),
                confirmed: Addresses::new(),
                past: Vec::new(),
                changed: None,
            };
            first(view, fresh, wanted, draft)
        }
        (Some(record), key) => {
            let moved = key.as_ref() != Some(&record.key);
            if moved && record.confirmed.is_empty() && record.tried.is_empty() {
                return Outcome::Record(None, Why::RecordConfirmed);
            }
            pursue(view, record, if moved { Addresses::new() } else { wanted }, ttl, draft)
        }
    }
}

/// The first publication of a name: only where nothing stands there.
fn first(view: &View<'_>, mut fresh: NameRecord, wanted: Addresses, draft: &mut Draft<'_>) -> Outcome {
    match view.obs.records.get(&fresh.key) {
        None => {
            draft.look.records.insert(fresh.key.clone());
            Outcome::Rest(Some(Reason::RecordChanging(fresh.key.name)))
        }
        Some(RecordSeen::Absent) => {
            fresh.tried.push(wanted);
            Outcome::Record(Some(fresh), Why::RecordIntended)
        }
        Some(seen @ (RecordSeen::A { .. } | RecordSeen::Other(_))) => Outcome::Rest(Some(foreign(&fresh.key, seen))),
    }
}

fn pursue(view: &View<'_>, record: &NameRecord, wanted: Addresses, ttl: u32, draft: &mut Draft<'_>) -> Outcome {
    let seen = view.obs.records.get(&record.key);
    let matches = |seen: &RecordSeen| match seen {
        RecordSeen::Absent => wanted.is_empty(),
        RecordSeen::A { ttl: shown, values } => *values == wanted && *shown == ttl,
        RecordSeen::Other(_) => false,
    };
    let at_rest = record.tried.is_empty() && record.confirmed == wanted && (wanted.is_empty() || record.ttl == ttl);
    if at_rest {
        match seen {
            None => return Outcome::Rest(None),
            Some(seen) if matches(seen) => return Outcome::Rest(None),
            Some(seen) if !of_our_making(record, seen) => {
                return Outcome::Rest((!wanted.is_empty()).then(|| foreign(&record.key, seen)));
            }
            Some(_) => {}
        }
    }
    if record.tried.last() != Some(&wanted) {
        if record.tried.len() >= TRIED {
            return resolve(view, record, draft);
        }
        let mut next = record.clone();
        next.tried.push(wanted);
        return Outcome::Record(Some(next), Why::RecordIntended);
    }
    match seen {
        Some(seen) if matches(seen) => {
            Outcome::Record(Some(confirmed(view, record, wanted, ttl)), Why::RecordConfirmed)
        }
        Some(seen) => swap(view, record, seen, wanted, ttl),
        None if record.tried.len() == 1 && !view.obs.notes.failures.contains_key(&record_key(&record.key)) => {
            Outcome::Change(RecordChange {
                key: record.key.clone(),
                old: (!record.confirmed.is_empty()).then(|| (record.ttl, record.confirmed.clone())),
                new: (!wanted.is_empty()).then_some((ttl, wanted)),
            })
        }
        None => {
            draft.look.records.insert(record.key.clone());
            Outcome::Rest(Some(Reason::RecordChanging(record.key.name.clone())))
        }
    }
}

/// So much was tried that nothing more may be forgotten of it: what stands there is read, and goes on record, before
/// anything else is tried. What was written and forgotten would look like someone else's.
fn resolve(view: &View<'_>, record: &NameRecord, draft: &mut Draft<'_>) -> Outcome {
    match view.obs.records.get(&record.key) {
        None => {
            draft.look.records.insert(record.key.clone());
            Outcome::Rest(Some(Reason::RecordChanging(record.key.name.clone())))
        }
        Some(RecordSeen::Absent) => {
            Outcome::Record(Some(confirmed(view, record, Addresses::new(), record.ttl)), Why::RecordConfirmed)
        }
        Some(seen @ RecordSeen::A { ttl, values }) if of_our_making(record, seen) => {
            Outcome::Record(Some(confirmed(view, record, values.clone(), *ttl)), Why::RecordConfirmed)
        }
        Some(seen) => Outcome::Rest(Some(foreign(&record.key, seen))),
    }
}

/// What stands there was confirmed, tried or written by us before. A name that we own and that someone has given other
/// values is theirs now; one that was taken away is published again.
fn of_our_making(record: &NameRecord, seen: &RecordSeen) -> bool {
    match seen {
        RecordSeen::Absent => record.owned,
        RecordSeen::A { values, .. } => {
            record.tried.contains(values) || record.past.contains(values) || record.confirmed == *values
        }
        RecordSeen::Other(_) => false,
    }
}

/// From what Route 53 shows to what is wanted, if what it shows is of our making.
fn swap(view: &View<'_>, record: &NameRecord, seen: &RecordSeen, wanted: Addresses, ttl: u32) -> Outcome {
    let old = match seen {
        RecordSeen::Absent => None,
        RecordSeen::A { ttl, values } if of_our_making(record, seen) => Some((*ttl, values.clone())),
        // Someone else's stands there: nothing of ours is left to withdraw.
        RecordSeen::A { .. } | RecordSeen::Other(_) if wanted.is_empty() => {
            return Outcome::Record(Some(confirmed(view, record, wanted, ttl)), Why::RecordConfirmed);
        }
        RecordSeen::A { .. } | RecordSeen::Other(_) => return Outcome::Rest(Some(foreign(&record.key, seen))),
    };
    let new = (!wanted.is_empty()).then_some((ttl, wanted));
    Outcome::Change(RecordChange { key: record.key.clone(), old, new })
}

fn confirmed(view: &View<'_>, record: &NameRecord, wanted: Addresses, ttl: u32) -> NameRecord {
    let written = record.past.iter().chain([&record.confirmed]).chain(&record.tried);
    let mut past: Vec<Addresses> = written.filter(|values| !values.is_empty() && **values != wanted).cloned().collect();
    past.dedup();
    let addresses = past.iter().rev().scan(0, |sum, values| {
        *sum += values.len();
        Some(*sum)
    });
    let kept = addresses.take(PAST).take_while(|sum| *sum <= PAST_ADDRESSES).count();
    past.drain(..past.len() - kept);
    NameRecord {
        key: record.key.clone(),
        ttl,
        owned: !wanted.is_empty(),
        tried: Vec::new(),
        confirmed: wanted,
        past,
        changed: Some(view.now),
    }
}

fn foreign(key: &RecordKey, seen: &RecordSeen) -> Reason {
    let holds = match seen {
        RecordSeen::Absent => "nothing".to_owned(),
        RecordSeen::A { values, .. } => values.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        RecordSeen::Other(what) => what.clone(),
    };
    Reason::RecordForeign { name: key.name.clone(), holds }
}
