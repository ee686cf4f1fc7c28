//! Changes of volumes: size, type and performance.
//!
//! Documented: EBS User Guide, *Modify a volume using Elastic Volumes operations* and *Monitor the
//! progress of volume modifications*; BC ModifyVolume.

use std::sync::Arc;

use jiff::SignedDuration;

use crate::model::agenda::Due;
use crate::model::buckets::Cost;
use crate::model::effects::EffectKind;
use crate::model::types::{
    Describe, ModificationState, ModifyVolume, Paged, Tags, Volume, VolumeModification, VolumeShape, VolumeState,
};
use crate::model::{Answer, Aws, AwsError};

use super::describe::{Described, page};
use super::volume_types::{self, GP3_IOPS, GP3_THROUGHPUT};

/// Documented (BC ModifyVolume): so many changes of a volume in a rolling day.
const CHANGES_A_DAY: usize = 4;
const DAY: SignedDuration = SignedDuration::from_hours(24);

impl Aws {
    /// `ec2:ModifyVolume`, of an attached volume or a free one. A call that changes nothing counts as
    /// a change (observed: EBS CSI driver, March 2024).
    ///
    /// # Errors
    /// `InvalidVolume.NotFound`; `IncorrectState` for a volume that is neither available nor in use;
    /// `IncorrectModificationState` while the last change is not completed;
    /// `VolumeModificationRateExceeded` after four changes within 24 hours;
    /// `InvalidParameterValue` for a smaller size, and for what the type does not allow;
    /// `InvalidParameterCombination`, `UnknownVolumeType`; `InternalError` out of reach.
    pub fn modify_volume(&mut self, request: &ModifyVolume) -> Answer<Arc<VolumeModification>> {
        self.call("ec2:ModifyVolume", Cost::Mutating, |aws| {
            let volume = aws.known_volume(&request.volume_id)?;
            aws.check_reach(&volume.availability_zone)?;
            let original = shape_of(&volume);
            let target = target(&original, request);
            if target.size_gib < original.size_gib {
                // Observed wording: several reports of the AWS CLI and the CDK.
                return Err(AwsError::parameter("New size cannot be smaller than existing size"));
            }
            volume_types::check(&target)?;
            aws.check_modifiable(&volume)?;
            Ok(aws.begin_modification(&request.volume_id, original, target))
        })
    }

