//! Where the time of a story went.

use jiff::Timestamp;
use serde::Serialize;

use super::timeline::seconds;

/// One stretch of a story.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Part {
    pub(super) slot: u32,
    /// When it began, in simulated seconds after the story's turn.
    pub(super) from_seconds: f64,
    /// How long it took, in simulated seconds.
    pub(super) took_seconds: f64,
    /// On whom it was waited.
    pub(super) waited_on: &'static str,
    /// For what.
    pub(super) what: &'static str,
}

/// On whom it was waited, for what, from when, and until when.
pub(super) type Stretch = (&'static str, &'static str, Option<Timestamp>, Option<Timestamp>);

/// The stretches that came to be.
pub(super) fn of(slot: u32, turned: Timestamp, stretches: impl IntoIterator<Item = Stretch>) -> Vec<Part> {
    let parts = stretches.into_iter().filter_map(|(waited_on, what, from, to)| {
        let (from, to) = (from?, to?);
        let (from_seconds, took_seconds) = (seconds(turned, from), seconds(from, to).max(0.0));
        Some(Part { slot, from_seconds, took_seconds, waited_on, what })
    });
    parts.collect()
}
