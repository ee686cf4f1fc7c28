//! The network that exists by default: one VPC, a subnet in each zone, one security group.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use rand_chacha::ChaCha8Rng;

use crate::model::buckets::Cost;
use crate::model::types::{AvailabilityZone, Describe, Paged, SecurityGroup, Subnet, Tags, Vpc};
use crate::model::{Answer, Aws, AwsError, Settings, new_id};

use super::describe::{Described, page_of};

/// Each subnet is a /20.
const SUBNET_SIZE: u32 = 4096;

#[derive(Debug, Clone)]
pub(in crate::model) struct Network {
    pub(in crate::model) vpc: Vpc,
    pub(in crate::model) security_group: SecurityGroup,
    pub(in crate::model) zones: Vec<AvailabilityZone>,
    subnets: Vec<Addresses>,
}

/// A subnet and what of it is taken.
#[derive(Debug, Clone)]
struct Addresses {
    subnet: Subnet,
    base: u32,
    taken: BTreeSet<u32>,
    next: u32,
}

impl Network {
    pub(super) fn new(settings: &Settings, rng: &mut ChaCha8Rng) -> Self {
        let vpc_id = new_id(rng, "vpc");
        let group_id = new_id(rng, "sg");
        let zones: Vec<_> = (0..settings.zones.clamp(1, 6))
            .map(|i| AvailabilityZone {
                zone_name: format!("{}{}", settings.region, char::from(b'a' + i)),
                zone_id: format!("{}-az{}", settings.region.replace('-', ""), i + 1),
            })
            .collect();
        let subnets = zones.iter().zip(0..).map(|(zone, i)| Addresses::new(&vpc_id, zone, i, new_id(rng, "subnet")));
        Self {
            subnets: subnets.collect(),
            security_group: SecurityGroup {
                group_id,
                group_name: "default".to_owned(),
                vpc_id: vpc_id.clone(),
                tags: Tags::new(),
            },
            vpc: Vpc { vpc_id, cidr_block: "10.0.0.0/16".to_owned(), tags: Tags::new() },
            zones,
        }
    }

    pub(in crate::model) fn subnet(&self, id: &str) -> Option<&Subnet> {
        self.subnets.iter().map(|a| &a.subnet).find(|s| s.subnet_id == id)
    }

    pub(in crate::model) fn subnet_of_zone(&self, zone: &str) -> Option<&Subnet> {
        self.subnets.iter().map(|a| &a.subnet).find(|s| s.availability_zone == zone)
    }

    /// A subnet's, the VPC's or the security group's tags.
    pub(super) fn tags_mut(&mut self, id: &str) -> Option<&mut Tags> {
        if self.vpc.vpc_id == id {
            return Some(&mut self.vpc.tags);
        }
        if self.security_group.group_id == id {
            return Some(&mut self.security_group.tags);
        }
        self.subnets.iter_mut().find(|a| a.subnet.subnet_id == id).map(|a| &mut a.subnet.tags)
    }

    /// Takes an address of the subnet: the one wished for, or a free one.
    pub(super) fn take(&mut self, subnet: &str, wished: Option<&str>) -> Answer<String> {
        let Some(addresses) = self.subnets.iter_mut().find(|a| a.subnet.subnet_id == subnet) else {
            return Err(AwsError::new("InvalidSubnetID.NotFound", format!("The subnet ID '{subnet}' does not exist")));
        };
        addresses.take(wished)
    }

    pub(super) fn give_back(&mut self, subnet: &str, ip: &str) {
        if let (Some(addresses), Ok(ip)) =
            (self.subnets.iter_mut().find(|a| a.subnet.subnet_id == subnet), ip.parse::<Ipv4Addr>())
        {
            addresses.taken.remove(&ip.to_bits());
            addresses.count();
        }
    }
}

impl Addresses {
    fn new(vpc_id: &str, zone: &AvailabilityZone, index: u32, subnet_id: String) -> Self {
        let base = Ipv4Addr::new(10, 0, 0, 0).to_bits() + index * SUBNET_SIZE;
        let subnet = Subnet {
            subnet_id,
            vpc_id: vpc_id.to_owned(),
            availability_zone: zone.zone_name.clone(),
            availability_zone_id: zone.zone_id.clone(),
            cidr_block: format!("{}/20", Ipv4Addr::from_bits(base)),
            available_ip_address_count: 0,
            tags: Tags::new(),
        };
        let mut addresses = Self { subnet, base, taken: BTreeSet::new(), next: 0 };
        addresses.count();
        addresses
    }

    /// Documented (VPC User Guide, *Subnet sizing*): the first four addresses and the last are AWS's.
    fn usable(&self) -> std::ops::Range<u32> {
        self.base + 4..self.base + SUBNET_SIZE - 1
    }

    fn count(&mut self) {
        self.subnet.available_ip_address_count = SUBNET_SIZE - 5 - u32::try_from(self.taken.len()).unwrap_or(u32::MAX);
    }

    fn take(&mut self, wished: Option<&str>) -> Answer<String> {
        let ip = match wished {
            Some(text) => self.wished(text)?,
            None => self.free()?,
        };
        self.taken.insert(ip);
        self.count();
        Ok(Ipv4Addr::from_bits(ip).to_string())
    }

