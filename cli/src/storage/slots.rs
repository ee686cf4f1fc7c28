//! `slot list`.

use jiff::Timestamp;
use serde::Serialize;
use stateful_asg_core::table::{Slot, SlotState};
use stateful_asg_core::upkeep::{Change, ChangeKind, Order, Stage};

use super::{Row, list, or_dash};
use crate::Verdict;
use crate::account;
use crate::args::ListArgs;

#[derive(Debug, Serialize)]
struct Line {
    slot: u32,
    state: SlotState,
    zone: String,
    holder: Option<String>,
    claim: u64,
    vacated: Option<Timestamp>,
    change: Option<String>,
    order: Option<String>,
}

impl Row<8> for Line {
    const HEADER: [&'static str; 8] = ["SLOT", "STATE", "ZONE", "HOLDER", "CLAIM", "VACATED", "UNDER WAY", "ORDERED"];

    fn cells(&self) -> [String; 8] {
        [
            self.slot.to_string(),
            word(self.state).to_owned(),
            self.zone.clone(),
            or_dash(self.holder.as_ref()),
            self.claim.to_string(),
            or_dash(self.vacated.filter(|_| self.holder.is_none()).map(|at| format!("{at:.0}"))),
            or_dash(self.change.as_ref()),
            or_dash(self.order.as_ref()),
        ]
    }
}

/// Shows every slot of the group.
///
/// # Errors
/// What keeps the group from being read.
pub(crate) fn show(args: &ListArgs) -> anyhow::Result<Verdict> {
    account::with(&args.place, async |account| {
        let observed = account.read().await?;
        let lines: Vec<Line> = observed.slots().map(line).collect();
        list(&lines, args.json, "The table holds no slots of this group.")
    })
}

fn line(slot: &Slot) -> Line {
    Line {
        slot: slot.number.0,
        state: slot.state,
        zone: slot.zone.to_string(),
        holder: slot.holder.as_ref().map(|holder| holder.instance.to_string()),
        claim: slot.claim.0,
        vacated: slot.vacated,
        change: slot.upkeep.change.as_ref().map(under_way),
        order: slot.upkeep.order.as_ref().map(ordered),
    }
}

fn word(state: SlotState) -> &'static str {
    match state {
        SlotState::Active => "active",
        SlotState::Parked => "parked",
        SlotState::Retired => "retired",
    }
}

/// A change in a person's words.
pub(super) fn under_way(change: &Change) -> String {
    let what = match &change.kind {
        ChangeKind::Move { to } => format!("moves to {to}"),
        ChangeKind::Restore => "is restored".to_owned(),
        ChangeKind::Retire => "is retired".to_owned(),
    };
    let stage = match change.stage {
        Stage::Saving => "snapshots are taken",
        Stage::Making => "volumes are made",
        Stage::Switching => "they take their place",
    };
    format!("{what} since {:.0}: {stage}", change.begun)
}

/// An order in a person's words.
pub(super) fn ordered(order: &Order) -> String {
    match order {
        Order::Retire => "retire".to_owned(),
        Order::Move { to } => format!("move to {to}"),
        Order::Restore { volumes } => {
            let from: Vec<String> = volumes.iter().map(|(name, snapshot)| format!("{name} from {snapshot}")).collect();
            format!("restore {}", from.join(", "))
        }
    }
}
