//! A Prefect server as a state machine: the calls that pushpool makes, with the rules of prefect 3.8.8.
//!
//! `tests/it/simulated_server.rs` holds it against a real server, step by step. Not modelled: tasks, subflows, pauses,
//! results, and whatever else no call of ours sees.

mod edge;
mod model;
mod rules;
mod scheduled;

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use prefect_api::{Method, models::StateType};
use serde_json::Value;
use uuid::Uuid;

use self::model::{Pool, Queue, details};
pub use self::{
    model::{Deployment, FlowRun, State},
    rules::{Proposal, Verdict},
};

/// How overdue a run is before it is Late (`PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS`).
const LATE: SignedDuration = SignedDuration::from_secs(15);

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: String,
}

/// The server.
#[derive(Debug)]
pub struct Server {
    ids: Rng,
    flow: Uuid,
    pools: BTreeMap<String, Pool>,
    deployments: BTreeMap<Uuid, Deployment>,
    runs: BTreeMap<Uuid, FlowRun>,
    /// Until when slots of deployments are held, by lease.
    leases: BTreeMap<Uuid, (Uuid, Timestamp)>,
    /// Requests it has no answer for: a mistake of the simulation.
    pub unknown: Vec<String>,
}

impl Server {
    /// A server with nothing in it; its ids follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut ids = Rng::with_seed(seed ^ 0x2545_f491_4f6c_dd1d);
        let flow = Uuid::from_u128(ids.u128(..));
        Self {
            ids,
            flow,
            pools: BTreeMap::new(),
            deployments: BTreeMap::new(),
            runs: BTreeMap::new(),
            leases: BTreeMap::new(),
            unknown: Vec::new(),
        }
    }

    /// Answers a request: path with query below `/api`.
    pub fn handle(&mut self, now: Timestamp, method: Method, path: &str, body: Option<&str>) -> Answer {
        edge::handle(self, now, method, path, body)
    }

    /// What the server does by itself: late runs, and slots whose lease has run out.
    pub fn services(&mut self, now: Timestamp) {
        let late: Vec<Uuid> = self
            .runs
            .values()
            .filter(|run| {
                let state = run.state();
                state.state_type == StateType::Scheduled
                    && state.name == "Scheduled"
                    && run.next_scheduled_start_time.is_some_and(|due| due + LATE < now)
            })
            .map(|run| run.id)
            .collect();
        for run in late {
            let due = self.runs[&run].next_scheduled_start_time;
            let state = Proposal {
                state_type: StateType::Scheduled,
                name: Some("Late".to_owned()),
                message: None,
                state_details: details(due, None),
                persisted: false,
            };
            self.propose(now, run, state);
        }
        // The engine renews the slot of a flow that runs.
        for run in self.runs.values().filter(|run| run.state().state_type == StateType::Running) {
            let lease = run.state().state_details.deployment_concurrency_lease_id;
            if let Some((_, until)) = lease.and_then(|lease| self.leases.get_mut(&lease)) {
                *until = now + rules::LEASE;
            }
        }
        self.leases.retain(|_, (_, until)| *until > now);
    }

    /// Makes a work pool with a queue named `default`.
    pub fn create_pool(&mut self, name: &str, pool_type: &str, template: Value, limit: Option<u32>) {
        let queue = Queue { id: self.id(), name: "default".to_owned(), is_paused: false, limit: None, priority: 1 };
        let pool = Pool {
            id: self.id(),
            name: name.to_owned(),
            pool_type: pool_type.to_owned(),
            template,
            is_paused: false,
            limit,
            queues: vec![queue],
        };
        self.pools.insert(name.to_owned(), pool);
    }

    /// Adds a queue to a pool.
    pub fn create_queue(&mut self, pool: &str, name: &str, limit: Option<u32>, priority: u32) {
        let queue = Queue { id: self.id(), name: name.to_owned(), is_paused: false, limit, priority };
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.queues.push(queue);
        }
    }

    /// Sets the limit of a pool.
    pub fn limit_pool(&mut self, pool: &str, limit: Option<u32>) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.limit = limit;
        }
    }

    /// Sets the limit of a queue.
    pub fn limit_queue(&mut self, pool: &str, queue: &str, limit: Option<u32>) {
        if let Some(queue) = self.queue_mut(pool, queue) {
            queue.limit = limit;
        }
    }

    /// Pauses a pool, or lets it go on.
    pub fn pause_pool(&mut self, pool: &str, paused: bool) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.is_paused = paused;
        }
    }

    /// Pauses a queue, or lets it go on.
    pub fn pause_queue(&mut self, pool: &str, queue: &str, paused: bool) {
        if let Some(queue) = self.queue_mut(pool, queue) {
            queue.is_paused = paused;
        }
    }

    /// Replaces a pool's base job template.
    pub fn edit_template(&mut self, pool: &str, template: Value) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.template = template;
        }
    }

    /// Makes a deployment. `limit`: how many of its runs go on at once, and whether those over it are cancelled.
    pub fn create_deployment(&mut self, pool: &str, queue: &str, variables: Value, limit: Option<(u32, bool)>) -> Uuid {
        let id = self.id();
        let queue = self.queue_mut(pool, queue).map(|queue| queue.id);
        let deployment = Deployment {
            id,
            name: format!("deployment-{}", self.deployments.len()),
            flow_id: self.flow,
            pool: pool.to_owned(),
            queue,
            variables,
            limit,
        };
        self.deployments.insert(id, deployment);
        id
    }

    /// Replaces a deployment's job variables.
    pub fn edit_deployment(&mut self, id: Uuid, variables: Value) {
        if let Some(deployment) = self.deployments.get_mut(&id) {
            deployment.variables = variables;
        }
    }

    /// Makes a run of a deployment, due at that time.
    ///
    /// # Panics
    /// When there is no such deployment.
    pub fn create_flow_run(&mut self, now: Timestamp, deployment: Uuid, due: Timestamp, retries: u32) -> Uuid {
        let id = self.id();
        let of = &self.deployments[&deployment];
        let (flow_id, pool, queue_id) = (of.flow_id, of.pool.clone(), of.queue);
        let run = FlowRun {
            id,
            flow_id,
            deployment_id: Some(deployment),
            work_queue_id: queue_id,
            work_pool_name: pool,
            states: Vec::new(),
            expected_start_time: Some(due),
            next_scheduled_start_time: None,
            start_time: None,
            end_time: None,
            infrastructure_pid: None,
            run_count: 0,
            retries,
            retry_type: None,
        };
        self.runs.insert(id, run);
        let first = Proposal {
            state_type: StateType::Scheduled,
            name: Some("Scheduled".to_owned()),
            message: None,
            state_details: details(Some(due), None),
            persisted: false,
        };
        self.set(now, id, first, rules::Slot::Released);
        id
    }

    /// Deletes a run.
    pub fn delete_flow_run(&mut self, id: Uuid) {
        if let Some(run) = self.runs.remove(&id)
            && let Some(lease) = run.state().state_details.deployment_concurrency_lease_id
        {
            self.leases.remove(&lease);
        }
    }

    /// A run.
    #[must_use]
    pub fn run(&self, id: Uuid) -> Option<&FlowRun> {
        self.runs.get(&id)
    }

    /// A run's state.
    #[must_use]
    pub fn state(&self, id: Uuid) -> Option<&State> {
        self.runs.get(&id).map(FlowRun::state)
    }

    /// All states of a run, oldest first.
    #[must_use]
    pub fn states(&self, id: Uuid) -> &[State] {
        self.runs.get(&id).map_or(&[], |run| &run.states)
    }

    /// What a run is recorded to run on.
    #[must_use]
    pub fn infrastructure_pid(&self, id: Uuid) -> Option<&str> {
        self.runs.get(&id)?.infrastructure_pid.as_deref()
    }

    fn id(&mut self) -> Uuid {
        Uuid::from_u128(self.ids.u128(..))
    }

    fn queue_mut(&mut self, pool: &str, queue: &str) -> Option<&mut Queue> {
        self.pools.get_mut(pool)?.queues.iter_mut().find(|it| it.name == queue)
    }
}
