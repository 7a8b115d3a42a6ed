//! The use cases that serve a Prefect server's work pools, put together: what the functions and `pushpool dev` both run.

use std::sync::Arc;

use aws_config::SdkConfig;
use dispatch::{
    dispatcher::{Dispatcher, Policy},
    observe::{self, Observer},
    poll::{self, Poller},
    ports::{Clock, Sink},
    prefect::control::{self, PrefectControl},
    reconcile::{self, Reconciler},
    runs,
};
use ecs::launcher::EcsLauncher;
use prefect_api::{Client, http::HttpTransport};

use crate::{
    Access, CloudWatchOutput, ObserverQueueUrls, PollerQueueUrls, SqsObserverQueues, SqsPollerQueues, SqsQueues,
    ecs_client,
};

/// The dispatcher of a Prefect server's work pools over AWS.
pub type PrefectDispatcher = Dispatcher<PrefectControl<HttpTransport, EcsLauncher>, Arc<EcsLauncher>, SqsQueues>;

/// The poller over AWS.
pub type SqsPoller = Poller<HttpTransport, SqsPollerQueues>;

/// What the dispatcher of a Prefect server's work pools has to be told.
#[derive(Debug, Clone)]
pub struct PrefectSettings {
    /// The standard run queue.
    pub run_queue_url: String,
    /// The FIFO run queue.
    pub fifo_queue_url: Option<String>,
    /// Where copies of unreadable messages go.
    pub dead_letter_queue_url: String,
    /// RunTask calls a second; 0 is no limit.
    pub run_task_rate: f64,
    /// What the operator decides about dispatching.
    pub policy: Policy,
    /// What the operator decides about the control plane.
    pub options: control::Options,
}

/// Builds the clients and the dispatcher over them.
#[must_use]
pub fn prefect_dispatcher(
    access: impl Into<Access>,
    prefect: Client<HttpTransport>,
    settings: PrefectSettings,
    sink: Arc<dyn Sink>,
) -> PrefectDispatcher {
    let access = access.into();
    let clock: Clock = Arc::new(jiff::Timestamp::now);
    let sqs = aws_sdk_sqs::Client::new(&access.own);
    let PrefectSettings { run_queue_url, fifo_queue_url, dead_letter_queue_url, run_task_rate, policy, options } =
        settings;
    let queues = Arc::new(SqsQueues::new(sqs, run_queue_url, fifo_queue_url, dead_letter_queue_url));
    let launcher = Arc::new(EcsLauncher::new(ecs_client(&access.tasks), run_task_rate));
    let control = PrefectControl::new(prefect, Arc::clone(&launcher), options, Arc::clone(&clock));
    Dispatcher::new(control, launcher, queues, policy, sink, clock)
}

/// Builds the clients and the poller over them.
#[must_use]
pub fn poller(
    config: &SdkConfig,
    prefect: Client<HttpTransport>,
    queues: PollerQueueUrls,
    options: poll::Options,
    sink: Arc<dyn Sink>,
) -> SqsPoller {
    let queues = Arc::new(SqsPollerQueues::new(config, queues));
    Poller::new(prefect, queues, options, sink, Arc::new(jiff::Timestamp::now))
}

/// The observer over AWS.
pub type SqsObserver = Observer<HttpTransport, EcsLauncher, CloudWatchOutput, SqsObserverQueues>;

/// The reconciler over AWS.
pub type SqsReconciler = Reconciler<HttpTransport, EcsLauncher, CloudWatchOutput>;

/// What the observer has to be told.
#[derive(Debug, Clone)]
pub struct ObserverSettings {
    /// The queues it writes to.
    pub queues: ObserverQueueUrls,
    /// What the operator decides about runs and their tasks.
    pub policy: runs::Policy,
    /// What it does besides.
    pub options: observe::Options,
}

/// Builds the clients and the observer over them.
#[must_use]
pub fn observer(
    access: impl Into<Access>,
    prefect: Client<HttpTransport>,
    settings: ObserverSettings,
    sink: Arc<dyn Sink>,
) -> SqsObserver {
    let access = access.into();
    let tasks = Arc::new(EcsLauncher::new(ecs_client(&access.tasks), 0.0));
    let queues = Arc::new(SqsObserverQueues::new(&access.own, settings.queues));
    let (output, clock) = (CloudWatchOutput::new(&access.tasks), Arc::new(jiff::Timestamp::now));
    Observer::new(prefect, tasks, output, queues, settings.policy, settings.options, sink, clock)
}

/// Builds the clients and the reconciler over them.
#[must_use]
pub fn reconciler(
    access: impl Into<Access>,
    prefect: Client<HttpTransport>,
    policy: reconcile::Policy,
    sink: Arc<dyn Sink>,
) -> SqsReconciler {
    let access = access.into();
    let tasks = Arc::new(EcsLauncher::new(ecs_client(&access.tasks), 0.0));
    let output = CloudWatchOutput::new(&access.tasks);
    Reconciler::new(prefect, tasks, output, policy, sink, Arc::new(jiff::Timestamp::now))
}
