//! What the states that a run has had say about its task.

use ecs::{Attempt, launch::TaskControl, task::Task};
use jiff::Timestamp;
use prefect_api::{
    Transport,
    models::{FlowRun, State, StateType},
};

use super::Runs;
use crate::{
    infrastructure::Infrastructure,
    ports::{Failure, TaskOutput, Waited},
    prefect::{
        failure,
        history::{self, Claimed, Wrong},
    },
};

/// The states a run has had, and what they say.
pub(crate) struct History {
    pub(crate) states: Vec<State>,
    /// The claim that holds, if it is pushpool's.
    pub(crate) claim: Option<Claimed>,
}

impl History {
    /// The state the run is in.
    pub(crate) fn current(&self) -> Option<&State> {
        self.states.last()
    }

    /// What is wrong with that state.
    pub(crate) fn wrong(&self) -> Option<Wrong<'_>> {
        history::wrong(&self.states)
    }

    pub(crate) fn state_type(&self) -> StateType {
        self.current().map_or(StateType::Unknown, |state| state.state_type)
    }

    /// How long the run has been waiting, for a task that was launched for `attempt`.
    pub(super) fn waited(&self, attempt: Attempt, now: Timestamp) -> Waited {
        history::waited(&self.states, attempt.state_id).unwrap_or(Waited { since: now, hand_backs: 0 })
    }
}

impl<T: Transport, K: TaskControl, O: TaskOutput> Runs<T, K, O> {
    /// The run's history; empty if the run is gone.
    pub(crate) async fn history(&self, run: &FlowRun) -> Result<History, Failure> {
        let holds = run.state_id.or_else(|| run.state.as_ref().map(|state| state.id));
        let states = history::read(&self.client, run.id, holds).await.map_err(|error| failure::of(&error))?;
        let claim = history::claim(run.id, &states);
        Ok(History { states, claim })
    }
}

/// Whether the end of its task says something about a run.
pub(crate) fn is_open(state: StateType) -> bool {
    matches!(state, StateType::Pending | StateType::Running | StateType::Cancelling)
}

/// Whether a run waits for its process to try it again, and nobody else will.
pub(crate) fn is_left_alone(run: &FlowRun) -> bool {
    run.state_type() == StateType::Scheduled && run.retries_in_process()
}

/// Whether a task is the one that the run runs on.
pub(super) fn is_task_of(run: &FlowRun, history: &History, task: &Task) -> bool {
    match history.claim {
        Some(claim) => task.attempt() == Some(claim.attempt),
        // Claimed by somebody else, whose record is still to come.
        None if history.state_type() == StateType::Pending => false,
        None => Infrastructure::of_run(run).is_some_and(|recorded| recorded.task_arn == task.task_arn),
    }
}
