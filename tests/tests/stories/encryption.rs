//! Encryption that does not match: nothing plain serves where the spec asks for encryption, and nothing of one's own is lost.

use std::time::Duration;

use stateful_asg_campaign::group::NewGroup;
use stateful_asg_campaign::lab::{Lab, World};
use stateful_asg_core::tags;
use stateful_asg_sim::model::types::{CreateSnapshot, CreateVolume, Tags};

use crate::moves::{FINAL, anywhere, drive_out, holder_of, moved, slot, volume_of};
use crate::{PLAIN, kill, served, told};

fn with(more: &str) -> String {
    PLAIN.replace(r#""mount""#, &format!(r#"{more},"mount""#))
}

/// A volume that was made by hand.
fn volume(lab: &Lab, encrypted: bool, more: &[(&str, &str)]) -> String {
    let tags: Tags = more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let new = CreateVolume {
        availability_zone: "eu-central-1a".to_owned(),
        size_gib: Some(20),
        volume_type: Some("gp3".to_owned()),
        encrypted,
        tags,
        ..CreateVolume::default()
    };
    lab.operate(&format!("makes a volume, encrypted: {encrypted}"), |aws, _| {
        aws.create_volume(&new).expect("nothing is wrong with it").volume_id.clone()
    })
}

fn is_encrypted(lab: &Lab, volume: &str) -> bool {
    lab.truth(|aws, _| aws.volume(volume).map(|volume| volume.encrypted)).expect("it is there")
}

/// The volume of the only slot of a group with this spec.
async fn made(lab: &Lab, spec: &str) -> String {
    let group = lab.create(&NewGroup::cass(spec, 1).in_one_zone());
    served(lab, &group).await;
    volume_of(&slot(lab, &group, 0))
}

#[test]
fn a_pool_volume_that_is_encrypted_otherwise_is_left_alone() {
    for (seed, asked) in [(720, true), (721, false)] {
        told(&World::quiet(seed), async |lab: &Lab| {
            let pool = volume(lab, !asked, &[(tags::GROUP, "cass"), (tags::DEPLOYMENT, "test")]);
            lab.pass(Duration::from_secs(10)).await;
            let own = made(lab, &with(&format!(r#""encrypted":{asked}"#))).await;
            assert_ne!(own, pool, "{}", lab.story());
            assert_eq!((is_encrypted(lab, &own), is_encrypted(lab, &pool)), (asked, !asked), "{}", lab.story());
            assert!(lab.truth(|aws, _| aws.volume(&pool).is_some_and(|v| v.attachments.is_empty())));
        });
    }
}

#[test]
fn what_the_spec_says_of_encryption_counts_for_more_than_its_template() {
    // What the template is, what the spec says, and what the new volume is.
    let rows = [(false, Some(true), true), (true, Some(false), false), (false, None, false), (true, None, true)];
    for (seed, (template, said, becomes)) in (722..).zip(rows) {
        told(&World::quiet(seed), async |lab: &Lab| {
            let like = volume(lab, template, &[]);
            lab.pass(Duration::from_secs(10)).await;
            let said = said.map_or_else(String::new, |said| format!(r#""encrypted":{said},"#));
            let spec = PLAIN.replace(r#""size":"20GiB""#, &format!(r#"{said}"like":"{like}""#));
            let own = made(lab, &spec).await;
            assert_eq!(is_encrypted(lab, &own), becomes, "{spec}\n{}", lab.story());
        });
    }
}

#[test]
fn a_volume_from_an_encrypted_snapshot_is_encrypted_and_one_from_a_plain_one_as_the_spec_says() {
    for (seed, (snapshot, asked)) in (730..).zip([(true, false), (false, true), (false, false)]) {
        told(&World::quiet(seed), async |lab: &Lab| {
            let source = volume(lab, snapshot, &[]);
            lab.pass(Duration::from_secs(10)).await;
            let tags = [(tags::DEPLOYMENT.to_owned(), "test".to_owned())].into();
            let request = CreateSnapshot { volume_id: source, tags, ..CreateSnapshot::default() };
            let taken = lab.operate("takes a snapshot", |aws, _| {
                aws.create_snapshot(&request).expect("it is there").snapshot_id.clone()
            });
            lab.pass(Duration::from_secs(120)).await;
            let own = made(lab, &with(&format!(r#""snapshot":"{taken}","encrypted":{asked}"#))).await;
            assert_eq!(is_encrypted(lab, &own), snapshot || asked, "{}", lab.story());
        });
    }
}

/// An edit of `encrypted` reaches a slot's volumes when they are made anew: EC2 encrypts no volume in place, and makes no
/// plain one from an encrypted snapshot.
#[test]
fn a_move_encrypts_where_the_spec_asks_for_it_by_now_and_never_the_reverse() {
    for (seed, before, after) in [(735, false, true), (736, true, false)] {
        told(&World::quiet(seed), async |lab: &Lab| {
            let saying = |encrypted: bool| FINAL.replace(r#""mount""#, &format!(r#""encrypted":{encrypted},"mount""#));
            let group = anywhere(lab, &saying(before), 1).await;
            let old = slot(lab, &group, 0);
            assert_eq!(is_encrypted(lab, &volume_of(&old)), before);
            lab.edit_spec("cass-1", &saying(after));
            lab.pass(Duration::from_secs(1200)).await;
            served(lab, &group).await;
            assert_eq!(volume_of(&slot(lab, &group, 0)), volume_of(&old), "it stays as it is: {}", lab.story());
            drive_out(lab, &group, 0);
            moved(lab, &group, &old).await;
            assert!(is_encrypted(lab, &volume_of(&slot(lab, &group, 0))), "{}", lab.story());
            kill(lab, &holder_of(&slot(lab, &group, 0)));
        });
    }
}
