//! EC2: instances, volumes, snapshots, interfaces, and the network that exists by default.

mod attach;
mod copies;
mod describe;
mod instance_types;
mod instances;
mod interfaces;
mod modifications;
mod network;
mod snapshots;
mod tags;
mod templates;
mod termination;
mod volume_types;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use rand_chacha::ChaCha8Rng;

use super::data::Disk;
use super::guest::Guest;
use super::lagged::Shelf;
use super::types::{
    CreateNetworkInterface, CreateVolume, Instance, LaunchTemplate, NetworkInterface, Snapshot, Volume,
    VolumeModification,
};
use super::{Answer, Aws, AwsError, Settings};
use copies::Copies;
pub(super) use describe::wildcard;
pub(super) use instances::Launch;
use network::Network;

/// The state of EC2.
#[derive(Debug, Clone)]
pub(super) struct Ec2 {
    pub(super) instances: Shelf<Instance>,
    pub(super) volumes: Shelf<Volume>,
    pub(super) interfaces: Shelf<NetworkInterface>,
    pub(super) snapshots: Shelf<Snapshot>,
    pub(super) copies: Copies,
    /// By volume: its latest change.
    modifications: Shelf<VolumeModification>,
    /// By volume: when its changes of the last day were asked for.
    modified_at: BTreeMap<String, Vec<Timestamp>>,
    /// Which volumes are root volumes.
    pub(super) roots: BTreeSet<String>,
    pub(super) network: Network,
    pub(super) templates: BTreeMap<String, LaunchTemplate>,
    volume_tokens: BTreeMap<String, (CreateVolume, Arc<Volume>)>,
    interface_tokens: BTreeMap<String, (CreateNetworkInterface, Arc<NetworkInterface>)>,
    /// Instances whose metadata shows their tags.
    pub(super) metadata_tags: BTreeSet<String>,
    pub(super) guests: BTreeMap<String, Guest>,
    /// By volume, those that are gone too.
    pub(super) disks: BTreeMap<String, Disk>,
}

impl Ec2 {
    pub(super) fn new(settings: &Settings, rng: &mut ChaCha8Rng, keep_past: bool) -> Self {
        Self {
            instances: Shelf::new(keep_past),
            volumes: Shelf::new(keep_past),
            interfaces: Shelf::new(keep_past),
            snapshots: Shelf::new(keep_past),
            copies: Copies::default(),
            modifications: Shelf::new(keep_past),
            modified_at: BTreeMap::new(),
            roots: BTreeSet::new(),
            network: Network::new(settings, rng),
            templates: BTreeMap::new(),
            volume_tokens: BTreeMap::new(),
            interface_tokens: BTreeMap::new(),
            metadata_tags: BTreeSet::new(),
            guests: BTreeMap::new(),
            disks: BTreeMap::new(),
        }
    }
}

impl Ec2 {
    pub(super) fn latest_modification(&self, volume: &str) -> Option<&Arc<VolumeModification>> {
        self.modifications.get(volume)
    }
}

impl Aws {
    pub(super) fn instance_mut(&mut self, id: &str) -> Option<&mut Instance> {
        let oldest = self.oldest();
        self.ec2.instances.change(self.now, oldest, id)
    }

    fn volume_mut(&mut self, id: &str) -> Option<&mut Volume> {
        let oldest = self.oldest();
        self.ec2.volumes.change(self.now, oldest, id)
    }

    fn interface_mut(&mut self, id: &str) -> Option<&mut NetworkInterface> {
        let oldest = self.oldest();
        self.ec2.interfaces.change(self.now, oldest, id)
    }

    fn snapshot_mut(&mut self, id: &str) -> Option<&mut Snapshot> {
        let oldest = self.oldest();
        self.ec2.snapshots.change(self.now, oldest, id)
    }

    /// The instance that a call names. Documented (EC2 Developer Guide, *Eventual consistency*): an
    /// object may be unknown for a moment after it was made.
    fn known_instance(&mut self, id: &str) -> Answer<Arc<Instance>> {
        let moment = self.moment();
        let seen = self.ec2.instances.at(id, moment).is_some();
        let instance = self.ec2.instances.get(id).filter(|_| seen);
        instance.cloned().ok_or_else(|| no_instance(id))
    }

    fn known_volume(&mut self, id: &str) -> Answer<Arc<Volume>> {
        let moment = self.moment();
        let seen = self.ec2.volumes.at(id, moment).is_some();
        let volume = self.ec2.volumes.get(id).filter(|_| seen);
        volume.cloned().ok_or_else(|| no_volume(id))
    }

    fn known_interface(&mut self, id: &str) -> Answer<Arc<NetworkInterface>> {
        let moment = self.moment();
        let seen = self.ec2.interfaces.at(id, moment).is_some();
        let interface = self.ec2.interfaces.get(id).filter(|_| seen);
        interface.cloned().ok_or_else(|| no_interface(id))
    }
}

fn no_instance(id: &str) -> AwsError {
    AwsError::new("InvalidInstanceID.NotFound", format!("The instance ID '{id}' does not exist"))
}

fn no_volume(id: &str) -> AwsError {
    AwsError::new("InvalidVolume.NotFound", format!("The volume '{id}' does not exist."))
}

fn no_interface(id: &str) -> AwsError {
    AwsError::new("InvalidNetworkInterfaceID.NotFound", format!("The networkInterface ID '{id}' does not exist"))
}

/// Documented: a client token is at most 64 ASCII characters, and used again with other parameters
/// it is refused (EC2 API reference, *Ensuring idempotency*).
fn mismatch(token: &str) -> AwsError {
    AwsError::new(
        "IdempotentParameterMismatch",
        format!("The client token '{token}' was used before with other parameters."),
    )
}
