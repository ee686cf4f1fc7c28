//! A group's lease and its `dirty` counter. Economy only: nothing is safe because of them.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use stateful_asg_core::ids::GroupName;
use stateful_asg_runtime::ports::{Called, Rest, Woken};

use crate::Aws;
use crate::errors::failed;
use crate::items::{GroupState, Item, Key, Lease, attribute, group_content, group_state, number, text};
use crate::writes::names;

const OPERATION: &str = "dynamodb:UpdateItem";

/// One UpdateItem of a group's item.
struct Change {
    update: String,
    condition: Option<&'static str>,
    names: Vec<&'static str>,
    values: Vec<(String, AttributeValue)>,
}

/// The item after the change, or the item that refused it.
enum Changed {
    Now(Item),
    Refused(Item),
}

impl Aws {
    pub(crate) async fn wake_group(
        &self,
        group: &GroupName,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Called<Woken> {
        let mine = lease(owner, now, ttl);
        let item = self.change(group, raising_dirty(&mine_value(group, &mine)?)).await?.item();
        let state = state(&item)?;
        let expired = state.lease.as_ref().filter(|lease| lease.owner != owner && lease.expires <= now);
        let Some(theirs) = expired else { return woken(&item, owner) };
        let taking = taking_over(&mine_value(group, &mine)?, &mine_value(group, theirs)?);
        // Refused with our own name in it: the answer to our first try was lost.
        let item = self.change(group, taking).await?.item();
        Ok(Woken { dirty: state.dirty, ..woken(&item, owner)? })
    }

    pub(crate) async fn prolong_lease(
        &self,
        group: &GroupName,
        owner: &str,
        now: Timestamp,
        ttl: Duration,
    ) -> Called<Option<Woken>> {
        let mine = mine_value(group, &lease(owner, now, ttl))?;
        match self.change(group, prolonging(owner, mine)).await? {
            Changed::Now(item) => woken(&item, owner).map(Some),
            Changed::Refused(_) => Ok(None),
        }
    }

    pub(crate) async fn give_lease_back(
        &self,
        group: &GroupName,
        owner: &str,
        dirty: u64,
        rest: &Rest,
        now: Timestamp,
    ) -> Called<Option<Woken>> {
        match self.change(group, giving_back(owner, dirty, rest, now)).await? {
            Changed::Now(_) => Ok(None),
            // No longer ours: given back already, or someone else goes round. Ours: `dirty` has moved.
            Changed::Refused(item) => Ok(Some(woken(&item, owner)?).filter(|woken| woken.ours)),
        }
    }

    async fn change(&self, group: &GroupName, change: Change) -> Called<Changed> {
        let request = self.dynamodb.update_item();
        let sent = request
            .table_name(&self.table)
            .set_key(Some(Key::group(group).item().into_iter().collect()))
            .update_expression(change.update)
            .set_condition_expression(change.condition.map(str::to_owned))
            .set_expression_attribute_names(Some(names(&change.names).collect()))
            .set_expression_attribute_values(Some(change.values.into_iter().collect()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match sent {
            Ok(done) => Ok(Changed::Now(done.attributes.into_iter().flatten().collect())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => Ok(Changed::Refused(
                    refused.item().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect(),
                )),
                _ => Err(self.about_table(failed(OPERATION, &error))),
            },
        }
    }
}

impl Changed {
    fn item(self) -> Item {
        match self {
            Self::Now(item) | Self::Refused(item) => item,
        }
    }
}

fn lease(owner: &str, now: Timestamp, ttl: Duration) -> Lease {
    Lease { owner: owner.to_owned(), expires: now.checked_add(ttl).unwrap_or(Timestamp::MAX) }
}

fn mine_value(group: &GroupName, lease: &Lease) -> Called<AttributeValue> {
    attribute(&Key::group(group), lease).map_err(|error| error.in_call(OPERATION))
}

fn state(item: &Item) -> Called<GroupState> {
    group_state(item).map_err(|error| error.in_call(OPERATION))
}

/// What the item tells whoever asked for the lease.
fn woken(item: &Item, owner: &str) -> Called<Woken> {
    let state = state(item)?;
    let record = group_content(item).map_err(|error| error.in_call(OPERATION))?;
    Ok(Woken { ours: state.held_by(owner), dirty: state.dirty, epoch: state.epoch, record })
}

/// `epoch` rises with every wake, so it has risen whenever the lease changes hands.
fn raising_dirty(mine: &AttributeValue) -> Change {
    Change {
        update: "ADD #dirty :one, #epoch :one SET #lease = if_not_exists(#lease, :mine)".to_owned(),
        condition: None,
        names: vec!["dirty", "epoch", "lease"],
        values: vec![number(":one", 1), (":mine".to_owned(), mine.clone())],
    }
}

/// The whole lease is compared, its expiry too: one that was prolonged meanwhile is not taken.
fn taking_over(mine: &AttributeValue, theirs: &AttributeValue) -> Change {
    Change {
        update: "ADD #epoch :one SET #lease = :mine".to_owned(),
        condition: Some("#lease = :theirs"),
        names: vec!["epoch", "lease"],
        values: vec![number(":one", 1), (":mine".to_owned(), mine.clone()), (":theirs".to_owned(), theirs.clone())],
    }
}

fn prolonging(owner: &str, mine: AttributeValue) -> Change {
    Change {
        update: "SET #lease = :mine".to_owned(),
        condition: Some("#lease.#owner = :owner"),
        names: vec!["lease", "owner"],
        values: vec![(":mine".to_owned(), mine), text(":owner", owner)],
    }
}

fn giving_back(owner: &str, dirty: u64, rest: &Rest, now: Timestamp) -> Change {
    let mut set = vec!["#seen = :dirty", "#digest = :digest"];
    let mut remove = vec!["#lease"];
    let mut names = vec!["lease", "owner", "dirty", "seen", "digest", "look_at"];
    let mut values = vec![text(":owner", owner), number(":dirty", dirty), text(":digest", &rest.digest)];
    if let Some(at) = rest.look_at {
        set.push("#look_at = :look_at");
        values.push(text(":look_at", &at.to_string()));
    } else {
        remove.push("#look_at");
    }
    if rest.audited {
        set.push("#audited_at = :now");
        names.push("audited_at");
        values.push(text(":now", &now.to_string()));
    }
    Change {
        update: format!("REMOVE {} SET {}", remove.join(", "), set.join(", ")),
        condition: Some("#lease.#owner = :owner AND #dirty = :dirty"),
        names,
        values,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn now() -> Timestamp {
        "2026-11-20T10:00:00Z".parse().unwrap()
    }

    fn rest(look_at: Option<&str>, audited: bool) -> Rest {
        Rest { digest: "d1".to_owned(), look_at: look_at.map(|at| at.parse().unwrap()), audited }
    }

    /// The placeholders with this mark that the texts use.
    fn used(change: &Change, mark: char) -> BTreeSet<String> {
        let text = format!("{} {}", change.update, change.condition.unwrap_or_default());
        text.split(|c: char| !(c.is_ascii_alphanumeric() || "#:_".contains(c)))
            .filter(|word| word.starts_with(mark))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_placeholder_is_defined_and_none_is_idle() {
        // DynamoDB refuses both: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CommonErrors.html
        let value = AttributeValue::Null(true);
        let changes = [
            raising_dirty(&value),
            taking_over(&value, &value),
            prolonging("me", value),
            giving_back("me", 7, &rest(None, false), now()),
            giving_back("me", 7, &rest(Some("2026-11-20T10:05:00Z"), true), now()),
        ];
        for change in changes {
            let named: BTreeSet<_> = names(&change.names).map(|(placeholder, _)| placeholder).collect();
            let valued: BTreeSet<_> = change.values.iter().map(|(placeholder, _)| placeholder.clone()).collect();
            assert_eq!(used(&change, '#'), named, "{}", change.update);
            assert_eq!(used(&change, ':'), valued, "{}", change.update);
        }
    }

    #[test]
    fn giving_back_keeps_or_drops_the_next_look() {
        let quiet = giving_back("me", 7, &rest(None, false), now());
        assert_eq!(quiet.update, "REMOVE #lease, #look_at SET #seen = :dirty, #digest = :digest");
        let waiting = giving_back("me", 7, &rest(Some("2026-11-20T10:05:00Z"), true), now());
        assert!(waiting.update.ends_with("#look_at = :look_at, #audited_at = :now"), "{}", waiting.update);
        assert!(waiting.values.contains(&number(":dirty", 7)));
    }

    #[test]
    fn a_lease_survives_the_table() {
        let group = GroupName::new("cass").unwrap();
        let mine = lease("me", now(), Duration::from_secs(90));
        let mut item = Key::group(&group).item();
        item.extend([("lease".to_owned(), mine_value(&group, &mine).unwrap()), number("dirty", 4), number("epoch", 9)]);
        let read = state(&item).unwrap();
        assert_eq!(read.lease.as_ref().unwrap().expires.to_string(), "2026-11-20T10:01:30Z");
        assert!(read.held_by("me") && !read.held_by("you"));
        assert_eq!((read.dirty, read.seen, read.epoch), (4, 0, 9));
        // The takeover compares the lease as it was read with the lease as it is stored.
        assert_eq!(mine_value(&group, read.lease.as_ref().unwrap()).unwrap(), item["lease"]);
    }
}
