//! What the API returns and takes, as far as pushpool reads and writes it.
//!
//! Fields and types: the OpenAPI schema of prefect 3.8.8, with what 2.20.26 does differently said at the field. Unknown
//! fields are ignored in answers; requests hold only what the server knows, because it refuses unknown ones (422).

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Map, Value};
use uuid::Uuid;

/// A JSON object, in the order its keys were written.
pub type Object = Map<String, Value>;

/// Type of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StateType {
    /// Waits for its time.
    Scheduled,
    /// Claimed: infrastructure is being made.
    Pending,
    /// The flow runs.
    Running,
    /// Ended well.
    Completed,
    /// The flow failed.
    Failed,
    /// Cancelled.
    Cancelled,
    /// The infrastructure failed.
    Crashed,
    /// Paused or suspended.
    Paused,
    /// Being cancelled.
    Cancelling,
    /// A type of a later release.
    #[serde(other)]
    Unknown,
}

impl StateType {
    /// Whether a run in it is over (prefect 3.8.8, `states.py`, `TERMINAL_STATES`).
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled | Self::Crashed)
    }

    /// The API's word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Cancelled => "CANCELLED",
            Self::Crashed => "CRASHED",
            Self::Paused => "PAUSED",
            Self::Cancelling => "CANCELLING",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// Details of a state that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateDetails {
    /// When a SCHEDULED run is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled_time: Option<Timestamp>,
    /// Names the transition that made the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition_id: Option<Uuid>,
    /// Lease of a slot of the deployment's concurrency limit (3.x).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_concurrency_lease_id: Option<Uuid>,
}

/// A state of a flow run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct State {
    /// Its id.
    pub id: Uuid,
    /// Its type.
    #[serde(rename = "type")]
    pub state_type: StateType,
    /// Its name: "Late", "AwaitingRetry", …
    #[serde(default)]
    pub name: Option<String>,
    /// Since when.
    pub timestamp: Timestamp,
    /// What was said about it.
    #[serde(default)]
    pub message: Option<String>,
    /// Details.
    #[serde(default)]
    pub state_details: StateDetails,
}

/// `retry_type` of runs that are tried again by the process that runs them.
const IN_PROCESS: &str = "in_process";

/// A flow run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FlowRun {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its flow.
    pub flow_id: Uuid,
    /// Its deployment; none for runs submitted as bundles.
    #[serde(default)]
    pub deployment_id: Option<Uuid>,
    /// Its work queue.
    #[serde(default)]
    pub work_queue_id: Option<Uuid>,
    /// Name of its work queue.
    #[serde(default)]
    pub work_queue_name: Option<String>,
    /// Name of its work pool.
    #[serde(default)]
    pub work_pool_name: Option<String>,
    /// Id of its current state.
    #[serde(default)]
    pub state_id: Option<Uuid>,
    /// Type of its current state.
    #[serde(default, rename = "state_type")]
    pub current: Option<StateType>,
    /// Name of its current state.
    #[serde(default)]
    pub state_name: Option<String>,
    /// Its current state. Not in the answer of `get_scheduled_flow_runs` before 3.9 (seen on 3.8.8), which has its id, type
    /// and name.
    #[serde(default)]
    pub state: Option<State>,
    /// Its own job variables.
    #[serde(default)]
    pub job_variables: Option<Object>,
    /// When it was first to start.
    #[serde(default)]
    pub expected_start_time: Option<Timestamp>,
    /// When its SCHEDULED state is due.
    #[serde(default)]
    pub next_scheduled_start_time: Option<Timestamp>,
    /// When it first ran.
    #[serde(default)]
    pub start_time: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub end_time: Option<Timestamp>,
    /// What it runs on: `cluster::task_arn`.
    #[serde(default)]
    pub infrastructure_pid: Option<String>,
    /// How often it ran.
    #[serde(default)]
    pub run_count: u32,
    /// What is to be done when it fails, and by whom.
    #[serde(default)]
    pub empirical_policy: Option<Object>,
}

impl FlowRun {
    /// Whether it is to be tried again by the process that runs it: while that is so, the server hands it out to nobody
    /// (prefect 3.8.8, `get-runs-from-worker-queues.sql.jinja`), whatever has become of the process.
    #[must_use]
    pub fn retries_in_process(&self) -> bool {
        self.empirical_policy.as_ref().is_some_and(|policy| policy.get("retry_type") == Some(&IN_PROCESS.into()))
    }

    /// Type of its state.
    #[must_use]
    pub fn state_type(&self) -> StateType {
        self.state.as_ref().map(|state| state.state_type).or(self.current).unwrap_or(StateType::Unknown)
    }

    /// Name of its state.
    #[must_use]
    pub fn named(&self) -> Option<&str> {
        self.state.as_ref().map_or(self.state_name.as_deref(), |state| state.name.as_deref())
    }

    /// When its SCHEDULED state is due.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        let state = self.state.as_ref();
        state
            .and_then(|state| state.state_details.scheduled_time)
            .or(self.next_scheduled_start_time)
            .or(self.expected_start_time)
    }
}

