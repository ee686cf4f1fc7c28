//! Reads the fields of an event's `detail`, and gathers what is wrong with them.

use std::fmt::Display;
use std::str::FromStr;

use serde_json::{Map, Value};

/// The longest piece of an event that a message repeats, in characters.
const SHOWN: usize = 120;

/// The fields of one `detail`, and the problems found so far.
pub(super) struct Fields<'a> {
    of: Option<&'a Map<String, Value>>,
    problems: Vec<String>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(detail: Option<&'a Value>) -> Self {
        let of = detail.and_then(Value::as_object);
        let problems = if of.is_some() { Vec::new() } else { vec!["`detail` is not an object".to_owned()] };
        Self { of, problems }
    }

    /// A field that must be there.
    pub(super) fn required<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        if self.of.is_some() && self.value(name).is_none() {
            self.problem(format!("`{name}` is missing"));
        }
        self.optional(name)
    }

    /// A field that must be readable where it is there. `null` is absent.
    pub(super) fn optional<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let Some(text) = self.value(name)?.as_str() else {
            self.problem(format!("`{name}` is not text"));
            return None;
        };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problem(format!("`{name}`: {}", shown(&T::Err::to_string(&error))));
                None
            }
        }
    }

    /// A truth value, false where it is absent.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.value(name) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.problem(format!("`{name}` is neither true nor false"));
                false
            }
        }
    }

    pub(super) fn problem(&mut self, problem: String) {
        self.problems.push(problem);
    }

    /// All problems, if there are any.
    pub(super) fn finish(self) -> Result<(), Vec<String>> {
        if self.problems.is_empty() { Ok(()) } else { Err(self.problems) }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        self.of.and_then(|of| of.get(name)).filter(|value| !value.is_null())
    }
}

/// The beginning of a text: an event may hold anything, at any length.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
