//! Snapshots, volumes made from them, and what was written to both.

use stateful_asg_sim::model::types::*;
use stateful_asg_sim::model::{Aws, EffectKind, Gone, Settings, Span, Timings};

use crate::support::*;

/// A Region where a snapshot takes 30 s and 10 s more for each GiB, and a minute's writing is 512 MiB.
fn timed() -> Aws {
    let timings = Timings { snapshot: Span::exactly(30_000), mib_per_stamp: 512, ..Timings::default() };
    Aws::new(Settings { timings, ..Settings::default() })
}

fn of(volume: &str) -> CreateSnapshot {
    CreateSnapshot { volume_id: volume.to_owned(), ..CreateSnapshot::default() }
}

fn snap(aws: &mut Aws, volume: &str) -> String {
    aws.create_snapshot(&of(volume)).unwrap().snapshot_id.clone()
}

fn state(aws: &Aws, snapshot: &str) -> SnapshotState {
    aws.snapshot(snapshot).unwrap().state
}

/// Takes a snapshot and waits for it.
fn completed(aws: &mut Aws, volume: &str) -> String {
    let id = snap(aws, volume);
    until(aws, "completed", |aws| (state(aws, &id) == SnapshotState::Completed).then_some(()));
    id
}

fn from(snapshot: &str, zone: &str) -> CreateVolume {
    CreateVolume { snapshot_id: Some(snapshot.to_owned()), size_gib: None, ..new_volume(zone) }
}

/// An instance in service that writes to a volume.
fn writing(aws: &mut Aws) -> (String, String) {
    let instance = serving(aws, 1).remove(0);
    let volume = volume(aws, ZONE);
    attached(aws, &volume, &instance, "/dev/sdf");
    (instance, volume)
}

#[test]
fn a_snapshot_is_pending_and_then_completed_and_says_so() {
    let mut aws = timed();
    let volume = volume(&mut aws, ZONE);
    let tags = tags(&[("stateful-asg:group", "db")]);
    let request = CreateSnapshot { description: "why".to_owned(), tags: tags.clone(), ..of(&volume) };
    let taken = aws.create_snapshot(&request).unwrap();
    let shown = (taken.state, taken.start_time, taken.volume_size_gib, taken.progress, taken.owner_id.as_str());
    assert_eq!(shown, (SnapshotState::Pending, aws.now(), 20, 0, "123456789012"));
    aws.advance(secs(15));
    let half = aws.describe_snapshots(&Describe::filter("tag:stateful-asg:group", "db")).unwrap().items.remove(0);
    assert_eq!((half.state, half.progress), (SnapshotState::Pending, 50));
    aws.take_events();
    aws.advance(secs(15));
    let whole = aws.describe_snapshots(&Describe::ids([&taken.snapshot_id])).unwrap().items.remove(0);
    assert_eq!((whole.state, whole.progress, whole.completion_time), (SnapshotState::Completed, 100, Some(aws.now())));
    assert_eq!((&*whole.tags, whole.start_time), (&tags, taken.start_time));
    let event = &aws.take_events()[0].event;
    assert_eq!(event["detail-type"], "EBS Snapshot Notification");
    assert_eq!(event["detail"]["result"], "succeeded");
    assert_eq!(event["resources"][0], format!("arn:aws:ec2::eu-central-1:snapshot/{}", taken.snapshot_id));
}

#[test]
fn only_what_is_new_takes_time() {
    let mut aws = timed();
    let (_, volume) = writing(&mut aws);
    aws.advance(secs(570)); // ten marks
    let first = snap(&mut aws, &volume);
    let began = aws.now();
    until(&mut aws, "completed", |aws| (state(aws, &first) == SnapshotState::Completed).then_some(()));
    assert_eq!(aws.now().duration_since(began).as_secs(), 30 + 50);
    aws.advance(secs(40)); // two marks since then
    let second = snap(&mut aws, &volume);
    let began = aws.now();
    until(&mut aws, "completed", |aws| (state(aws, &second) == SnapshotState::Completed).then_some(()));
    assert_eq!(aws.now().duration_since(began).as_secs(), 30 + 10);
}

