//! A volume that new ones are like: it lends its figures where the spec names none of its own.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::limits::Limits;
use super::mount::{MountPath, Owner};
use super::types::{Filesystem, VolumeParams, VolumeSnapshots, VolumeSpec};
use super::volume_types::{self, VolumeType};
use crate::cloud::Volume;
use crate::ids::{DeviceName, VolumeId};

/// A volume that new ones are like. IOPS and throughput are its own wherever the spec names none and the type is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The volume: anyone's, only ever read.
    pub volume: VolumeId,
    /// The spec names no size.
    pub size: bool,
    /// The spec names no type.
    pub kind: bool,
    /// The spec says nothing of encryption.
    pub encrypted: bool,
}

impl VolumeSpec {
    /// What the spec asks of a volume, with the figures of `other` where it leaves them to its template: those of the
    /// template itself for a new volume, and for one that exists its own.
    #[must_use]
    pub fn params_beside(&self, other: &VolumeParams) -> VolumeParams {
        let Some(template) = &self.template else { return self.params.clone() };
        let kind = if template.kind { other.kind } else { self.params.kind };
        // EC2 shows IOPS of types that take none.
        let lent =
            |own: Option<u32>, others: Option<u32>, takes: bool| own.or(others.filter(|_| takes && kind == other.kind));
        VolumeParams {
            size_gib: if template.size { other.size_gib } else { self.params.size_gib },
            kind,
            iops: lent(self.params.iops, other.iops, kind.rules().iops.is_some()),
            throughput: lent(self.params.throughput, other.throughput, kind.rules().throughput.is_some()),
            encrypted: if template.encrypted { other.encrypted } else { self.params.encrypted },
            ..self.params.clone()
        }
    }
}

impl VolumeParams {
    /// What EC2 shows of a volume; nothing where its type is not one that this version knows. The KMS key is not shown.
    #[must_use]
    pub fn shown(volume: &Volume) -> Option<Self> {
        let kind = VolumeType::ALL.into_iter().find(|kind| kind.as_str() == volume.kind)?;
        Some(Self {
            size_gib: volume.size_gib,
            kind,
            iops: volume.iops,
            throughput: volume.throughput,
            encrypted: volume.encrypted,
            kms_key: None,
            snapshot: None,
            initialization_rate: None,
        })
    }

    /// Why EBS, or the deployment, allows no such volume; empty where both do.
    #[must_use]
    pub fn problems(&self, limits: &Limits) -> Vec<String> {
        let found = volume_types::problems(self.kind, self.size_gib, self.iops, self.throughput);
        let mut found: Vec<String> = found.into_iter().map(|(field, message)| format!("{field}: {message}")).collect();
        let most = limits.max_volume_gib;
        if self.size_gib > most {
            found.push(format!("size: is {} GiB; this deployment allows up to {most}", self.size_gib));
        }
        found
    }
}

/// A volume's fields as a spec writes them: what is left to the template is left out.
#[derive(Serialize)]
struct Written<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    like: Option<&'a VolumeId>,
    #[serde(flatten)]
    params: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mount: &'a Option<MountPath>,
    fs: Filesystem,
    #[serde(skip_serializing_if = "str::is_empty")]
    options: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: &'a Option<Owner>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: &'a Option<DeviceName>,
    #[serde(skip_serializing_if = "VolumeSnapshots::is_inherited")]
    snapshots: &'a VolumeSnapshots,
}

impl Serialize for VolumeSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Value::Object(mut params) = serde_json::to_value(&self.params).map_err(serde::ser::Error::custom)? else {
            return Err(serde::ser::Error::custom("a volume's parameters are not an object"));
        };
        if let Some(Template { size, kind, encrypted, .. }) = self.template {
            for (field, _) in
                [("size", size), ("type", kind), ("encrypted", encrypted)].iter().filter(|(_, lent)| *lent)
            {
                params.remove(*field);
            }
        }
        let written = Written {
            like: self.template.as_ref().map(|template| &template.volume),
            params,
            mount: &self.mount,
            fs: self.fs,
            options: &self.options,
            owner: &self.owner,
            device: &self.device,
            snapshots: &self.snapshots,
        };
        written.serialize(serializer)
    }
}
