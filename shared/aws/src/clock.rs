//! Time: the real one, or a simulated AWS's, which runs faster.

use std::time::{Duration, SystemTime};

use jiff::{SignedDuration, Timestamp};
use stateful_asg_runtime::ports::Clock;

use crate::Aws;

/// How a simulated AWS's time follows from the real one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimClock {
    /// Real milliseconds since the epoch at which the simulated time began.
    pub real_origin_ms: i64,
    /// Simulated milliseconds since the epoch at that moment.
    pub sim_origin_ms: i64,
    /// Simulated seconds in a real one; greater than 0.
    pub speed: f64,
}

/// The clock in use.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ticking {
    Real,
    Simulated(SimClock),
}

impl Ticking {
    fn at(self, real: Timestamp) -> Timestamp {
        match self {
            Self::Real => real,
            Self::Simulated(sim) => sim.at(real),
        }
    }

    fn real_length(self, duration: Duration) -> Duration {
        match self {
            Self::Real => duration,
            // A speed that is no positive number must not end in a panic: time then passes as it really does.
            Self::Simulated(sim) => Duration::try_from_secs_f64(duration.as_secs_f64() / sim.speed).unwrap_or(duration),
        }
    }
}

impl SimClock {
    fn at(self, real: Timestamp) -> Timestamp {
        let elapsed_ms = real.as_millisecond().saturating_sub(self.real_origin_ms);
        // `as`: saturates, and milliseconds fit an f64 exactly for 285,000 years.
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
        let scaled_ms = (elapsed_ms as f64 * self.speed) as i64;
        let origin = Timestamp::from_millisecond(self.sim_origin_ms).unwrap_or(Timestamp::UNIX_EPOCH);
        origin.saturating_add(SignedDuration::from_millis(scaled_ms)).unwrap_or(origin)
    }
}

impl Clock for Aws {
    #[allow(clippy::disallowed_methods, reason = "this is the Clock that everything else asks")]
    fn now(&self) -> Timestamp {
        self.clock.at(Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(self.clock.real_length(duration)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sim(speed: f64) -> Ticking {
        Ticking::Simulated(SimClock { real_origin_ms: 1_000_000, sim_origin_ms: 50_000_000, speed })
    }

    #[test]
    fn simulated_time_runs_faster_from_its_own_origin() {
        let real = Timestamp::from_millisecond(1_002_500).unwrap();
        assert_eq!(sim(60.0).at(real).as_millisecond(), 50_150_000);
        assert_eq!(Ticking::Real.at(real), real);
    }

    #[test]
    fn a_simulated_sleep_is_shorter_in_real_time() {
        assert_eq!(sim(60.0).real_length(Duration::from_secs(30)), Duration::from_millis(500));
        assert_eq!(Ticking::Real.real_length(Duration::from_secs(30)), Duration::from_secs(30));
    }

    #[test]
    fn a_speed_of_nought_does_not_panic() {
        assert_eq!(sim(0.0).real_length(Duration::from_secs(3)), Duration::from_secs(3));
        assert_eq!(sim(f64::NAN).real_length(Duration::from_secs(3)), Duration::from_secs(3));
        let _ = sim(f64::INFINITY).at(Timestamp::MAX);
    }
}
