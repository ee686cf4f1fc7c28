//! The volumes of a spec: what each says, what it has from the volume that it is like, and whether EBS and the guest take it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::fields::{MOST_VOLUMES, SPEC};
use super::form::Form;
use super::mount::{self, MountPath, Owner};
use super::path::Path;
use super::problem::Sink;
use super::reader::{Read, Reader, suggestion};
use super::snapshots::{self, Said};
use super::template::Template;
use super::types::{Filesystem, Snapshots, VolumeParams, VolumeSpec};
use super::volume_types::{self, VolumeType};
use crate::ids::{DeviceName, SnapshotId, VolumeId, VolumeName};

/// The mount options where the spec sets none.
const DEFAULT_OPTIONS: &str = "nodev,nosuid";

/// A volume's fields as they were given.
#[derive(Clone)]
struct Given {
    path: Path,
    like: Read<VolumeName>,
    template: Option<VolumeId>,
    size: Read<u32>,
    kind: Read<VolumeType>,
    iops: Read<u32>,
    throughput: Read<u32>,
    encrypted: Read<bool>,
    kms_key: Read<String>,
    snapshot: Read<SnapshotId>,
    initialization_rate: Read<u32>,
    mount: Read<MountPath>,
    fs: Read<Filesystem>,
    options: Read<String>,
    owner: Read<Owner>,
    device: Read<DeviceName>,
    snapshots: Read<Said>,
}

/// Reads all volumes, beside the group's snapshots.
pub(super) fn read(
    root: &Reader<'_>,
    group_snapshots: Option<&Snapshots>,
    sink: &Sink,
) -> BTreeMap<VolumeName, VolumeSpec> {
    let entries = root.entries("volumes");
    if entries.len() > MOST_VOLUMES {
        sink.problem(
            &root.path().field("volumes"),
            format!("are {}; a slot has at most {MOST_VOLUMES}", entries.len()),
        );
    }
    let mut given = BTreeMap::new();
    for (name, value, path) in entries {
        match (VolumeName::new(name), value.is_null()) {
            (Err(error), _) => {
                sink.problem(&path, error.to_string());
                volume(value, path, sink);
            }
            (Ok(_), true) => {}
            (Ok(name), false) => {
                given.insert(name, volume(value, path, sink));
            }
        }
    }
    let volumes: BTreeMap<_, _> = given
        .iter()
        .filter_map(|(name, own)| {
            let whole = inherited(name, own, &given, sink)?;
            Some((name.clone(), built(own, &whole, group_snapshots, sink)?))
        })
        .collect();
    check_unique(&given, sink);
    volumes
}

fn volume(value: &Value, path: Path, sink: &Sink) -> Given {
    let Some(Form::Volumes(object)) = SPEC.field("volumes").map(|field| &field.form) else {
        unreachable!("`volumes` holds volumes in the table")
    };
    let reader = Reader::new(object, Some(value), path.clone(), sink);
    Given {
        path,
        like: reader.text("like", str::parse),
        template: None,
        size: reader.size("size"),
        kind: reader.word("type"),
        iops: reader.count("iops"),
        throughput: reader.count("throughput"),
        encrypted: reader.flag("encrypted"),
        kms_key: reader.text("kms_key", kms_key),
        snapshot: reader.text("snapshot", str::parse),
        initialization_rate: reader.count("initialization_rate"),
        mount: reader.text("mount", MountPath::new),
        fs: reader.word("fs"),
        options: reader.text("options", mount::options),
        owner: reader.text("owner", str::parse),
        device: reader.text("device", device),
        snapshots: snapshots::of_volume(&reader, sink),
    }
}

fn kms_key(given: &str) -> Result<String, &'static str> {
    let fits =
        (1..=2_048).contains(&given.len()) && given.bytes().all(|b| b.is_ascii_alphanumeric() || b"/_:-".contains(&b));
    fits.then(|| given.to_owned()).ok_or("must be a KMS key's ID or ARN, or `alias/NAME`")
}

