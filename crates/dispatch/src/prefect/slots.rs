//! Who holds the slots of a limited work pool and its queues.
//!
//! The server counts runs that are PENDING or RUNNING, and only when it hands runs out (prefect 3.8.8,
//! `get-runs-from-worker-queues.sql`). Between that and the claim a message waits in a queue, so the count is taken again,
//! for each batch of the FIFO queue, which hands out one batch of a pool at a time. And a limit is there for something that
//! the *tasks* of the pool use, so what counts here is tasks:
//!
//! * A run that is PENDING, RUNNING or CANCELLING holds its slot, whether or not its task is recorded by now.
//! * A run that waits in its process, to be tried again or in a pause, and one that has ended while its process goes on, hold
//!   their slot as long as ECS says that their task lives. A suspended run has no process and holds none.
//!
//! A task that outlives its run is stopped by the reconciler (`Policy::outlive_grace`), so runs that ended more than
//! [`LINGER`] ago are not looked at.
//!
//! Requests: three of the server, more for each further page of 200 runs, and one of ECS for each 100 tasks that were not seen
//! to have stopped before. A task that has stopped stays so, which this remembers.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use ecs::launch::TaskControl;
use jiff::Timestamp;
use prefect_api::{ApiError, Client, PAGE, Transport, models::FlowRun};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::infrastructure::Infrastructure;

/// How long after its end a run's task is looked at. The reconciler stops it `outlive_grace` (at most [`LONGEST_GRACE`]) after the
/// end, within two passes of five minutes, and a task takes at most 120 s to stop.
pub const LINGER: Duration = Duration::from_secs(1_800);

/// Longest time that a task may be allowed to outlive its run, so that its slot is counted until it has stopped.
pub const LONGEST_GRACE: Duration = Duration::from_secs(1_020);

/// Most tasks that are remembered as stopped; an entry has some 150 bytes.
const REMEMBERED: usize = 10_000;

/// Tasks that were seen to have stopped.
#[derive(Debug, Default)]
pub struct Stopped(Mutex<HashSet<String>>);

impl Stopped {
    fn has(&self, task_arn: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(task_arn)
    }

    fn add(&self, task_arn: &str) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(task_arn.to_owned());
    }
}

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
    stopped: &Stopped,
    work_pool: &str,
    now: Timestamp,
) -> Result<Used, ApiError> {
    let mut used = Used::default();
    for run in holders(client, tasks, stopped, work_pool, now).await? {
        used.take(None, run.work_queue_id, None);
    }
    Ok(used)
}

/// The runs of a work pool that hold a slot.
///
/// # Errors
/// [`ApiError`]. Tasks that cannot be looked at hold their slot.
pub async fn holders<T: Transport, K: TaskControl>(
    client: &Client<T>,
    tasks: &K,
    stopped: &Stopped,
    work_pool: &str,
    now: Timestamp,
) -> Result<Vec<FlowRun>, ApiError> {
    let busy = json!({"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}});
    // A run that never ran has no process that could wait.
    let waiting = json!({"state": {"type": {"any_": ["PAUSED", "SCHEDULED"]}}, "start_time": {"is_null_": false}});
    let ended = json!({"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}});
    let (busy, waiting, ended) = futures_util::future::try_join3(
        pages(client, work_pool, &busy, "ID_DESC", |_| true),
        pages(client, work_pool, &waiting, "ID_DESC", |_| true),
        // 2.20 has no filter by end, so the last ones are read until one ended too long ago.
        pages(client, work_pool, &ended, "END_TIME_DESC", |run| {
            run.end_time.is_none_or(|end| end > now.checked_sub(LINGER).unwrap_or(now))
        }),
    )
    .await?;
    let mut holders = busy;
    holders.extend(still_live(tasks, stopped, waiting.into_iter().chain(ended).collect()).await);
    Ok(holders)
}

/// Runs of the pool that a filter names, page by page, as long as they are `wanted`.
async fn pages<T: Transport>(
    client: &Client<T>,
    work_pool: &str,
    filter: &Value,
    sort: &str,
    wanted: impl Fn(&FlowRun) -> bool,
) -> Result<Vec<FlowRun>, ApiError> {
    let mut found: Vec<FlowRun> = Vec::new();
    let mut offset = 0;
    loop {
        let query = json!({"work_pools": {"name": {"any_": [work_pool]}}, "flow_runs": filter, "sort": sort,
            "limit": PAGE, "offset": offset});
        let page = client.flow_runs(&query).await?;
        offset += page.len();
        let full = page.len() == PAGE;
        let before = found.len();
        found.extend(page.into_iter().filter(&wanted));
        if !full || found.len() - before < PAGE {
            return Ok(found);
        }
    }
}

/// Those of the runs whose task is still live.
async fn still_live<K: TaskControl>(tasks: &K, stopped: &Stopped, runs: Vec<FlowRun>) -> Vec<FlowRun> {
    let mut by_cluster: BTreeMap<String, Vec<(String, FlowRun)>> = BTreeMap::new();
    for run in runs {
        if let Some(Infrastructure { cluster, task_arn }) = Infrastructure::of_run(&run)
            && !stopped.has(&task_arn)
        {
            by_cluster.entry(cluster).or_default().push((task_arn, run));
        }
    }
    let mut live = Vec::new();
    for (cluster, runs) in by_cluster {
        let arns: Vec<String> = runs.iter().map(|(task_arn, _)| task_arn.clone()).collect();
        let described = match tasks.describe(&cluster, &arns).await {
            Ok(described) => described,
            Err(error) if error.is_no_cluster() => Vec::new(),
            Err(_) => {
                live.extend(runs.into_iter().map(|(_, run)| run));
                continue;
            }
        };
        let living: HashSet<&str> =
            described.iter().filter(|task| task.is_live()).map(|task| task.task_arn.as_str()).collect();
        for (task_arn, run) in runs {
            if living.contains(task_arn.as_str()) {
                live.push(run);
            } else {
                stopped.add(&task_arn);
            }
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
