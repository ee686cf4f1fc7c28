//! The story as it goes on, on stderr: a table that is redrawn on a terminal, lines elsewhere.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::SignedDuration;

use super::picture::{Picture, SlotNow};
use crate::output::{bold, say, table};

/// How often a terminal is redrawn in a second, at most.
const REDRAWS: u8 = 8;

pub(super) enum View {
    /// Redrawn in place.
    Live(ProgressBar),
    /// A line for each slot or instance whose state changes.
    Lines(BTreeMap<String, String>),
}

impl View {
    /// What suits stderr.
    pub(super) fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines(BTreeMap::new());
        }
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self::Live(bar)
    }

    /// A new part of the story begins.
    pub(super) fn phase(&self, sentence: &str) {
        match self {
            Self::Live(bar) => bar.suspend(|| say(bold(sentence))),
            Self::Lines(_) => say(bold(sentence)),
        }
    }

    /// How things are now.
    pub(super) fn show(&mut self, picture: &Picture, elapsed: SignedDuration) {
        match self {
            Self::Live(bar) => {
                bar.set_message(drawn(picture, elapsed));
                bar.tick();
            }
            Self::Lines(shown) => {
                for (who, what) in lines(picture) {
                    if shown.get(&who) != Some(&what) {
                        say(format!("{:>6} s  {who}: {what}", elapsed.as_secs()));
                        shown.insert(who, what);
                    }
                }
            }
        }
    }

    /// Leaves the last picture standing.
    pub(super) fn finish(&self) {
        match self {
            Self::Live(bar) => bar.abandon(),
            Self::Lines(_) => {}
        }
    }
}

fn drawn(picture: &Picture, elapsed: SignedDuration) -> String {
    let mut rows = table(["SLOT", "INSTANCE", "STATE", "VOLUME", "IP", "NAME"]);
    rows.use_stderr();
    for (number, slot) in &picture.slots {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        rows.add_row([
            number.to_string(),
            text(&slot.has.instance),
            slot.state.clone(),
            slot.has.volumes_shown(),
            text(&slot.has.ip),
            text(&slot.has.name),
        ]);
    }
    for (instance, state) in &picture.others {
        rows.add_row(["", instance, state, "", "", ""]);
    }
    let waits = picture.waits();
    let waiting = match waits.as_slice() {
        [] => "nothing is waited for".to_owned(),
        [only] => format!("waiting for {only}"),
        [first, rest @ ..] => format!("waiting for {first}, and {} more", rest.len()),
    };
    format!("{}\n{} simulated seconds; {waiting}", rows.trim_fmt(), elapsed.as_secs())
}

fn lines(picture: &Picture) -> BTreeMap<String, String> {
    let slots = picture.slots.iter().map(|(number, slot)| (format!("slot {number}"), line(slot)));
    let others = picture.others.iter().map(|(instance, state)| (instance.clone(), format!("{state}, without a slot")));
    slots.chain(others).collect()
}

fn line(slot: &SlotNow) -> String {
    let (volumes, ip) = (slot.has.volumes_shown(), slot.has.ip.as_deref().unwrap_or("no address"));
    match (&slot.has.instance, &slot.waits_for) {
        (holder, Some(wait)) => {
            format!("{} ({}), waits: {wait}", holder.as_deref().unwrap_or("no instance"), slot.state)
        }
        (Some(holder), None) => format!("{holder} serves, with {volumes} and {ip}"),
        (None, None) if slot.has.volumes.is_empty() => format!("{}, with its snapshots", slot.state),
        (None, None) => format!("{}, with {volumes} and {ip}", slot.state),
    }
}
