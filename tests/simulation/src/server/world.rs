//! Making the world of a simulation: what would take a dozen requests, in one call each.

use jiff::Timestamp;
use prefect_api::models::{Object, StateType};
use serde_json::Value;
use uuid::Uuid;

use super::models::{Collision, ConcurrencyOptions, Deployment, Flow, Poison, Pool, Queue, Run, RunPolicy};
use super::rules::{Caller, Rules};
use super::{Server, to_microsecond};

/// A deployment to make.
#[derive(Debug, Clone, Default)]
pub struct NewDeployment {
    /// Its name.
    pub name: String,
    /// Its flow.
    pub flow: Uuid,
    /// Its work queue.
    pub queue: Option<Uuid>,
    /// What all its runs share.
    pub job_variables: Object,
    /// How many of its runs may be busy at once.
    pub concurrency_limit: Option<u32>,
    /// What becomes of the others; none leaves it to the server, which enqueues.
    pub collision: Option<Collision>,
    /// Seconds until a slot that nobody renews is given away; only with `collision`.
    pub grace_period_seconds: Option<u32>,
}

/// A flow run to make.
#[derive(Debug, Clone, Default)]
pub struct NewRun {
    /// Its deployment.
    pub deployment: Uuid,
    /// When it is due; now if none.
    pub due: Option<Timestamp>,
    /// Its own job variables.
    pub job_variables: Object,
    /// How often its flow retries in its process, and after how many seconds.
    pub retries: Option<(u32, u32)>,
    /// Whether a schedule makes it: such runs go when their deployment is changed, and no automation hears of them.
    pub auto_scheduled: bool,
    /// Which reads of it fail.
    pub poison: Poison,
}

impl Server {
    /// Makes a work pool with its queue `default` of priority 1; returns its id.
    pub fn create_pool(
        &mut self,
        now: Timestamp,
        name: &str,
        pool_type: &str,
        base_job_template: Value,
        concurrency_limit: Option<u32>,
    ) -> Uuid {
        let id = self.ids.next();
        let pool = Pool {
            id,
            name: name.to_owned(),
            pool_type: pool_type.to_owned(),
            base_job_template,
            is_paused: false,
            concurrency_limit,
            created: now,
            heartbeats: std::collections::BTreeMap::new(),
        };
        self.pools.insert(id, pool);
        self.create_queue(id, "default", None, Some(1));
        id
    }

    /// Makes a queue of a pool; returns its id. Without a priority it gets the first one that is free; one that another
    /// queue has pushes that one back.
    pub fn create_queue(
        &mut self,
        pool: Uuid,
        name: &str,
        concurrency_limit: Option<u32>,
        priority: Option<u32>,
    ) -> Uuid {
        let id = self.ids.next();
        let taken = |wanted: &u32| self.queues.values().any(|queue| queue.pool == pool && queue.priority == *wanted);
        let free = (1..).find(|priority| !taken(priority));
        let queue = Queue {
            id,
            pool,
            name: name.to_owned(),
            is_paused: false,
            concurrency_limit,
            priority: free.unwrap_or(u32::MAX),
            last_polled: None,
        };
        self.queues.insert(id, queue);
        if let Some(priority) = priority {
            self.set_priority(id, priority);
        }
        id
    }

