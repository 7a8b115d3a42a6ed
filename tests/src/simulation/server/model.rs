//! What the server keeps.

use jiff::Timestamp;
use prefect_api::models::{StateDetails, StateType};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// A state of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct State {
    /// Its id.
    pub id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub state_type: StateType,
    /// Its name.
    pub name: String,
    /// Since when.
    pub timestamp: Timestamp,
    /// What was said about it.
    pub message: Option<String>,
    /// Details.
    pub state_details: StateDetails,
    /// Whether a result is kept with it.
    #[serde(skip)]
    pub persisted: bool,
}

/// Details of a state.
#[must_use]
pub fn details(scheduled_time: Option<Timestamp>, transition_id: Option<Uuid>) -> StateDetails {
    StateDetails { scheduled_time, transition_id, ..StateDetails::default() }
}

/// A flow run.
#[derive(Debug, Clone)]
pub struct FlowRun {
    /// Its id.
    pub id: Uuid,
    /// Its flow.
    pub flow_id: Uuid,
    /// Its deployment.
    pub deployment_id: Option<Uuid>,
    /// Its queue.
    pub work_queue_id: Option<Uuid>,
    /// Name of its pool.
    pub work_pool_name: String,
    /// Its states, oldest first; never empty.
    pub states: Vec<State>,
    /// When it was to start at first.
    pub expected_start_time: Option<Timestamp>,
    /// When it is to start next; none unless it is SCHEDULED.
    pub next_scheduled_start_time: Option<Timestamp>,
    /// When it first ran.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// What it runs on.
    pub infrastructure_pid: Option<String>,
    /// How often it ran.
    pub run_count: u32,
    /// How often its flow is tried again.
    pub retries: u32,
    /// `in_process`, `reschedule`, or nothing.
    pub retry_type: Option<String>,
}

impl FlowRun {
    /// Its state.
    ///
    /// # Panics
    /// Never: a run is made with a state.
    #[must_use]
    pub fn state(&self) -> &State {
        self.states.last().expect("a run has a state")
    }
}

/// A deployment.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its flow.
    pub flow_id: Uuid,
    /// Its pool.
    pub pool: String,
    /// Its queue.
    pub queue: Option<Uuid>,
    /// Its job variables.
    pub variables: Value,
    /// How many of its runs go on at once, and whether those over it are cancelled.
    pub limit: Option<(u32, bool)>,
}

/// A work queue.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    pub id: Uuid,
    pub name: String,
    pub is_paused: bool,
    pub limit: Option<u32>,
    pub priority: u32,
}

/// A work pool.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    pub id: Uuid,
    pub name: String,
    pub pool_type: String,
    pub template: Value,
    pub is_paused: bool,
    pub limit: Option<u32>,
    pub queues: Vec<Queue>,
}
