//! The Lambda functions of stateful-asg: one binary, whose handler's name says which of them it is.
//!
//! What the functions do with an event stands in `stateful_asg_runtime::handlers`, where a simulated AWS can drive it
//! too; here it meets the real AWS, the Lambda Runtime API and stdout.

use std::process::ExitCode;

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::Value;
use stateful_asg_aws::Aws;
use stateful_asg_runtime::config::Config;
use stateful_asg_runtime::handlers::{self, Context, HandlerError, Known};
use stateful_asg_runtime::metrics::{self, Calls, Meter};
use stateful_asg_runtime::{events, telemetry};
use tracing::Instrument;
use tracing::level_filters::LevelFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(errors) => {
            telemetry::init(LevelFilter::INFO, "stateful-asg");
            for error in errors.0 {
                tracing::error!("{error}");
            }
            return ExitCode::FAILURE;
        }
    };
    telemetry::init(config.log, &config.service());
    match serve(config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the function ends: {}", telemetry::chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Takes one invocation after the other, until Lambda ends the process.
async fn serve(config: Config) -> Result<(), lambda_runtime::Error> {
    let process = Process {
        world: stateful_asg_aws::connect(&settings(&config)).await,
        meter: Meter::install(&config.service())?,
        known: Known::default(),
        config,
    };
    lambda_runtime::run(service_fn(|event| process.invoke(event))).await
}

fn settings(config: &Config) -> stateful_asg_aws::Settings {
    stateful_asg_aws::Settings {
        table: config.table.clone(),
        event_bus: config.event_bus.clone(),
        sim_clock: config.sim_clock.map(|clock| stateful_asg_aws::SimClock {
            real_origin_ms: clock.real_origin_ms,
            sim_origin_ms: clock.sim_origin_ms,
            speed: clock.speed,
        }),
    }
}

/// What lasts from one invocation to the next.
struct Process {
    world: Aws,
    meter: Meter,
    known: Known,
    config: Config,
}

impl Process {
    async fn invoke(&self, invocation: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
        let LambdaEvent { payload, context } = invocation;
        let span =
            telemetry::invocation(&context.env_config.function_name, &context.request_id, events::id_of(&payload));
        let handled = Box::pin(self.handle(&payload, &context).instrument(span.clone())).await;
        let _logging = span.entered();
        let answer = handled.map(|outcome| outcome.answer()).map_err(|error| {
            metrics::failed();
            let error_message = telemetry::chain(&error);
            tracing::error!("{error_message}");
            Diagnostic { error_type: error.name().to_owned(), error_message }
        });
        self.count(&context.request_id);
        answer
    }

    async fn handle(
        &self,
        event: &Value,
        context: &lambda_runtime::Context,
    ) -> Result<handlers::Outcome, HandlerError> {
        let context = Context {
            config: &self.config,
            request_id: &context.request_id,
            deadline: deadline(context),
            known: &self.known,
        };
        handlers::handle(&self.world, &context, event).await
    }

    fn count(&self, request_id: &str) {
        let calls = Calls {
            by_operation: self.world.take_call_counts(),
            throttled: self.world.take_throttle_counts().values().sum(),
        };
        if let Err(error) = self.meter.flush(&calls, request_id, std::io::stdout()) {
            tracing::warn!(%error, "metrics could not be written");
        }
    }
}

/// When Lambda ends the invocation. Without a sensible answer there is none to keep: the lease then expires instead.
fn deadline(context: &lambda_runtime::Context) -> Timestamp {
    i64::try_from(context.deadline).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}