/// A device name that EC2 takes for a data volume.
/// <https://docs.aws.amazon.com/ebs/latest/userguide/device_naming.html>
fn device(given: &str) -> Result<DeviceName, String> {
    let wrong = || {
        "must be a device name for a data volume: /dev/sdb to /dev/sdz (/dev/sdf to /dev/sdp are best), or /dev/xvdb to /dev/xvddx".to_owned()
    };
    let letters = match given.strip_prefix("/dev/sd").map(str::as_bytes) {
        Some([b'b'..=b'z']) => true,
        Some(_) => false,
        None => matches!(
            given.strip_prefix("/dev/xvd").map(str::as_bytes),
            Some([b'b'..=b'z'] | [b'a'..=b'd', b'a'..=b'z'])
        ),
    };
    if letters { DeviceName::new(given).map_err(|error| error.to_string()) } else { Err(wrong()) }
}

impl Given {
    /// Its own fields, and the other's where it has none; a mount path and a device serve one volume only.
    fn or(self, other: Self) -> Self {
        fn or<T>(own: Read<T>, other: Read<T>) -> Read<T> {
            if own.is_absent() { other } else { own }
        }
        Self {
            path: self.path,
            like: self.like,
            template: self.template,
            size: or(self.size, other.size),
            kind: or(self.kind, other.kind),
            iops: or(self.iops, other.iops),
            throughput: or(self.throughput, other.throughput),
            encrypted: or(self.encrypted, other.encrypted),
            kms_key: or(self.kms_key, other.kms_key),
            snapshot: or(self.snapshot, other.snapshot),
            initialization_rate: or(self.initialization_rate, other.initialization_rate),
            mount: self.mount,
            fs: or(self.fs, other.fs),
            options: or(self.options, other.options),
            owner: or(self.owner, other.owner),
            device: self.device,
            snapshots: or(self.snapshots, other.snapshots),
        }
    }
}

/// The volume with what it has from those that it is like; nothing where the chain leads nowhere. It may end with a volume
/// of EC2's, but a volume of the spec that has such a name comes first.
fn inherited(name: &VolumeName, own: &Given, all: &BTreeMap<VolumeName, Given>, sink: &Sink) -> Option<Given> {
    let mut whole = own.clone();
    let mut chain = vec![name];
    let mut next = &own.like;
    loop {
        let like = match next {
            Read::Absent => return Some(whole),
            Read::Bad => return None,
            Read::Given(like) => like,
        };
        if let Some(template) = VolumeId::new(like.as_str()).ok().filter(|_| !all.contains_key(like)) {
            whole.template = Some(template);
            return Some(whole);
        }
        if like == name {
            let names: Vec<&str> = chain.iter().chain([&name]).map(|name| name.as_str()).collect();
            sink.problem(&own.path.field("like"), format!("goes round in a circle: {}", names.join(" like ")));
        } else if !all.contains_key(like) && chain.len() == 1 {
            let known: Vec<&str> = all.keys().filter(|known| *known != name).map(VolumeName::as_str).collect();
            sink.problem(
                &own.path.field("like"),
                format!("there is no volume `{like}`; {}", suggestion(like.as_str(), &known)),
            );
        }
        let other = all.get(like).filter(|_| !chain.contains(&like))?;
        whole = whole.or(other.clone());
        chain.push(like);
        next = &other.like;
    }
}

