//! Which worlds count as one: those that differ only in what no plan and no move of AWS depends on.
//!
//! A world is written down as text, and the text is hashed with these left out:
//!
//! * **The digits of IDs** of what came since the beginning, and where they put an object among others: AWS draws them from
//!   its dice. Each is written as its kind and the number of its first appearance, and what is kept by ID is put in order
//!   after that.
//! * **Moments that are over.** In a small world AWS takes milliseconds for everything, and the search demands that a world
//!   is over within a second: no span that a plan knows (the shortest is a second) passes in it, so that it does not matter
//!   how old a stamp is. Plans compare stamps with each other only of launches: their order is kept.
//! * **Moments that are far off**, such as when a hook runs out: AWS does not come to them. Of those that AWS comes to, the
//!   distance from now is kept.
//! * **Which actor has what in mind.** Actors have no other names than the order in which they stand here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hasher};
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};

/// AWS comes to what is due within this.
pub(super) const NEAR: SignedDuration = SignedDuration::from_millis(100);

/// What a launch's moment is called by AWS, and by us.
const LAUNCHED: [&str; 2] = ["launch_time: ", "launched: "];

/// How many digits an ID of EC2 has.
const DIGITS: usize = 17;

/// Writes worlds down so that those that are the same are written the same.
#[derive(Debug, Clone)]
pub(super) struct Alike {
    now: Timestamp,
    old: Rc<BTreeSet<String>>,
    ids: BTreeMap<String, usize>,
    launches: Vec<Timestamp>,
    hasher: DefaultHasher,
}

impl Alike {
    /// Nothing written; it is `now` in the world, and these IDs were there at the beginning.
    pub(super) fn at(now: Timestamp, old: &Rc<BTreeSet<String>>) -> Self {
        Self { now, old: Rc::clone(old), ids: BTreeMap::new(), launches: Vec::new(), hasher: DefaultHasher::new() }
    }

    /// Adds what this text says.
    pub(super) fn add(&mut self, text: &str) {
        let said = self.said(text);
        self.hasher.write(said.as_bytes());
        self.hasher.write_u8(0);
    }

    /// Adds what these texts say, in whichever order they come.
    pub(super) fn add_all<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        let mut said: Vec<String> = texts.map(|text| self.clone().said(text)).collect();
        said.sort();
        for text in said {
            self.hasher.write(text.as_bytes());
            self.hasher.write_u8(1);
        }
    }

    /// The same for the same.
    pub(super) fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    /// The text without what does not matter.
    pub(super) fn said(&mut self, text: &str) -> String {
        let launches = LAUNCHED.iter().flat_map(|field| text.match_indices(field));
        let launches = launches.filter_map(|(at, field)| moment_at(text, at + field.len()));
        self.launches.extend(launches.map(|(_, moment)| moment));
        self.launches.sort();
        self.launches.dedup();
        let mut said = String::with_capacity(text.len());
        let mut done = 0;
        for (from, to, word) in words(text) {
            said.push_str(&text[done..from]);
            done = to;
            let written = match word {
                Word::Moment(moment) => self.moment(moment, is_launch(&text[..from]), &mut said),
                Word::Id(kind) => self.id(&text[from..to], kind, &mut said),
            };
            written.expect("a string takes everything");
        }
        said.push_str(&text[done..]);
        in_order(&said)
    }

    fn moment(&self, moment: Timestamp, launch: bool, out: &mut String) -> fmt::Result {
        let ahead = moment.duration_since(self.now);
        if launch {
            write!(out, "L{}", self.launches.partition_point(|other| *other < moment))
        } else if ahead.is_positive() && ahead <= NEAR {
            write!(out, "+{}", ahead.as_millis())
        } else {
            out.write_char(if ahead.is_positive() { 'F' } else { 'P' })
        }
    }

    fn id(&mut self, id: &str, kind: usize, out: &mut String) -> fmt::Result {
        if self.old.contains(id) {
            return out.write_str(id);
        }
        let number = match self.ids.get(id) {
            Some(number) => *number,
            None => {
                let next = self.ids.keys().filter(|other| other.starts_with(&id[..kind])).count();
                self.ids.insert(id.to_owned(), next);
                next
            }
        };
        write!(out, "{}#{number}", &id[..kind])
    }
}

/// The IDs in a text.
pub(super) fn ids(text: &str) -> BTreeSet<String> {
    let ids = words(text).filter(|(_, _, word)| matches!(word, Word::Id(_)));
    ids.map(|(from, to, _)| text[from..to].to_owned()).collect()
}

/// A bracket that is not closed yet: what it is, what stands in it, and the last of that.
struct Open(u8, Vec<String>, String);

