//! What the histories reached: a test that reaches little proves little.

use std::collections::BTreeMap;
use std::fmt;

/// Counts by section and cell.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    cells: BTreeMap<(&'static str, String), u64>,
}

impl Coverage {
    /// Adds to a cell.
    pub fn add(&mut self, section: &'static str, cell: impl Into<String>, count: u64) {
        *self.cells.entry((section, cell.into())).or_default() += count;
    }

    /// Adds all of another's.
    pub fn merge(&mut self, other: Self) {
        for ((section, cell), count) in other.cells {
            self.add(section, cell, count);
        }
    }

    /// How often a cell was reached.
    #[must_use]
    pub fn reached(&self, section: &'static str, cell: &str) -> u64 {
        self.cells.get(&(section, cell.to_owned())).copied().unwrap_or_default()
    }

    /// The cells of a section.
    pub fn section(&self, section: &'static str) -> impl Iterator<Item = (&str, u64)> {
        self.cells.iter().filter(move |((of, _), _)| *of == section).map(|((_, cell), count)| (cell.as_str(), *count))
    }

    /// Those of these cells that were never reached.
    #[must_use]
    pub fn missing<'a>(&self, section: &'static str, cells: &[&'a str]) -> Vec<&'a str> {
        cells.iter().copied().filter(|cell| self.reached(section, cell) == 0).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = "";
        for ((section, cell), count) in &self.cells {
            if *section != last {
                write!(f, "\n{section}:")?;
                last = section;
            }
            write!(f, " {cell} {count};")?;
        }
        Ok(())
    }
}
