//! EventBridge: the events that AWS sends, as it documents their JSON, and PutEvents.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::buckets::Cost;
use super::effects::EffectKind;
use super::types::{Activity, Group, InstanceState, LifecycleHook, Place, PutEventsEntry, PutEventsResult, Transition};
use super::{Answer, Aws, AwsError};

/// An EventBridge event, as its targets would get it.
#[derive(Debug, Clone, PartialEq)]
pub struct Emitted {
    /// When it was sent.
    pub at: Timestamp,
    /// The whole envelope.
    pub event: Value,
}

/// How a launch or a termination ended (`EC2 Instance Launch Successful` and its three siblings).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) transition: Transition,
    pub(super) successful: bool,
    pub(super) origin: Place,
    pub(super) destination: Place,
}

impl Aws {
    fn emit(&mut self, source: &str, detail_type: &str, resources: Vec<String>, detail: Value) -> String {
        let id = self.new_uuid();
        // Documented: EventBridge's times have seconds only.
        let time = self.now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let event = json!({
            "version": "0", "id": id, "detail-type": detail_type, "source": source,
            "account": self.settings.account, "time": time, "region": self.settings.region,
            "resources": resources, "detail": detail,
        });
        self.emitted.push(Emitted { at: self.now, event });
        id
    }

    fn ec2_arn(&self, resource: &str) -> String {
        format!("arn:aws:ec2:{}:{}:{resource}", self.settings.region, self.settings.account)
    }

    /// Documented: EC2 User Guide, *State change events*.
    pub(super) fn emit_instance_state(&mut self, instance: &str, state: InstanceState) {
        let arn = self.ec2_arn(&format!("instance/{instance}"));
        let detail = json!({"instance-id": instance, "state": state.name()});
        self.emit("aws.ec2", "EC2 Instance State-change Notification", vec![arn], detail);
    }

    /// Sends the two-minute warning and terminates the instance when they are over
    /// (documented: EC2 User Guide, *Spot Instance interruption notices*).
    pub fn interrupt_spot(&mut self, instance: &str) {
        let arn = self.ec2_arn(&format!("instance/{instance}"));
        let detail = json!({"instance-id": instance, "instance-action": "terminate"});
        self.emit("aws.ec2", "EC2 Spot Instance Interruption Warning", vec![arn], detail);
        let at = self.now + jiff::SignedDuration::from_secs(120);
        self.agenda.add(at, super::agenda::Due::SpotReclaimed(instance.to_owned()));
    }

    /// Sends a rebalance recommendation, nothing more (documented: EC2 User Guide, *EC2 instance
    /// rebalance recommendations*).
    pub fn recommend_rebalance(&mut self, instance: &str) {
        let arn = self.ec2_arn(&format!("instance/{instance}"));
        let detail = json!({"instance-id": instance});
        self.emit("aws.ec2", "EC2 Instance Rebalance Recommendation", vec![arn], detail);
    }

    /// Documented: EBS User Guide, *EventBridge events for Amazon EBS*, volumes.
    pub(super) fn emit_volume(&mut self, volume: &str, event: &str, result: &str, cause: &str) {
        let arn = self.ec2_arn(&format!("volume/{volume}"));
        let request = self.new_uuid();
        let detail = json!({"event": event, "result": result, "cause": cause, "request-id": request});
        self.emit("aws.ec2", "EBS Volume Notification", vec![arn], detail);
    }

    pub(super) fn emit_volume_created(&mut self, volume: &str, failed: bool) {
        let (result, cause) =
            if failed { ("failed", "arn:aws:kms is in an invalid state.") } else { ("available", "") };
        self.emit_volume(volume, "createVolume", result, cause);
    }

    /// Documented there, snapshots: the Region stands where the account should.
    pub(super) fn emit_snapshot(&mut self, snapshot: &str, volume: &str, begin: Timestamp, failed: bool) {
        let arn = |kind: &str, id: &str| format!("arn:aws:ec2::{}:{kind}/{id}", self.settings.region);
        let (snapshot, source) = (arn("snapshot", snapshot), arn("volume", volume));
        let request = self.new_uuid();
        let detail = json!({
            "event": "createSnapshot", "result": if failed { "failed" } else { "succeeded" }, "cause": "",
            "request-id": request, "snapshot_id": snapshot, "source": source,
            "startTime": begin.to_string(), "endTime": self.now.to_string(),
        });
        self.emit("aws.ec2", "EBS Snapshot Notification", vec![snapshot], detail);
    }