#[test]
fn a_snapshot_holds_what_was_written_when_it_was_asked_for() {
    let mut aws = timed();
    let (instance, source) = writing(&mut aws);
    aws.create_tags(&list(&instance), &tags(&[("stateful-asg:slot", "3"), ("stateful-asg:claim", "7")])).unwrap();
    aws.advance(secs(300));
    let then = aws.data(&source);
    let snapshot = completed(&mut aws, &source);
    aws.advance(secs(300));
    assert_eq!(aws.snapshot_data(&snapshot), Some(&then));
    aws.lose_volume(&source);
    let copy = aws.create_volume(&from(&snapshot, "eu-central-1b")).unwrap();
    assert_eq!((copy.size_gib, copy.snapshot_id.as_ref()), (20, Some(&snapshot)));
    let (copy, lost) = (aws.data(&copy.volume_id), aws.data(&source));
    assert_eq!(copy, then);
    assert!(lost.lacks(&copy).is_empty(), "a lost volume is still known to have held it");
    assert!(copy.lacks(&lost).iter().map(|written| written.marks()).sum::<u64>() >= 5);
    let last = copy.written().last().unwrap();
    let shown = (&*last.writer.instance, last.writer.slot.as_deref(), last.writer.claim.as_deref(), &*last.volume);
    assert_eq!(shown, (instance.as_str(), Some("3"), Some("7"), source.as_str()));
}

#[test]
fn a_restored_volume_goes_on_and_its_first_snapshot_is_incremental() {
    let mut aws = timed();
    let (instance, source) = writing(&mut aws);
    aws.advance(secs(600));
    let snapshot = completed(&mut aws, &source);
    let copy = aws.create_volume(&from(&snapshot, ZONE)).unwrap().volume_id.clone();
    aws.advance(secs(3));
    attached(&mut aws, &copy, &instance, "/dev/sdg");
    aws.advance(secs(70)); // two marks
    assert_eq!(aws.data(&copy).marks(), aws.snapshot_data(&snapshot).unwrap().marks() + 2);
    let began = aws.now();
    completed(&mut aws, &copy);
    assert_eq!(aws.now().duration_since(began).as_secs(), 30 + 10);
}

#[test]
fn a_set_is_of_one_moment_and_of_what_is_attached() {
    let mut aws = timed();
    let (instance, one) = writing(&mut aws);
    let two = volume(&mut aws, ZONE);
    attached(&mut aws, &two, &instance, "/dev/sdg");
    aws.create_tags(&list(&one), &tags(&[("name", "data"), ("kind", "volume")])).unwrap();
    let root = aws.instance(&instance).unwrap().block_devices[0].volume_id.clone();
    let request = CreateSnapshots { instance_id: instance.clone(), ..CreateSnapshots::default() };
    let taken = |aws: &mut Aws, request: &CreateSnapshots| -> Vec<(String, Tags)> {
        aws.advance(secs(120));
        let set = aws.create_snapshots(request).unwrap();
        assert!(set.iter().all(|s| s.start_time == aws.now() && s.state == SnapshotState::Pending));
        set.iter().map(|s| (s.volume_id.clone(), Tags::clone(&s.tags))).collect()
    };
    let volumes = |set: Vec<(String, Tags)>| set.into_iter().map(|(volume, _)| volume).collect::<Vec<_>>();
    assert_eq!(volumes(taken(&mut aws, &request)), [root.clone(), one.clone(), two.clone()]);
    let data = CreateSnapshots { exclude_boot_volume: true, ..request.clone() };
    assert_eq!(volumes(taken(&mut aws, &data)), [one.clone(), two.clone()]);
    let tagged = CreateSnapshots {
        exclude_data_volume_ids: vec![two.clone()],
        copy_tags: true,
        tags: tags(&[("kind", "snapshot")]),
        ..data.clone()
    };
    assert_eq!(taken(&mut aws, &tagged), [(one.clone(), tags(&[("name", "data"), ("kind", "snapshot")]))]);
    aws.advance(secs(120));
    let cases = [
        ("InvalidInstanceID.NotFound", CreateSnapshots { instance_id: "i-0".to_owned(), ..data.clone() }),
        ("InvalidParameterValue", CreateSnapshots { exclude_data_volume_ids: vec![root], ..data.clone() }),
        (
            "InvalidParameterValue",
            CreateSnapshots { exclude_data_volume_ids: vec!["vol-0".to_owned()], ..data.clone() },
        ),
        ("InvalidParameterValue", CreateSnapshots { exclude_data_volume_ids: vec![one, two], ..data }),
    ];
    for (expected, request) in cases {
        assert_eq!(code(aws.create_snapshots(&request)), expected, "{request:?}");
    }
}

