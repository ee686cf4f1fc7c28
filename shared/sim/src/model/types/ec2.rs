//! Instances and volumes.

use jiff::Timestamp;

use super::{InstanceNetworkInterface, Tags};
use stateful_asg_core::shared::Shared;

/// The states of an instance (EC2 User Guide, *Instance lifecycle*).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InstanceState {
    /// Booting.
    Pending,
    /// Running.
    Running,
    /// Being stopped.
    Stopping,
    /// Stopped: attachments stay.
    Stopped,
    /// Being terminated.
    ShuttingDown,
    /// Gone, still described for a while.
    Terminated,
}

impl InstanceState {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::ShuttingDown => "shutting-down",
            Self::Terminated => "terminated",
        }
    }

    /// The number that AWS writes.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Pending => 0,
            Self::Running => 16,
            Self::ShuttingDown => 32,
            Self::Terminated => 48,
            Self::Stopping => 64,
            Self::Stopped => 80,
        }
    }
}

/// An instance as DescribeInstances shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `i-` and 17 hexadecimal digits.
    pub instance_id: String,
    /// From the launch template.
    pub image_id: String,
    /// Such as `m7i.large`.
    pub instance_type: String,
    /// Where it is in its life.
    pub state: InstanceState,
    /// Why it left `running`, as AWS's state transition reason has it; else empty.
    pub state_reason: String,
    /// Its zone.
    pub availability_zone: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// The primary interface's address; absent once terminated.
    pub private_ip_address: Option<String>,
    /// When it was launched or last started.
    pub launch_time: Timestamp,
    /// The root volume's device name.
    pub root_device_name: String,
    /// Its volumes, the root volume first.
    pub block_devices: Vec<InstanceBlockDevice>,
    /// Its interfaces, by device index.
    pub network_interfaces: Vec<InstanceNetworkInterface>,
    /// Security group IDs.
    pub security_groups: Vec<String>,
    /// Its tags.
    pub tags: Shared<Tags>,
}

/// A volume as its instance shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceBlockDevice {
    /// Such as `/dev/sdf`.
    pub device_name: String,
    /// The volume.
    pub volume_id: String,
    /// How far the attachment is.
    pub status: AttachmentStatus,
    /// When attaching began.
    pub attach_time: Timestamp,
    /// Whether termination deletes the volume.
    pub delete_on_termination: bool,
}

/// How far an attachment is, for volumes and interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AttachmentStatus {
    /// On its way.
    Attaching,
    /// There.
    Attached,
    /// On its way out.
    Detaching,
    /// Gone (in answers of DetachVolume only).
    Detached,
    /// Detaching was asked for while the guest has it mounted.
    Busy,
}

impl AttachmentStatus {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
            Self::Detached => "detached",
            Self::Busy => "busy",
        }
    }
}

/// The states of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VolumeState {
    /// Being made.
    Creating,
    /// Attached to nothing.
    Available,
    /// Attached, or on its way to or from an instance.
    InUse,
    /// Being deleted.
    Deleting,
    /// Creation failed.
    Error,
}

impl VolumeState {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::InUse => "in-use",
            Self::Deleting => "deleting",
            Self::Error => "error",
        }
    }
}

/// A volume as DescribeVolumes shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// `vol-` and 17 hexadecimal digits.
    pub volume_id: String,
    /// Its zone.
    pub availability_zone: String,
    /// Its size in GiB.
    pub size_gib: u32,
    /// `gp3` and so on.
    pub volume_type: String,
    /// Operations a second, where the type has them.
    pub iops: Option<u32>,
    /// MiB a second, where the type has it.
    pub throughput: Option<u32>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// The key, if it was named.
    pub kms_key_id: Option<String>,
    /// What it was made from.
    pub snapshot_id: Option<String>,
    /// MiB a second at which the snapshot's data is brought to it, if that was asked for.
    pub volume_initialization_rate: Option<u32>,
    /// Whether several instances may have it at once.
    pub multi_attach_enabled: bool,
    /// Where it is in its life.
    pub state: VolumeState,
    /// When it was asked for.
    pub create_time: Timestamp,
    /// At most one, unless multi-attach is enabled.
    pub attachments: Vec<VolumeAttachment>,
    /// Its tags.
    pub tags: Shared<Tags>,
}

/// An attachment of a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeAttachment {
    /// The volume.
    pub volume_id: String,
    /// The instance.
    pub instance_id: String,
    /// Such as `/dev/sdf`.
    pub device: String,
    /// How far it is.
    pub status: AttachmentStatus,
    /// When attaching began.
    pub attach_time: Timestamp,
    /// Whether termination of the instance deletes the volume.
    pub delete_on_termination: bool,
}

