//! Names of things, each its own type, so that a volume is never passed where an instance is meant.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

/// A name that is not of the form its kind asks for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not {expected}")]
pub struct BadName {
    given: String,
    expected: &'static str,
}

/// Defines a string newtype whose constructor checks the form. IDs of EC2 fit into the value itself: copying one
/// allocates nothing.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(#[schemars(with = "String")] SmolStr);

        impl $name {
            /// Takes a name of the right form.
            ///
            /// # Errors
            /// `BadName` says what was expected.
            pub fn new(given: impl Into<String>) -> Result<Self, BadName> {
                let given = given.into();
                let check: fn(&str) -> bool = $check;
                if check(&given) { Ok(Self(given.into())) } else { Err(BadName { given, expected: $expected }) }
            }

            /// The name as AWS spells it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(given: String) -> Result<Self, BadName> {
                Self::new(given)
            }
        }

        impl std::str::FromStr for $name {
            type Err = BadName;
            fn from_str(given: &str) -> Result<Self, BadName> {
                Self::new(given)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.into()
            }
        }
    };
}

fn hex_id(given: &str, prefix: &str) -> bool {
    given.strip_prefix(prefix).is_some_and(|rest| {
        (4..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    })
}

fn printable(given: &str, longest: usize) -> bool {
    (1..=longest).contains(&given.len()) && given.bytes().all(|b| (0x20..0x7f).contains(&b))
}

fn word(given: &str, longest: usize) -> bool {
    (1..=longest).contains(&given.len()) && given.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

name!(
    /// A group: the value of the tag `stateful-asg:group`, never the name of an Auto Scaling group.
    GroupName, "a group name: 1 to 64 letters, digits, `-`, `_` or `.`", |s| word(s, 64)
);
name!(
    /// One installation of the functions; part of our hook names and of every tag and filter.
    DeploymentId, "a deployment ID: 1 to 24 letters, digits or `-`",
    |s| (1..=24).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
);
name!(
    /// The name of an Auto Scaling group.
    AsgName, "an Auto Scaling group name: 1 to 255 printable characters", |s| printable(s, 255)
);
name!(
    /// The name of a lifecycle hook.
    HookName, "a lifecycle hook name: 1 to 255 printable characters", |s| printable(s, 255)
);
name!(
    /// The token of one lifecycle action: exactly 36 characters.
    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html>
    ActionToken, "a lifecycle action token: 36 characters", |s| s.len() == 36 && printable(s, 36)
);
name!(
    /// An EC2 instance.
    InstanceId, "an instance ID such as i-0123456789abcdef0", |s| hex_id(s, "i-")
);
name!(
    /// An EBS volume.
    VolumeId, "a volume ID such as vol-0123456789abcdef0", |s| hex_id(s, "vol-")
);
name!(
    /// An EBS snapshot.
    SnapshotId, "a snapshot ID such as snap-0123456789abcdef0", |s| hex_id(s, "snap-")
);
name!(
    /// An elastic network interface.
    InterfaceId, "a network interface ID such as eni-0123456789abcdef0", |s| hex_id(s, "eni-")
);
name!(
    /// The attachment of a network interface to an instance.
    InterfaceAttachmentId, "an interface attachment ID such as eni-attach-0123456789abcdef0", |s| hex_id(s, "eni-attach-")
);
name!(
    /// A subnet.
    SubnetId, "a subnet ID such as subnet-0123456789abcdef0", |s| hex_id(s, "subnet-")
);
name!(
    /// A security group.
    SecurityGroupId, "a security group ID such as sg-0123456789abcdef0", |s| hex_id(s, "sg-")
);
name!(
    /// An Availability Zone, such as `eu-central-1a`.
    Zone, "an Availability Zone such as eu-central-1a", |s| word(s, 64)
);
name!(
    /// A Route 53 hosted zone, without the `/hostedzone/` prefix.
    HostedZoneId, "a hosted zone ID such as Z0123456789ABCDEFGHIJ",
    |s| (1..=32).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
);
name!(
    /// A volume's name within a slot, such as `data`.
    VolumeName, "a volume name: 1 to 32 lower-case letters, digits or `-`, beginning with a letter",
    |s| (1..=32).contains(&s.len())
        && s.as_bytes()[0].is_ascii_lowercase()
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);
name!(
    /// A block device name, such as `/dev/sdf`.
    DeviceName, "a device name such as /dev/sdf",
    |s| s.strip_prefix("/dev/").is_some_and(|rest| (2..=16).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
);
name!(
    /// A DNS name in canonical form: lower case, no trailing dot.
    DnsName, "a DNS name in lower case without a trailing dot, such as cass-1.prod.internal",
    |s| (1..=253).contains(&s.len())
        && s.split('.').all(|label| (1..=63).contains(&label.len())
            && !label.starts_with('-') && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_'))
);

/// A slot's number: given by the group's counter, which never falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct SlotNumber(pub u32);

impl fmt::Display for SlotNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A claim's number on its slot: raised only when the holder changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Claim(pub u64);

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A slot's generation: raised by every change of its item, and the condition of each write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The first of an item that takes the place of one which was lost: above all that the lost one can have had, at one
    /// write a second since 1970, so that no write which rests on the lost one finds its generation again.
    #[must_use]
    pub fn afresh(now: Timestamp) -> Self {
        Self(u64::try_from(now.as_second()).unwrap_or_default().max(1))
    }

    /// The generation that follows.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
