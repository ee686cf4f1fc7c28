//! The tags by which everything of ours is found, and by which functions and guests talk.
//!
//! Instance metadata serves only tag keys made of letters, digits and `+-=.,_:@`.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html>

use crate::ids::VolumeName;

/// Which group an Auto Scaling group, instance, volume or interface belongs to.
pub const GROUP: &str = "stateful-asg:group";
/// Which installation of the functions may touch it.
pub const DEPLOYMENT: &str = "stateful-asg:deployment";
/// On volumes, interfaces and instances: the slot's number.
pub const SLOT: &str = "stateful-asg:slot";
/// On instances: the claim that made it the slot's holder.
pub const CLAIM: &str = "stateful-asg:claim";
/// On volumes: the volume's name within its slot.
pub const VOLUME: &str = "stateful-asg:volume";
/// On volumes and interfaces that we created: the number of the attempt.
pub const ATTEMPT: &str = "stateful-asg:attempt";
/// On volumes: the slot has another one in this one's place.
pub const SUPERSEDED: &str = "stateful-asg:superseded";
/// On volumes that are made to take another's place: the slot, until they are on its record.
pub const FOR_SLOT: &str = "stateful-asg:for-slot";
/// On snapshots: the operation that took them (`periodic-SLOT-N`, `final-SLOT-N`).
pub const OPERATION: &str = "stateful-asg:operation";
/// On instances: whose data the volumes hold (`kept`, `blank`, `snapshot`, `stale`), and as of when.
pub const DATA: &str = "stateful-asg:data";
/// Set by the guest: the claim whose volumes are mounted.
pub const MOUNTED: &str = "stateful-asg:mounted";
/// Set by the guest: the claim whose volumes are unmounted for good.
pub const RELEASED: &str = "stateful-asg:released";

/// The instance tag that tells the guest about one volume: its ID, mount path and filesystem.
#[must_use]
pub fn volume_key(name: &VolumeName) -> String {
    format!("{VOLUME}:{name}")
}

/// The instance tag that tells the guest how large one volume is, in GiB: it grows a smaller filesystem.
#[must_use]
pub fn size_key(name: &VolumeName) -> String {
    format!("stateful-asg:size:{name}")
}
