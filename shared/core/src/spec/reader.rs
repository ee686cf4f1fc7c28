//! Takes the fields of an object by name and form; what is wrong goes to the sink, with its path.

use std::fmt::Display;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::form::{Absent, Field, Form, Object, Words};
use super::path::{Path, shown};
use super::problem::Sink;
use super::types::Choice;
use super::units;

/// What a field gave.
#[derive(Clone, Copy)]
pub(super) enum Read<T> {
    /// Nothing, or `null`.
    Absent,
    /// Something wrong, which the sink has.
    Bad,
    /// This.
    Given(T),
}

impl<T> Read<T> {
    pub(super) fn given(self) -> Option<T> {
        match self {
            Self::Given(value) => Some(value),
            Self::Absent | Self::Bad => None,
        }
    }

    /// The value, or a stand-in with which the search for problems can go on.
    pub(super) fn unwrap_or(self, stand_in: T) -> T {
        self.given().unwrap_or(stand_in)
    }

    /// The value, or the type's own stand-in.
    pub(super) fn unwrap_or_default(self) -> T
    where
        T: Default,
    {
        self.given().unwrap_or_default()
    }

    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Read<U> {
        match self {
            Self::Absent => Read::Absent,
            Self::Bad => Read::Bad,
            Self::Given(value) => Read::Given(change(value)),
        }
    }

    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    pub(super) fn is_bad(&self) -> bool {
        matches!(self, Self::Bad)
    }
}

/// True, false, or an object.
pub(super) enum FlagOr<'a> {
    /// True or false.
    Flag(bool),
    /// An object.
    Object(Reader<'a>),
}

/// One object of a spec.
pub(super) struct Reader<'a> {
    object: &'static Object,
    given: Given<'a>,
    path: Path,
    sink: &'a Sink,
}

#[derive(Clone, Copy)]
enum Given<'a> {
    Nothing,
    Broken,
    Fields(&'a Map<String, Value>),
}

