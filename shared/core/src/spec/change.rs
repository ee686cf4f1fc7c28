//! From one spec of a group to the next: what volumes that exist cannot follow.

use super::Problem;
use super::path::Path;
use super::problem::{Problems, Sink};
use super::template::Template;
use super::types::{Spec, VolumeSpec};
use super::volume_types::VolumeType;

/// Holds each volume of the spec against the one of that name before.
pub(super) fn check(spec: &Spec, previous: &Spec) -> Result<Vec<Problem>, Problems> {
    let sink = Sink::default();
    let root = Path::root().field("volumes");
    for (name, volume) in &spec.volumes {
        if let Some(before) = previous.volumes.get(name) {
            refused(volume, before, &root.field(name.as_str()), &sink);
            only_new(volume, before, &root.field(name.as_str()), &sink);
        }
    }
    let (problems, notices) = sink.into_parts();
    if problems.is_empty() { Ok(notices) } else { Err(Problems(problems)) }
}

/// What `ModifyVolume` refuses.
/// <https://docs.aws.amazon.com/ebs/latest/userguide/modify-volume-requirements.html>
fn refused(volume: &VolumeSpec, before: &VolumeSpec, path: &Path, sink: &Sink) {
    let (now, was) = (&volume.params, &before.params);
    let left = |of: &VolumeSpec, what: fn(&Template) -> bool| of.template.as_ref().is_some_and(what);
    if now.size_gib < was.size_gib && !left(volume, |template| template.size) {
        sink.problem(
            &path.field("size"),
            format!(
                "is {} GiB, and was {} GiB: EBS volumes cannot shrink; keep the size, or name another volume and copy the data",
                now.size_gib, was.size_gib
            ),
        );
    }
    // EBS promises modification of current-generation volumes only; away from magnetic is known to work.
    if now.kind == VolumeType::Standard && !left(before, |template| template.kind) {
        if was.kind == VolumeType::Standard && now.size_gib > was.size_gib {
            sink.problem(
                &path.field("size"),
                "cannot grow: EBS does not modify magnetic volumes; change `type` too, to gp3 for instance",
            );
        }
        if was.kind != VolumeType::Standard {
            sink.problem(
                &path.field("type"),
                format!("was {}: EBS does not turn a volume into a magnetic one; choose another type", was.kind),
            );
        }
    }
}

/// What counts at creation alone.
fn only_new(volume: &VolumeSpec, before: &VolumeSpec, path: &Path, sink: &Sink) {
    let (now, was) = (&volume.params, &before.params);
    let template = |of: &VolumeSpec| of.template.as_ref().map(|template| template.volume.clone());
    let changed = [
        ("like", template(volume) != template(before)),
        ("encrypted", now.encrypted != was.encrypted),
        ("kms_key", now.kms_key != was.kms_key),
        ("snapshot", now.snapshot != was.snapshot),
        ("fs", volume.fs != before.fs),
    ];
    for (field, _) in changed.into_iter().filter(|(_, changed)| *changed) {
        sink.notice(
            &path.field(field),
            "changed: it counts for new volumes only, and those that exist stay as they are",
        );
    }
}
