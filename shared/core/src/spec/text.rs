//! A spec as text: where it stands, its shortest form, and whether a lifecycle hook can hold it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};

use super::memory::{Lately, recall};
use super::path::Path;
use super::problem::{Problem, Problems, Sink};
use super::{tree, units};

/// The most characters that a hook's `NotificationMetadata` holds.
/// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_PutLifecycleHook.html>
pub const INLINE_MAX: usize = 4_000;

/// Where a group's spec stands, as its launch hook says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// In the hook: this text, which [`super::Spec::parse`] has yet to read.
    Inline(String),
    /// In the table.
    Table,
}

thread_local! {
    static LATELY: Lately<Result<Source, Problems>> = const { RefCell::new(VecDeque::new()) };
}

/// Where the spec stands, from the hook's `NotificationMetadata`: `{"spec":"table"}`, or the spec itself.
///
/// # Errors
/// The text is not one JSON object, or speaks of the table and of something else.
pub fn source_of(metadata: &str) -> Result<Source, Problems> {
    recall(&LATELY, metadata, read_source)
}

fn read_source(metadata: &str) -> Result<Source, Problems> {
    let sink = Sink::default();
    let pointer = tree::read(metadata, &sink).and_then(|value| {
        let fields = value.as_object()?;
        let place = fields.get("spec").filter(|place| !place.is_null())?;
        if place != "table" {
            let message =
                format!("must be \"table\", or absent where the spec stands here, not {}", units::described(place));
            sink.problem(&Path::root().field("spec"), message);
        }
        for (other, _) in fields.iter().filter(|(name, value)| *name != "spec" && !value.is_null()) {
            sink.problem(
                &Path::root().field(other),
                "cannot stand beside `spec`: the spec is either here or in the table",
            );
        }
        Some(Source::Table)
    });
    // What is wrong within an inline spec, a repeated field for one, is for its own parse to say.
    let (problems, _) = sink.into_parts();
    match pointer {
        Some(source) if problems.is_empty() => Ok(source),
        None if problems.iter().all(|problem| !problem.path.is_empty()) => Ok(Source::Inline(metadata.to_owned())),
        Some(_) | None => Err(Problems(problems)),
    }
}

/// How many characters the text takes in a hook: the sum that AWS holds against [`INLINE_MAX`].
#[must_use]
pub fn inline_length(json: &str) -> usize {
    json.chars().count()
}

/// Why a hook would not hold this text, if it would not.
#[must_use]
pub fn inline_notices(json: &str) -> Vec<Problem> {
    let mut notices = Vec::new();
    let mut notice = |message: String| notices.push(Problem { path: String::new(), message });
    let length = inline_length(json);
    if length > INLINE_MAX {
        notice(format!(
            "the spec has {length} characters, and a hook holds {INLINE_MAX}: paste the compact form, or keep it in the table with `stateful-asg spec apply`"
        ));
    }
    if let Some(odd) = json.chars().find(|c| !matches!(c, ' '..='~' | '\t' | '\n' | '\r')) {
        notice(format!(
            "the spec holds `{}`, and a hook takes printable ASCII only: paste the compact form",
            odd.escape_debug()
        ));
    }
    notices
}

pub(super) fn compact(json: &str) -> Result<String, Problems> {
    let sink = Sink::default();
    let value = tree::read(json, &sink);
    let (problems, _) = sink.into_parts();
    match value {
        Some(value) if problems.is_empty() => {
            let mut out = Vec::new();
            without_nulls(&value)
                .serialize(&mut Serializer::with_formatter(&mut out, Ascii(CompactFormatter)))
                .expect("a JSON tree is written to memory");
            Ok(String::from_utf8(out).expect("what was written is ASCII"))
        }
        Some(_) | None => Err(Problems(problems)),
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key.clone(), without_nulls(value)))
            .collect(),
        Value::Array(list) => list.iter().filter(|value| !value.is_null()).map(without_nulls).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// Compact JSON in printable ASCII.
struct Ascii(CompactFormatter);

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut units = [0; 2];
        for c in fragment.chars() {
            if matches!(c, ' '..='~') {
                writer.write_all(&[c as u8])?;
            } else {
                for unit in c.encode_utf16(&mut units) {
                    write!(writer, "\\u{unit:04x}")?;
                }
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }
}
