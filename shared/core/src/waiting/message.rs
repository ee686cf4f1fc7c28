//! What a person reads of a wait: what happened, to what, and what to do.

use std::fmt;

use jiff::Timestamp;

use crate::cloud::Transition;
use crate::observed::FailureKind;
use crate::upkeep::Stage;
use crate::waiting::{Reason, Waiting};

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)?;
        self.since.map_or(Ok(()), |since| write!(f, " (since {since})"))
    }
}

impl fmt::Display for Reason {
    #[allow(clippy::too_many_lines, reason = "a table of all reasons")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpec(_)
            | Self::SpecRefused(_)
            | Self::HookMissing { .. }
            | Self::TableLost(_)
            | Self::Replacing(_)
            | Self::Withheld { .. }
            | Self::CallFailed { .. } => of_group(self, f),
            Self::VolumeCreating { .. }
            | Self::VolumeFailed { .. }
            | Self::VolumeUnseen { .. }
            | Self::VolumeLost { .. }
            | Self::VolumeStray { .. }
            | Self::VolumeForeign { .. }
            | Self::SnapshotGone { .. }
            | Self::VolumeMultiAttach { .. }
            | Self::TemplateUnusable { .. }
            | Self::VolumeHeldBy { .. }
            | Self::VolumeInTransit { .. }
            | Self::AttachStuck { .. } => of_volume(self, f),
            Self::InterfaceCreating
            | Self::NoSubnet(_)
            | Self::InterfaceUnseen(_)
            | Self::InterfaceForeign(_)
            | Self::InterfaceHeldBy { .. }
            | Self::InterfaceInTransit(_)
            | Self::RecordChanging(_)
            | Self::RecordForeign { .. }
            | Self::RecordFull { .. } => of_address(self, f),
            Self::HolderStopped(_)
            | Self::HolderStandby(_)
            | Self::HolderDetached(_)
            | Self::HolderRetained(_)
            | Self::HolderReplacingRoot(_)
            | Self::HolderWarm(_)
            | Self::HolderUnclear(_) => of_holder(self, f),
            Self::Booting
            | Self::Untagged { .. }
            | Self::Vacant(_)
            | Self::HolderLeaving { .. }
            | Self::NotYetFree { .. }
            | Self::SurgeBlocked
            | Self::ZoneBlocked { .. }
            | Self::MoveBlocked { .. }
            | Self::AttachLimit(_)
            | Self::GuestNotReady
            | Self::Draining
            | Self::TakingTurns { .. }
            | Self::Overdue
            | Self::Answered
            | Self::NeedsAdoption
            | Self::AbandonAt(_) => of_instance(self, f),
            Self::ChangeHeld { .. }
            | Self::Changing { .. }
            | Self::Ordered { .. }
            | Self::SnapshotPending { .. }
            | Self::SnapshotFailed { .. }
            | Self::SnapshotTooOld { .. }
            | Self::SnapshotsLate { .. }
            | Self::SuccessorCreating { .. }
            | Self::VolumeGrowing { .. }
            | Self::GrowthFailed { .. }
            | Self::GrowthLimit { .. }
            | Self::DeletesOff { .. }
            | Self::Unproven { .. } => of_upkeep(self, f),
        }
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "`fmt` sends each reason to its own function")]
fn of_group(reason: &Reason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match reason {
        Reason::NoSpec(why) => write!(
            f,
            "there is no valid spec: {why}. Put one into the launch hook's NotificationMetadata (`stateful-asg spec check FILE` prints it)"
        ),
        Reason::SpecRefused(problems) => {
            write!(f, "the newest edit of the spec is refused, the last valid one stays in force:\n{problems}")
        }
        Reason::HookMissing { asg, transition } => {
            let which = match transition {
                Transition::Launching => "launch",
                Transition::Terminating => "terminate",
            };
            write!(f, "Auto Scaling group {asg} has no {which} hook of ours: add it, or its instances get nothing")
        }
        Reason::TableLost(what) if what.is_empty() => f.write_str(
            "the table lacks slots that existed: no new slot is made until it is rebuilt (`stateful-asg adopt`)",
        ),
        Reason::TableLost(what) => write!(
            f,
            "the table lacks slots that existed, and no new slot is made until it is restored (point-in-time recovery) or rebuilt from the tags (`stateful-asg adopt GROUP`): {what}"
        ),
        Reason::Replacing(asgs) => {
            let names: Vec<_> = asgs.iter().map(ToString::to_string).collect();
            write!(f, "{} are live at once: slots pass on when only one of them is left", names.join(" and "))
        }
        Reason::Withheld { step } => write!(f, "`{step}` is withheld by the spec's mode"),
        Reason::CallFailed { step, kind, message, .. } => {
            write!(f, "`{step}` failed ({kind:?}): {message}. {}", cure(*kind))
        }
        _ => Ok(()),
    }
}

