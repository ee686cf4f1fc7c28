//! What is on the disks: who wrote when, and how that lives on in snapshots and in volumes made of them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::Aws;

/// One mark a minute.
const MARK_EVERY: SignedDuration = SignedDuration::from_secs(60);

/// A mark that the database on an instance left on a volume; no two are alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    /// When it was written.
    pub at: Timestamp,
    /// By which instance.
    pub instance: String,
}

/// Who writes: an instance, and what its tags said of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Writer {
    /// The instance.
    pub instance: Arc<str>,
    /// Its tag `stateful-asg:slot`.
    pub slot: Option<Arc<str>>,
    /// Its tag `stateful-asg:claim`.
    pub claim: Option<Arc<str>>,
}

/// A time during which one instance wrote to one volume: a mark at its beginning, and one every
/// minute after that. Each mark counts as acknowledged to the database's clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Written {
    /// The volume that was written to; volumes made from its snapshots hold the same marks.
    pub volume: Arc<str>,
    /// By whom.
    pub writer: Writer,
    /// The first mark.
    pub from: Timestamp,
    /// Nothing was written after that.
    pub to: Timestamp,
}

impl Written {
    /// How many marks there are.
    #[must_use]
    pub fn marks(&self) -> u64 {
        let seconds = self.to.duration_since(self.from).as_millis().div_euclid(MARK_EVERY.as_millis()) + 1;
        u64::try_from(seconds).unwrap_or_default()
    }

    /// The moments of the marks, oldest first.
    pub fn moments(&self) -> impl Iterator<Item = Timestamp> {
        let moments = std::iter::successors(Some(self.from), |at| Some(*at + MARK_EVERY));
        moments.take_while(|at| *at <= self.to)
    }

    /// The same beginning, by the same instance, on the same volume: one is the other's continuation.
    fn is_of(&self, other: &Self) -> bool {
        self.from == other.from && self.writer.instance == other.writer.instance && self.volume == other.volume
    }

    /// What came after that moment.
    fn after(&self, moment: Timestamp) -> Option<Self> {
        let from = self.moments().find(|at| *at > moment)?;
        Some(Self { from, ..self.clone() })
    }
}

/// What a volume holds, or a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    written: Vec<Written>,
}

impl Data {
    /// Who wrote when, oldest first.
    #[must_use]
    pub fn written(&self) -> &[Written] {
        &self.written
    }

    /// How many marks there are.
    #[must_use]
    pub fn marks(&self) -> u64 {
        self.written.iter().map(Written::marks).sum()
    }

    /// All marks, oldest first.
    #[must_use]
    pub fn stamps(&self) -> Vec<Stamp> {
        let stamps_of = |written: &Written| {
            let instance = written.writer.instance.to_string();
            written.moments().map(move |at| Stamp { at, instance: instance.clone() }).collect::<Vec<_>>()
        };
        self.written.iter().flat_map(stamps_of).collect()
    }

    /// The marks that `other` holds and this does not.
    #[must_use]
    pub fn lacks(&self, other: &Self) -> Vec<Written> {
        let missing = |theirs: &Written| match self.written.iter().find(|own| own.is_of(theirs)) {
            None => Some(theirs.clone()),
            Some(own) if own.to >= theirs.to => None,
            Some(own) => theirs.after(own.to),
        };
        other.written.iter().filter_map(missing).collect()
    }
}

/// A volume's disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    data: Data,
    /// Whether the last of `data` still goes on.
    writing: bool,
}

impl Disk {
    /// A disk that begins with what a snapshot holds.
    pub(super) fn restored(data: Data) -> Self {
        Self { data, writing: false }
    }

    /// What is on it now.
    fn read(&self, now: Timestamp) -> Data {
        let mut data = self.data.clone();
        if let Some(last) = data.written.last_mut().filter(|_| self.writing) {
            last.to = now;
        }
        data.written.retain(|written| written.from <= written.to);
        data
    }

    /// From now on, `writer` writes.
    pub(super) fn written_by(&mut self, volume: &str, writer: Option<Writer>, now: Timestamp) {
        let last = self.data.written.last_mut();
        if let Some(last) = last.filter(|_| self.writing) {
            if writer.as_ref() == Some(&last.writer) {
                return;
            }
            last.to = now;
            self.writing = false;
        }
        self.data.written.retain(|written| written.from <= written.to);
        let Some(writer) = writer else { return };
        // Its marks must differ from those that the same instance has just made.
        let again =
            self.data.written.last().is_some_and(|last| last.to == now && last.writer.instance == writer.instance);
        let from = if again { now + SignedDuration::from_millis(1) } else { now };
        self.data.written.push(Written { volume: volume.into(), writer, from, to: now });
        self.writing = true;
    }

    fn writer(&self) -> Option<&Writer> {
        self.data.written.last().filter(|_| self.writing).map(|last| &last.writer)
    }
}

impl Aws {
    /// What a volume holds now, or held when it went; nothing for a volume that never was.
    #[must_use]
    pub fn data(&self, volume: &str) -> Data {
        self.ec2.disks.get(volume).map(|disk| disk.read(self.now)).unwrap_or_default()
    }

    /// The marks on a volume, oldest first: one for every minute that it was being written to.
    #[must_use]
    pub fn stamps(&self, volume: &str) -> Vec<Stamp> {
        self.data(volume).stamps()
    }

    /// The instance that writes to a volume now, if any.
    #[must_use]
    pub fn writer(&self, volume: &str) -> Option<&str> {
        Some(&self.ec2.disks.get(volume)?.writer()?.instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number")
    }

    fn by(instance: &str, claim: &str) -> Option<Writer> {
        Some(Writer { instance: instance.into(), slot: Some("1".into()), claim: Some(claim.into()) })
    }

    #[test]
    fn what_came_after_a_copy_is_lacking_in_it() {
        let mut disk = Disk::default();
        disk.written_by("vol", by("i-a", "1"), at(0));
        let early = disk.read(at(90));
        disk.written_by("vol", by("i-b", "2"), at(200));
        let late = disk.read(at(260));
        assert_eq!((early.marks(), late.marks()), (2, 6));
        assert_eq!(late.lacks(&early), []);
        let lacking = early.lacks(&late);
        let shown: Vec<_> = lacking.iter().map(|w| (&*w.writer.instance, w.from, w.marks())).collect();
        assert_eq!(shown, [("i-a", at(120), 2), ("i-b", at(200), 2)]);

        let mut copy = Disk::restored(early.clone());
        copy.written_by("vol-2", by("i-c", "3"), at(300));
        assert_eq!(copy.read(at(300)).lacks(&early), []);
        assert_eq!(copy.read(at(300)).marks(), 3);
        assert_eq!(late.lacks(&copy.read(at(300))).len(), 1);
    }

    #[test]
    fn a_mark_within_the_same_minute_is_not_lacking() {
        let mut disk = Disk::default();
        disk.written_by("vol", by("i-a", "1"), at(0));
        assert_eq!(disk.read(at(61)).lacks(&disk.read(at(119))), []);
    }

    #[test]
    fn no_two_marks_are_alike_even_when_the_claim_changes_at_once() {
        let mut disk = Disk::default();
        for claim in ["1", "2", "3"] {
            disk.written_by("vol", by("i-a", claim), at(0));
        }
        let stamps = disk.read(at(60)).stamps();
        let distinct: std::collections::BTreeSet<_> = stamps.iter().collect();
        assert_eq!(distinct.len(), stamps.len(), "{stamps:?}");
        assert_eq!(disk.writer().and_then(|w| w.claim.as_deref()), Some("3"));
    }
}
