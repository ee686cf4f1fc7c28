//! The reader of specs at its edges: the last value that is taken and the first that is not, one message for one fault.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod bounds;
mod faults;
mod steps;
#[path = "../town/mod.rs"]
mod town;
mod written;

use serde_json::{Value, json};
use stateful_asg_core::spec::{Parsed, Spec};

fn read(spec: &Value) -> Parsed {
    Spec::parse(&spec.to_string()).unwrap_or_else(|problems| panic!("{problems}\n{spec}"))
}

/// The problems of a spec, one a line.
fn problems(spec: &Value) -> String {
    Spec::parse(&spec.to_string()).expect_err("there is something wrong").to_string()
}

/// A spec of one volume with these fields.
fn volume(fields: Value) -> Value {
    let mut volume = json!({"size": 1, "mount": "/d"});
    for (name, value) in fields.as_object().into_iter().flatten() {
        volume[name] = value.clone();
    }
    json!({"v": 1, "volumes": {"data": volume}})
}

/// A spec of interfaces with these fields beside the kind.
fn address(fields: Value) -> Value {
    let mut spec = json!({"v": 1, "volumes": {"data": {"size": 1, "mount": "/d"}}, "address": {}});
    for (name, value) in fields.as_object().into_iter().flatten() {
        spec["address"][name] = value.clone();
    }
    spec
}
