//! IAM: what a role may do, and what a call asks for.
//!
//! Documented (IAM User Guide, *Policy evaluation logic*,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>): a call is denied unless a
//! statement allows it, and denied whatever allows it if a statement denies it. A call that touches several resources is
//! checked on each of them.
//!
//! Only the policies of roles are played: no boundaries, no policies of resources or organisations.

mod condition;
mod ledger;
mod statement;

pub use condition::{BadOperator, Condition};
pub use ledger::{Denial, Ledger, Right};
pub use statement::{Effect, Statement};

use std::collections::BTreeMap;

/// What is checked once: an action on a resource, and what is known of the request and the resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Such as `ec2:AttachVolume`.
    pub action: String,
    /// The resource's ARN, or `*` where AWS knows no resource for the action.
    pub resource: String,
    /// The condition keys that the request has, in lower case: AWS reads their names in any case.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition.html>
    pub keys: Keys,
}

/// Condition keys and their values.
pub type Keys = BTreeMap<String, Vec<String>>;

impl Check {
    /// A check without condition keys.
    #[must_use]
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self { action: action.into(), resource: resource.into(), keys: Keys::new() }
    }

    /// With this condition key; a key without values is absent.
    #[must_use]
    pub fn with<T: Into<String>>(mut self, key: &str, values: impl IntoIterator<Item = T>) -> Self {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        if !values.is_empty() {
            self.keys.insert(key.to_ascii_lowercase(), values);
        }
        self
    }

    /// With all of these as `PREFIX/NAME`.
    #[must_use]
    pub fn with_tags(self, prefix: &str, tags: &BTreeMap<String, String>) -> Self {
        tags.iter().fold(self, |check, (name, value)| check.with(&format!("{prefix}/{name}"), [value]))
    }
}

/// Whether the text fits a pattern in which `*` stands for any text and `?` for any character.
pub(crate) fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for wanted in pattern {
        if wanted == '*' {
            (1..=text.len()).for_each(|end| fits[end] |= fits[end - 1]);
        } else {
            for end in (1..=text.len()).rev() {
                fits[end] = fits[end - 1] && (wanted == '?' || wanted == text[end - 1]);
            }
            fits[0] = false;
        }
    }
    fits[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text) in
            [("*", ""), ("a*", "a"), ("a*c", "abbc"), ("a?c", "abc"), ("*:volume/*", "arn:x:volume/vol-1")]
        {
            assert!(like(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a*c", "ab"), ("a?c", "ac"), ("", "x"), ("A", "a"), ("a*b*c", "acb")] {
            assert!(!like(pattern, text), "{pattern} {text}");
        }
    }
}
