//! One request, whichever way it came: over a socket, or within the process.

use super::dynamo::Dynamo;
use super::query::Query;
use super::rights::Call;
use super::service::{Service, Signs, scope};
use super::{ACCESS_KEY_PREFIX, AMZ_JSON, Answer, DYNAMO_JSON, autoscaling, ec2, events, route53, sts};
use crate::model::Aws;

/// A request as a client sends it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sent<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// The URL's path.
    pub path: &'a str,
    /// The URL's query, empty where there is none.
    pub query: &'a str,
    /// The header of the signature.
    pub authorization: Option<&'a str>,
    /// The header `x-amz-target` of the JSON protocols.
    pub target: Option<&'a str>,
    /// The header of the body's form.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a str,
}

/// Answers one request within the process, with no server between. The caller's name in the log of effects is the
/// one that `aws` has: here the signature only tells the service.
#[must_use]
pub fn exchange(aws: &mut Aws, dynamo: &Dynamo, sent: &Sent<'_>, request_id: &str) -> Answer {
    let account = aws.settings().account.clone();
    match Request::read(sent).work(dynamo, &account, request_id) {
        Work::Model(act) => act(aws),
        Work::Done(answer) => answer,
    }
}

/// A request, taken apart.
pub(super) struct Request<'a> {
    service: Option<Service>,
    pub(super) actor: &'a str,
    target: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    query: &'a str,
    body: &'a str,
    form: Query,
}

/// What is left to do for an answer.
pub(super) enum Work<'a> {
    /// Something with the model.
    Model(Box<dyn FnOnce(&mut Aws) -> Answer + 'a>),
    /// Nothing.
    Done(Answer),
}

impl<'a> Request<'a> {
    pub(super) fn read(sent: &Sent<'a>) -> Self {
        let Sent { method, path, query, authorization, target, content_type, body } = *sent;
        let is_form = content_type.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        // What is no form is another protocol's body, or is refused for want of an action.
        let form = Query::parse(if is_form { body } else { query }).unwrap_or_default();
        let signs = Signs { authorization, target, path, version: form.text("Version") };
        let service = Service::of(&signs);
        let key = authorization.and_then(scope).map(|scope| scope.access_key).unwrap_or_default();
        let actor = key.strip_prefix(ACCESS_KEY_PREFIX).unwrap_or(key);
        Self { service, actor, target, method, path, query, body, form }
    }

    /// The call that it is, where its service can be told.
    pub(super) fn call(&self) -> Option<Call<'_>> {
        let service = self.service?;
        let route = (service == Service::Route53).then(|| route53::Route::of(self.method, self.path));
        let action = match service {
            Service::DynamoDb | Service::EventBridge => self.target.and_then(|target| target.split('.').next_back()),
            Service::Ec2 | Service::AutoScaling | Service::Sts => self.form.text("Action"),
            Service::Route53 => route.map(route53::Route::name),
        };
        Some(Call { service, action: action.unwrap_or("Unknown"), form: &self.form, route, body: self.body })
    }

    /// Does what needs no model, and says what is to be done with it.
    pub(super) fn work(&'a self, dynamo: &Dynamo, account: &str, request_id: &'a str) -> Work<'a> {
        let Some(Call { service, action, form, route, body }) = self.call() else {
            return Work::Done(self.no_service());
        };
        tracing::debug!(actor = self.actor, service = service.prefix(), action, "request");
        let query = self.query;
        match service {
            Service::Ec2 => Work::Model(Box::new(move |aws| ec2::answer(aws, action, form, request_id))),
            Service::AutoScaling => {
                Work::Model(Box::new(move |aws| autoscaling::answer(aws, action, form, request_id)))
            }
            Service::EventBridge => Work::Model(Box::new(move |aws| events::answer(aws, action, body))),
            Service::Route53 => {
                let route = route.unwrap_or(route53::Route::Unknown);
                Work::Model(Box::new(move |aws| route53::answer(aws, route, query, body, request_id)))
            }
            Service::DynamoDb => Work::Done(match dynamo.call(action, body) {
                Ok(answer) => Answer::new(200, DYNAMO_JSON, answer),
                Err(refusal) => Answer::new(refusal.status, DYNAMO_JSON, refusal.body),
            }),
            Service::Sts => Work::Done(sts::answer(account, self.actor, action, request_id)),
        }
    }

    fn no_service(&self) -> Answer {
        let message = format!(
            "No service could be told from {} {}: sign the request for ec2, autoscaling, route53, dynamodb, events or sts.",
            self.method, self.path
        );
        let body = serde_json::json!({"__type": "UnknownOperationException", "message": message}).to_string();
        Answer::new(400, AMZ_JSON, body)
    }
}
