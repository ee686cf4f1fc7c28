//! What the ports answer, in the short forms of the cases.

use serde_json::{Value, json};
use stateful_asg_core::cloud::{Asg, AttachmentState, Instance, Interface, Lifecycle, RecordSeen, Snapshot, Volume};

/// Everything that is wanted is there; what else is there does not count.
pub(super) fn fits(wanted: &Value, got: &Value) -> bool {
    match (wanted, got) {
        (Value::Object(fields), _) if fields.contains_key("Without") => {
            let gone = fields["Without"].as_str().unwrap_or_default();
            got["Members"].get(gone).is_none()
        }
        (Value::Object(wanted), Value::Object(got)) => {
            wanted.iter().all(|(key, inner)| fits(inner, got.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(wanted), Value::Array(got)) => {
            wanted.len() == got.len() && wanted.iter().zip(got).all(|(wanted, got)| fits(wanted, got))
        }
        (wanted, got) => wanted == got,
    }
}

fn word(state: &impl std::fmt::Debug) -> String {
    let name = format!("{state:?}");
    name.chars().enumerate().fold(String::new(), |mut word, (at, letter)| {
        if at > 0 && letter.is_ascii_uppercase() {
            word.push('-');
        }
        word.push(letter.to_ascii_lowercase());
        word
    })
}

pub(super) fn volume(seen: &Volume) -> Value {
    let attachments = seen.attachments.iter().map(|seen| {
        json!({"InstanceId": seen.instance, "Device": seen.device, "State": word(&seen.state),
            "DeleteOnTermination": seen.delete_on_termination})
    });
    json!({"VolumeId": seen.id, "State": word(&seen.state), "AvailabilityZone": seen.zone, "Size": seen.size_gib,
        "VolumeType": seen.kind, "Tags": *seen.tags, "Attachments": attachments.collect::<Value>()})
}

pub(super) fn snapshot(seen: &Snapshot) -> Value {
    json!({"SnapshotId": seen.id, "VolumeId": seen.volume, "State": word(&seen.state), "VolumeSize": seen.size_gib,
        "Tags": *seen.tags})
}

pub(super) fn interface(seen: &Interface) -> Value {
    let attachment = seen.attachment.as_ref().map(|seen| {
        json!({"AttachmentId": seen.id, "InstanceId": seen.instance, "Status": word(&seen.state),
            "DeleteOnTermination": seen.delete_on_termination})
    });
    json!({"NetworkInterfaceId": seen.id, "Status": if seen.available { "available" } else { "in-use" },
        "PrivateIpAddress": seen.ip, "Attachment": attachment})
}

pub(super) fn instance(seen: &Instance) -> Value {
    json!({"InstanceId": seen.id, "State": word(&seen.state)})
}

pub(super) fn members(seen: Option<&Asg>) -> Value {
    let state = |lifecycle: &Lifecycle| {
        if *lifecycle == Lifecycle::PendingWait {
            "Pending:Wait".to_owned()
        } else if *lifecycle == Lifecycle::TerminatingWait {
            "Terminating:Wait".to_owned()
        } else {
            format!("{lifecycle:?}")
        }
    };
    let members = seen.map(|asg| {
        let members = asg.members.iter().map(|(id, member)| (id.to_string(), Value::String(state(&member.lifecycle))));
        Value::Object(members.collect())
    });
    json!({"Members": members})
}

pub(super) fn record(seen: &RecordSeen) -> Value {
    match seen {
        RecordSeen::Absent => json!({"Record": null}),
        RecordSeen::A { ttl, values } => json!({"Record": {"TTL": ttl, "Values": values}}),
        RecordSeen::Other(text) => json!({"Record": text}),
    }
}

#[test]
fn words_are_those_of_aws() {
    assert_eq!(word(&AttachmentState::Attached), "attached");
    assert_eq!(word(&stateful_asg_core::cloud::VolumeState::InUse), "in-use");
    assert!(fits(&json!({"a": [{"b": 1}]}), &json!({"a": [{"b": 1, "c": 2}]})));
    assert!(!fits(&json!({"a": []}), &json!({"a": [1]})));
    assert!(!fits(&json!({"Without": "i"}), &json!({"Members": {"i": "InService"}})));
}
