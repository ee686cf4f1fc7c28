//! What `infra/template.yaml` deploys, as far as it is played here: the functions, their events and their rights.
//!
//! `stack.json` is written from the template by `tests/infra/stack.py`, and a test holds it to that. So the rules and the
//! rights in every simulation on the wire are the template's own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::iam::{Ledger, Statement};

const STACK: &str = include_str!("stack.json");

/// What only a deployed stack knows, by the name that stands in the template for it.
#[derive(Debug, Clone, Default)]
pub struct Facts(BTreeMap<&'static str, String>);

/// The deployed stack.
#[derive(Debug, Clone, Deserialize)]
pub struct Stack {
    /// The functions, by name, which is also their handler.
    pub functions: BTreeMap<String, Deployed>,
    /// What each function's role may do, by the role's name.
    pub roles: BTreeMap<String, Vec<Statement>>,
}

/// A function.
#[derive(Debug, Clone, Deserialize)]
pub struct Deployed {
    /// The name of its role.
    pub role: String,
    /// The longest that an invocation may take, in seconds.
    pub timeout: i64,
    /// Its memory, in MiB.
    pub memory: u32,
    /// How often a failed event is tried again.
    pub retries: usize,
    /// The patterns of the events that it gets, by the rule's name.
    pub rules: BTreeMap<String, Value>,
    /// When else it runs, by the rule's name.
    pub schedules: BTreeMap<String, String>,
}

impl Facts {
    /// The facts of a deployment.
    #[must_use]
    pub fn of(deployment: &str) -> Self {
        Self::default().with("Deployment", deployment)
    }

    /// As it is, and this one too.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(name, value.into());
        self
    }

    fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value))
    }

    fn fill_all(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(&text)),
            Value::Array(list) => Value::Array(list.into_iter().map(|item| self.fill_all(item)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.into_iter().map(|(name, item)| (name, self.fill_all(item))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }
}

impl Stack {
    /// The stack with these facts. What is not among them stays a name.
    ///
    /// # Panics
    /// Never: the file is held to its form by tests.
    #[must_use]
    pub fn with(facts: &Facts) -> Self {
        let stack: Value = serde_json::from_str(STACK).expect("stack.json is JSON");
        serde_json::from_value(facts.fill_all(stack)).expect("stack.json has the form of a stack")
    }
}

impl Stack {
    /// Takes a statement out of every role, named as `POLICY/STATEMENT`; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let count = |roles: &BTreeMap<String, Vec<Statement>>| roles.values().map(Vec::len).sum::<usize>();
        let before = count(&self.roles);
        let named = |statement: &Statement| format!("{}/{}", statement.policy, statement.sid) == name;
        self.roles.values_mut().for_each(|statements| statements.retain(|statement| !named(statement)));
        count(&self.roles) < before
    }

    /// What each function may do: what its role may.
    #[must_use]
    pub fn rights(&self) -> Ledger {
        let of_role = |role: &String| self.roles.get(role).cloned().unwrap_or_default();
        Ledger::of(self.functions.iter().map(|(name, function)| (name.clone(), of_role(&function.role))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_stand_where_the_template_names_them() {
        let stack = Stack::with(&Facts::of("prod"));
        let names: Vec<&str> = stack.functions.keys().map(String::as_str).collect();
        assert_eq!(names, ["instance", "lifecycle", "snapshot", "sweep"]);
        let settle = &stack.functions["lifecycle"].rules["Settle"];
        assert_eq!(settle["detail"]["deployment"], serde_json::json!(["prod"]));
        assert!(stack.functions.values().all(|function| stack.roles.contains_key(&function.role)));
    }
}