/// A run that is to start.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ScheduledFlowRun {
    /// Its work queue.
    pub work_queue_id: Uuid,
    /// The run.
    pub flow_run: FlowRun,
}

/// A work pool without its template: who asks for many has no use for theirs.
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
    /// What somebody wrote about it.
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
    /// When somebody last asked it for runs.
    #[serde(default)]
    pub last_polled: Option<Timestamp>,
    /// READY, NOT_READY or PAUSED.
    #[serde(default)]
    pub status: Option<String>,
}

/// Whoever sends heartbeats for a pool: what the server calls a worker.
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

/// A deployment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Deployment {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its flow.
    pub flow_id: Uuid,
    /// What all its runs share; 2.20 calls it `infra_overrides`.
    #[serde(default, alias = "infra_overrides")]
    pub job_variables: Option<Object>,
    /// Its concurrency limit (3.x).
    #[serde(default)]
    pub global_concurrency_limit: Option<ConcurrencyLimit>,
}

impl Deployment {
    /// Whether its concurrency limit is 0. The server refuses every claim of its runs then (ABORT), and they stay SCHEDULED.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.global_concurrency_limit.as_ref().is_some_and(|limit| limit.limit == 0)
    }
}

/// A concurrency limit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ConcurrencyLimit {
    /// How many may be busy at once.
    pub limit: i64,
}

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Flow {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

/// A state to propose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// Its type.
    #[serde(rename = "type")]
    pub state_type: StateType,
    /// Its name; the server's own for the type if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What is said about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Details.
    pub state_details: StateDetails,
}

/// What the server made of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// The state is set.
    Accept,
    /// Another state holds, and is in the answer.
    Reject,
    /// Nothing changed.
    Abort,
    /// Not yet.
    Wait,
}

/// Answer to a proposal. The verdict is in `status` alone: 201 comes with ABORT and REJECT as well (seen).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Orchestrated {
    /// What the server made of it.
    pub status: Verdict,
    /// The state the run is in now.
    #[serde(default)]
    pub state: Option<State>,
    /// Why.
    #[serde(default)]
    pub details: VerdictDetails,
}

/// Why a proposal was not accepted.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct VerdictDetails {
    /// The server's words.
    #[serde(default)]
    pub reason: Option<String>,
    /// How long to wait (WAIT).
    #[serde(default)]
    pub delay_seconds: Option<f64>,
}

impl Orchestrated {
    /// Why it was not accepted, for people.
    #[must_use]
    pub fn reason(&self) -> String {
        let state = self.state.as_ref().map_or("unknown", |state| state.state_type.name());
        let said = self.details.reason.as_deref().unwrap_or("the server gave no reason");
        format!("the run is {state}: {said}")
    }
}

/// Level of a log line (Python's numbers).
pub mod level {
    /// INFO.
    pub const INFO: u32 = 20;
    /// WARNING.
    pub const WARNING: u32 = 30;
    /// ERROR.
    pub const ERROR: u32 = 40;
}

/// A line of a flow run's log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogLine {
    /// Name of the logger.
    pub name: &'static str,
    /// One of [`level`].
    pub level: u32,
    /// The text.
    pub message: String,
    /// When.
    pub timestamp: Timestamp,
    /// The run.
    pub flow_run_id: Uuid,
}

/// A line of a flow run's log, as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WrittenLine {
    /// Name of the logger.
    pub name: String,
    /// One of [`level`], or another number of Python's.
    pub level: u32,
    /// The text.
    pub message: String,
    /// When.
    pub timestamp: Timestamp,
}

/// An event (prefect 3.8.8, `events/schemas/events.py`).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// Its id; the same id is the same event.
    pub id: Uuid,
    /// When it happened.
    pub occurred: Timestamp,
    /// Its name: `prefect.ecs.task.running`.
    pub event: String,
    /// Labels of what it happened to, with `prefect.resource.id`.
    pub resource: Object,
    /// Labels of what is involved, each with `prefect.resource.id` and `prefect.resource.role`.
    pub related: Vec<Object>,
    /// Whatever else there is to say.
    pub payload: Object,
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
    /// What somebody wrote about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it gives out no runs.
    pub is_paused: bool,
    /// How many of its runs may be PENDING or RUNNING at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub concurrency_limit: Option<u32>,
}

/// A block document.
#[derive(Clone, PartialEq, Deserialize)]
pub struct BlockDocument {
    /// Its id.
    pub id: Uuid,
    /// Its fields; the server masks secret ones unless it is asked for them.
    #[serde(default)]
    pub data: Object,
}

/// Data may be secret.
impl std::fmt::Debug for BlockDocument {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockDocument").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An automation (3.x).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Automation {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Whether it does anything.
    #[serde(default)]
    pub enabled: bool,
    /// When it acts.
    #[serde(default)]
    pub trigger: Value,
    /// What it does.
    #[serde(default)]
    pub actions: Vec<Value>,
}

/// An automation to make.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AutomationSpec {
    /// Its name.
    pub name: String,
    /// What somebody wrote about it.
    pub description: String,
    /// Whether it does anything.
    pub enabled: bool,
    /// When it acts.
    pub trigger: Value,
    /// What it does.
    pub actions: Vec<Value>,
}
