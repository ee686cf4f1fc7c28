//! Tags of EC2's objects.

use crate::model::buckets::Cost;
use crate::model::effects::EffectKind;
use crate::model::types::{Describe, Paged, TagDescription, Tags};
use crate::model::{Answer, Aws, AwsError};

use super::describe::{Described, page_of};

/// Documented (EC2 User Guide, *Tag restrictions*): 50 tags an object, keys of 1 to 128 characters
/// that do not begin with `aws:`, values of at most 256.
pub(super) fn check(before: &Tags, new: &Tags) -> Answer<()> {
    for (key, value) in new {
        if key.starts_with("aws:") {
            let message = format!(
                "Value ( {key} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved for internal use"
            );
            return Err(AwsError::parameter(message));
        }
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(AwsError::parameter(format!("Tag {key:?} exceeds the length allowed.")));
        }
    }
    let own = |tags: &Tags| tags.keys().filter(|key| !key.starts_with("aws:")).count();
    let added = new.keys().filter(|key| !before.contains_key(*key)).count();
    if own(before) + added > 50 {
        return Err(AwsError::new("TagLimitExceeded", "More than 50 tags are not allowed on one resource."));
    }
    Ok(())
}

/// Documented (EC2 User Guide, *Work with instance tags in instance metadata*): with tags in the
/// metadata, keys hold letters, digits and `+-=.,_:@` only; otherwise the launch fails.
pub(super) fn check_metadata_keys(tags: &Tags) -> Answer<()> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-=.,_:@".contains(c);
    match tags.keys().find(|key| !key.chars().all(allowed) || *key == "." || *key == ".." || *key == "_index") {
        Some(key) => Err(AwsError::parameter(format!(
            "'{key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{{1,255}}), and must not be a reserved name ('.', '..', '_index')"
        ))),
        None => Ok(()),
    }
}

impl Aws {
    /// `ec2:CreateTags`: sets tags, on all of the objects or on none.
    ///
    /// # Errors
    /// The object's own `NotFound` code, `InvalidParameterValue`, `TagLimitExceeded`.
    pub fn create_tags(&mut self, resources: &[String], tags: &Tags) -> Answer<()> {
        self.call("ec2:CreateTags", Cost::Tags, |aws| {
            for id in resources {
                check(&aws.tags_of(id)?, tags)?;
                if aws.ec2.metadata_tags.contains(id) {
                    check_metadata_keys(tags)?;
                }
            }
            for id in resources {
                aws.set_tags(id, tags);
            }
            Ok(())
        })
    }

    /// `ec2:DeleteTags`: a tag given without a value is removed whatever its value; one with a value
    /// only if it has that (documented: DeleteTags API reference).
    ///
    /// # Errors
    /// The object's own `NotFound` code.
    pub fn delete_tags(&mut self, resources: &[String], tags: &[(String, Option<String>)]) -> Answer<()> {
        self.call("ec2:DeleteTags", Cost::Tags, |aws| {
            for id in resources {
                aws.tags_of(id)?;
            }
            for id in resources {
                aws.remove_tags(id, tags);
            }
            Ok(())
        })
    }

    fn tags_of(&mut self, id: &str) -> Answer<Tags> {
        match id.split('-').next() {
            Some("i") => Ok(Tags::clone(&self.known_instance(id)?.tags)),
            Some("vol") => Ok(Tags::clone(&self.known_volume(id)?.tags)),
            Some("eni") => Ok(Tags::clone(&self.known_interface(id)?.tags)),
            Some("snap") => Ok(Tags::clone(&self.known_snapshot(id)?.tags)),
            _ => self
                .tags_mut(id)
                .map(|tags| tags.clone())
                .ok_or_else(|| AwsError::new("InvalidID", format!("The ID '{id}' is not valid"))),
        }
    }

    fn tags_mut(&mut self, id: &str) -> Option<&mut Tags> {
        match id.split('-').next() {
            Some("i") => self.instance_mut(id).map(|i| &mut *i.tags),
            Some("vol") => self.volume_mut(id).map(|v| &mut *v.tags),
            Some("eni") => self.interface_mut(id).map(|i| &mut *i.tags),
            Some("snap") => self.snapshot_mut(id).map(|s| &mut *s.tags),
            Some("lt") => self.ec2.templates.get_mut(id).map(|t| &mut t.tags),
            _ => self.ec2.network.tags_mut(id),
        }
    }

    /// Sets tags without asking; logs what changed.
    pub(in crate::model) fn set_tags(&mut self, id: &str, new: &Tags) {
        let Some(tags) = self.tags_mut(id) else { return };
        let old = new
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), tags.insert(key.clone(), value.clone())?)))
            .collect();
        self.log(EffectKind::Tagged { resource: id.to_owned(), old, new: new.clone() });
        if id.starts_with("i-") {
            self.poke_guest(id);
            self.refresh_writes_of(id);
        }
    }

    fn remove_tags(&mut self, id: &str, keys: &[(String, Option<String>)]) {
        let Some(tags) = self.tags_mut(id) else { return };
        let fits =
            |key: &String, value: &String| keys.iter().any(|(k, v)| k == key && v.as_ref().is_none_or(|v| v == value));
        let old: Tags = tags.iter().filter(|(k, v)| fits(k, v)).map(|(k, v)| (k.clone(), v.clone())).collect();
        tags.retain(|key, _| !old.contains_key(key));
        if !old.is_empty() {
            self.log(EffectKind::Untagged { resource: id.to_owned(), old });
        }
    }

    /// `ec2:DescribeTags`, of instances, volumes, snapshots and interfaces. It does not lag.
    ///
    /// # Errors
    /// `InvalidParameterValue` for a filter that the model does not know.
    pub fn describe_tags(&mut self, request: &Describe) -> Answer<Paged<TagDescription>> {
        self.call("ec2:DescribeTags", Cost::Describe, |aws| {
            let mut all = Vec::new();
            for instance in aws.instances() {
                list(&mut all, &instance.instance_id, "instance", &instance.tags);
            }
            for volume in aws.volumes() {
                list(&mut all, &volume.volume_id, "volume", &volume.tags);
            }
            for snapshot in aws.snapshots() {
                list(&mut all, &snapshot.snapshot_id, "snapshot", &snapshot.tags);
            }
            for interface in aws.interfaces() {
                list(&mut all, &interface.network_interface_id, "network-interface", &interface.tags);
            }
            page_of(all.iter(), request)
        })
    }
}

fn list(all: &mut Vec<TagDescription>, id: &str, kind: &'static str, tags: &Tags) {
    all.extend(tags.iter().map(|(key, value)| TagDescription {
        resource_id: id.to_owned(),
        resource_type: kind,
        key: key.clone(),
        value: value.clone(),
    }));
}

impl Described for TagDescription {
    const FIELDS: &[&str] = &["resource-id", "resource-type", "key", "value"];
    fn id(&self) -> &str {
        &self.resource_id
    }
    fn not_found(id: &str) -> AwsError {
        AwsError::new("InvalidID", format!("The ID '{id}' is not valid"))
    }
    fn tags(&self) -> Option<&Tags> {
        None
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        Some(match name {
            "resource-id" => vec![&self.resource_id],
            "resource-type" => vec![self.resource_type],
            "key" => vec![&self.key],
            "value" => vec![&self.value],
            _ => return None,
        })
    }
}
