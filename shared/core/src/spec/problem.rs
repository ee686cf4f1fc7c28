//! What is wrong with a spec, and where.

use std::cell::RefCell;
use std::fmt;

use super::path::Path;

/// One thing that is wrong, or worth knowing, about one place in a spec.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is, such as `volumes.data.iops`; empty for the spec as a whole.
    pub path: String,
    /// What it is, and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { f.write_str(&self.message) } else { write!(f, "{}: {}", self.path, self.message) }
    }
}

/// All that is wrong, never empty. Shown one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Where the readers of a spec's parts put what they find.
#[derive(Default)]
pub(super) struct Sink {
    problems: RefCell<Vec<Problem>>,
    notices: RefCell<Vec<Problem>>,
}

impl Sink {
    pub(super) fn problem(&self, path: &Path, message: impl Into<String>) {
        self.problems.borrow_mut().push(Problem { path: path.to_string(), message: message.into() });
    }

    pub(super) fn notice(&self, path: &Path, message: impl Into<String>) {
        self.notices.borrow_mut().push(Problem { path: path.to_string(), message: message.into() });
    }

    /// The problems and the notices, each in the order of the paths.
    pub(super) fn into_parts(self) -> (Vec<Problem>, Vec<Problem>) {
        let (mut problems, mut notices) = (self.problems.into_inner(), self.notices.into_inner());
        problems.sort();
        problems.dedup();
        notices.sort();
        (problems, notices)
    }
}
