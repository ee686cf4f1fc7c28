use stateful_asg_core::ids::{Claim, DeploymentId, GroupName, SlotNumber, VolumeName};
use stateful_asg_core::tags;
use stateful_asg_runtime::ports::Cloud;

use super::*;
use crate::samples::{at, instance};
use crate::wire::{Answer, Wire, body};

fn volume(n: u8) -> VolumeId {
    VolumeId::new(format!("vol-{n:017x}")).unwrap()
}

fn ours() -> Tags {
    let pairs = [(tags::OPERATION, "final-3-7"), (tags::SLOT, "3"), (tags::CLAIM, "2"), (tags::VOLUME, "data")];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A snapshot as EC2 writes one; CreateSnapshots calls the state otherwise.
fn xml(id: u8, state: &str) -> String {
    format!(
        "<snapshotId>snap-{id:017x}</snapshotId><volumeId>vol-{id:017x}</volumeId>{state}\
         <startTime>2026-11-20T10:00:00.250Z</startTime><volumeSize>100</volumeSize><encrypted>true</encrypted>"
    )
}

fn tag_set() -> String {
    let item = |(key, value): (&String, &String)| format!("<item><key>{key}</key><value>{value}</value></item>");
    format!("<tagSet>{}</tagSet>", ours().iter().map(item).collect::<String>())
}

fn tag_parameters() -> Vec<String> {
    let mut parameters = vec!["TagSpecification.1.ResourceType=snapshot".to_owned()];
    for (n, (key, value)) in (1..).zip(ours()) {
        parameters.push(format!("TagSpecification.1.Tag.{n}.Key={key}"));
        parameters.push(format!("TagSpecification.1.Tag.{n}.Value={value}"));
    }
    parameters
}

fn with_tags(first: &[&str]) -> Vec<String> {
    first.iter().map(|text| (*text).to_owned()).chain(tag_parameters()).collect()
}

#[tokio::test]
async fn a_groups_snapshots_are_our_accounts_and_all_pages_are_read() {
    let failed = format!("{}<statusMessage>no key</statusMessage>", xml(2, "<status>error</status>"));
    let novel = xml(3, "<status>archived</status>");
    let first = format!("{}{}", xml(1, "<status>completed</status>"), tag_set());
    let wire = Wire::new([
        body("DescribeSnapshots", &format!("<snapshotSet><item>{first}</item></snapshotSet><nextToken>2</nextToken>")),
        body("DescribeSnapshots", &format!("<snapshotSet><item>{failed}</item><item>{novel}</item></snapshotSet>")),
    ]);
    let which = Which::Group(GroupName::new("cass").unwrap(), DeploymentId::new("prod").unwrap());
    let read = wire.aws().snapshots(&which).await.unwrap();

    let requests = wire.requests();
    let first: Vec<_> = requests[0].iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(
        first,
        [
            "Action=DescribeSnapshots",
            "Filter.1.Name=tag:stateful-asg:group",
            "Filter.1.Value.1=cass",
            "Filter.2.Name=tag:stateful-asg:deployment",
            "Filter.2.Value.1=prod",
            "MaxResults=1000",
            "Owner.1=self",
        ]
    );
    assert_eq!((requests.len(), requests[1]["NextToken"].as_str()), (2, "2"));

    let states: Vec<_> = read.iter().map(|snapshot| snapshot.state).collect();
    assert_eq!(states, [SnapshotState::Completed, SnapshotState::Error, SnapshotState::Other]);
    assert_eq!(read[0].volume, volume(1));
    assert_eq!((read[0].size_gib, read[0].encrypted), (100, true));
    assert_eq!(read[0].started, at("2026-11-20T10:00:00.25Z"));
    assert_eq!((read[0].slot(), read[0].claim()), (Some(SlotNumber(3)), Some(Claim(2))));
    assert_eq!((read[0].operation(), read[0].name()), (Some("final-3-7"), Some(VolumeName::new("data").unwrap())));
    assert_eq!((read[0].message.as_deref(), read[1].message.as_deref()), (None, Some("no key")));
}

#[tokio::test]
async fn a_snapshot_that_is_not_found_is_missing_from_the_answer() {
    let wire = Wire::answering("DescribeSnapshots", "<snapshotSet/>");
    let which = Which::Ids(vec!["snap-00000000000000001".parse().unwrap()]);
    assert_eq!(wire.aws().snapshots(&which).await.unwrap(), []);
    let request = wire.requests().remove(0);
    assert_eq!(request["Filter.1.Name"], "snapshot-id");
    assert!(!request.keys().any(|name| name.starts_with("SnapshotId")), "an unknown ID would fail the call");
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_read_fails_the_read() {
    let whole = xml(1, "<status>pending</status>");
    for part in ["<volumeId>vol-00000000000000001</volumeId>", "<startTime>2026-11-20T10:00:00.250Z</startTime>"] {
        let cut = whole.replace(part, "");
        let wire = Wire::answering("DescribeSnapshots", &format!("<snapshotSet><item>{cut}</item></snapshotSet>"));
        let which = Which::Ids(vec!["snap-00000000000000001".parse().unwrap()]);
        let error = wire.aws().snapshots(&which).await.unwrap_err();
        assert!(error.kind.is_retryable() && error.message.contains("snap-00000000000000001"), "{error}");
    }
}

#[tokio::test]
async fn one_snapshot_is_taken_with_its_tags() {
    let wire = Wire::answering("CreateSnapshot", &xml(1, "<status>pending</status>"));
    let taken = wire.aws().create_snapshot(&volume(1), &ours()).await.unwrap();
    let expected = with_tags(&["Action=CreateSnapshot"]);
    assert_eq!(wire.sent(), [&expected[..], &["VolumeId=vol-00000000000000001".to_owned()]].concat());
    assert_eq!((taken.id.as_str(), taken.state), ("snap-00000000000000001", SnapshotState::Pending));
    assert_eq!(taken.tags, ours(), "the answer need not tell them");
}

#[tokio::test]
async fn a_set_leaves_out_the_root_volume_and_those_of_others() {
    let items: String = [1, 2].map(|n| format!("<item>{}</item>", xml(n, "<state>pending</state>"))).concat();
    let wire = Wire::answering("CreateSnapshots", &format!("<snapshotSet>{items}</snapshotSet>"));
    let without = BTreeSet::from([volume(8), volume(9)]);
    let taken = wire.aws().create_snapshots(&instance(), &without, &ours()).await.unwrap();
    assert_eq!(
        wire.sent(),
        with_tags(&[
            "Action=CreateSnapshots",
            "InstanceSpecification.ExcludeBootVolume=true",
            "InstanceSpecification.ExcludeDataVolumeId.1=vol-00000000000000008",
            "InstanceSpecification.ExcludeDataVolumeId.2=vol-00000000000000009",
            "InstanceSpecification.InstanceId=i-0123456789abcdef0",
        ])
    );
    assert_eq!(taken.iter().map(|snapshot| &snapshot.volume).collect::<Vec<_>>(), [&volume(1), &volume(2)]);
    assert!(taken.iter().all(|snapshot| snapshot.tags == ours()));
}

#[tokio::test]
async fn more_volumes_than_ec2_leaves_out_are_refused_here() {
    let wire = Wire::default();
    let without = (0..41).map(volume).collect();
    let error = wire.aws().create_snapshots(&instance(), &without, &ours()).await.unwrap_err();
    assert_eq!((error.kind, wire.requests().len()), (FailureKind::Invalid, 0));
    for told in ["i-0123456789abcdef0", "41", "40"] {
        assert!(error.message.contains(told), "{error}");
    }
    let wire = Wire::answering("CreateSnapshots", "<snapshotSet/>");
    let without = (0..40).map(volume).collect();
    assert_eq!(wire.aws().create_snapshots(&instance(), &without, &ours()).await.unwrap(), []);
}

#[tokio::test]
async fn what_has_no_token_is_sent_once() {
    let lost = Wire::new([Answer::Lost, body("CreateSnapshot", &xml(1, "<status>pending</status>"))]);
    let error = lost.aws().create_snapshot(&volume(1), &ours()).await.unwrap_err();
    assert_eq!((error.kind, lost.requests().len()), (FailureKind::Unknown, 1), "it may have been applied");

    let lost = Wire::new([Answer::Refused(500, "InternalError")]);
    let error = lost.aws().create_snapshots(&instance(), &BTreeSet::new(), &ours()).await.unwrap_err();
    assert_eq!((error.kind, lost.requests().len()), (FailureKind::Unknown, 1));

    // The same loss of a call that may be repeated, for comparison.
    let lost = Wire::new([Answer::Lost, body("DeleteSnapshot", "<return>true</return>")]);
    let snapshot = "snap-00000000000000001".parse().unwrap();
    lost.aws().delete_snapshot(&snapshot).await.unwrap();
    assert_eq!(lost.requests().len(), 2);
}

#[tokio::test]
async fn a_snapshot_that_is_gone_needs_no_deleting() {
    let snapshot = "snap-00000000000000001".parse().unwrap();
    let wire = Wire::new([Answer::Refused(400, "InvalidSnapshot.NotFound")]);
    wire.aws().delete_snapshot(&snapshot).await.unwrap();
    assert_eq!(wire.sent(), ["Action=DeleteSnapshot", "SnapshotId=snap-00000000000000001"]);
    let wire = Wire::new([Answer::Refused(400, "InvalidSnapshot.InUse")]);
    assert_eq!(wire.aws().delete_snapshot(&snapshot).await.unwrap_err().kind, FailureKind::InUse);
}
