//! Lambda's Runtime API, one server for each execution environment.
//!
//! Source: AWS Lambda Developer Guide, "Using the Lambda runtime API": a long poll for the next
//! invocation, then its response or its error; errors of the start go to `init/error`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::AbortHandle;

use super::record::Outcome;

/// One invocation on its way to a process.
pub(super) struct Job {
    pub(super) request_id: String,
    pub(super) function_arn: String,
    pub(super) deadline_ms: i64,
    pub(super) event: Value,
    pub(super) reply: oneshot::Sender<Outcome>,
}

/// What is known of the process behind the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Starting,
    Ready,
    InitFailed(String),
}

/// The server's end for one environment; dropping it ends the server.
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) stage: watch::Receiver<Stage>,
    server: AbortHandle,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

struct Shared {
    jobs: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(String, oneshot::Sender<Outcome>)>>,
    stage: watch::Sender<Stage>,
}

impl RuntimeApi {
    /// Listens on a free port of the loopback address.
    pub(super) async fn listen() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (jobs, receiver) = mpsc::channel(1);
        let (stage_sender, stage) = watch::channel(Stage::Starting);
        let shared = Arc::new(Shared {
            jobs: tokio::sync::Mutex::new(receiver),
            current: Mutex::new(None),
            stage: stage_sender,
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(shared);
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::warn!(%error, "a Runtime API ended");
            }
        });
        Ok(Self { address, jobs, stage, server: server.abort_handle() })
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let mut jobs = shared.jobs.lock().await;
    shared.stage.send_replace(Stage::Ready);
    let Some(job) = jobs.recv().await else {
        return refused(StatusCode::GONE, "EnvironmentClosed", "this execution environment is closed");
    };
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", job.request_id.clone()),
        ("Lambda-Runtime-Deadline-Ms", job.deadline_ms.to_string()),
        ("Lambda-Runtime-Invoked-Function-Arn", job.function_arn),
        ("Content-Type", "application/json".to_owned()),
        (
            "Lambda-Runtime-Trace-Id",
            format!("Root=1-{:08x}-{:024x};Sampled=0", job.deadline_ms / 1000, job.deadline_ms),
        ),
    ];
    *shared.current.lock().unwrap_or_else(PoisonError::into_inner) = Some((job.request_id, job.reply));
    (headers, job.event.to_string()).into_response()
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: String) -> Response {
    let answer = serde_json::from_str(&body).unwrap_or(Value::String(body));
    settle(&shared, &id, Outcome::Succeeded(answer))
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: String,
) -> Response {
    let (kind, message) = described(&headers, &body);
    settle(&shared, &id, Outcome::Failed { kind, message })
}

async fn init_error(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: String) -> Response {
    let (kind, message) = described(&headers, &body);
    shared.stage.send_replace(Stage::InitFailed(format!("{kind}: {message}")));
    accepted()
}

fn settle(shared: &Shared, id: &str, outcome: Outcome) -> Response {
    let mut current = shared.current.lock().unwrap_or_else(PoisonError::into_inner);
    match current.take() {
        Some((running, reply)) if running == id => {
            // The receiver is gone only when the deadline came first: then nobody wants to know.
            let _ = reply.send(outcome);
            accepted()
        }
        other => {
            *current = other;
            refused(StatusCode::BAD_REQUEST, "InvalidRequestID", "this invocation is not running here")
        }
    }
}

fn described(headers: &HeaderMap, body: &str) -> (String, String) {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let header = headers.get("Lambda-Runtime-Function-Error-Type").and_then(|value| value.to_str().ok());
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let kind = text("errorType").or(header).unwrap_or("Unknown");
    (kind.to_owned(), text("errorMessage").unwrap_or_default().to_owned())
}

fn accepted() -> Response {
    told(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

fn refused(status: StatusCode, kind: &str, message: &str) -> Response {
    told(status, &json!({"errorType": kind, "errorMessage": message}))
}

fn told(status: StatusCode, body: &Value) -> Response {
    (status, [("Content-Type", "application/json")], body.to_string()).into_response()
}
