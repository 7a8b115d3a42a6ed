//! The dispatcher function: run queue in, RunTask out. It builds the clients and calls one use case.

mod settings;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use dispatch::{outcome::LogAndMetrics, sqs_event};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

// One thread: below 1,769 MB Lambda gives less than one processor, and the work is waiting for answers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let filter = std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().and_then(|level| EnvFilter::try_new(level).ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")))
        .init();
    let settings = settings::read(|name| std::env::var(name).ok())?;
    let config = aws::sdk_config().await;
    let dispatcher = aws::standalone_dispatcher(&config, settings, Arc::new(LogAndMetrics))
        .map_err(|error| format!("PUSHPOOL_POOLS {error}"))?;
    let dispatcher = Arc::new(dispatcher);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let dispatcher = Arc::clone(&dispatcher);
        async move {
            let deadline = Instant::now() + remaining(event.context.deadline());
            let records = sqs_event::records(event.payload)?;
            Ok::<_, Error>(dispatcher.handle(records, deadline).await)
        }
    }))
    .await
}

/// The invocation's deadline is a wall-clock time; everything inside counts from a steady clock.
fn remaining(deadline: SystemTime) -> Duration {
    deadline.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO)
}
