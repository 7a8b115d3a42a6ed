//! Which runs a poll gets.
//!
//! Facts: prefect 3.8.8, `server/database/sql/sqlite/get-runs-from-worker-queues.sql.jinja` and its caller. Limits count
//! runs that are RUNNING or PENDING; what was handed out and is still SCHEDULED is handed out again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use prefect_api::models::StateType;
use uuid::Uuid;

use super::models::{Pool, Queue, RetryType, Run};

/// Most runs of a queue, and of a pool, that are looked at.
const AT_MOST: usize = 1000;

/// Runs of a pool that are due, in the order they are handed out.
pub(super) fn due<'a>(
    pool: &Pool,
    queues: &BTreeMap<Uuid, Queue>,
    runs: &'a BTreeMap<Uuid, Run>,
    only: Option<&BTreeSet<Uuid>>,
    (after, before): (Option<Timestamp>, Option<Timestamp>),
    limit: usize,
) -> Vec<(&'a Run, Uuid)> {
    if pool.is_paused {
        return Vec::new();
    }
    let mut busy: BTreeMap<Uuid, usize> = BTreeMap::new();
    let mut waiting: BTreeMap<Uuid, Vec<(Timestamp, &Run)>> = BTreeMap::new();
    for run in runs.values() {
        let Some(queue) = run.queue else { continue };
        match run.state_type() {
            Some(StateType::Pending | StateType::Running) => *busy.entry(queue).or_default() += 1,
            Some(StateType::Scheduled) if run.policy.retry_type != Some(RetryType::InProcess) => {
                let Some(time) = run.next_scheduled_start_time else { continue };
                if after.is_none_or(|after| time >= after) && before.is_none_or(|before| time <= before) {
                    waiting.entry(queue).or_default().push((time, run));
                }
            }
            _ => {}
        }
    }
    let free = |limit: Option<u32>, busy: usize| {
        limit.map_or(AT_MOST, |limit| (limit as usize).saturating_sub(busy)).min(AT_MOST)
    };
    let of_pool = || queues.values().filter(|queue| queue.pool == pool.id);
    let mut found: Vec<(u32, Timestamp, &Run, Uuid)> = Vec::new();
    for queue in of_pool().filter(|queue| !queue.is_paused && only.is_none_or(|only| only.contains(&queue.id))) {
        let Some(mut waiting) = waiting.remove(&queue.id) else { continue };
        waiting.sort_by_key(|(time, run)| (*time, run.id));
        waiting.truncate(free(queue.concurrency_limit, busy.get(&queue.id).copied().unwrap_or(0)));
        found.extend(waiting.into_iter().map(|(time, run)| (queue.priority, time, run, queue.id)));
    }
    found.sort_by_key(|(priority, time, run, _)| (*priority, *time, run.id));
    let busy = of_pool().filter_map(|queue| busy.get(&queue.id)).sum();
    found.truncate(free(pool.concurrency_limit, busy).min(limit));
    found.into_iter().map(|(_, _, run, queue)| (run, queue)).collect()
}
