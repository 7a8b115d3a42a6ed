//! What the server keeps.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use prefect_api::models::{Object, StateType};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Whose rules the server follows. What is not said to differ is the same in both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Release {
    /// prefect 3.8.8.
    #[default]
    V3_8,
    /// prefect 3.9.1: a poll shows the states of its runs, a forced proposal keeps the lease of the deployment's concurrency
    /// limit, and a run that leaves a blocking pause for SCHEDULED forgets its pauses.
    V3_9,
}

/// Details of a state. Those that concern task runs, caches and traces are taken and forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Details {
    /// The run.
    pub flow_run_id: Option<Uuid>,
    /// When a SCHEDULED run is due; copied to PENDING.
    pub scheduled_time: Option<Timestamp>,
    /// When a PAUSED run fails.
    pub pause_timeout: Option<Timestamp>,
    /// Whether a PAUSED run is suspended: has no process.
    pub pause_reschedule: bool,
    /// Which pause of the flow it is.
    pub pause_key: Option<String>,
    /// Names the transition that made the state.
    pub transition_id: Option<Uuid>,
    /// Lease of a slot of the deployment's concurrency limit.
    pub deployment_concurrency_lease_id: Option<Uuid>,
}

/// A state, serialized as the API does.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct State {
    /// Its id.
    pub id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub state_type: StateType,
    /// Its name.
    pub name: String,
    /// Since when; no two states of a run have the same.
    pub timestamp: Timestamp,
    /// What was said about it.
    pub message: Option<String>,
    /// Its result: metadata of a persisted one. An unpersisted one is not kept.
    pub data: Option<Value>,
    /// Details.
    pub state_details: Details,
}

/// How a run retries, and what the server remembers about its retries and pauses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunPolicy {
    /// How often a flow that fails is run again in its process.
    pub retries: Option<u32>,
    /// Seconds before that.
    pub retry_delay: Option<u32>,
    /// The pauses it has had.
    pub pause_keys: BTreeSet<String>,
    /// Whether it was resumed and does not run yet.
    pub resuming: bool,
    /// `in_process` while its process waits to run it again; `reschedule` when it was scheduled from a final state.
    pub retry_type: Option<RetryType>,
}

/// Who runs a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryType {
    /// The process that ran it.
    InProcess,
    /// New infrastructure.
    Reschedule,
}

/// Which reads of a run the server answers with 500.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Poison {
    /// None.
    #[default]
    None,
    /// Pages that hold it: a parameter is an integer beyond 64 bits (seen on 3.8.8; 3.9.1 copes).
    Pages,
    /// The read of the run alone, too. No release is known to do so.
    Everything,
}

/// A flow run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its flow.
    pub flow: Uuid,
    /// Its deployment, which may be gone.
    pub deployment: Option<Uuid>,
    /// Its work queue.
    pub queue: Option<Uuid>,
    /// Its states in the order in which they were committed, the current one last; never empty.
    pub states: Vec<State>,
    /// Its own job variables.
    pub job_variables: Object,
    /// Labels.
    pub labels: Object,
    /// How it retries.
    pub policy: RunPolicy,
    /// What it runs on.
    pub infrastructure_pid: Option<String>,
    /// Whether a schedule made it.
    pub auto_scheduled: bool,
    /// How often it ran.
    pub run_count: u32,
    /// When it was first to start.
    pub expected_start_time: Option<Timestamp>,
    /// When its SCHEDULED state is due.
    pub next_scheduled_start_time: Option<Timestamp>,
    /// When it first ran, or ended without.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// Which reads of it fail.
    pub poison: Poison,
}

impl Run {
    /// Its state; none only while it is being made.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        self.states.last()
    }

    /// Type of its state.
    #[must_use]
    pub fn state_type(&self) -> Option<StateType> {
        self.state().map(|state| state.state_type)
    }
}

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// What becomes of a run that finds its deployment's concurrency limit full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Collision {
    /// It is scheduled again.
    #[default]
    Enqueue,
    /// It is cancelled.
    CancelNew,
}

/// Options of a deployment's concurrency limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcurrencyOptions {
    /// What becomes of a run too many.
    pub collision_strategy: Collision,
    /// Seconds until a slot that nobody renews is given away; 300 if none.
    #[serde(default)]
    pub grace_period_seconds: Option<u32>,
}

/// A deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its flow.
    pub flow: Uuid,
    /// Its work queue.
    pub queue: Option<Uuid>,
    /// What all its runs share.
    pub job_variables: Object,
    /// Its concurrency limit, in the server's slots.
    pub limit: Option<Uuid>,
    /// Options of that.
    pub options: Option<ConcurrencyOptions>,
}

/// A work pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its type.
    pub pool_type: String,
    /// Its base job template.
    pub base_job_template: Value,
    /// Whether it gives out no runs.
    pub is_paused: bool,
    /// How many of its runs may be PENDING or RUNNING at once.
    pub concurrency_limit: Option<u32>,
    /// When it was made.
    pub created: Timestamp,
    /// Last heartbeats, by name of the worker.
    pub heartbeats: BTreeMap<String, Timestamp>,
}

/// A work queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Its id.
    pub id: Uuid,
    /// Its pool.
    pub pool: Uuid,
    /// Its name.
    pub name: String,
    /// Whether it gives out no runs.
    pub is_paused: bool,
    /// How many of its runs may be PENDING or RUNNING at once.
    pub concurrency_limit: Option<u32>,
    /// 1 comes first.
    pub priority: u32,
    /// When somebody last asked it for runs.
    pub last_polled: Option<Timestamp>,
}

/// A line of a run's log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogLine {
    /// Name of the logger.
    pub name: String,
    /// Level, in Python's numbers.
    pub level: u32,
    /// The text.
    pub message: String,
    /// When.
    pub timestamp: Timestamp,
    /// The run.
    #[serde(default)]
    pub flow_run_id: Option<Uuid>,
}

/// A state that a run entered, as the server tells its automations: the event `prefect.flow-run.{name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The run.
    pub run: Uuid,
    /// Id of the state.
    pub state: Uuid,
    /// Its type.
    pub state_type: StateType,
    /// Its name.
    pub name: String,
    /// Since when.
    pub at: Timestamp,
}
