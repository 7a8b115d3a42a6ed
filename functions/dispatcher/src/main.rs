//! The dispatcher function: run queue in, RunTask out. It builds the clients and calls one use case.

mod settings;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws::{EventBridgeBus, Pools, SqsQueues};
use dispatch::{
    dispatcher::{Clock, Dispatcher},
    outcome::LogAndMetrics,
    pool::{POOL_LIFE, PoolCache},
    sqs_event,
    standalone::Standalone,
};
use ecs::launcher::EcsLauncher;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use settings::Settings;
use tokio::time::Instant;
use tracing_subscriber::EnvFilter;

type StandaloneDispatcher = Dispatcher<Standalone<Pools, SqsQueues, EventBridgeBus>, EcsLauncher, SqsQueues>;

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
    let dispatcher = Arc::new(build(Settings::read(|name| std::env::var(name).ok())?).await?);
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

async fn build(settings: Settings) -> Result<StandaloneDispatcher, Error> {
    let config = aws::sdk_config().await;
    let clock: Clock = Arc::new(jiff::Timestamp::now);
    let queues = Arc::new(SqsQueues::new(
        aws_sdk_sqs::Client::new(&config),
        settings.run_queue_url,
        settings.dead_letter_queue_url,
    ));
    let pools = Pools::at(&settings.pools, &config).map_err(|error| format!("PUSHPOOL_POOLS {error}"))?;
    let bus = EventBridgeBus::new(aws_sdk_eventbridge::Client::new(&config), settings.event_bus);
    let control =
        Standalone::new(PoolCache::new(pools, POOL_LIFE), Arc::clone(&queues), bus, Arc::clone(&clock));
    let launcher = EcsLauncher::new(aws::ecs_client(&config), settings.run_task_rate);
    Ok(Dispatcher::new(control, launcher, queues, settings.policy, Arc::new(LogAndMetrics), clock))
}

/// The invocation's deadline is a wall-clock time; everything inside counts from a steady clock.
fn remaining(deadline: SystemTime) -> Duration {
    deadline.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO)
}