    /// Gives a queue a priority; those that are in its way move back (`bulk_update_work_queue_priorities`).
    pub(super) fn set_priority(&mut self, queue: Uuid, priority: u32) {
        let Some(Queue { pool, .. }) = self.queues.get(&queue) else { return };
        let pool = *pool;
        let mut order: Vec<(u32, bool, Uuid)> = self
            .queues
            .values()
            .filter(|it| it.pool == pool)
            .map(|it| if it.id == queue { (priority, false, it.id) } else { (it.priority, true, it.id) })
            .collect();
        order.sort_unstable();
        let mut last = 0;
        for (priority, _, id) in order {
            last = priority.max(last + 1);
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.priority = last;
            }
        }
    }

    /// The queue of a name.
    #[must_use]
    pub fn queue_named(&self, pool: Uuid, name: &str) -> Option<Uuid> {
        self.queues.values().find(|queue| queue.pool == pool && queue.name == name).map(|queue| queue.id)
    }

    /// Makes a flow; returns its id.
    pub fn create_flow(&mut self, name: &str) -> Uuid {
        let id = self.ids.next();
        self.flows.insert(id, Flow { id, name: name.to_owned() });
        id
    }

    /// Makes a deployment; returns its id.
    pub fn create_deployment(&mut self, new: NewDeployment) -> Uuid {
        let id = self.ids.next();
        let NewDeployment { name, flow, queue, job_variables, collision, grace_period_seconds, .. } = new;
        let options =
            collision.map(|collision_strategy| ConcurrencyOptions { collision_strategy, grace_period_seconds });
        self.deployments.insert(id, Deployment { id, name, flow, queue, job_variables, limit: None, options });
        self.set_deployment_limit(id, new.concurrency_limit);
        id
    }

    /// Sets or removes a deployment's concurrency limit (`_create_or_update_deployment_concurrency_limit`).
    pub(super) fn set_deployment_limit(&mut self, deployment: Uuid, limit: Option<u32>) {
        let Some(deployment) = self.deployments.get_mut(&deployment) else { return };
        match limit {
            None => {
                if let Some(id) = deployment.limit.take() {
                    self.slots.remove_limit(id);
                }
            }
            Some(limit) => {
                let id = *deployment.limit.get_or_insert_with(|| self.ids.next());
                self.slots.set_limit(id, limit);
            }
        }
    }

    /// Makes a run of a deployment; returns its id.
    ///
    /// # Panics
    /// There is no such deployment.
    pub fn create_run(&mut self, now: Timestamp, new: NewRun) -> Uuid {
        let now = to_microsecond(now);
        let deployment = self.deployments.get(&new.deployment).expect("a run is made of a deployment");
        let (flow, queue) = (deployment.flow, deployment.queue);
        let id = self.ids.next();
        let (retries, retry_delay) = new.retries.unzip();
        let run = Run {
            id,
            name: format!("run-{}", self.runs.len()),
            flow,
            deployment: Some(new.deployment),
            queue,
            states: Vec::new(),
            job_variables: new.job_variables,
            labels: Object::new(),
            policy: RunPolicy { retries, retry_delay, ..RunPolicy::default() },
            infrastructure_pid: None,
            auto_scheduled: new.auto_scheduled,
            run_count: 0,
            expected_start_time: None,
            next_scheduled_start_time: None,
            start_time: None,
            end_time: None,
            poison: new.poison,
        };
        self.runs.insert(id, run);
        let mut state = self.state(now, StateType::Scheduled, "Scheduled", None);
        state.state_details.scheduled_time = Some(to_microsecond(new.due.unwrap_or(now)));
        let changes = if new.auto_scheduled { self.changes.take() } else { None };
        // A first state leaves no slot, so nothing can fail.
        let _ = self.propose(now, id, state, Rules::Minimal, Caller::Other);
        if changes.is_some() {
            self.changes = changes;
        }
        id
    }

    /// Changes a deployment's concurrency limit as the command for global concurrency limits does, which takes 0.
    pub fn change_global_limit(&mut self, deployment: Uuid, limit: u32) {
        self.set_deployment_limit(deployment, Some(limit));
    }

    /// From now on, reads of the block of this name fail with 500.
    pub fn break_block(&mut self, name: &str) {
        self.broken_blocks.insert(name.to_owned());
    }

    /// Makes or replaces a variable.
    pub fn create_variable(&mut self, name: &str, value: Value) {
        self.variables.insert(name.to_owned(), value);
    }

    /// Makes a block document; returns its id.
    pub fn create_block(&mut self, type_slug: &str, name: &str, data: Value) -> Uuid {
        let id = self.ids.next();
        self.blocks.insert(id, data);
        self.block_names.insert((type_slug.to_owned(), name.to_owned()), id);
        id
    }
}
