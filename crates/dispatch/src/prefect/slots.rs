//! How many slots of a limited work pool and its queues are free.
//!
//! The server counts runs that are PENDING or RUNNING, and only when it hands runs out (prefect 3.8.8,
//! `get-runs-from-worker-queues.sql`). Between that and the claim a message waits in a queue, so the count is taken again,
//! for each batch of the FIFO queue, which hands out one batch of a pool at a time. And a limit is there for something that
//! the *tasks* of the pool use: a run that is being cancelled, and one that has just ended while its task has not, still
//! hold their slot here.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use ecs::launch::TaskControl;
use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, PAGE, Transport,
    models::{FlowRun, StateType},
};
use serde_json::json;
use uuid::Uuid;

use crate::infrastructure::Infrastructure;

/// How long after its end a run's task is still looked at. A task stops within its `stopTimeout` of at most 120 s.
const LINGER: Duration = Duration::from_secs(150);

/// The same for a run that was cancelled: its container may go on until the second pass of the reconciler stops it.
const CANCELLED_LINGERS: Duration = Duration::from_secs(900);

/// Slots in use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// Of the pool.
    pub pool: u32,
    /// Of each queue.
    pub queues: HashMap<Uuid, u32>,
}

impl Used {
    /// Takes a slot of the pool and the queue, if both have one free.
    pub fn take(&mut self, pool_limit: Option<u32>, queue: Option<Uuid>, queue_limit: Option<u32>) -> bool {
        let of_queue = queue.map(|queue| self.queues.entry(queue).or_default());
        let full = pool_limit.is_some_and(|limit| self.pool >= limit)
            || queue_limit.zip(of_queue.as_deref()).is_some_and(|(limit, used)| *used >= limit);
        if full {
            return false;
        }
        self.pool += 1;
        if let Some(used) = of_queue {
            *used += 1;
        }
        true
    }
}

/// Counts the slots in use in a work pool.
///
/// # Errors
/// [`ApiError`]. Tasks that cannot be looked at hold their slot.
pub async fn used<T: Transport, K: TaskControl>(
    client: &Client<T>,
    tasks: &K,
    work_pool: &str,
    now: Timestamp,
) -> Result<Used, ApiError> {
    let of_pool = json!({"name": {"any_": [work_pool]}});
    let mut active: Vec<FlowRun> = Vec::new();
    loop {
        let state = json!({"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}});
        let page = client
            .flow_runs(&json!({"work_pools": of_pool, "flow_runs": {"state": state}, "sort": "ID_DESC",
                "limit": PAGE, "offset": active.len()}))
            .await?;
        let full = page.len() == PAGE;
        active.extend(page);
        if !full {
            break;
        }
    }
    // 2.20 has no filter by end. Those that ended last come first, and one page of them is more than end in that time.
    let state = json!({"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}});
    let mut ended = client
        .flow_runs(
            &json!({"work_pools": of_pool, "flow_runs": {"state": state}, "sort": "END_TIME_DESC", "limit": PAGE}),
        )
        .await?;
    ended.retain(|run| {
        let lingers = if run.state_type() == StateType::Cancelled { CANCELLED_LINGERS } else { LINGER };
        run.end_time.is_some_and(|end| end > now.checked_sub(lingers).unwrap_or(now))
    });
    let mut used = Used::default();
    for run in &active {
        used.take(None, run.work_queue_id, None);
    }
    for run in still_live(tasks, &ended).await {
        used.take(None, run.work_queue_id, None);
    }
    Ok(used)
}

/// Those of the runs whose task is still live.
async fn still_live<'a, K: TaskControl>(tasks: &K, runs: &'a [FlowRun]) -> Vec<&'a FlowRun> {
    let mut by_cluster: BTreeMap<String, Vec<(String, &FlowRun)>> = BTreeMap::new();
    for run in runs {
        if let Some(Infrastructure { cluster, task_arn }) = Infrastructure::of_run(run) {
            by_cluster.entry(cluster).or_default().push((task_arn, run));
        }
    }
    let mut live = Vec::new();
    for (cluster, runs) in by_cluster {
        let arns: Vec<String> = runs.iter().map(|(task_arn, _)| task_arn.clone()).collect();
        match tasks.describe(&cluster, &arns).await {
            Ok(described) => live.extend(runs.iter().filter_map(|(task_arn, run)| {
                described.iter().any(|task| task.task_arn == *task_arn && task.is_live()).then_some(*run)
            })),
            Err(_) => live.extend(runs.iter().map(|(_, run)| *run)),
        }
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_taken_where_pool_and_queue_have_one() {
        let (a, b) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        let mut used = Used::default();
        assert!(used.take(Some(3), a, Some(1)));
        assert!(!used.take(Some(3), a, Some(1)), "the queue is full");
        assert!(used.take(Some(3), b, None));
        assert!(used.take(Some(3), b, None));
        assert!(!used.take(Some(3), b, None), "the pool is full");
        assert_eq!(used.pool, 3);
        assert!(!Used::default().take(Some(0), None, None), "a limit of 0 is no slot");
    }
}
