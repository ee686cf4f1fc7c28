//! The one table of a spec's fields: what there is, what each takes, what is meant when it is absent.

/// A JSON object with these fields and no other.
pub(super) struct Object {
    /// Its heading on the reference page.
    pub(super) title: &'static str,
    pub(super) fields: &'static [Field],
}

/// One field of an object.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) absent: Absent,
    /// What it says, for people.
    pub(super) doc: &'static str,
}

/// What is meant when a field is absent or `null`.
pub(super) enum Absent {
    /// A problem.
    Required,
    /// This, as JSON.
    Means(&'static str),
    /// As the field's description says.
    Told,
}

/// What a field takes.
pub(super) enum Form {
    /// The version of the spec's format: 1.
    Version,
    /// A whole number within bounds, both allowed.
    Count { min: u32, max: u32 },
    /// A size in GiB.
    Size,
    /// A duration within bounds in seconds, both allowed.
    Time { min: u64, max: u64 },
    /// True or false.
    Flag,
    /// One of these words.
    Word(Words),
    /// Text of a form that its reader checks; `pattern` is at least as wide, for editors.
    Text { like: &'static str, pattern: &'static str },
    /// `"group"`, or a list of at least one text.
    Choice { like: &'static str, pattern: &'static str },
    /// An object.
    Object(&'static Object),
    /// Objects by volume name.
    Volumes(&'static Object),
    /// Texts by tag key.
    Tags,
}

/// The words that a field takes.
pub(super) struct Words {
    pub(super) known: &'static [&'static str],
    /// Words, and keys of objects, of the design that this version refuses by name.
    pub(super) later: &'static [&'static str],
}

const DAY: u64 = 86_400;
/// The longest that Auto Scaling holds an instance in a wait state.
/// <https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks.html>
const LONGEST_HOOK: u64 = 2 * DAY;
/// The most volumes a slot: the guest is told of each by a tag, and an instance has 50 tags.
pub(super) const MOST_VOLUMES: usize = 30;
/// The most tags of the user's: of the 50 that EC2 allows, ten are ours.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>
pub(super) const MOST_TAGS: usize = 40;
/// What a volume's name looks like; `VolumeName` decides.
pub(super) const VOLUME_NAME_PATTERN: &str = "^[a-z][a-z0-9-]{0,31}$";

const fn field(name: &'static str, form: Form, absent: Absent, doc: &'static str) -> Field {
    Field { name, form, absent, doc }
}

const fn words(known: &'static [&'static str]) -> Form {
    Form::Word(Words { known, later: &[] })
}

use Absent::{Means, Required, Told};

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
        field(
            "slots",
            Form::Object(&SLOTS),
            Told,
            "How many slots there may be, and how long a vacated one may be taken again.",
        ),
        field(
            "volumes",
            Form::Volumes(&VOLUME),
            Told,
            "The volumes of each slot by name: 1 to 32 lower-case letters, digits or `-`, the first a letter; at most 30. \
             May be absent only where `address` or `dns` gives the slots something to keep.",
        ),
        field("address", Form::Object(&ADDRESS), Told, "The address of each slot."),
        field("dns", Form::Object(&DNS), Told, "The DNS names; absent: none."),
        field("zones", Form::Object(&ZONES), Told, "Whether a slot may change its Availability Zone."),
        field(
            "data_lost",
            Form::Word(Words { known: &["wait"], later: &["blank", "snapshot_up_to"] }),
            Means(r#""wait""#),
            "What happens when a volume that held data is gone: the slot waits for a person.",
        ),
        field("launch", Form::Object(&LAUNCH), Told, "When a launching instance may serve."),
        field("terminate", Form::Object(&TERMINATE), Told, "How instances leave."),
        field(
            "snapshots",
            Form::Object(&SNAPSHOTS),
            Told,
            "Periodic snapshots; absent: none. Checked, but this version does not take snapshots yet.",
        ),
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
            "How long after scale-in a slot, with its data, may be taken by a new member; absent: for ever.",
        ),
    ],
};

