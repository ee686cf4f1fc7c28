//! The calls of the cases, as the ports have them.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde_json::{Value, json};
use stateful_asg_core::cloud::{RecordChange, RecordKey, Tags, Transition};
use stateful_asg_core::ids::{DnsName, HostedZoneId, VolumeId};
use stateful_asg_core::step::ActionRef;
use stateful_asg_core::table::HookResult;
use stateful_asg_core::upkeep::Target;
use stateful_asg_runtime::ports::{CallError, Cloud, NewInterface, NewVolume, Which};

use super::answers;

/// The arguments of a call.
struct With<'a>(&'a Value);

impl With<'_> {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    fn id<T: FromStr>(&self, name: &str) -> T {
        self.text(name).parse().unwrap_or_else(|_| panic!("{name} of {}", self.0))
    }

    fn tags(&self) -> Tags {
        self.0.get("Tags").map(|tags| serde_json::from_value(tags.clone()).unwrap()).unwrap_or_default()
    }

    /// Which objects a describe call's filters name.
    fn which<T: FromStr>(&self) -> Which<T> {
        let filters = self.0["Filters"].as_object().unwrap();
        let first = |name: &str| filters[name][0].as_str().unwrap();
        if filters.contains_key("tag:stateful-asg:group") {
            let (group, deployment) = (first("tag:stateful-asg:group"), first("tag:stateful-asg:deployment"));
            return Which::Group(group.parse().unwrap(), deployment.parse().unwrap());
        }
        let ids = filters.values().next().unwrap().as_array().unwrap().iter();
        Which::Ids(ids.map(|id| id.as_str().unwrap().parse().ok().unwrap()).collect())
    }

    fn volume(&self) -> NewVolume {
        let params = json!({"size": self.0["Size"], "type": self.text("VolumeType"), "encrypted": false,
            "snapshot": self.0.get("SnapshotId")});
        NewVolume {
            zone: self.id("AvailabilityZone"),
            params: serde_json::from_value(params).unwrap(),
            token: self.text("ClientToken").to_owned(),
            tags: self.tags(),
        }
    }

    fn interface(&self) -> NewInterface {
        NewInterface {
            subnet: self.id("SubnetId"),
            security_groups: Vec::new(),
            ip: self.0.get("PrivateIpAddress").map(|ip| ip.as_str().unwrap().parse().unwrap()),
            token: self.text("ClientToken").to_owned(),
            tags: self.tags(),
        }
    }

    fn action(&self) -> ActionRef {
        ActionRef {
            asg: self.id("AutoScalingGroupName"),
            hook: self.id("LifecycleHookName"),
            transition: Transition::Launching,
            instance: self.id("InstanceId"),
            token: self.0.get("LifecycleActionToken").map(|token| token.as_str().unwrap().parse().ok().unwrap()),
        }
    }

    fn record(&self, name: &str) -> RecordKey {
        RecordKey { zone: self.id::<HostedZoneId>("HostedZoneId"), name: DnsName::new(name).unwrap() }
    }

    /// A batch that the port can say: DELETE of a record, CREATE of it, or both.
    fn record_change(&self) -> RecordChange {
        let changes = self.0["Changes"].as_array().unwrap();
        let held = |action: &str| {
            let change = changes.iter().find(|change| change[0] == action)?;
            let ttl = u32::try_from(change[2].as_u64().unwrap()).unwrap();
            let values: BTreeSet<_> = serde_json::from_value(change[3].clone()).unwrap();
            Some((ttl, values))
        };
        RecordChange { key: self.record(changes[0][1].as_str().unwrap()), old: held("DELETE"), new: held("CREATE") }
    }
}

/// One call, and its answer.
pub(super) async fn call(ports: &impl Cloud, operation: &str, arguments: &Value) -> Result<Value, CallError> {
    let with = With(arguments);
    let none = |()| Value::Null;
    let (service, _) = operation.split_once(':').unwrap();
    match operation {
        "autoscaling:DescribeAutoScalingGroups" => {
            ports.asg_named(&with.id("Name")).await.map(|seen| answers::members(seen.as_ref()))
        }
        "autoscaling:CompleteLifecycleAction" => {
            let abandon = with.text("LifecycleActionResult") == "ABANDON";
            let result = if abandon { HookResult::Abandon } else { HookResult::Continue };
            ports.complete(&with.action(), result).await.map(none)
        }
        "autoscaling:RecordLifecycleActionHeartbeat" => ports.heartbeat(&with.action()).await.map(none),
        "route53:ListResourceRecordSets" => {
            ports.record(&with.record(with.text("Name"))).await.map(|seen| answers::record(&seen))
        }
        "route53:ChangeResourceRecordSets" => ports.change_record(&with.record_change()).await.map(none),
        _ if service == "ec2" && operation.contains(":Describe") => describe(ports, operation, &with).await,
        _ if service == "ec2" => change(ports, operation, &with).await,
        other => panic!("the ports have no {other}"),
    }
}

