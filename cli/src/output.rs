//! What people and scripts read: data on stdout, all else on stderr.

use std::fmt::Display;
use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

const BOLD: &str = "\x1b[1m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// Writes data, and a line's end, to stdout.
///
/// # Errors
/// What the system says; a reader that has gone away among it.
pub(crate) fn print(text: impl Display) -> io::Result<()> {
    writeln!(anstream::stdout(), "{text}")
}

/// Writes one JSON object to stdout.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(io::Error::from)?;
    print(text)
}

/// Tells a person something, on stderr. Nobody listening is no failure.
pub(crate) fn say(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Tells a person why the command failed, cause by cause.
pub(crate) fn fail(error: &anyhow::Error) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    say(format!("{} {}", red("error:"), causes.join(": ")));
}

/// Whether it failed because the reader of stdout went away (`| head`).
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::BrokenPipe))
}

/// A table in the house style. It is as wide as its content, or as the terminal where that is narrower.
pub(crate) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    table
}

pub(crate) fn bold(text: impl Display) -> String {
    format!("{BOLD}{text}{PLAIN}")
}

pub(crate) fn red(text: impl Display) -> String {
    format!("{RED}{text}{PLAIN}")
}

pub(crate) fn green(text: impl Display) -> String {
    format!("{GREEN}{text}{PLAIN}")
}

pub(crate) fn yellow(text: impl Display) -> String {
    format!("{YELLOW}{text}{PLAIN}")
}

/// `1 volume`, `2 volumes`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}
