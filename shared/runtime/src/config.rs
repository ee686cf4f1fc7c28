//! The functions' settings, read from the environment once, with every problem named at once.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use jiff::Timestamp;
use stateful_asg_core::ids::{DeploymentId, GroupName};
use stateful_asg_core::spec::{Allowed, Limits};
use tracing::level_filters::LevelFilter;

/// Which installation this is. Required.
pub const DEPLOYMENT: &str = "STATEFUL_ASG_DEPLOYMENT";
/// The name of the DynamoDB table. Required.
pub const TABLE: &str = "STATEFUL_ASG_TABLE";
/// The event bus for our own events; `default` where absent.
pub const EVENT_BUS: &str = "STATEFUL_ASG_EVENT_BUS";
/// Hosted zones in which specs may ask for names: IDs and commas, or `*`; absent means none.
pub const ALLOWED_ZONES: &str = "STATEFUL_ASG_ALLOWED_ZONES";
/// DNS names that specs may ask for: names in which a `*` stands for any text, and commas; absent means all.
pub const ALLOWED_NAMES: &str = "STATEFUL_ASG_ALLOWED_NAMES";
/// KMS keys that specs may name: as specs write them, and commas, or `*`; absent means none.
pub const ALLOWED_KMS_KEYS: &str = "STATEFUL_ASG_ALLOWED_KMS_KEYS";
/// Subnets that specs may list: IDs and commas, or `*`; absent means none but the Auto Scaling group's own.
pub const ALLOWED_SUBNETS: &str = "STATEFUL_ASG_ALLOWED_SUBNETS";
/// The largest volume that a spec may ask for, in GiB; 16,384 where absent.
pub const MAX_VOLUME_GIB: &str = "STATEFUL_ASG_MAX_VOLUME_GIB";
/// Groups to serve: names, or beginnings with a `*`, and commas; absent means all.
pub const ALLOWED_GROUPS: &str = "STATEFUL_ASG_ALLOWED_GROUPS";
/// Whether anything may be deleted: `true` or `false`; `false` where absent.
pub const ALLOW_DELETES: &str = "STATEFUL_ASG_ALLOW_DELETES";
/// The least severe message to log: `error`, `warn`, `info`, `debug` or `trace`; `info` where absent.
pub const LOG: &str = "STATEFUL_ASG_LOG";
/// Simulated time; only with an endpoint on loopback.
pub const SIM_CLOCK: &str = "STATEFUL_ASG_SIM_CLOCK";

/// Lambda's name of the handler. <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
const HANDLER: &str = "_HANDLER";
/// The SDK's override for all services, and those for the services that we call.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
const ENDPOINT: &str = "AWS_ENDPOINT_URL";
const SERVICE_ENDPOINTS: [&str; 5] = [
    "AWS_ENDPOINT_URL_AUTO_SCALING",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_EC2",
    "AWS_ENDPOINT_URL_EVENTBRIDGE",
    "AWS_ENDPOINT_URL_ROUTE_53",
];
const IGNORE_ENDPOINTS: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";

const LARGEST_EBS_VOLUME_GIB: u32 = 65_536;
const DEFAULT_MAX_VOLUME_GIB: u32 = 16_384;

/// The settings of one function.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Which function this process is.
    pub function: Function,
    /// Which installation.
    pub deployment: DeploymentId,
    /// The table's name.
    pub table: String,
    /// The bus for our own events.
    pub event_bus: String,
    /// What specs may ask for.
    pub limits: Limits,
    /// The least severe message to log.
    pub log: LevelFilter,
    /// Simulated time, never set on AWS.
    pub sim_clock: Option<SimClock>,
}

/// One of the functions in the binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// Auto Scaling events and our own.
    Lifecycle,
    /// EC2 events.
    Instance,
    /// The schedule.
    Sweep,
    /// Another schedule: snapshots.
    Snapshot,
}

/// A clock that runs beside the real one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SimClock {
    /// Real time at the origin, in milliseconds of the Unix epoch.
    pub real_origin_ms: i64,
    /// Simulated time at the origin, likewise.
    pub sim_origin_ms: i64,
    /// Simulated seconds in a real second.
    pub speed: f64,
}

