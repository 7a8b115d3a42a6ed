//! States of flow runs: read, and proposed.

use jiff::Timestamp;
use prefect_ids::{FlowRunId, StateId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{client::Client, error::ApiError, transport::Transport};

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
    pub id: StateId,
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

/// A state to propose.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Proposal {
    /// Its type.
    #[serde(rename = "type")]
    pub state_type: StateType,
    /// Its name; the server's own for the type if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why, for people.
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

#[derive(Serialize)]
struct SetState<'a> {
    state: &'a Proposal,
    force: bool,
}

impl<T: Transport> Client<T> {
    /// The states a flow run has had, oldest first.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flow_run_states(&self, id: FlowRunId) -> Result<Vec<State>, ApiError> {
        let mut states: Vec<State> = self.get(format!("/flow_run_states/?flow_run_id={id}")).await?;
        states.sort_by_key(|state| state.timestamp);
        Ok(states)
    }

    /// Proposes a state; `force` skips the server's rules.
    ///
    /// # Errors
    /// [`ApiError`]; not found if the run is gone.
    pub async fn propose(&self, id: FlowRunId, proposal: &Proposal, force: bool) -> Result<Orchestrated, ApiError> {
        let body = SetState { state: proposal, force };
        self.post(format!("/flow_runs/{id}/set_state"), &body).await
    }
}