/// Checks a volume's fields against each other; nothing where a needed one is absent or bad.
fn built(own: &Given, whole: &Given, group_snapshots: Option<&Snapshots>, sink: &Sink) -> Option<VolumeSpec> {
    let path = &own.path;
    check_performance(whole, sink);
    let encrypted = whole.encrypted.unwrap_or(true);
    if let (Read::Given(false), Read::Given(_)) = (&whole.encrypted, &whole.kms_key) {
        sink.problem(&path.field("kms_key"), "is for encrypted volumes; leave it out, or `encrypted` at true");
    }
    let fs_known = !whole.fs.is_bad();
    let fs = whole.fs.unwrap_or_default();
    if fs_known {
        check_mount(own, fs, sink);
    }
    let template = whole.template.clone().map(|volume| Template {
        volume,
        size: whole.size.is_absent(),
        kind: whole.kind.is_absent(),
        encrypted: whole.encrypted.is_absent() && whole.kms_key.is_absent(),
    });
    let size_gib = whole.size.given().or(template.as_ref().map(|_| 0))?;
    Some(VolumeSpec {
        template,
        params: VolumeParams {
            size_gib,
            kind: whole.kind.unwrap_or_default(),
            iops: whole.iops.given(),
            throughput: whole.throughput.given(),
            encrypted,
            kms_key: whole.kms_key.clone().given(),
            snapshot: whole.snapshot.clone().given(),
            initialization_rate: whole.initialization_rate.given(),
        },
        mount: whole.mount.clone().given(),
        fs,
        options: if fs == Filesystem::None {
            String::new()
        } else {
            whole.options.clone().unwrap_or(DEFAULT_OPTIONS.to_owned())
        },
        owner: whole.owner.given().filter(|_| fs != Filesystem::None),
        device: whole.device.clone().given(),
        snapshots: snapshots::beside(&whole.snapshots, group_snapshots, sink),
    })
}

fn check_performance(whole: &Given, sink: &Sink) {
    let template = whole.template.is_some();
    if whole.size.is_absent() && !template {
        sink.problem(&whole.path.field("size"), "is required, such as \"50GiB\"");
    }
    // A template's figures are not known here: what only they decide is judged when a volume is made.
    if whole.kind.is_bad() || whole.iops.is_bad() || (template && whole.kind.is_absent()) {
        return;
    }
    let kind = whole.kind.unwrap_or_default();
    // Without a size, only what holds for every size is said.
    let size = whole.size.unwrap_or(kind.rules().size_gib.1);
    let problems = volume_types::problems(kind, size, whole.iops.given(), whole.throughput.given());
    let known = |field: &str| field == "size" || !template || !whole.iops.is_absent();
    for (field, message) in problems.into_iter().filter(|(field, _)| known(field)) {
        sink.problem(&whole.path.field(field), message);
    }
}

fn check_mount(own: &Given, fs: Filesystem, sink: &Sink) {
    let unmounted = "counts only for a volume that is mounted, and its fs is \"none\"; leave this out";
    match (fs, own.mount.is_absent()) {
        (Filesystem::Ext4 | Filesystem::Xfs, true) => {
            sink.problem(&own.path.field("mount"), "is required, such as \"/data\", unless fs is \"none\"");
        }
        (Filesystem::Ext4 | Filesystem::Xfs, false) => {}
        (Filesystem::None, _) => {
            let said = [
                ("mount", !own.mount.is_absent()),
                ("options", !own.options.is_absent()),
                ("owner", !own.owner.is_absent()),
            ];
            for (field, _) in said.into_iter().filter(|(_, said)| *said) {
                sink.problem(&own.path.field(field), unmounted);
            }
        }
    }
}

/// No two volumes of an instance share a directory or a device.
fn check_unique(given: &BTreeMap<VolumeName, Given>, sink: &Sink) {
    let mut mounts: BTreeMap<&MountPath, &VolumeName> = BTreeMap::new();
    let mut devices: BTreeMap<&str, &VolumeName> = BTreeMap::new();
    for (name, volume) in given {
        if let Read::Given(mount) = &volume.mount
            && let Some(other) = mounts.insert(mount, name)
        {
            sink.problem(&volume.path.field("mount"), format!("is where `{other}` is mounted too; choose another"));
        }
        if let Read::Given(device) = &volume.device
            && let Some(other) = devices.insert(letters(device), name)
        {
            sink.problem(&volume.path.field("device"), format!("is asked for by `{other}` too; choose another"));
        }
    }
}

/// What tells devices apart: some kernels call /dev/sdf /dev/xvdf.
fn letters(device: &DeviceName) -> &str {
    let name = device.as_str();
    name.strip_prefix("/dev/sd").or_else(|| name.strip_prefix("/dev/xvd")).unwrap_or(name)
}
