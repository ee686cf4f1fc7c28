//! Reading the AWS query protocols: a form whose dotted keys spell lists and structures.
//!
//! EC2 flattens its lists (`Filter.1.Value.2`); Auto Scaling puts `member` before the number
//! (`Tags.member.1.Key`). Both become one tree, [`Query`].

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;

/// The deepest key that a request may hold; AWS's own deepest has nine parts.
const DEEPEST: usize = 16;

/// A request's parameters, nested as their dotted keys say.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Query {
    value: Option<String>,
    fields: BTreeMap<String, Query>,
}

/// Why a parameter could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The parameter is needed and is not there.
    #[error("The request must contain the parameter {0}")]
    Missing(String),
    /// The parameter does not have the form that it needs.
    #[error("Value ({value}) for parameter {name} is invalid: expected {expected}")]
    Invalid {
        /// The parameter's name within its structure.
        name: String,
        /// What the request holds.
        value: String,
        /// The form that would be accepted.
        expected: &'static str,
    },
    /// The body is no form.
    #[error("The request body is not a form (application/x-www-form-urlencoded): {0}")]
    NoForm(String),
}

impl Query {
    /// Reads a form-encoded body (or URL query).
    pub fn parse(form: &str) -> Result<Self, QueryError> {
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(form).map_err(|error| QueryError::NoForm(error.to_string()))?;
        let mut root = Self::default();
        for (key, value) in pairs {
            if key.split('.').count() > DEEPEST {
                return Err(QueryError::NoForm(format!("the key {key} is nested deeper than {DEEPEST}")));
            }
            let leaf = key.split('.').fold(&mut root, |node, part| node.fields.entry(part.to_owned()).or_default());
            leaf.value = Some(value);
        }
        Ok(root)
    }

    /// The structure under `name`; an empty one where the request has none.
    #[must_use]
    pub fn structure(&self, name: &str) -> &Query {
        static EMPTY: Query = Query { value: None, fields: BTreeMap::new() };
        self.fields.get(name).unwrap_or(&EMPTY)
    }

    /// Whether the request says anything under `name`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The text under `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.value.as_deref()
    }

    /// The text under `name`, owned.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// The text under `name`, which must be there and not be empty.
    pub fn required(&self, name: &str) -> Result<String, QueryError> {
        self.text(name)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
            .ok_or_else(|| QueryError::Missing(name.to_owned()))
    }

    /// The number (or other parsed value) under `name`.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, QueryError> {
        self.text(name).map(|text| text.parse().map_err(|_| invalid(name, text, "a whole number in range"))).transpose()
    }

    /// The number under `name`, which must be there.
    pub fn required_number<T: FromStr>(&self, name: &str) -> Result<T, QueryError> {
        self.number(name)?.ok_or_else(|| QueryError::Missing(name.to_owned()))
    }

    /// The `true` or `false` under `name`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, QueryError> {
        match self.text(name) {
            None => Ok(None),
            Some("true" | "True" | "1") => Ok(Some(true)),
            Some("false" | "False" | "0") => Ok(Some(false)),
            Some(other) => Err(invalid(name, other, "true or false")),
        }
    }

    /// The ISO 8601 time under `name`.
    pub fn time(&self, name: &str) -> Result<Option<Timestamp>, QueryError> {
        self.text(name).map(|text| text.parse().map_err(|_| invalid(name, text, "an ISO 8601 time"))).transpose()
    }

    /// The entries of EC2's flattened list `name.1`, `name.2`, …, in the order of their numbers.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&Query> {
        let mut entries: Vec<(u32, &Query)> =
            self.structure(name).fields.iter().filter_map(|(key, entry)| Some((key.parse().ok()?, entry))).collect();
        entries.sort_by_key(|(number, _)| *number);
        entries.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The texts of EC2's flattened list `name.1`, `name.2`, ….
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).into_iter().filter_map(|entry| entry.value.clone()).collect()
    }

    /// The entries of the list `name.member.1`, `name.member.2`, ….
    #[must_use]
    pub fn members(&self, name: &str) -> Vec<&Query> {
        self.structure(name).list("member")
    }

    /// The texts of the list `name.member.1`, `name.member.2`, ….
    #[must_use]
    pub fn member_texts(&self, name: &str) -> Vec<String> {
        self.structure(name).texts("member")
    }
}

fn invalid(name: &str, value: &str, expected: &'static str) -> QueryError {
    QueryError::Invalid { name: name.to_owned(), value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_keys_become_lists_in_the_order_of_their_numbers() {
        let query = Query::parse(
            "Action=DescribeVolumes&Filter.1.Name=tag%3Aa+b&Filter.1.Value.10=j&Filter.1.Value.2=b&Filter.1.Value.1=a&Filter.2.Name=size",
        )
        .unwrap();
        assert_eq!(query.text("Action"), Some("DescribeVolumes"));
        let filters = query.list("Filter");
        assert_eq!(filters.len(), 2);
        assert_eq!(filters[0].text("Name"), Some("tag:a b"));
        assert_eq!(filters[0].texts("Value"), ["a", "b", "j"]);
        assert_eq!(filters[1].texts("Value"), Vec::<String>::new());
    }

    #[test]
    fn members_are_the_auto_scaling_form() {
        let query =
            Query::parse("Tags.member.1.Key=k&Tags.member.1.PropagateAtLaunch=true&Names.member.1=a&Names.member.2=b")
                .unwrap();
        assert_eq!(query.member_texts("Names"), ["a", "b"]);
        assert_eq!(query.members("Tags")[0].flag("PropagateAtLaunch"), Ok(Some(true)));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let query = Query::parse("Size=many&On=perhaps&Empty=").unwrap();
        let size = query.number::<u32>("Size").unwrap_err();
        assert_eq!(size.to_string(), "Value (many) for parameter Size is invalid: expected a whole number in range");
        assert!(query.flag("On").is_err());
        assert_eq!(query.required("Empty"), Err(QueryError::Missing("Empty".into())));
        assert_eq!(query.required_number::<u32>("None"), Err(QueryError::Missing("None".into())));
    }

    #[test]
    fn a_key_nested_without_end_is_refused() {
        assert!(matches!(Query::parse(&format!("{}=1", "a.".repeat(5000))), Err(QueryError::NoForm(_))));
    }
}
