//! All pools, and whether they are served.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use prefect_api::{ApiError, Transport, models::WorkPool};

use super::PUSH;
use crate::{error::ManageError, server::Server};

/// Pools asked about at the same time.
const AT_ONCE: usize = 8;

/// A pool in a list.
#[derive(Debug)]
pub struct Listed {
    /// The pool.
    pub pool: WorkPool,
    /// The last poll of any of its queues.
    pub last_polled: Option<Timestamp>,
    /// How many workers have a fresh heartbeat, as the server judges.
    pub workers_online: usize,
}

/// The pools of type `ecs:push`, or of `all` types, by name.
///
/// # Errors
/// The server does not answer.
pub async fn list<T: Transport>(server: &Server<T>, all: bool) -> Result<Vec<Listed>, ManageError> {
    let client = &server.client;
    let pools = match all {
        true => client.all_work_pools().await,
        false => client.work_pools(&[PUSH], &[]).await,
    };
    let mut pools = pools.map_err(|error| server.told(error))?;
    pools.sort_by(|one, other| one.name.cmp(&other.name));
    let rows = stream::iter(pools).map(async |pool: WorkPool| {
        let (queues, workers) = tokio::try_join!(client.work_queues(&pool.name), client.workers(&pool.name))?;
        let last_polled = queues.iter().filter_map(|queue| queue.last_polled).max();
        let online = workers.iter().filter(|worker| worker.status.as_deref() == Some("ONLINE")).count();
        Ok::<_, ApiError>(Listed { pool, last_polled, workers_online: online })
    });
    rows.buffered(AT_ONCE).try_collect().await.map_err(|error| server.told(error))
}
