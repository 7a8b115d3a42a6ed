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
use tracing_subscriber::filter::LevelFilter;

// One thread: below 1,769 MB Lambda gives less than one processor, and the work is waiting for answers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_max_level(log_level(std::env::var("AWS_LAMBDA_LOG_LEVEL").ok().as_deref()))
        .init();
    let settings = settings::read(|name| std::env::var(name).ok())?;
    let config = aws::function_config();
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

/// Lambda developer guide, "Advanced logging controls": TRACE, DEBUG, INFO, WARN, ERROR or FATAL. Nothing here is graver than
/// an error. Lambda sets one level for everything, so a filter by target would be weight without use.
fn log_level(setting: Option<&str>) -> LevelFilter {
    match setting.map(str::trim) {
        // The parser takes an empty text for ERROR.
        None | Some("") => LevelFilter::INFO,
        Some(level) if level.eq_ignore_ascii_case("fatal") => LevelFilter::ERROR,
        Some(level) => level.parse().unwrap_or(LevelFilter::INFO),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_level_is_lambdas() {
        for (setting, level) in [
            (None, LevelFilter::INFO),
            (Some("TRACE"), LevelFilter::TRACE),
            (Some("DEBUG"), LevelFilter::DEBUG),
            (Some("INFO"), LevelFilter::INFO),
            (Some("WARN"), LevelFilter::WARN),
            (Some("ERROR"), LevelFilter::ERROR),
            (Some("FATAL"), LevelFilter::ERROR),
            (Some("debug"), LevelFilter::DEBUG),
            (Some(""), LevelFilter::INFO),
            (Some("loud"), LevelFilter::INFO),
        ] {
            assert_eq!(log_level(setting), level, "{setting:?}");
        }
    }
}
