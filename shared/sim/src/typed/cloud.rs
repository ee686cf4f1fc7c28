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

use super::{SimWorld, Sort, convert, ec2, route53, storage};
use crate::model::types::{
    AttachNetworkInterface, AttachVolume, DescribeAutoScalingGroups, DetachNetworkInterface, DetachVolume, Filter,
    GroupDescription, LifecycleActionRef, LifecycleResult, ModifyInstanceAttribute, ModifyNetworkInterfaceAttribute,
    PutEventsEntry, PutEventsResult,
};
use crate::model::{Aws, AwsError};

impl Cloud for SimWorld {
    async fn asgs(&self, deployment: &DeploymentId, group: Option<&GroupName>) -> Called<Vec<Asg>> {
        let mut filters = vec![Filter::new(&format!("tag:{}", tags::DEPLOYMENT), deployment.as_str())];
        filters.extend(group.map(|group| Filter::new(&format!("tag:{}", tags::GROUP), group.as_str())));
        let answer = self
            .call("autoscaling:DescribeAutoScalingGroups", Sort::Read, move |aws, _, _| {
                let request = DescribeAutoScalingGroups { filters, max_records: Some(100), ..Default::default() };
                groups(aws, request)?.iter().map(|seen| with_warm_pool(aws, seen)).collect()
            })
            .await;
        let mut groups = self.thinned("autoscaling:DescribeAutoScalingGroups", answer)?;
        for group in &mut groups {
            let members = std::mem::take(&mut group.members).into_iter().collect();
            group.members =
                self.thinned("autoscaling:DescribeAutoScalingInstances", Ok(members))?.into_iter().collect();
        }
        Ok(groups)
    }

    async fn asg_named(&self, name: &AsgName) -> Called<Option<Asg>> {
        let name = name.to_string();
        self.call("autoscaling:DescribeAutoScalingGroups", Sort::Read, move |aws, _, _| {
            let request = DescribeAutoScalingGroups { names: vec![name], ..Default::default() };
            groups(aws, request)?.first().map(|seen| with_warm_pool(aws, seen)).transpose()
        })
        .await
    }

    async fn hooks(&self, asg: &AsgName) -> Called<Vec<Hook>> {
        let asg = asg.clone();
        self.call("autoscaling:DescribeLifecycleHooks", Sort::Read, move |aws, _, _| {
            let hooks = aws.describe_lifecycle_hooks(asg.as_str(), &[])?;
            Ok(hooks.iter().map(|seen| convert::hook(&asg, seen)).collect())
        })
        .await
    }

    async fn complete(&self, action: &ActionRef, result: HookResult) -> Called<()> {
        let action = action_ref(action);
        let result = match result {
            HookResult::Continue => LifecycleResult::Continue,
            HookResult::Abandon => LifecycleResult::Abandon,
        };
        self.call("autoscaling:CompleteLifecycleAction", Sort::Change, move |aws, _, _| {
            aws.complete_lifecycle_action(&action, result)
        })
        .await
    }

    async fn heartbeat(&self, action: &ActionRef) -> Called<()> {
        let action = action_ref(action);
        self.call("autoscaling:RecordLifecycleActionHeartbeat", Sort::Change, move |aws, _, _| {
            aws.record_lifecycle_action_heartbeat(&action)
        })
        .await
    }

