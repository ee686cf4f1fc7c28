//! What the table of fields is made of: objects, their fields, and the forms that a field takes.

/// A JSON object with these fields and no other.
pub(super) struct Object {
    /// Its heading on the reference page.
    pub(super) title: &'static str,
    pub(super) fields: &'static [Field],
}

/// One field of an object.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) absent: Absent,
    /// What it says, for people.
    pub(super) doc: &'static str,
}

/// What is meant when a field is absent or `null`.
pub(super) enum Absent {
    /// A problem.
    Required,
    /// This, as JSON.
    Means(&'static str),
    /// As the field's description says.
    Told,
}

/// What a field takes.
pub(super) enum Form {
    /// The version of the spec's format: 1.
    Version,
    /// A whole number within bounds, both allowed.
    Count { min: u32, max: u32 },
    /// A size in GiB.
    Size,
    /// A duration within bounds in seconds, both allowed.
    Time { min: u64, max: u64 },
    /// True or false.
    Flag,
    /// One of these words.
    Word(Words),
    /// Text of a form that its reader checks; `pattern` is at least as wide, for editors.
    Text { like: &'static str, pattern: &'static str },
    /// `"group"`, or a list of at least one text.
    Choice { like: &'static str, pattern: &'static str },
    /// One of these words, or an object whose one field is `bound`, a duration within bounds in seconds, both allowed.
    WordOrTime { words: Words, bound: &'static str, min: u64, max: u64 },
    /// An object.
    Object(&'static Object),
    /// True, false, or an object.
    FlagOr(&'static Object),
    /// Objects by volume name.
    Volumes(&'static Object),
    /// Texts by tag key.
    Tags,
}

/// The words that a field takes.
pub(super) struct Words {
    pub(super) known: &'static [&'static str],
    /// Words, and keys of objects, of the design that this version refuses by name.
    pub(super) later: &'static [&'static str],
}

/// A row of the table.
pub(super) const fn field(name: &'static str, form: Form, absent: Absent, doc: &'static str) -> Field {
    Field { name, form, absent, doc }
}

/// Takes these words, none of them for later.
pub(super) const fn words(known: &'static [&'static str]) -> Form {
    Form::Word(Words { known, later: &[] })
}

impl Object {
    /// The field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// This object and those within it, each once, in the order of the fields; what stands in several, after the last.
    pub(super) fn with_inner(&'static self) -> Vec<&'static Object> {
        let inner = self.fields.iter().filter_map(|field| match field.form {
            Form::Object(inner) | Form::FlagOr(inner) | Form::Volumes(inner) => Some(inner),
            Form::Version
            | Form::Count { .. }
            | Form::Size
            | Form::Time { .. }
            | Form::Flag
            | Form::Word(_)
            | Form::WordOrTime { .. }
            | Form::Text { .. }
            | Form::Choice { .. }
            | Form::Tags => None,
        });
        let all: Vec<&'static Object> = std::iter::once(self).chain(inner.flat_map(Object::with_inner)).collect();
        let comes_again = |index: usize| all[index + 1..].iter().any(|later| std::ptr::eq(*later, all[index]));
        (0..all.len()).filter(|index| !comes_again(*index)).map(|index| all[index]).collect()
    }
}
