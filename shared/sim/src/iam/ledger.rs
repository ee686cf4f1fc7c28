//! The policies of callers, and a record of what they were good for.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Effect, Statement};

/// What callers may do, and what of it was used.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    statements: BTreeMap<String, Vec<Statement>>,
    used: BTreeSet<Right>,
    needed: BTreeSet<Right>,
    denied: Vec<Denial>,
}

/// One right: what one statement gives to one caller for one action on one kind of resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// The caller: a function's name.
    pub caller: String,
    /// The policy.
    pub policy: String,
    /// The statement.
    pub sid: String,
    /// The action, as the statement writes it.
    pub action: String,
    /// The resource, likewise.
    pub resource: String,
}

/// A call that was denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// The caller: a function's name.
    pub caller: String,
    /// What was asked.
    pub check: Check,
}

impl Ledger {
    /// These callers may do what their statements say; all others may do everything.
    #[must_use]
    pub fn of(statements: BTreeMap<String, Vec<Statement>>) -> Self {
        Self { statements, ..Self::default() }
    }

    /// Whether the caller is held to statements.
    #[must_use]
    pub fn binds(&self, caller: &str) -> bool {
        self.statements.contains_key(caller)
    }

    /// Whether the caller may do all of this; what was asked is remembered.
    ///
    /// # Errors
    /// The first check that is denied.
    pub fn decide(&mut self, caller: &str, checks: &[Check]) -> Result<(), Denial> {
        let Some(statements) = self.statements.get(caller) else { return Ok(()) };
        for check in checks {
            let matching = |effect| {
                let of_effect = statements.iter().filter(move |statement| statement.effect == effect);
                of_effect.filter_map(|statement| Some((statement, statement.matches(check)?)))
            };
            let allowing: Vec<_> = matching(Effect::Allow).map(|found| right(caller, found)).collect();
            if matching(Effect::Deny).next().is_some() || allowing.is_empty() {
                let denial = Denial { caller: caller.to_owned(), check: check.clone() };
                self.denied.push(denial.clone());
                return Err(denial);
            }
            if let [only] = allowing.as_slice() {
                self.needed.insert(only.clone());
            }
            self.used.extend(allowing);
        }
        Ok(())
    }

    /// Every right that statements give.
    #[must_use]
    pub fn granted(&self) -> BTreeSet<Right> {
        let of_statement = |caller: &str, statement: &Statement| {
            let pairs =
                statement.actions.iter().flat_map(|action| statement.resources.iter().map(move |to| (action, to)));
            pairs.map(|(action, to)| right(caller, (statement, (action, to)))).collect::<Vec<_>>()
        };
        let of_caller = |(caller, statements): (&String, &Vec<Statement>)| {
            statements.iter().flat_map(|statement| of_statement(caller, statement)).collect::<Vec<_>>()
        };
        self.statements.iter().flat_map(of_caller).collect()
    }

    /// The rights that allowed something.
    #[must_use]
    pub fn used(&self) -> &BTreeSet<Right> {
        &self.used
    }

    /// The rights that allowed something which no other right would have allowed.
    #[must_use]
    pub fn needed(&self) -> &BTreeSet<Right> {
        &self.needed
    }

    /// What was denied, oldest first.
    #[must_use]
    pub fn denied(&self) -> &[Denial] {
        &self.denied
    }
}

fn right(caller: &str, (statement, (action, resource)): (&Statement, (&str, &str))) -> Right {
    Right {
        caller: caller.to_owned(),
        policy: statement.policy.clone(),
        sid: statement.sid.clone(),
        action: action.to_owned(),
        resource: resource.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn statement(sid: &str, effect: &str, actions: Value, resources: Value) -> Statement {
        serde_json::from_value(
            json!({"policy": "p", "Sid": sid, "Effect": effect, "Action": actions, "Resource": resources}),
        )
        .unwrap()
    }

    fn ledger() -> Ledger {
        Ledger::of(BTreeMap::from([(
            "sweep".to_owned(),
            vec![
                statement("read", "Allow", json!(["a:Get", "a:List"]), json!(["x", "y"])),
                statement("all-of-x", "Allow", json!(["a:*"]), json!(["x"])),
                statement("never", "Deny", json!(["a:Drop"]), json!(["*"])),
            ],
        )]))
    }

    #[test]
    fn what_no_statement_allows_and_what_one_denies_is_denied() {
        let mut ledger = ledger();
        assert_eq!(ledger.decide("sweep", &[Check::new("a:Get", "x"), Check::new("a:Get", "y")]), Ok(()));
        for refused in [Check::new("a:Get", "z"), Check::new("a:Put", "y"), Check::new("a:Drop", "x")] {
            let denial = ledger.decide("sweep", &[Check::new("a:Get", "x"), refused.clone()]).unwrap_err();
            assert_eq!(denial, Denial { caller: "sweep".to_owned(), check: refused });
        }
        assert_eq!(ledger.denied().len(), 3);
        assert_eq!(ledger.decide("a person", &[Check::new("a:Drop", "x")]), Ok(()), "who has no policies is free");
    }

    #[test]
    fn rights_are_used_and_needed_apart() {
        let mut ledger = ledger();
        ledger.decide("sweep", &[Check::new("a:Get", "x"), Check::new("a:List", "y")]).unwrap();
        let names = |rights: &BTreeSet<Right>| {
            rights.iter().map(|right| format!("{} {} {}", right.sid, right.action, right.resource)).collect::<Vec<_>>()
        };
        assert_eq!(names(ledger.used()), ["all-of-x a:* x", "read a:Get x", "read a:List y"]);
        assert_eq!(names(ledger.needed()), ["read a:List y"]);
        assert_eq!(ledger.granted().len(), 6);
    }
}
