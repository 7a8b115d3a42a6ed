//! The AWS side of the ports of `dispatch`: one SDK configuration for every client, and an adapter for each port.
//!
//! The functions and the command line tool plug these in; the use cases never see an SDK type.

mod bus;
mod call;
mod config;
mod pools;
mod queues;
mod standalone;

pub use aws_config::SdkConfig;
pub use bus::EventBridgeBus;
pub use config::{ecs_client, function_config, loopback_config, sdk_config};
pub use pools::{BadPoolLocation, Pools};
pub use queues::SqsQueues;
pub use standalone::{StandaloneDispatcher, StandaloneSettings, standalone_dispatcher};
