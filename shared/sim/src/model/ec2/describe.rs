//! Describe calls: IDs, filters, pages, and reads that lag.

use std::sync::Arc;

use crate::model::buckets::Cost;
use crate::model::lagged::Shelf;
use crate::model::types::{Describe, Filter, Instance, NetworkInterface, Paged, Tags, Volume};
use crate::model::{Answer, Aws, AwsError};

use super::{no_instance, no_interface, no_volume};

/// What can be described.
pub(super) trait Described: Clone {
    /// The filters that the model knows, but for those on tags.
    const FIELDS: &[&str];
    fn id(&self) -> &str;
    fn not_found(id: &str) -> AwsError;
    fn tags(&self) -> Option<&Tags>;
    /// The values that a filter of this name looks at.
    fn field(&self, name: &str) -> Option<Vec<&str>>;
}

/// Documented (EC2 User Guide, *Filter resources*): all filters must hold, each by any of its
/// values; `*` stands for any characters and `?` for one.
fn fits<T: Described>(object: &T, filters: &[Filter]) -> bool {
    filters.iter().all(|filter| {
        let fits = |value: &str| filter.values.iter().any(|pattern| wildcard(pattern, value));
        let tags = object.tags();
        if let Some(key) = filter.name.strip_prefix("tag:") {
            return tags.and_then(|tags| tags.get(key)).is_some_and(|value| fits(value));
        }
        match filter.name.as_str() {
            "tag-key" => tags.is_some_and(|tags| tags.keys().any(|key| fits(key))),
            "tag-value" => tags.is_some_and(|tags| tags.values().any(|value| fits(value))),
            name => object.field(name).is_some_and(|values| values.into_iter().any(fits)),
        }
    })
}

