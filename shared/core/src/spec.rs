//! The settings of a group: read leniently, checked strictly, every problem named at once.
//!
//! One table (`fields`) says which fields there are and what each takes. The reader asks it, and the JSON Schema and the
//! reference page are written from it, so that the three cannot disagree.

mod build;
mod change;
mod dns;
mod fields;
mod form;
mod limits;
mod memory;
mod mount;
mod name_pattern;
mod page;
mod path;
mod problem;
mod reader;
mod schema;
mod snapshots;
mod template;
mod text;
mod tree;
mod types;
mod units;
mod volume_fields;
mod volume_types;
mod volumes;

pub use dns::{BadTemplate, Dns, SlotNameTemplate};
pub use limits::{Allowed, BadPattern, GroupPattern, Limits};
pub use mount::{BadMountPath, BadOwner, MountPath, Owner};
pub use name_pattern::{BadNamePattern, NamePattern};
pub use page::reference_page;
pub use problem::{Problem, Problems};
pub use schema::json_schema;
pub use template::Template;
pub use text::{INLINE_MAX, Source, inline_length, inline_notices, source_of};
pub use types::{
    Address, AddressKind, Choice, DataLost, Filesystem, Growth, Keep, Launch, Mode, Ready, Slots, Snapshots, Spec,
    Terminate, VolumeParams, VolumeSnapshots, VolumeSpec, ZoneMove, Zones,
};
pub use volume_types::VolumeType;

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::ids::{GroupName, VolumeName};
use memory::Lately;

/// A valid spec, and what a person should know about it all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    /// The settings, with every default filled in.
    pub spec: Spec,
    /// What is allowed but worth a second look.
    pub notices: Vec<Problem>,
}

thread_local! {
    static LATELY: Lately<Result<Parsed, Problems>> = const { RefCell::new(VecDeque::new()) };
}

impl Spec {
    /// Reads a spec, of at most 65,536 bytes.
    ///
    /// Numbers may come as text, sizes and durations with units; `null` means absent.
    ///
    /// # Errors
    /// All problems of the text at once, each with the path of the field that it is about.
    pub fn parse(json: &str) -> Result<Parsed, Problems> {
        memory::recall(&LATELY, json, Self::read)
    }

    fn read(json: &str) -> Result<Parsed, Problems> {
        let sink = problem::Sink::default();
        let spec = tree::read(json, &sink).map(|value| build::spec(&value, &sink));
        let (problems, notices) = sink.into_parts();
        match spec {
            Some(spec) if problems.is_empty() => Ok(Parsed { spec, notices }),
            Some(_) | None => Err(Problems(problems)),
        }
    }

    /// The periodic snapshots of a volume: its own, else the group's; nothing where there are none, or no such volume.
    #[must_use]
    pub fn snapshots_of(&self, name: &VolumeName) -> Option<&Snapshots> {
        match &self.volumes.get(name)?.snapshots {
            VolumeSnapshots::Inherit => self.snapshots.as_ref(),
            VolumeSnapshots::Off => None,
            VolumeSnapshots::Own(own) => Some(own),
        }
    }

    /// Holds the spec against the one before it: whether volumes that exist can follow the change. What is fine gives
    /// notices, of what counts for new volumes only.
    ///
    /// # Errors
    /// Every change that EBS refuses: a smaller size, and types it does not modify.
    /// <https://docs.aws.amazon.com/ebs/latest/userguide/modify-volume-requirements.html>
    pub fn check_change(&self, previous: &Self) -> Result<Vec<Problem>, Problems> {
        change::check(self, previous)
    }

    /// Holds the spec against what the deployment allows to this group.
    ///
    /// # Errors
    /// All that goes past the limits, at once.
    pub fn check_limits(&self, group: &GroupName, limits: &Limits) -> Result<(), Problems> {
        let problems = limits.problems(self, group);
        if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
    }

    /// The spec's JSON in its shortest form: no blanks, no `null`, only printable ASCII.
    ///
    /// It is the user's text with the user's units; it parses to the same spec.
    ///
    /// # Errors
    /// What keeps the text from being one JSON object without repeated fields. Nothing else is checked.
    pub fn compact(json: &str) -> Result<String, Problems> {
        text::compact(json)
    }
}
