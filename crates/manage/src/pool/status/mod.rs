//! How pools are: the facts that a server knows, and the verdict on them.
//!
//! Five requests per pool and one for all: the pools, then its queues, its workers, the runs that are due, those that are
//! pending or running, and the last that crashed. Counts are asked for as well only where a list is full (200) or a run of it
//! cannot be read.

mod facts;
pub mod verdict;

use jiff::Timestamp;
use prefect_api::Transport;

pub use self::facts::{Crash, Facts, UNREAD, gather, why};
use super::PUSH;
use crate::{error::ManageError, server::Server};

/// The facts about the pool of a name, or about all pools of type `ecs:push`, by name.
///
/// # Errors
/// There is no such pool, or the server does not answer.
pub async fn look<T: Transport>(server: &Server<T>, name: Option<&str>) -> Result<Vec<Facts>, ManageError> {
    let pools = match name {
        Some(name) => vec![server.pool(name).await?],
        None => {
            let mut pools = server.client.work_pools(&[PUSH], &[]).await.map_err(|error| server.told(error))?;
            pools.sort_by(|one, other| one.name.cmp(&other.name));
            pools
        }
    };
    let mut all = Vec::with_capacity(pools.len());
    // One after the other: the five requests of a pool go together already.
    for pool in pools {
        let facts = gather(&server.client, pool, Timestamp::now()).await;
        all.push(facts.map_err(|error| server.told(error))?);
    }
    Ok(all)
}
