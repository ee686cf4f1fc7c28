//! What only a person asks for, on the command line: no function calls any of it.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{Delete, TransactWriteItem};
use stateful_asg_core::ids::{Generation, GroupName, InstanceId, SlotNumber};
use stateful_asg_core::observed::FailureKind;
use stateful_asg_core::table::{Bound, Group, Slot};
use stateful_asg_runtime::ports::{CallError, Called};

use crate::Aws;
use crate::errors::{answer, failed};
use crate::items::{BadItem, Key, number, text};

const TRANSACT: &str = "dynamodb:TransactWriteItems";

impl Aws {
    /// Has Auto Scaling terminate and replace a member: TerminateInstanceInAutoScalingGroup, the desired capacity stays.
    /// <https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html>
    ///
    /// # Errors
    /// Auto Scaling's refusal.
    pub async fn replace_member(&self, instance: &InstanceId) -> Called<()> {
        let request = self.autoscaling.terminate_instance_in_auto_scaling_group();
        let sent = request.instance_id(instance.as_str()).should_decrement_desired_capacity(false).send().await;
        answer("autoscaling:TerminateInstanceInAutoScalingGroup", sent).map(drop)
    }

    /// Removes a slot's item and its bindings, if it still is at the generation that was read.
    ///
    /// # Errors
    /// `Conflict` where the slot changed meanwhile, else what DynamoDB said.
    pub async fn forget_slot(&self, group: &GroupName, slot: &Slot, bound: &BTreeSet<Bound>) -> Called<()> {
        let bad = |error: BadItem| error.in_call(TRANSACT);
        let item = self.removal(&Key::slot(group, slot.number), slot.generation).map_err(bad)?;
        let bindings = bound.iter().map(|bound| self.unbinding(bound, group, slot.number));
        let parts: Vec<_> = std::iter::once(Ok(item)).chain(bindings).collect::<Result<_, _>>().map_err(bad)?;
        self.remove(parts, &format!("slot {} of group {group}", slot.number)).await
    }

    /// Removes a group's item, if it still is at the generation that was read.
    ///
    /// # Errors
    /// `Conflict` where the group changed meanwhile, else what DynamoDB said.
    pub async fn forget_group(&self, group: &Group) -> Called<()> {
        let item = self.removal(&Key::group(&group.name), group.generation).map_err(|error| error.in_call(TRANSACT))?;
        self.remove(vec![item], &format!("group {}", group.name)).await
    }

    fn removal(&self, key: &Key, generation: Generation) -> Result<TransactWriteItem, BadItem> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key.item().into_iter().collect()))
            .condition_expression("attribute_not_exists(#pk) OR #generation = :old")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#generation", "generation")
            .set_expression_attribute_values(Some([number(":old", generation)].into()))
            .build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    fn unbinding(&self, bound: &Bound, group: &GroupName, slot: SlotNumber) -> Result<TransactWriteItem, BadItem> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(Key::binding(bound).item().into_iter().collect()))
            .condition_expression("attribute_not_exists(#pk) OR (#group = :group AND #slot = :slot)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#group", "group")
            .expression_attribute_names("#slot", "slot")
            .set_expression_attribute_values(Some([text(":group", group.as_str()), number(":slot", slot)].into()))
            .build()?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    /// Removing twice is removing once: conditions hold for what is gone already.
    async fn remove(&self, parts: Vec<TransactWriteItem>, what: &str) -> Called<()> {
        let sent = self.dynamodb.transact_write_items().set_transact_items(Some(parts)).send().await;
        let Err(error) = sent else { return Ok(()) };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                let codes = cancelled.cancellation_reasons().iter().filter_map(|reason| reason.code());
                let code = codes.filter(|code| *code != "None").collect::<Vec<_>>().join(", ");
                let message = format!("{what} changed meanwhile");
                Err(CallError { operation: TRANSACT, kind: FailureKind::Conflict, code, message })
            }
            _ => Err(self.about_table(failed(TRANSACT, &error))),
        }
    }
}
