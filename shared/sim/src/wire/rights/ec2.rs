//! EC2: an action is checked on each object that it touches, with that object's tags, and on each that it makes, with the
//! tags it shall have.

use super::Place;
use crate::iam::Check;
use crate::model::Aws;
use crate::model::types::Tags;
use crate::wire::query::Query;

/// The checks of one action.
pub(super) fn checks(aws: &Aws, place: &Place<'_>, action: &str, form: &Query) -> Vec<Check> {
    let asking = Asking { aws, place, action: format!("ec2:{action}"), form };
    match action {
        "AttachVolume" | "DetachVolume" => asking.named(&["InstanceId", "VolumeId"]),
        "DeleteVolume" => asking.named(&["VolumeId"]),
        "ModifyVolume" => asking.sized(asking.named(&["VolumeId"])),
        "CreateVolume" => asking.volume(),
        "CreateSnapshot" => {
            let mut checks = asking.named(&["VolumeId"]);
            checks.extend(asking.made("snapshot"));
            checks
        }
        "CreateSnapshots" => asking.set(),
        "DeleteSnapshot" => asking.named(&["SnapshotId"]),
        "CreateNetworkInterface" => asking.interface(),
        "AttachNetworkInterface" => asking.named(&["InstanceId", "NetworkInterfaceId"]),
        "DetachNetworkInterface" => asking.attached(form.text("AttachmentId").unwrap_or_default(), &[]),
        "ModifyNetworkInterfaceAttribute" => {
            let attachment = form.structure("Attachment").text("AttachmentId").unwrap_or_default();
            asking.attached(attachment, &["NetworkInterfaceId"])
        }
        "DeleteNetworkInterface" => asking.named(&["NetworkInterfaceId"]),
        "ModifyInstanceAttribute" => asking.mappings(),
        "CreateTags" | "DeleteTags" => asking.tags(),
        "TerminateInstances" | "StopInstances" | "StartInstances" => {
            form.texts("InstanceId").iter().map(|id| asking.on(id)).collect()
        }
        // What describes has no resource of its own, and what is not known here is allowed by nothing narrower.
        _ => vec![Check::new(asking.action, "*")],
    }
}

struct Asking<'a> {
    aws: &'a Aws,
    place: &'a Place<'a>,
    action: String,
    form: &'a Query,
}

