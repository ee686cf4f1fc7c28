//! The port of AWS's services, one call each.

use std::collections::BTreeSet;

use stateful_asg_core::cloud::{
    Asg, Hook, Instance, Interface, Modification, RecordChange, RecordKey, RecordSeen, Snapshot, Subnet, Tags, Volume,
};
use stateful_asg_core::ids::{
    AsgName, DeploymentId, DeviceName, GroupName, InstanceId, InterfaceAttachmentId, InterfaceId, SnapshotId, SubnetId,
    VolumeId,
};
use stateful_asg_core::step::ActionRef;
use stateful_asg_core::table::HookResult;
use stateful_asg_core::tags;
use stateful_asg_core::upkeep::Target;
use stateful_asg_runtime::ports::{Called, Cloud, NewInterface, NewVolume, SettleRequest, Which};

use super::{SimWorld, asked, autoscaling, convert, ec2, route53, storage, told};
use crate::model::Aws;
use crate::model::types::{
    AttachNetworkInterface, AttachVolume, DescribeAutoScalingGroups, DetachNetworkInterface, DetachVolume, Filter,
    LifecycleResult, ModifyInstanceAttribute, ModifyNetworkInterfaceAttribute, PutEventsEntry, PutEventsResult,
};

impl Cloud for SimWorld {
    async fn asgs(&self, deployment: &DeploymentId, group: Option<&GroupName>) -> Called<Vec<Asg>> {
        let mut filters = vec![Filter::new(&format!("tag:{}", tags::DEPLOYMENT), deployment.as_str())];
        filters.extend(group.map(|group| Filter::new(&format!("tag:{}", tags::GROUP), group.as_str())));
        let answer = self
            .read("autoscaling:DescribeAutoScalingGroups", move |aws, _| {
                let request = DescribeAutoScalingGroups { filters, max_records: Some(100), ..Default::default() };
                autoscaling::groups(aws, request)?.iter().map(|seen| autoscaling::with_warm_pool(aws, seen)).collect()
            })
            .await;
        let mut groups = self.thinned("autoscaling:DescribeAutoScalingGroups", answer)?;
        for group in &mut groups {
            let members = std::mem::take(&mut group.members).into_iter().collect();
            group.members =
                self.thinned("autoscaling:DescribeAutoScalingInstances", Ok(members))?.into_iter().collect();
        }
        self.saw(Ok(groups), |seen| told::asgs(seen))
    }

    async fn asg_named(&self, name: &AsgName) -> Called<Option<Asg>> {
        let name = name.to_string();
        let answer = self
            .read("autoscaling:DescribeAutoScalingGroups", move |aws, _| {
                let request = DescribeAutoScalingGroups { names: vec![name], ..Default::default() };
                autoscaling::groups(aws, request)?
                    .first()
                    .map(|seen| autoscaling::with_warm_pool(aws, seen))
                    .transpose()
            })
            .await;
        self.saw(answer, |seen| told::asgs(seen))
    }

    async fn hooks(&self, asg: &AsgName) -> Called<Vec<Hook>> {
        let asg = asg.clone();
        let answer = self
            .read("autoscaling:DescribeLifecycleHooks", move |aws, _| {
                let hooks = aws.describe_lifecycle_hooks(asg.as_str(), &[])?;
                Ok(hooks.iter().map(|seen| convert::hook(&asg, seen)).collect())
            })
            .await;
        self.saw(answer, |seen| told::hooks(seen))
    }

    async fn complete(&self, action: &ActionRef, result: HookResult) -> Called<()> {
        let about = || format!("{} with {result:?}", asked::answered(action));
        let request = autoscaling::action_ref(action);
        let answer = match result {
            HookResult::Continue => LifecycleResult::Continue,
            HookResult::Abandon => LifecycleResult::Abandon,
        };
        self.change("autoscaling:CompleteLifecycleAction", about, move |aws, _, _| {
            aws.complete_lifecycle_action(&request, answer)
        })
        .await
    }

    async fn heartbeat(&self, action: &ActionRef) -> Called<()> {
        let request = autoscaling::action_ref(action);
        self.change(
            "autoscaling:RecordLifecycleActionHeartbeat",
            || asked::answered(action),
            move |aws, _, _| aws.record_lifecycle_action_heartbeat(&request),
        )
        .await
    }

