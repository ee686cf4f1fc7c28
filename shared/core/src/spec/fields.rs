//! The one table of a spec's fields: what there is, what each takes, what is meant when it is absent.

use super::form::Absent::{Means, Required, Told};
use super::form::{Form, Object, Words, field, words};
use super::volume_fields::VOLUME;

pub(super) const DAY: u64 = 86_400;
/// The shortest time between two snapshots of a volume, in seconds: the function that takes them runs as often.
pub(super) const SHORTEST_INTERVAL: u64 = 300;
const HOUR: u64 = 3_600;
/// The longest that Auto Scaling holds an instance in a wait state.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html>
const LONGEST_HOOK: u64 = 2 * DAY;
/// The most volumes a slot: the guest is told of each by two tags, and an instance has 50 tags, of which seven more are ours
/// and some the user's.
pub(super) const MOST_VOLUMES: usize = 16;
/// The most tags of the user's: of the 50 that EC2 allows, ten are ours.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>
pub(super) const MOST_TAGS: usize = 40;

/// The whole spec.
pub(super) static SPEC: Object = Object {
    title: "The spec",
    fields: &[
        field("v", Form::Version, Required, "The version of this format: 1."),
        field(
            "mode",
            words(&["full", "no_deletes", "observe"]),
            Means(r#""full""#),
            "How much the functions do: everything, everything but deleting, or nothing but telling what they would do.",
        ),
        field("slots", Form::Object(&SLOTS), Told, "How many slots there may be, and what becomes of a vacated one."),
        field(
            "volumes",
            Form::Volumes(&VOLUME),
            Told,
            "The volumes of each slot by name: 1 to 32 lower-case letters, digits or `-`, the first a letter; at most 16. \
             May be absent only where `address` or `dns` gives the slots something to keep.",
        ),
        field("address", Form::Object(&ADDRESS), Told, "The address of each slot."),
        field("dns", Form::Object(&DNS), Told, "The DNS names; absent: none."),
        field("zones", Form::Object(&ZONES), Told, "Whether a slot may change its Availability Zone, and how."),
        field(
            "data_lost",
            Form::WordOrTime {
                words: Words { known: &["wait", "blank"], later: &[] },
                bound: "snapshot_up_to",
                min: SHORTEST_INTERVAL,
                max: 365 * DAY,
            },
            Means(r#""wait""#),
            "What happens when a volume that held data is gone. `wait`: the slot waits for a person. `blank`: it gets an \
             empty volume. `{\"snapshot_up_to\":\"6h\"}`: the volume is restored from its newest completed snapshot if that is \
             no older; else the slot waits for a person.",
        ),
        field("launch", Form::Object(&LAUNCH), Told, "When a launching instance may serve."),
        field("terminate", Form::Object(&TERMINATE), Told, "How instances leave."),
        field(
            "snapshots",
            Form::Object(&SNAPSHOTS),
            Told,
            "Periodic snapshots of the volumes, of all that are due of a slot at one moment; absent: none, but of volumes that have `snapshots` of their own.",
        ),
        field("growth", Form::Object(&GROWTH), Told, "How a changed spec reaches volumes that exist."),
        field(
            "tags",
            Form::Tags,
            Means("{}"),
            "Tags for every volume, interface and snapshot that is made for the group: at most 40, \
             keys of 1 to 128 characters that begin with neither `aws:` nor `stateful-asg:`, values of up to 256.",
        ),
    ],
};

static SLOTS: Object = Object {
    title: "slots",
    fields: &[
        field(
            "max",
            Form::Count { min: 1, max: 10_000 },
            Told,
            "The most active slots, at most 400 where `dns.group` is set; absent: as many as the group's desired capacity.",
        ),
        field(
            "reuse_within",
            Form::Time { min: 0, max: 3_650 * DAY },
            Told,
            "How long after scale-in a slot, with its data, may be taken by a new member; absent: for ever. A slot that was \
             retired meanwhile is restored from its last snapshots.",
        ),
        field(
            "retire_after",
            Form::Time { min: HOUR, max: 3_650 * DAY },
            Told,
            "How long after scale-in a slot is retired: its volumes are snapshotted and, when the snapshots are complete, \
             deleted with its interface and records. Absent: a vacated slot is kept for ever. May be shorter than `reuse_within`.",
        ),
    ],
};

static ADDRESS: Object = Object {
    title: "address",
    fields: &[
        field(
            "kind",
            Form::Word(Words { known: &["instance", "eni"], later: &["secondary_ip"] }),
            Means(r#""instance""#),
            "`instance`: the instance's own address, which goes with it. `eni`: a network interface of the slot's, which stays.",
        ),
        field(
            "subnets",
            Form::Choice { like: "subnet IDs", pattern: "^subnet-[0-9a-f]{4,32}$" },
            Means(r#""group""#),
            "Where the interfaces are made: `group`, the Auto Scaling group's own subnets, or a list, of which each slot takes the one in its zone.",
        ),
        field(
            "security_groups",
            Form::Choice { like: "security group IDs", pattern: "^sg-[0-9a-f]{4,32}$" },
            Means(r#""group""#),
            "The interfaces' security groups: `group`, those of the instance, or a list of at most 16.",
        ),
    ],
};

static DNS: Object = Object {
    title: "dns",
    fields: &[
        field(
            "zone",
            Form::Text { like: "a hosted zone ID", pattern: "^(/hostedzone/)?[A-Z0-9]{1,32}$" },
            Required,
            "The Route 53 hosted zone that holds the records.",
        ),
        field(
            "slot",
            Form::Text { like: "a DNS name with {slot}", pattern: r"^[^{}]*\{slot\}[^{}]*$" },
            Told,
            "The name of each slot, with `{slot}` once where its number goes. This or `group` is required.",
        ),
        field(
            "group",
            Form::Text { like: "a DNS name", pattern: r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$" },
            Told,
            "One name that lists the addresses of all members in service.",
        ),
        field("ttl", Form::Time { min: 0, max: DAY }, Means("30"), "How long resolvers may keep an answer."),
    ],
};

static ZONES: Object = Object {
    title: "zones",
    fields: &[
        field(
            "move",
            Form::WordOrTime {
                words: Words { known: &["never", "final"], later: &[] },
                bound: "stale_up_to",
                min: SHORTEST_INTERVAL,
                max: 365 * DAY,
            },
            Means(r#""never""#),
            "When a slot's data may move to another zone, where its own has no instance for it. `never`. `final`: by a final \
             snapshot of the vacant volumes, so that nothing is lost. `{\"stale_up_to\":\"1h\"}`: as `final`, and where the old \
             zone cannot be reached, from periodic snapshots no older than that: what was written since is lost.",
        ),
        field(
            "keep_source",
            Form::Time { min: HOUR, max: 3_650 * DAY },
            Means(r#""1d""#),
            "How long the volumes that a move came from are kept before they are deleted, on proof that their data is elsewhere.",
        ),
    ],
};

static LAUNCH: Object = Object {
    title: "launch",
    fields: &[
        field(
            "ready",
            Form::Word(Words { known: &["attached", "mounted"], later: &["probe"] }),
            Means(r#""attached""#),
            "How far an instance must be before it serves: volumes attached, or mounted by its guest.",
        ),
        field(
            "wait",
            Form::Time { min: 30, max: LONGEST_HOOK },
            Means(r#""30m""#),
            "How long an instance may take to get there, once it holds its slot.",
        ),
        field(
            "surge_wait",
            Form::Time { min: 30, max: LONGEST_HOOK },
            Means(r#""10m""#),
            "How long an instance is kept that waits for what cannot come while it waits.",
        ),
    ],
};

static TERMINATE: Object = Object {
    title: "terminate",
    fields: &[
        field(
            "drain",
            Form::Time { min: 0, max: LONGEST_HOOK },
            Means(r#""10m""#),
            "How long a leaving instance may take to come to rest.",
        ),
        field("at_once", Form::Count { min: 1, max: 10_000 }, Means("1"), "How many members may leave at a time."),
    ],
};

static SNAPSHOTS: Object = Object {
    title: "snapshots",
    fields: &[
        field(
            "every",
            Form::Time { min: SHORTEST_INTERVAL, max: 365 * DAY },
            Required,
            "How far apart the snapshots of a volume are. Snapshots are looked after every five minutes.",
        ),
        field("keep", Form::Object(&KEEP), Told, "Which snapshots are kept; absent: the newest four."),
    ],
};

static GROWTH: Object = Object {
    title: "growth",
    fields: &[field(
        "at_once",
        Form::Count { min: 1, max: 100 },
        Means("1"),
        "Of how many slots the volumes are modified at a time when the spec's size, type, IOPS or throughput changed; \
         before that, one slot goes first alone. IOPS and throughput that the spec no longer names stay as they are.",
    )],
};

pub(super) static KEEP: Object = Object {
    title: "snapshots.keep",
    fields: &[
        field("last", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many of the newest."),
        field("hourly", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many hours keep their newest."),
        field("daily", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many days keep their newest."),
        field("weekly", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many weeks keep their newest."),
        field("monthly", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many months keep their newest."),
    ],
};
