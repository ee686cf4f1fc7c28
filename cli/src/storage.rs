//! A group's data over the years: its volumes, snapshots and slots, shown and changed by a person.

pub(crate) mod adopt;
pub(crate) mod group;
pub(crate) mod orders;
pub(crate) mod restore;
pub(crate) mod slots;
pub(crate) mod snapshots;
pub(crate) mod volumes;
mod whose;

use serde::Serialize;

use crate::Verdict;
use crate::output::{print, print_json, say, table};

/// A row of a list: its cells, and as JSON its fields.
trait Row<const N: usize>: Serialize {
    const HEADER: [&'static str; N];

    fn cells(&self) -> [String; N];
}

/// Prints a list.
///
/// # Errors
/// Stdout is gone.
fn list<const N: usize, R: Row<N>>(rows: &[R], json: bool, none: &str) -> anyhow::Result<Verdict> {
    if json {
        print_json(&rows)?;
    } else if rows.is_empty() {
        say(none);
    } else {
        let mut shown = table(R::HEADER);
        for row in rows {
            shown.add_row(row.cells());
        }
        print(shown.trim_fmt())?;
    }
    Ok(Verdict::Fine)
}

/// What is shown where there is nothing.
fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
