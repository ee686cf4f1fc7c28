//! The HTTP server: takes requests apart, calls the model, counts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use uuid::Uuid;

use super::Answer;
use super::dynamo::Dynamo;
use super::request::{Request, Sent, Work};
use super::rights::{Call, checks, refusal};
use super::service::Service;
use crate::clock::Clock;
use crate::iam::Ledger;
use crate::model::{Aws, Emitted};

/// The largest request that is read: DynamoDB's own limit.
const LARGEST_BODY: usize = 16 << 20;

/// API calls by operation, such as `ec2:AttachVolume`.
pub type Calls = BTreeMap<String, u64>;

/// What stands behind the port.
pub struct Backend {
    aws: Mutex<Aws>,
    dynamo: Dynamo,
    clock: Clock,
    account: String,
    calls: Mutex<BTreeMap<String, Calls>>,
    rights: Mutex<Ledger>,
    requests: AtomicU64,
    /// Rung after each call: there may be events to deliver.
    pub(crate) bell: Notify,
}

impl Backend {
    /// A backend on this model, whose time is `clock`'s.
    #[must_use]
    pub fn new(aws: Aws, dynamo: Dynamo, clock: Clock, account: String) -> Self {
        Self {
            aws: Mutex::new(aws),
            dynamo,
            clock,
            account,
            calls: Mutex::default(),
            rights: Mutex::default(),
            requests: AtomicU64::new(0),
            bell: Notify::new(),
        }
    }

    /// Does something with the model, at the present simulated time.
    pub fn with<T>(&self, act: impl FnOnce(&mut Aws) -> T) -> T {
        let result = act(&mut self.model());
        self.bell.notify_one();
        result
    }

    /// Moves the model to the present, and takes its events and the time of what comes next.
    pub(crate) fn keep_up(&self) -> (Vec<Emitted>, Option<Timestamp>) {
        let mut aws = self.model();
        (aws.take_events(), aws.next_event_at())
    }

    /// The model, moved to the present.
    fn model(&self) -> MutexGuard<'_, Aws> {
        let mut aws = lock(&self.aws);
        let now = self.clock.now();
        if now > aws.now() {
            aws.advance_to(now);
        }
        aws
    }

    /// The simulated DynamoDB.
    #[must_use]
    pub fn dynamo(&self) -> &Dynamo {
        &self.dynamo
    }

    /// API calls over the wire so far, by caller and operation. A function is known by its name,
    /// anyone else by the access key ID; those without one are `""`.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, Calls> {
        lock(&self.calls).clone()
    }

    /// From now on callers may do what the ledger says; who is not in it, everything.
    pub fn enforce(&self, rights: Ledger) {
        *lock(&self.rights) = rights;
    }

    /// The ledger, with what was asked for so far.
    #[must_use]
    pub fn rights(&self) -> Ledger {
        lock(&self.rights).clone()
    }

    /// The answer to a caller who lacks a right for this.
    fn denied(&self, actor: &str, call: &Call<'_>, request_id: &str) -> Option<Answer> {
        if !lock(&self.rights).binds(actor) {
            return None;
        }
        let checks = checks(&self.model(), call);
        let denial = lock(&self.rights).decide(actor, &checks).err()?;
        tracing::debug!(actor, action = denial.check.action, resource = denial.check.resource, "denied");
        Some(refusal(call.service, &denial, &self.account, request_id))
    }

    fn count(&self, actor: &str, service: Service, action: &str) {
        let mut calls = lock(&self.calls);
        *calls.entry(actor.to_owned()).or_default().entry(format!("{}:{action}", service.prefix())).or_default() += 1;
    }

    fn request_id(&self) -> String {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes()).to_string()
    }

    fn answer(&self, request: &Request<'_>, request_id: &str) -> Answer {
        if let Some(call) = request.call() {
            self.count(request.actor, call.service, call.action);
            if let Some(denied) = self.denied(request.actor, &call, request_id) {
                return denied;
            }
        }
        match request.work(&self.dynamo, &self.account, request_id) {
            Work::Model(act) => self.with(|aws| act(aws.as_actor(request.actor))),
            Work::Done(answer) => answer,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves `backend` on `listener` until the future is dropped.
pub async fn serve(listener: TcpListener, backend: Arc<Backend>) -> std::io::Result<()> {
    let router = Router::new().fallback(handle).layer(DefaultBodyLimit::max(LARGEST_BODY)).with_state(backend);
    axum::serve(listener, router).await
}

async fn handle(
    State(backend): State<Arc<Backend>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(body) = std::str::from_utf8(&body) else {
        return (StatusCode::BAD_REQUEST, "the body is not UTF-8").into_response();
    };
    let request_id = backend.request_id();
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let sent = Sent {
        method: method.as_str(),
        path: uri.path(),
        query: uri.query().unwrap_or_default(),
        authorization: header("authorization"),
        target: header("x-amz-target"),
        content_type: header("content-type"),
        body,
    };
    let answer = backend.answer(&Request::read(&sent), &request_id);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [("content-type", answer.content_type.to_owned()), ("x-amzn-requestid", request_id)];
    (status, headers, answer.body).into_response()
}
