//! What is told at the end: one JSON object, or tables for people.

use std::collections::{BTreeMap, BTreeSet};

use comfy_table::CellAlignment;
use serde::Serialize;

use super::calls::{self, Calls};
use super::check::Check;
use super::evidence;
use super::parts::Part;
use super::picture::{Belongings, Slots};
use super::rights::{self, Rights};
use super::stage::Told;
use super::timeline::{self, Moment, Owners};
use crate::args::Story;
use crate::output::{bold, count, green, print, red, table};
use crate::site::Site;

/// The object that `--json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Everything is as it must be.
    pub(super) ok: bool,
    story: Story,
    /// What is not, one sentence each.
    problems: Vec<String>,
    /// What the story promises, and whether it held.
    checks: Vec<Check>,
    slots: Vec<SlotReport>,
    /// The slots whose holders were killed.
    killed: Vec<u32>,
    /// Volumes created in the whole story.
    volumes_created: usize,
    /// API calls by operation, polls among them.
    api_calls: Calls,
    /// Those between the kill and the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_calls_of_replacement: Option<Calls>,
    /// Those between the story's turn and the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    api_calls_of_story: Option<Calls>,
    /// When what the story is about happened, in simulated seconds since the group was created.
    turn_at_seconds: f64,
    /// Where the time went.
    parts: Vec<Part>,
    timeline: Vec<Moment>,
    /// How long the story took, in simulated seconds.
    seconds: f64,
    rights: Rights,
    /// For people alone.
    #[serde(skip)]
    words: Words,
}

/// What is said to people beside the figures.
#[derive(Debug, Default)]
struct Words {
    parts_of: &'static str,
    moral: String,
    otherwise: String,
}

#[derive(Debug, Serialize)]
struct SlotReport {
    slot: u32,
    before: Option<Belongings>,
    after: Option<Belongings>,
}

impl Report {
    pub(super) fn of(site: &Site, story: Story, mut told: Told) -> Self {
        let rights = rights::check(site);
        told.problems.extend(Check::problems(std::slice::from_ref(&rights)));
        told.checks.push(rights);
        let numbers: BTreeSet<u32> = told.before.keys().chain(told.after.slots.keys()).copied().collect();
        let has = |slots: &Slots, number| slots.get(number).map(|slot| slot.has.clone());
        let slots = numbers.iter().map(|number| SlotReport {
            slot: *number,
            before: has(&told.before, number),
            after: has(&told.after.slots, number),
        });
        let api_calls = site.simulator.counts();
        let later = calls::since(&told.calls_before, &api_calls);
        let (of_replacement, of_story) = match story {
            Story::Failover => (Some(later), None),
            Story::Move | Story::Grow | Story::ScaleIn => (None, Some(later)),
        };
        Self {
            ok: told.problems.is_empty(),
            story,
            slots: slots.collect(),
            volumes_created: evidence::created(site),
            timeline: moments(site, &told),
            turn_at_seconds: timeline::seconds(told.began, told.turned),
            seconds: timeline::seconds(told.began, told.after.at),
            rights: Rights::of(&site.simulator.rights()),
            problems: told.problems,
            checks: told.checks,
            killed: told.killed.keys().copied().collect(),
            api_calls_of_replacement: of_replacement,
            api_calls_of_story: of_story,
            api_calls,
            parts: told.parts,
            words: Words { parts_of: told.parts_of, moral: told.moral, otherwise: told.otherwise },
        }
    }

    /// A story that did not come to its end.
    pub(super) fn of_failure(story: Story, error: &anyhow::Error) -> Self {
        Self {
            ok: false,
            story,
            problems: vec![format!("{error:#}")],
            checks: Vec::new(),
            slots: Vec::new(),
            killed: Vec::new(),
            volumes_created: 0,
            api_calls: Calls::new(),
            api_calls_of_replacement: None,
            api_calls_of_story: None,
            turn_at_seconds: 0.0,
            parts: Vec::new(),
            timeline: Vec::new(),
            seconds: 0.0,
            rights: Rights::default(),
            words: Words::default(),
        }
    }

