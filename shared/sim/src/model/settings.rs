//! What a simulated AWS is set up with.

use std::time::Duration;

/// A range from which each delay is drawn, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The shortest delay.
    pub min: Duration,
    /// The longest delay.
    pub max: Duration,
}

impl Span {
    /// From `min` to `max` milliseconds.
    #[must_use]
    pub const fn millis(min: u64, max: u64) -> Self {
        Self { min: Duration::from_millis(min), max: Duration::from_millis(max) }
    }

    /// From `min` to `max` seconds.
    #[must_use]
    pub const fn secs(min: u64, max: u64) -> Self {
        Self { min: Duration::from_secs(min), max: Duration::from_secs(max) }
    }

    /// Always `millis` milliseconds.
    #[must_use]
    pub const fn exactly(millis: u64) -> Self {
        Self::millis(millis, millis)
    }
}

/// How long AWS takes for things. None of these is documented with a bound: all are assumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timings {
    /// Instance `pending` to `running`.
    pub boot: Span,
    /// Instance `shutting-down` to `terminated`.
    pub terminate: Span,
    /// Instance `stopping` to `stopped`.
    pub stop: Span,
    /// From `shutting-down` of an instance to its volumes and interfaces being free.
    pub free: Span,
    /// How long a terminated instance stays in answers.
    pub forget: Span,
    /// Volume `creating` to `available` (or `error`).
    pub create_volume: Span,
    /// Volume `deleting` to gone.
    pub delete_volume: Span,
    /// Snapshot `pending` to `completed`, without what its data takes.
    pub snapshot: Span,
    /// What each GiB written since the volume's snapshot before adds to that.
    pub snapshot_per_gib: Duration,
    /// MiB that one mark of writing stands for; there is one a minute.
    pub mib_per_stamp: u32,
    /// Change of a volume, `modifying` to `optimizing` (or `failed`).
    pub modify: Span,
    /// Change of a volume, `optimizing` to `completed`.
    pub optimize: Span,
    /// From a zone being out of reach to groups marking their instances there `Unhealthy`.
    pub impaired: Span,
    /// From a zone being back in reach to what stood still there going on.
    pub recover: Span,
    /// Attachment `attaching` to `attached`, volumes and interfaces alike.
    pub attach: Span,
    /// Attachment `detaching` to gone, volumes and interfaces alike.
    pub detach: Span,
    /// From an instance leaving `running` to its group marking it `Unhealthy`.
    pub health_check: Span,
    /// Each step that an Auto Scaling group takes by itself (`Pending` to `Pending:Wait`, and so on).
    pub group_step: Span,
    /// From a failed launch to the group's next try.
    pub launch_retry: Span,
    /// Record change `PENDING` to `INSYNC`.
    pub dns_sync: Span,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            boot: Span::secs(4, 20),
            terminate: Span::secs(10, 45),
            stop: Span::secs(10, 40),
            free: Span::secs(5, 55),
            forget: Span::secs(3000, 3600),
            create_volume: Span::secs(1, 3),
            delete_volume: Span::secs(1, 10),
            snapshot: Span::secs(15, 60),
            snapshot_per_gib: Duration::from_secs(10),
            mib_per_stamp: 16,
            modify: Span::secs(1, 8),
            optimize: Span::secs(60, 1200),
            impaired: Span::secs(60, 240),
            recover: Span::secs(1, 30),
            attach: Span::secs(1, 3),
            detach: Span::secs(1, 6),
            health_check: Span::secs(1, 30),
            group_step: Span::millis(200, 2000),
            launch_retry: Span::secs(20, 60),
            dns_sync: Span::secs(5, 60),
        }
    }
}

/// Which reading of EC2's published request buckets applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RequestBuckets {
    /// No throttling.
    #[default]
    Off,
    /// Each operation has a bucket of its own, as the request throttling page says.
    PerOperation,
    /// All operations that change something share the bucket of 50 that refills at 5 a second,
    /// as comments in the EBS CSI driver say of ordinary accounts.
    SharedMutating,
}

/// What runs on the instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GuestMode {
    /// Nothing reports: whatever is attached to an instance in service counts as mounted.
    #[default]
    None,
    /// The guest mounts what the instance's tags name and reports by tagging its own instance.
    Reports {
        /// From the condition being there to the tag being set.
        delay: Span,
    },
}

/// What a simulated AWS is set up with. `Settings::default()` is a quiet, strongly consistent
/// Region with three zones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Everything random (identifiers, delays, staleness) is drawn from this.
    pub seed: u64,
    /// The Region's name; its zones are this and a letter.
    pub region: String,
    /// How many zones there are, each with one default subnet; at most 6.
    pub zones: u8,
    /// The account number of every ARN.
    pub account: String,
    /// How long things take.
    pub timings: Timings,
    /// Describe calls answer each object's state at a moment at most this long ago.
    /// Zero makes all reads strongly consistent.
    pub read_lag: Duration,
    /// EC2's request throttling; with anything but `Off`, Route 53's five requests a second too.
    pub buckets: RequestBuckets,
    /// What runs on the instances.
    pub guest: GuestMode,
    /// Device names that the machine image uses invisibly: attaching under one is refused.
    pub hidden_devices: Vec<String>,
    /// Whether a group notices that an instance is gone while it is still in `Pending:Wait`.
    /// Not documented either way.
    pub notice_while_pending: bool,
    /// Whether an instance whose launch was abandoned runs the terminate hooks on its way out.
    /// Not documented either way.
    pub abandoned_runs_terminate_hook: bool,
    /// DeleteOnTermination of a fresh volume attachment. Documented as false; true shows whether a
    /// client trusts that or reads it back.
    pub volumes_delete_on_termination: bool,
    /// DeleteOnTermination of a fresh interface attachment: false is assumed.
    pub interfaces_delete_on_termination: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 1,
            region: "eu-central-1".to_owned(),
            zones: 3,
            account: "123456789012".to_owned(),
            timings: Timings::default(),
            read_lag: Duration::ZERO,
            buckets: RequestBuckets::Off,
            guest: GuestMode::None,
            hidden_devices: Vec::new(),
            notice_while_pending: true,
            abandoned_runs_terminate_hook: true,
            volumes_delete_on_termination: false,
            interfaces_delete_on_termination: false,
        }
    }
}
