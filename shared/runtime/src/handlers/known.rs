//! Which Auto Scaling groups are ours, remembered for minutes: it only decides whom to wake.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use stateful_asg_core::cloud::Asg;
use stateful_asg_core::ids::{AsgName, GroupName};
use stateful_asg_core::tags;

use crate::config::{Config, serves};
use crate::events::NotOurs;
use crate::ports::{Called, World};

/// A group's tags seldom change; a group that is none of ours may become one.
const OURS_FOR: SignedDuration = SignedDuration::from_mins(5);
const NOT_OURS_FOR: SignedDuration = SignedDuration::from_mins(1);
/// More than an account's Auto Scaling groups that come by within minutes.
const MOST: usize = 1_000;

/// What one process remembers of Auto Scaling groups.
#[derive(Debug, Default)]
pub struct Known {
    by_name: RefCell<BTreeMap<AsgName, Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    membership: Result<GroupName, NotOurs>,
    until: Timestamp,
}

impl Known {
    /// The group of an Auto Scaling group, from memory where it is fresh; `hooked`: one of our hooks stands on it,
    /// so that a memory of "not ours" is not believed.
    pub(super) async fn group_of<W: World>(
        &self,
        world: &W,
        config: &Config,
        name: &AsgName,
        hooked: bool,
    ) -> Called<Result<GroupName, NotOurs>> {
        if let Some(membership) = self.remembered(name, world.now()).filter(|known| known.is_ok() || !hooked) {
            return Ok(membership);
        }
        let asg = world.asg_named(name).await?;
        let membership = asg.as_ref().map_or(Err(NotOurs::Gone), |asg| membership(asg, config));
        self.remember(name, membership.clone(), world.now());
        Ok(membership)
    }

    fn remembered(&self, name: &AsgName, now: Timestamp) -> Option<Result<GroupName, NotOurs>> {
        self.by_name.borrow().get(name).filter(|entry| now < entry.until).map(|entry| entry.membership.clone())
    }

    fn remember(&self, name: &AsgName, membership: Result<GroupName, NotOurs>, now: Timestamp) {
        let mut by_name = self.by_name.borrow_mut();
        if by_name.len() >= MOST {
            by_name.clear();
        }
        let until = now + if membership.is_ok() { OURS_FOR } else { NOT_OURS_FOR };
        by_name.insert(name.clone(), Entry { membership, until });
    }
}

/// The group that an Auto Scaling group's tags name, if it is this deployment's and may be served.
///
/// # Errors
/// Why it is not ours.
pub fn membership(asg: &Asg, config: &Config) -> Result<GroupName, NotOurs> {
    let deployment = asg.tags.get(tags::DEPLOYMENT).ok_or(NotOurs::Untagged)?;
    if deployment != config.deployment.as_str() {
        return Err(NotOurs::OtherDeployment(deployment.clone()));
    }
    let name = asg.tags.get(tags::GROUP).ok_or_else(|| NotOurs::NoGroup("it is missing".to_owned()))?;
    let group = GroupName::new(name.as_str()).map_err(|error| NotOurs::NoGroup(error.to_string()))?;
    if serves(&config.limits, &group) { Ok(group) } else { Err(NotOurs::NotServed(group)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handlers::testing::{asg, config, group, name, time};

    #[test]
    fn tags_decide_whose_a_group_is() {
        let with = |tags: &[(&str, &str)]| membership(&asg("a", tags), &config());
        assert_eq!(with(&[(tags::DEPLOYMENT, "prod"), (tags::GROUP, "cass")]), Ok(group("cass")));
        assert_eq!(with(&[(tags::GROUP, "cass")]), Err(NotOurs::Untagged));
        assert_eq!(
            with(&[(tags::DEPLOYMENT, "staging"), (tags::GROUP, "cass")]),
            Err(NotOurs::OtherDeployment("staging".to_owned()))
        );
        assert!(matches!(with(&[(tags::DEPLOYMENT, "prod")]), Err(NotOurs::NoGroup(_))));
        assert!(matches!(with(&[(tags::DEPLOYMENT, "prod"), (tags::GROUP, "a b")]), Err(NotOurs::NoGroup(_))));
        assert_eq!(
            with(&[(tags::DEPLOYMENT, "prod"), (tags::GROUP, "kafka")]),
            Err(NotOurs::NotServed(group("kafka")))
        );
    }

    #[test]
    fn memory_fades_and_sooner_where_the_group_was_not_ours() {
        let known = Known::default();
        known.remember(&name("ours"), Ok(group("cass")), time(0));
        known.remember(&name("theirs"), Err(NotOurs::Untagged), time(0));
        assert_eq!(known.remembered(&name("ours"), time(299)), Some(Ok(group("cass"))));
        assert_eq!(known.remembered(&name("ours"), time(300)), None);
        assert_eq!(known.remembered(&name("theirs"), time(59)), Some(Err(NotOurs::Untagged)));
        assert_eq!(known.remembered(&name("theirs"), time(60)), None);
    }

    #[test]
    fn memory_has_a_bound() {
        let known = Known::default();
        for number in 0..2 * MOST {
            known.remember(&name(&format!("asg-{number}")), Ok(group("cass")), time(0));
        }
        assert!(known.by_name.borrow().len() <= MOST);
    }
}