    /// The same for people, on stdout.
    ///
    /// # Errors
    /// Stdout's.
    pub(super) fn print(&self) -> std::io::Result<()> {
        self.print_timeline()?;
        self.print_parts()?;
        self.print_calls()?;
        self.print_slots()?;
        self.print_verdict()
    }

    fn print_timeline(&self) -> std::io::Result<()> {
        print(bold("\nWhat happened, in simulated seconds"))?;
        let mut rows = table(["AT", "SLOT", "AFTER", "WHAT"]);
        let mut last: BTreeMap<Option<u32>, f64> = BTreeMap::new();
        for moment in &self.timeline {
            let before = last.insert(moment.slot, moment.at_seconds);
            let after = before.map_or_else(String::new, |at| format!("+{:.1}", moment.at_seconds - at));
            let slot = moment.slot.map_or_else(String::new, |slot| slot.to_string());
            rows.add_row([format!("{:.1}", moment.at_seconds), slot, after, moment.what.clone()]);
        }
        right(&mut rows, 0..3);
        print(rows.trim_fmt())
    }

    fn print_calls(&self) -> std::io::Result<()> {
        print(bold("\nAPI calls of the functions, polls included"))?;
        let nodes = self.killed.len().max(1) as f64;
        let (later, headline) = match (&self.api_calls_of_replacement, &self.api_calls_of_story) {
            (Some(later), _) => (later, "REPLACEMENT"),
            (None, later) => (later.as_ref().unwrap_or(&self.api_calls), "STORY"),
        };
        let a_node = self.api_calls_of_replacement.is_some();
        let mut rows = if a_node {
            table(["OPERATION", "ALL", headline, "A DEAD NODE"])
        } else {
            table(["OPERATION", "ALL", headline, ""])
        };
        let mut row = |name: &str, all: u64, then: u64| {
            let share = if a_node { format!("{:.1}", then as f64 / nodes) } else { String::new() };
            rows.add_row([name.to_owned(), all.to_string(), then.to_string(), share]);
        };
        for (operation, all) in &self.api_calls {
            row(operation, *all, later.get(operation).copied().unwrap_or_default());
        }
        let (all, reads, changes) = calls::sums(&self.api_calls);
        let (all_then, reads_then, changes_then) = calls::sums(later);
        row("reads (waiting repeats these)", reads, reads_then);
        row("changes", changes, changes_then);
        row("together", all, all_then);
        right(&mut rows, 1..4);
        print(rows.trim_fmt())
    }

    fn print_slots(&self) -> std::io::Result<()> {
        print(bold("\nWhat each slot had before, and has now"))?;
        let mut rows = table(["SLOT", "", "INSTANCE", "ZONE", "VOLUME", "IP", "NAME"]);
        for slot in &self.slots {
            for (when, has) in [("before", &slot.before), ("after", &slot.after)] {
                let Some(has) = has else { continue };
                let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
                let died = if when == "before" && self.killed.contains(&slot.slot) { " (killed)" } else { "" };
                rows.add_row([
                    slot.slot.to_string(),
                    when.to_owned(),
                    format!("{}{died}", text(&has.instance)),
                    has.zone.clone(),
                    has.volumes_shown(),
                    text(&has.ip),
                    text(&has.name),
                ]);
            }
        }
        print(rows.trim_fmt())
    }

    fn print_parts(&self) -> std::io::Result<()> {
        print(bold(format!("\n{}", self.words.parts_of)))?;
        let mut rows = table(["SLOT", "FROM", "TOOK", "WAITED ON", "WHICH"]);
        for part in &self.parts {
            rows.add_row([
                part.slot.to_string(),
                format!("{:.1}", part.from_seconds),
                format!("{:.1}", part.took_seconds),
                part.waited_on.to_owned(),
                part.what.to_owned(),
            ]);
        }
        right(&mut rows, 1..3);
        print(rows.trim_fmt())
    }

