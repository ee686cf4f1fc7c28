//! JSON text to a tree in which no field is given twice.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::path::Path;
use super::problem::Sink;

/// The longest spec read, in bytes. DynamoDB items end at 400 KB, hooks at 4,000 characters.
const LONGEST: usize = 65_536;

/// Reads one JSON object; what is wrong goes to the sink. A field given twice keeps its first value, and is a problem.
pub(super) fn read(json: &str, sink: &Sink) -> Option<Value> {
    let root = Path::root();
    if json.len() > LONGEST {
        sink.problem(&root, format!("the spec has {} bytes; at most {LONGEST} are read", json.len()));
        return None;
    }
    if json.trim().is_empty() {
        sink.problem(
            &root,
            r#"the spec is empty; the smallest is {"v":1,"volumes":{"data":{"size":"20GiB","mount":"/data"}}}"#,
        );
        return None;
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = Node { path: root.clone(), sink }.deserialize(&mut deserializer);
    match read.and_then(|value| deserializer.end().map(|()| value)) {
        Ok(value @ Value::Object(_)) => Some(value),
        Ok(Value::String(text)) if text.trim_start().starts_with('{') => {
            sink.problem(&root, "the spec is text that holds JSON: it was encoded twice, encode it once");
            None
        }
        Ok(_) => {
            sink.problem(&root, "the spec must be a JSON object");
            None
        }
        Err(error) => {
            sink.problem(&root, format!("the spec is not JSON: {error}"));
            None
        }
    }
}

/// One value at one place.
struct Node<'a> {
    path: Path,
    sink: &'a Sink,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, given: bool) -> Result<Value, E> {
        Ok(Value::Bool(given))
    }

    fn visit_u64<E: Error>(self, given: u64) -> Result<Value, E> {
        Ok(Value::Number(given.into()))
    }

    fn visit_i64<E: Error>(self, given: i64) -> Result<Value, E> {
        Ok(Value::Number(given.into()))
    }

    fn visit_f64<E: Error>(self, given: f64) -> Result<Value, E> {
        Ok(Number::from_f64(given).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, given: &str) -> Result<Value, E> {
        Ok(Value::String(given.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) =
            list.next_element_seed(Node { path: self.path.element(values.len()), sink: self.sink })?
        {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let path = self.path.field(&key);
            let value = map.next_value_seed(Node { path: path.clone(), sink: self.sink })?;
            if fields.contains_key(&key) {
                self.sink.problem(&path, "is given twice; keep one");
            } else {
                fields.insert(key, value);
            }
        }
        Ok(Value::Object(fields))
    }
}
