//! The table's port and the clock's.

use std::time::Duration;

use jiff::Timestamp;
use stateful_asg_core::ids::{GroupName, InstanceId};
use stateful_asg_core::shared::Shared;
use stateful_asg_core::table::{Action, Binding, Bound, Group, Slot, TableWrite};
use stateful_asg_runtime::ports::{Called, Clock, Rest, Summary, Table, Woken};

use super::table::Cancelled;
use super::{MemoryTable, SimWorld, Sort, Stamp};
use crate::model::{Aws, AwsError};

impl From<Cancelled> for AwsError {
    fn from(cancelled: Cancelled) -> Self {
        Self::new("TransactionCanceledException", format!("ConditionalCheckFailed: {cancelled}"))
    }
}

impl Table for SimWorld {
    async fn wake(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Woken> {
        let (group, owner) = (group.clone(), owner.to_owned());
        self.call("dynamodb:UpdateItem", Sort::Change, move |_, table, _| Ok(table.wake(&group, &owner, now, ttl)))
            .await
    }

    async fn prolong(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Option<Woken>> {
        let (group, owner) = (group.clone(), owner.to_owned());
        self.call("dynamodb:UpdateItem", Sort::Change, move |_, table, _| Ok(table.prolong(&group, &owner, now, ttl)))
            .await
    }

    async fn give_back(
        &self,
        group: &GroupName,
        owner: &str,
        dirty: u64,
        rest: &Rest,
        now: Timestamp,
    ) -> Called<Option<Woken>> {
        let (group, owner, rest) = (group.clone(), owner.to_owned(), rest.clone());
        self.call("dynamodb:UpdateItem", Sort::Change, move |_, table, _| {
            Ok(table.give_back(&group, &owner, dirty, &rest, now))
        })
        .await
    }

    async fn group(&self, group: &GroupName) -> Called<Option<Group>> {
        let group = group.clone();
        self.call("dynamodb:GetItem", Sort::Read, move |_, table, _| {
            Ok(table.group(&group).map(|group| Group::clone(group)))
        })
        .await
    }

    async fn slots(&self, group: &GroupName) -> Called<(Vec<Shared<Slot>>, Vec<Action>)> {
        let group = group.clone();
        self.call("dynamodb:Query", Sort::Read, move |_, table, _| {
            let slots = table.slots(&group).cloned().collect();
            Ok((slots, table.actions(&group).cloned().collect()))
        })
        .await
    }

    async fn binding(&self, instance: &InstanceId) -> Called<Option<Binding>> {
        let bound = Bound::Instance(instance.clone());
        self.call("dynamodb:GetItem", Sort::Read, move |_, table, _| Ok(table.bindings().get(&bound).cloned())).await
    }

    async fn summaries(&self) -> Called<Vec<Summary>> {
        self.call("dynamodb:Query", Sort::Read, |_, table, _| Ok(table.summaries())).await
    }

    async fn summary(&self, group: &GroupName) -> Called<Option<Summary>> {
        let group = group.clone();
        self.call("dynamodb:GetItem", Sort::Read, move |_, table, _| Ok(table.summary(&group))).await
    }

    async fn note_action(&self, group: &GroupName, action: &Action) -> Called<()> {
        let (group, action) = (group.clone(), action.clone());
        self.call("dynamodb:PutItem", Sort::Change, move |_, table, _| {
            table.note_action(&group, &action);
            Ok(())
        })
        .await
    }

    async fn write(&self, write: &TableWrite) -> Called<()> {
        let write = write.clone();
        let note = write.lone_action().is_some();
        let apply = move |_: &mut Aws, table: &mut MemoryTable, stamp: &Stamp| {
            Ok(table.write(&write, stamp.now, &stamp.actor)?)
        };
        self.call(if note { "dynamodb:PutItem" } else { "dynamodb:TransactWriteItems" }, Sort::Change, apply).await
    }
}

impl Clock for SimWorld {
    fn now(&self) -> Timestamp {
        self.region().now() + self.skew
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
