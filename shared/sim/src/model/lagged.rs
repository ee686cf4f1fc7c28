//! Objects whose readers may see the past.
//!
//! Documented (EC2 Developer Guide, *Eventual consistency in the Amazon EC2 API*,
//! <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>): what a call changed may not be shown by
//! the calls that follow, and a new object may not be found. Assumed: each object is seen as it was at one moment within
//! the settings' `read_lag`, each with a moment of its own, and a later read may show an earlier one.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

/// An object's state, and the states that a stale read may still show.
#[derive(Debug, Clone)]
struct Lagged<T> {
    /// Absent once the object is gone.
    current: Option<Arc<T>>,
    /// Earlier states, oldest first, each with the moment at which it was replaced.
    past: Vec<(Timestamp, Option<Arc<T>>)>,
}

/// All objects of one kind, by ID.
#[derive(Debug, Clone)]
pub(crate) struct Shelf<T> {
    objects: BTreeMap<String, Lagged<T>>,
    keep_past: bool,
    /// How often a reader was shown what was no longer so.
    stale: Cell<u64>,
}

impl<T: Clone> Shelf<T> {
    pub(crate) fn new(keep_past: bool) -> Self {
        Self { objects: BTreeMap::new(), keep_past, stale: Cell::new(0) }
    }

    /// The truth.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<T>> {
        self.objects.get(id)?.current.as_ref()
    }

    /// The truth, of all objects.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.objects.values().filter_map(|lagged| lagged.current.as_ref())
    }

    /// The truth, of all objects, from this ID on (excluded).
    pub(crate) fn keys_after(&self, after: Option<&str>) -> impl Iterator<Item = &String> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        self.objects.range::<str, _>((from, Unbounded)).map(|(id, _)| id)
    }

    pub(crate) fn insert(&mut self, now: Timestamp, id: &str, object: T) {
        let past = if self.keep_past { vec![(now, None)] } else { Vec::new() };
        self.objects.insert(id.to_owned(), Lagged { current: Some(Arc::new(object)), past });
    }

    /// Write access; what readers may still see is kept aside first.
    pub(crate) fn change(&mut self, now: Timestamp, oldest: Timestamp, id: &str) -> Option<&mut T> {
        let lagged = self.objects.get_mut(id)?;
        let current = lagged.current.as_mut()?;
        if self.keep_past {
            lagged.past.retain(|(replaced, _)| *replaced > oldest);
            lagged.past.push((now, Some(Arc::clone(current))));
        }
        Some(Arc::make_mut(current))
    }

    pub(crate) fn remove(&mut self, now: Timestamp, id: &str) -> Option<Arc<T>> {
        if !self.keep_past {
            return self.objects.remove(id)?.current;
        }
        let lagged = self.objects.get_mut(id)?;
        let gone = lagged.current.take()?;
        lagged.past.push((now, Some(Arc::clone(&gone))));
        Some(gone)
    }

    /// The object as it was at `moment`.
    pub(crate) fn at(&self, id: &str, moment: Timestamp) -> Option<&Arc<T>> {
        let lagged = self.objects.get(id)?;
        let then = lagged.past.iter().find(|(replaced, _)| *replaced > moment);
        self.stale.set(self.stale.get() + u64::from(then.is_some()));
        then.map_or(lagged.current.as_ref(), |(_, state)| state.as_ref())
    }

    /// How often a reader was shown what was no longer so.
    pub(crate) fn stale(&self) -> u64 {
        self.stale.get()
    }

    /// Forgets objects that no reader can see any more.
    pub(crate) fn prune(&mut self, oldest: Timestamp) {
        if self.keep_past {
            self.objects.retain(|_, lagged| {
                lagged.current.is_some() || lagged.past.iter().any(|(replaced, _)| *replaced > oldest)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a small number")
    }

    #[test]
    fn readers_see_the_state_of_their_moment() {
        let mut shelf = Shelf::new(true);
        shelf.insert(at(10), "a", 1);
        *shelf.change(at(20), at(5), "a").unwrap() = 2;
        *shelf.change(at(30), at(5), "a").unwrap() = 3;
        shelf.remove(at(40), "a");
        let seen: Vec<_> = [9, 10, 19, 20, 29, 30, 39, 40].map(|s| shelf.at("a", at(s)).map(|v| **v)).to_vec();
        assert_eq!(seen, [None, Some(1), Some(1), Some(2), Some(2), Some(3), Some(3), None]);
        assert!(shelf.get("a").is_none());
        shelf.prune(at(39));
        assert!(shelf.at("a", at(39)).is_some());
        shelf.prune(at(40));
        assert!(shelf.objects.is_empty());
    }

    #[test]
    fn without_lag_nothing_is_kept() {
        let mut shelf = Shelf::new(false);
        shelf.insert(at(10), "a", 1);
        *shelf.change(at(20), at(5), "a").unwrap() = 2;
        assert_eq!(shelf.at("a", at(0)).map(|v| **v), Some(2));
        shelf.remove(at(40), "a");
        assert!(shelf.objects.is_empty());
    }
}
