//! DNS names as Route 53 keeps them.

/// Lower case, with a trailing dot, and with everything but letters, digits, `-`, `_` and `.` as a
/// three-digit octal escape: `*` comes back as `\052` (documented: Route 53 Developer Guide, *DNS domain name format*).
pub(crate) fn normal(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 1);
    for byte in name.trim_end_matches('.').bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'\\' => text.push(char::from(byte)),
            b'A'..=b'Z' => text.push(char::from(byte.to_ascii_lowercase())),
            other => text.push_str(&format!("\\{other:03o}")),
        }
    }
    text.push('.');
    text
}

/// The order in which Route 53 lists names: label by label from the right (documented:
/// ListResourceRecordSets API reference).
pub(super) fn reversed(name: &str) -> String {
    let mut labels: Vec<_> = name.trim_end_matches('.').split('.').collect();
    labels.reverse();
    // A character below all that occur in labels, so that a name comes before those under it.
    labels.join("\u{1}")
}

/// Whether a name is in the zone.
pub(super) fn within(name: &str, zone: &str) -> bool {
    name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_form() {
        assert_eq!(normal("Cass-1.Prod.Internal"), "cass-1.prod.internal.");
        assert_eq!(normal("*.prod.internal."), "\\052.prod.internal.");
        assert!(within("a.prod.internal.", "prod.internal.") && within("prod.internal.", "prod.internal."));
        assert!(!within("aprod.internal.", "prod.internal."));
    }

    #[test]
    fn names_sort_from_the_right() {
        let mut names = ["b.a.", "a.b.", "a.", "a-x.", "c.b.a."];
        names.sort_by_key(|name| reversed(name));
        assert_eq!(names, ["a.", "b.a.", "c.b.a.", "a-x.", "a.b."]);
    }
}