    fn print_verdict(&self) -> std::io::Result<()> {
        print(bold("\nWhat must hold"))?;
        let mut rows = table(["", "WHAT", "FOUND"]);
        for check in &self.checks {
            rows.add_row([if check.ok { "yes" } else { "NO" }, &check.what, &check.detail]);
        }
        print(rows.trim_fmt())?;
        for problem in &self.problems {
            print(format!("{} {problem}", red("wrong:")))?;
        }
        if self.ok {
            print(format!(
                "\n{} {}\n{} created in all, {:.0} simulated seconds.",
                green("It holds:"),
                self.words.moral,
                count(self.volumes_created, "volume"),
                self.seconds
            ))
        } else {
            print(format!("\n{} {}", red("It does not hold:"), self.words.otherwise))
        }
    }
}

/// What happened, each thing with the slot that it belonged to.
fn moments(site: &Site, told: &Told) -> Vec<Moment> {
    let slots = || told.before.iter().chain(&told.after.slots);
    let named = slots().filter_map(|(number, slot)| Some((slot.has.name.clone()?, *number)));
    let seen = slots().flat_map(|(number, slot)| {
        slot.has.volumes.values().chain(&slot.has.instance).chain(&slot.has.ip).map(move |id| (id.clone(), *number))
    });
    let (named, seen) = (named.collect(), seen.collect());
    site.simulator.with(|aws| timeline::moments(aws.effects(), &Owners::of(aws, named, seen), told.began))
}

fn right(rows: &mut comfy_table::Table, columns: std::ops::Range<usize>) {
    rows.column_iter_mut().skip(columns.start).take(columns.len()).for_each(|column| {
        column.set_cell_alignment(CellAlignment::Right);
    });
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::slot;
    use super::*;

    #[test]
    fn scripts_can_rely_on_the_objects_form() {
        let has = |instance| Some(slot(0, instance).has);
        let calls: Calls = [("ec2:AttachVolume".to_owned(), 2)].into();
        let moment =
            Moment { at_seconds: 1.5, slot: None, what: "seeds.cass.prod.internal resolves to 10.0.0.0".to_owned() };
        let report = Report {
            ok: true,
            story: Story::Failover,
            problems: Vec::new(),
            checks: vec![Check { what: "it holds".to_owned(), ok: true, detail: "1 slot".to_owned() }],
            slots: vec![SlotReport { slot: 0, before: has("i-a"), after: has("i-b") }],
            killed: vec![0],
            volumes_created: 1,
            api_calls: calls.clone(),
            api_calls_of_replacement: Some(calls),
            api_calls_of_story: None,
            turn_at_seconds: 60.0,
            parts: vec![Part {
                slot: 0,
                from_seconds: 1.0,
                took_seconds: 2.5,
                waited_on: "EC2",
                what: "attaches volume and interface",
            }],
            timeline: vec![moment],
            seconds: 80.3,
            rights: Rights::default(),
            words: Words::default(),
        };
        insta::assert_snapshot!(serde_json::to_string(&report).unwrap(), @r#"{"ok":true,"story":"failover","problems":[],"checks":[{"what":"it holds","ok":true,"detail":"1 slot"}],"slots":[{"slot":0,"before":{"instance":"i-a","zone":"eu-central-1a","volumes":{"data":"vol-0"},"ip":"10.0.0.0","name":"cass-0.prod.internal"},"after":{"instance":"i-b","zone":"eu-central-1a","volumes":{"data":"vol-0"},"ip":"10.0.0.0","name":"cass-0.prod.internal"}}],"killed":[0],"volumes_created":1,"api_calls":{"ec2:AttachVolume":2},"api_calls_of_replacement":{"ec2:AttachVolume":2},"turn_at_seconds":60.0,"parts":[{"slot":0,"from_seconds":1.0,"took_seconds":2.5,"waited_on":"EC2","what":"attaches volume and interface"}],"timeline":[{"at_seconds":1.5,"slot":null,"what":"seeds.cass.prod.internal resolves to 10.0.0.0"}],"seconds":80.3,"rights":{"used":[],"unused":[],"spare":[]}}"#);
    }
}
