//! What the functions' rights were good for.

use anyhow::bail;
use serde::Serialize;
use stateful_asg_sim::iam::{Denial, Ledger, Right};

use super::check::Check;
use crate::output::count;
use crate::site::Site;

/// The rights that the template gives to the functions, beside what the story asked for.
#[derive(Debug, Default, Serialize)]
pub(super) struct Rights {
    /// Those that allowed something, as `FUNCTION POLICY/STATEMENT ACTION RESOURCE`.
    used: Vec<String>,
    /// Those that allowed nothing.
    unused: Vec<String>,
    /// Those that allowed only what others allowed too.
    spare: Vec<String>,
}

impl Rights {
    pub(super) fn of(ledger: &Ledger) -> Self {
        let granted = ledger.granted();
        let of = |found: &mut dyn Iterator<Item = &Right>| found.map(words).collect();
        Self {
            used: of(&mut ledger.used().iter()),
            unused: of(&mut granted.difference(ledger.used())),
            spare: of(&mut ledger.used().difference(ledger.needed())),
        }
    }
}

/// The check that belongs to every story.
pub(super) fn check(site: &Site) -> Check {
    let ledger = site.simulator.rights();
    let detail = match ledger.denied().first() {
        None => format!("{} used", count(ledger.used().len(), "right")),
        Some(denial) => lacking(denial),
    };
    let what = "the functions have every right that they need".to_owned();
    Check { what, ok: ledger.denied().is_empty(), detail }
}

/// A function lacks a right: no story goes well after that.
///
/// # Errors
/// The first call that was denied.
pub(super) fn complete(site: &Site) -> anyhow::Result<()> {
    match site.simulator.rights().denied().first() {
        None => Ok(()),
        Some(denial) => bail!("{}", lacking(denial)),
    }
}

fn lacking(Denial { caller, check }: &Denial) -> String {
    format!("the function `{caller}` lacks a right: {} on {}", check.action, check.resource)
}

fn words(Right { caller, policy, sid, action, resource }: &Right) -> String {
    format!("{caller} {policy}/{sid} {action} {resource}")
}
