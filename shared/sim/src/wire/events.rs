//! EventBridge's JSON protocol: `PutEvents`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{AMZ_JSON, Answer};
use crate::model::Aws;
use crate::model::types::{PutEventsEntry, PutEventsResult};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(default)]
    source: String,
    #[serde(default)]
    detail_type: String,
    #[serde(default)]
    detail: String,
    #[serde(default)]
    resources: Vec<String>,
    event_bus_name: Option<String>,
}

/// Answers one request.
pub(super) fn answer(aws: &mut Aws, action: &str, body: &str) -> Answer {
    if action != "PutEvents" {
        return refusal(
            400,
            "UnknownOperationException",
            &format!("The simulated EventBridge has PutEvents only, not {action}."),
        );
    }
    let request: Request = match serde_json::from_str(body) {
        Ok(request) => request,
        Err(error) => return refusal(400, "SerializationException", &error.to_string()),
    };
    let entries: Vec<PutEventsEntry> = request.entries.into_iter().map(entry).collect();
    match aws.put_events(&entries) {
        Ok(results) => {
            let failed = results.iter().filter(|result| matches!(result, PutEventsResult::Refused(_))).count();
            let results: Vec<Value> = results.iter().map(encode).collect();
            Answer::new(200, AMZ_JSON, json!({"FailedEntryCount": failed, "Entries": results}).to_string())
        }
        Err(error) => refusal(error.status, &error.code, &error.message),
    }
}

fn entry(entry: Entry) -> PutEventsEntry {
    let Entry { source, detail_type, detail, resources, event_bus_name } = entry;
    PutEventsEntry { source, detail_type, detail, resources, event_bus_name }
}

fn encode(result: &PutEventsResult) -> Value {
    match result {
        PutEventsResult::Accepted(id) => json!({"EventId": id}),
        PutEventsResult::Refused(error) => json!({"ErrorCode": error.code, "ErrorMessage": error.message}),
    }
}

fn refusal(status: u16, code: &str, message: &str) -> Answer {
    Answer::new(status, AMZ_JSON, json!({"__type": code, "message": message}).to_string())
}
