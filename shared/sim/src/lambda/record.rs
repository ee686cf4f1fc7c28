//! What the simulated Lambda did: invocations, dead letters, lines written.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::Value;

/// The most lines that are kept; older ones go first.
const MOST_LINES: usize = 20_000;

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The function answered.
    Succeeded(Value),
    /// The function answered with an error.
    Failed {
        /// `errorType` of the answer.
        kind: String,
        /// `errorMessage` of the answer.
        message: String,
    },
    /// The function's process ended before it answered; what it said of itself, and its exit status.
    Crashed(String),
    /// The deadline came first, and the process was killed.
    TimedOut,
    /// The process could not be started, or never asked for work.
    NotStarted(String),
}

impl Outcome {
    /// Whether Lambda would leave the event at that.
    #[must_use]
    pub fn is_success(&self) -> bool {
        match self {
            Self::Succeeded(_) => true,
            Self::Failed { .. } | Self::Crashed(_) | Self::TimedOut | Self::NotStarted(_) => false,
        }
    }
}

/// One attempt to have a function handle an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// The function's name, which is also its handler.
    pub function: String,
    /// The same for all attempts at one event.
    pub request_id: String,
    /// The event's `id`; empty where it has none.
    pub event_id: String,
    /// The event's `detail-type`; empty where it has none.
    pub detail_type: String,
    /// 1 for the first attempt, at most 3.
    pub attempt: u32,
    /// When it was given to a process, in simulated time.
    pub started: Timestamp,
    /// When it ended; `None` while it runs.
    pub ended: Option<Timestamp>,
    /// How it ended; `None` while it runs.
    pub outcome: Option<Outcome>,
}

/// An event that all attempts failed on.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    /// The function's name.
    pub function: String,
    /// The event.
    pub event: Value,
    /// How the last attempt ended.
    pub last: Outcome,
}

/// A line that a function's process wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When it was read, in simulated time.
    pub at: Timestamp,
    /// The function's name.
    pub function: String,
    /// The line without its end.
    pub text: String,
}

/// Called for every line as it comes.
pub type OnLine = Box<dyn FnMut(&Line) + Send>;

/// The shared record.
#[derive(Clone, Default)]
pub struct Journal(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    invocations: Vec<Invocation>,
    dead_letters: Vec<DeadLetter>,
    lines: VecDeque<Line>,
    on_line: Option<OnLine>,
}

impl Journal {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every invocation so far, in the order of their starts.
    #[must_use]
    pub fn invocations(&self) -> Vec<Invocation> {
        self.entries().invocations.clone()
    }

    /// Every dead letter so far.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadLetter> {
        self.entries().dead_letters.clone()
    }

    /// The last lines that the processes wrote (20,000 at most).
    #[must_use]
    pub fn lines(&self) -> Vec<Line> {
        self.entries().lines.iter().cloned().collect()
    }

    /// Has `on_line` called for each further line.
    pub fn on_line(&self, on_line: OnLine) {
        self.entries().on_line = Some(on_line);
    }

    pub(super) fn begin(&self, invocation: Invocation) -> usize {
        let mut entries = self.entries();
        entries.invocations.push(invocation);
        entries.invocations.len() - 1
    }

    pub(super) fn end(&self, index: usize, ended: Timestamp, outcome: Outcome) {
        if let Some(invocation) = self.entries().invocations.get_mut(index) {
            invocation.ended = Some(ended);
            invocation.outcome = Some(outcome);
        }
    }

    pub(super) fn bury(&self, letter: DeadLetter) {
        self.entries().dead_letters.push(letter);
    }

    pub(super) fn write(&self, line: Line) {
        let mut entries = self.entries();
        if let Some(on_line) = &mut entries.on_line {
            on_line(&line);
        }
        if entries.lines.len() == MOST_LINES {
            entries.lines.pop_front();
        }
        entries.lines.push_back(line);
    }
}
