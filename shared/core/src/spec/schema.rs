//! The JSON Schema of a spec, written from the table of its fields.

use serde_json::{Map, Value, json};

use super::fields::{MOST_TAGS, MOST_VOLUMES, SPEC};
use super::form::{Absent, Field, Form, Object};
use super::volume_fields::VOLUME_NAME_PATTERN;

/// The JSON Schema (draft 2020-12) of what [`super::Spec::parse`] takes.
///
/// Every spec that is accepted fits it. The schema knows fields and forms; bounds that depend on other fields,
/// and on numbers given as text, are for `parse`.
#[must_use]
pub fn json_schema() -> Value {
    let mut schema = object(&SPEC);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "stateful-asg group spec, version 1",
        "description": "Written by the tests from the code; do not edit.",
    });
    if let (Some(schema), Value::Object(head)) = (schema.as_object_mut(), head) {
        schema.extend(head);
    }
    schema
}

fn object(object: &Object) -> Value {
    let properties: Map<String, Value> =
        object.fields.iter().map(|field| (field.name.to_owned(), property(field))).collect();
    let required: Vec<&str> =
        object.fields.iter().filter(|field| matches!(field.absent, Absent::Required)).map(|field| field.name).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn property(field: &Field) -> Value {
    let mut forms = forms(&field.form);
    if !matches!(field.absent, Absent::Required) {
        forms.push(json!({"type": "null"}));
    }
    let mut property = json!({"description": field.doc, "anyOf": forms});
    if let Absent::Means(default) = field.absent {
        property["default"] = serde_json::from_str(default).unwrap_or_else(|_| unreachable!("`{default}` is no JSON"));
    }
    property
}

fn forms(form: &Form) -> Vec<Value> {
    match form {
        Form::Version => vec![json!({"enum": [1, "1"]})],
        Form::Count { min, max } => {
            vec![json!({"type": "integer", "minimum": min, "maximum": max}), text("^[0-9]{1,10}$")]
        }
        Form::Size => vec![json!({"type": "integer", "minimum": 1}), text("^[0-9]{1,10}( ?(GiB|TiB))?$")],
        Form::Time { min, max } => time(*min, *max),
        Form::Flag => flag(),
        Form::FlagOr(inner) => flag().into_iter().chain([object(inner)]).collect(),
        Form::Word(words) => vec![json!({"enum": words.known})],
        Form::WordOrTime { words, bound, min, max } => vec![
            json!({"enum": words.known}),
            json!({"type": "object", "required": [bound], "additionalProperties": false,
                "properties": {*bound: {"anyOf": time(*min, *max)}}}),
        ],
        Form::Text { pattern, .. } => vec![text(pattern)],
        Form::Choice { pattern, .. } => vec![
            json!({"const": "group"}),
            json!({"type": "array", "minItems": 1, "items": {"anyOf": [text(pattern), {"type": "null"}]}}),
        ],
        Form::Object(inner) => vec![object(inner)],
        Form::Volumes(inner) => vec![json!({
            "type": "object",
            "maxProperties": MOST_VOLUMES,
            "propertyNames": {"pattern": VOLUME_NAME_PATTERN},
            "additionalProperties": {"anyOf": [object(inner), {"type": "null"}]},
        })],
        Form::Tags => vec![json!({
            "type": "object",
            "propertyNames": {"minLength": 1, "maxLength": 128, "not": {"pattern": "^([Aa][Ww][Ss]|[Ss][Tt][Aa][Tt][Ee][Ff][Uu][Ll]-[Aa][Ss][Gg]):"}},
            "additionalProperties": {"anyOf": [{"type": "string", "maxLength": 256}, {"type": ["integer", "boolean", "null"]}]},
            "$comment": format!("At most {MOST_TAGS} that are not null."),
        })],
    }
}

fn text(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

fn time(min: u64, max: u64) -> Vec<Value> {
    vec![json!({"type": "integer", "minimum": min, "maximum": max}), text("^[0-9]{1,10}[smhdw]?$")]
}

fn flag() -> Vec<Value> {
    vec![json!({"type": "boolean"}), json!({"enum": ["true", "false"]})]
}
