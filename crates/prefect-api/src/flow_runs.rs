//! Flow runs. Pages of them that may fail for what they hold are read in [`pages`](crate::pages).

use jiff::Timestamp;
use prefect_ids::{FlowRunId, StateId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    client::Client,
    error::ApiError,
    filters::{FlowRunList, FlowRunQuery},
    models::Object,
    states::{State, StateType},
    transport::{Method, Transport},
};

/// `retry_type` of runs that are tried again by the process that runs them.
const IN_PROCESS: &str = "in_process";

/// A flow run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FlowRun {
    /// Its id.
    pub id: FlowRunId,
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
    pub state_id: Option<StateId>,
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
    /// Whether a schedule made it. The server deletes such a run before its start when its deployment changes.
    #[serde(default)]
    pub auto_scheduled: bool,
    /// How it is tried again when it fails, and whether its own process does that.
    #[serde(default)]
    pub empirical_policy: Option<Object>,
}

impl FlowRun {
    /// Whether the process that runs it is to try it again. While that is so, the server does not hand it out (prefect
    /// 3.8.8, `get-runs-from-worker-queues.sql.jinja`), even if the process is gone.
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

#[derive(Serialize)]
struct Recorded<'a> {
    infrastructure_pid: &'a str,
}

#[derive(Serialize)]
struct Released {
    empirical_policy: Object,
}

impl<T: Transport> Client<T> {
    /// One flow run.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flow_run(&self, id: FlowRunId) -> Result<FlowRun, ApiError> {
        self.get(format!("/flow_runs/{id}")).await
    }

    /// The flow runs of these ids that exist, in no order. One that cannot be read fails all: [`Client::each_flow_run`]
    /// tells them apart.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flow_runs_by_id(&self, ids: &[FlowRunId]) -> Result<Vec<FlowRun>, ApiError> {
        self.list_by_id("/flow_runs/filter", "flow_runs", ids).await
    }

    /// The flow runs of a list.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flow_runs(&self, list: &FlowRunList<'_>) -> Result<Vec<FlowRun>, ApiError> {
        self.post("/flow_runs/filter".into(), list).await
    }

    /// How many flow runs a query names.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn count_flow_runs(&self, query: &FlowRunQuery<'_>) -> Result<u64, ApiError> {
        self.post("/flow_runs/count".into(), query).await
    }

    /// Records what the run runs on.
    ///
    /// # Errors
    /// [`ApiError`]; not found if the run is gone.
    pub async fn record_infrastructure(&self, id: FlowRunId, infrastructure_pid: &str) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/flow_runs/{id}"), Some(&Recorded { infrastructure_pid })).await
    }

    /// Lets the server hand a run out again that was to be tried again by a process that is gone. `run` is as it was read: the
    /// rest of its policy stays.
    ///
    /// # Errors
    /// [`ApiError`]; not found if the run is gone.
    pub async fn release(&self, run: &FlowRun) -> Result<(), ApiError> {
        let mut empirical_policy = run.empirical_policy.clone().unwrap_or_default();
        empirical_policy.insert("retry_type".to_owned(), "reschedule".into());
        self.send(Method::Patch, format!("/flow_runs/{}", run.id), Some(&Released { empirical_policy })).await
    }

    /// Adds labels to a run (3.x; not found on 2.20).
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn label_flow_run(&self, id: FlowRunId, labels: &Object) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/flow_runs/{id}/labels"), Some(labels)).await
    }
}