impl Asking<'_> {
    /// On the objects whose IDs stand in these parameters, if they do.
    fn named(&self, parameters: &[&str]) -> Vec<Check> {
        parameters.iter().filter_map(|name| self.form.text(name)).map(|id| self.on(id)).collect()
    }

    /// On one object that exists.
    fn on(&self, id: &str) -> Check {
        let tags = self.tags_of(id);
        Check::new(&self.action, self.arn(kind_of(id), id))
            .with_tags("aws:ResourceTag", &tags)
            .with_tags("ec2:ResourceTag", &tags)
    }

    /// Snapshots have ARNs without an account.
    fn arn(&self, kind: &str, id: &str) -> String {
        match kind {
            "snapshot" => format!("arn:aws:ec2:{}::snapshot/{id}", self.place.region),
            _ => self.place.arn("ec2", &format!("{kind}/{id}")),
        }
    }

    fn tags_of(&self, id: &str) -> Tags {
        let tags = match kind_of(id) {
            "volume" => self.aws.volume(id).map(|volume| &volume.tags),
            "instance" => self.aws.instance(id).map(|instance| &instance.tags),
            "snapshot" => self.aws.snapshot(id).map(|snapshot| &snapshot.tags),
            "network-interface" => self.aws.interface(id).map(|interface| &interface.tags),
            _ => None,
        };
        tags.map(|tags| Tags::clone(tags)).unwrap_or_default()
    }

    /// On an object that is made, and, if it gets tags, on tagging it: documented (EC2 User Guide, *Grant permission to tag
    /// Amazon EC2 resources during creation*), with the action that makes it as `ec2:CreateAction`.
    fn made(&self, kind: &str) -> Vec<Check> {
        let specifications = self.form.list("TagSpecification");
        let of_kind = specifications.into_iter().filter(|given| given.text("ResourceType") == Some(kind));
        let tags: Tags = of_kind.flat_map(given_tags).collect();
        let copies = self.form.has("CopyTagsFromSource");
        let with_tags = |check: Check| check.with_tags("aws:RequestTag", &tags).with("aws:TagKeys", tags.keys());
        let made = with_tags(Check::new(&self.action, self.arn(kind, "*")));
        let making = self.action.trim_start_matches("ec2:").to_owned();
        let tagged = with_tags(Check::new("ec2:CreateTags", self.arn(kind, "*"))).with("ec2:CreateAction", [making]);
        if tags.is_empty() && !copies { vec![made] } else { vec![made, tagged] }
    }

    fn volume(&self) -> Vec<Check> {
        let snapshot = self.form.text("SnapshotId").filter(|id| !id.is_empty());
        let of_snapshot = || Some(self.aws.snapshot(snapshot?)?.volume_size_gib.to_string());
        let size = self.form.string("Size").or_else(of_snapshot);
        let action = self.action.clone();
        let mut checks: Vec<_> = self.made("volume").into_iter().collect();
        for check in checks.iter_mut().filter(|check| check.action == action) {
            *check = check.clone().with("ec2:VolumeSize", size.clone());
        }
        checks.extend(snapshot.map(|id| self.on(id)));
        checks
    }

    /// Assumed: the size that is checked is the one that the volume has, not the one that it shall have.
    fn sized(&self, checks: Vec<Check>) -> Vec<Check> {
        let size =
            self.form.text("VolumeId").and_then(|id| self.aws.volume(id)).map(|volume| volume.size_gib.to_string());
        checks.into_iter().map(|check| check.with("ec2:VolumeSize", size.clone())).collect()
    }

    /// On the instance, on each of its volumes that is taken, and on the snapshots.
    fn set(&self) -> Vec<Check> {
        let instance = self.form.structure("InstanceSpecification");
        let (id, excluded) = (instance.text("InstanceId").unwrap_or_default(), instance.texts("ExcludeDataVolumeId"));
        let devices = self.aws.instance(id).map(|known| known.block_devices.clone()).unwrap_or_default();
        // The root volume stands first and bears no tags of ours: it is told by its device where it is left out.
        let root = self.aws.instance(id).map(|known| known.root_device_name.clone()).unwrap_or_default();
        let without_root = instance.text("ExcludeBootVolume") == Some("true");
        let taken = devices
            .iter()
            .filter(|device| !excluded.contains(&device.volume_id))
            .filter(|device| !without_root || device.device_name != root);
        let mut checks = vec![self.on(id)];
        checks.extend(taken.map(|device| self.on(&device.volume_id)));
        checks.extend(self.made("snapshot"));
        checks
    }

    fn interface(&self) -> Vec<Check> {
        let subnet = self.form.text("SubnetId").unwrap_or_default();
        let mut checks = self.made("network-interface");
        checks.push(Check::new(&self.action, self.arn("subnet", subnet)).with("ec2:SubnetID", [subnet]));
        let groups = self.form.texts("SecurityGroupId");
        checks.extend(groups.iter().map(|id| Check::new(&self.action, self.arn("security-group", id))));
        checks
    }

    /// On an attached interface, and on the instance that it is attached to.
    fn attached(&self, attachment: &str, parameters: &[&str]) -> Vec<Check> {
        let found = self.aws.interfaces().find_map(|interface| {
            let attached = interface.attachment.as_ref().filter(|attached| attached.attachment_id == attachment)?;
            Some((interface.network_interface_id.clone(), attached.instance_id.clone()))
        });
        let attribute = (!parameters.is_empty()).then_some("attachment");
        let interfaces = self.named(parameters).into_iter();
        let mut checks: Vec<_> = interfaces.map(|check| check.with("ec2:Attribute", attribute)).collect();
        match found {
            Some((interface, instance)) if checks.is_empty() => {
                checks.extend([self.on(&interface), self.on(&instance)])
            }
            Some((_, instance)) => checks.push(self.on(&instance)),
            // Assumed: an attachment that is not known names nothing that a right could be held against.
            None => {}
        }
        checks
    }

    /// On the instance, with the attribute, whose spelling is assumed; and on each volume of a device that is named.
    fn mappings(&self) -> Vec<Check> {
        let id = self.form.text("InstanceId").unwrap_or_default();
        let mappings = self.form.list("BlockDeviceMapping");
        let names: Vec<_> = mappings.iter().filter_map(|mapping| mapping.text("DeviceName")).collect();
        let devices = self.aws.instance(id).map(|known| known.block_devices.clone()).unwrap_or_default();
        let touched = devices.iter().filter(|device| names.contains(&device.device_name.as_str()));
        let attribute = (!names.is_empty()).then_some("blockDeviceMapping");
        let mut checks = vec![self.on(id).with("ec2:Attribute", attribute)];
        checks.extend(touched.map(|device| self.on(&device.volume_id)));
        checks
    }

    fn tags(&self) -> Vec<Check> {
        let tags: Tags = given_tags(self.form).collect();
        let ids = self.form.texts("ResourceId");
        let on = |id: &String| self.on(id).with_tags("aws:RequestTag", &tags).with("aws:TagKeys", tags.keys());
        ids.iter().map(on).collect()
    }
}

fn given_tags(form: &Query) -> impl Iterator<Item = (String, String)> {
    form.list("Tag")
        .into_iter()
        .filter_map(|tag| Some((tag.string("Key")?, tag.string("Value").unwrap_or_default())))
        .collect::<Vec<_>>()
        .into_iter()
}

/// By the prefix of the ID.
fn kind_of(id: &str) -> &'static str {
    match id.split_once('-').map(|(prefix, _)| prefix) {
        Some("vol") => "volume",
        Some("i") => "instance",
        Some("snap") => "snapshot",
        Some("eni") => "network-interface",
        Some("subnet") => "subnet",
        Some("sg") => "security-group",
        _ => "unknown",
    }
}
