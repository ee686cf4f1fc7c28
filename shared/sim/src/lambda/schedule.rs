//! Rules with a rate: which functions get an event at fixed intervals.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Lambda;

/// A rule with a rate, whose target is one function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// The function.
    pub function: String,
    /// How far apart its events are, in simulated time; at least a second.
    pub every: SignedDuration,
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

    /// The event of a rule with a rate (EventBridge User Guide, "Scheduled events").
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
    fn what_was_passed_over_comes_once() {
        let schedule = Schedule { function: "snapshot".to_owned(), every: SignedDuration::from_mins(5) };
        let at = |second| Timestamp::constant(second, 0);
        for (now, latest) in [(300, 300), (599, 300), (600, 600), (4_000, 3_900)] {
            assert_eq!(schedule.latest(at(300), at(now)), at(latest), "{now}");
        }
        assert_eq!(schedule.following(at(3_900)), at(4_200));
    }
}
