//! Our own events: asks for groups to be settled.

use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use stateful_asg_runtime::ports::{CallError, Called, SettleRequest};

use crate::Aws;
use crate::errors::{answer, kind_of};

/// The most entries of one call.
/// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>
const BATCH: usize = 10;
const OPERATION: &str = "events:PutEvents";

impl Aws {
    /// Sends all batches, also after one that fails; then tells the first failure.
    pub(crate) async fn put_settles(&self, requests: &[SettleRequest]) -> Called<()> {
        let mut result = Ok(());
        for batch in requests.chunks(BATCH) {
            result = result.and(self.put_batch(batch).await);
        }
        result
    }

    async fn put_batch(&self, batch: &[SettleRequest]) -> Called<()> {
        let request = self.events.put_events();
        let entries = batch.iter().map(|request| entry(request, &self.bus)).collect();
        let sent = answer(OPERATION, request.set_entries(Some(entries)).send().await)?;
        if sent.failed_entry_count() == 0 { Ok(()) } else { Err(refused(batch, sent.entries())) }
    }
}

fn entry(request: &SettleRequest, bus: &str) -> PutEventsRequestEntry {
    let detail = serde_json::json!({
        "group": request.group,
        "deployment": request.deployment,
        "audit": request.audit,
    });
    PutEventsRequestEntry::builder()
        .source("stateful-asg")
        .detail_type("Settle")
        .detail(detail.to_string())
        .event_bus_name(bus)
        .build()
}

/// A call that succeeds may have refused entries all the same; results stand in the order of the requests.
fn refused(batch: &[SettleRequest], results: &[PutEventsResultEntry]) -> CallError {
    let failed: Vec<_> = batch.iter().zip(results).filter(|(_, result)| result.error_code().is_some()).collect();
    let groups: Vec<_> = failed.iter().map(|(request, _)| request.group.as_str()).collect();
    let first = failed.first().map(|(_, result)| *result);
    let code = first.and_then(PutEventsResultEntry::error_code).unwrap_or_default();
    let message = first.and_then(PutEventsResultEntry::error_message).unwrap_or_default();
    CallError {
        operation: OPERATION,
        kind: kind_of(code, message, None),
        code: code.to_owned(),
        message: format!("no settle was asked for {}: {message}", groups.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use stateful_asg_core::ids::{DeploymentId, GroupName};
    use stateful_asg_core::observed::FailureKind;

    use super::*;

    fn request(group: &str) -> SettleRequest {
        SettleRequest {
            group: GroupName::new(group).unwrap(),
            deployment: DeploymentId::new("prod").unwrap(),
            audit: true,
        }
    }

    #[test]
    fn an_entry_says_which_group_of_whom() {
        let entry = entry(&request("cass"), "default");
        let detail: serde_json::Value = serde_json::from_str(entry.detail().unwrap()).unwrap();
        assert_eq!(detail, serde_json::json!({"group": "cass", "deployment": "prod", "audit": true}));
        assert_eq!((entry.source(), entry.detail_type()), (Some("stateful-asg"), Some("Settle")));
        assert_eq!(entry.event_bus_name(), Some("default"));
    }

    #[test]
    fn a_refused_entry_names_its_group() {
        let fine = PutEventsResultEntry::builder().event_id("1").build();
        let throttled = PutEventsResultEntry::builder().error_code("ThrottlingException").error_message("slow").build();
        let error = refused(&[request("cass"), request("kafka")], &[fine, throttled]);
        assert_eq!(error.kind, FailureKind::Throttled);
        assert!(error.message.contains("kafka: slow") && !error.message.contains("cass"), "{error}");
    }
}