async fn describe(ports: &impl Cloud, operation: &str, with: &With<'_>) -> Result<Value, CallError> {
    fn list<T>(name: &str, seen: &[T], one: impl Fn(&T) -> Value) -> Value {
        json!({name: seen.iter().map(one).collect::<Value>()})
    }
    match operation {
        "ec2:DescribeVolumes" => ports.volumes(&with.which()).await.map(|seen| list("Volumes", &seen, answers::volume)),
        "ec2:DescribeSnapshots" => {
            ports.snapshots(&with.which()).await.map(|seen| list("Snapshots", &seen, answers::snapshot))
        }
        "ec2:DescribeNetworkInterfaces" => {
            ports.interfaces(&with.which()).await.map(|seen| list("NetworkInterfaces", &seen, answers::interface))
        }
        "ec2:DescribeInstances" => {
            ports.instances(&with.which()).await.map(|seen| list("Instances", &seen, answers::instance))
        }
        "ec2:DescribeVolumesModifications" => {
            let Which::Ids(ids) = with.which::<VolumeId>() else { panic!("asked for by ID") };
            let state = |seen: &stateful_asg_core::cloud::Modification| json!({"VolumeId": seen.volume, "ModificationState": format!("{:?}", seen.state).to_lowercase()});
            ports.modifications(&ids).await.map(|seen| list("VolumesModifications", &seen, state))
        }
        "ec2:DescribeSubnets" => {
            let Which::Ids(ids) = with.which() else { panic!("asked for by ID") };
            let place =
                |seen: &stateful_asg_core::cloud::Subnet| json!({"SubnetId": seen.id, "AvailabilityZone": seen.zone});
            ports.subnets(&ids).await.map(|seen| list("Subnets", &seen, place))
        }
        other => panic!("the ports have no {other}"),
    }
}

async fn change(ports: &impl Cloud, operation: &str, with: &With<'_>) -> Result<Value, CallError> {
    let none = |()| Value::Null;
    match operation {
        "ec2:CreateVolume" => ports.create_volume(&with.volume()).await.map(|id| json!({"VolumeId": id})),
        "ec2:AttachVolume" => {
            ports.attach_volume(&with.id("VolumeId"), &with.id("InstanceId"), &with.id("Device")).await.map(none)
        }
        "ec2:DetachVolume" => {
            ports.detach_volume(&with.id("VolumeId"), &with.id("InstanceId"), with.text("Device")).await.map(none)
        }
        "ec2:DeleteVolume" => ports.delete_volume(&with.id("VolumeId")).await.map(none),
        "ec2:ModifyVolume" => {
            let size_gib = with.0["Size"].as_u64().and_then(|size| u32::try_from(size).ok());
            let target = Target { size_gib, ..Target::default() };
            ports.modify_volume(&with.id("VolumeId"), &target).await.map(none)
        }
        "ec2:ModifyInstanceAttribute" => {
            ports.keep_volume(&with.id("VolumeId"), &with.id("InstanceId"), with.text("Device")).await.map(none)
        }
        "ec2:CreateSnapshot" => {
            ports.create_snapshot(&with.id("VolumeId"), &with.tags()).await.map(|seen| answers::snapshot(&seen))
        }
        "ec2:DeleteSnapshot" => ports.delete_snapshot(&with.id("SnapshotId")).await.map(none),
        "ec2:CreateNetworkInterface" => {
            let made = ports.create_interface(&with.interface()).await;
            made.map(|id| json!({"NetworkInterface": {"NetworkInterfaceId": id}}))
        }
        "ec2:AttachNetworkInterface" => {
            let index = u32::try_from(with.0["DeviceIndex"].as_u64().unwrap()).unwrap();
            ports.attach_interface(&with.id("NetworkInterfaceId"), &with.id("InstanceId"), index).await.map(none)
        }
        "ec2:ModifyNetworkInterfaceAttribute" => {
            ports.keep_interface(&with.id("NetworkInterfaceId"), &with.id("AttachmentId")).await.map(none)
        }
        "ec2:DetachNetworkInterface" => ports.detach_interface(&with.id("AttachmentId")).await.map(none),
        "ec2:DeleteNetworkInterface" => ports.delete_interface(&with.id("NetworkInterfaceId")).await.map(none),
        "ec2:CreateTags" => ports.tag(with.text("Resource"), &with.tags()).await.map(none),
        other => panic!("the ports have no {other}"),
    }
}
