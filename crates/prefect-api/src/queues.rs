//! Work queues, and the runs that they hand out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    client::{Client, segment},
    error::ApiError,
    flow_runs::ScheduledFlowRun,
    lists::Everything,
    transport::Transport,
};

/// A work queue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkQueue {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Whether it gives out no runs.
    #[serde(default)]
    pub is_paused: bool,
    /// How many of its runs may be PENDING or RUNNING at once.
    #[serde(default)]
    pub concurrency_limit: Option<u32>,
    /// 1 comes first.
    #[serde(default)]
    pub priority: Option<u32>,
    /// When it was last asked for runs.
    #[serde(default)]
    pub last_polled: Option<Timestamp>,
    /// READY, NOT_READY or PAUSED.
    #[serde(default)]
    pub status: Option<String>,
}

#[derive(Serialize)]
struct Poll<'a> {
    scheduled_before: Timestamp,
    limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheduled_after: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_queue_names: Option<&'a [String]>,
}

impl<T: Transport> Client<T> {
    /// The queues of a work pool.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn work_queues(&self, pool: &str) -> Result<Vec<WorkQueue>, ApiError> {
        let path = format!("/work_pools/{}/queues/filter", segment(pool));
        self.list(&path, &Everything {}, |queue: &WorkQueue| queue.id).await
    }

    /// Runs that are to start in this time, of all queues of the pool or of these: by the queues' priority, then the earliest
    /// first. At most `limit` and as many as there are free slots, without paging: the rest comes when these are no longer
    /// SCHEDULED. Marks the queues and their deployments as polled.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn scheduled_flow_runs(
        &self,
        pool: &str,
        queues: Option<&[String]>,
        (after, before): (Option<Timestamp>, Timestamp),
        limit: usize,
    ) -> Result<Vec<ScheduledFlowRun>, ApiError> {
        let body = Poll { scheduled_before: before, limit, scheduled_after: after, work_queue_names: queues };
        self.post_page(format!("/work_pools/{}/get_scheduled_flow_runs", segment(pool)), &body).await
    }
}