/// Whether `value` is like `pattern`.
pub(in crate::model) fn wildcard(pattern: &str, value: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == value;
    }
    let (pattern, value) = (pattern.as_bytes(), value.as_bytes());
    let (mut p, mut v, mut star) = (0, 0, None);
    while v < value.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, v));
                p += 1;
            }
            Some(&c) if c == b'?' || c == value[v] => {
                p += 1;
                v += 1;
            }
            _ => match star {
                Some((star_p, star_v)) => {
                    p = star_p + 1;
                    v = star_v + 1;
                    star = Some((star_p, v));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

fn check<T: Described>(request: &Describe) -> Answer<()> {
    let known =
        |name: &str| name.starts_with("tag:") || name == "tag-key" || name == "tag-value" || T::FIELDS.contains(&name);
    if let Some(filter) = request.filters.iter().find(|filter| !known(&filter.name)) {
        return Err(AwsError::parameter(format!("The filter '{}' is invalid", filter.name)));
    }
    // Documented: BC DescribeInstances, DescribeNetworkInterfaces (5 to 1000).
    if request.max_results.is_some_and(|max| !(5..=1000).contains(&max)) {
        return Err(AwsError::parameter(
            "Value for parameter maxResults is invalid. Expecting a value between 5 and 1000.",
        ));
    }
    Ok(())
}

fn after(request: &Describe) -> Answer<Option<&str>> {
    let Some(token) = &request.next_token else { return Ok(None) };
    let id = token.strip_prefix("after:");
    id.map(Some).ok_or_else(|| AwsError::parameter(format!("Unable to parse pagination token {token}")))
}

/// A page of objects that never lag.
pub(super) fn page_of<'a, T: Described + 'a>(
    objects: impl Iterator<Item = &'a T>,
    request: &Describe,
) -> Answer<Paged<T>> {
    check::<T>(request)?;
    let objects: Vec<_> = objects.collect();
    if let Some(id) = request.ids.iter().find(|id| objects.iter().all(|o| o.id() != id.as_str())) {
        return Err(T::not_found(id));
    }
    let wanted = |o: &&T| request.ids.is_empty() || request.ids.iter().any(|id| id == o.id());
    let items = objects.into_iter().filter(wanted).filter(|o| fits(*o, &request.filters)).cloned().collect();
    Ok(Paged { items, next_token: None })
}

/// A page of objects that lag, each seen as it was at a moment of its own (assumed; documented is
/// only that reads are eventually consistent: EC2 Developer Guide, *Eventual consistency*).
pub(super) fn page<T: Described>(
    aws: &mut Aws,
    shelf: fn(&Aws) -> &Shelf<T>,
    request: &Describe,
) -> Answer<Paged<Arc<T>>> {
    check::<T>(request)?;
    if !request.ids.is_empty() {
        let mut items = Vec::with_capacity(request.ids.len());
        for id in &request.ids {
            let moment = aws.moment();
            let seen = shelf(aws).at(id, moment).ok_or_else(|| T::not_found(id))?;
            if fits(seen.as_ref(), &request.filters) {
                items.push(Arc::clone(seen));
            }
        }
        return Ok(Paged { items, next_token: None });
    }
    let from = after(request)?;
    let limit = request.max_results.map_or(usize::MAX, |max| max as usize);
    let lagging = !aws.settings.read_lag.is_zero();
    let moments: Vec<_> = if lagging {
        let count = shelf(aws).keys_after(from).count();
        (0..count).map(|_| aws.moment()).collect()
    } else {
        Vec::new()
    };
    let (now, shelf) = (aws.now, shelf(aws));
    let mut items: Vec<Arc<T>> = Vec::new();
    for (number, id) in shelf.keys_after(from).enumerate() {
        let moment = moments.get(number).copied().unwrap_or(now);
        let Some(seen) = shelf.at(id, moment).filter(|seen| fits(seen.as_ref(), &request.filters)) else { continue };
        if items.len() == limit {
            let next_token = items.last().map(|last| format!("after:{}", last.id()));
            return Ok(Paged { items, next_token });
        }
        items.push(Arc::clone(seen));
    }
    Ok(Paged { items, next_token: None })
}

/// Documented: which describe calls draw from the smaller bucket (*Request throttling for the
/// Amazon EC2 API*).
pub(super) fn cost(request: &Describe) -> Cost {
    if request.filters.is_empty() && request.max_results.is_none() { Cost::DescribeAll } else { Cost::Describe }
}

/// Documented: BC `MaxResults` of DescribeInstances and DescribeNetworkInterfaces.
pub(super) fn not_both(request: &Describe) -> Answer<()> {
    if request.max_results.is_some() && !request.ids.is_empty() {
        return Err(AwsError::new(
            "InvalidParameterCombination",
            "The parameter IDs cannot be used with the parameter maxResults",
        ));
    }
    Ok(())
}

impl Aws {
    /// `ec2:DescribeInstances`, not grouped by reservation.
    ///
    /// # Errors
    /// `InvalidInstanceID.NotFound`; `InvalidParameterValue` for a filter that the model does not know;
    /// `InvalidParameterCombination` for IDs with a page size.
    pub fn describe_instances(&mut self, request: &Describe) -> Answer<Paged<Arc<Instance>>> {
        self.call("ec2:DescribeInstances", cost(request), |aws| {
            not_both(request)?;
            page(aws, |aws| &aws.ec2.instances, request)
        })
    }

    /// `ec2:DescribeVolumes`.
    ///
    /// # Errors
    /// `InvalidVolume.NotFound`; `InvalidParameterValue` for a filter that the model does not know.
    pub fn describe_volumes(&mut self, request: &Describe) -> Answer<Paged<Arc<Volume>>> {
        self.call("ec2:DescribeVolumes", cost(request), |aws| page(aws, |aws| &aws.ec2.volumes, request))
    }

    /// `ec2:DescribeNetworkInterfaces`.
    ///
    /// # Errors
    /// `InvalidNetworkInterfaceID.NotFound`; `InvalidParameterValue` for a filter that the model does
    /// not know; `InvalidParameterCombination` for IDs with a page size.
    pub fn describe_network_interfaces(&mut self, request: &Describe) -> Answer<Paged<Arc<NetworkInterface>>> {
        self.call("ec2:DescribeNetworkInterfaces", cost(request), |aws| {
            not_both(request)?;
            page(aws, |aws| &aws.ec2.interfaces, request)
        })
    }
}

pub(super) const fn text(flag: bool) -> &'static str {
    if flag { "true" } else { "false" }
}

impl Described for Instance {
    const FIELDS: &[&str] = &[
        "instance-id",
        "instance-state-name",
        "instance-type",
        "availability-zone",
        "subnet-id",
        "vpc-id",
        "private-ip-address",
        "image-id",
        "block-device-mapping.volume-id",
        "network-interface.network-interface-id",
    ];
    fn id(&self) -> &str {
        &self.instance_id
    }
    fn not_found(id: &str) -> AwsError {
        no_instance(id)
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        Some(match name {
            "instance-id" => vec![&self.instance_id],
            "instance-state-name" => vec![self.state.name()],
            "instance-type" => vec![&self.instance_type],
            "availability-zone" => vec![&self.availability_zone],
            "subnet-id" => vec![&self.subnet_id],
            "vpc-id" => vec![&self.vpc_id],
            "image-id" => vec![&self.image_id],
            "private-ip-address" => self.private_ip_address.as_deref().into_iter().collect(),
            "block-device-mapping.volume-id" => self.block_devices.iter().map(|d| d.volume_id.as_str()).collect(),
            "network-interface.network-interface-id" => {
                self.network_interfaces.iter().map(|i| i.network_interface_id.as_str()).collect()
            }
            _ => return None,
        })
    }
}

impl Described for Volume {
    const FIELDS: &[&str] = &[
        "volume-id",
        "status",
        "availability-zone",
        "volume-type",
        "encrypted",
        "snapshot-id",
        "multi-attach-enabled",
        "attachment.instance-id",
        "attachment.status",
        "attachment.device",
        "attachment.delete-on-termination",
    ];
    fn id(&self) -> &str {
        &self.volume_id
    }
    fn not_found(id: &str) -> AwsError {
        no_volume(id)
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        Some(match name {
            "volume-id" => vec![&self.volume_id],
            "status" => vec![self.state.name()],
            "availability-zone" => vec![&self.availability_zone],
            "volume-type" => vec![&self.volume_type],
            "encrypted" => vec![text(self.encrypted)],
            "multi-attach-enabled" => vec![text(self.multi_attach_enabled)],
            "snapshot-id" => self.snapshot_id.as_deref().into_iter().collect(),
            "attachment.instance-id" => self.attachments.iter().map(|a| a.instance_id.as_str()).collect(),
            "attachment.status" => self.attachments.iter().map(|a| a.status.name()).collect(),
            "attachment.device" => self.attachments.iter().map(|a| a.device.as_str()).collect(),
            "attachment.delete-on-termination" => {
                self.attachments.iter().map(|a| text(a.delete_on_termination)).collect()
            }
            _ => return None,
        })
    }
}

impl Described for NetworkInterface {
    const FIELDS: &[&str] = &[
        "network-interface-id",
        "status",
        "availability-zone",
        "subnet-id",
        "vpc-id",
        "private-ip-address",
        "addresses.private-ip-address",
        "group-id",
        "description",
        "mac-address",
        "attachment.attachment-id",
        "attachment.instance-id",
        "attachment.status",
    ];
    fn id(&self) -> &str {
        &self.network_interface_id
    }
    fn not_found(id: &str) -> AwsError {
        no_interface(id)
    }
    fn tags(&self) -> Option<&Tags> {
        Some(&self.tags)
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        let attachment = self.attachment.as_ref();
        Some(match name {
            "network-interface-id" => vec![&self.network_interface_id],
            "status" => vec![self.status.name()],
            "availability-zone" => vec![&self.availability_zone],
            "subnet-id" => vec![&self.subnet_id],
            "vpc-id" => vec![&self.vpc_id],
            "private-ip-address" | "addresses.private-ip-address" => vec![&self.private_ip_address],
            "group-id" => self.groups.iter().map(String::as_str).collect(),
            "description" => vec![&self.description],
            "mac-address" => vec![&self.mac_address],
            "attachment.attachment-id" => attachment.map(|a| a.attachment_id.as_str()).into_iter().collect(),
            "attachment.instance-id" => attachment.map(|a| a.instance_id.as_str()).into_iter().collect(),
            "attachment.status" => attachment.map(|a| a.status.name()).into_iter().collect(),
            _ => return None,
        })
    }
}
