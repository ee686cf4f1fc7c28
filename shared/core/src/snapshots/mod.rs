//! The two decisions about snapshots that are taken at intervals: which are due, and which have had their time.

mod due;
mod retention;

pub use due::{Due, Failing, MOST_A_RUN, Series, SlotSeries, Taken, Use, due, most_a_run};
pub use retention::{FAILED_STAYS, Kept, Purpose, expired};
