//! Network interfaces, and the network that exists by default.

use jiff::Timestamp;

use super::{AttachmentStatus, Tags};
use stateful_asg_core::shared::Shared;

/// The states of a network interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum InterfaceStatus {
    /// Attached to nothing.
    Available,
    /// On its way to an instance.
    Attaching,
    /// Attached.
    InUse,
    /// On its way from an instance.
    Detaching,
}

impl InterfaceStatus {
    /// The name that AWS writes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Attaching => "attaching",
            Self::InUse => "in-use",
            Self::Detaching => "detaching",
        }
    }
}

/// An interface as DescribeNetworkInterfaces shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkInterface {
    /// `eni-` and 17 hexadecimal digits.
    pub network_interface_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnet's zone.
    pub availability_zone: String,
    /// Its primary private address.
    pub private_ip_address: String,
    /// Its hardware address.
    pub mac_address: String,
    /// What its maker wrote.
    pub description: String,
    /// Security group IDs.
    pub groups: Vec<String>,
    /// Where it is in its life.
    pub status: InterfaceStatus,
    /// Where it is attached.
    pub attachment: Option<InterfaceAttachment>,
    /// Its tags.
    pub tags: Shared<Tags>,
}

/// An attachment of an interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceAttachment {
    /// `eni-attach-` and 17 hexadecimal digits.
    pub attachment_id: String,
    /// The instance.
    pub instance_id: String,
    /// 0 is the primary interface.
    pub device_index: u32,
    /// How far it is.
    pub status: AttachmentStatus,
    /// When attaching began.
    pub attach_time: Timestamp,
    /// Whether termination of the instance deletes the interface.
    pub delete_on_termination: bool,
}

/// An interface as its instance shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceNetworkInterface {
    /// The interface.
    pub network_interface_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its primary private address.
    pub private_ip_address: String,
    /// Its attachment.
    pub attachment: InterfaceAttachment,
}

/// CreateNetworkInterface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CreateNetworkInterface {
    /// The subnet.
    pub subnet_id: String,
    /// Absent means a free one.
    pub private_ip_address: Option<String>,
    /// Empty means the default group.
    pub groups: Vec<String>,
    /// Free text.
    pub description: String,
    /// Makes a repeated call answer the same interface.
    pub client_token: Option<String>,
    /// Tags from the first moment on.
    pub tags: Tags,
}

/// AttachNetworkInterface. It answers the attachment's ID.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AttachNetworkInterface {
    /// The interface.
    pub network_interface_id: String,
    /// The instance.
    pub instance_id: String,
    /// From 1 on.
    pub device_index: u32,
}

/// DetachNetworkInterface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DetachNetworkInterface {
    /// Which attachment.
    pub attachment_id: String,
    /// For a failed instance.
    pub force: bool,
}

/// ModifyNetworkInterfaceAttribute, for the attachment's DeleteOnTermination only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModifyNetworkInterfaceAttribute {
    /// The interface.
    pub network_interface_id: String,
    /// Its present attachment.
    pub attachment_id: String,
    /// The new value.
    pub delete_on_termination: bool,
}

/// A subnet; one exists in each zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-` and 17 hexadecimal digits.
    pub subnet_id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its zone.
    pub availability_zone: String,
    /// Its zone's ID.
    pub availability_zone_id: String,
    /// Its addresses.
    pub cidr_block: String,
    /// How many of them are free.
    pub available_ip_address_count: u32,
    /// Its tags.
    pub tags: Tags,
}

/// The VPC that exists by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// `vpc-` and 17 hexadecimal digits.
    pub vpc_id: String,
    /// Its addresses.
    pub cidr_block: String,
    /// Its tags.
    pub tags: Tags,
}

/// The security group that exists by default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// `sg-` and 17 hexadecimal digits.
    pub group_id: String,
    /// Its name.
    pub group_name: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its tags.
    pub tags: Tags,
}

/// A zone of the Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailabilityZone {
    /// Such as `eu-central-1a`.
    pub zone_name: String,
    /// Such as `euc1-az1`.
    pub zone_id: String,
}
