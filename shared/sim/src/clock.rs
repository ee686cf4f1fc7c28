//! Simulated time as a multiple of real time.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// The environment variable through which a function's process learns the simulated time.
pub const CLOCK_VARIABLE: &str = "STATEFUL_ASG_SIM_CLOCK";

/// A clock that starts at a given simulated time and runs `speed` times as fast as the real one.
///
/// Clones are the same clock: when one leaps, all do, and whoever sleeps on it sleeps no longer than until then.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    real_origin_ms: u128,
    sim_origin: Timestamp,
    speed: f64,
    /// All leaps together.
    leapt: Arc<watch::Sender<SignedDuration>>,
}

impl Clock {
    /// A clock that reads `sim_origin` now.
    ///
    /// `speed` is simulated seconds in a real second; it is held within 0.001 and 100,000.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock that the others ask")]
    pub fn start(sim_origin: Timestamp, speed: f64) -> Self {
        let real_origin_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let speed = if speed.is_finite() { speed.clamp(0.001, 100_000.0) } else { 1.0 };
        Self { started: Instant::now(), real_origin_ms, sim_origin, speed, leapt: Arc::default() }
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed =
            SignedDuration::try_from(self.started.elapsed().mul_f64(self.speed)).unwrap_or(SignedDuration::MAX);
        self.origin().checked_add(passed).unwrap_or(Timestamp::MAX)
    }

    /// Puts the clock forward at once. What was due meanwhile is overdue then.
    pub fn leap(&self, by: SignedDuration) {
        let by = by.max(SignedDuration::ZERO);
        self.leapt.send_modify(|leapt| *leapt = leapt.saturating_add(by));
    }

    /// The simulated time at the real origin, as if the clock had been as far ahead from the beginning.
    fn origin(&self) -> Timestamp {
        self.sim_origin.checked_add(*self.leapt.borrow()).unwrap_or(Timestamp::MAX)
    }

    /// How long a simulated duration takes in real time; zero where it is negative.
    #[must_use]
    pub fn real(&self, simulated: SignedDuration) -> Duration {
        Duration::try_from(simulated).unwrap_or_default().div_f64(self.speed)
    }

    /// Waits for a simulated duration.
    pub async fn sleep(&self, simulated: SignedDuration) {
        self.sleep_until(self.now().checked_add(simulated).unwrap_or(Timestamp::MAX)).await;
    }

    /// Waits until a simulated time.
    pub async fn sleep_until(&self, time: Timestamp) {
        let mut leaps = self.leapt.subscribe();
        loop {
            let left = time.duration_since(self.now());
            if left <= SignedDuration::ZERO {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(self.real(left)) => return,
                _ = leaps.changed() => {}
            }
        }
    }

    /// Simulated seconds in a real second.
    #[must_use]
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// The value of [`CLOCK_VARIABLE`]: real origin in epoch milliseconds, simulated origin likewise, speed.
    #[must_use]
    pub fn to_variable(&self) -> String {
        format!("{},{},{}", self.real_origin_ms, self.origin().as_millisecond(), self.speed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_as_many_times_faster_as_it_is_told() {
        let origin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::start(origin, 1000.0);
        std::thread::sleep(clock.real(SignedDuration::from_secs(20)));
        assert!(clock.now().duration_since(origin) >= SignedDuration::from_secs(20));
        assert_eq!(clock.real(SignedDuration::from_secs(60)), Duration::from_millis(60));
        assert_eq!(clock.real(SignedDuration::from_secs(-60)), Duration::ZERO);
    }

    #[test]
    fn the_variable_names_both_origins_and_the_speed() {
        let clock = Clock::start("2026-01-01T00:00:00Z".parse().unwrap(), 60.0);
        let text = clock.to_variable();
        let parts: Vec<&str> = text.split(',').collect();
        assert!(parts[0].parse::<u64>().unwrap() > 1_700_000_000_000);
        assert_eq!(parts[1..], ["1767225600000", "60"]);
    }

    #[tokio::test]
    async fn a_leap_is_one_for_all_clones_and_wakes_those_that_sleep() {
        let origin: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::start(origin, 1.0);
        let hour = SignedDuration::from_hours(1);
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(origin + hour).await }
        });
        tokio::task::yield_now().await;
        clock.leap(hour);
        let woken = tokio::time::timeout(Duration::from_secs(60), sleeper).await;
        assert!(woken.is_ok(), "it sleeps on for the rest of a real hour");
        assert!(clock.now().duration_since(origin) >= hour);
        assert!(clock.to_variable().ends_with(",1767229200000,1"), "{}", clock.to_variable());
    }

    #[test]
    fn a_senseless_speed_does_no_harm() {
        for speed in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert!(Clock::start(Timestamp::UNIX_EPOCH, speed).speed() > 0.0);
        }
    }
}
