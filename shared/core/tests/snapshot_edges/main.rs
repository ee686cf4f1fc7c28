//! Snapshots at the edges: the second from which one is due, and the one thing that lets a snapshot expire.
#![allow(clippy::unwrap_used, reason = "a test says by it what it takes for granted")]

mod retention;
mod timetable;

use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
