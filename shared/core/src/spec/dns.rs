//! The names of slots and groups.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::problem::Sink;
use super::reader::{Read, Reader};
use crate::ids::{DnsName, HostedZoneId, SlotNumber};

/// What stands for the slot's number in a template.
const SLOT: &str = "{slot}";

/// The longest TTL that passes without a notice, in seconds.
const LONGEST_QUIET_TTL: u32 = 60;

/// The names of a group's slots and of the group, as A records of one hosted zone. At least one of the two is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dns {
    /// The zone that holds the records.
    pub zone: HostedZoneId,
    /// The name of each slot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<SlotNameTemplate>,
    /// One name for all members in service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<DnsName>,
    /// How long resolvers may keep an answer, in seconds.
    pub ttl: u32,
}

/// The most values of one record, and so the most slots of a group that has a name.
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
pub(super) const MOST_VALUES: u32 = 400;

/// The time to live where the spec sets none, in seconds.
pub(super) const DEFAULT_TTL: u32 = 30;

/// A DNS name with `{slot}` once in it: one name for each slot. Kept in lower case, without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct SlotNameTemplate {
    before: String,
    after: String,
}

/// Not a template for the slots' names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a DNS name that holds {{slot}} exactly once, such as \"node-{{slot}}.prod.internal\"")]
pub struct BadTemplate;

impl SlotNameTemplate {
    /// The name of a slot.
    ///
    /// # Panics
    /// Never: a template is made only if the longest number gives a name.
    #[must_use]
    pub fn name(&self, slot: SlotNumber) -> DnsName {
        self.filled(slot).expect("the longest number gave a name when the template was made")
    }

    /// The slot whose name this is, if it is one.
    #[must_use]
    pub fn slot_of(&self, name: &DnsName) -> Option<SlotNumber> {
        let digits = name.as_str().strip_prefix(&self.before)?.strip_suffix(&self.after)?;
        let slot = SlotNumber(digits.parse().ok()?);
        (slot.to_string() == digits).then_some(slot)
    }

    fn filled(&self, slot: SlotNumber) -> Option<DnsName> {
        DnsName::new(format!("{}{slot}{}", self.before, self.after)).ok()
    }
}

impl FromStr for SlotNameTemplate {
    type Err = BadTemplate;
    fn from_str(given: &str) -> Result<Self, BadTemplate> {
        let (before, after) = given.split_once(SLOT).ok_or(BadTemplate)?;
        let after = after.strip_suffix('.').unwrap_or(after);
        let template = Self { before: before.to_ascii_lowercase(), after: after.to_ascii_lowercase() };
        template.filled(SlotNumber(u32::MAX)).map(|_| template).ok_or(BadTemplate)
    }
}

impl fmt::Display for SlotNameTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{SLOT}{}", self.before, self.after)
    }
}

impl From<SlotNameTemplate> for String {
    fn from(template: SlotNameTemplate) -> Self {
        template.to_string()
    }
}

/// Reads the section; nothing where it is absent or too broken to go on with.
pub(super) fn dns(reader: &Reader<'_>, most_slots: Option<u32>, sink: &Sink) -> Option<Dns> {
    let zone = reader.text("zone", |given| HostedZoneId::new(given.strip_prefix("/hostedzone/").unwrap_or(given)));
    let slot = reader.text("slot", str::parse::<SlotNameTemplate>);
    let group =
        reader.text("group", |given| DnsName::new(given.strip_suffix('.').unwrap_or(given).to_ascii_lowercase()));
    let ttl = reader.time("ttl").given().and_then(|ttl| u32::try_from(ttl.as_secs()).ok()).unwrap_or(DEFAULT_TTL);
    if matches!((&slot, &group), (Read::Absent, Read::Absent)) {
        sink.problem(reader.path(), "must set `slot`, a name for each slot, or `group`, one name for all");
    }
    if ttl > LONGEST_QUIET_TTL {
        sink.notice(
            &reader.path().field("ttl"),
            format!(
                "clients may go on to an old address for {ttl} s after it changed; up to {LONGEST_QUIET_TTL} s is usual"
            ),
        );
    }
    let (slot, group) = (slot.given(), group.given());
    if let (Some(_), Some(most)) = (&group, most_slots.filter(|most| *most > MOST_VALUES)) {
        sink.problem(
            &reader.path().field("group"),
            format!(
                "one record holds {MOST_VALUES} addresses, and slots.max is {most}; lower it, or leave `group` out"
            ),
        );
    }
    if let (Some(template), Some(group)) = (&slot, &group)
        && let Some(number) = template.slot_of(group)
    {
        sink.problem(&reader.path().field("group"), format!("would be the name of slot {number} too; choose another"));
    }
    Some(Dns { zone: zone.given()?, slot, group, ttl })
}