/// CreateVolume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateVolume {
    /// The zone.
    pub availability_zone: String,
    /// GiB; may be absent with a snapshot.
    pub size_gib: Option<u32>,
    /// Absent means `gp2`.
    pub volume_type: Option<String>,
    /// Operations a second.
    pub iops: Option<u32>,
    /// MiB a second.
    pub throughput: Option<u32>,
    /// Whether to encrypt.
    pub encrypted: bool,
    /// A key whose name holds `bad` or `revoked`, or that [`Aws::set_key_usable`] took away, makes the
    /// new volume end in `error`.
    ///
    /// [`Aws::set_key_usable`]: crate::model::Aws::set_key_usable
    pub kms_key_id: Option<String>,
    /// What to make it from: a completed snapshot.
    pub snapshot_id: Option<String>,
    /// MiB a second, 100 to 300, with a snapshot only.
    pub volume_initialization_rate: Option<u32>,
    /// Whether several instances may have it at once.
    pub multi_attach_enabled: bool,
    /// Makes a repeated call answer the same volume.
    pub client_token: Option<String>,
    /// Tags from the first moment on.
    pub tags: Tags,
}

/// AttachVolume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttachVolume {
    /// The volume.
    pub volume_id: String,
    /// The instance.
    pub instance_id: String,
    /// Such as `/dev/sdf`.
    pub device: String,
}

/// DetachVolume.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetachVolume {
    /// The volume.
    pub volume_id: String,
    /// If given, the volume must be attached to it.
    pub instance_id: Option<String>,
    /// If given, the volume must be attached under it.
    pub device: Option<String>,
    /// Detach although the guest has it mounted.
    pub force: bool,
}

/// ModifyInstanceAttribute, for block device mappings only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModifyInstanceAttribute {
    /// The instance.
    pub instance_id: String,
    /// Device name and the new value of DeleteOnTermination.
    pub delete_on_termination: Vec<(String, bool)>,
}

/// What TerminateInstances, StopInstances and StartInstances answer for each instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceStateChange {
    /// The instance.
    pub instance_id: String,
    /// Its state before the call.
    pub previous: InstanceState,
    /// Its state after the call.
    pub current: InstanceState,
}

/// What DescribeInstanceTypes tells of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceType {
    /// Such as `m7i.large`.
    pub instance_type: &'static str,
    /// `nitro` or `xen`.
    pub hypervisor: &'static str,
    /// EbsInfo.MaximumEbsAttachments.
    pub maximum_ebs_attachments: u32,
    /// EbsInfo.AttachmentLimitType: interfaces count too where it is `shared`.
    pub attachment_limit_type: &'static str,
    /// NetworkInfo.MaximumNetworkInterfaces.
    pub maximum_network_interfaces: u32,
    /// NetworkInfo.Ipv4AddressesPerInterface.
    pub ipv4_addresses_per_interface: u32,
}

/// A launch template with its one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchTemplate {
    /// `lt-` and 17 hexadecimal digits.
    pub launch_template_id: String,
    /// Its name.
    pub launch_template_name: String,
    /// When it was made.
    pub create_time: Timestamp,
    /// The newest version's number.
    pub latest_version: u32,
    /// What the newest version says.
    pub data: LaunchTemplateData,
    /// Its tags.
    pub tags: Tags,
}

/// What a launch template says of the instances.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LaunchTemplateData {
    /// Absent means an arbitrary image.
    pub image_id: Option<String>,
    /// Absent means `m7i.large`.
    pub instance_type: Option<String>,
    /// Absent means the default group.
    pub security_groups: Vec<String>,
    /// Tags for instances.
    pub instance_tags: Tags,
    /// MetadataOptions.InstanceMetadataTags is `enabled`: tag keys must then suit a URL path.
    pub instance_metadata_tags: bool,
}

/// CreateLaunchTemplate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateLaunchTemplate {
    /// Must not exist yet.
    pub launch_template_name: String,
    /// The first version.
    pub data: LaunchTemplateData,
    /// Tags of the template itself.
    pub tags: Tags,
}

/// One tag of one object, as EC2's DescribeTags lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagDescription {
    /// The object.
    pub resource_id: String,
    /// `instance`, `volume`, `snapshot`, `network-interface`.
    pub resource_type: &'static str,
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}
