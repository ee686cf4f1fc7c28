//! Places in a spec, as people write them.

use std::fmt;

/// The longest key shown in full; it bounds what a hostile spec can put into a log line.
const LONGEST_SHOWN: usize = 60;

/// A place in a spec, such as `address.subnets[1]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path(String);

impl Path {
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// The field `key` of the object here. A key that is no plain word is quoted and escaped.
    pub(super) fn field(&self, key: &str) -> Self {
        let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let key = if plain && key.len() <= LONGEST_SHOWN { key.to_owned() } else { format!("\"{}\"", shown(key)) };
        if self.0.is_empty() { Self(key) } else { Self(format!("{}.{key}", self.0)) }
    }

    /// The element `index`, from 0, of the list here.
    pub(super) fn element(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Text from a spec made fit for a message: escaped, and cut where it is long.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(LONGEST_SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().count() > LONGEST_SHOWN {
        shown.push_str("...");
    }
    shown
}
