//! Since when a person is waited for, where nothing else tells: noted in the group's item when it is first seen.

use jiff::Timestamp;

use crate::plan::draft::Draft;
use crate::step::Why;
use crate::table::NotedWait;
use crate::waiting::Waiting;

/// A group with more such waits has one trouble, not so many: its item stays small.
const MOST: usize = 40;

/// Dates the alarming waits that have no date of their own, and forgets those that ended.
pub(crate) fn date(draft: &mut Draft<'_>, now: Timestamp) {
    let known = &draft.group.waits;
    let mut noted: Vec<NotedWait> = Vec::new();
    for wait in &mut draft.waiting {
        if wait.since.is_some() || !wait.reason.alarms() {
            continue;
        }
        let is_same = |note: &&NotedWait| is_of(note, wait);
        let note = noted.iter().find(is_same).or_else(|| known.iter().find(is_same)).cloned();
        let is_new = note.is_none();
        let note = note.unwrap_or_else(|| NotedWait {
            subject: wait.subject.clone(),
            reason: wait.reason.kind().to_owned(),
            since: now,
        });
        if is_new && noted.len() >= MOST {
            continue;
        }
        wait.since = Some(note.since);
        if !noted.contains(&note) {
            noted.push(note);
        }
    }
    noted.sort();
    // Of a group without an item nothing is noted: it may not be ours to serve.
    if *known != noted && draft.obs.record.is_some() {
        draft.group(Why::WaitNoted).waits = noted;
    }
}

fn is_of(note: &NotedWait, wait: &Waiting) -> bool {
    note.subject == wait.subject && note.reason == wait.reason.kind()
}
