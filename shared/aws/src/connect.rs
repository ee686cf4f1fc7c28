//! Makes the clients: timeouts, retries, counting.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};

use crate::Aws;
use crate::clock::{SimClock, Ticking};
use crate::counts::Counts;
use crate::retries::RetryContention;

/// A whole call, its retries included.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(25);
/// One attempt of it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);
/// From the request to the answer's first byte.
const READ_TIMEOUT: Duration = Duration::from_secs(7);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const ATTEMPTS: u32 = 4;

/// What `connect` needs besides the SDK's own environment (region, credentials, endpoint).
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The name of the DynamoDB table.
    pub table: String,
    /// The event bus for our own `Settle` events, by name or ARN.
    pub event_bus: String,
    /// The clock of a simulated AWS; none is the real time.
    pub sim_clock: Option<SimClock>,
}

/// Makes the clients. Sends nothing; credentials are asked for by the first call.
///
/// EC2 and Route 53 adapt their pace to throttling, since their request buckets are shared with everything else in the
/// account; the others retry at the standard pace.
pub async fn connect(settings: &Settings) -> Aws {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts())
        .retry_config(retries(Pace::Usual))
        .load()
        .await;
    clients(&config, settings, Pace::Usual)
}

/// How calls are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// As in production: with retries, and no faster than AWS lets us.
    Usual,
    /// Once, and at once: what comes back is what the caller sees.
    AtOnce,
}

impl Pace {
    /// Of the services whose request buckets are shared with everything else in the account.
    fn adaptive(self) -> RetryConfig {
        match self {
            Self::Usual => RetryConfig::adaptive().with_max_attempts(ATTEMPTS),
            Self::AtOnce => RetryConfig::disabled(),
        }
    }

    /// For a call that has no token and must not be applied twice: CreateSnapshot and CreateSnapshots would take another
    /// snapshot, ModifyVolume would use up another of the four changes a day. It is sent once, and that one attempt has
    /// the whole call's time. Who called looks first whether a lost one was applied (by the operation's tag, by the
    /// volume's newest change) and then tries again. The pace is kept all the same.
    pub(crate) fn once(self) -> aws_sdk_ec2::config::Builder {
        let retries = match self {
            Self::Usual => RetryConfig::adaptive().with_max_attempts(1),
            Self::AtOnce => RetryConfig::disabled(),
        };
        let timeouts = TimeoutConfig::builder().operation_attempt_timeout(OPERATION_TIMEOUT).build();
        aws_sdk_ec2::Config::builder().retry_config(retries).timeout_config(timeouts)
    }
}

/// What `connect` and `connect_by` say alike; at the pace `AtOnce` nothing is tried again.
pub(crate) fn retries(pace: Pace) -> RetryConfig {
    match pace {
        Pace::Usual => RetryConfig::standard().with_max_attempts(ATTEMPTS),
        Pace::AtOnce => RetryConfig::disabled(),
    }
}

/// The clients on this configuration.
pub(crate) fn clients(config: &SdkConfig, settings: &Settings, pace: Pace) -> Aws {
    let adaptive = pace.adaptive();
    let counts = Counts::default();
    let ec2 = aws_sdk_ec2::config::Builder::from(config)
        .retry_config(adaptive.clone())
        .retry_classifier(RetryContention)
        .interceptor(counts.clone());
    let autoscaling = aws_sdk_autoscaling::config::Builder::from(config)
        .retry_classifier(RetryContention)
        .interceptor(counts.clone());
    let route53 = aws_sdk_route53::config::Builder::from(config).retry_config(adaptive).interceptor(counts.clone());
    let dynamodb = aws_sdk_dynamodb::config::Builder::from(config).interceptor(counts.clone());
    let events = aws_sdk_eventbridge::config::Builder::from(config).interceptor(counts.clone());
    Aws {
        ec2: aws_sdk_ec2::Client::from_conf(ec2.build()),
        autoscaling: aws_sdk_autoscaling::Client::from_conf(autoscaling.build()),
        route53: aws_sdk_route53::Client::from_conf(route53.build()),
        dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
        events: aws_sdk_eventbridge::Client::from_conf(events.build()),
        table: settings.table.clone(),
        bus: settings.event_bus.clone(),
        clock: settings.sim_clock.map_or(Ticking::Real, Ticking::Simulated),
        counts,
        pace,
    }
}

pub(crate) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}
