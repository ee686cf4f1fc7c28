//! Patterns for the DNS names that a deployment allows.

use std::fmt;
use std::str::FromStr;

use super::dns::SlotNameTemplate;
use crate::ids::DnsName;

/// The longest that a DNS name may be. <https://datatracker.ietf.org/doc/html/rfc1035#section-2.3.4>
const LONGEST: usize = 253;

/// A DNS name in lower case and without a trailing dot, in which each `*` stands for any text, dots among it.
///
/// It means the same as `StringLike` means in the functions' policy, where Route 53 holds it against each name that is
/// changed, written the same way.
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/specifying-conditions-route53.html>
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamePattern(String);

/// Not a pattern for DNS names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a DNS name with a `*` for any text in it, such as *.db.example.com: {problem}")]
pub struct BadNamePattern {
    given: String,
    problem: &'static str,
}

impl NamePattern {
    /// Whether the name fits.
    #[must_use]
    pub fn matches(&self, name: &DnsName) -> bool {
        fits(self.0.as_bytes(), name.as_str().as_bytes())
    }

    /// Whether the names of all slots fit: the slot's number must stand where a `*` stands.
    #[must_use]
    pub fn covers(&self, template: &SlotNameTemplate) -> bool {
        // `{slot}` holds what no pattern may hold, so that nothing but a `*` fits it.
        fits(self.0.as_bytes(), template.to_string().as_bytes())
    }
}

impl FromStr for NamePattern {
    type Err = BadNamePattern;
    fn from_str(given: &str) -> Result<Self, BadNamePattern> {
        let bad = |problem| Err(BadNamePattern { given: given.to_owned(), problem });
        let of_names = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.*".contains(&byte);
        match given {
            "" => bad("it is empty"),
            _ if given.len() > LONGEST => bad("it is longer than a DNS name"),
            _ if given.bytes().any(|byte| byte.is_ascii_uppercase()) => bad("write it in lower case"),
            _ if !given.bytes().all(of_names) => bad("it may hold letters, digits, `-`, `_`, `.` and `*`"),
            _ if given.ends_with('.') => bad("leave out the dot at the end"),
            _ if given.contains("..") || given.starts_with('.') => bad("a label is empty"),
            _ => Ok(Self(given.to_owned())),
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether the text fits a pattern of `*` and what stands for itself. Takes time for each byte of one for each of the
/// other at most.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut read) = (0, 0);
    // Where the last `*` stands, and how much of the text it has taken.
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match (pattern.get(at), star) {
            (Some(b'*'), _) => {
                star = Some((at, read));
                at += 1;
            }
            (Some(byte), _) if *byte == text[read] => {
                at += 1;
                read += 1;
            }
            (_, Some((stands, taken))) => {
                star = Some((stands, taken + 1));
                at = stands + 1;
                read = taken + 1;
            }
            (_, None) => return false,
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(given: &str) -> NamePattern {
        given.parse().unwrap()
    }

    fn matches(given: &str, name: &str) -> bool {
        pattern(given).matches(&name.parse().unwrap())
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (given, name) in [
            ("*", "x"),
            ("*.db.example.com", "a.db.example.com"),
            ("*.db.example.com", "a.b.db.example.com"),
            ("cass-*.db.example.com", "cass-1.db.example.com"),
            ("c*s*.com", "cass.db.com"),
            ("a.b", "a.b"),
            ("*a*a", "aaba"),
        ] {
            assert!(matches(given, name), "{given} {name}");
        }
        for (given, name) in [
            ("*.db.example.com", "db.example.com"),
            ("*.db.example.com", "a.db.example.com.evil.org"),
            ("*.db.example.com", "adb.example.com"),
            ("a.b", "xa.b"),
            ("a.b", "a.bx"),
            ("*a*ab", "aaba"),
        ] {
            assert!(!matches(given, name), "{given} {name}");
        }
    }

    #[test]
    fn slots_are_covered_only_by_a_star_in_the_numbers_place() {
        let template: SlotNameTemplate = "cass-{slot}.db.example.com".parse().unwrap();
        for given in ["*", "*.db.example.com", "cass-*.db.example.com", "cass-*example.com"] {
            assert!(pattern(given).covers(&template), "{given}");
        }
        for given in ["cass-1.db.example.com", "cass-1*.db.example.com", "web-*", "*.example.org"] {
            assert!(!pattern(given).covers(&template), "{given}");
        }
    }

    #[test]
    fn what_route_53_would_never_show_is_refused() {
        for given in ["", "A.b", "a.b.", "a..b", ".a", "a b", "a?", "{slot}", "ä.b", "*,x", &"a".repeat(254)] {
            assert!(given.parse::<NamePattern>().is_err(), "{given}");
        }
        let said = "*.DB.example.com".parse::<NamePattern>().unwrap_err().to_string();
        assert_eq!(
            said,
            "`*.DB.example.com` is not a DNS name with a `*` for any text in it, such as *.db.example.com: write it in lower case"
        );
    }
}
