//! The work pools of runs: whether they have limits, and what their runs are rendered from.

use std::{sync::Arc, time::Duration};

use ecs::launch::TaskControl;
use jiff::Timestamp;
use prefect_api::{
    Transport,
    models::{FlowRun, WorkPool, WorkQueue},
};

use super::Runs;
use crate::{
    ports::{Failure, TaskOutput},
    prefect::failure,
};

/// How long pools and their queues are kept: only whether they have limits and where their tasks run is asked of them.
pub(super) const POOL_LIFE: Duration = Duration::from_secs(60);

/// A work pool and its queues.
pub(crate) struct Pool {
    pub(crate) pool: WorkPool,
    pub(crate) queues: Vec<WorkQueue>,
}

impl<T: Transport, K: TaskControl, O: TaskOutput> Runs<T, K, O> {
    /// A work pool with its queues. None if there is no such pool.
    pub(crate) async fn pool(&self, name: &str) -> Result<Option<Arc<Pool>>, Failure> {
        let now = self.now();
        if let Some(pool) = self.pools.get(&name.to_owned(), now, Timestamp::MIN) {
            return Ok(pool);
        }
        let read = futures_util::future::try_join(self.client.work_pool(name), self.client.work_queues(name)).await;
        let pool = match read {
            Ok((pool, queues)) => Some(Arc::new(Pool { pool, queues })),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(failure::of(&error)),
        };
        self.pools.put(name.to_owned(), pool.clone(), now);
        Ok(pool)
    }

    /// Whether runs of the run's work pool or queue are counted, so that its end makes room for another.
    pub(crate) async fn is_limited(&self, run: &FlowRun) -> bool {
        let Some(name) = &run.work_pool_name else { return false };
        match self.pool(name).await {
            Ok(Some(pool)) => {
                let queue = pool.queues.iter().find(|queue| Some(queue.id) == run.work_queue_id);
                pool.pool.concurrency_limit.is_some() || queue.is_some_and(|queue| queue.concurrency_limit.is_some())
            }
            // Not known: a poll too many does no harm.
            Ok(None) | Err(_) => true,
        }
    }
}
