//! What of a slot is seen, which slots are missing, and what is asked for: nothing is given up that anything tells of.

use super::*;

#[test]
fn a_slot_of_which_anything_is_left_is_not_said_to_be_without_a_trace() {
    /// Keeps in the first town what the second one still has.
    type Keeps = fn(&mut Town, &Town);
    let no_volume = "slot 0: its volume `data` is not shown, and its newest snapshot is not one that was taken for its";
    let holds = "slot 0: i-00000000000000000 holds it, and none of its volumes is shown";
    let trace = "slot 0: is below the counter, and nothing in AWS bears its tag";
    let cases: [(&str, Keeps, Option<&str>); 5] = [
        ("a volume", |kept, all| kept.obs.volumes = all.obs.volumes.clone(), None),
        ("an interface", |kept, all| kept.obs.interfaces = all.obs.interfaces.clone(), Some(no_volume)),
        ("an instance", |kept, all| kept.obs.instances = all.obs.instances.clone(), Some(holds)),
        ("a snapshot", |kept, _| snapshot(kept), Some(no_volume)),
        ("nothing", |_, _| (), Some(trace)),
    ];
    for (what, keep, refused) in cases {
        let mut all = Town::served(1);
        all.free(0);
        let mut town = Town::with_spec(0, PLAIN);
        town.obs.record.as_mut().unwrap().next_slot = 1;
        keep(&mut town, &all);
        let found = adopt(&mut town, PLAIN);
        match refused {
            Some(refused) => assert_refused(&found, &[refused]),
            None => assert_eq!(only(&found).volumes[&name("data")].id, Some(volume_id(0)), "{what}"),
        }
    }
}

fn snapshot(town: &mut Town) {
    let own = marks(&[(tags::SLOT, "0"), (tags::VOLUME, "data"), (tags::CLAIM, "3")]);
    let taken = town.snapshot(&volume_id(0), own, SnapshotState::Completed);
    town.obs.snapshots = Some([(taken.id.clone(), taken)].into());
}

#[test]
fn ten_thousand_slots_may_be_missing_and_one_more_is_a_tag_that_is_wrong() {
    for (next, refusals) in [(10_000, 10_000), (10_001, 1)] {
        let mut town = Town::with_spec(0, PLAIN);
        town.obs.record.as_mut().unwrap().next_slot = next;
        let found = adopt(&mut town, PLAIN);
        assert_eq!(found.refused.len(), refusals, "{next}");
        let first = found.refused[0].to_string();
        let expected = if refusals == 1 { "group: the counter or the tag" } else { "slot 0: is below the counter" };
        assert!(first.starts_with(expected), "{next}: {first}");
        assert_eq!(first.contains("names slot 10000, and more than 10000 slots"), refusals == 1, "{first}");
    }
}

#[test]
fn what_lost_a_tag_is_looked_for_only_where_a_slot_is_missing() {
    let asks = |town: &Town, spec: &str| {
        let mut obs = town.obs.clone();
        (obs.half_tagged, obs.snapshots) = (None, Some(BTreeMap::new()));
        propose(&obs, &Spec::parse(spec).unwrap().spec, &Wishes::default(), town.now).needs.look.half_tagged
    };
    let whole = Town::served(2);
    assert!(!asks(&whole, PLAIN), "nothing is missing");
    let mut one = Town::served(2);
    one.obs.slots.remove(&number(1));
    assert!(asks(&one, PLAIN), "one is missing");
    one.obs.slots.clear();
    assert!(asks(&one, PLAIN), "all are missing");
    assert!(asks(&lost(), PLAIN), "the table is lost");
    let mut nothing = Town::with_spec(0, PLAIN);
    nothing.obs.record = None;
    assert!(asks(&nothing, PLAIN), "without the counter nothing tells how many there were");
}

#[test]
fn what_names_no_group_counts_for_slots_below_the_counter_that_are_missing() {
    for (slot, refused) in [(Some(0), false), (Some(1), true), (Some(2), false), (Some(3), false), (None, false)] {
        let mut town = Town::served(2);
        town.free(1);
        town.obs.slots.remove(&number(1));
        let half = HalfTagged { resource: "vol-0f".to_owned(), lacks: tags::GROUP, slot: slot.map(number) };
        town.obs.half_tagged = Some(vec![half]);
        let found = adopt(&mut town, PLAIN);
        let told = said(&found.refused);
        assert_eq!(told.iter().any(|told| told.starts_with("vol-0f: ")), refused, "{slot:?}: {told:?}");
    }
}

