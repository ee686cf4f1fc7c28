//! DynamoDB, in process: the library `dynoxide` behind the JSON protocol.

use std::sync::Arc;

use dynoxide::{Database, DynoxideError};
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::clock::Clock;

/// The simulated DynamoDB. Clones share their tables.
#[derive(Clone)]
pub struct Dynamo {
    database: Database,
}

/// DynamoDB refused a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("DynamoDB refused {operation}: {body}")]
pub struct DynamoRefusal {
    /// The operation that was refused.
    pub operation: String,
    /// The HTTP status.
    pub status: u16,
    /// The error as DynamoDB would send it: JSON with `__type` and a message.
    pub body: String,
}

/// Reads time for DynamoDB (creation dates, expiry, tokens) from a simulated clock.
struct SimulatedTime<Now>(Now);

impl<Now: Fn() -> Timestamp + Send + Sync> dynoxide::storage_backend::Clock for SimulatedTime<Now> {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.0().as_second()).unwrap_or(0)
    }

    fn now_unix_secs_f64(&self) -> f64 {
        std::time::Duration::try_from(self.0().as_duration()).unwrap_or_default().as_secs_f64()
    }
}

impl Dynamo {
    /// An empty database that reads `clock`.
    pub fn start(clock: Clock) -> Result<Self, DynamoRefusal> {
        Self::start_with(move || clock.now())
    }

