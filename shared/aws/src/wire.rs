//! For tests: the SDK with a connector that notes each request and answers from a list.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::http::{HttpRequest, HttpResponse};
use aws_sdk_ec2::config::{Credentials, HttpClient, Region, RuntimeComponents, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;

use crate::Aws;
use crate::connect::{Pace, Settings, clients};

/// The parameters of a request to EC2, without its version.
pub(crate) type Request = BTreeMap<String, String>;

/// What the other end does.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// Answers with this body.
    Body(String),
    /// Refuses with this code.
    Refused(u16, &'static str),
    /// Takes the request; its answer is lost.
    Lost,
}

#[derive(Debug, Default)]
struct Exchange {
    answers: VecDeque<Answer>,
    requests: Vec<Request>,
}

/// The other end. Clones share it; it loses every answer that it was not given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Exchange>>);

impl Wire {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        let exchange = Exchange { answers: answers.into_iter().collect(), requests: Vec::new() };
        Self(Arc::new(Mutex::new(exchange)))
    }

    /// One answer with this inside the element that the operation's answers begin with.
    pub(crate) fn answering(operation: &str, inside: &str) -> Self {
        Self::new([body(operation, inside)])
    }

    /// The ports, made as `connect` makes them.
    pub(crate) fn aws(&self) -> Aws {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "tests")))
            .http_client(SharedHttpClient::new(self.clone()))
            .build();
        clients(&config, &Settings { table: "t".to_owned(), event_bus: "b".to_owned(), sim_clock: None }, Pace::Usual)
    }

    /// The requests so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.0.lock().unwrap().requests.clone()
    }

    /// The only request, as `name=value` in order of the names.
    pub(crate) fn sent(&self) -> Vec<String> {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "{requests:?}");
        requests[0].iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}

pub(crate) fn body(operation: &str, inside: &str) -> Answer {
    let xmlns = "http://ec2.amazonaws.com/doc/2016-11-15/";
    Answer::Body(format!("<{operation}Response xmlns=\"{xmlns}\">{inside}</{operation}Response>"))
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut sent: Request = serde_urlencoded::from_bytes(request.body().bytes().unwrap()).unwrap();
        sent.remove("Version");
        let mut exchange = self.0.lock().unwrap();
        exchange.requests.push(sent);
        let lost = || Err(ConnectorError::io("the connection broke".into()));
        HttpConnectorFuture::ready(match exchange.answers.pop_front() {
            Some(Answer::Body(body)) => Ok(HttpResponse::new(200.try_into().unwrap(), body.into())),
            Some(Answer::Refused(status, code)) => {
                let error = format!("<Error><Code>{code}</Code><Message>no</Message></Error>");
                let body = format!("<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>");
                Ok(HttpResponse::new(status.try_into().unwrap(), body.into()))
            }
            Some(Answer::Lost) | None => lost(),
        })
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