impl<'a> Reader<'a> {
    /// Begins an object, and names the fields that it should not have.
    pub(super) fn new(object: &'static Object, value: Option<&'a Value>, path: Path, sink: &'a Sink) -> Self {
        let given = match value {
            None | Some(Value::Null) => Given::Nothing,
            Some(Value::Object(fields)) => Given::Fields(fields),
            Some(other @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_))) => {
                sink.problem(&path, format!("must be an object, not {}", units::described(other)));
                Given::Broken
            }
        };
        if let Given::Fields(fields) = given {
            for key in fields.keys().filter(|key| object.field(key).is_none()) {
                let known: Vec<&str> = object.fields.iter().map(|field| field.name).collect();
                sink.problem(&path.field(key), format!("is not a field here; {}", suggestion(key, &known)));
            }
        }
        Self { object, given, path, sink }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn field(&self, name: &str) -> &'static Field {
        self.object.field(name).unwrap_or_else(|| unreachable!("`{name}` is not in the table of {}", self.object.title))
    }

    fn value(&self, name: &str) -> Read<&'a Value> {
        let field = self.field(name);
        let fields = match self.given {
            Given::Broken => return Read::Bad,
            Given::Nothing => None,
            Given::Fields(fields) => Some(fields),
        };
        match (fields.and_then(|fields| fields.get(name)).filter(|value| !value.is_null()), &field.absent) {
            (Some(value), _) => Read::Given(value),
            (None, Absent::Required) => {
                self.sink.problem(&self.path.field(name), format!("is required. {}", field.doc));
                Read::Bad
            }
            (None, Absent::Means(_) | Absent::Told) => Read::Absent,
        }
    }

    fn read<T>(&self, name: &str, parse: impl FnOnce(&'a Value) -> Result<T, String>) -> Read<T> {
        match self.value(name) {
            Read::Absent => Read::Absent,
            Read::Bad => Read::Bad,
            Read::Given(value) => match parse(value) {
                Ok(value) => Read::Given(value),
                Err(message) => {
                    self.sink.problem(&self.path.field(name), message);
                    Read::Bad
                }
            },
        }
    }

    pub(super) fn version(&self, name: &str) -> Read<()> {
        self.read(name, |value| {
            let known = units::count(value, 1, 1).is_ok();
            let wrong = || format!("must be 1, the one version that is known here, not {}", units::described(value));
            known.then_some(()).ok_or_else(wrong)
        })
    }

    pub(super) fn count(&self, name: &str) -> Read<u32> {
        let Form::Count { min, max } = self.field(name).form else { unreachable!("`{name}` is no count in the table") };
        self.read(name, |value| units::count(value, min, max))
    }

    pub(super) fn size(&self, name: &str) -> Read<u32> {
        self.read(name, units::size)
    }

    pub(super) fn time(&self, name: &str) -> Read<Duration> {
        let Form::Time { min, max } = self.field(name).form else { unreachable!("`{name}` is no time in the table") };
        self.read(name, |value| units::time(value, min, max))
    }

    pub(super) fn flag(&self, name: &str) -> Read<bool> {
        self.read(name, units::flag)
    }

    /// One of the table's words, each of which the type knows by that name.
    pub(super) fn word<T: DeserializeOwned>(&self, name: &str) -> Read<T> {
        let Form::Word(words) = &self.field(name).form else { unreachable!("`{name}` takes no words in the table") };
        self.read(name, |value| {
            let word = known_word(value, words)?;
            Ok(serde_json::from_value(Value::from(word))
                .unwrap_or_else(|_| unreachable!("`{word}` is not in the type")))
        })
    }

    /// One of the table's words, or the one object: the type takes both, the object's duration in whole seconds.
    pub(super) fn word_or_time<T: DeserializeOwned>(&self, name: &str) -> Read<T> {
        let Form::WordOrTime { words, bound, min, max } = &self.field(name).form else {
            unreachable!("`{name}` takes no word or time in the table")
        };
        let typed = |value: Value| {
            serde_json::from_value(value).unwrap_or_else(|_| unreachable!("a form of `{name}` is not in the type"))
        };
        let fields = match self.value(name) {
            Read::Given(Value::Object(fields)) => fields,
            Read::Absent | Read::Bad | Read::Given(_) => {
                return self.read(name, |value| word_beside_time(value, words, bound).map(|word| typed(word.into())));
            }
        };
        match self.bound(&self.path.field(name), fields, bound, *min, *max) {
            Some(time) => Read::Given(typed(json!({*bound: time.as_secs()}))),
            None => Read::Bad,
        }
    }

    fn bound(&self, path: &Path, fields: &Map<String, Value>, bound: &str, min: u64, max: u64) -> Option<Duration> {
        for key in fields.keys().filter(|key| *key != bound) {
            self.sink.problem(&path.field(key), format!("is not a field here; {}", suggestion(key, &[bound])));
        }
        let time = match fields.get(bound).filter(|value| !value.is_null()) {
            Some(value) => units::time(value, min, max),
            None => Err("is required, such as \"1h\"".to_owned()),
        };
        time.map_err(|message| self.sink.problem(&path.field(bound), message)).ok()
    }

    /// Text that `parse` takes.
    pub(super) fn text<T, E: Display>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Read<T> {
        let Form::Text { like, .. } = self.field(name).form else { unreachable!("`{name}` is no text in the table") };
        self.read(name, |value| {
            let given = value.as_str().ok_or_else(|| format!("must be {like}, not {}", units::described(value)))?;
            parse(given).map_err(|error| error.to_string())
        })
    }

    /// `"group"`, or a list without repetition of what `parse` takes.
    pub(super) fn choice<T: PartialEq, E: Display>(
        &self,
        name: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Read<Choice<T>> {
        let Form::Choice { like, .. } = self.field(name).form else {
            unreachable!("`{name}` is no choice in the table")
        };
        let list = match self.value(name) {
            Read::Absent => return Read::Absent,
            Read::Bad => return Read::Bad,
            Read::Given(Value::String(word)) if word == "group" => return Read::Given(Choice::Group),
            Read::Given(Value::Array(list)) => list,
            Read::Given(other) => {
                let message = format!("must be \"group\" or a list of {like}, not {}", units::described(other));
                self.sink.problem(&self.path.field(name), message);
                return Read::Bad;
            }
        };
        self.list(&self.path.field(name), like, list, parse)
    }

    fn list<T: PartialEq, E: Display>(
        &self,
        path: &Path,
        like: &str,
        list: &[Value],
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Read<Choice<T>> {
        let mut read: Vec<T> = Vec::new();
        let mut bad = false;
        for (index, value) in list.iter().enumerate().filter(|(_, value)| !value.is_null()) {
            let element = match value.as_str().map(&parse) {
                None => Err(format!("must be text, not {}", units::described(value))),
                Some(Err(error)) => Err(error.to_string()),
                Some(Ok(element)) if read.contains(&element) => Err("is listed twice; keep one".to_owned()),
                Some(Ok(element)) => Ok(element),
            };
            match element {
                Ok(element) => read.push(element),
                Err(message) => {
                    self.sink.problem(&path.element(index), message);
                    bad = true;
                }
            }
        }
        if read.is_empty() && !bad {
            self.sink.problem(path, format!("is empty; list {like}, or say \"group\""));
        }
        if bad || read.is_empty() { Read::Bad } else { Read::Given(Choice::List(read)) }
    }

    /// The object of that name; where it is absent, one without fields.
    pub(super) fn object(&self, name: &str) -> Reader<'a> {
        let Form::Object(object) = self.field(name).form else { unreachable!("`{name}` is no object in the table") };
        Reader::new(object, self.value(name).given(), self.path.field(name), self.sink)
    }

    /// The object of that name, if it is there.
    pub(super) fn object_if_any(&self, name: &str) -> Option<Reader<'a>> {
        self.value(name).given().map(|_| self.object(name))
    }

    /// The flag or the object of that name.
    pub(super) fn flag_or(&self, name: &str) -> Read<FlagOr<'a>> {
        let Form::FlagOr(object) = self.field(name).form else {
            unreachable!("`{name}` is no flag or object in the table")
        };
        self.read(name, |value| match value {
            Value::Object(_) => Ok(FlagOr::Object(Reader::new(object, Some(value), self.path.field(name), self.sink))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => units::flag(value)
                .map(FlagOr::Flag)
                .map_err(|_| format!("must be true, false or an object, not {}", units::described(value))),
        })
    }

    /// The entries of the map of that name that are not `null`, each with its path; their values' form is not yet known.
    pub(super) fn entries(&self, name: &str) -> Vec<(&'a str, &'a Value, Path)> {
        let path = self.path.field(name);
        match self.value(name) {
            Read::Absent | Read::Bad => Vec::new(),
            Read::Given(Value::Object(entries)) => {
                entries.iter().map(|(key, value)| (key.as_str(), value, path.field(key))).collect()
            }
            Read::Given(other) => {
                self.sink.problem(&path, format!("must be an object, not {}", units::described(other)));
                Vec::new()
            }
        }
    }
}