#[test]
fn a_failed_one_fails_its_set_and_the_next_is_no_smaller_for_it() {
    let mut aws = timed();
    let (instance, volume) = writing(&mut aws);
    aws.advance(secs(90)); // two marks
    aws.fail_snapshot(&volume);
    let request = CreateSnapshots { instance_id: instance, ..CreateSnapshots::default() };
    let set = aws.create_snapshots(&request).unwrap();
    aws.advance(secs(120));
    for snapshot in &set {
        let shown = aws.snapshot(&snapshot.snapshot_id).unwrap();
        assert_eq!(shown.state, SnapshotState::Error);
        assert!(shown.state_message.is_some() && shown.completion_time.is_none());
        assert_eq!(aws.snapshot_data(&snapshot.snapshot_id).unwrap().marks(), 0);
        assert_eq!(code(aws.create_volume(&from(&snapshot.snapshot_id, ZONE))), "IncorrectState");
    }
    let began = aws.now();
    completed(&mut aws, &volume);
    assert_eq!(aws.now().duration_since(began).as_secs(), 30 + 20, "four marks");
    assert_eq!(effects(&aws, |e| matches!(e, EffectKind::SnapshotReady { failed: true, .. })).len(), 2);
}

#[test]
fn a_volume_takes_five_at_a_time_and_not_too_close_together() {
    let mut aws = Aws::new(Settings {
        timings: Timings { snapshot: Span::exactly(600_000), ..Timings::default() },
        ..Settings::default()
    });
    let volume = volume(&mut aws, ZONE);
    let first = snap(&mut aws, &volume);
    aws.advance(secs(14));
    assert_eq!(code(aws.create_snapshot(&of(&volume))), "SnapshotCreationPerVolumeRateExceeded");
    for _ in 0..4 {
        aws.advance(secs(15));
        snap(&mut aws, &volume);
    }
    aws.advance(secs(15));
    assert_eq!(code(aws.create_snapshot(&of(&volume))), "ConcurrentSnapshotLimitExceeded");
    aws.delete_snapshot(&first).unwrap();
    assert!(aws.snapshot(&first).is_none());
    assert_eq!(code(aws.create_snapshot(&of(&volume))), "ConcurrentSnapshotLimitExceeded", "it goes on unseen");
    aws.advance(secs(600));
    snap(&mut aws, &volume);
    assert_eq!(effects(&aws, |e| matches!(e, EffectKind::SnapshotReady { .. })).len(), 4, "the deleted one is silent");
}

#[test]
fn failed_snapshots_count_until_they_are_deleted() {
    let mut aws = timed();
    let volume = volume(&mut aws, ZONE);
    let mut failed = Vec::new();
    for _ in 0..5 {
        aws.fail_snapshot(&volume);
        failed.push(snap(&mut aws, &volume));
        aws.advance(secs(60));
    }
    assert_eq!(code(aws.create_snapshot(&of(&volume))), "ConcurrentSnapshotLimitExceeded");
    aws.delete_snapshot(&failed[0]).unwrap();
    completed(&mut aws, &volume);
}

