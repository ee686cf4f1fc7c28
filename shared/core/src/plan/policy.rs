//! The mode of the spec: a filter over a finished plan.

use crate::plan::Plan;
use crate::spec::Mode;
use crate::step::Step;
use crate::waiting::{Reason, Subject, Waiting};

/// Drops what the mode withholds, and says so.
pub(crate) fn filter(mut plan: Plan, mode: Mode) -> Plan {
    let (kept, withheld): (Vec<Step>, Vec<Step>) = plan.steps.into_iter().partition(|step| allows(mode, step));
    plan.steps = kept;
    plan.waiting.extend(withheld.into_iter().map(|step| Waiting {
        subject: Subject::Group,
        reason: Reason::Withheld { step: step.key() },
        since: None,
    }));
    plan
}

fn allows(mode: Mode, step: &Step) -> bool {
    match mode {
        Mode::Full => true,
        Mode::NoDeletes => !step.deletes(),
        Mode::Observe => false,
    }
}
