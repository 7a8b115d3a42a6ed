//! Work queues, and the runs that they hand out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client::{Client, segment},
    error::ApiError,
    flow_runs::ScheduledFlowRun,
    lists::Everything,
    patch::Patch,
    transport::{Method, Transport},
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

/// A work queue to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkQueueCreate {
    /// Its name, unique within its pool.
    pub name: String,
    /// What its owner writes about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it gives out no runs.
    pub is_paused: bool,
    /// How many of its runs may be PENDING or RUNNING at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency_limit: Option<u32>,
    /// 1 comes first. Without one the queue comes last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
}

/// What can be changed of a work queue. A field that is not set is not sent, and keeps what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WorkQueueFields {
    /// What its owner writes about it.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub description: Patch<String>,
    /// Whether it gives out no runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_paused: Option<bool>,
    /// How many of its runs may be PENDING or RUNNING at once.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub concurrency_limit: Patch<u32>,
    /// 1 comes first; the server moves the queues behind it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
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

    /// Makes a queue of a work pool.
    ///
    /// # Errors
    /// [`ApiError`]; a conflict if the pool has one of that name.
    pub async fn create_work_queue(&self, pool: &str, queue: &WorkQueueCreate) -> Result<WorkQueue, ApiError> {
        self.post(format!("/work_pools/{}/queues", segment(pool)), queue).await
    }

    /// Changes a queue of a work pool.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such queue.
    pub async fn update_work_queue(&self, pool: &str, queue: &str, changes: &WorkQueueFields) -> Result<(), ApiError> {
        self.send(Method::Patch, path_of(pool, queue), Some(changes)).await
    }

    /// Deletes a queue of a work pool. The server leaves its deployments without a queue.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such queue, refused for the pool's default queue.
    pub async fn delete_work_queue(&self, pool: &str, queue: &str) -> Result<(), ApiError> {
        self.send(Method::Delete, path_of(pool, queue), None::<&Value>).await
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

fn path_of(pool: &str, queue: &str) -> String {
    format!("/work_pools/{}/queues/{}", segment(pool), segment(queue))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    #[tokio::test]
    async fn a_queue_is_made_changed_and_deleted_within_its_pool() {
        // As 2.20.26 answers, shortened.
        let made = json!({"id": Uuid::from_u128(5), "name": "bulk", "description": "", "is_paused": true,
            "concurrency_limit": 10, "priority": 9, "filter": null, "last_polled": null, "status": "PAUSED"});
        let (client, fake) = Fake::client([(201, made), (204, Value::Null), (204, Value::Null)]);
        let wanted = WorkQueueCreate {
            name: "bulk".into(),
            description: None,
            is_paused: true,
            concurrency_limit: Some(10),
            priority: Some(9),
        };
        let queue = client.create_work_queue("my pool", &wanted).await.unwrap();
        assert_eq!((queue.priority, queue.is_paused), (Some(9), true));
        let changes =
            WorkQueueFields { concurrency_limit: Patch::Clear, priority: Some(2), ..WorkQueueFields::default() };
        client.update_work_queue("my pool", "bulk", &changes).await.unwrap();
        client.delete_work_queue("my pool", "bulk").await.unwrap();

        let wanted = json!({"name": "bulk", "is_paused": true, "concurrency_limit": 10, "priority": 9});
        let path = "/work_pools/my%20pool/queues/bulk".to_owned();
        let asked = [
            (Method::Post, "/work_pools/my%20pool/queues".to_owned(), wanted),
            (Method::Patch, path.clone(), json!({"concurrency_limit": null, "priority": 2})),
            (Method::Delete, path, Value::Null),
        ];
        assert_eq!(fake.asked(), asked);
    }
}
