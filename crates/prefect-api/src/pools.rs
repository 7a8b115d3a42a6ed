//! Work pools, and the workers that send heartbeats for them.

use jiff::Timestamp;
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client::{Client, segment},
    error::ApiError,
    filters::WorkPoolFilter,
    lists::Everything,
    transport::{Method, Transport},
};

/// A work pool without its template: a caller that reads many pools has no use for their templates.
pub type ListedPool = WorkPool<IgnoredAny>;

/// A work pool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WorkPool<T = Value> {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its type: `ecs:push`.
    #[serde(rename = "type")]
    pub pool_type: String,
    /// What its owner wrote about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Its base job template; `{}` is the built-in one.
    #[serde(default)]
    pub base_job_template: T,
    /// Whether it gives out no runs.
    #[serde(default)]
    pub is_paused: bool,
    /// How many of its runs may be PENDING or RUNNING at once.
    #[serde(default)]
    pub concurrency_limit: Option<u32>,
    /// READY, NOT_READY or PAUSED; none for agents' pools.
    #[serde(default)]
    pub status: Option<String>,
    /// When it was made.
    #[serde(default)]
    pub created: Option<Timestamp>,
}

/// A work pool to make.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkPoolCreate {
    /// Its name.
    pub name: String,
    /// Its type; it can never be changed.
    #[serde(rename = "type")]
    pub pool_type: String,
    /// Its base job template.
    pub base_job_template: Value,
    /// What its owner writes about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it gives out no runs.
    pub is_paused: bool,
    /// How many of its runs may be PENDING or RUNNING at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency_limit: Option<u32>,
}

/// A sender of heartbeats for a pool: the server calls it a worker.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Worker {
    /// Its name.
    pub name: String,
    /// When it was first seen.
    #[serde(default)]
    pub created: Option<Timestamp>,
    /// Its last heartbeat.
    #[serde(default)]
    pub last_heartbeat_time: Option<Timestamp>,
    /// How often it said it would send one, in seconds.
    #[serde(default)]
    pub heartbeat_interval_seconds: Option<u32>,
    /// ONLINE or OFFLINE.
    #[serde(default)]
    pub status: Option<String>,
}

#[derive(Serialize)]
struct OfPools<'a> {
    work_pools: WorkPoolFilter<'a>,
}

#[derive(Serialize)]
struct Heartbeat<'a> {
    name: &'a str,
    heartbeat_interval_seconds: u32,
}

impl<T: Transport> Client<T> {
    /// Work pools of a type, and those of these names whatever their type.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn work_pools(&self, types: &[&str], names: &[String]) -> Result<Vec<WorkPool>, ApiError> {
        self.pools(types, names).await
    }

    /// The same, with as much of their templates as the caller wants: [`ListedPool`] has none.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn pools<P>(&self, types: &[&str], names: &[String]) -> Result<Vec<WorkPool<P>>, ApiError>
    where
        WorkPool<P>: DeserializeOwned,
    {
        self.filter_work_pools(WorkPoolFilter::of(types, names)).await
    }

    /// All work pools, of whatever type.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn all_work_pools(&self) -> Result<Vec<WorkPool>, ApiError> {
        self.all_pools().await
    }

    /// The same, with as much of their templates as the caller wants: [`ListedPool`] has none.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn all_pools<P>(&self) -> Result<Vec<WorkPool<P>>, ApiError>
    where
        WorkPool<P>: DeserializeOwned,
    {
        self.filter_work_pools(WorkPoolFilter::default()).await
    }

    async fn filter_work_pools<P>(&self, work_pools: WorkPoolFilter<'_>) -> Result<Vec<WorkPool<P>>, ApiError>
    where
        WorkPool<P>: DeserializeOwned,
    {
        self.list("/work_pools/filter", &OfPools { work_pools }, |pool: &WorkPool<P>| pool.id).await
    }

    /// One work pool.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn work_pool(&self, name: &str) -> Result<WorkPool, ApiError> {
        self.get(format!("/work_pools/{}", segment(name))).await
    }

    /// One work pool with everything the server says about it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn work_pool_document(&self, name: &str) -> Result<Value, ApiError> {
        self.get(format!("/work_pools/{}", segment(name))).await
    }

    /// Makes a work pool.
    ///
    /// # Errors
    /// [`ApiError`]; a conflict if there is one of that name.
    pub async fn create_work_pool(&self, pool: &WorkPoolCreate) -> Result<WorkPool, ApiError> {
        self.post("/work_pools/".into(), pool).await
    }

    /// Changes members of a work pool: `description`, `is_paused`, `base_job_template`, `concurrency_limit`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_work_pool(&self, name: &str, changes: &Value) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/work_pools/{}", segment(name)), Some(changes)).await
    }

    /// Deletes a work pool.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_work_pool(&self, name: &str) -> Result<(), ApiError> {
        self.send(Method::Delete, format!("/work_pools/{}", segment(name)), None::<&Value>).await
    }

    /// The workers that send heartbeats for a pool.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn workers(&self, pool: &str) -> Result<Vec<Worker>, ApiError> {
        let path = format!("/work_pools/{}/workers/filter", segment(pool));
        self.list(&path, &Everything {}, |worker: &Worker| worker.name.clone()).await
    }

    /// Says that `worker` serves the pool. The server takes it for offline after three intervals without another one.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn heartbeat(&self, pool: &str, worker: &str, interval_seconds: u32) -> Result<(), ApiError> {
        let body = Heartbeat { name: worker, heartbeat_interval_seconds: interval_seconds };
        let path = format!("/work_pools/{}/workers/heartbeat", segment(pool));
        self.send(Method::Post, path, Some(&body)).await
    }
}
