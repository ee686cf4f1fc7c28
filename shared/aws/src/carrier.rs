//! The SDK over a connection of the caller's own: a simulated AWS within the process, with no socket between.
//!
//! Everything else is production's: the same clients, requests, readings and errors.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::SystemTime;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::http::{HttpRequest, HttpResponse};
use aws_sdk_ec2::config::{Credentials, HttpClient, Region, RuntimeComponents, SharedCredentialsProvider};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::result::ConnectorError;

use crate::Aws;
use crate::connect::{Pace, Settings, clients, retries, timeouts};

/// A signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// The URL's path.
    pub path: String,
    /// The URL's query, empty where there is none.
    pub query: String,
    /// Headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Request {
    /// A header's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What becomes of a request: an answer, or the reason why there is none.
pub type Carried = Pin<Box<dyn Future<Output = Result<Reply, String>> + Send>>;

/// Takes requests to AWS and brings its answers back.
pub trait Carrier: Debug + Send + Sync + 'static {
    /// One request.
    fn carry(&self, request: Request) -> Carried;
    /// The time, for signatures and for the pace of retries.
    fn now(&self) -> SystemTime;
}

/// The ports over this carrier, at this pace.
#[must_use]
pub fn connect_by(settings: &Settings, carrier: Arc<dyn Carrier>, pace: Pace) -> Aws {
    let credentials = Credentials::new("SIMULATED", "simulated", None, None, "carrier");
    let by = By(carrier);
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .time_source(by.clone())
        .http_client(SharedHttpClient::new(by))
        .retry_config(retries(pace));
    if pace == Pace::Usual {
        config = config.sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new()).timeout_config(timeouts());
    }
    clients(&config.build(), settings, pace)
}

#[derive(Debug, Clone)]
struct By(Arc<dyn Carrier>);

impl TimeSource for By {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

impl HttpConnector for By {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let request = match taken_apart(&request) {
            Ok(request) => request,
            Err(text) => return HttpConnectorFuture::ready(Err(ConnectorError::user(text.into()))),
        };
        let answer = self.0.carry(request);
        HttpConnectorFuture::new(async move {
            let Reply { status, body } = answer.await.map_err(|lost| ConnectorError::io(lost.into()))?;
            let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
            Ok(HttpResponse::new(status, body.into()))
        })
    }
}

impl HttpClient for By {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn taken_apart(request: &HttpRequest) -> Result<Request, &'static str> {
    let body = request.body().bytes().ok_or("the body is a stream")?;
    let body = std::str::from_utf8(body).map_err(|_| "the body is not UTF-8")?;
    let after_host = request.uri().split_once("://").map_or(request.uri(), |(_, rest)| rest);
    let target = after_host.find('/').map_or("/", |at| &after_host[at..]);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = request.headers().iter().map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Ok(Request {
        method: request.method().to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        headers: headers.collect(),
        body: body.to_owned(),
    })
}
