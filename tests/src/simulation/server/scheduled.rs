//! Which runs a pool's poller is given (prefect 3.8.8, `database/sql/*/get-runs-from-worker-queues.sql.jinja`).

use jiff::Timestamp;
use prefect_api::models::StateType;
use uuid::Uuid;

use super::{FlowRun, Server, model::Pool};

/// Most runs of an answer.
const LIMIT: usize = 200;

impl Server {
    /// Ids of the runs, in the server's order. None if there is no such pool.
    #[must_use]
    pub fn scheduled(
        &self,
        pool: &str,
        queues: Option<&[String]>,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Option<Vec<Uuid>> {
        let pool = self.pools.get(pool)?;
        if pool.is_paused {
            return Some(Vec::new());
        }
        let mut candidates: Vec<(u32, Timestamp, Uuid)> = Vec::new();
        for queue in &pool.queues {
            if queue.is_paused || queues.is_some_and(|names| !names.contains(&queue.name)) {
                continue;
            }
            let mut of_queue: Vec<(Timestamp, Uuid)> = self
                .runs
                .values()
                .filter(|run| run.work_queue_id == Some(queue.id) && is_scheduled(run, before))
                .filter_map(|run| Some((run.next_scheduled_start_time?, run.id)))
                .collect();
            of_queue.sort();
            let slots = queue.limit.map_or(usize::MAX, |limit| free(limit, self.active(queue.id)));
            candidates.extend(of_queue.into_iter().take(slots).map(|(due, id)| (queue.priority, due, id)));
        }
        candidates.sort();
        let slots = pool.limit.map_or(usize::MAX, |limit| free(limit, self.active_of_pool(pool)));
        Some(candidates.into_iter().take(slots.min(limit).min(LIMIT)).map(|(_, _, id)| id).collect())
    }

    fn active(&self, queue: Uuid) -> usize {
        self.runs.values().filter(|run| run.work_queue_id == Some(queue) && is_active(run)).count()
    }

    fn active_of_pool(&self, pool: &Pool) -> usize {
        pool.queues.iter().map(|queue| self.active(queue.id)).sum()
    }
}

fn free(limit: u32, active: usize) -> usize {
    (limit as usize).saturating_sub(active)
}

fn is_active(run: &FlowRun) -> bool {
    matches!(run.state().state_type, StateType::Pending | StateType::Running)
}

fn is_scheduled(run: &FlowRun, before: Option<Timestamp>) -> bool {
    run.state().state_type == StateType::Scheduled
        && run.retry_type.as_deref() != Some("in_process")
        && before.is_none_or(|before| run.next_scheduled_start_time.is_some_and(|due| due <= before))
}