    /// Documented: Auto Scaling User Guide, *Event reference*, lifecycle actions.
    pub(super) fn emit_lifecycle_action(
        &mut self,
        group: &Group,
        hook: &LifecycleHook,
        instance: &str,
        token: &str,
        places: (Place, Place),
    ) {
        let detail_type = match hook.transition {
            Transition::Launching => "EC2 Instance-launch Lifecycle Action",
            Transition::Terminating => "EC2 Instance-terminate Lifecycle Action",
        };
        let mut detail = json!({
            "LifecycleActionToken": token, "AutoScalingGroupName": group.name,
            "LifecycleHookName": hook.name, "EC2InstanceId": instance,
            "LifecycleTransition": hook.transition.name(),
            "Origin": places.0.name(), "Destination": places.1.name(),
        });
        if let Some(metadata) = &hook.notification_metadata {
            detail["NotificationMetadata"] = json!(metadata);
        }
        self.emit("aws.autoscaling", detail_type, vec![group.arn.clone()], detail);
    }

    /// Documented: Auto Scaling User Guide, *Event reference*, successful and unsuccessful events;
    /// `StatusCode` of a success is `InProgress` there.
    pub(super) fn emit_outcome(
        &mut self,
        group: &Group,
        activity: &Activity,
        zone: &str,
        subnet: &str,
        outcome: Outcome,
    ) {
        let detail_type = match (outcome.transition, outcome.successful) {
            (Transition::Launching, true) => "EC2 Instance Launch Successful",
            (Transition::Launching, false) => "EC2 Instance Launch Unsuccessful",
            (Transition::Terminating, true) => "EC2 Instance Terminate Successful",
            (Transition::Terminating, false) => "EC2 Instance Terminate Unsuccessful",
        };
        let request = self.new_uuid();
        let instance = activity.instance_id.clone().unwrap_or_default();
        let mut resources = vec![group.arn.clone()];
        if !instance.is_empty() {
            resources.push(self.ec2_arn(&format!("instance/{instance}")));
        }
        let detail = json!({
            "StatusCode": if outcome.successful { "InProgress" } else { "Failed" },
            "Description": activity.description, "AutoScalingGroupName": group.name,
            "ActivityId": activity.activity_id,
            "Details": {"Availability Zone": zone, "Subnet ID": subnet},
            "RequestId": request, "StatusMessage": activity.status_message,
            "StartTime": activity.start_time.to_string(), "EndTime": self.now.to_string(),
            "EC2InstanceId": instance, "Cause": activity.cause,
            "Origin": outcome.origin.name(), "Destination": outcome.destination.name(),
        });
        self.emit("aws.autoscaling", detail_type, resources, detail);
    }

    /// `events:PutEvents`: each accepted entry is sent as an event of its own.
    ///
    /// # Errors
    /// `ValidationException` for no entry or more than ten (documented: PutEvents API reference).
    pub fn put_events(&mut self, entries: &[PutEventsEntry]) -> Answer<Vec<PutEventsResult>> {
        self.call("events:PutEvents", Cost::Free, |aws| {
            if entries.is_empty() || entries.len() > 10 {
                return Err(AwsError::new("ValidationException", "1 to 10 entries are allowed."));
            }
            Ok(entries.iter().map(|entry| aws.put_event(entry)).collect())
        })
    }

    fn put_event(&mut self, entry: &PutEventsEntry) -> PutEventsResult {
        if entry.source.is_empty() || entry.source.starts_with("aws.") {
            return PutEventsResult::Refused(AwsError::new(
                "NotAuthorizedForSourceException",
                "Not authorized for the source.",
            ));
        }
        let Ok(detail @ Value::Object(_)) = serde_json::from_str(&entry.detail) else {
            return PutEventsResult::Refused(AwsError::new("MalformedDetail", "Detail is malformed."));
        };
        let id = self.emit(&entry.source, &entry.detail_type, entry.resources.clone(), detail);
        self.log(EffectKind::EventPut { source: entry.source.clone(), detail_type: entry.detail_type.clone() });
        PutEventsResult::Accepted(id)
    }
}