static VOLUME: Object = Object {
    title: "volumes.NAME",
    fields: &[
        field(
            "like",
            Form::Text { like: "the name of another volume", pattern: VOLUME_NAME_PATTERN },
            Told,
            "Another volume, whose fields count here where this volume does not set them; but for `mount` and `device`.",
        ),
        field("size", Form::Size, Told, "The size in GiB. Required, here or in the volume that this one is `like`."),
        field(
            "type",
            words(&["gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"]),
            Means(r#""gp3""#),
            "The volume type; the table below shows what each takes.",
        ),
        field(
            "iops",
            Form::Count { min: 100, max: 256_000 },
            Told,
            "Provisioned I/O operations a second: required for io1 and io2, allowed for gp3, refused for the others.",
        ),
        field(
            "throughput",
            Form::Count { min: 125, max: 2_000 },
            Told,
            "Provisioned MiB/s, gp3 only: at most a quarter of the IOPS (of 3000 where `iops` is absent).",
        ),
        field("encrypted", Form::Flag, Means("true"), "Whether EBS encrypts the volume."),
        field(
            "kms_key",
            Form::Text { like: "a KMS key", pattern: "^[A-Za-z0-9/_:-]{1,2048}$" },
            Told,
            "The KMS key: its ID, its ARN or `alias/NAME`; absent: the account's default key for EBS.",
        ),
        field(
            "snapshot",
            Form::Text { like: "a snapshot ID", pattern: "^snap-[0-9a-f]{4,32}$" },
            Told,
            "The snapshot that a new volume starts from; absent: it starts blank.",
        ),
        field(
            "mount",
            Form::Text { like: "a path", pattern: "^(/[A-Za-z0-9._-]+)+$" },
            Told,
            "Where the volume is mounted: absolute, written the short way, only letters, digits and `/._-`, at most 200 \
             characters, no directory of the system (see below). Required unless `fs` is `none`.",
        ),
        field(
            "fs",
            words(&["ext4", "xfs", "none"]),
            Means(r#""ext4""#),
            "The filesystem that a blank volume gets; `none`: it is attached and otherwise left alone.",
        ),
        field(
            "options",
            Form::Text { like: "mount options", pattern: "^[A-Za-z0-9._=:,-]{1,200}$" },
            Means(r#""nodev,nosuid""#),
            "Mount options joined with commas, instead of the default, not beside it.",
        ),
        field(
            "owner",
            Form::Text { like: "UID:GID", pattern: "^[0-9]+:[0-9]+$" },
            Told,
            "The numbers of the user and the group that own the filesystem's root, such as `999:999`; absent: left as they are.",
        ),
        field(
            "device",
            Form::Text { like: "a device name", pattern: "^/dev/(sd[b-z]|xvd[a-d]?[a-z])$" },
            Told,
            "The device name to ask for first, such as `/dev/sdf`; absent, or taken on the instance: one that is free.",
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
    fields: &[field(
        "move",
        Form::Word(Words { known: &["never"], later: &["final", "stale_up_to"] }),
        Means(r#""never""#),
        "When a slot's data may move to another zone: never.",
    )],
};

static LAUNCH: Object = Object {
    title: "launch",
    fields: &[
        field(
            "ready",
            words(&["attached", "mounted", "probe"]),
            Means(r#""attached""#),
            "How far an instance must be before it serves: volumes attached, mounted by its guest, or its guest's probe passed.",
        ),
        field(
            "wait",
            Form::Time { min: 30, max: LONGEST_HOOK },
            Means(r#""30m""#),
            "How long an instance may take to get there.",
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
            Form::Time { min: 300, max: 365 * DAY },
            Required,
            "How far apart the snapshots of a volume are.",
        ),
        field("keep", Form::Object(&KEEP), Told, "Which snapshots are kept; absent: the newest four."),
    ],
};

static KEEP: Object = Object {
    title: "snapshots.keep",
    fields: &[
        field("last", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many of the newest."),
        field("hourly", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many hours keep their newest."),
        field("daily", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many days keep their newest."),
        field("weekly", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many weeks keep their newest."),
        field("monthly", Form::Count { min: 0, max: 1_000 }, Means("0"), "How many months keep their newest."),
    ],
};

impl Object {
    /// The field of that name.
    pub(super) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// This object and those within it, each once, in the order of the fields.
    pub(super) fn with_inner(&'static self) -> Vec<&'static Object> {
        let inner = self.fields.iter().filter_map(|field| match field.form {
            Form::Object(inner) | Form::Volumes(inner) => Some(inner),
            Form::Version
            | Form::Count { .. }
            | Form::Size
            | Form::Time { .. }
            | Form::Flag
            | Form::Word(_)
            | Form::Text { .. }
            | Form::Choice { .. }
            | Form::Tags => None,
        });
        std::iter::once(self).chain(inner.flat_map(Object::with_inner)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::VolumeType;

    #[test]
    fn volume_types_are_those_of_the_type() {
        let Some(Field { form: Form::Word(words), .. }) = VOLUME.field("type") else { panic!("`type` takes words") };
        assert_eq!(words.known, VolumeType::ALL.map(VolumeType::as_str));
    }
}
