//! The contract of `tests/contract`, on the ports: as the simulated AWS plays them, and as the SDK does over the wire.
//!
//! The same cases run through boto3 in `tests/wire`, there against other targets too.

mod answers;
mod calls;
mod given;
mod page;

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use stateful_asg_runtime::ports::{CallError, Cloud};
use stateful_asg_sim::model::{Aws, GuestMode, Settings, Span};
use stateful_asg_sim::typed::{Faults, Region};

use crate::seam::{lead_to, ports};

/// How long anything may take, in simulated seconds.
const PATIENCE: u64 = 3600;
const RIGHT: &str = "as AWS";

/// All cases, in the order of their files.
pub(crate) fn cases() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("contract");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| -> Vec<Value> {
        serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
    };
    files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "json")).flat_map(read).collect()
}

/// One case in a world of its own.
struct Bench {
    region: Rc<Region>,
    names: BTreeMap<String, String>,
}

impl Bench {
    fn new(region: &Rc<Region>) -> Self {
        Self { region: Rc::clone(region), names: BTreeMap::from([("run".to_owned(), "run".to_owned())]) }
    }

    async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        self.region.catch_up();
    }

    /// The value with the case's names in it replaced by what they stand for.
    fn told(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let told = fields.iter().map(|(key, inner)| (self.text(key), self.told(inner)));
                Value::Object(told.collect())
            }
            Value::Array(items) => items.iter().map(|inner| self.told(inner)).collect(),
            Value::String(text) => Value::String(self.text(text)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn text(&self, text: &str) -> String {
        if let Some(known) = text.strip_prefix('$').and_then(|name| self.names.get(name)) {
            return known.clone();
        }
        self.names.iter().fold(text.to_owned(), |text, (name, known)| text.replace(&format!("${{{name}}}"), known))
    }

    /// `as AWS`, or the first step that was not and what it did.
    async fn outcome(&mut self, ports: &impl Cloud, case: &Value) -> String {
        self.make(&case["given"]).await;
        for (number, step) in case["steps"].as_array().unwrap().iter().enumerate() {
            if let Err(wrong) = self.step(ports, step).await {
                return format!("step {}: {wrong}", number + 1);
            }
        }
        RIGHT.to_owned()
    }

    async fn step(&mut self, ports: &impl Cloud, step: &Value) -> Result<(), String> {
        self.pass(step["after"].as_u64().unwrap_or_default()).await;
        if step["call"] == "fill" {
            self.fill(&self.told(&step["with"]["InstanceId"])).await;
            return Ok(());
        }
        let operation = step["call"].as_str().unwrap();
        let (arguments, until) = (self.told(&step["with"]), step.get("until").map(|until| self.told(until)));
        let mut left = PATIENCE;
        let answer = loop {
            let answer = judged(step, calls::call(ports, operation, &arguments).await)?;
            if until.as_ref().is_none_or(|wanted| answers::fits(wanted, &answer)) {
                break answer;
            }
            left = left.checked_sub(1).ok_or("never came")?;
            self.pass(1).await;
        };
        if let Some(wanted) = step.get("expect").map(|wanted| self.told(wanted)).filter(|w| !answers::fits(w, &answer))
        {
            return Err(format!("answered {answer}, wanted {wanted}"));
        }
        for (name, path) in step.get("save").and_then(Value::as_object).into_iter().flatten() {
            let pointer = format!("/{}", path.as_str().unwrap().replace('.', "/"));
            let saved =
                answer.pointer(&pointer).and_then(Value::as_str).ok_or_else(|| format!("no {path}: {answer}"))?;
            self.names.insert(name.clone(), saved.to_owned());
        }
        Ok(())
    }
}

/// The answer, where it is of the kind that the step wants: an answer, or this refusal with this meaning.
fn judged(step: &Value, answer: Result<Value, CallError>) -> Result<Value, String> {
    let done = step["ports"] == "done";
    match (step.get("error").filter(|_| !done), answer) {
        (None, Ok(answer)) => Ok(answer),
        (None, Err(error)) => Err(format!("refused: {error}")),
        (Some(_), Ok(_)) => Err("answered".to_owned()),
        (Some(code), Err(error)) => {
            let meant = step.get("means").is_none_or(|means| *means == format!("{:?}", error.kind));
            if *code == error.code && meant { Ok(Value::Null) } else { Err(format!("refused otherwise: {error}")) }
        }
    }
}

/// Carries out a case in a new world, on this face.
fn carry_out(case: &Value, face: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let guest = GuestMode::Reports { delay: Span::secs(1, 20) };
        let region = Region::new(Aws::new(Settings { guest, ..Settings::default() }), Faults::none(1));
        let mut bench = Bench::new(&region);
        if face == "typed" {
            return bench.outcome(&region.actor("contract").instant(), case).await;
        }
        lead_to(&region);
        bench.outcome(&ports(), case).await
    })
}

fn all_cases_on(face: &str) {
    let on_this_face = |case: &&Value| {
        case.get("faces").and_then(Value::as_array).is_none_or(|faces| faces.iter().any(|known| known == face))
    };
    let all = cases();
    let wrong: Vec<String> = all
        .iter()
        .filter(on_this_face)
        .map(|case| (case, carry_out(case, face)))
        .filter(|(_, outcome)| outcome != RIGHT)
        .map(|(case, outcome)| format!("{}: {outcome} ({})", case["name"], case["source"]))
        .collect();
    let count = all.iter().filter(on_this_face).count();
    assert!(count >= 50, "only {count} cases");
    assert!(wrong.is_empty(), "{} of {count} cases are not as AWS:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn the_typed_face_keeps_the_contract() {
    all_cases_on("typed");
}

#[test]
fn the_wire_face_keeps_the_contract_with_the_sdk() {
    all_cases_on("sdk");
}
