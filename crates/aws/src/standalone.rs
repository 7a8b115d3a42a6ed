//! The dispatcher of standalone mode, put together: what the function and `pushpool dev` both run.

use std::sync::Arc;

use dispatch::{
    dispatcher::{Dispatcher, Policy},
    pool::{POOL_LIFE, PoolCache},
    ports::{Clock, Sink},
    standalone::Standalone,
};
use ecs::launcher::EcsLauncher;

use crate::{
    Access, BadPoolLocation, EventBridgeBus, EventBridgeSchedules, Pools, ScheduleSettings, SqsQueues, ecs_client,
};

/// The dispatcher of standalone mode over AWS.
pub type StandaloneDispatcher =
    Dispatcher<Standalone<Pools, SqsQueues, EventBridgeSchedules, EventBridgeBus>, EcsLauncher, SqsQueues>;

/// What the dispatcher of standalone mode has to be told.
#[derive(Debug, Clone)]
pub struct StandaloneSettings {
    /// The queue that runs come from.
    pub run_queue_url: String,
    /// What sends them again that have to wait.
    pub schedules: ScheduleSettings,
    /// Where copies of unreadable and crashed messages go.
    pub dead_letter_queue_url: String,
    /// Where the pool documents are: a directory, `ssm:/PREFIX` or `s3://BUCKET/PREFIX`.
    pub pools: String,
    /// Name or ARN of an EventBridge bus for outcomes.
    pub event_bus: Option<String>,
    /// RunTask calls a second; 0 is no limit.
    pub run_task_rate: f64,
    /// What the operator decides about dispatching.
    pub policy: Policy,
}

/// Builds the clients and the dispatcher over them.
///
/// # Errors
/// [`BadPoolLocation`] when `pools` names no place.
pub fn standalone_dispatcher(
    access: impl Into<Access>,
    settings: StandaloneSettings,
    sink: Arc<dyn Sink>,
) -> Result<StandaloneDispatcher, BadPoolLocation> {
    let access = access.into();
    let clock: Clock = Arc::new(jiff::Timestamp::now);
    let config = &access.own;
    let sqs = aws_sdk_sqs::Client::new(config);
    let queues = Arc::new(SqsQueues::new(sqs, settings.run_queue_url, None, settings.dead_letter_queue_url));
    let pools = PoolCache::new(Pools::at(&settings.pools, config)?, POOL_LIFE);
    let bus = EventBridgeBus::new(config, settings.event_bus);
    let schedules = Arc::new(EventBridgeSchedules::new(config, settings.schedules));
    let control = Standalone::new(pools, Arc::clone(&queues), schedules, bus, Arc::clone(&clock));
    let launcher = EcsLauncher::new(ecs_client(&access.tasks), settings.run_task_rate);
    Ok(Dispatcher::new(control, launcher, queues, settings.policy, sink, clock))
}
