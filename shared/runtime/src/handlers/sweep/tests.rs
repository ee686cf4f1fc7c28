use super::*;
use crate::handlers::testing::{asg, config, group, time};
use stateful_asg_core::tags;

/// A group that was settled, is at rest, and was audited at the time 0.
fn at_rest(name: &str) -> Summary {
    Summary {
        group: group(name),
        digest: Some("digest".to_owned()),
        look_at: None,
        leased_until: None,
        audited_at: Some(time(0)),
        dirty: false,
    }
}

#[test]
fn a_group_at_rest_needs_nothing() {
    let later = Summary { look_at: Some(time(101)), ..at_rest("cass") };
    assert_eq!(needs_attention(Some(&at_rest("cass")), "digest", time(100)), None);
    assert_eq!(needs_attention(Some(&later), "digest", time(100)), None);
}

#[test]
fn each_reason_for_attention_is_seen() {
    let rest = at_rest("cass");
    let rows = [
        (None, Attention::New),
        (Some(Summary { digest: Some("other".to_owned()), ..rest.clone() }), Attention::Changed),
        (Some(Summary { digest: None, ..rest.clone() }), Attention::Changed),
        (Some(Summary { look_at: Some(time(100)), ..rest.clone() }), Attention::Due),
        (Some(Summary { dirty: true, ..rest.clone() }), Attention::Dirty),
        (Some(Summary { leased_until: Some(time(100)), ..rest.clone() }), Attention::LeaseExpired),
    ];
    for (summary, attention) in rows {
        assert_eq!(needs_attention(summary.as_ref(), "digest", time(100)), Some(attention), "{summary:?}");
    }
}

#[test]
fn a_group_that_is_being_settled_is_left_alone() {
    let busy =
        Summary { digest: None, look_at: Some(time(0)), leased_until: Some(time(101)), dirty: true, ..at_rest("cass") };
    assert_eq!(needs_attention(Some(&busy), "digest", time(100)), None);
}

#[test]
fn each_group_is_audited_within_ten_minutes_an_eighth_at_once_and_none_too_often() {
    for groups in [1_usize, 2, 7, 8, 9, 15, 100] {
        let mut summaries: Vec<Summary> = (0..groups).map(|number| at_rest(&format!("g{number:03}"))).collect();
        let age = |summary: &Summary, now: Timestamp| now.duration_since(summary.audited_at.unwrap()).as_mins();
        for sweep in 1..60 {
            let now = time(sweep * 60);
            let due = audits_due(summaries.iter().map(|summary| (&summary.group, Some(summary))), now);
            assert!(due.len() <= groups.div_ceil(8), "{groups} groups");
            for summary in &mut summaries {
                assert!(age(summary, now) < 10, "{groups} groups, minute {sweep}: {}", summary.group);
                if due.contains(&summary.group) {
                    assert!(sweep < 10 || age(summary, now) >= 4, "{groups} groups, minute {sweep}: {}", summary.group);
                    summary.audited_at = Some(now);
                }
            }
        }
    }
}

#[test]
fn an_audit_of_a_busy_group_waits() {
    let busy = Summary { leased_until: Some(time(10_001)), ..at_rest("busy") };
    let never = Summary { audited_at: None, ..at_rest("never") };
    let pairs = [&busy, &never].map(|summary| (&summary.group, Some(summary)));
    assert_eq!(audits_due(pairs.into_iter(), time(10_000)), BTreeSet::from([group("never")]));
}

#[test]
fn groups_are_those_of_the_table_and_those_of_the_tags() {
    let tagged = [(tags::DEPLOYMENT, "prod"), (tags::GROUP, "cass-new")];
    let foreign = [(tags::DEPLOYMENT, "prod"), (tags::GROUP, "kafka")];
    let asgs = [asg("a", &tagged), asg("b", &tagged), asg("c", &foreign)];
    let summaries = [at_rest("cass-old"), at_rest("kafka")];
    let config = config();
    let groups = union(&config, &summaries, &asgs);
    let seen: Vec<_> =
        groups.iter().map(|(group, seen)| (group.as_str(), seen.asgs.len(), seen.summary.is_some())).collect();
    assert_eq!(seen, [("cass-new", 2, false), ("cass-old", 0, true)]);

    let asked = requests(&config, &groups, time(0));
    let asked: Vec<_> = asked.iter().map(|request| (request.group.as_str(), request.audit)).collect();
    assert_eq!(asked, [("cass-new", true), ("cass-old", false)]);
}
