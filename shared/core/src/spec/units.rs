//! Numbers, sizes, durations and truth values, as JSON and as the text that CloudFormation makes of them.

use std::time::Duration;

use serde_json::Value;

use super::path::shown;

/// The units of time that a spec may use, in seconds, largest first.
const TIMES: [(&str, u64); 5] = [("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// A value as a message names it.
pub(super) fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(given) => given.to_string(),
        Value::Number(given) => given.to_string(),
        Value::String(given) => format!("\"{}\"", shown(given)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// A whole number of at least 0, given as a JSON number (3000, 3e3) or as up to ten digits.
fn whole(value: &Value) -> Option<u64> {
    match value {
        Value::Number(given) => given.as_u64().or_else(|| given.as_f64().and_then(integral)),
        Value::String(given) => digits(given),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn integral(given: f64) -> Option<u64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (given.fract() == 0.0 && (0.0..EXACT).contains(&given)).then_some(given as u64)
}

fn digits(given: &str) -> Option<u64> {
    ((1..=10).contains(&given.len()) && given.bytes().all(|b| b.is_ascii_digit())).then(|| given.parse().ok()).flatten()
}

/// A whole number within bounds, both allowed.
pub(super) fn count(value: &Value, min: u32, max: u32) -> Result<u32, String> {
    let given =
        whole(value).ok_or_else(|| format!("must be a whole number from {min} to {max}, not {}", described(value)))?;
    u32::try_from(given)
        .ok()
        .filter(|given| (min..=max).contains(given))
        .ok_or_else(|| format!("must be from {min} to {max}, not {given}"))
}

/// Splits `50GiB` into 50 and `GiB`.
fn with_unit(given: &str) -> Option<(u64, &str)> {
    let end = given.find(|c: char| !c.is_ascii_digit()).unwrap_or(given.len());
    let (number, unit) = given.split_at(end);
    Some((digits(number)?, unit))
}

/// A volume's size in GiB.
pub(super) fn size(value: &Value) -> Result<u32, String> {
    const HOW: &str = r#"a whole number of GiB, such as 50, "50GiB" or "2TiB""#;
    let wrong = || format!("must be {HOW}, not {}", described(value));
    let gib = match value {
        Value::String(given) => {
            let (number, unit) = with_unit(given).ok_or_else(wrong)?;
            match unit.strip_prefix(' ').unwrap_or(unit) {
                "GiB" => number,
                "" if unit.is_empty() => number,
                "TiB" => number * 1_024,
                decimal if decimal.to_ascii_lowercase().starts_with(['g', 't']) => {
                    return Err(format!("is {}, but EBS counts in GiB of 2^30 bytes: give {HOW}", described(value)));
                }
                _ => return Err(wrong()),
            }
        }
        Value::Number(_) => whole(value).ok_or_else(wrong)?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(wrong()),
    };
    u32::try_from(gib).map_err(|_| format!("is {gib} GiB, more than any volume holds"))
}

/// A duration within bounds in seconds, both allowed.
pub(super) fn time(value: &Value, min: u64, max: u64) -> Result<Duration, String> {
    let wrong = || {
        format!(
            r#"must be a duration such as "90s", "30m", "6h", "9d", "1w" or whole seconds, not {}"#,
            described(value)
        )
    };
    let seconds = match value {
        Value::String(given) => {
            let (number, unit) = with_unit(given).ok_or_else(wrong)?;
            let unit = if unit.is_empty() { "s" } else { unit };
            let (_, seconds) = TIMES.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
            number * seconds
        }
        Value::Number(_) => whole(value).ok_or_else(wrong)?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return Err(wrong()),
    };
    if (min..=max).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        Err(format!("must be from {} to {}, not {}", time_shown(min), time_shown(max), described(value)))
    }
}

/// Seconds in the largest unit that keeps them whole, up to days: `30m`.
pub(super) fn time_shown(seconds: u64) -> String {
    let fits = |(name, unit): &(&str, u64)| *name != "w" && seconds >= *unit && seconds.is_multiple_of(*unit);
    let (name, unit) = TIMES.into_iter().find(fits).unwrap_or(("s", 1));
    format!("{}{name}", seconds / unit)
}

/// `true` or `false`, as JSON or as text.
pub(super) fn flag(value: &Value) -> Result<bool, String> {
    match (value.as_bool(), value.as_str()) {
        (Some(given), _) => Ok(given),
        (None, Some("true")) => Ok(true),
        (None, Some("false")) => Ok(false),
        (None, _) => Err(format!("must be true or false, not {}", described(value))),
    }
}

/// A tag's value: text, or a whole number or truth value as text.
pub(super) fn tag_value(value: &Value) -> Result<String, String> {
    match value {
        Value::String(given) => Ok(given.clone()),
        Value::Bool(given) => Ok(given.to_string()),
        Value::Number(given) => given.as_i64().map(|given| given.to_string()).ok_or_else(|| {
            format!("must be text: whether {given} keeps its digits is not certain, so put it in quotes")
        }),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(format!("must be text, not {}", described(value))),
    }
}
