//! The table's part about one volume.

use super::fields::{DAY, KEEP, SHORTEST_INTERVAL};
use super::form::Absent::{Means, Told};
use super::form::{Form, Object, field, words};

/// What a volume's name looks like; `VolumeName` decides.
pub(super) const VOLUME_NAME_PATTERN: &str = "^[a-z][a-z0-9-]{0,31}$";

/// The fields of one volume.
pub(super) static VOLUME: Object = Object {
    title: "volumes.NAME",
    fields: &[
        field(
            "like",
            Form::Text { like: "the name of another volume, or a volume ID", pattern: VOLUME_NAME_PATTERN },
            Told,
            "Another volume of the spec, whose fields count here where this volume does not set them; but for `mount` and \
             `device`. Or a volume of EC2's, such as `vol-0123456789abcdef0`, whose size, type, IOPS, throughput and \
             encryption new volumes get where nothing else is said; but not its KMS key.",
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
            "initialization_rate",
            Form::Count { min: 100, max: 300 },
            Told,
            "How fast EBS loads the data of a snapshot into a new volume, in MiB/s, for an extra charge. It counts wherever \
             a volume is made from a snapshot: at first, for a move, for a restore. Absent: data is loaded on first use.",
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
        field(
            "snapshots",
            Form::FlagOr(&VOLUME_SNAPSHOTS),
            Means("true"),
            "The periodic snapshots of this volume: `true`, the group's; `false`, none; or its own.",
        ),
    ],
};

static VOLUME_SNAPSHOTS: Object = Object {
    title: "volumes.NAME.snapshots",
    fields: &[
        field(
            "every",
            Form::Time { min: SHORTEST_INTERVAL, max: 365 * DAY },
            Told,
            "How far apart the snapshots of this volume are; absent: as the group's `snapshots` says, which then must be there.",
        ),
        field(
            "keep",
            Form::Object(&KEEP),
            Told,
            "Which snapshots of this volume are kept; absent: as the group's `snapshots` says, or the newest four.",
        ),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::VolumeType;
    use crate::spec::form::Field;

    #[test]
    fn volume_types_are_those_of_the_type() {
        let Some(Field { form: Form::Word(words), .. }) = VOLUME.field("type") else { panic!("`type` takes words") };
        assert_eq!(words.known, VolumeType::ALL.map(VolumeType::as_str));
    }
}