/// What is wrong with one variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required variable is absent or empty.
    #[error("{variable} is not set: {hint}")]
    Missing {
        /// The variable.
        variable: &'static str,
        /// What belongs there.
        hint: &'static str,
    },
    /// A value that cannot be used.
    #[error("{variable}: {problem}")]
    Bad {
        /// The variable.
        variable: &'static str,
        /// What is wrong, and what belongs there.
        problem: String,
    },
    /// Simulated time was asked for without a simulated AWS.
    #[error(
        "{SIM_CLOCK} is for a simulated AWS on this machine only: {variable} keeps it from being one. Unset {SIM_CLOCK}, or point {ENDPOINT} at loopback"
    )]
    NotSimulated {
        /// The variable that says so.
        variable: &'static str,
    },
}

/// All that is wrong with the environment, never empty. Shown one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ConfigError::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// All problems at once.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn from_env() -> Result<Self, ConfigErrors> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// Reads variables; an empty one counts as absent, as CloudFormation cannot leave one out.
    ///
    /// # Errors
    /// All problems at once.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut vars = Vars { get, errors: Vec::new() };
        let function = vars.required(HANDLER, "the function's handler is lifecycle, instance, sweep or snapshot");
        let deployment = vars.required(DEPLOYMENT, "give this installation's ID");
        let table = vars.required::<String>(TABLE, "give the DynamoDB table's name");
        let event_bus = vars.optional(EVENT_BUS).unwrap_or_else(|| "default".to_owned());
        let limits = limits(&mut vars);
        let log = vars.optional(LOG).map_or(LevelFilter::INFO, |LogLevel(level)| level);
        let sim_clock = sim_clock(&mut vars);
        match (function, deployment, table) {
            (Some(function), Some(deployment), Some(table)) if vars.errors.is_empty() => {
                Ok(Self { function, deployment, table, event_bus, limits, log, sim_clock })
            }
            _ => Err(ConfigErrors(vars.errors)),
        }
    }

    /// The name under which this installation logs and counts.
    #[must_use]
    pub fn service(&self) -> String {
        format!("stateful-asg-{}", self.deployment)
    }
}

/// Whether the limits let this group be served at all.
#[must_use]
pub fn serves(limits: &Limits, group: &GroupName) -> bool {
    match &limits.groups {
        Allowed::Any => true,
        Allowed::List(patterns) => patterns.iter().any(|pattern| pattern.matches(group)),
    }
}

fn limits<G: Fn(&str) -> Option<String>>(vars: &mut Vars<G>) -> Limits {
    Limits {
        hosted_zones: vars.list(ALLOWED_ZONES).unwrap_or(Allowed::List(Vec::new())),
        names: vars.list(ALLOWED_NAMES).unwrap_or(Allowed::Any),
        kms_keys: vars.list(ALLOWED_KMS_KEYS).unwrap_or(Allowed::List(Vec::new())),
        subnets: vars.list(ALLOWED_SUBNETS).unwrap_or(Allowed::List(Vec::new())),
        max_volume_gib: vars.optional(MAX_VOLUME_GIB).map_or(DEFAULT_MAX_VOLUME_GIB, |VolumeSize(gib)| gib),
        groups: vars.list(ALLOWED_GROUPS).unwrap_or(Allowed::Any),
        deletes: vars.optional(ALLOW_DELETES).is_some_and(|Flag(allowed)| allowed),
    }
}

fn sim_clock<G: Fn(&str) -> Option<String>>(vars: &mut Vars<G>) -> Option<SimClock> {
    let clock = vars.optional(SIM_CLOCK)?;
    if let Some(variable) = why_not_simulated(vars) {
        vars.errors.push(ConfigError::NotSimulated { variable });
        return None;
    }
    Some(clock)
}

/// The variable by which calls could leave this machine.
fn why_not_simulated<G: Fn(&str) -> Option<String>>(vars: &Vars<G>) -> Option<&'static str> {
    if vars.given(ENDPOINT).is_none_or(|url| !is_loopback(&url)) {
        return Some(ENDPOINT);
    }
    if vars.given(IGNORE_ENDPOINTS).is_some_and(|given| !given.eq_ignore_ascii_case("false")) {
        return Some(IGNORE_ENDPOINTS);
    }
    SERVICE_ENDPOINTS.into_iter().find(|service| vars.given(service).is_some_and(|url| !is_loopback(&url)))
}

/// Only what is loopback for certain: an address, or `localhost`, with or without a port.
fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else { return false };
    let authority = rest.split_once('/').map_or(rest, |(authority, _)| authority);
    let (name, port) = authority.split_once(':').unwrap_or((authority, "80"));
    let by_address = |ip: IpAddr| ip.is_loopback();
    name == "localhost" && port.parse::<u16>().is_ok()
        || authority.parse().is_ok_and(|socket: SocketAddr| by_address(socket.ip()))
        || authority.parse().is_ok_and(by_address)
}