    async fn instances(&self, which: &Which<InstanceId>) -> Called<Vec<Instance>> {
        let requests = ec2::describe(which, "instance-id");
        let answer = self
            .call("ec2:DescribeInstances", Sort::Read, move |aws, _, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_instances)?;
                Ok(seen.iter().map(|seen| convert::instance(seen)).collect())
            })
            .await;
        self.thinned("ec2:DescribeInstances", answer)
    }

    async fn volumes(&self, which: &Which<VolumeId>) -> Called<Vec<Volume>> {
        let requests = ec2::describe(which, "volume-id");
        let answer = self
            .call("ec2:DescribeVolumes", Sort::Read, move |aws, _, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_volumes)?;
                Ok(seen.iter().map(|seen| convert::volume(seen)).collect())
            })
            .await;
        let answer = self.thinned("ec2:DescribeVolumes", answer);
        for volume in answer.iter().flatten().filter(|volume| !volume.attachments.is_empty()) {
            self.region().shown_in_use(volume.id.as_str());
        }
        answer
    }

    async fn interfaces(&self, which: &Which<InterfaceId>) -> Called<Vec<Interface>> {
        let requests = ec2::describe(which, "network-interface-id");
        let answer = self
            .call("ec2:DescribeNetworkInterfaces", Sort::Read, move |aws, _, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_network_interfaces)?;
                Ok(seen.iter().map(|seen| convert::interface(seen)).collect())
            })
            .await;
        self.thinned("ec2:DescribeNetworkInterfaces", answer)
    }

    async fn subnets(&self, ids: &[SubnetId]) -> Called<Vec<Subnet>> {
        let requests = ec2::describe(&Which::Ids(ids.to_vec()), "subnet-id");
        self.call("ec2:DescribeSubnets", Sort::Read, move |aws, _, _| {
            let seen = ec2::pages(aws, &requests, Aws::describe_subnets)?;
            Ok(seen.iter().map(convert::subnet).collect())
        })
        .await
    }

    async fn create_volume(&self, new: &NewVolume) -> Called<VolumeId> {
        let request = ec2::new_volume(new);
        self.call("ec2:CreateVolume", Sort::Change, move |aws, _, _| {
            Ok(convert::id(&aws.create_volume(&request)?.volume_id))
        })
        .await
    }

    async fn attach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &DeviceName) -> Called<()> {
        let request = AttachVolume {
            volume_id: volume.to_string(),
            instance_id: instance.to_string(),
            device: device.to_string(),
        };
        self.call("ec2:AttachVolume", Sort::Change, move |aws, _, _| aws.attach_volume(&request).map(drop)).await
    }

    async fn keep_volume(&self, _volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        let request = ModifyInstanceAttribute {
            instance_id: instance.to_string(),
            delete_on_termination: vec![(device.to_owned(), false)],
        };
        self.call("ec2:ModifyInstanceAttribute", Sort::Change, move |aws, _, _| aws.modify_instance_attribute(&request))
            .await
    }

    async fn detach_volume(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Called<()> {
        let request = DetachVolume {
            volume_id: volume.to_string(),
            instance_id: Some(instance.to_string()),
            device: Some(device.to_owned()),
            force: false,
        };
        self.call("ec2:DetachVolume", Sort::Change, move |aws, _, _| {
            ec2::detached(aws.detach_volume(&request).map(drop))
        })
        .await
    }

    async fn create_interface(&self, new: &NewInterface) -> Called<InterfaceId> {
        let request = ec2::new_interface(new);
        self.call("ec2:CreateNetworkInterface", Sort::Change, move |aws, _, _| {
            Ok(convert::id(&aws.create_network_interface(&request)?.network_interface_id))
        })
        .await
    }

    async fn attach_interface(&self, interface: &InterfaceId, instance: &InstanceId, index: u32) -> Called<()> {
        let request = AttachNetworkInterface {
            network_interface_id: interface.to_string(),
            instance_id: instance.to_string(),
            device_index: index,
        };
        self.call("ec2:AttachNetworkInterface", Sort::Change, move |aws, _, _| {
            aws.attach_network_interface(&request).map(drop)
        })
        .await
    }

    async fn keep_interface(&self, interface: &InterfaceId, attachment: &InterfaceAttachmentId) -> Called<()> {
        let request = ModifyNetworkInterfaceAttribute {
            network_interface_id: interface.to_string(),
            attachment_id: attachment.to_string(),
            delete_on_termination: false,
        };
        self.call("ec2:ModifyNetworkInterfaceAttribute", Sort::Change, move |aws, _, _| {
            aws.modify_network_interface_attribute(&request)
        })
        .await
    }

    async fn detach_interface(&self, attachment: &InterfaceAttachmentId) -> Called<()> {
        let request = DetachNetworkInterface { attachment_id: attachment.to_string(), force: false };
        self.call("ec2:DetachNetworkInterface", Sort::Change, move |aws, _, _| {
            ec2::detached(aws.detach_network_interface(&request))
        })
        .await
    }

    async fn snapshots(&self, which: &Which<SnapshotId>) -> Called<Vec<Snapshot>> {
        let requests = ec2::describe(which, "snapshot-id");
        let answer = self
            .call("ec2:DescribeSnapshots", Sort::Read, move |aws, _, _| {
                let seen = ec2::pages(aws, &requests, Aws::describe_snapshots)?;
                Ok(seen.iter().map(|seen| storage::snapshot(seen)).collect())
            })
            .await;
        self.thinned("ec2:DescribeSnapshots", answer)
    }

    async fn modifications(&self, volumes: &[VolumeId]) -> Called<Vec<Modification>> {
        let requests = ec2::describe(&Which::Ids(volumes.to_vec()), "volume-id");
        self.call("ec2:DescribeVolumesModifications", Sort::Read, move |aws, _, _| {
            let seen = ec2::pages(aws, &requests, Aws::describe_volumes_modifications)?;
            Ok(seen.iter().map(|seen| storage::modification(seen)).collect())
        })
        .await
    }

    async fn create_snapshot(&self, volume: &VolumeId, tags: &Tags) -> Called<Snapshot> {
        let request = storage::new_snapshot(volume, tags);
        self.call("ec2:CreateSnapshot", Sort::Change, move |aws, _, _| {
            aws.create_snapshot(&request).map(|made| storage::snapshot(&made))
        })
        .await
    }

    async fn create_snapshots(
        &self,
        instance: &InstanceId,
        without: &BTreeSet<VolumeId>,
        tags: &Tags,
    ) -> Called<Vec<Snapshot>> {
        let request = storage::new_snapshots(instance, without, tags);
        self.call("ec2:CreateSnapshots", Sort::Change, move |aws, _, _| {
            let made = aws.create_snapshots(&request)?;
            Ok(made.iter().map(|made| storage::snapshot(made)).collect())
        })
        .await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Called<()> {
        let id = snapshot.to_string();
        self.call("ec2:DeleteSnapshot", Sort::Change, move |aws, _, _| storage::gone(aws.delete_snapshot(&id))).await
    }

    async fn modify_volume(&self, volume: &VolumeId, target: &Target) -> Called<()> {
        let request = storage::change(volume, target);
        self.call("ec2:ModifyVolume", Sort::Change, move |aws, _, _| aws.modify_volume(&request).map(drop)).await
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Called<()> {
        let id = volume.to_string();
        self.call("ec2:DeleteVolume", Sort::Change, move |aws, _, _| storage::gone(aws.delete_volume(&id))).await
    }

    async fn delete_interface(&self, interface: &InterfaceId) -> Called<()> {
        let id = interface.to_string();
        self.call("ec2:DeleteNetworkInterface", Sort::Change, move |aws, _, _| {
            storage::gone(aws.delete_network_interface(&id))
        })
        .await
    }

    async fn tag(&self, resource: &str, tags: &Tags) -> Called<()> {
        let (resources, tags) = (vec![resource.to_owned()], tags.clone());
        self.call("ec2:CreateTags", Sort::Change, move |aws, _, _| aws.create_tags(&resources, &tags)).await
    }

    async fn record(&self, key: &RecordKey) -> Called<RecordSeen> {
        let key = key.clone();
        self.call("route53:ListResourceRecordSets", Sort::Read, move |aws, _, _| {
            let page = aws.list_resource_record_sets(&route53::look_up(&key))?;
            Ok(route53::seen(&key, &page))
        })
        .await
    }

    async fn change_record(&self, change: &RecordChange) -> Called<()> {
        let request = route53::batch(change);
        self.call("route53:ChangeResourceRecordSets", Sort::Change, move |aws, _, _| {
            aws.change_resource_record_sets(&request).map(drop)
        })
        .await
    }

    async fn request_settles(&self, requests: &[SettleRequest]) -> Called<()> {
        for batch in requests.chunks(10) {
            let entries: Vec<_> = batch.iter().map(settle_event).collect();
            self.call("events:PutEvents", Sort::Change, move |aws, _, _| {
                let refused = aws.put_events(&entries)?.into_iter().find_map(|answer| match answer {
                    PutEventsResult::Refused(error) => Some(error),
                    PutEventsResult::Accepted(_) => None,
                });
                refused.map_or(Ok(()), Err)
            })
            .await?;
        }
        Ok(())
    }
}

/// A group's own answer leaves out its warm pool: that takes a second call.
fn with_warm_pool(aws: &mut Aws, seen: &GroupDescription) -> Result<Asg, AwsError> {
    let warm = match &seen.group.warm_pool {
        Some(_) => aws.describe_warm_pool(&seen.group.name)?.1,
        None => Vec::new(),
    };
    Ok(convert::asg(seen, &warm))
}

fn groups(aws: &mut Aws, mut request: DescribeAutoScalingGroups) -> Result<Vec<GroupDescription>, AwsError> {
    let mut all = Vec::new();
    loop {
        let page = aws.describe_auto_scaling_groups(&request)?;
        all.extend(page.items);
        match page.next_token {
            None => return Ok(all),
            token => request.next_token = token,
        }
    }
}

fn action_ref(action: &ActionRef) -> LifecycleActionRef {
    LifecycleActionRef {
        group: action.asg.to_string(),
        hook: action.hook.to_string(),
        token: action.token.as_ref().map(ToString::to_string),
        instance_id: Some(action.instance.to_string()),
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
