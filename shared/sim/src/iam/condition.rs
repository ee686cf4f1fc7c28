//! Conditions of statements.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;

use super::{Keys, like};

/// All conditions of a statement: each must hold.
///
/// Documented: IAM User Guide, *Condition operators*
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>) and *Set
/// operators* (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "BTreeMap<String, BTreeMap<String, Vec<String>>>")]
pub struct Condition(Vec<Test>);

/// An operator that is not played here, or none that IAM has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a condition operator that the simulated IAM knows")]
pub struct BadOperator(String);

/// One operator on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Test {
    operator: Operator,
    key: String,
    wanted: Vec<String>,
}

/// An operator as written: `ForAllValues:StringLikeIfExists`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Operator {
    set: Set,
    comparison: Comparison,
    /// A key that is absent lets the condition hold.
    if_exists: bool,
}

/// How the values of the request count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    /// The key has one value.
    Single,
    /// Each value must fit; none at all is fine.
    All,
    /// At least one value must fit.
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    NumericLessThanEquals,
    Bool,
    /// `"true"`: the key must be absent; `"false"`: it must be there.
    Null,
}

impl Condition {
    /// Whether all of it holds for a request with these keys.
    #[must_use]
    pub fn holds(&self, keys: &Keys) -> bool {
        self.0.iter().all(|test| test.holds(keys))
    }
}

impl Test {
    fn holds(&self, keys: &Keys) -> bool {
        let given = keys.get(&self.key);
        let Operator { set, comparison, if_exists } = self.operator;
        if comparison == Comparison::Null {
            return self.wanted.iter().any(|wanted| (wanted == "true") == given.is_none());
        }
        let Some(given) = given else { return if_exists || set == Set::All };
        let fits = |value: &String| self.wanted.iter().any(|wanted| comparison.fits(wanted, value));
        match set {
            Set::Single => given.len() == 1 && given.iter().all(fits),
            Set::All => given.iter().all(fits),
            Set::Any => given.iter().any(fits),
        }
    }
}

impl Comparison {
    fn fits(self, wanted: &str, given: &str) -> bool {
        match self {
            Self::StringEquals => wanted == given,
            Self::StringEqualsIgnoreCase | Self::Bool => wanted.eq_ignore_ascii_case(given),
            Self::StringLike => like(wanted, given),
            Self::NumericLessThanEquals => {
                given.parse::<f64>().ok().zip(wanted.parse::<f64>().ok()).is_some_and(|(given, wanted)| given <= wanted)
            }
            Self::Null => false,
        }
    }
}

impl FromStr for Operator {
    type Err = BadOperator;
    fn from_str(written: &str) -> Result<Self, BadOperator> {
        let (set, rest) = match written.split_once(':') {
            Some(("ForAllValues", rest)) => (Set::All, rest),
            Some(("ForAnyValue", rest)) => (Set::Any, rest),
            Some(_) => return Err(BadOperator(written.to_owned())),
            None => (Set::Single, written),
        };
        let (name, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |name| (name, true));
        let comparison = match name {
            "StringEquals" => Comparison::StringEquals,
            "StringEqualsIgnoreCase" => Comparison::StringEqualsIgnoreCase,
            "StringLike" => Comparison::StringLike,
            "NumericLessThanEquals" => Comparison::NumericLessThanEquals,
            "Bool" => Comparison::Bool,
            "Null" if set == Set::Single && !if_exists => Comparison::Null,
            _ => return Err(BadOperator(written.to_owned())),
        };
        Ok(Self { set, comparison, if_exists })
    }
}

impl TryFrom<BTreeMap<String, BTreeMap<String, Vec<String>>>> for Condition {
    type Error = BadOperator;
    fn try_from(written: BTreeMap<String, BTreeMap<String, Vec<String>>>) -> Result<Self, BadOperator> {
        let mut tests = Vec::new();
        for (name, keys) in written {
            let operator: Operator = name.parse()?;
            let test = |(key, wanted): (String, Vec<String>)| Test { operator, key: key.to_ascii_lowercase(), wanted };
            tests.extend(keys.into_iter().map(test));
        }
        Ok(Self(tests))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn holds(condition: Value, keys: &[(&str, &[&str])]) -> bool {
        let condition: Condition = serde_json::from_value(condition).unwrap();
        let keys = keys
            .iter()
            .map(|(key, values)| ((*key).to_owned(), values.iter().map(|value| (*value).to_owned()).collect()));
        condition.holds(&keys.collect())
    }

    #[test]
    fn a_key_must_be_there_and_fit_one_of_the_values() {
        let equals = json!({"StringEquals": {"aws:ResourceTag/A": ["x", "y"]}});
        assert!(holds(equals.clone(), &[("aws:resourcetag/a", &["y"])]));
        assert!(!holds(equals.clone(), &[("aws:resourcetag/a", &["Y"])]));
        assert!(!holds(equals, &[]));
        assert!(holds(json!({"StringEqualsIgnoreCase": {"k": ["Ab"]}}), &[("k", &["aB"])]));
        let two = json!({"StringEquals": {"a": ["x"]}, "StringLike": {"b": ["y*"]}});
        assert!(holds(two.clone(), &[("a", &["x"]), ("b", &["yes"])]));
        assert!(!holds(two, &[("a", &["x"]), ("b", &["no"])]), "all of them must hold");
    }

    #[test]
    fn numbers_are_compared_as_numbers() {
        let most = json!({"NumericLessThanEquals": {"k": ["100"]}});
        assert!(holds(most.clone(), &[("k", &["20"])]) && holds(most.clone(), &[("k", &["100"])]));
        assert!(!holds(most.clone(), &[("k", &["101"])]) && !holds(most.clone(), &[("k", &["many"])]));
        assert!(!holds(most, &[]));
    }

    #[test]
    fn sets_differ_where_nothing_is_given() {
        let all = json!({"ForAllValues:StringLike": {"k": ["a*"]}});
        let any = json!({"ForAnyValue:StringLike": {"k": ["a*"]}});
        assert!(holds(all.clone(), &[]) && !holds(any.clone(), &[]));
        assert!(holds(all.clone(), &[("k", &["a1", "a2"])]) && holds(any.clone(), &[("k", &["b", "a2"])]));
        assert!(!holds(all, &[("k", &["a1", "b"])]) && !holds(any, &[("k", &["b"])]));
    }

    #[test]
    fn absence_is_asked_for_or_let_pass() {
        assert!(holds(json!({"Null": {"k": ["true"]}}), &[]) && !holds(json!({"Null": {"k": ["false"]}}), &[]));
        assert!(holds(json!({"Null": {"k": ["false"]}}), &[("k", &["x"])]));
        let exists = json!({"StringEqualsIfExists": {"k": ["a"]}});
        assert!(holds(exists.clone(), &[]) && holds(exists.clone(), &[("k", &["a"])]));
        assert!(!holds(exists, &[("k", &["b"])]));
    }

    #[test]
    fn what_is_not_played_is_refused_when_it_is_read() {
        for operator in ["StringNotLike", "ForSomeValues:StringLike", "NullIfExists", "ForAnyValue:Null"] {
            let read: Result<Condition, _> = serde_json::from_value(json!({operator: {"k": ["a"]}}));
            assert!(read.is_err(), "{operator}");
        }
    }
}
