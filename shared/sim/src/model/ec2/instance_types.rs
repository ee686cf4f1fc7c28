//! What a few instance types can take.

use crate::model::Answer;
use crate::model::buckets::Cost;
use crate::model::types::{Describe, InstanceType, Paged};
use crate::model::{Aws, AwsError};

const fn shared(instance_type: &'static str, interfaces: u32, addresses: u32) -> InstanceType {
    InstanceType {
        instance_type,
        hypervisor: "nitro",
        maximum_ebs_attachments: 28,
        attachment_limit_type: "shared",
        maximum_network_interfaces: interfaces,
        ipv4_addresses_per_interface: addresses,
    }
}

const fn dedicated(instance_type: &'static str, volumes: u32, interfaces: u32, addresses: u32) -> InstanceType {
    InstanceType {
        instance_type,
        hypervisor: "nitro",
        maximum_ebs_attachments: volumes,
        attachment_limit_type: "dedicated",
        maximum_network_interfaces: interfaces,
        ipv4_addresses_per_interface: addresses,
    }
}

/// Documented (EC2 User Guide, *Amazon EBS volume limits* and *IP addresses per network interface*).
const TYPES: [InstanceType; 9] = [
    dedicated("m7i.large", 32, 3, 10),
    dedicated("m7i.48xlarge", 128, 15, 50),
    dedicated("m8g.large", 32, 3, 10),
    dedicated("d3en.12xlarge", 4, 8, 30),
    shared("i4i.large", 3, 10),
    shared("m5.large", 3, 10),
    shared("r6g.large", 3, 10),
    shared("t3.micro", 2, 2),
    shared("t3.medium", 3, 6),
];

/// What a type can take; one that is not listed is taken for a small shared one.
pub(super) fn limits(instance_type: &str) -> InstanceType {
    TYPES.into_iter().find(|t| t.instance_type == instance_type).unwrap_or(TYPES[4])
}

impl Aws {
    /// `ec2:DescribeInstanceTypes`; `ids` are type names.
    ///
    /// # Errors
    /// `InvalidInstanceType` for a type that the model does not know.
    pub fn describe_instance_types(&mut self, request: &Describe) -> Answer<Paged<InstanceType>> {
        self.call("ec2:DescribeInstanceTypes", Cost::Describe, |_| {
            let unknown: Vec<_> =
                request.ids.iter().filter(|id| TYPES.iter().all(|t| t.instance_type != **id)).cloned().collect();
            if !unknown.is_empty() {
                return Err(AwsError::new(
                    "InvalidInstanceType",
                    format!("The following supplied instance types do not exist: [{}]", unknown.join(", ")),
                ));
            }
            let wanted =
                |t: &InstanceType| request.ids.is_empty() || request.ids.iter().any(|id| id == t.instance_type);
            Ok(Paged { items: TYPES.into_iter().filter(wanted).collect(), next_token: None })
        })
    }
}
