//! What EBS allows of each volume type.

use serde::{Deserialize, Serialize};

/// A type of EBS volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum VolumeType {
    /// General purpose SSD, the elder.
    Gp2,
    /// General purpose SSD.
    #[default]
    Gp3,
    /// Provisioned IOPS SSD, the elder.
    Io1,
    /// Provisioned IOPS SSD.
    Io2,
    /// Throughput optimised HDD.
    St1,
    /// Cold HDD.
    Sc1,
    /// Magnetic.
    Standard,
}

/// The bounds of one volume type, inclusive.
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVolume.html>
pub(super) struct Rules {
    pub(super) name: &'static str,
    pub(super) size_gib: (u32, u32),
    pub(super) iops: Option<IopsRules>,
    /// In MiB/s.
    pub(super) throughput: Option<(u32, u32)>,
}

/// The bounds of provisioned IOPS.
/// <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-volume-types.html>
pub(super) struct IopsRules {
    pub(super) range: (u32, u32),
    pub(super) per_gib: u32,
    pub(super) required: bool,
}

/// A gp3 volume takes no more than this part of its IOPS as MiB/s.
pub(super) const IOPS_PER_MIB: u32 = 4;

impl VolumeType {
    /// Every volume type.
    pub const ALL: [Self; 7] = [Self::Gp2, Self::Gp3, Self::Io1, Self::Io2, Self::St1, Self::Sc1, Self::Standard];

    /// The type as EC2 spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.rules().name
    }

    pub(super) fn rules(self) -> Rules {
        let simple = |name, size_gib| Rules { name, size_gib, iops: None, throughput: None };
        let iops = |range, per_gib, required| Some(IopsRules { range, per_gib, required });
        match self {
            Self::Gp2 => simple("gp2", (1, 16_384)),
            Self::Gp3 => Rules {
                iops: iops((3_000, 80_000), 500, false),
                throughput: Some((125, 2_000)),
                ..simple("gp3", (1, 65_536))
            },
            Self::Io1 => Rules { iops: iops((100, 64_000), 50, true), ..simple("io1", (4, 16_384)) },
            Self::Io2 => Rules { iops: iops((100, 256_000), 1_000, true), ..simple("io2", (4, 65_536)) },
            Self::St1 => simple("st1", (125, 16_384)),
            Self::Sc1 => simple("sc1", (125, 16_384)),
            Self::Standard => simple("standard", (1, 1_024)),
        }
    }
}

impl std::fmt::Display for VolumeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is wrong with a volume's performance settings: the field and why.
pub(super) fn problems(
    kind: VolumeType,
    size_gib: u32,
    iops: Option<u32>,
    throughput: Option<u32>,
) -> Vec<(&'static str, String)> {
    let rules = kind.rules();
    let mut found = Vec::new();
    let (least, most) = rules.size_gib;
    if !(least..=most).contains(&size_gib) {
        found.push(("size", format!("{kind} volumes have {least} to {most} GiB, not {size_gib}")));
    }
    if let Some(message) = iops_problem(kind, &rules, size_gib, iops) {
        found.push(("iops", message));
    }
    if let Some(message) = throughput.and_then(|throughput| throughput_problem(kind, &rules, iops, throughput)) {
        found.push(("throughput", message));
    }
    found
}

fn iops_problem(kind: VolumeType, rules: &Rules, size_gib: u32, iops: Option<u32>) -> Option<String> {
    let (iops, rules) = match (iops, &rules.iops) {
        (Some(iops), Some(rules)) => (iops, rules),
        (Some(_), None) => {
            return Some(format!("{kind} volumes take no iops; leave it out, or choose gp3, io1 or io2"));
        }
        (None, Some(rules)) if rules.required => return Some(format!("is required for {kind}")),
        (None, _) => return None,
    };
    let (least, most) = rules.range;
    if !(least..=most).contains(&iops) {
        return Some(format!("{kind} volumes take {least} to {most} IOPS, not {iops}"));
    }
    let allowed = size_gib.saturating_mul(rules.per_gib).max(least);
    (iops > allowed).then(|| {
        format!(
            "{iops} IOPS are too many for {size_gib} GiB of {kind}, which takes {} a GiB: at most {allowed}",
            rules.per_gib
        )
    })
}

fn throughput_problem(kind: VolumeType, rules: &Rules, iops: Option<u32>, throughput: u32) -> Option<String> {
    let Some((least, most)) = rules.throughput else {
        return Some(format!("{kind} volumes take no throughput; leave it out, or choose gp3"));
    };
    if !(least..=most).contains(&throughput) {
        return Some(format!("{kind} volumes take {least} to {most} MiB/s, not {throughput}"));
    }
    let iops = iops.or(rules.iops.as_ref().map(|rules| rules.range.0))?;
    let needed = throughput * IOPS_PER_MIB;
    (needed > iops).then(|| format!("{throughput} MiB/s need at least {needed} iops; the volume has {iops}"))
}
