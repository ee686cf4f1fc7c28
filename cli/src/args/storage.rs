//! The command line of what happens to a group's data.

use clap::{Args, Subcommand};
use stateful_asg_core::ids::{DeploymentId, DeviceName, GroupName, InstanceId, SnapshotId, VolumeId, VolumeName, Zone};

/// Which group, of which installation. Credentials, Region and endpoint are taken from the AWS SDK's own environment.
#[derive(Debug, Args)]
pub(crate) struct PlaceArgs {
    /// The group: the value of the tag `stateful-asg:group`, not the Auto Scaling group's name.
    pub(crate) group: GroupName,
    /// The installation of the functions that serves the group.
    #[arg(long, env = "STATEFUL_ASG_DEPLOYMENT", value_name = "ID")]
    pub(crate) deployment: DeploymentId,
    /// The installation's DynamoDB table.
    #[arg(long, env = "STATEFUL_ASG_TABLE", value_name = "NAME")]
    pub(crate) table: String,
    /// The installation's event bus.
    #[arg(long, env = "STATEFUL_ASG_EVENT_BUS", value_name = "NAME")]
    pub(crate) event_bus: Option<String>,
}

/// How a change is agreed to.
#[derive(Debug, Args)]
pub(crate) struct ConsentArgs {
    /// Do it without asking.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
    /// Show what would be done and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object on stdout: `ok`, `plan`, `notices`, `problems`, `done`.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Shows what is read, and nothing else.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Print a JSON array on stdout instead of the table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The volumes of a group, also of one whose Auto Scaling group is gone.
#[derive(Debug, Args)]
pub(crate) struct VolumesArgs {
    #[command(subcommand)]
    pub(crate) command: VolumesCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VolumesCommand {
    /// Shows every volume, whose it is, and when it may be deleted.
    List(ListArgs),
    Remove(RemoveVolumesArgs),
}

/// Deletes volumes that no slot needs: superseded ones, those of the pool, strays.
///
/// A volume that is on a slot's record, or attached, is refused. What would be lost is shown first. On a terminal the ID of each volume must be typed.
#[derive(Debug, Args)]
pub(crate) struct RemoveVolumesArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The volumes.
    #[arg(required = true, value_name = "VOLUME")]
    pub(crate) volumes: Vec<VolumeId>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

/// The snapshots of a group.
#[derive(Debug, Args)]
pub(crate) struct SnapshotsArgs {
    #[command(subcommand)]
    pub(crate) command: SnapshotsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotsCommand {
    List(ListSnapshotsArgs),
}

/// Shows every snapshot, what it was taken for, and what keeps it.
#[derive(Debug, Args)]
pub(crate) struct ListSnapshotsArgs {
    #[command(flatten)]
    pub(crate) list: ListArgs,
    /// Only those of this slot.
    #[arg(long, value_name = "N")]
    pub(crate) slot: Option<u32>,
}

/// The slots of a group, and what a person orders for one of them.
///
/// An order is noted in the table, and begins when the slot has no holder.
#[derive(Debug, Args)]
pub(crate) struct SlotArgs {
    #[command(subcommand)]
    pub(crate) command: SlotCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SlotCommand {
    /// Shows every slot: its state, zone, holder, and what is under way.
    List(ListArgs),
    Retire(RetireArgs),
    Restore(RestoreArgs),
    Move(MoveArgs),
    Cancel(CancelArgs),
}

/// Which slot.
#[derive(Debug, Args)]
pub(crate) struct OneSlotArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// The slot's number.
    #[arg(value_name = "N")]
    pub(crate) slot: u32,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

/// Has the slot's volumes snapshotted and then deleted, so that only the snapshots are left.
///
/// When the slot is needed again, it is made anew from them.
#[derive(Debug, Args)]
pub(crate) struct RetireArgs {
    #[command(flatten)]
    pub(crate) one: OneSlotArgs,
}

/// Has volumes made from snapshots take the place of the slot's own, which are kept and tagged as superseded.
///
/// The next holder is told by the tag `stateful-asg:data` that its data is older than the last write.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stateful-asg slot restore cass 3 --snapshot snap-0123456789abcdef0\n  \
    stateful-asg slot restore cass 3 --snapshot data=snap-0123456789abcdef0 --now")]
pub(crate) struct RestoreArgs {
    #[command(flatten)]
    pub(crate) one: OneSlotArgs,
    /// The snapshot, and the name of the volume that is made from it where its tags do not tell. Once for each volume.
    #[arg(long = "snapshot", required = true, value_name = "[NAME=]SNAPSHOT", value_parser = chosen)]
    pub(crate) snapshots: Vec<Chosen>,
    /// Have Auto Scaling replace the slot's holder now, instead of waiting until it goes.
    #[arg(long)]
    pub(crate) now: bool,
    /// Allow snapshots of another slot, volume or group.
    #[arg(long)]
    pub(crate) foreign: bool,
}

/// Takes the slot's data to another zone, once it has no holder.
#[derive(Debug, Args)]
pub(crate) struct MoveArgs {
    #[command(flatten)]
    pub(crate) one: OneSlotArgs,
    /// The zone to go to.
    #[arg(long, value_name = "ZONE")]
    pub(crate) to: Zone,
}

/// Takes an order back that has not begun.
#[derive(Debug, Args)]
pub(crate) struct CancelArgs {
    #[command(flatten)]
    pub(crate) one: OneSlotArgs,
}

/// What is left of a group.
#[derive(Debug, Args)]
pub(crate) struct GroupArgs {
    #[command(subcommand)]
    pub(crate) command: GroupCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GroupCommand {
    Remove(RemoveGroupArgs),
}

/// Deletes everything that is left of a group without an Auto Scaling group: records, interfaces, volumes, its items.
///
/// Never while an Auto Scaling group bears the group's tag. What would be deleted is shown first, and the group's name must be typed.
#[derive(Debug, Args)]
pub(crate) struct RemoveGroupArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Delete its snapshots too. Nothing of its data is left then.
    #[arg(long)]
    pub(crate) snapshots: bool,
    /// Delete without asking; the group's name again.
    #[arg(long, value_name = "GROUP", conflicts_with = "dry_run")]
    pub(crate) yes: Option<GroupName>,
    /// Show what would be deleted and change nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print one JSON object on stdout: `ok`, `plan`, `notices`, `problems`, `done`.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Gives slots to members that were in service before, and rebuilds a lost table from tags.
///
/// Nothing is restarted, attached or detached. Members in service that never came through our hook get a slot with the
/// volumes, the interface and the record that they have. Slots that the tags show and the table lacks are written anew. A slot with an item is never touched, and what is ambiguous is named and changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stateful-asg adopt cass --dry-run                        only show\n  \
    stateful-asg adopt cass --volume data=/dev/sdf           say which volume is `data`\n  \
    stateful-asg adopt cass --forget 3                       slot 3's data is gone for good")]
pub(crate) struct AdoptArgs {
    #[command(flatten)]
    pub(crate) place: PlaceArgs,
    /// Under which device name members have this volume, where tags, sizes and the spec do not tell.
    #[arg(long = "volume", value_name = "NAME=DEVICE", value_parser = device)]
    pub(crate) volumes: Vec<(VolumeName, DeviceName)>,
    /// A member that gets no slot now.
    #[arg(long, value_name = "INSTANCE")]
    pub(crate) leave_out: Vec<InstanceId>,
    /// A slot of which nothing is left.
    #[arg(long, value_name = "N")]
    pub(crate) forget: Vec<u32>,
    #[command(flatten)]
    pub(crate) consent: ConsentArgs,
}

/// A snapshot that a person chose, and for which volume.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) name: Option<VolumeName>,
    pub(crate) snapshot: SnapshotId,
}

fn chosen(given: &str) -> Result<Chosen, String> {
    let text = |error: stateful_asg_core::ids::BadName| error.to_string();
    match given.split_once('=') {
        Some((name, snapshot)) => Ok(Chosen {
            name: Some(VolumeName::new(name).map_err(text)?),
            snapshot: SnapshotId::new(snapshot).map_err(text)?,
        }),
        None => Ok(Chosen { name: None, snapshot: SnapshotId::new(given).map_err(text)? }),
    }
}

fn device(given: &str) -> Result<(VolumeName, DeviceName), String> {
    let (name, device) = given.split_once('=').ok_or("NAME=DEVICE is needed, such as data=/dev/sdf")?;
    let text = |error: stateful_asg_core::ids::BadName| error.to_string();
    Ok((VolumeName::new(name).map_err(text)?, DeviceName::new(device).map_err(text)?))
}
