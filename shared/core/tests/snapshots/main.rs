//! Retention and due snapshots: stable, bounded, fair.

#![expect(clippy::unwrap_used, reason = "what tests share fails by panic")]

mod due;
mod retention;
mod runs;