    fn check_modifiable(&self, volume: &Volume) -> Answer<()> {
        let id = &volume.volume_id;
        if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
            return Err(AwsError::incorrect_state(format!("Volume '{id}' is in the '{}' state.", volume.state.name())));
        }
        match self.ec2.modifications.get(id).map(|modification| modification.state) {
            Some(state @ (ModificationState::Modifying | ModificationState::Optimizing)) => {
                // Observed wording: AWS re:Post, cloudformation-ebs-volume-error.
                let state = state.name().to_uppercase();
                let message = format!("Volume {id} cannot be modified in modification state {state}");
                return Err(AwsError::new("IncorrectModificationState", message));
            }
            Some(ModificationState::Completed | ModificationState::Failed) | None => {}
        }
        let begun = self.ec2.modified_at.get(id).map_or(&[][..], Vec::as_slice);
        let recent: Vec<_> = begun.iter().filter(|at| **at + DAY > self.now).collect();
        match recent.first() {
            // Observed code: reports of the EBS CSI driver. The new rule's wording is assumed.
            Some(oldest) if recent.len() >= CHANGES_A_DAY => {
                let next = **oldest + DAY;
                let message = format!(
                    "You've reached the maximum modification rate per volume limit. The next modification of {id} is possible at {next}."
                );
                Err(AwsError::new("VolumeModificationRateExceeded", message))
            }
            _ => Ok(()),
        }
    }

    fn begin_modification(&mut self, id: &str, original: VolumeShape, target: VolumeShape) -> Arc<VolumeModification> {
        let modification = VolumeModification {
            volume_id: id.to_owned(),
            state: ModificationState::Modifying,
            status_message: None,
            original,
            target: target.clone(),
            progress: 0,
            start_time: self.now,
            end_time: None,
        };
        let answer = Arc::new(modification.clone());
        let (now, oldest) = (self.now, self.oldest());
        match self.ec2.modifications.change(now, oldest, id) {
            Some(last) => *last = modification,
            None => self.ec2.modifications.insert(now, id, modification),
        }
        let begun = self.ec2.modified_at.entry(id.to_owned()).or_default();
        begun.retain(|at| *at + DAY > now);
        begun.push(now);
        self.log(EffectKind::VolumeModifying { volume: id.to_owned(), target });
        self.later(self.settings.timings.modify, Due::VolumeModified(id.to_owned()));
        answer
    }

    /// The change goes one step on. Documented: the new size can be used from `optimizing` on.
    pub(in crate::model) fn volume_modified(&mut self, id: &str) {
        let Some(modification) = self.ec2.modifications.get(id).cloned() else { return };
        let next = match modification.state {
            ModificationState::Modifying if self.faults.failing_modifications.remove(id) => ModificationState::Failed,
            ModificationState::Modifying => ModificationState::Optimizing,
            ModificationState::Optimizing => ModificationState::Completed,
            ModificationState::Completed | ModificationState::Failed => return,
        };
        if next == ModificationState::Optimizing {
            if let Some(volume) = self.volume_mut(id) {
                let VolumeShape { size_gib, volume_type, iops, throughput } = modification.target.clone();
                (volume.size_gib, volume.volume_type) = (size_gib, volume_type);
                (volume.iops, volume.throughput) = (iops, throughput);
            }
            self.later(self.settings.timings.optimize, Due::VolumeModified(id.to_owned()));
        }
        let (now, oldest) = (self.now, self.oldest());
        if let Some(modification) = self.ec2.modifications.change(now, oldest, id) {
            modification.state = next;
            match next {
                ModificationState::Modifying => {}
                ModificationState::Optimizing => modification.progress = 1,
                ModificationState::Completed => (modification.progress, modification.end_time) = (100, Some(now)),
                ModificationState::Failed => {
                    modification.status_message = Some("Internal error".to_owned());
                    modification.end_time = Some(now);
                }
            }
        }
        self.log(EffectKind::VolumeModification { volume: id.to_owned(), state: next });
        self.emit_volume(id, "modifyVolume", next.name(), "");
    }

    /// The volume is gone, and what is known of its changes with it (assumed).
    pub(super) fn forget_modifications(&mut self, id: &str) {
        self.ec2.modifications.remove(self.now, id);
        self.ec2.modified_at.remove(id);
        let oldest = self.oldest();
        self.ec2.modifications.prune(oldest);
    }

    /// `ec2:DescribeVolumesModifications`: the latest change of each volume; `ids` are volumes.
    /// Volumes that were never changed are left out, unless they are named.
    ///
    /// # Errors
    /// `InvalidVolume.NotFound`; `InvalidVolumeModification.NotFound` for a named volume that was
    /// never changed (observed: Karpenter's and Portworx's clients match on it);
    /// `InvalidParameterValue` for a filter that the model does not know.
    pub fn describe_volumes_modifications(&mut self, request: &Describe) -> Answer<Paged<Arc<VolumeModification>>> {
        self.call("ec2:DescribeVolumesModifications", Cost::Describe, |aws| {
            for id in &request.ids {
                aws.known_volume(id)?;
            }
            page(aws, |aws| &aws.ec2.modifications, request)
        })
    }

    /// The next change of this volume ends in `failed`.
    pub fn fail_modification(&mut self, volume: &str) {
        self.faults.failing_modifications.insert(volume.to_owned());
    }
}

fn shape_of(volume: &Volume) -> VolumeShape {
    VolumeShape {
        size_gib: volume.size_gib,
        volume_type: volume.volume_type.clone(),
        iops: volume.iops,
        throughput: volume.throughput,
    }
}

/// Documented (BC ModifyVolume): what is absent stays where the type stays; a new type that has
/// operations begins with 3,000, gp3 with 125 MiB a second.
fn target(original: &VolumeShape, request: &ModifyVolume) -> VolumeShape {
    let volume_type = request.volume_type.clone().unwrap_or_else(|| original.volume_type.clone());
    let stays = volume_type == original.volume_type;
    let has_iops = matches!(volume_type.as_str(), "gp3" | "io1" | "io2");
    let iops = if stays { original.iops } else { has_iops.then_some(GP3_IOPS) };
    let throughput = if stays { original.throughput } else { (volume_type == "gp3").then_some(GP3_THROUGHPUT) };
    VolumeShape {
        size_gib: request.size_gib.unwrap_or(original.size_gib),
        iops: request.iops.or(iops),
        throughput: request.throughput.or(throughput),
        volume_type,
    }
}

impl Described for VolumeModification {
    const FIELDS: &[&str] = &["volume-id", "modification-state", "original-volume-type", "target-volume-type"];
    fn id(&self) -> &str {
        &self.volume_id
    }
    fn not_found(id: &str) -> AwsError {
        let message = format!("Modification for volume '{id}' does not exist.");
        AwsError::new("InvalidVolumeModification.NotFound", message)
    }
    fn tags(&self) -> Option<&Tags> {
        None
    }
    fn field(&self, name: &str) -> Option<Vec<&str>> {
        Some(match name {
            "volume-id" => vec![&self.volume_id],
            "modification-state" => vec![self.state.name()],
            "original-volume-type" => vec![&self.original.volume_type],
            "target-volume-type" => vec![&self.target.volume_type],
            _ => return None,
        })
    }
}