/// The variables, and what is wrong with them so far.
struct Vars<G> {
    get: G,
    errors: Vec<ConfigError>,
}

impl<G: Fn(&str) -> Option<String>> Vars<G> {
    fn given(&self, variable: &str) -> Option<String> {
        (self.get)(variable).map(|given| given.trim().to_owned()).filter(|given| !given.is_empty())
    }

    fn required<T: FromStr<Err: fmt::Display>>(&mut self, variable: &'static str, hint: &'static str) -> Option<T> {
        if self.given(variable).is_none() {
            self.errors.push(ConfigError::Missing { variable, hint });
        }
        self.optional(variable)
    }

    fn optional<T: FromStr<Err: fmt::Display>>(&mut self, variable: &'static str) -> Option<T> {
        let given = self.given(variable)?;
        self.read(variable, &given)
    }

    /// `*`, or values and commas. Each bad value is named.
    fn list<T: FromStr<Err: fmt::Display>>(&mut self, variable: &'static str) -> Option<Allowed<T>> {
        let given = self.given(variable)?;
        if given == "*" {
            return Some(Allowed::Any);
        }
        let parts = given.split(',').map(str::trim).filter(|part| !part.is_empty());
        Some(Allowed::List(parts.filter_map(|part| self.read(variable, part)).collect()))
    }

    fn read<T: FromStr<Err: fmt::Display>>(&mut self, variable: &'static str, given: &str) -> Option<T> {
        given
            .parse()
            .map_err(|error: T::Err| self.errors.push(ConfigError::Bad { variable, problem: error.to_string() }))
            .ok()
    }
}

impl FromStr for Function {
    type Err = String;
    fn from_str(given: &str) -> Result<Self, String> {
        match given {
            "lifecycle" => Ok(Self::Lifecycle),
            "instance" => Ok(Self::Instance),
            "sweep" => Ok(Self::Sweep),
            "snapshot" => Ok(Self::Snapshot),
            other => Err(format!("`{other}` is none of the handlers lifecycle, instance, sweep and snapshot")),
        }
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lifecycle => "lifecycle",
            Self::Instance => "instance",
            Self::Sweep => "sweep",
            Self::Snapshot => "snapshot",
        })
    }
}

impl FromStr for SimClock {
    type Err = String;
    fn from_str(given: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{given}` is not real and simulated milliseconds and a speed above 0, such as 1700000000000,0,60")
        };
        let mut parts = given.split(',').map(str::trim);
        let (Some(real), Some(sim), Some(speed), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let clock = Self {
            real_origin_ms: real.parse().map_err(|_| wrong())?,
            sim_origin_ms: sim.parse().map_err(|_| wrong())?,
            speed: speed.parse().map_err(|_| wrong())?,
        };
        let in_range = |ms: i64| Timestamp::from_millisecond(ms).is_ok();
        let sound = clock.speed.is_finite()
            && clock.speed > 0.0
            && in_range(clock.real_origin_ms)
            && in_range(clock.sim_origin_ms);
        if sound { Ok(clock) } else { Err(wrong()) }
    }
}

struct LogLevel(LevelFilter);

impl FromStr for LogLevel {
    type Err = String;
    fn from_str(given: &str) -> Result<Self, String> {
        let level = match given.to_ascii_lowercase().as_str() {
            "error" => LevelFilter::ERROR,
            "warn" => LevelFilter::WARN,
            "info" => LevelFilter::INFO,
            "debug" => LevelFilter::DEBUG,
            "trace" => LevelFilter::TRACE,
            _ => return Err(format!("`{given}` is none of error, warn, info, debug and trace")),
        };
        Ok(Self(level))
    }
}

struct Flag(bool);

impl FromStr for Flag {
    type Err = String;
    fn from_str(given: &str) -> Result<Self, String> {
        match given.to_ascii_lowercase().as_str() {
            "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(format!("`{given}` is neither true nor false")),
        }
    }
}

struct VolumeSize(u32);

impl FromStr for VolumeSize {
    type Err = String;
    fn from_str(given: &str) -> Result<Self, String> {
        given
            .parse()
            .ok()
            .filter(|gib| (1..=LARGEST_EBS_VOLUME_GIB).contains(gib))
            .map(Self)
            .ok_or_else(|| format!("`{given}` is not a whole number of GiB from 1 to {LARGEST_EBS_VOLUME_GIB}"))
    }
}

#[cfg(test)]
mod tests;
