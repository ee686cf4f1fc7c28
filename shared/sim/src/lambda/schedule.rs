//! Rules with a schedule: which functions get an event at fixed intervals.
//!
//! Documented (EventBridge User Guide, *Schedule rules*,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html>): `rate(1 minute)` and
//! `cron(0/5 * * * ? *)`, both on whole minutes. Assumed: the first event of a rate comes one interval after the rule is made.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Lambda;
use crate::stack::Stack;

/// A rule with a schedule, whose target is one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The function.
    pub function: String,
    /// How far apart its events are, in simulated time; at least a second.
    pub every: SignedDuration,
}

/// The schedules of a deployed stack.
///
/// # Panics
/// The template has an expression that is not played here.
#[must_use]
pub fn schedules_of(stack: &Stack) -> Vec<Schedule> {
    let named = stack.functions.iter().flat_map(|(function, deployed)| {
        deployed.schedules.values().map(move |expression| (function.clone(), expression))
    });
    let schedule = |(function, expression): (String, &String)| {
        let minutes = minutes_of(expression).unwrap_or_else(|| panic!("the schedule {expression} is not played"));
        Schedule { function, every: SignedDuration::from_mins(minutes) }
    };
    named.map(schedule).collect()
}

/// How many minutes lie between the events of an expression of the two kinds that are played.
fn minutes_of(expression: &str) -> Option<i64> {
    let inside = |kind: &str| expression.strip_prefix(kind)?.strip_suffix(')');
    let rate = || inside("rate(")?.strip_suffix('s').or(inside("rate("))?.strip_suffix(" minute")?.parse().ok();
    let cron = || inside("cron(0/")?.strip_suffix(" * * * ? *")?.parse().ok();
    // Of the beginning's whole hours, minutes that divide an hour are the same as the clock's.
    rate().or_else(|| cron().filter(|minutes| 60 % minutes == 0))
}

impl Schedule {
    /// The latest of its instants that has come, where `due` is one of them: what a leap of the clock passed over comes
    /// once, not in a burst.
    fn latest(&self, due: Timestamp, now: Timestamp) -> Timestamp {
        let step = self.step();
        let missed = now.duration_since(due).as_secs().div_euclid(step).max(0);
        due.checked_add(SignedDuration::from_secs(missed * step)).unwrap_or(Timestamp::MAX)
    }

    fn following(&self, due: Timestamp) -> Timestamp {
        due.checked_add(SignedDuration::from_secs(self.step())).unwrap_or(Timestamp::MAX)
    }

    fn step(&self) -> i64 {
        self.every.as_secs().max(1)
    }
}

impl Lambda {
    /// Sends each scheduled event in its time, for ever.
    pub(crate) async fn keep_schedules(&self) {
        let mut upcoming: Vec<(Timestamp, &Schedule)> =
            self.schedules.iter().map(|schedule| (schedule.following(self.begun), schedule)).collect();
        while let Some((due, schedule)) = upcoming.iter_mut().min_by_key(|(due, _)| *due) {
            self.clock.sleep_until(*due).await;
            let latest = schedule.latest(*due, self.clock.now());
            self.send(&schedule.function, &self.scheduled_event(&schedule.function, latest));
            *due = schedule.following(latest);
        }
    }

    /// The event of a rule with a schedule (EventBridge User Guide, "Scheduled events").
    fn scheduled_event(&self, rule: &str, due: Timestamp) -> Value {
        let Self { region, account, .. } = self;
        let time = jiff::fmt::temporal::DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&due);
        json!({
            "version": "0",
            "id": Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{rule} {due}").as_bytes()).to_string(),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": account,
            "time": time,
            "region": region,
            "resources": [format!("arn:aws:events:{region}:{account}:rule/{rule}")],
            "detail": {},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_expressions_are_read() {
        assert_eq!(minutes_of("rate(1 minute)"), Some(1));
        assert_eq!(minutes_of("rate(7 minutes)"), Some(7));
        assert_eq!(minutes_of("cron(0/5 * * * ? *)"), Some(5));
        for other in ["rate(1 hour)", "cron(0/7 * * * ? *)", "cron(5 * * * ? *)", ""] {
            assert_eq!(minutes_of(other), None, "{other}");
        }
        let read = schedules_of(&Stack::with(&crate::stack::Facts::of("prod")));
        let read: Vec<_> = read.iter().map(|schedule| (schedule.function.as_str(), schedule.every)).collect();
        assert_eq!(read, [("snapshot", SignedDuration::from_mins(5)), ("sweep", SignedDuration::from_mins(1))]);
    }

    #[test]
    fn what_was_passed_over_comes_once() {
        let schedule = Schedule { function: "snapshot".to_owned(), every: SignedDuration::from_mins(5) };
        let at = |second| Timestamp::constant(second, 0);
        for (now, latest) in [(300, 300), (599, 300), (600, 600), (4_000, 3_900)] {
            assert_eq!(schedule.latest(at(300), at(now)), at(latest), "{now}");
        }
        assert_eq!(schedule.following(at(3_900)), at(4_200));
    }
}
