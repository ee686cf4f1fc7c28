//! Where and how the guest mounts a volume.
//!
//! These texts go into tags that a program with root's rights reads, so they are held to a narrow alphabet.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// The longest path: a tag's value ends at 256 characters and also holds the volume's ID and the filesystem.
const LONGEST: usize = 200;

/// Directories of the system: nothing is mounted on them or below them.
pub(super) const SYSTEM_TREES: [&str; 13] =
    ["/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var/run"];

/// Directories that hold more than one program's files: a volume may be mounted below them, not on them.
pub(super) const SHARED_DIRECTORIES: [&str; 13] = [
    "/",
    "/home",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/srv",
    "/tmp",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/tmp",
];

/// An absolute, normalised path that a volume may be mounted on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct MountPath(String);

/// Why a path is not one that a volume may be mounted on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadMountPath {
    /// It does not begin at the root.
    #[error("must begin with `/`")]
    Relative,
    /// It holds an empty segment, `.` or `..`, or ends in `/`.
    #[error("must be written the short way: no `//`, no `.` or `..`, no `/` at the end")]
    NotNormal,
    /// It holds a character that a tag, a unit file or a shell could read otherwise.
    #[error("may hold only letters, digits, `/`, `.`, `_` and `-`")]
    Character,
    /// It does not fit into the tag that tells the guest.
    #[error("may have at most {LONGEST} characters")]
    TooLong,
    /// It would hide files of the system.
    #[error(
        "is `{0}` or below it, which belongs to the system; mount under /data, /srv, /mnt or /var/lib, for instance"
    )]
    System(&'static str),
    /// It would hide the files of other programs.
    #[error("would hide everything else in `{0}`; mount on a directory below it")]
    Shared(&'static str),
}

impl MountPath {
    /// Takes a path that a volume may be mounted on.
    ///
    /// # Errors
    /// `BadMountPath` says what is wrong with it.
    pub fn new(given: &str) -> Result<Self, BadMountPath> {
        if let Some(shared) = SHARED_DIRECTORIES.into_iter().find(|shared| *shared == given) {
            return Err(BadMountPath::Shared(shared));
        }
        let segments = given.strip_prefix('/').ok_or(BadMountPath::Relative)?;
        if !segments.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b)) {
            return Err(BadMountPath::Character);
        }
        if segments.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(BadMountPath::NotNormal);
        }
        let below =
            |tree: &&str| given.strip_prefix(*tree).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if let Some(tree) = SYSTEM_TREES.into_iter().find(below) {
            return Err(BadMountPath::System(tree));
        }
        if given.len() > LONGEST {
            return Err(BadMountPath::TooLong);
        }
        Ok(Self(given.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MountPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user and a group, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Owner {
    /// The user's number.
    pub uid: u32,
    /// The group's number.
    pub gid: u32,
}

/// Not an owner.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be the numbers of a user and a group, such as \"999:999\"")]
pub struct BadOwner;

impl FromStr for Owner {
    type Err = BadOwner;
    fn from_str(given: &str) -> Result<Self, BadOwner> {
        let (uid, gid) = given.split_once(':').ok_or(BadOwner)?;
        Ok(Self { uid: identity(uid)?, gid: identity(gid)? })
    }
}

/// A user's or a group's number; the highest means "nobody asked" to chown(2) and is refused.
fn identity(given: &str) -> Result<u32, BadOwner> {
    let digits = given.bytes().all(|b| b.is_ascii_digit());
    given.parse().ok().filter(|number| digits && *number != u32::MAX).ok_or(BadOwner)
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.uid, self.gid)
    }
}

impl From<Owner> for String {
    fn from(owner: Owner) -> Self {
        owner.to_string()
    }
}

/// Mount options joined with commas, each of letters, digits and `._=:-`.
pub(super) fn options(given: &str) -> Result<String, &'static str> {
    let option =
        |option: &str| !option.is_empty() && option.bytes().all(|b| b.is_ascii_alphanumeric() || b"._=:-".contains(&b));
    if given.len() > LONGEST {
        Err("may have at most 200 characters")
    } else if given.split(',').all(option) {
        Ok(given.to_owned())
    } else {
        Err(
            "must be mount options joined with commas, each of letters, digits and `._=:-`, such as \"nodev,nosuid,noatime\"",
        )
    }
}
