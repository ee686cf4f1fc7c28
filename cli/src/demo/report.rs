//! What is told at the end: one JSON object, or tables for people.

use std::collections::BTreeMap;

use comfy_table::CellAlignment;
use serde::Serialize;

use super::calls::{self, Calls};
use super::picture::Belongings;
use super::timeline::{self, Moment, Owners};
use super::{Story, check, group, waits};
use crate::output::{bold, count, green, print, red, table};

/// The object that `--json` prints.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    /// Everything stayed as it must.
    pub(super) ok: bool,
    /// What did not, one sentence each.
    problems: Vec<String>,
    slots: Vec<SlotReport>,
    /// The slots whose holders were killed.
    killed: Vec<u32>,
    /// Volumes created in the whole story.
    volumes_created: usize,
    /// API calls by operation, polls among them.
    api_calls: Calls,
    /// Those between the kill and the end.
    api_calls_of_replacement: Calls,
    timeline: Vec<Moment>,
    /// How long the story took, in simulated seconds.
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct SlotReport {
    slot: u32,
    before: Option<Belongings>,
    after: Option<Belongings>,
}

impl Report {
    pub(super) fn of(story: &Story) -> Self {
        let Story { site, began, killed, before, after, evidence, calls_before, .. } = story;
        let problems = check::problems(&before.slots, &after.slots, killed, group::VOLUMES, evidence);
        let numbers = before.slots.keys().chain(after.slots.keys().filter(|number| !before.slots.contains_key(number)));
        let has = |slots: &super::Slots, number| slots.get(number).map(|slot| slot.has.clone());
        let slots = numbers.map(|number| SlotReport {
            slot: *number,
            before: has(&before.slots, number),
            after: has(&after.slots, number),
        });
        let named = after.slots.iter().filter_map(|(number, slot)| Some((slot.has.name.clone()?, *number)));
        let named: BTreeMap<String, u32> = named.collect();
        let timeline = site.simulator.with(|aws| timeline::moments(aws.effects(), &Owners::of(aws, named), *began));
        let api_calls = site.simulator.counts();
        Self {
            ok: problems.is_empty(),
            problems,
            slots: slots.collect(),
            killed: killed.keys().copied().collect(),
            volumes_created: evidence.created,
            api_calls_of_replacement: calls::since(calls_before, &api_calls),
            api_calls,
            timeline,
            seconds: timeline::seconds(*began, after.at),
        }
    }

    /// A story that did not come to its end.
    pub(super) fn of_failure(error: &anyhow::Error) -> Self {
        Self { problems: vec![format!("{error:#}")], ..Self::default() }
    }

    /// The same for people, on stdout.
    ///
    /// # Errors
    /// Stdout's.
    pub(super) fn print(&self, story: &Story) -> std::io::Result<()> {
        self.print_timeline()?;
        print_waits(story)?;
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
        let mut rows = table(["OPERATION", "ALL", "REPLACEMENT", "A DEAD NODE"]);
        let mut row = |name: &str, all: u64, replacing: u64| {
            rows.add_row([
                name.to_owned(),
                all.to_string(),
                replacing.to_string(),
                format!("{:.1}", replacing as f64 / nodes),
            ]);
        };
        for (operation, all) in &self.api_calls {
            row(operation, *all, self.api_calls_of_replacement.get(operation).copied().unwrap_or_default());
        }
        let (all, reads, changes) = calls::sums(&self.api_calls);
        let (all_then, reads_then, changes_then) = calls::sums(&self.api_calls_of_replacement);
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
                let volumes: Vec<&str> = has.volumes.values().map(String::as_str).collect();
                let died = if when == "before" && self.killed.contains(&slot.slot) { " (killed)" } else { "" };
                rows.add_row([
                    slot.slot.to_string(),
                    when.to_owned(),
                    format!("{}{died}", text(&has.instance)),
                    has.zone.clone(),
                    volumes.join(" "),
                    text(&has.ip),
                    text(&has.name),
                ]);
            }
        }
        print(rows.trim_fmt())
    }

    fn print_verdict(&self) -> std::io::Result<()> {
        for problem in &self.problems {
            print(format!("{} {problem}", red("wrong:")))?;
        }
        let (nodes, volumes) = (count(self.killed.len(), "node"), count(self.volumes_created, "volume"));
        if self.ok {
            print(format!(
                "\n{} {nodes} died; each replacement has the volume with all that was written to it, the address and \
                 the name.\n{volumes} created in all, {:.0} simulated seconds.",
                green("It holds:"),
                self.seconds
            ))
        } else {
            print(format!("\n{} {nodes} died, and not all is as before.", red("It does not hold:")))
        }
    }
}

fn print_waits(story: &Story) -> std::io::Result<()> {
    print(bold("\nWhat each replacement waited for, in simulated seconds after the death"))?;
    let mut rows = table(["SLOT", "FROM", "TOOK", "WAITED ON", "WHICH"]);
    for (number, dead) in &story.killed {
        let Some(slot) = story.after.slots.get(number) else { continue };
        let legs = story.site.simulator.with(|aws| waits::legs(aws, story.killed_at, dead, &slot.has));
        for leg in legs {
            rows.add_row([
                number.to_string(),
                format!("{:.1}", leg.from),
                format!("{:.1}", leg.took),
                leg.on.to_owned(),
                leg.what.to_owned(),
            ]);
        }
    }
    right(&mut rows, 1..3);
    print(rows.trim_fmt())
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
            problems: Vec::new(),
            slots: vec![SlotReport { slot: 0, before: has("i-a"), after: has("i-b") }],
            killed: vec![0],
            volumes_created: 1,
            api_calls: calls.clone(),
            api_calls_of_replacement: calls,
            timeline: vec![moment],
            seconds: 80.3,
        };
        insta::assert_snapshot!(serde_json::to_string(&report).unwrap(), @r#"{"ok":true,"problems":[],"slots":[{"slot":0,"before":{"instance":"i-a","zone":"eu-central-1a","volumes":{"data":"vol-0"},"ip":"10.0.0.0","name":"cass-0.prod.internal"},"after":{"instance":"i-b","zone":"eu-central-1a","volumes":{"data":"vol-0"},"ip":"10.0.0.0","name":"cass-0.prod.internal"}}],"killed":[0],"volumes_created":1,"api_calls":{"ec2:AttachVolume":2},"api_calls_of_replacement":{"ec2:AttachVolume":2},"timeline":[{"at_seconds":1.5,"slot":null,"what":"seeds.cass.prod.internal resolves to 10.0.0.0"}],"seconds":80.3}"#);
    }
}
