//! From AWS's words to the core's types.

use std::str::FromStr;

use aws_sdk_ec2::primitives::DateTime;
use jiff::Timestamp;
use stateful_asg_core::ids::BadName;
use stateful_asg_core::observed::FailureKind;
use stateful_asg_runtime::ports::CallError;

/// Something in an answer that this version cannot read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it has no {0}")]
    Missing(&'static str),
    #[error("its {field} is `{value}`, which this version does not know; update stateful-asg")]
    Novel { field: &'static str, value: String },
    #[error("its {field}: {source}")]
    Name { field: &'static str, source: BadName },
}

impl Unreadable {
    pub(crate) fn novel(field: &'static str, value: impl Into<String>) -> Self {
        Self::Novel { field, value: value.into() }
    }

    /// The error of a call whose answer must not be cut short. `Unknown`: nothing is concluded from it.
    pub(crate) fn in_answer(self, operation: &'static str, object: Option<&str>) -> CallError {
        let object = object.unwrap_or("an object without an ID");
        CallError {
            operation,
            kind: FailureKind::Unknown,
            code: String::new(),
            message: format!("the answer about {object} cannot be read: {self}"),
        }
    }
}

/// A name that must be there.
pub(crate) fn required<T: FromStr<Err = BadName>>(field: &'static str, text: Option<&str>) -> Result<T, Unreadable> {
    optional(field, text)?.ok_or(Unreadable::Missing(field))
}

/// A name that may be absent; AWS writes some absent ones as the empty text.
pub(crate) fn optional<T: FromStr<Err = BadName>>(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, Unreadable> {
    text.filter(|text| !text.is_empty())
        .map(|text| text.parse().map_err(|source| Unreadable::Name { field, source }))
        .transpose()
}

/// An address, a number or the like that may be absent.
pub(crate) fn value<T: FromStr>(field: &'static str, text: Option<&str>) -> Result<Option<T>, Unreadable> {
    text.filter(|text| !text.is_empty())
        .map(|text| text.parse().map_err(|_| Unreadable::novel(field, text)))
        .transpose()
}

/// A moment. One outside the years that we can name counts as not given.
pub(crate) fn time(moment: Option<&DateTime>) -> Option<Timestamp> {
    let moment = moment?;
    Timestamp::new(moment.secs(), i32::try_from(moment.subsec_nanos()).ok()?).ok()
}

/// A count as AWS's models spell it. What is too large is left to AWS to refuse.
pub(crate) fn int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// A count that AWS spells with a sign.
pub(crate) fn count(field: &'static str, number: Option<i32>) -> Result<u32, Unreadable> {
    count_if_told(field, number)?.ok_or(Unreadable::Missing(field))
}

/// A count that may be absent.
pub(crate) fn count_if_told(field: &'static str, number: Option<i32>) -> Result<Option<u32>, Unreadable> {
    number.map(|number| u32::try_from(number).map_err(|_| Unreadable::novel(field, number.to_string()))).transpose()
}

#[cfg(test)]
mod tests {
    use stateful_asg_core::ids::VolumeId;

    use super::*;

    #[test]
    fn absent_empty_and_odd_names_are_told_apart() {
        assert_eq!(optional::<VolumeId>("volume ID", None), Ok(None));
        assert_eq!(optional::<VolumeId>("volume ID", Some("")), Ok(None));
        assert_eq!(required::<VolumeId>("volume ID", None), Err(Unreadable::Missing("volume ID")));
        let odd = required::<VolumeId>("volume ID", Some("VOL/1")).unwrap_err();
        assert!(odd.to_string().contains("VOL/1"), "{odd}");
    }

    #[test]
    fn moments_keep_their_fraction() {
        let moment = DateTime::from_secs_and_nanos(1_700_000_000, 250_000_000);
        assert_eq!(time(Some(&moment)).unwrap().as_millisecond(), 1_700_000_000_250);
        assert_eq!(time(Some(&DateTime::from_secs(i64::MAX))), None);
    }
}
