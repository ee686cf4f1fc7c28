//! Logs: one JSON object a line on stdout, with the keys of Powertools for AWS Lambda.
//!
//! Beside them the fields `group`, `slot`, `instance_id`, `volume_id`, `step` and `reason` say what a message is about. Events and specs are never logged as a whole.
//! <https://docs.powertools.aws.dev/lambda/python/latest/core/logger/#standard-structured-keys>

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Registry, fmt as lines};

/// Our crates' names begin so.
const OURS: &str = "stateful_asg";

/// Where `lambda_runtime` repeats the error that a handler returned, and which it has logged already.
const ERRORS_AGAIN: &str = "lambda_runtime::layers::panic";

/// Logs to stdout from now on. A second call changes nothing.
pub fn init(level: LevelFilter, service: &str) {
    let _ = tracing::subscriber::set_global_default(subscriber(level, service, std::io::stdout));
}

/// Logs to `writer`: our own messages from `level` on, those of libraries from `warn` on, as theirs may hold payloads.
pub fn subscriber<W>(level: LevelFilter, service: &str, writer: W) -> impl Subscriber + Send + Sync + 'static
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(ERRORS_AGAIN, LevelFilter::OFF)
        .with_target(OURS, level);
    let format = Powertools { service: service.to_owned() };
    let lines = lines::layer().fmt_fields(JsonFields::new()).event_format(format).with_writer(writer);
    Registry::default().with(lines).with(targets)
}

/// The span of one invocation: its fields stand in every message of it.
pub fn invocation(function_name: &str, request_id: &str, correlation_id: Option<&str>) -> Span {
    static WARM: AtomicBool = AtomicBool::new(false);
    let cold_start = !WARM.swap(true, Ordering::Relaxed);
    tracing::error_span!("invocation", cold_start, function_name, function_request_id = request_id, correlation_id)
}

/// An error and what caused it, in one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

struct Powertools {
    service: String,
}

impl<S, N> FormatEvent<S, N> for Powertools
where
    S: Subscriber + for<'l> LookupSpan<'l>,
    N: for<'w> FormatFields<'w> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Map::new();
        for span in context.event_scope().into_iter().flat_map(tracing_subscriber::registry::Scope::from_root) {
            if let Some(fields) = span.extensions().get::<FormattedFields<N>>()
                && let Ok(Value::Object(fields)) = serde_json::from_str(fields)
            {
                line.extend(fields);
            }
        }
        event.record(&mut Fields(&mut line));
        let mut now = String::new();
        SystemTime.format_time(&mut Writer::new(&mut now))?;
        line.insert("timestamp".to_owned(), now.into());
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("service".to_owned(), self.service.as_str().into());
        line.entry("message").or_insert_with(|| event.metadata().name().into());
        writeln!(to, "{}", Value::Object(line))
    }
}

/// The fields of an event as JSON.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LevelFilter, log: impl FnOnce()) -> Vec<Map<String, Value>> {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        tracing::subscriber::with_default(subscriber(level, "stateful-asg-prod", move || writer.clone()), log);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_has_the_keys_of_powertools_and_the_fields_of_its_spans() {
        let lines = logged(LevelFilter::INFO, || {
            let _invocation = invocation("lifecycle", "request-1", Some("event-1")).entered();
            let _group = tracing::info_span!("settle", group = "cass").entered();
            tracing::info!(slot = 3, instance_id = %"i-0123", led = true, "attached \"data\"");
        });
        let mut line = lines[0].clone();
        let timestamp = line.remove("timestamp").unwrap();
        assert!(timestamp.as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        assert!(line.remove("cold_start").unwrap().is_boolean());
        let expected = serde_json::json!({
            "level": "INFO", "message": "attached \"data\"", "service": "stateful-asg-prod",
            "function_name": "lifecycle", "function_request_id": "request-1", "correlation_id": "event-1",
            "group": "cass", "slot": 3, "instance_id": "i-0123", "led": true,
        });
        assert_eq!(Value::Object(line), expected);
    }

    #[test]
    fn only_the_first_invocation_starts_cold() {
        let lines = logged(LevelFilter::INFO, || {
            for _ in 0..2 {
                let _invocation = invocation("sweep", "request", None).entered();
                tracing::warn!("said");
            }
        });
        assert_eq!(lines[1]["cold_start"], false);
        assert!(!lines[1].contains_key("correlation_id"));
    }

    #[test]
    fn the_level_is_for_our_own_messages_and_libraries_are_quieter() {
        let count = |level| {
            let log = || {
                tracing::debug!("ours");
                tracing::debug!(target: "aws_smithy_runtime", "a payload");
                tracing::warn!(target: "aws_smithy_runtime", "a warning");
            };
            logged(level, log).len()
        };
        assert_eq!([count(LevelFilter::TRACE), count(LevelFilter::INFO), count(LevelFilter::ERROR)], [2, 1, 0]);
    }

    #[test]
    fn no_field_takes_the_place_of_a_key() {
        let lines = logged(LevelFilter::INFO, || tracing::info!(level = "mine", service = "mine", "said"));
        assert_eq!((&lines[0]["level"], &lines[0]["service"]), (&"INFO".into(), &"stateful-asg-prod".into()));
    }

    #[test]
    fn a_chain_names_every_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::num::ParseIntError);
        let error = Outer("x".parse::<u8>().unwrap_err());
        assert_eq!(chain(&error), "outer: invalid digit found in string");
    }
}