/// A word of a field that also takes an object.
fn word_beside_time(value: &Value, words: &Words, bound: &str) -> Result<&'static str, String> {
    let how = format!("{{\"{bound}\":\"1h\"}}");
    match value.as_str() {
        None => Err(format!("must be one of {}, or {how}, not {}", words.known.join(", "), units::described(value))),
        Some(given) if given == bound => Err(format!("needs a duration: {how}")),
        Some(_) => known_word(value, words),
    }
}

fn known_word(value: &Value, words: &Words) -> Result<&'static str, String> {
    let all = words.known.join(", ");
    let later = match value {
        Value::String(given) => Some(given),
        Value::Object(fields) if fields.len() == 1 => fields.keys().next(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    };
    if let Some(later) = later.and_then(|given| words.later.iter().find(|word| *word == given)) {
        return Err(format!("this version does not offer `{later}` yet; it takes {all}"));
    }
    let Some(given) = value.as_str() else {
        return Err(format!("must be one of {all}, not {}", units::described(value)));
    };
    words
        .known
        .iter()
        .find(|word| **word == given)
        .copied()
        .ok_or_else(|| format!("\"{}\" is not known here; {}", shown(given), suggestion(given, words.known)))
}

/// The known name nearest to the given one, or all of them where none, or more than one, is near.
pub(super) fn suggestion(given: &str, known: &[&str]) -> String {
    let distance = |name: &&str| strsim::damerau_levenshtein(name, &given.to_lowercase());
    let near = |name: &&&str| distance(name) <= 1 + name.len() / 4;
    let least = known.iter().filter(near).map(distance).min();
    let nearest: Vec<&&str> = known.iter().filter(|name| Some(distance(name)) == least).collect();
    match (nearest.as_slice(), known) {
        ([nearest], _) => format!("did you mean `{nearest}`?"),
        (_, []) => "none is known".to_owned(),
        (_, known) => format!("known are {}", known.join(", ")),
    }
}
