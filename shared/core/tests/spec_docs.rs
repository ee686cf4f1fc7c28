//! The schema, the reference page and the examples stay true to the code.
//!
//! `UPDATE=1 cargo test -p stateful-asg-core --test spec_docs` writes the pages anew.

#![expect(clippy::unwrap_used, reason = "what tests share fails by panic")]

use std::path::PathBuf;

use serde_json::{Value, json};
use stateful_asg_core::spec::{Spec, inline_notices, json_schema, reference_page};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn example(name: &str) -> String {
    std::fs::read_to_string(root().join("infra/examples").join(name)).unwrap()
}

/// Holds a file against what the code writes, or writes it.
fn same(path: &str, generated: &str) {
    let path = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, generated).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == generated, "{} is out of date: run this test with UPDATE=1", path.display());
}

#[test]
fn the_schema_is_up_to_date() {
    same("docs/spec.schema.json", &(serde_json::to_string_pretty(&json_schema()).unwrap() + "\n"));
}

#[test]
fn the_page_is_up_to_date() {
    same("docs/spec.md", &reference_page());
}

#[test]
fn the_examples_are_valid_and_fit_the_schema_and_a_hook() {
    let schema = jsonschema::validator_for(&json_schema()).unwrap();
    for name in ["smallest.spec.json", "cassandra.spec.json"] {
        let text = example(name);
        Spec::parse(&text).unwrap_or_else(|problems| panic!("{name}:\n{problems}"));
        let value: Value = serde_json::from_str(&text).unwrap();
        schema.validate(&value).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(inline_notices(&Spec::compact(&text).unwrap()), [], "{name}");
    }
}

/// A spec that sets every field of the schema: the full example, and what has no place in it.
fn complete() -> Value {
    let mut spec: Value = serde_json::from_str(&example("cassandra.spec.json")).unwrap();
    spec["volumes"]["data"]["snapshot"] = json!("snap-0123456789abcdef0");
    spec["volumes"]["data"]["like"] = json!(null);
    spec["volumes"]["data"]["initialization_rate"] = json!(200);
    spec["slots"]["retire_after"] = json!("90d");
    spec["zones"] = json!({"move": {"stale_up_to": "6h"}, "keep_source": "2d"});
    spec["data_lost"] = json!({"snapshot_up_to": "6h"});
    spec["growth"] = json!({"at_once": 3});
    let keep = json!({"last": 1, "hourly": 2, "daily": 3, "weekly": 4, "monthly": 5});
    spec["volumes"]["data"]["snapshots"] = json!({"every": "1h", "keep": keep});
    spec["snapshots"]["keep"] = keep;
    spec
}

/// Each field of the schema as a place in a spec; a volume's under `data`.
fn fields(schema: &Value, place: &[&str], found: &mut Vec<Vec<String>>) {
    for form in schema["anyOf"].as_array().into_iter().flatten() {
        fields(form, place, found);
    }
    if place == ["volumes"] && schema["additionalProperties"].is_object() {
        fields(&schema["additionalProperties"], &["volumes", "data"], found);
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let place: Vec<&str> = place.iter().copied().chain([name.as_str()]).collect();
        found.push(place.iter().map(ToString::to_string).collect());
        fields(inner, &place, found);
    }
}

fn at<'a>(spec: &'a mut Value, place: &[String]) -> &'a mut Value {
    place.iter().fold(spec, |value, name| &mut value[name.as_str()])
}

/// The reader reads every field of the schema: nonsense in any is a problem at that place.
#[test]
fn every_field_of_the_schema_is_read() {
    Spec::parse(&complete().to_string()).unwrap();
    let mut all = Vec::new();
    fields(&json_schema(), &[], &mut all);
    assert!(all.len() > 60, "the walk over the schema finds the fields: {}", all.len());
    for place in all {
        let mut spec = complete();
        assert!(
            place[1..].contains(&"like".to_owned()) || !at(&mut spec, &place).is_null(),
            "{place:?} is in the full spec"
        );
        *at(&mut spec, &place) = json!([["nonsense"]]);
        let problems = Spec::parse(&spec.to_string()).unwrap_err();
        let path = place.join(".");
        let here: Vec<&str> = problems.0.iter().filter(|p| p.path == path).map(|p| p.message.as_str()).collect();
        let said = if path.ends_with("subnets") || path.ends_with("security_groups") {
            problems.0.iter().any(|p| p.path == format!("{path}[0]"))
        } else {
            here.len() == 1 && here[0].contains("must be")
        };
        assert!(said, "{path}: {problems}");
    }
}

/// Each word that the schema lists is one that the types know.
#[test]
fn every_word_of_the_schema_is_accepted() {
    let schema = json_schema();
    let mut all = Vec::new();
    fields(&schema, &[], &mut all);
    let mut words = 0;
    for place in all {
        let definition = find(&schema, &place);
        for word in definition["anyOf"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|form| form["enum"].as_array().into_iter().flatten())
        {
            let mut spec = complete();
            *at(&mut spec, &place) = word.clone();
            let problems = Spec::parse(&spec.to_string()).err().map(|problems| problems.0).unwrap_or_default();
            let path = place.join(".");
            assert!(!problems.iter().any(|p| p.path == path), "{path} takes {word}: {problems:?}");
            words += 1;
        }
    }
    assert!(words > 20, "the walk over the schema finds the words: {words}");
}

fn find<'a>(schema: &'a Value, place: &[String]) -> &'a Value {
    let Some((name, rest)) = place.split_first() else { return schema };
    let forms: Vec<&Value> = std::iter::once(schema).chain(schema["anyOf"].as_array().into_iter().flatten()).collect();
    let inner = forms.iter().find_map(|form| {
        form["properties"].get(name).or_else(|| form.get("additionalProperties").filter(|inner| inner.is_object()))
    });
    find(inner.unwrap_or_else(|| panic!("{name} is not in the schema")), rest)
}

/// The defaults that the schema and the page tell are the defaults.
#[test]
fn every_default_written_out_changes_nothing() {
    let schema = json_schema();
    let mut all = Vec::new();
    fields(&schema, &[], &mut all);
    let smallest = json!({"v": 1, "volumes": {"data": {"size": 20, "mount": "/data"}}, "dns": {"zone": "Z1", "slot": "n{slot}.x"},
        "snapshots": {"every": "6h", "keep": {"last": 1}}});
    let expected = Spec::parse(&smallest.to_string()).unwrap().spec;
    let mut written_out = smallest;
    let mut defaults = 0;
    // Where a volume's snapshots are the group's, which is the default, there is no object with fields of its own.
    let own = ["volumes", "data", "snapshots"].map(str::to_owned);
    for place in all.into_iter().filter(|place| place.len() <= own.len() || !place.starts_with(&own)) {
        if let Some(default) = find(&schema, &place).get("default").filter(|_| !place.ends_with(&["last".to_owned()])) {
            *at(&mut written_out, &place) = default.clone();
            defaults += 1;
        }
    }
    assert!(defaults > 15, "the walk over the schema finds the defaults: {defaults}");
    assert_eq!(Spec::parse(&written_out.to_string()).unwrap().spec, expected);
}
