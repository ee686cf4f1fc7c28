//! Which worlds count as one: those that differ only in what no plan and no move of AWS depends on.
//!
//! What there is is written down as text, and the text is hashed with these left out:
//!
//! * **Moments that are over.** In a small world AWS takes milliseconds for everything, and the search demands that a world
//!   is over within a second: no span that a plan knows (the shortest is a second) passes in it, so that it does not matter
//!   how old a stamp is. Where plans compare AWS's stamps with each other, of launches, their order is kept.
//! * **Moments that are far off**, such as when a hook runs out: AWS does not come to them. Of those that AWS comes to, the
//!   distance from now is kept.
//! * **The digits of UUIDs** that AWS draws, of lifecycle actions and activities: only which are the same. IDs of EC2 are
//!   counted in a small world, not drawn, so that they are the same on whichever way something is made.

use std::hash::{BuildHasher, Hasher};

use foldhash::quality::{FixedState, FoldHasher};
use jiff::{SignedDuration, Timestamp};

/// What a launch's moment is called by AWS, and by us.
const LAUNCHED: [&str; 2] = ["launch_time: ", "launched: "];

/// A UUID is as long as this.
const UUID: usize = 36;

/// A stamp is no longer than this.
const STAMP: usize = 40;

/// When a search began, and after what time its worlds are over.
#[derive(Debug, Clone, Copy)]
pub(super) struct Era {
    pub(super) began: Timestamp,
    pub(super) over: SignedDuration,
}

/// The same for the same, in every run.
fn hasher() -> FoldHasher<'static> {
    FixedState::default().build_hasher()
}

/// A hash of hashes, in order.
pub(super) fn joined(hashes: impl IntoIterator<Item = u64>) -> u64 {
    let mut hasher = hasher();
    hashes.into_iter().for_each(|hash| hasher.write_u64(hash));
    hasher.finish()
}

impl Era {
    /// When all is over.
    fn end(&self) -> Timestamp {
        self.began + self.over
    }

    /// A hash of what a text says of a world at this moment.
    pub(super) fn hash(&self, text: &str, now: Timestamp) -> u64 {
        let mut hasher = hasher();
        let (mut launches, mut ids, mut done) = (launches(text), Vec::new(), 0);
        launches.sort();
        launches.dedup();
        for (from, to, word) in words(text) {
            hasher.write(&text.as_bytes()[done..from]);
            done = to;
            match word {
                Word::Launch(moment) => hasher.write_usize(launches.partition_point(|other| *other < moment)),
                Word::Moment(moment) if moment <= now => hasher.write_u8(b'P'),
                Word::Moment(moment) if moment.duration_since(now) > self.over => hasher.write_u8(b'F'),
                Word::Moment(moment) => hasher.write_i128(moment.duration_since(now).as_nanos()),
                Word::Id => hasher.write_usize(number(&text[from..to], &mut ids)),
            }
        }
        hasher.write(&text.as_bytes()[done..]);
        hasher.finish()
    }

    /// The same of what an actor knows: AWS's moments are over for it, or far off.
    pub(super) fn hash_known(&self, text: &str) -> u64 {
        self.hash(text, self.end())
    }
}

fn number<'t>(id: &'t str, ids: &mut Vec<&'t str>) -> usize {
    ids.iter().position(|other| *other == id).unwrap_or_else(|| {
        ids.push(id);
        ids.len() - 1
    })
}

fn launches(text: &str) -> Vec<Timestamp> {
    let fields = LAUNCHED.iter().flat_map(|field| text.match_indices(field));
    fields.filter_map(|(at, field)| moment_in(&text[at + field.len()..])).map(|(_, moment)| moment).collect()
}

enum Word {
    Launch(Timestamp),
    Moment(Timestamp),
    Id,
}

/// The moments and the drawn UUIDs in a text.
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
            if let Some((length, moment)) = moment_in(&text[from..]) {
                at += length;
                let launch = LAUNCHED.iter().any(|field| text[..from].ends_with(field));
                return Some((from, at, if launch { Word::Launch(moment) } else { Word::Moment(moment) }));
            }
            let rest = bytes[from..].iter();
            at += rest.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
            if is_drawn(&bytes[from..at]) {
                return Some((from, at, Word::Id));
            }
        }
        None
    })
}

/// `2026-01-01T00:00:00.001Z`, if the text begins with it, and its length.
fn moment_in(text: &str) -> Option<(usize, Timestamp)> {
    let bytes = text.as_bytes();
    if !bytes.starts_with(b"20") || bytes.len() < 20 || bytes[4] != b'-' || bytes[10] != b'T' {
        return None;
    }
    let length = bytes.iter().take(STAMP).position(|byte| *byte == b'Z')? + 1;
    text[..length].parse().ok().map(|moment| (length, moment))
}

/// A UUID of version 4: those that are made of something (version 5) are the same where that is.
fn is_drawn(word: &[u8]) -> bool {
    word.len() == UUID && [8, 13, 18, 23].iter().all(|dash| word[*dash] == b'-') && word[14] == b'4'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(text: &str) -> u64 {
        let era = Era { began: "2026-01-01T00:00:00.1Z".parse().unwrap(), over: SignedDuration::from_secs(2) };
        era.hash(text, "2026-01-01T00:00:01Z".parse().unwrap())
    }

    #[track_caller]
    fn same(one: &str, other: &str) {
        assert_eq!(hash(one), hash(other), "{one}\n{other}");
    }

    #[track_caller]
    fn differs(one: &str, other: &str) {
        assert_ne!(hash(one), hash(other), "{one}\n{other}");
    }

    #[test]
    fn of_drawn_ids_only_which_are_the_same_counts() {
        let one = r#""6f9619ff-8b86-4d01-b42d-00cf4fc964ff", 6f9619ff-8b86-4d01-b42d-00cf4fc964ff of t3-micro"#;
        same(one, r#""6f9619ff-8b86-4d01-b42d-00cf4fc964fe", 6f9619ff-8b86-4d01-b42d-00cf4fc964fe of t3-micro"#);
        differs(one, r#""6f9619ff-8b86-4d01-b42d-00cf4fc964ff", 6f9619ff-8b86-4d01-b42d-00cf4fc964fe of t3-micro"#);
        differs("6f9619ff-8b86-5d01-b42d-00cf4fc964ff", "6f9619ff-8b86-5d01-b42d-00cf4fc964fe");
        differs("i-00000000000000001", "i-00000000000000002");
    }

    #[test]
    fn of_moments_the_near_ones_and_the_order_of_launches_count() {
        let one = "2026-01-01T00:00:00Z 2026-01-01T00:00:01.002Z 2026-01-01T00:15:00Z";
        same(one, "2026-01-01T00:00:01Z 2026-01-01T00:00:01.002Z 2026-01-01T00:16:00Z");
        differs(one, "2026-01-01T00:00:00Z 2026-01-01T00:00:01.003Z 2026-01-01T00:15:00Z");
        differs(one, "2026-01-01T00:00:01.1Z 2026-01-01T00:00:01.002Z 2026-01-01T00:15:00Z");
        let launched = "launch_time: 2026-01-01T00:00:00.5Z, launched: 2026-01-01T00:00:00.4Z";
        same(launched, "launch_time: 2026-01-01T00:00:00.7Z, launched: 2026-01-01T00:00:00.6Z");
        differs(launched, "launch_time: 2026-01-01T00:00:00.4Z, launched: 2026-01-01T00:00:00.5Z");
        differs(launched, "launch_time: 2026-01-01T00:00:00.5Z, launched: 2026-01-01T00:00:00.5Z");
    }
}
