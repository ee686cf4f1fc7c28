//! The table's port and the clock's.

use std::time::Duration;

use jiff::Timestamp;
use stateful_asg_core::ids::{GroupName, InstanceId};
use stateful_asg_core::plan::Plan;
use stateful_asg_core::shared::Shared;
use stateful_asg_core::table::{Action, Binding, Bound, Group, Slot, TableWrite};
use stateful_asg_runtime::ports::{Called, Clock, Rest, Summary, Table, Woken};

use super::table::Cancelled;
use super::{MemoryTable, SimWorld, Stamp, told};
use crate::model::{Aws, AwsError};

impl From<Cancelled> for AwsError {
    fn from(cancelled: Cancelled) -> Self {
        Self::new("TransactionCanceledException", format!("ConditionalCheckFailed: {cancelled}"))
    }
}

impl Table for SimWorld {
    async fn wake(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Woken> {
        let (of, owner) = (group.clone(), owner.to_owned());
        let wake = move |_: &mut Aws, table: &mut MemoryTable, _: &Stamp| Ok(table.wake(&of, &owner, now, ttl));
        let answer = self.change("dynamodb:UpdateItem", || format!("wakes {group}"), wake).await;
        self.saw(answer, told::woken)
    }

    async fn prolong(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Option<Woken>> {
        let (of, owner) = (group.clone(), owner.to_owned());
        let prolong = move |_: &mut Aws, table: &mut MemoryTable, _: &Stamp| Ok(table.prolong(&of, &owner, now, ttl));
        let answer = self.change("dynamodb:UpdateItem", || format!("prolongs its lease of {group}"), prolong).await;
        self.saw(answer, |still| still.as_ref().map_or_else(|| "the lease is lost".to_owned(), told::woken))
    }

    async fn give_back(
        &self,
        group: &GroupName,
        owner: &str,
        dirty: u64,
        rest: &Rest,
        now: Timestamp,
    ) -> Called<Option<Woken>> {
        let about = || {
            let look_at = rest.look_at.map(|at| format!(", to be looked at {at}")).unwrap_or_default();
            format!("gives its lease of {group} back{look_at}")
        };
        let (of, owner, rest) = (group.clone(), owner.to_owned(), rest.clone());
        let give_back =
            move |_: &mut Aws, table: &mut MemoryTable, _: &Stamp| Ok(table.give_back(&of, &owner, dirty, &rest, now));
        let answer = self.change("dynamodb:UpdateItem", about, give_back).await;
        self.saw(answer, |woken| woken.as_ref().map_or_else(|| "the lease is given up".to_owned(), told::woken))
    }

    async fn group(&self, group: &GroupName) -> Called<Option<Group>> {
        let group = group.clone();
        let read = move |_: &mut Aws, table: &mut MemoryTable| Ok(table.group(&group).map(|group| Group::clone(group)));
        let answer = self.read("dynamodb:GetItem", read).await;
        self.saw(answer, |seen| told::group(seen.as_ref()))
    }

    async fn slots(&self, group: &GroupName) -> Called<(Vec<Shared<Slot>>, Vec<Action>)> {
        let group = group.clone();
        let read = move |_: &mut Aws, table: &mut MemoryTable| {
            let slots = table.slots(&group).cloned().collect();
            Ok((slots, table.actions(&group).cloned().collect()))
        };
        let answer = self.read("dynamodb:Query", read).await;
        self.saw(answer, |(slots, actions): &(Vec<_>, Vec<_>)| told::slots(slots, actions))
    }

    async fn binding(&self, instance: &InstanceId) -> Called<Option<Binding>> {
        let bound = Bound::Instance(instance.clone());
        let answer = self.read("dynamodb:GetItem", move |_, table| Ok(table.bindings().get(&bound).cloned())).await;
        self.saw(answer, |seen| told::binding(instance, seen.as_ref()))
    }

    async fn summaries(&self) -> Called<Vec<Summary>> {
        let answer = self.read("dynamodb:Query", |_, table| Ok(table.summaries())).await;
        self.saw(answer, |seen| told::summaries(seen))
    }

    async fn summary(&self, group: &GroupName) -> Called<Option<Summary>> {
        let group = group.clone();
        let answer = self.read("dynamodb:GetItem", move |_, table| Ok(table.summary(&group))).await;
        self.saw(answer, |seen| told::summaries(seen))
    }

    async fn note_action(&self, group: &GroupName, action: &Action) -> Called<()> {
        let (group, noted) = (group.clone(), action.clone());
        let note = move |_: &mut Aws, table: &mut MemoryTable, _: &Stamp| {
            table.note_action(&group, &noted);
            Ok(())
        };
        self.change("dynamodb:PutItem", || format!("notes {}", told::action(action)), note).await
    }

    async fn write(&self, write: &TableWrite) -> Called<()> {
        let new = write.clone();
        let note = write.lone_action().is_some();
        let apply = move |_: &mut Aws, table: &mut MemoryTable, stamp: &Stamp| {
            Ok(table.write(&new, stamp.now, &stamp.actor)?)
        };
        let operation = if note { "dynamodb:PutItem" } else { "dynamodb:TransactWriteItems" };
        self.change(operation, || self.about(write), apply).await
    }
}

impl Clock for SimWorld {
    fn now(&self) -> Timestamp {
        self.region().now() + self.skew
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }

    fn planned(&self, plan: &Plan) {
        self.plans(plan);
    }
}
