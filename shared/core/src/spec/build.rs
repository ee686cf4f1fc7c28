//! From the read fields to the spec, and the checks that span sections.

use std::collections::BTreeMap;

use serde_json::Value;

use super::dns::dns;
use super::fields::{MOST_TAGS, SPEC};
use super::path::Path;
use super::problem::Sink;
use super::reader::{Read, Reader};
use super::snapshots;
use super::types::{Address, AddressKind, Choice, Growth, Launch, Ready, Slots, Spec, Terminate, VolumeSpec, Zones};
use super::{units, volumes};
use crate::ids::{SecurityGroupId, SubnetId, VolumeName};

/// The most security groups of one interface, with the quota raised as far as AWS raises it.
/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const MOST_SECURITY_GROUPS: usize = 16;

/// Builds a spec; it counts only if the sink holds no problem afterwards.
pub(super) fn spec(value: &Value, sink: &Sink) -> Spec {
    let root = Reader::new(&SPEC, Some(value), Path::root(), sink);
    root.version("v");
    let slots = slots(&root);
    let snapshots = snapshots::of_group(&root, sink);
    let spec = Spec {
        mode: root.word("mode").unwrap_or_default(),
        volumes: volumes::read(&root, snapshots.as_ref(), sink),
        address: address(&root.object("address"), sink),
        dns: root.object_if_any("dns").and_then(|section| dns(&section, slots.max, sink)),
        slots,
        zones: zones(&root.object("zones")),
        data_lost: root.word_or_time("data_lost").unwrap_or_default(),
        launch: launch(&root.object("launch")),
        terminate: terminate(&root.object("terminate")),
        snapshots,
        growth: Growth { at_once: root.object("growth").count("at_once").unwrap_or(Growth::default().at_once) },
        tags: tags(&root, sink),
    };
    check_use(&root, &spec, value, sink);
    snapshots::check_bounds(&spec, sink);
    spec
}

fn check_use(root: &Reader<'_>, spec: &Spec, value: &Value, sink: &Sink) {
    let said = |name: &str| value.get(name).is_some_and(|value| !value.is_null());
    let any_volume = root.entries("volumes").iter().any(|(_, value, _)| !value.is_null())
        || said("volumes") && !value["volumes"].is_object();
    if !any_volume && spec.address.kind == AddressKind::Instance && !said("dns") {
        sink.problem(
            &root.path().field("volumes"),
            "there is nothing to keep: name a volume, set address.kind to \"eni\", or give dns names",
        );
    }
    let mounted = |volumes: &BTreeMap<VolumeName, VolumeSpec>| volumes.values().any(|volume| volume.mount.is_some());
    if spec.launch.ready == Ready::Mounted && !any_volume {
        sink.problem(&root.path().field("launch").field("ready"), "there is no volume to be mounted; say \"attached\"");
    } else if spec.launch.ready == Ready::Mounted && !spec.volumes.is_empty() && !mounted(&spec.volumes) {
        sink.problem(
            &root.path().field("launch").field("ready"),
            "every volume has fs \"none\", so none is mounted; say \"attached\"",
        );
    }
}

fn slots(root: &Reader<'_>) -> Slots {
    let section = root.object("slots");
    Slots {
        max: section.count("max").given(),
        reuse_within: section.time("reuse_within").given(),
        retire_after: section.time("retire_after").given(),
    }
}

fn zones(section: &Reader<'_>) -> Zones {
    let default = Zones::default();
    Zones {
        r#move: section.word_or_time("move").unwrap_or(default.r#move),
        keep_source: section.time("keep_source").unwrap_or(default.keep_source),
    }
}

fn address(section: &Reader<'_>, sink: &Sink) -> Address {
    let kind: Read<AddressKind> = section.word("kind");
    let subnets = section.choice("subnets", str::parse::<SubnetId>);
    let security_groups = section.choice("security_groups", str::parse::<SecurityGroupId>);
    let kind_known = !kind.is_bad();
    let address = Address {
        kind: kind.unwrap_or_default(),
        subnets: subnets.unwrap_or_default(),
        security_groups: security_groups.unwrap_or_default(),
    };
    if kind_known && address.kind == AddressKind::Instance {
        let only = "counts only for interfaces of the slots' own: set address.kind to \"eni\", or leave this out";
        if matches!(address.subnets, Choice::List(_)) {
            sink.problem(&section.path().field("subnets"), only);
        }
        if matches!(address.security_groups, Choice::List(_)) {
            sink.problem(&section.path().field("security_groups"), only);
        }
    }
    if let Choice::List(groups) = &address.security_groups
        && groups.len() > MOST_SECURITY_GROUPS
    {
        let message = format!("lists {}; an interface has at most {MOST_SECURITY_GROUPS}", groups.len());
        sink.problem(&section.path().field("security_groups"), message);
    }
    address
}

fn launch(section: &Reader<'_>) -> Launch {
    let default = Launch::default();
    Launch {
        ready: section.word("ready").unwrap_or(default.ready),
        wait: section.time("wait").unwrap_or(default.wait),
        surge_wait: section.time("surge_wait").unwrap_or(default.surge_wait),
    }
}

fn terminate(section: &Reader<'_>) -> Terminate {
    let default = Terminate::default();
    Terminate {
        drain: section.time("drain").unwrap_or(default.drain),
        at_once: section.count("at_once").unwrap_or(default.at_once),
    }
}

fn tags(root: &Reader<'_>, sink: &Sink) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for (key, value, path) in root.entries("tags") {
        if let Some(message) = tag_key_problem(key) {
            sink.problem(&path, message);
        }
        if value.is_null() {
            continue;
        }
        match units::tag_value(value) {
            Ok(text) if text.chars().count() > 256 => sink.problem(&path, "a tag's value has at most 256 characters"),
            Ok(text) if text.chars().any(char::is_control) => {
                sink.problem(&path, "a tag's value holds no control characters")
            }
            Ok(text) => {
                tags.insert(key.to_owned(), text);
            }
            Err(message) => sink.problem(&path, message),
        }
    }
    if tags.len() > MOST_TAGS {
        sink.problem(&root.path().field("tags"), format!("are {}; at most {MOST_TAGS} fit beside our own", tags.len()));
    }
    tags
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>
fn tag_key_problem(key: &str) -> Option<&'static str> {
    let lower = key.to_ascii_lowercase();
    if !(1..=128).contains(&key.chars().count()) {
        Some("a tag's key has 1 to 128 characters")
    } else if key.chars().any(char::is_control) {
        Some("a tag's key holds no control characters")
    } else if lower.starts_with("aws:") {
        Some("keys that begin with `aws:` are for AWS alone")
    } else if lower.starts_with("stateful-asg:") {
        Some("keys that begin with `stateful-asg:` are for our own tags")
    } else {
        None
    }
}