#[test]
fn older_snapshots_of_a_volume_are_completed_first() {
    for seed in 0..20 {
        let timings = Timings { snapshot: Span::secs(20, 200), ..Timings::default() };
        let mut aws = Aws::new(Settings { seed, timings, ..Settings::default() });
        let volume = volume(&mut aws, ZONE);
        let first = snap(&mut aws, &volume);
        aws.advance(secs(16));
        let second = snap(&mut aws, &volume);
        until(&mut aws, "the second", |aws| (state(aws, &second) == SnapshotState::Completed).then_some(()));
        assert_eq!(state(&aws, &first), SnapshotState::Completed);
    }
}

#[test]
fn quotas_are_refused_by_their_names() {
    let mut aws = timed();
    let (one, two) = (volume(&mut aws, ZONE), volume(&mut aws, ZONE));
    aws.set_pending_snapshot_quota(Some(1));
    snap(&mut aws, &one);
    assert_eq!(code(aws.create_snapshot(&of(&two))), "PendingSnapshotLimitExceeded");
    aws.set_pending_snapshot_quota(None);
    aws.set_snapshot_quota(Some(1));
    assert_eq!(code(aws.create_snapshot(&of(&two))), "SnapshotLimitExceeded");
    aws.set_snapshot_quota(None);
    completed(&mut aws, &two);
    aws.set_volume_quota(Some(2));
    assert_eq!(code(aws.create_volume(&new_volume(ZONE))), "VolumeLimitExceeded");
    aws.set_volume_quota(Some(3));
    aws.create_volume(&new_volume(ZONE)).unwrap();
}

#[test]
fn volumes_are_made_of_completed_snapshots_and_no_smaller() {
    let mut aws = timed();
    let volume = volume(&mut aws, ZONE);
    let id = snap(&mut aws, &volume);
    assert_eq!(code(aws.create_volume(&from(&id, ZONE))), "IncorrectState");
    aws.advance(secs(30));
    let cases: [(&str, fn(&mut CreateVolume)); 5] = [
        ("InvalidSnapshot.NotFound", |r| r.snapshot_id = Some("snap-0".to_owned())),
        ("InvalidParameterValue", |r| r.size_gib = Some(19)),
        ("InvalidParameterValue", |r| r.volume_initialization_rate = Some(301)),
        ("InvalidParameterCombination", |r| {
            (r.snapshot_id, r.size_gib, r.volume_initialization_rate) = (None, Some(20), Some(100));
        }),
        ("InvalidParameterValue", |r| r.volume_type = Some("st1".to_owned())),
    ];
    for (expected, change) in cases {
        let mut request = from(&id, ZONE);
        change(&mut request);
        assert_eq!(code(aws.create_volume(&request)), expected, "{request:?}");
    }
    let request = CreateVolume { size_gib: Some(30), volume_initialization_rate: Some(300), ..from(&id, ZONE) };
    let made = aws.create_volume(&request).unwrap();
    let shown = (made.size_gib, made.iops, made.throughput, made.volume_initialization_rate);
    assert_eq!(shown, (30, Some(3000), Some(125), Some(300)));
}

#[test]
fn encryption_and_its_key_are_inherited() {
    let mut aws = timed();
    let request = CreateVolume { encrypted: true, kms_key_id: Some("alias/db".to_owned()), ..new_volume(ZONE) };
    let source = aws.create_volume(&request).unwrap().volume_id.clone();
    aws.advance(secs(3));
    let snapshot = completed(&mut aws, &source);
    let made = aws.create_volume(&from(&snapshot, "eu-central-1b")).unwrap();
    assert_eq!((made.encrypted, made.kms_key_id.as_deref()), (true, Some("alias/db")));
    aws.set_key_usable("alias/db", false);
    let failing = aws.create_volume(&from(&snapshot, "eu-central-1b")).unwrap().volume_id.clone();
    aws.advance(secs(3));
    assert_eq!(aws.volume(&failing).unwrap().state, VolumeState::Error);
    aws.set_key_usable("alias/db", true);
    let plain = volume(&mut aws, ZONE);
    let snapshot = completed(&mut aws, &plain);
    let made = aws.create_volume(&CreateVolume { encrypted: true, ..from(&snapshot, ZONE) }).unwrap();
    assert_eq!((made.encrypted, made.kms_key_id.as_deref()), (true, None));
}

