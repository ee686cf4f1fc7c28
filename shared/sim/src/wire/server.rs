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

use super::dynamo::Dynamo;
use super::query::Query;
use super::rights::{Call, checks, refusal};
use super::service::{Service, Signs, scope};
use super::{ACCESS_KEY_PREFIX, AMZ_JSON, Answer, DYNAMO_JSON, autoscaling, ec2, events, route53, sts};
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
        let Request { actor, method, path, query, body, .. } = *request;
        let Some(service) = request.service else { return no_service(request) };
        let route = (service == Service::Route53).then(|| route53::Route::of(method, path));
        let action = match route {
            Some(route) => route.name(),
            None => request.action(service),
        };
        tracing::debug!(actor, service = service.prefix(), action, "request");
        self.count(actor, service, action);
        let call = Call { service, action, form: &request.form, route, body };
        if let Some(denied) = self.denied(actor, &call, request_id) {
            return denied;
        }
        match service {
            Service::Ec2 => self.with(|aws| ec2::answer(aws.as_actor(actor), action, &request.form, request_id)),
            Service::AutoScaling => {
                self.with(|aws| autoscaling::answer(aws.as_actor(actor), action, &request.form, request_id))
            }
            Service::EventBridge => self.with(|aws| events::answer(aws.as_actor(actor), action, body)),
            Service::DynamoDb => match self.dynamo.call(action, body) {
                Ok(answer) => Answer::new(200, DYNAMO_JSON, answer),
                Err(refusal) => Answer::new(refusal.status, DYNAMO_JSON, refusal.body),
            },
            Service::Sts => sts::answer(&self.account, actor, action, request_id),
            Service::Route53 => {
                let route = route.unwrap_or(route53::Route::Unknown);
                self.with(|aws| route53::answer(aws.as_actor(actor), route, query, body, request_id))
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Request<'a> {
    service: Option<Service>,
    actor: &'a str,
    target: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    query: &'a str,
    body: &'a str,
    form: Query,
}

impl<'a> Request<'a> {
    fn read(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, body: &'a str) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let query = uri.query().unwrap_or_default();
        let is_form = header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        // What is no form is another protocol's body, or is refused for want of an action.
        let form = Query::parse(if is_form { body } else { query }).unwrap_or_default();
        let (authorization, target) = (header("authorization"), header("x-amz-target"));
        let signs = Signs { authorization, target, path: uri.path(), version: form.text("Version") };
        let service = Service::of(&signs);
        let key = authorization.and_then(scope).map(|scope| scope.access_key).unwrap_or_default();
        let actor = key.strip_prefix(ACCESS_KEY_PREFIX).unwrap_or(key);
        Self { service, actor, target, method: method.as_str(), path: uri.path(), query, body, form }
    }

    fn action(&self, service: Service) -> &str {
        let action = match service {
            Service::DynamoDb | Service::EventBridge => self.target.and_then(|target| target.split('.').next_back()),
            Service::Ec2 | Service::AutoScaling | Service::Sts => self.form.text("Action"),
            Service::Route53 => None,
        };
        action.unwrap_or("Unknown")
    }
}

fn no_service(request: &Request<'_>) -> Answer {
    let message = format!(
        "No service could be told from {} {}: sign the request for ec2, autoscaling, route53, dynamodb, events or sts.",
        request.method, request.path
    );
    Answer::new(
        400,
        AMZ_JSON,
        serde_json::json!({"__type": "UnknownOperationException", "message": message}).to_string(),
    )
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
    let answer = backend.answer(&Request::read(&method, &uri, &headers, body), &request_id);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = [("content-type", answer.content_type.to_owned()), ("x-amzn-requestid", request_id)];
    (status, headers, answer.body).into_response()
}