#[test]
fn a_person_is_told_which_tag_to_set_to_what() {
    for (lacks, expected) in [
        (
            tags::GROUP,
            "vol-0f: bears this deployment's tag and lacks stateful-asg:group: set that to its group, cass if it is \
             this one's, and run this again",
        ),
        (
            tags::DEPLOYMENT,
            "vol-0f: bears the group's tag and lacks stateful-asg:deployment: set that to test, or remove the group's \
             tag, and run this again",
        ),
    ] {
        let mut town = lost();
        town.obs.half_tagged = Some(vec![HalfTagged { resource: "vol-0f".to_owned(), lacks, slot: Some(number(0)) }]);
        assert_eq!(said(&adopt(&mut town, PLAIN).refused), [expected]);
    }
}

fn record_key(name: &str) -> RecordKey {
    RecordKey { zone: HostedZoneId::new("Z0000000000000000001").unwrap(), name: DnsName::new(name).unwrap() }
}

#[test]
fn a_record_that_holds_anything_else_is_not_taken_as_ours() {
    let seen = |value: [u8; 4]| RecordSeen::A { ttl: 60, values: [value.into()].into() };
    let (own, other) = ([10, 0, 9, 0], [192, 0, 2, 7]);
    let not_ours = |name| {
        format!(
            "{name}: holds 192.0.2.7, which is not what it would hold: it stays as it is and is not ours until it \
             is deleted"
        )
    };
    for (slots, groups) in [(own, own), (other, own), (own, other), (other, other)] {
        let mut town = lost();
        town.obs.records = [(record_key("db-0.test"), seen(slots)), (record_key("db.test"), seen(groups))].into();
        let found = adopt(&mut town, town::SPEC);
        let ours = |record: &Option<NameRecord>| record.as_ref().map(|record| (record.ttl, record.owned));
        let of = |value| (value == own).then_some((60, true));
        assert_eq!((ours(&only(&found).record), ours(&found.record)), (of(slots), of(groups)));
        let names = [("db-0.test", slots), ("db.test", groups)];
        let expected: Vec<_> = names.into_iter().filter(|(_, v)| *v == other).map(|(name, _)| not_ours(name)).collect();
        assert_eq!(said(&found.notices), expected);
    }
}

#[test]
fn the_shared_record_is_looked_at_only_where_a_slot_is_adopted_and_it_is_on_no_record() {
    for (missing, recorded, asked) in
        [(true, false, true), (true, true, false), (false, false, false), (false, true, false)]
    {
        let mut town = Town::served(2);
        if missing {
            town.obs.slots.remove(&number(1));
            town.obs.records.insert(record_key("db-1.test"), RecordSeen::Absent);
        }
        if !recorded {
            town.obs.record.as_mut().unwrap().record = None;
        }
        let found = propose_once(&mut town, town::SPEC, &Wishes::default());
        assert_eq!(said(&found.refused), Vec::<String>::new());
        let expected: BTreeSet<RecordKey> = asked.then(|| record_key("db.test")).into_iter().collect();
        assert_eq!(found.needs.look.records, expected, "missing {missing}, recorded {recorded}");
        assert_eq!(found.record, None);
    }
}

#[test]
fn a_number_is_forgotten_in_some_zone_of_the_group_and_only_once_one_is_known() {
    let forget = Wishes { forget: [number(0)].into(), ..Wishes::default() };
    let mut town = Town::with_spec(0, PLAIN);
    town.obs.record.as_mut().unwrap().next_slot = 1;
    let nowhere = "group: nothing shows in which zones it lies: run this while its Auto Scaling group exists";
    let found = propose_once(&mut town, PLAIN, &forget);
    assert!(said(&found.refused).contains(&nowhere.to_owned()), "{:?}", found.refused);
    assert!(found.needs.is_empty() && found.slots().count() == 0);

    town.obs.asgs[0].subnets = vec![subnet_id('a'), subnet_id('b')];
    let found = propose_once(&mut town, PLAIN, &forget);
    assert_eq!(found.needs.look.subnets, BTreeSet::from([subnet_id('a'), subnet_id('b')]));
    assert!(!said(&found.refused).contains(&nowhere.to_owned()), "it is to be read: {:?}", found.refused);

    town.obs.subnets.insert(subnet_id('b'), Some(Subnet { id: subnet_id('b'), zone: zone('b') }));
    let found = propose_once(&mut town, PLAIN, &forget);
    let gone = only(&found);
    assert_eq!((gone.state, &gone.zone, gone.upkeep.retired.len()), (SlotState::Retired, &zone('b'), 0));
    assert!(found.needs.is_empty());
}
