//! What the runs of a batch share: pools, queues, deployments and flows, read once for many.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use diagnosis::Diagnosis;
use futures_util::future::{join, join_all, join3};
use jiff::Timestamp;
use prefect_api::{
    Apart, ApiError, Client, Transport,
    models::{self, Deployment, Flow, FlowRun, WorkQueue},
};
use uuid::Uuid;
use work_pool::BaseJobTemplate;

use super::{cache::Kept, failure};
use crate::{message::RunQueue, ports::Failure};

/// How long pools and queues are kept: pausing one reaches the messages that are already queued within this time.
const POOL_LIFE: Duration = Duration::from_secs(5);

/// How long deployments and flows are kept.
const DEPLOYMENT_LIFE: Duration = Duration::from_secs(60);

/// A work pool with its queues, ready to render.
#[derive(Clone)]
pub(super) struct Pool {
    pub(super) pool: Arc<models::WorkPool>,
    pub(super) template: Result<BaseJobTemplate, Diagnosis>,
    queues: Arc<HashMap<Uuid, WorkQueue>>,
}

impl Pool {
    /// Whether runs of the queue are counted.
    pub(super) fn is_limited(&self, queue: Option<Uuid>) -> bool {
        self.pool.concurrency_limit.is_some() || self.queue_limit(queue).is_some()
    }

    fn queue(&self, queue: Option<Uuid>) -> Option<&WorkQueue> {
        self.queues.get(&queue?)
    }

    pub(super) fn queue_limit(&self, queue: Option<Uuid>) -> Option<u32> {
        self.queue(queue)?.concurrency_limit
    }

    /// Why no run of the queue is to start.
    pub(super) fn pause(&self, queue: Option<Uuid>) -> Option<&'static str> {
        if self.pool.is_paused {
            return Some("the work pool is paused");
        }
        self.queue(queue).is_some_and(|queue| queue.is_paused).then_some("the work queue is paused")
    }
}

/// What was fetched for a batch.
pub(super) struct Shared {
    pub(super) pools: HashMap<String, Result<Option<Pool>, Failure>>,
    pub(super) deployments: Result<HashMap<Uuid, Read<Deployment>>, Failure>,
    pub(super) flows: Result<HashMap<Uuid, Read<Flow>>, Failure>,
}

/// One of the things that runs share. If it cannot be read, only its own runs fail.
pub(super) type Read<V> = Result<V, Failure>;

impl Shared {
    /// Why the server would refuse a claim of the run, as far as it is known before.
    pub(super) fn refusal(&self, run: &FlowRun) -> Option<&'static str> {
        let deployment = self.deployments.as_ref().ok()?.get(&run.deployment_id?)?.as_ref().ok()?;
        deployment.is_closed().then_some("the concurrency limit of its deployment is 0")
    }
}

/// What the server said about them lately.
pub(super) struct Lately {
    pools: Kept<String, Pool>,
    deployments: Kept<Uuid, Deployment>,
    flows: Kept<Uuid, Flow>,
}

impl Lately {
    pub(super) fn new() -> Self {
        Self { pools: Kept::new(POOL_LIFE), deployments: Kept::new(DEPLOYMENT_LIFE), flows: Kept::new(DEPLOYMENT_LIFE) }
    }

    /// The pool as it was last read, however long ago.
    pub(super) fn pool(&self, name: &str) -> Option<Pool> {
        self.pools.last(&name.to_owned())
    }

