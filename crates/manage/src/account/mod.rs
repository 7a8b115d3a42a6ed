//! The calls to AWS that only operators make, with their own credentials. No function makes any of them, so no function's role
//! has to allow it. `docs/operating.md` lists the actions that an operator's credentials need, and a test holds that list
//! against this directory.

mod dead_letters;
mod definitions;
mod installation;
mod network;
mod roles;
mod tasks;
mod trouble;
mod vpcs;

use aws::SdkConfig;
use aws_config::Region;

pub use dead_letters::{Letter, Queue};
pub use definitions::task_definition;
pub use installation::{FunctionFacts, Installation, MappingFacts, QueueFacts};
pub use network::{Network, SubnetFacts, WayOut};
pub use roles::{Probe, denied};
pub use tasks::{ContainerLog, Tasks};
pub use trouble::Trouble;
pub use vpcs::Vpcs;

/// Region, credentials and endpoint as every SDK finds them, for a person who waits; the region may be given.
pub async fn operator_config(region: Option<&str>) -> SdkConfig {
    let config = aws::sdk_config().await;
    match region {
        Some(region) => config.into_builder().region(Region::new(region.to_owned())).build(),
        None => config,
    }
}