/// What to do about a call that failed so.
fn cure(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Throttled
        | FailureKind::NotReady
        | FailureKind::NotFound
        | FailureKind::DeviceInUse
        | FailureKind::InUse
        | FailureKind::RecordMismatch
        | FailureKind::Conflict
        | FailureKind::Unknown => "It is tried again",
        FailureKind::Denied => {
            "Give the function's role this right: deploy the template anew, or see what a permissions boundary or an organisation's policy denies"
        }
        FailureKind::AttachLimit => "Use an instance type with room for the spec's volumes and interface",
        FailureKind::ZoneMismatch => "The volume is in another zone than the instance: it was tagged by hand, or moved",
        FailureKind::Quota => {
            "Ask AWS for a higher quota, or free some of what counts against it; it is tried again now and then"
        }
        FailureKind::Key => {
            "Enable the KMS key and let the function's role use it (kms:CreateGrant, Decrypt, GenerateDataKeyWithoutPlaintext), or name another one in the spec"
        }
        FailureKind::RecordRefused => {
            "See what protects the record or the hosted zone, or choose another name in the spec"
        }
        FailureKind::NoActiveAction => "AWS knows no such lifecycle action any more; the next reading tells",
        FailureKind::TokenReused => {
            "What was made by an earlier call with this token differs: look for it by its stateful-asg tags, and delete it if it holds nothing"
        }
        FailureKind::Invalid => "AWS refuses these parameters: edit the spec; it is tried again now and then",
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "`fmt` sends each reason to its own function")]
fn of_volume(reason: &Reason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match reason {
        Reason::VolumeCreating { name, .. } => write!(f, "volume `{name}` is being created"),
        Reason::VolumeFailed { name, volume } => write!(
            f,
            "new volume {volume} (`{name}`) went to `error`, often because of its KMS key: see to the key and delete {volume}; the next attempt follows ten minutes later"
        ),
        Reason::VolumeUnseen { name, volume } => {
            write!(f, "volume {volume} (`{name}`) is not shown; it counts as lost only after ten minutes of this")
        }
        Reason::VolumeLost { name, volume } => write!(
            f,
            "volume {volume} (`{name}`) held data and is gone: nothing is put in its place. Restore it (Recycle Bin, snapshot) or decide otherwise"
        ),
        Reason::VolumeStray { name, volume } => write!(
            f,
            "volume {volume} bears this slot's tags as `{name}` and is not the one on record: no other is created. Check what it holds, then remove its stateful-asg tags or delete it"
        ),
        Reason::VolumeForeign { name, volume } => write!(
            f,
            "volume {volume} (`{name}`) does not bear this deployment's tag stateful-asg:deployment any more, and is out of reach: set the tag again"
        ),
        Reason::SnapshotGone { name, snapshot } => write!(
            f,
            "volume `{name}` is to be made from {snapshot}, which is gone or failed: nothing else is put in its place. Bring it back from the Recycle Bin, or name another: for this slot with `stateful-asg slot restore`, for new slots in the spec"
        ),
        Reason::VolumeMultiAttach { volume } => {
            write!(f, "volume {volume} allows several attachments at once, which corrupts filesystems: it is not used")
        }
        Reason::TemplateUnusable { name, volume, why } => write!(
            f,
            "new volumes `{name}` are to be like {volume}, and cannot: {why}. Name another volume in `like`, or the figures themselves"
        ),
        Reason::VolumeHeldBy { volume, instance } => {
            write!(f, "volume {volume} is attached to {instance}: it is taken when {instance} has let it go")
        }
        Reason::VolumeInTransit { volume } => write!(f, "volume {volume} is being attached or detached"),
        Reason::AttachStuck { what } => {
            write!(f, "{what} hangs in `attaching`: the launch is given up and a fresh instance takes it")
        }
        _ => Ok(()),
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "`fmt` sends each reason to its own function")]
fn of_address(reason: &Reason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match reason {
        Reason::InterfaceCreating => f.write_str("its network interface is being created"),
        Reason::NoSubnet(zone) => write!(f, "no subnet of the spec lies in {zone}: add one to `address.subnets`"),
        Reason::InterfaceUnseen(id) => {
            write!(f, "interface {id} is not shown; after ten minutes of this another is made with the same address")
        }
        Reason::InterfaceForeign(id) => write!(
            f,
            "interface {id} does not bear this deployment's tags stateful-asg:deployment and stateful-asg:group any more, and is out of reach: set them again"
        ),
        Reason::InterfaceHeldBy { interface, instance } => {
            let whom = instance.as_ref().map_or_else(|| "another AWS service".to_owned(), ToString::to_string);
            write!(f, "interface {interface} is attached to {whom}: it is taken when let go")
        }
        Reason::InterfaceInTransit(id) => write!(f, "interface {id} is being attached or detached"),
        Reason::RecordChanging(name) => write!(f, "the record {name} is being changed"),
        Reason::RecordForeign { name, holds } => write!(
            f,
            "a record {name} that is not ours stands there (it holds {holds}): delete it, or choose another name in the spec"
        ),
        Reason::RecordFull { name, addresses } => write!(
            f,
            "the record {name} would hold {addresses} addresses, and Route 53 takes 400: leave `dns.group` out, or use more groups"
        ),
        _ => Ok(()),
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "`fmt` sends each reason to its own function")]
fn of_holder(reason: &Reason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match reason {
        Reason::HolderStopped(id) => write!(f, "its holder {id} is stopped and keeps the slot: start or terminate it"),
        Reason::HolderStandby(id) => write!(f, "its holder {id} is in standby and keeps the slot"),
        Reason::HolderDetached(id) => write!(
            f,
            "its holder {id} runs outside of the Auto Scaling group and keeps the slot: terminate it to pass the slot on"
        ),
        Reason::HolderRetained(id) => {
            write!(f, "its holder {id} is kept in Terminating:Retained for a person: terminate it to pass the slot on")
        }
        Reason::HolderReplacingRoot(id) => write!(f, "its holder {id} is having its root volume replaced"),
        Reason::HolderWarm(id) => write!(
            f,
            "its holder {id} is in the warm pool and keeps the slot until its guest has released the volumes, or it is terminated"
        ),
        Reason::HolderUnclear(id) => {
            write!(f, "its holder {id} is not shown, or in an unknown state: nothing is concluded from that")
        }
        _ => Ok(()),
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "`fmt` sends each reason to its own function")]
fn of_instance(reason: &Reason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match reason {
        Reason::Booting => f.write_str("it does not run: it is given up when `launch.wait` has passed"),
        Reason::Untagged { asg } => write!(f, "it does not bear the tags stateful-asg:group and stateful-asg:deployment: set PropagateAtLaunch on those of {asg}; the launch is given up"),
        Reason::Vacant(zone) => write!(f, "it is vacant: the next instance that launches in {zone} takes it"),
        Reason::HolderLeaving { slot, holder } => write!(f, "slot {slot} is promised, its holder {holder} is still terminating"),
        Reason::NotYetFree { slot, holder, what } => {
            write!(f, "slot {slot} is promised; {holder} is gone, and EC2 has not yet freed {}", what.join(", "))
        }
        Reason::SurgeBlocked => f.write_str("every slot is held, and Auto Scaling takes nobody out before this instance serves: set MaxHealthyPercentage so that it terminates first"),
        Reason::ZoneBlocked { vacant, here } => {
            let zones: Vec<_> = vacant.iter().map(ToString::to_string).collect();
            write!(f, "it is in {here}, and the vacant slots are in {}: their volumes cannot follow", zones.join(", "))
        }
        Reason::MoveBlocked { slot } => write!(f, "slot {slot} may come to its zone, and cannot be moved now: see what the slot waits for"),
        Reason::AttachLimit(what) => write!(f, "{what}: use an instance type with room for the spec's volumes and interface"),
        Reason::GuestNotReady => f.write_str("its guest has not reported the volumes mounted"),
        Reason::Draining => f.write_str("its guest has not reported the volumes released"),
        Reason::TakingTurns { unready } => {
            let slots: Vec<_> = unready.iter().map(ToString::to_string).collect();
            write!(f, "it goes when the other slots are ready again; not ready: {}", slots.join(", "))
        }
        Reason::Overdue => f.write_str("it has waited in the launch hook for half an hour: see what its slot waits for"),
        Reason::Answered => f.write_str("our hook is answered; other hooks may hold it"),
        Reason::NeedsAdoption => f.write_str("it came into service without our hook and gets nothing: map it to a slot (`stateful-asg adopt GROUP`), or replace it, and its successor gets one"),
        Reason::AbandonAt(at) => write!(f, "the launch is given up at {at}"),
        _ => Ok(()),
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "`fmt` sends each reason to its own function")]
fn of_upkeep(reason: &Reason, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let newest = |newest: &Option<Timestamp>| {
        newest.map_or_else(|| "there is none".to_owned(), |at| format!("the newest shows {at}"))
    };
    match reason {
        Reason::ChangeHeld { name, volume, by } => {
            let volume = volume.as_ref().map_or_else(|| "not made yet".to_owned(), ToString::to_string);
            let why =
                by.as_ref().map_or_else(|| "is not shown as free".to_owned(), |by| format!("is attached to {by}"));
            write!(f, "volume `{name}` ({volume}) {why}: the slot's change waits until it is free")
        }
        Reason::Changing { slot, what, stage } => {
            let stage = match stage {
                Stage::Saving => "its last snapshots are being taken",
                Stage::Making => "volumes are being made from the snapshots",
                Stage::Switching => "the new volumes are taking their place",
            };
            write!(f, "slot {slot} is being {what}: {stage}")
        }
        Reason::Ordered { what } => {
            write!(f, "it is to be {what} when it is vacant: terminate its holder, or wait for its replacement")
        }
        Reason::SnapshotPending { volume, snapshot } => {
            write!(f, "snapshot {snapshot} of {volume} is not complete yet")
        }
        Reason::SnapshotFailed { volume, message } => {
            write!(f, "a snapshot of {volume} failed ({message}): another one is taken; nothing was changed")
        }
        Reason::SnapshotTooOld { volume, newest: at } => write!(
            f,
            "{volume} cannot be read, and no completed snapshot of it is as recent as the spec asks ({}): bring it back, or allow older data in the spec (`zones.move`, `data_lost`)",
            newest(at)
        ),
        Reason::SnapshotsLate { volume, newest: at } => write!(
            f,
            "periodic snapshots of {volume} are overdue ({}): see what the snapshot function logs",
            newest(at)
        ),
        Reason::SuccessorCreating { name, .. } => write!(f, "the new volume `{name}` is being made from its snapshot"),
        Reason::VolumeGrowing { volume } => write!(f, "EC2 is changing {volume}"),
        Reason::GrowthFailed { volume, message } => {
            write!(f, "EC2 could not change {volume}: {message}. The volume is as it was; see to the spec or the quota")
        }
        Reason::GrowthLimit { volume, until } => {
            write!(
                f,
                "{volume} was changed four times in 24 hours, which is all that EC2 allows: the next change follows at {until}"
            )
        }
        Reason::DeletesOff { what } => write!(
            f,
            "{what} is not needed any more, and this deployment deletes nothing: allow it (parameter AllowDeletes), or see to it yourself"
        ),
        Reason::Unproven { volume, why } => {
            write!(
                f,
                "{volume} was left behind and is kept: {why}. Look what it holds, then `stateful-asg volumes remove`"
            )
        }
        _ => Ok(()),
    }
}
