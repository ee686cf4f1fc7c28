//! Changes of EBS volumes in place.

use aws_sdk_ec2::types;
use stateful_asg_core::cloud::{Modification, ModificationState};
use stateful_asg_core::ids::VolumeId;
use stateful_asg_core::upkeep::Target;
use stateful_asg_runtime::ports::Called;

use crate::Aws;
use crate::ec2::{gather, id_filters};
use crate::errors::answer;
use crate::parse::{Unreadable, int, required, time};

/// Modifications a page.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumesModifications.html>
const PAGE: i32 = 500;

impl Aws {
    /// Asked by a filter: as parameters, the IDs of volumes that never changed fail the whole call
    /// (`InvalidVolumeModification.NotFound`).
    pub(crate) async fn described_modifications(&self, volumes: &[VolumeId]) -> Called<Vec<Modification>> {
        gather(id_filters(volumes, "volume-id"), |filters| self.modification_pages(filters)).await
    }

    async fn modification_pages(&self, filters: Vec<types::Filter>) -> Called<Vec<Modification>> {
        const OPERATION: &str = "ec2:DescribeVolumesModifications";
        let request = self.ec2.describe_volumes_modifications();
        let mut pages = request.set_filters(Some(filters)).max_results(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            for seen in answer(OPERATION, page)?.volumes_modifications() {
                found.extend(modification(seen).map_err(|error| error.in_answer(OPERATION, seen.volume_id()))?);
            }
        }
        Ok(found)
    }

    pub(crate) async fn change_volume(&self, volume: &VolumeId, target: &Target) -> Called<()> {
        let request = self.ec2.modify_volume().volume_id(volume.as_str());
        let request = request
            .set_size(target.size_gib.map(int))
            .set_volume_type(target.kind.map(|kind| kind.as_str().into()))
            .set_iops(target.iops.map(int))
            .set_throughput(target.throughput.map(int));
        answer("ec2:ModifyVolume", request.customize().config_override(self.pace.once()).send().await).map(drop)
    }
}

/// None for a volume that never changed: EC2 then leaves most of the answer empty.
fn modification(seen: &types::VolumeModification) -> Result<Option<Modification>, Unreadable> {
    let Some(state) = seen.modification_state() else { return Ok(None) };
    Ok(Some(Modification {
        volume: required("volume", seen.volume_id())?,
        state: modification_state(state.as_str())?,
        started: time(seen.start_time()),
        message: seen.status_message().filter(|words| !words.is_empty()).map(str::to_owned),
    }))
}

fn modification_state(word: &str) -> Result<ModificationState, Unreadable> {
    Ok(match word {
        "modifying" => ModificationState::Modifying,
        "optimizing" => ModificationState::Optimizing,
        "completed" => ModificationState::Completed,
        "failed" => ModificationState::Failed,
        other => return Err(Unreadable::novel("state", other)),
    })
}

#[cfg(test)]
mod tests {
    use stateful_asg_core::observed::FailureKind;
    use stateful_asg_core::spec::VolumeType;
    use stateful_asg_runtime::ports::Cloud;

    use super::*;
    use crate::samples::at;
    use crate::wire::{Answer, Wire, body};

    fn volume(n: u16) -> VolumeId {
        VolumeId::new(format!("vol-{n:017x}")).unwrap()
    }

    fn xml(n: u16, state: &str) -> String {
        format!(
            "<item><volumeId>vol-{n:017x}</volumeId><modificationState>{state}</modificationState>\
             <statusMessage>told</statusMessage><startTime>2026-11-20T10:00:00.000Z</startTime></item>"
        )
    }

    fn set(items: &str) -> String {
        format!("<volumeModificationSet>{items}</volumeModificationSet>")
    }

    #[tokio::test]
    async fn changes_are_asked_for_by_a_filter_and_read() {
        let never = "<item><volumeId>vol-00000000000000003</volumeId></item>";
        let items = [&xml(1, "optimizing"), &xml(2, "failed"), never].map(String::from).concat();
        let wire = Wire::answering("DescribeVolumesModifications", &set(&items));
        let read = wire.aws().modifications(&[volume(1), volume(2), volume(3)]).await.unwrap();
        assert_eq!(
            wire.sent(),
            [
                "Action=DescribeVolumesModifications",
                "Filter.1.Name=volume-id",
                "Filter.1.Value.1=vol-00000000000000001",
                "Filter.1.Value.2=vol-00000000000000002",
                "Filter.1.Value.3=vol-00000000000000003",
                "MaxResults=500",
            ]
        );
        let seen = |n, state| Modification {
            volume: volume(n),
            state,
            started: Some(at("2026-11-20T10:00:00Z")),
            message: Some("told".to_owned()),
        };
        assert_eq!(read, [seen(1, ModificationState::Optimizing), seen(2, ModificationState::Failed)]);
    }

    #[tokio::test]
    async fn a_change_in_a_novel_state_is_an_error_and_no_absence() {
        let wire = Wire::answering("DescribeVolumesModifications", &set(&xml(1, "pausing")));
        let error = wire.aws().modifications(&[volume(1)]).await.unwrap_err();
        assert!(error.message.contains("vol-00000000000000001") && error.message.contains("pausing"), "{error}");
    }

    #[tokio::test]
    async fn many_volumes_are_asked_for_in_parts_and_none_not_at_all() {
        let empty = || body("DescribeVolumesModifications", &set(""));
        let wire = Wire::new([empty(), empty()]);
        let volumes: Vec<_> = (0..201).map(volume).collect();
        assert_eq!(wire.aws().modifications(&volumes).await.unwrap(), []);
        assert_eq!(wire.requests().len(), 2);
        assert_eq!(wire.aws().modifications(&[]).await.unwrap(), []);
        assert_eq!(wire.requests().len(), 2);
    }

    #[tokio::test]
    async fn only_what_is_changed_is_sent() {
        let answer = || body("ModifyVolume", "<volumeModification/>");
        let wire = Wire::new([answer()]);
        let larger = Target { size_gib: Some(200), ..Target::default() };
        wire.aws().modify_volume(&volume(1), &larger).await.unwrap();
        assert_eq!(wire.sent(), ["Action=ModifyVolume", "Size=200", "VolumeId=vol-00000000000000001"]);

        let wire = Wire::new([answer()]);
        let faster = Target { size_gib: None, kind: Some(VolumeType::Gp3), iops: Some(6000), throughput: Some(500) };
        wire.aws().modify_volume(&volume(1), &faster).await.unwrap();
        let expected =
            ["Action=ModifyVolume", "Iops=6000", "Throughput=500", "VolumeId=vol-00000000000000001", "VolumeType=gp3"];
        assert_eq!(wire.sent(), expected);
    }

    #[tokio::test]
    async fn a_change_is_sent_once_and_its_refusals_are_told_apart() {
        let wire = Wire::new([Answer::Lost, body("ModifyVolume", "<volumeModification/>")]);
        let larger = Target { size_gib: Some(200), ..Target::default() };
        let error = wire.aws().modify_volume(&volume(1), &larger).await.unwrap_err();
        assert_eq!((error.kind, wire.requests().len()), (FailureKind::Unknown, 1));

        let rows = [
            ("IncorrectModificationState", FailureKind::NotReady),
            ("VolumeModificationRateExceeded", FailureKind::Quota),
        ];
        for (code, kind) in rows {
            let wire = Wire::new([Answer::Refused(400, code)]);
            let error = wire.aws().modify_volume(&volume(1), &larger).await.unwrap_err();
            assert_eq!((error.kind, error.code.as_str()), (kind, code));
        }
    }
}