    /// Pools, deployments and flows of runs, each of them in one request.
    pub(super) async fn fetch<T: Transport>(
        &self,
        client: &Client<T>,
        runs: &[&FlowRun],
        queue: RunQueue,
        now: Timestamp,
    ) -> Shared {
        // For each thing the youngest run that needs it.
        let mut pools: BTreeMap<String, Timestamp> = BTreeMap::new();
        let mut deployments: BTreeMap<Uuid, Timestamp> = BTreeMap::new();
        let mut flows: BTreeMap<Uuid, Timestamp> = BTreeMap::new();
        for run in runs {
            let since = run.state.as_ref().map_or(now, |state| state.timestamp);
            let keep = |entry: &mut Timestamp| *entry = (*entry).max(since);
            if let Some(name) = &run.work_pool_name {
                keep(pools.entry(name.clone()).or_insert(since));
            }
            if let Some(id) = run.deployment_id {
                keep(deployments.entry(id).or_insert(since));
            }
            // What a flow is called does not depend on when its run was made.
            flows.entry(run.flow_id).or_insert(Timestamp::MIN);
        }
        let (pools, deployments, flows) = join3(
            self.fetch_pools(client, &pools, queue, now),
            through(
                &self.deployments,
                &deployments,
                now,
                |deployment: &Deployment| deployment.id,
                async |ids| client.each_deployment(&ids).await,
            ),
            through(&self.flows, &flows, now, |flow: &Flow| flow.id, async |ids| client.each_flow(&ids).await),
        )
        .await;
        Shared { pools, deployments, flows }
    }

    async fn fetch_pools<T: Transport>(
        &self,
        client: &Client<T>,
        wanted: &BTreeMap<String, Timestamp>,
        queue: RunQueue,
        now: Timestamp,
    ) -> HashMap<String, Result<Option<Pool>, Failure>> {
        let reads = wanted.iter().map(|(name, since)| async move {
            // Limits are read anew for each batch that they hold for.
            let kept = if queue == RunQueue::Fifo { None } else { self.pools.get(name, now, *since) };
            let pool = match kept {
                Some(pool) => Ok(Some(pool)),
                None => self.read_pool(client, name, now).await.map_err(|error| failure::of(&error)),
            };
            (name.clone(), pool)
        });
        join_all(reads).await.into_iter().collect()
    }

    async fn read_pool<T: Transport>(
        &self,
        client: &Client<T>,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Pool>, ApiError> {
        let (pool, queues) = join(client.work_pool(name), client.work_queues(name)).await;
        let (pool, queues) = match (pool, queues) {
            (Ok(pool), Ok(queues)) => (pool, queues),
            (Err(error), _) | (_, Err(error)) if error.is_not_found() => return Ok(None),
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        // Compiling a template costs far more than comparing it.
        let template = match self.pools.last(&name.to_owned()) {
            Some(last) if last.pool.base_job_template == pool.base_job_template => last.template,
            _ if pool.base_job_template.is_null() => Ok(BaseJobTemplate::built_in()),
            _ => BaseJobTemplate::from_value(&pool.base_job_template).map_err(|error| error.diagnosis()),
        };
        let queues = queues.into_iter().map(|queue| (queue.id, queue)).collect();
        let pool = Pool { pool: Arc::new(pool), template, queues: Arc::new(queues) };
        self.pools.put(name.to_owned(), pool.clone(), now);
        Ok(Some(pool))
    }
}

/// Reads what is not kept, in one request, and keeps it.
async fn through<V: Clone>(
    kept: &Kept<Uuid, V>,
    wanted: &BTreeMap<Uuid, Timestamp>,
    now: Timestamp,
    id: impl Fn(&V) -> Uuid,
    read: impl AsyncFnOnce(Vec<Uuid>) -> Result<Apart<V>, ApiError>,
) -> Result<HashMap<Uuid, Read<V>>, Failure> {
    let mut found = HashMap::new();
    let mut missing = Vec::new();
    for (key, since) in wanted {
        match kept.get(key, now, *since) {
            Some(value) => drop(found.insert(*key, Ok(value))),
            None => missing.push(*key),
        }
    }
    if missing.is_empty() {
        return Ok(found);
    }
    let Apart { items, unread } = read(missing).await.map_err(|error| failure::of(&error))?;
    for value in items {
        kept.put(id(&value), value.clone(), now);
        found.insert(id(&value), Ok(value));
    }
    for (key, error) in unread {
        let failure = if error.is_of_its_content() { failure::unreadable_alone(&error) } else { failure::of(&error) };
        found.insert(key, Err(failure));
    }
    Ok(found)
}
