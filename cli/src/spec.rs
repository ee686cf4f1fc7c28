//! The group's settings: checked, or put into the table.

pub(crate) mod apply;
pub(crate) mod check;
mod words;

use std::io::Read;
use std::path::Path;

use anyhow::Context;

/// The most that is read of a spec; longer ones are refused by the parser.
const MOST_BYTES: u64 = 1 << 20;

/// Reads a spec's text, from stdin where the file is `-`.
///
/// # Errors
/// What keeps it from being read, and what to do.
fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().take(MOST_BYTES).read_to_end(&mut text).context("stdin cannot be read")?;
    } else {
        let open = std::fs::File::open(file).with_context(|| unreadable(file))?;
        open.take(MOST_BYTES).read_to_end(&mut text).with_context(|| unreadable(file))?;
    }
    String::from_utf8(text).with_context(|| format!("{} is not UTF-8 text: save it as UTF-8", name(file)))
}

fn unreadable(file: &Path) -> String {
    format!("{} cannot be read: name a file that holds the spec as JSON, or - for stdin", file.display())
}

/// How the file is called in messages.
fn name(file: &Path) -> String {
    if file.as_os_str() == "-" { "stdin".to_owned() } else { file.display().to_string() }
}
