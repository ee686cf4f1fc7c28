//! What a slot left behind, until proof allows deleting it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{Claim, SnapshotId, VolumeName};

/// A volume that is on no slot's record any more, or never came to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// Its name in the slot.
    pub name: VolumeName,
    /// The slot's claim when it left the record.
    pub claim: Claim,
    /// When it left the record.
    pub since: Timestamp,
    /// When the slot's last holder was seen to have left it: what proves its data was begun later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vacated: Option<Timestamp>,
    /// What holds its data now.
    pub proof: Proof,
    /// Only a person deletes it.
    pub keep: bool,
    /// When deleting it was decided, for good.
    #[serde(default)]
    pub deleting: Option<Timestamp>,
    /// Since when reads aimed at its ID have missed it: one that misses it once may lag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since: Option<Timestamp>,
}

/// What holds the data of a superseded volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Proof {
    /// A snapshot that was taken after the last detach.
    Snapshot(SnapshotId),
    /// Nobody ever used it: it was made for a change that was dropped.
    NeverUsed,
    /// Nothing does: it is never deleted by itself.
    None,
}

/// An interface that is on no slot's record any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftInterface {
    /// When it left the record.
    pub since: Timestamp,
    /// Since when reads aimed at its ID have missed it: one that misses it once may lag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent_since: Option<Timestamp>,
}