    async fn instances(&self, which: &Which<InstanceId>) -> Called<Vec<Instance>> {
        let requests = ec2::describe(which, "instance-id");
        let answer = self
            .read("ec2:DescribeInstances", move |aws, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_instances)?;
                Ok(seen.iter().map(|seen| convert::instance(seen)).collect())
            })
            .await;
        self.saw(self.thinned("ec2:DescribeInstances", answer), |seen| told::instances(seen))
    }

    async fn volumes(&self, which: &Which<VolumeId>) -> Called<Vec<Volume>> {
        let requests = ec2::describe(which, "volume-id");
        let answer = self
            .read("ec2:DescribeVolumes", move |aws, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_volumes)?;
                Ok(seen.iter().map(|seen| convert::volume(seen)).collect())
            })
            .await;
        let answer = self.saw(self.thinned("ec2:DescribeVolumes", answer), |seen| told::volumes(seen));
        for volume in answer.iter().flatten().filter(|volume| !volume.attachments.is_empty()) {
            self.region().shown_in_use(volume.id.as_str());
        }
        answer
    }

    async fn interfaces(&self, which: &Which<InterfaceId>) -> Called<Vec<Interface>> {
        let requests = ec2::describe(which, "network-interface-id");
        let answer = self
            .read("ec2:DescribeNetworkInterfaces", move |aws, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_network_interfaces)?;
                Ok(seen.iter().map(|seen| convert::interface(seen)).collect())
            })
            .await;
        self.saw(self.thinned("ec2:DescribeNetworkInterfaces", answer), |seen| told::interfaces(seen))
    }

    async fn subnets(&self, ids: &[SubnetId]) -> Called<Vec<Subnet>> {
        let requests = ec2::describe(&Which::Ids(ids.to_vec()), "subnet-id");
        let answer = self
            .read("ec2:DescribeSubnets", move |aws, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_subnets)?;
                Ok(seen.iter().map(convert::subnet).collect())
            })
            .await;
        self.saw(answer, |seen| told::subnets(seen))
    }

    async fn create_volume(&self, new: &NewVolume) -> Called<VolumeId> {
        let request = ec2::new_volume(new);
        let made = self
            .change(
                "ec2:CreateVolume",
                || asked::volume(new),
                move |aws, _, _| Ok(convert::id(&aws.create_volume(&request)?.volume_id)),
            )
            .await;
        self.saw(made, |id| format!("{id} made"))
    }

    async fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &DeviceName) -> Called<()> {
        let request = AttachVolume {
            volume_id: volume.to_string(),
            instance_id: instance.to_string(),
            device: device.to_string(),
        };
        self.change(
            "ec2:AttachVolume",
            || format!("{volume} to {instance} as {device}"),
            move |aws, _, _| aws.attach_volume(&request).map(drop),
        )
        .await
    }

    async fn keep_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        let request = ModifyInstanceAttribute {
            instance_id: instance.to_string(),
            delete_on_termination: vec![(device.to_owned(), false)],
        };
        self.change(
            "ec2:ModifyInstanceAttribute",
            || format!("{instance} keeps {volume} at {device}"),
            move |aws, _, _| aws.modify_instance_attribute(&request),
        )
        .await
    }

    async fn detach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        let request = DetachVolume {
            volume_id: volume.to_string(),
            instance_id: Some(instance.to_string()),
            device: Some(device.to_owned()),
            force: false,
        };
        self.change(
            "ec2:DetachVolume",
            || format!("{volume} from {instance} at {device}"),
            move |aws, _, _| ec2::detached(aws.detach_volume(&request).map(drop)),
        )
        .await
    }

    async fn create_interface(&self, new: &NewInterface) -> Called<InterfaceId> {
        let request = ec2::new_interface(new);
        let made = self
            .change(
                "ec2:CreateNetworkInterface",
                || asked::interface(new),
                move |aws, _, _| Ok(convert::id(&aws.create_network_interface(&request)?.network_interface_id)),
            )
            .await;
        self.saw(made, |id| format!("{id} made"))
    }

    async fn attach_interface(&self, interface: &InterfaceId, instance: &InstanceId, index: u32) -> Called<()> {
        let request = AttachNetworkInterface {
            network_interface_id: interface.to_string(),
            instance_id: instance.to_string(),
            device_index: index,
        };
        self.change(
            "ec2:AttachNetworkInterface",
            || format!("{interface} to {instance} at index {index}"),
            move |aws, _, _| aws.attach_network_interface(&request).map(drop),
        )
        .await
    }

    async fn keep_interface(&self, interface: &InterfaceId, attachment: &InterfaceAttachmentId) -> Called<()> {
        let request = ModifyNetworkInterfaceAttribute {
            network_interface_id: interface.to_string(),
            attachment_id: attachment.to_string(),
            delete_on_termination: false,
        };
        self.change(
            "ec2:ModifyNetworkInterfaceAttribute",
            || format!("keeps {interface} of {attachment}"),
            move |aws, _, _| aws.modify_network_interface_attribute(&request),
        )
        .await
    }

    async fn detach_interface(&self, attachment: &InterfaceAttachmentId) -> Called<()> {
        let request = DetachNetworkInterface { attachment_id: attachment.to_string(), force: false };
        self.change(
            "ec2:DetachNetworkInterface",
            || format!("{attachment}"),
            move |aws, _, _| ec2::detached(aws.detach_network_interface(&request)),
        )
        .await
    }

    async fn snapshots(&self, which: &Which<SnapshotId>) -> Called<Vec<Snapshot>> {
        let requests = ec2::describe(which, "snapshot-id");
        let answer = self
            .read("ec2:DescribeSnapshots", move |aws, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_snapshots)?;
                Ok(seen.iter().map(|seen| storage::snapshot(seen)).collect())
            })
            .await;
        self.saw(self.thinned("ec2:DescribeSnapshots", answer), |seen| told::snapshots(seen))
    }

    async fn modifications(&self, volumes: &[VolumeId]) -> Called<Vec<Modification>> {
        let requests = ec2::describe(&Which::Ids(volumes.to_vec()), "volume-id");
        let answer = self
            .read("ec2:DescribeVolumesModifications", move |aws, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_volumes_modifications)?;
                Ok(seen.iter().map(|seen| storage::modification(seen)).collect())
            })
            .await;
        self.saw(answer, |seen| told::modifications(seen))
    }

    async fn create_snapshot(&self, volume: &VolumeId, tags: &Tags) -> Called<Snapshot> {
        let request = storage::new_snapshot(volume, tags);
        let made = self
            .change(
                "ec2:CreateSnapshot",
                || format!("of {volume}{}", asked::whose(tags)),
                move |aws, _, _| aws.create_snapshot(&request).map(|made| storage::snapshot(&made)),
            )
            .await;
        self.saw(made, |made| format!("{} begun", made.id))
    }

    async fn create_snapshots(
        &self,
        instance: &InstanceId,
        without: &BTreeSet<VolumeId>,
        tags: &Tags,
    ) -> Called<Vec<Snapshot>> {
        let request = storage::new_snapshots(instance, without, tags);
        let made = self
            .change(
                "ec2:CreateSnapshots",
                || format!("of {instance} without {} volumes{}", without.len(), asked::whose(tags)),
                move |aws, _, _| {
                    let made = aws.create_snapshots(&request)?;
                    Ok(made.iter().map(|made| storage::snapshot(made)).collect())
                },
            )
            .await;
        self.saw(made, |made| format!("{} begun", told::some(made, |one| one.id.to_string())))
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Called<()> {
        let id = snapshot.to_string();
        self.change(
            "ec2:DeleteSnapshot",
            || format!("{snapshot}"),
            move |aws, _, _| storage::gone(aws.delete_snapshot(&id)),
        )
        .await
    }

    async fn modify_volume(&self, volume: &VolumeId, target: &Target) -> Called<()> {
        let request = storage::change(volume, target);
        self.change(
            "ec2:ModifyVolume",
            || format!("{volume} to {}", asked::target(target)),
            move |aws, _, _| aws.modify_volume(&request).map(drop),
        )
        .await
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Called<()> {
        let id = volume.to_string();
        self.change("ec2:DeleteVolume", || format!("{volume}"), move |aws, _, _| storage::gone(aws.delete_volume(&id)))
            .await
    }

    async fn delete_interface(&self, interface: &InterfaceId) -> Called<()> {
        let id = interface.to_string();
        self.change(
            "ec2:DeleteNetworkInterface",
            || format!("{interface}"),
            move |aws, _, _| storage::gone(aws.delete_network_interface(&id)),
        )
        .await
    }

    async fn tag(&self, resource: &str, tags: &Tags) -> Called<()> {
        let (resources, new) = (vec![resource.to_owned()], tags.clone());
        self.change(
            "ec2:CreateTags",
            || format!("{resource} {}", asked::tags(tags)),
            move |aws, _, _| aws.create_tags(&resources, &new),
        )
        .await
    }

    async fn record(&self, key: &RecordKey) -> Called<RecordSeen> {
        let asked = key.clone();
        let answer = self
            .read("route53:ListResourceRecordSets", move |aws, _| {
                let page = aws.list_resource_record_sets(&route53::look_up(&asked))?;
                Ok(route53::seen(&asked, &page))
            })
            .await;
        self.saw(answer, |seen| told::record(&key.name, seen))
    }

    async fn change_record(&self, change: &RecordChange) -> Called<()> {
        let request = route53::batch(change);
        self.change(
            "route53:ChangeResourceRecordSets",
            || asked::record(change),
            move |aws, _, _| aws.change_resource_record_sets(&request).map(drop),
        )
        .await
    }

    async fn request_settles(&self, requests: &[SettleRequest]) -> Called<()> {
        for batch in requests.chunks(10) {
            let entries: Vec<_> = batch.iter().map(settle_event).collect();
            self.change(
                "events:PutEvents",
                || asked::settles(batch),
                move |aws, _, _| {
                    let refused = aws.put_events(&entries)?.into_iter().find_map(|answer| match answer {
                        PutEventsResult::Refused(error) => Some(error),
                        PutEventsResult::Accepted(_) => None,
                    });
                    refused.map_or(Ok(()), Err)
                },
            )
            .await?;
        }
        Ok(())
    }
}

fn settle_event(request: &SettleRequest) -> PutEventsEntry {
    let detail = serde_json::json!({
        "group": request.group, "deployment": request.deployment, "audit": request.audit,
    });
    PutEventsEntry {
        source: "stateful-asg".to_owned(),
        detail_type: "Settle".to_owned(),
        detail: detail.to_string(),
        ..PutEventsEntry::default()
    }
}
