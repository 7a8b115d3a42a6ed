//! What the Lambda functions share, so that each `main.rs` says only what is its own: log, settings from environment
//! variables, the client of the Prefect server, and the invocation loop.

mod access;
mod log;
mod prefect;
mod settings;

use std::{
    future::Future,
    time::{Duration, SystemTime},
};

use dispatch::sqs_event::{self, BatchResponse, Record};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tokio::time::Instant;

pub use access::{access, launch_role};
pub use lambda_runtime::Error;
pub use log::start_log;
pub use prefect::Prefect;
pub use settings::{BadSettings, Settings};

/// Answers invocations, each with its event and the instant at which Lambda ends it.
///
/// # Errors
/// The Runtime API is not there, or gives nothing that can be read.
pub async fn serve<F, R>(handle: F) -> Result<(), Error>
where
    F: Fn(Value, Instant) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Value, Error>> + Send,
{
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let deadline = Instant::now() + remaining(event.context.deadline(), SystemTime::now());
        handle(event.payload, deadline)
    }))
    .await
}

/// Answers invocations with batches of SQS records. A batch is worked on for `work` at most, also where the function's timeout
/// would allow more.
///
/// # Errors
/// As [`serve`]. An event that is no batch fails its invocation.
pub async fn serve_batches<F, R>(work: Duration, handle: F) -> Result<(), Error>
where
    F: Fn(Vec<Record>, Instant) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = BatchResponse> + Send,
{
    serve(move |event, deadline| {
        let deadline = until(deadline, work, Instant::now());
        let records = sqs_event::records(event);
        let handled = records.map(|records| handle(records, deadline));
        async move { Ok(serde_json::to_value(handled?.await)?) }
    })
    .await
}

/// When the work on a batch has to end.
fn until(deadline: Instant, work: Duration, now: Instant) -> Instant {
    now.checked_add(work).map_or(deadline, |end| end.min(deadline))
}

/// The invocation's deadline is a wall-clock time; everything inside counts from a steady clock.
///
/// `cargo lambda watch` gives 600,000 ms for every deadline (`functions_router.rs` of cargo-lambda-watch 1.9), which is ten
/// minutes and as a time long past: on the first day of 1970 it is how long the function has.
fn remaining(deadline: SystemTime, now: SystemTime) -> Duration {
    match deadline.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(span) if span < FIRST_DAY => span,
        _ => deadline.duration_since(now).unwrap_or(Duration::ZERO),
    }
}

const FIRST_DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_in_time_whatever_the_timeout_of_the_function_is() {
        let now = Instant::now();
        let after = |seconds: u64| now + Duration::from_secs(seconds);
        let work = Duration::from_secs(60);
        assert_eq!(until(after(30), work, now), after(30));
        assert_eq!(until(after(900), work, now), after(60));
        assert_eq!(until(after(900), Duration::MAX, now), after(900));
    }

    #[test]
    fn a_deadline_is_a_time_and_from_cargo_lambda_a_span() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let second = Duration::from_secs(1);
        assert_eq!(remaining(now + 30 * second, now), 30 * second);
        assert_eq!(remaining(now - second, now), Duration::ZERO);
        assert_eq!(remaining(SystemTime::UNIX_EPOCH + 600 * second, now), 600 * second);
    }
}
