//! The AWS side of the ports of `dispatch`: one SDK configuration for every client, and an adapter for each port.
//!
//! The functions and the command line tool plug these in; the use cases never see an SDK type.

mod assume;
mod bus;
pub mod call;
mod config;
mod logs;
mod observer_queues;
mod poller_queues;
mod pools;
mod prefect;
mod queues;
mod schedules;
mod secrets;
mod served;
mod standalone;
mod telemetry;

pub use assume::{Access, LaunchRole};
pub use aws_config::SdkConfig;
pub use bus::EventBridgeBus;
pub use config::{ecs_client, function_config, loopback_config, sdk_config};
pub use logs::{CloudWatchOutput, LogPlace, log_place};
pub use observer_queues::{ObserverQueueUrls, SqsObserverQueues};
pub use poller_queues::{PollerQueueUrls, SqsPollerQueues, with_manner};
pub use pools::{BadPoolLocation, Pools};
pub use prefect::{PrefectSecrets, prefect_transport};
pub use queues::{Sender, SqsQueues};
pub use schedules::{EventBridgeSchedules, ScheduleSettings};
pub use secrets::{BadReference, Secret, SecretError};
pub use served::{
    ObserverSettings, PrefectDispatcher, PrefectSettings, SqsObserver, SqsPoller, SqsReconciler, observer, poller,
    prefect_dispatcher, reconciler,
};
pub use standalone::{StandaloneDispatcher, StandaloneSettings, standalone_dispatcher};
pub use telemetry::LogAndMetrics;