    fn wished(&self, text: &str) -> Answer<u32> {
        let ip = text
            .parse::<Ipv4Addr>()
            .map_err(|_| AwsError::parameter(format!("invalid value for parameter address: {text}")))?
            .to_bits();
        if !self.usable().contains(&ip) {
            return Err(AwsError::parameter("Address does not fall within the subnet's address range"));
        }
        // Observed: pulumi 10923.
        if self.taken.contains(&ip) {
            return Err(AwsError::new("InvalidIPAddress.InUse", "The specified address is already in use."));
        }
        Ok(ip)
    }

    /// Goes round the subnet, so that an address given back is not used again at once.
    fn free(&mut self) -> Answer<u32> {
        let size = SUBNET_SIZE - 5;
        for step in 0..size {
            let ip = self.base + 4 + (self.next + step) % size;
            if !self.taken.contains(&ip) {
                self.next = (self.next + step + 1) % size;
                return Ok(ip);
            }
        }
        Err(AwsError::new("InsufficientFreeAddressesInSubnet", "The subnet has no free addresses."))
    }
}

impl Aws {
    /// `ec2:DescribeSubnets`.
    ///
    /// # Errors
    /// `InvalidSubnetID.NotFound`; `InvalidParameterValue` for a filter that the model does not know.
    pub fn describe_subnets(&mut self, request: &Describe) -> Answer<Paged<Subnet>> {
        self.call("ec2:DescribeSubnets", Cost::Describe, |aws| {
            page_of(aws.ec2.network.subnets.iter().map(|a| &a.subnet), request)
        })
    }

    /// `ec2:DescribeVpcs`.
    ///
    /// # Errors
    /// `InvalidVpcID.NotFound`; `InvalidParameterValue` for a filter that the model does not know.
    pub fn describe_vpcs(&mut self, request: &Describe) -> Answer<Paged<Vpc>> {
        self.call("ec2:DescribeVpcs", Cost::Describe, |aws| page_of([&aws.ec2.network.vpc].into_iter(), request))
    }

    /// `ec2:DescribeSecurityGroups`.
    ///
    /// # Errors
    /// `InvalidGroup.NotFound`; `InvalidParameterValue` for a filter that the model does not know.
    pub fn describe_security_groups(&mut self, request: &Describe) -> Answer<Paged<SecurityGroup>> {
        self.call("ec2:DescribeSecurityGroups", Cost::Describe, |aws| {
            page_of([&aws.ec2.network.security_group].into_iter(), request)
        })
    }

    /// `ec2:DescribeAvailabilityZones`; `ids` are zone names.
    ///
    /// # Errors
    /// `InvalidParameterValue` for an unknown zone, or a filter that the model does not know.
    pub fn describe_availability_zones(&mut self, request: &Describe) -> Answer<Paged<AvailabilityZone>> {
        self.call("ec2:DescribeAvailabilityZones", Cost::Describe, |aws| page_of(aws.ec2.network.zones.iter(), request))
    }
}

impl Described for Subnet {
    fn id(&self) -> &str {
        &self.subnet_id
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::new("InvalidSubnetID.NotFound", format!("The subnet ID '{id}' does not exist"))
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        Some(match name {
            "availability-zone" | "availabilityZone" => vec![&self.availability_zone],
            "availability-zone-id" => vec![&self.availability_zone_id],
            "subnet-id" => vec![&self.subnet_id],
            "vpc-id" => vec![&self.vpc_id],
            "cidr-block" => vec![&self.cidr_block],
            "state" => vec!["available"],
            "default-for-az" | "defaultForAz" => vec!["true"],
            _ => return None,
        })
    }
    const FIELDS: &[&str] = &[
        "availability-zone",
        "availabilityZone",
        "availability-zone-id",
        "subnet-id",
        "vpc-id",
        "cidr-block",
        "state",
        "default-for-az",
        "defaultForAz",
    ];
}

impl Described for Vpc {
    fn id(&self) -> &str {
        &self.vpc_id
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::new("InvalidVpcID.NotFound", format!("The vpc ID '{id}' does not exist"))
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        Some(match name {
            "vpc-id" => vec![&self.vpc_id],
            "cidr" => vec![&self.cidr_block],
            "is-default" | "isDefault" => vec!["true"],
            "state" => vec!["available"],
            _ => return None,
        })
    }
    const FIELDS: &[&str] = &["vpc-id", "cidr", "is-default", "isDefault", "state"];
}

impl Described for SecurityGroup {
    fn id(&self) -> &str {
        &self.group_id
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::new("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"))
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        Some(match name {
            "group-id" => vec![&self.group_id],
            "group-name" => vec![&self.group_name],
            "vpc-id" => vec![&self.vpc_id],
            _ => return None,
        })
    }
    const FIELDS: &[&str] = &["group-id", "group-name", "vpc-id"];
}

impl Described for AvailabilityZone {
    fn id(&self) -> &str {
        &self.zone_name
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::parameter(format!("Invalid availability zone: [{id}]"))
    }
    fn tags(&self) -> Option<&Tags> {
        None
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        Some(match name {
            "zone-name" => vec![&self.zone_name],
            "zone-id" => vec![&self.zone_id],
            "state" => vec!["available"],
            "zone-type" => vec!["availability-zone"],
            "opt-in-status" => vec!["opt-in-not-required"],
            _ => return None,
        })
    }
    const FIELDS: &[&str] = &["zone-name", "zone-id", "state", "zone-type", "opt-in-status"];
}
