//! What a deployment allows to the specs of its groups.
//!
//! Whoever may edit a lifecycle hook may write a spec; the limits keep such a person from commanding the functions' role
//! without bounds.

use std::fmt;
use std::str::FromStr;

use super::dns::Dns;
use super::name_pattern::NamePattern;
use super::path::Path;
use super::problem::Problem;
use super::types::{Choice, Spec};
use crate::ids::{GroupName, HostedZoneId, SubnetId};

/// What a deployment allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The hosted zones in which records may be written.
    pub hosted_zones: Allowed<HostedZoneId>,
    /// The DNS names that groups may own.
    pub names: Allowed<NamePattern>,
    /// The KMS keys, written exactly as specs write them. A volume without a key of its own is always allowed.
    pub kms_keys: Allowed<String>,
    /// The subnets that a spec may list. The Auto Scaling group's own are not held against this.
    pub subnets: Allowed<SubnetId>,
    /// The largest volume, in GiB.
    pub max_volume_gib: u32,
    /// The groups that are served.
    pub groups: Allowed<GroupPattern>,
    /// Whether anything may be deleted at all, and the functions' roles have the rights to.
    pub deletes: bool,
}

/// All, or these.
///
/// As text: `*`, or what is allowed joined with commas; empty text allows nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed<T> {
    /// Everything.
    Any,
    /// These alone.
    List(Vec<T>),
}

/// The name of a group, or with a `*` at the end all names that begin so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupPattern {
    start: String,
    open: bool,
}

/// Not a pattern for groups' names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a group's name, or the beginning of one and a `*`")]
pub struct BadPattern {
    given: String,
}

impl Limits {
    /// No limits: for looking at a spec away from any deployment.
    #[must_use]
    pub fn unlimited() -> Self {
        Self {
            hosted_zones: Allowed::Any,
            names: Allowed::Any,
            kms_keys: Allowed::Any,
            subnets: Allowed::Any,
            max_volume_gib: u32::MAX,
            groups: Allowed::Any,
            deletes: true,
        }
    }

    pub(super) fn problems(&self, spec: &Spec, group: &GroupName) -> Vec<Problem> {
        let root = Path::root();
        let mut found = Vec::new();
        let mut refuse = |path: Path, message: String| found.push(Problem { path: path.to_string(), message });
        if !self.groups.allows(|pattern| pattern.matches(group)) {
            let allowed = &self.groups;
            refuse(
                root.clone(),
                format!("the group `{group}` is not served by this deployment, which serves {allowed}"),
            );
        }
        for (name, volume) in &spec.volumes {
            let path = root.field("volumes").field(name.as_str());
            let (size, most) = (volume.params.size_gib, self.max_volume_gib);
            if size > most {
                refuse(path.field("size"), format!("is {size} GiB; this deployment allows up to {most}"));
            }
            if let Some(key) = volume.params.kms_key.as_ref().filter(|key| !self.kms_keys.contains(key)) {
                let allowed = &self.kms_keys;
                refuse(path.field("kms_key"), format!("`{key}` is not a key that this deployment allows: {allowed}"));
            }
        }
        if let Choice::List(subnets) = &spec.address.subnets {
            for (index, subnet) in subnets.iter().enumerate().filter(|(_, subnet)| !self.subnets.contains(subnet)) {
                let path = root.field("address").field("subnets").element(index);
                refuse(path, format!("{subnet} is not a subnet that this deployment allows: {}", self.subnets));
            }
        }
        if let Some(dns) = &spec.dns {
            self.of_names(dns, &root.field("dns"), &mut refuse);
        }
        found
    }

    fn of_names(&self, dns: &Dns, path: &Path, refuse: &mut impl FnMut(Path, String)) {
        let (zones, names) = (&self.hosted_zones, &self.names);
        let zone = &dns.zone;
        if !zones.contains(zone) {
            refuse(path.field("zone"), format!("{zone} is not a zone that this deployment allows: {zones}"));
        }
        if let Some(slot) = dns.slot.as_ref().filter(|slot| !names.allows(|pattern| pattern.covers(slot))) {
            refuse(path.field("slot"), format!("not every {slot} is a name that this deployment allows: {names}"));
        }
        if let Some(group) = dns.group.as_ref().filter(|group| !names.allows(|pattern| pattern.matches(group))) {
            refuse(path.field("group"), format!("{group} is not a name that this deployment allows: {names}"));
        }
    }
}

impl<T> Allowed<T> {
    fn allows(&self, fits: impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::List(list) => list.iter().any(fits),
        }
    }
}

impl<T: PartialEq> Allowed<T> {
    /// Whether this one is allowed.
    pub fn contains(&self, wanted: &T) -> bool {
        self.allows(|allowed| allowed == wanted)
    }
}

impl<T: FromStr> FromStr for Allowed<T> {
    type Err = T::Err;
    fn from_str(given: &str) -> Result<Self, T::Err> {
        if given.trim() == "*" {
            return Ok(Self::Any);
        }
        given
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map(Self::List)
    }
}

impl<T: fmt::Display> fmt::Display for Allowed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::List(list) if list.is_empty() => f.write_str("none"),
            Self::List(list) => {
                let list: Vec<String> = list.iter().map(T::to_string).collect();
                f.write_str(&list.join(", "))
            }
        }
    }
}

impl GroupPattern {
    /// Whether the group's name fits.
    #[must_use]
    pub fn matches(&self, group: &GroupName) -> bool {
        if self.open { group.as_str().starts_with(&self.start) } else { group.as_str() == self.start }
    }
}

impl FromStr for GroupPattern {
    type Err = BadPattern;
    fn from_str(given: &str) -> Result<Self, BadPattern> {
        let (start, open) = given.strip_suffix('*').map_or((given, false), |start| (start, true));
        if open && start.is_empty() || GroupName::new(start).is_ok() {
            Ok(Self { start: start.to_owned(), open })
        } else {
            Err(BadPattern { given: given.to_owned() })
        }
    }
}

impl fmt::Display for GroupPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.start, if self.open { "*" } else { "" })
    }
}