    /// An empty database whose time is what `now` says.
    pub fn start_with(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Result<Self, DynamoRefusal> {
        let database =
            Database::memory_with_clock(Arc::new(SimulatedTime(now))).map_err(|error| refusal("start", &error))?;
        Ok(Self { database })
    }

    /// Calls one operation with its JSON request, and gives the JSON answer.
    pub fn call(&self, operation: &str, request: &str) -> Result<String, DynamoRefusal> {
        self.dispatch(operation, request).map_err(|error| refusal(operation, &error))
    }

    fn dispatch(&self, operation: &str, body: &str) -> Result<String, DynoxideError> {
        let database = &self.database;
        match operation {
            "CreateTable" => run(body, |request| database.create_table(request)),
            "DeleteTable" => run(body, |request| database.delete_table(request)),
            "DescribeTable" => run(body, |request| database.describe_table(request)),
            "ListTables" => run(body, |request| database.list_tables(request)),
            "UpdateTable" => run(body, |request| database.update_table(request)),
            "PutItem" => run(body, |request| database.put_item(request)),
            "GetItem" => run(body, |request| database.get_item(request)),
            "DeleteItem" => run(body, |request| database.delete_item(request)),
            "UpdateItem" => run(body, |request| database.update_item(request)),
            "Query" => run(body, |request| database.query(request)),
            "Scan" => run(body, |request| database.scan(request)),
            "BatchGetItem" => run(body, |request| database.batch_get_item(request)),
            "BatchWriteItem" => run(body, |request| database.batch_write_item(request)),
            "TransactWriteItems" => run(body, |request| database.transact_write_items(request)),
            "TransactGetItems" => run(body, |request| database.transact_get_items(request)),
            "UpdateTimeToLive" => run(body, |request| database.update_time_to_live(request)),
            "DescribeTimeToLive" => run(body, |request| database.describe_time_to_live(request)),
            "TagResource" => run(body, |request| database.tag_resource(request)),
            "UntagResource" => run(body, |request| database.untag_resource(request)),
            "ListTagsOfResource" => run(body, |request| database.list_tags_of_resource(request)),
            "ExecuteStatement" => run(body, |request| database.execute_statement(request)),
            other => {
                Err(DynoxideError::UnsupportedCapability(format!("the simulated DynamoDB has no operation {other}")))
            }
        }
    }

    /// Creates the functions' table under this name, with the keys that the template gives it.
    ///
    /// # Errors
    /// Where DynamoDB refuses it: a table of this name exists.
    pub fn create_functions_table(&self, name: &str) -> Result<(), DynamoRefusal> {
        let attribute = |name| json!({"AttributeName": name, "AttributeType": "S"});
        let key = |name, kind| json!({"AttributeName": name, "KeyType": kind});
        let request = json!({
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [attribute("pk"), attribute("sk")],
            "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
        });
        self.call_json("CreateTable", &request).map(drop)
    }

    /// As [`call`](Self::call), with JSON values.
    pub fn call_json(&self, operation: &str, request: &Value) -> Result<Value, DynamoRefusal> {
        let answer = self.call(operation, &request.to_string())?;
        Ok(serde_json::from_str(&answer).unwrap_or(Value::Null))
    }

    /// The item under `key` (in DynamoDB's JSON, `{"pk":{"S":"…"}}`), if there is one.
    pub fn get(&self, table: &str, key: &Value) -> Result<Option<Value>, DynamoRefusal> {
        let request = json!({"TableName": table, "Key": key, "ConsistentRead": true});
        Ok(self.call_json("GetItem", &request)?.get("Item").cloned())
    }

    /// Writes an item (in DynamoDB's JSON), replacing what stood there.
    pub fn put(&self, table: &str, item: &Value) -> Result<(), DynamoRefusal> {
        self.call_json("PutItem", &json!({"TableName": table, "Item": item})).map(|_| ())
    }

    /// All items that a `Query` request (in DynamoDB's JSON) finds, page after page.
    pub fn query(&self, request: &Value) -> Result<Vec<Value>, DynamoRefusal> {
        self.pages("Query", request)
    }

    /// All items of a table.
    pub fn scan(&self, table: &str) -> Result<Vec<Value>, DynamoRefusal> {
        self.pages("Scan", &json!({"TableName": table, "ConsistentRead": true}))
    }

    fn pages(&self, operation: &str, request: &Value) -> Result<Vec<Value>, DynamoRefusal> {
        let mut request = request.clone();
        let mut found = Vec::new();
        loop {
            let mut answer = self.call_json(operation, &request)?;
            if let Some(items) = answer.get_mut("Items").and_then(Value::as_array_mut) {
                found.append(items);
            }
            match answer.get("LastEvaluatedKey") {
                Some(last) => request["ExclusiveStartKey"] = last.clone(),
                None => return Ok(found),
            }
        }
    }
}

fn run<Request: DeserializeOwned, Answer: Serialize>(
    body: &str,
    operation: impl FnOnce(Request) -> Result<Answer, DynoxideError>,
) -> Result<String, DynoxideError> {
    let request = serde_json::from_str(body).map_err(|error| unreadable(&error.to_string()))?;
    let answer = operation(request)?;
    serde_json::to_string(&answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The library's request types say by a mark before their message which error DynamoDB would answer with.
fn unreadable(message: &str) -> DynoxideError {
    let message = message.split_once(" at line ").map_or(message, |(before, _)| before).to_owned();
    match message.split_once(':') {
        Some(("VALIDATION" | "VALIDATION_REQUEST", rest)) => DynoxideError::ValidationException(rest.to_owned()),
        Some(("SERIALIZATION", rest)) => DynoxideError::SerializationException(rest.to_owned()),
        _ => DynoxideError::SerializationException(message),
    }
}

fn refusal(operation: &str, error: &DynoxideError) -> DynamoRefusal {
    DynamoRefusal { operation: operation.to_owned(), status: error.status_code(), body: error.to_json() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_table() -> Dynamo {
        let dynamo = Dynamo::start(Clock::start("2026-01-01T00:00:00Z".parse().unwrap(), 1.0)).unwrap();
        let table = json!({"TableName": "slots", "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]});
        dynamo.call_json("CreateTable", &table).unwrap();
        dynamo
    }

    #[test]
    fn items_are_written_and_read() {
        let dynamo = with_table();
        dynamo.put("slots", &json!({"pk": {"S": "a"}, "n": {"N": "1"}})).unwrap();
        assert_eq!(dynamo.get("slots", &json!({"pk": {"S": "a"}})).unwrap().unwrap()["n"]["N"], "1");
        assert_eq!(dynamo.get("slots", &json!({"pk": {"S": "b"}})).unwrap(), None);
        assert_eq!(dynamo.scan("slots").unwrap().len(), 1);
    }

    #[test]
    fn a_lost_race_is_told_with_the_winner() {
        let dynamo = with_table();
        dynamo.put("slots", &json!({"pk": {"S": "a"}, "op": {"S": "first"}})).unwrap();
        let second = json!({"TableName": "slots", "Item": {"pk": {"S": "a"}}, "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD"});
        let refused = dynamo.call_json("PutItem", &second).unwrap_err();
        assert_eq!(refused.status, 400);
        let body: Value = serde_json::from_str(&refused.body).unwrap();
        assert!(body["__type"].as_str().unwrap().ends_with("#ConditionalCheckFailedException"));
        assert_eq!(body["Item"]["op"]["S"], "first");
    }

    #[test]
    fn the_unknown_and_the_unreadable_are_refused() {
        let dynamo = with_table();
        assert!(dynamo.scan("t").unwrap_err().body.contains("#ValidationException"));
        assert_eq!(dynamo.call("MakeCoffee", "{}").unwrap_err().status, 501);
        assert!(dynamo.call("PutItem", "no json").unwrap_err().body.contains("SerializationException"));
        assert!(
            dynamo.get("absent", &json!({"pk": {"S": "a"}})).unwrap_err().body.contains("ResourceNotFoundException")
        );
    }
}