#[test]
fn snapshots_outlive_their_volume_and_end_by_deletion_or_loss() {
    let mut aws = timed();
    let volume = volume(&mut aws, ZONE);
    let (kept, lost) = (completed(&mut aws, &volume), completed(&mut aws, &volume));
    aws.delete_volume(&volume).unwrap();
    aws.advance(secs(10));
    assert_eq!(code(aws.create_snapshot(&of(&volume))), "InvalidVolume.NotFound");
    assert_eq!(aws.describe_snapshots(&Describe::filter("volume-id", &volume)).unwrap().items.len(), 2);
    aws.lose_snapshot(&lost);
    assert_eq!(code(aws.delete_snapshot(&lost)), "InvalidSnapshot.NotFound");
    assert_eq!(code(aws.describe_snapshots(&Describe::ids([&kept, &lost]))), "InvalidSnapshot.NotFound");
    aws.use_in_image(&kept, true);
    assert_eq!(code(aws.delete_snapshot(&kept)), "InvalidSnapshot.InUse");
    aws.use_in_image(&kept, false);
    aws.as_actor("us").delete_snapshot(&kept).unwrap();
    let gone = |lost| {
        effects(&aws, |e| matches!(e, EffectKind::SnapshotGone { why, .. } if (*why == Gone::Lost) == lost))
            .into_iter()
            .map(|effect| effect.actor)
            .collect::<Vec<_>>()
    };
    assert_eq!((gone(true), gone(false)), (vec![String::new()], vec!["us".to_owned()]));
}

#[test]
fn snapshots_are_tagged_filtered_and_paged_like_the_rest() {
    let mut aws = timed();
    let volumes: Vec<_> = (0..7).map(|_| volume(&mut aws, ZONE)).collect();
    let ids: Vec<_> = volumes.iter().map(|volume| snap(&mut aws, volume)).collect();
    aws.create_tags(&ids[..2], &tags(&[("keep", "yes")])).unwrap();
    aws.delete_tags(&ids[..1], &[("keep".to_owned(), None)]).unwrap();
    assert_eq!(aws.describe_snapshots(&Describe::filter("tag:keep", "yes")).unwrap().items[0].snapshot_id, ids[1]);
    assert_eq!(aws.describe_tags(&Describe::filter("resource-type", "snapshot")).unwrap().items.len(), 1);
    assert_eq!(aws.describe_snapshots(&Describe::filter("status", "completed")).unwrap().items.len(), 0);
    let page = aws.describe_snapshots(&Describe { max_results: Some(5), ..Describe::default() }).unwrap();
    assert!(page.items.len() == 5 && page.next_token.is_some());
    let both = Describe { max_results: Some(5), ..Describe::ids([&ids[0]]) };
    assert_eq!(code(aws.describe_snapshots(&both)), "InvalidParameterCombination");
    let young = aws.create_volume(&new_volume(ZONE)).unwrap().volume_id.clone();
    assert_eq!(code(aws.create_snapshot(&of(&young))), "IncorrectState");
}

#[test]
fn a_new_snapshot_may_be_unknown_for_a_while() {
    let mut unknown = 0;
    for seed in 0..40 {
        let mut aws = Aws::new(Settings { seed, read_lag: secs(10), ..Settings::default() });
        let volume = volume(&mut aws, ZONE);
        aws.advance(secs(20));
        snap(&mut aws, &volume);
        aws.advance(secs(5));
        unknown +=
            usize::from(aws.describe_snapshots(&Describe::filter("volume-id", &volume)).unwrap().items.is_empty());
        aws.advance(secs(10));
        assert_eq!(aws.describe_snapshots(&Describe::all()).unwrap().items.len(), 1);
    }
    assert!((5..35).contains(&unknown), "{unknown} of 40");
}
