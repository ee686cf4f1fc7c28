//! What each type of volume allows.

use crate::model::types::VolumeShape;
use crate::model::{Answer, AwsError};

/// The limits of a type.
struct Limits {
    name: &'static str,
    /// GiB.
    size: (u32, u32),
    /// Operations a second; absent where they cannot be given.
    iops: Option<(u32, u32)>,
    /// The most operations a second for each GiB, beyond the least that the type has.
    iops_per_gib: u32,
}

/// Documented (BC CreateVolume): sizes and operations. Observed (EBS CSI driver, constants): ratios.
const TYPES: [Limits; 7] = [
    Limits { name: "gp3", size: (1, 65_536), iops: Some((3_000, 80_000)), iops_per_gib: 500 },
    Limits { name: "gp2", size: (1, 16_384), iops: None, iops_per_gib: 0 },
    Limits { name: "io1", size: (4, 16_384), iops: Some((100, 64_000)), iops_per_gib: 50 },
    Limits { name: "io2", size: (4, 65_536), iops: Some((100, 256_000)), iops_per_gib: 1_000 },
    Limits { name: "st1", size: (125, 16_384), iops: None, iops_per_gib: 0 },
    Limits { name: "sc1", size: (125, 16_384), iops: None, iops_per_gib: 0 },
    Limits { name: "standard", size: (1, 1_024), iops: None, iops_per_gib: 0 },
];

/// Operations a second of a gp3 volume that names none.
pub(super) const GP3_IOPS: u32 = 3_000;
/// MiB a second of a gp3 volume that names none.
pub(super) const GP3_THROUGHPUT: u32 = 125;

/// Whether a volume can be like this. What `shape` leaves out is not checked.
pub(super) fn check(shape: &VolumeShape) -> Answer<()> {
    let VolumeShape { size_gib: size, volume_type: kind, iops, throughput } = shape;
    let Some(limits) = TYPES.iter().find(|limits| limits.name == kind) else {
        return Err(AwsError::new("UnknownVolumeType", format!("Unknown volume type: {kind}")));
    };
    let (min, max) = limits.size;
    if !(min..=max).contains(size) {
        return Err(AwsError::parameter(format!(
            "Volume of {size}GiB is out of range for {kind}; it must be between {min} and {max}."
        )));
    }
    check_iops(limits, *size, *iops)?;
    match throughput {
        None => Ok(()),
        Some(_) if kind != "gp3" => Err(unsupported("throughput", kind)),
        // Documented (BC CreateVolume): 125 to 2,000.
        Some(given) if !(GP3_THROUGHPUT..=2_000).contains(given) => Err(AwsError::parameter(format!(
            "Throughput {given} is out of range for {kind}; it must be between 125 and 2000."
        ))),
        // Documented (EBS User Guide, *General Purpose SSD volumes*); observed wording.
        Some(given) if *given > GP3_THROUGHPUT && given.saturating_mul(4) > iops.unwrap_or(GP3_IOPS) => {
            Err(AwsError::parameter(format!(
                "Throughput (MiBps) to iops ratio of {:.6} is too high; maximum is 0.250000 MiBps per iops.",
                f64::from(*given) / f64::from(iops.unwrap_or(GP3_IOPS))
            )))
        }
        Some(_) => Ok(()),
    }
}

fn check_iops(limits: &Limits, size: u32, iops: Option<u32>) -> Answer<()> {
    let kind = limits.name;
    let (given, (low, high)) = match (iops, limits.iops) {
        (Some(given), Some(range)) => (given, range),
        (Some(_), None) => return Err(unsupported("iops", kind)),
        (None, Some(_)) if kind.starts_with("io") => {
            return Err(AwsError::new("MissingParameter", "The request must contain the parameter iops"));
        }
        (None, _) => return Ok(()),
    };
    if !(low..=high).contains(&given) {
        return Err(AwsError::parameter(format!(
            "Volume iops of {given} is out of range for {kind}; it must be between {low} and {high}."
        )));
    }
    if given > low && given > limits.iops_per_gib.saturating_mul(size) {
        return Err(AwsError::parameter(format!(
            "Iops to volume size ratio of {:.6} is too high; maximum is {}.000000",
            f64::from(given) / f64::from(size),
            limits.iops_per_gib
        )));
    }
    Ok(())
}

fn unsupported(parameter: &str, kind: &str) -> AwsError {
    AwsError::new(
        "InvalidParameterCombination",
        format!("The parameter {parameter} is not supported for {kind} volumes."),
    )
}
