//! The port `Table` on DynamoDB: reads, notes and transactions; the lease has its own room.

use std::time::Duration;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use jiff::Timestamp;
use stateful_asg_core::ids::{GroupName, InstanceId};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::shared::Shared;
use stateful_asg_core::table::{Action, Binding, Bound, Group, Slot, TableWrite};
use stateful_asg_runtime::ports::{CallError, Called, Rest, Summary, Table, Woken};

use crate::Aws;
use crate::errors::{answer, failed};
use crate::items::{self, BadItem, GROUPS, Item, Key, Member};
use crate::writes::{self, Condition, Part, names};

const GET: &str = "dynamodb:GetItem";
const PUT: &str = "dynamodb:PutItem";
const QUERY: &str = "dynamodb:Query";
const TRANSACT: &str = "dynamodb:TransactWriteItems";

impl Table for Aws {
    async fn wake(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Woken> {
        self.wake_group(group, owner, now, ttl).await
    }

    async fn prolong(&self, group: &GroupName, owner: &str, now: Timestamp, ttl: Duration) -> Called<Option<Woken>> {
        self.prolong_lease(group, owner, now, ttl).await
    }

    async fn give_back(
        &self,
        group: &GroupName,
        owner: &str,
        dirty: u64,
        rest: &Rest,
        now: Timestamp,
    ) -> Called<Option<Woken>> {
        self.give_lease_back(group, owner, dirty, rest, now).await
    }

    async fn group(&self, group: &GroupName) -> Called<Option<Group>> {
        let found = self.get(&Key::group(group)).await?;
        found.map_or(Ok(None), |item| items::group_content(&item)).map_err(|error| error.in_call(GET))
    }

    async fn slots(&self, group: &GroupName) -> Called<(Vec<Shared<Slot>>, Vec<Action>)> {
        let (mut slots, mut actions) = (Vec::new(), Vec::new());
        for item in self.query(&items::partition(group)).await? {
            match items::member(&item).map_err(|error| error.in_call(QUERY))? {
                Member::Slot(slot) => slots.push((*slot).into()),
                Member::Action(action) => actions.push(*action),
                Member::Other(sk) => tracing::warn!(%group, sk, "an item of another kind is passed over"),
            }
        }
        Ok((slots, actions))
    }

    async fn binding(&self, instance: &InstanceId) -> Called<Option<Binding>> {
        let found = self.get(&Key::binding(&Bound::Instance(instance.clone()))).await?;
        found.map(|item| items::binding(&item)).transpose().map_err(|error| error.in_call(GET))
    }

    async fn summaries(&self) -> Called<Vec<Summary>> {
        let found = self.query(GROUPS).await?;
        // One bad item must not stop the sweep of all other groups.
        let read = found.iter().map(items::summary);
        Ok(read.filter_map(|s| s.inspect_err(|error| tracing::error!(%error, "a group is passed over")).ok()).collect())
    }

    async fn summary(&self, group: &GroupName) -> Called<Option<Summary>> {
        let found = self.get(&Key::group(group)).await?;
        found.map(|item| items::summary(&item)).transpose().map_err(|error| error.in_call(GET))
    }

    async fn note_action(&self, group: &GroupName, action: &Action) -> Called<()> {
        let item = items::action_item(group, action).map_err(|error| error.in_call(PUT))?;
        let request = self.dynamodb.put_item();
        let sent = request
            .table_name(&self.table)
            .set_item(Some(item.into_iter().collect()))
            .condition_expression("attribute_not_exists(#pk) OR #since < :since")
            .set_expression_attribute_names(Some(names(&["pk", "since"]).collect()))
            .set_expression_attribute_values(Some([items::text(":since", &items::moment(action.since))].into()))
            .send()
            .await;
        match sent {
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(())
            }
            other => answer(PUT, other).map(drop).map_err(|error| self.about_table(error)),
        }
    }

    async fn write(&self, write: &TableWrite) -> Called<()> {
        if let Some(action) = write.lone_action() {
            return self.put_action(write, action).await;
        }
        let bad = |error: BadItem| error.in_call(TRANSACT);
        let op = writes::op(write).map_err(bad)?;
        let parts = writes::transaction(&self.table, write, &op).map_err(bad)?;
        if parts.is_empty() { Ok(()) } else { self.transact(parts, &op).await }
    }
}

impl Aws {
    async fn get(&self, key: &Key) -> Called<Option<Item>> {
        let request = self.dynamodb.get_item();
        let request = request.table_name(&self.table).set_key(Some(key.item().into_iter().collect()));
        let found = answer(GET, request.consistent_read(true).send().await).map_err(|error| self.about_table(error))?;
        Ok(found.item.map(|item| item.into_iter().collect()))
    }

    async fn query(&self, partition: &str) -> Called<Vec<Item>> {
        let request = self.dynamodb.query();
        let mut pages = request
            .table_name(&self.table)
            .key_condition_expression("#pk = :pk")
            .set_expression_attribute_names(Some(names(&["pk"]).collect()))
            .set_expression_attribute_values(Some([items::text(":pk", partition)].into()))
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = answer(QUERY, page).map_err(|error| self.about_table(error))?;
            found.extend(page.items.into_iter().flatten().map(|item| item.into_iter().collect()));
        }
        Ok(found)
    }

    async fn put_action(&self, write: &TableWrite, action: &Action) -> Called<()> {
        let bad = |error: BadItem| error.in_call(PUT);
        let item = items::action_item(&write.group, action).map_err(bad)?;
        let condition = Condition::answered_as_read(write, action).map_err(bad)?;
        let request = self.dynamodb.put_item();
        let sent = request
            .table_name(&self.table)
            .set_item(Some(item.into_iter().collect()))
            .condition_expression(condition.text)
            .set_expression_attribute_names(Some(names(condition.names).collect()))
            .set_expression_attribute_values(Some(condition.values.into_iter().collect()))
            .send()
            .await;
        match sent {
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                let message =
                    format!("the {:?} action of {} was answered meanwhile", action.transition, action.instance);
                let code = "ConditionalCheckFailed".to_owned();
                Err(CallError { operation: PUT, kind: FailureKind::Conflict, code, message })
            }
            other => answer(PUT, other).map(drop).map_err(|error| self.about_table(error)),
        }
    }

    async fn transact(&self, parts: Vec<Part>, op: &str) -> Called<()> {
        let (subjects, parts): (Vec<_>, Vec<_>) = parts.into_iter().map(|part| (part.subject, part.item)).unzip();
        let request = self.dynamodb.transact_write_items();
        let sent = request.set_transact_items(Some(parts)).client_request_token(op).send().await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled_to_us(&subjects, cancelled.cancellation_reasons(), op)
            }
            _ => Err(self.about_table(failed(TRANSACT, &error))),
        }
    }

    /// A missing table is told by its name: AWS's own words leave it out.
    pub(crate) fn about_table(&self, error: CallError) -> CallError {
        if error.code != "ResourceNotFoundException" {
            return error;
        }
        let message = format!(
            "there is no table `{}` in this region: deploy it, or correct its name in the settings",
            self.table
        );
        CallError { kind: FailureKind::NotFound, message, ..error }
    }
}

fn cancelled_to_us(subjects: &[String], reasons: &[CancellationReason], op: &str) -> Called<()> {
    writes::verdict(subjects, reasons, op).map_err(|cancelled| CallError {
        operation: TRANSACT,
        kind: cancelled.kind,
        code: cancelled.code,
        message: cancelled.message,
    })
}
