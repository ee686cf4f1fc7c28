//! A spec as histories draw it and people edit it.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// What a spec asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    size: u32,
    second: bool,
    kind: &'static str,
    iops: Option<u32>,
    throughput: Option<u32>,
    key: bool,
    fixed: String,
    moves: usize,
    snapshots: Option<(&'static str, u32)>,
    retires: bool,
    data_lost: usize,
    grow_at_once: u32,
    wait: u32,
    mounted: bool,
    surge: &'static str,
    start: Start,
}

/// What new volumes begin as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Start {
    /// Blank, with the spec's own figures.
    #[default]
    Blank,
    /// Blank, like a template volume, in whatever the spec does not name.
    Template,
    /// What a snapshot holds.
    Snapshot,
}

/// Stands for the template volume's ID.
pub const TEMPLATE: &str = "TEMPLATE";
/// Stands for the snapshot's ID.
pub const SNAPSHOT: &str = "SNAPSHOT";
/// The size at first, in GiB.
pub const SIZE: u32 = 20;

const MOVES: [&str; 3] = [r#""never""#, r#""final""#, r#"{"stale_up_to":"1h"}"#];
const LOST: [&str; 3] = [r#""wait""#, r#""blank""#, r#"{"snapshot_up_to":"1h"}"#];

impl Wish {
    /// A random one.
    #[must_use]
    pub fn draw(rng: &mut ChaCha8Rng, mounted: bool) -> Self {
        let address = if rng.random_bool(0.6) { r#","address":{"kind":"eni"}"# } else { "" };
        let dns = [
            "",
            r#","dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","ttl":30}"#,
            r#","dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30}"#,
            r#","dns":{"zone":"ZONE","slot":"cass-{slot}.prod.internal","group":"seeds.prod.internal","ttl":30}"#,
        ][rng.random_range(0..4)];
        let at_once = rng.random_range(1..=2);
        let fixed = format!(r#"{address}{dns},"terminate":{{"drain":"2m","at_once":{at_once}}}"#);
        let snapshots =
            rng.random_bool(0.6).then(|| (["5m", "10m", "30m", "1h"][rng.random_range(0..4)], rng.random_range(1..=3)));
        // What rests on periodic snapshots is refused without them.
        let choices = if snapshots.is_some() { 3 } else { 2 };
        Self {
            size: SIZE,
            second: rng.random_bool(0.3),
            kind: "gp3",
            iops: None,
            throughput: None,
            key: rng.random_bool(0.2),
            fixed,
            moves: rng.random_range(0..choices),
            snapshots,
            retires: rng.random_bool(0.4),
            data_lost: rng.random_range(0..choices),
            grow_at_once: rng.random_range(1..=2),
            wait: 20,
            mounted,
            surge: ["2m", "10m"][rng.random_range(0..2)],
            start: Start::Blank,
        }
    }

    /// The same with other beginnings of new volumes.
    #[must_use]
    pub fn starting(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// What new volumes begin as.
    #[must_use]
    pub fn start(&self) -> Start {
        self.start
    }

    /// How many volumes a slot has.
    #[must_use]
    pub fn names(&self) -> &'static [&'static str] {
        if self.second { &["data", "log"] } else { &["data"] }
    }

    /// Whether there are names to publish.
    #[must_use]
    pub fn names_anything(&self) -> bool {
        self.fixed.contains("dns")
    }

    /// Whether slots may move.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.moves > 0
    }

    /// An edit that changes nothing which exists.
    pub fn touch(&mut self) {
        self.wait += 1;
    }

    /// An edit that volumes which exist must follow.
    pub fn grow(&mut self, rng: &mut ChaCha8Rng) {
        match rng.random_range(0..5) {
            0 | 1 => self.size += 5,
            2 if self.kind == "gp3" => self.iops = Some(if self.iops == Some(4000) { 5000 } else { 4000 }),
            3 if self.kind == "gp3" => self.throughput = Some(if self.throughput == Some(200) { 250 } else { 200 }),
            _ => {
                self.kind = if self.kind == "gp3" { "gp2" } else { "gp3" };
                (self.iops, self.throughput) = (None, None);
            }
        }
    }

    /// The same with a smaller volume, which must be refused.
    #[must_use]
    pub fn smaller(&self) -> Self {
        Self { size: self.size - 1, ..self.clone() }
    }

    /// Another rule about moves.
    pub fn change_moves(&mut self, rng: &mut ChaCha8Rng) {
        self.moves = rng.random_range(0..if self.snapshots.is_some() { 3 } else { 2 });
    }

    /// The JSON; `ZONE` stands for the hosted zone.
    #[must_use]
    pub fn text(&self) -> String {
        let number = |name: &str, value: Option<u32>| value.map_or_else(String::new, |v| format!(r#""{name}":{v},"#));
        let key = if self.key { r#""kms_key":"alias/ours","# } else { "" };
        let named = |named: bool, text: String| if named { text } else { String::new() };
        let own = self.start != Start::Template;
        let figures = named(own || self.size != SIZE, format!(r#""size":"{}GiB","#, self.size))
            + &named(own || self.kind != "gp3", format!(r#""type":"{}","#, self.kind));
        let start = match self.start {
            Start::Blank => String::new(),
            Start::Template => format!(r#""like":"{TEMPLATE}","#),
            Start::Snapshot => format!(r#""snapshot":"{SNAPSHOT}","#),
        };
        let second = if self.second { r#","log":{"like":"data","size":10,"mount":"/log"}"# } else { "" };
        let snapshots = self.snapshots.map_or_else(String::new, |(every, last)| {
            format!(r#","snapshots":{{"every":"{every}","keep":{{"last":{last},"hourly":2}}}}"#)
        });
        let retires = if self.retires { r#","slots":{"retire_after":"1h"}"# } else { "" };
        format!(
            r#"{{"v":1,"volumes":{{"data":{{{}{}{}{}{key}"mount":"/data"}}{second}}}{}{snapshots}{retires},"zones":{{"move":{},"keep_source":"1h"}},"data_lost":{},"growth":{{"at_once":{}}},"launch":{{"ready":"{}","wait":"{}m","surge_wait":"{}"}}}}"#,
            figures,
            number("iops", self.iops),
            number("throughput", self.throughput),
            start,
            self.fixed,
            MOVES[self.moves],
            LOST[self.data_lost],
            self.grow_at_once,
            if self.mounted { "mounted" } else { "attached" },
            self.wait,
            self.surge,
        )
    }
}