/// The text with what stands in braces in order: maps are kept by ID, and the fields of a thing are always the same.
fn in_order(text: &str) -> String {
    let mut open = vec![Open(b' ', Vec::new(), String::new())];
    let (mut quoted, mut escaped, mut done) = (false, false, 0);
    for (at, letter) in text.bytes().enumerate() {
        quoted ^= letter == b'"' && !escaped;
        escaped = letter == b'\\' && !escaped;
        let depth = open.len();
        let Some(Open(bracket, items, item)) = open.last_mut().filter(|_| !quoted) else { continue };
        match letter {
            b'{' | b'[' | b'(' => {
                item.push_str(&text[done..at]);
                open.push(Open(letter, Vec::new(), String::new()));
            }
            b',' if *bracket == b'{' => {
                item.push_str(&text[done..at]);
                items.push(std::mem::take(item));
            }
            b'}' | b']' | b')' if depth > 1 => {
                item.push_str(&text[done..at]);
                close(&mut open, letter);
            }
            _ => continue,
        }
        done = at + 1;
    }
    while open.len() > 1 {
        close(&mut open, b' ');
    }
    let mut ordered = open.pop().map(|Open(_, _, all)| all).unwrap_or_default();
    ordered.push_str(&text[done..]);
    ordered
}

/// Closes the last bracket: what stood in it is part of what the one around it holds.
fn close(open: &mut Vec<Open>, with: u8) {
    let Some(Open(bracket, mut items, last)) = open.pop() else { return };
    items.push(last);
    items.sort_by(|one, other| one.trim().cmp(other.trim()));
    let Some(Open(_, _, outer)) = open.last_mut() else { return };
    outer.push(char::from(bracket));
    for item in &items {
        outer.push_str(item.trim());
        outer.push(',');
    }
    outer.push(char::from(with));
}

/// The stamp that follows this is when an instance was launched.
fn is_launch(before: &str) -> bool {
    LAUNCHED.iter().any(|field| before.ends_with(field))
}

enum Word {
    Moment(Timestamp),
    /// An ID; so long is what names its kind.
    Id(usize),
}

/// The moments and the IDs in a text.
fn words(text: &str) -> impl Iterator<Item = (usize, usize, Word)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            if !bytes[at].is_ascii_alphanumeric() {
                at += 1;
                continue;
            }
            let from = at;
            if let Some((to, moment)) = moment_at(text, from) {
                at = to;
                return Some((from, to, Word::Moment(moment)));
            }
            while at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'-') {
                at += 1;
            }
            if let Some(kind) = id_in(&bytes[from..at]) {
                return Some((from, at, Word::Id(kind)));
            }
        }
        None
    })
}

/// `2026-01-01T00:00:00.001Z`, if it stands here.
fn moment_at(text: &str, from: usize) -> Option<(usize, Timestamp)> {
    let bytes = &text.as_bytes()[from..];
    if !bytes.starts_with(b"20") || bytes.len() < 20 || bytes[4] != b'-' || bytes[10] != b'T' {
        return None;
    }
    let to = from + bytes.iter().take(40).position(|byte| *byte == b'Z')? + 1;
    text[from..to].parse().ok().map(|moment| (to, moment))
}

/// Where the digits of the ID begin that this word is: those of EC2, or a UUID.
fn id_in(word: &[u8]) -> Option<usize> {
    let is_digit = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    if word.len() == 36 && [8, 13, 18, 23].iter().all(|dash| word[*dash] == b'-') {
        return Some(0);
    }
    let kind = word.len().checked_sub(DIGITS).filter(|kind| *kind > 1)?;
    (word[kind - 1] == b'-' && word[kind..].iter().all(is_digit)).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let old = Rc::new(BTreeSet::from(["i-0000000000000000a".to_owned()]));
        Alike::at("2026-01-01T00:00:01Z".parse().unwrap(), &old).said(text)
    }

    #[test]
    fn digits_of_ids_do_not_count_and_which_are_the_same_does() {
        let one = said(r#"("i-0123456789abcdef0" "vol-0123456789abcdef1") again vol-0123456789abcdef1."#);
        assert_eq!(one, r#"("i-#0" "vol-#0",) again vol-#0."#);
        assert_eq!(said("i-0000000000000000a"), "i-0000000000000000a");
        assert_eq!(said("6f9619ff-8b86-4d01-b42d-00cf4fc964ff and t3-micro"), "#0 and t3-micro");
    }

    #[test]
    fn where_an_id_stands_in_a_map_does_not_count() {
        let first = said(r#"T { a: {"i-0000000000000000a": [2, 1], "i-1000000000000000b": "x,{" } }"#);
        let last = said(r#"T { a: {"i-00000000000000009": "x,{", "i-0000000000000000a": [2, 1]} }"#);
        assert_eq!(first, last);
        assert_ne!(said("[2, 1]"), said("[1, 2]"));
    }

    #[test]
    fn of_moments_the_near_ones_and_the_order_of_launches_count() {
        assert_eq!(said("2026-01-01T00:00:00Z 2026-01-01T00:00:01.002Z 2026-01-01T00:15:00Z"), "P +2 F");
        let launched = said("launch_time: 2026-01-01T00:00:00.5Z, launched: 2026-01-01T00:00:00Z");
        assert_eq!(launched, "launch_time: L1, launched: L0");
    }
}
