//! A run that is being cancelled, or was: its task has to end, and the run has to end CANCELLED.
//!
//! A healthy container does both by itself: it sees the state, ends the flow, reports, and exits. What is left:
//!
//! | run | its task | what is done |
//! | --- | --- | --- |
//! | CANCELLING | has ended, or there is none | Cancelled |
//! | CANCELLING or CANCELLED | lives, and the flow never ran | StopTask now: there is nothing to lose |
//! | CANCELLED | lives, and the flow waited to be tried again | StopTask now: the server tells its process nothing, and lets it begin |
//! | CANCELLING or CANCELLED | lives, and the flow ran | `cancel_grace` for the container since it was to be cancelled, then StopTask |
//! | CANCELLING or CANCELLED just now | not there | looked at again: it may be about to be launched, or not be shown yet |
//! | CANCELLED | has ended, or there is none | nothing |
//! | another state | | nothing |
//!
//! StopTask is SIGTERM, and SIGKILL after `stopTimeout`; the STOPPED event that follows finds the run CANCELLING and ends
//! it. For work pools of types ending in `:push` the server stops nothing (prefect 3.8.8,
//! `server/services/cancellation_cleanup.py`).

use std::time::Duration;

use ecs::{Attempt, launch::TaskControl};
use jiff::Timestamp;
use prefect_api::{
    Transport,
    models::{FlowRun, State, StateType},
};
use prefect_ids::StateId;

use super::{History, Located, Runs, decide::Action};
use crate::{
    outcome::Change,
    ports::{Failure, TaskOutput},
    timing::between,
};

/// Reason of a StopTask for a run that is being cancelled.
const CANCELLING: &str = "pushpool: the flow run is being cancelled";

/// Reason of a StopTask for a run that was cancelled.
pub(crate) const CANCELLED: &str = "pushpool: the flow run was cancelled";

/// How soon a run is looked at again whose task may be about to be launched.
const SOON: Duration = Duration::from_secs(10);

impl<T: Transport, K: TaskControl, O: TaskOutput> Runs<T, K, O> {
    /// Looks at a run that is being cancelled.
    pub(crate) async fn check(&self, run: &FlowRun) -> Result<Change, Failure> {
        if !is_cancelled(run.state_type()) {
            return Ok(Change::Nothing(format!("the run is {}", run.state_type().name())));
        }
        let history = self.history(run).await?;
        let Some(Asked { at, unheard }) = asked(&history) else {
            return Ok(Change::Nothing(format!("the run is {}", history.state_type().name())));
        };
        let age = between(at, self.now());
        let cancelling = history.state_type() == StateType::Cancelling;
        let ended = match self.locate(run, &history).await? {
            Located::Unknown(why) => return Ok(Change::nothing(why)),
            Located::NoCluster(reason) => return Ok(Change::ClusterUnknown(*reason)),
            Located::Task(task) if task.is_live() => {
                let began = history.claim.map_or_else(|| run.start_time.is_some(), |claim| claim.began);
                if began && !unheard && age < self.policy.cancel_grace {
                    return Ok(Change::CheckAgain(self.policy.cancel_grace - age));
                }
                return self.stop(&task, if cancelling { CANCELLING } else { CANCELLED }).await;
            }
            Located::Task(task) => task.attempt(),
            Located::Nowhere => {
                // A dispatcher that read the run before may launch it for so long, and ECS shows a new task a little later.
                let settled = self.policy.claim_grace + self.policy.shown_after;
                if age < settled {
                    return Ok(Change::CheckAgain(SOON));
                }
                None
            }
        };
        if !cancelling {
            return Ok(Change::nothing("the run is CANCELLED and has no task"));
        }
        let attempt = ended.unwrap_or_else(|| any_attempt(run, &history));
        self.settle(run, &history, Action::Cancel, attempt, None).await
    }
}

fn is_cancelled(state: StateType) -> bool {
    matches!(state, StateType::Cancelling | StateType::Cancelled)
}

/// That a run was to be cancelled.
struct Asked {
    /// When. The server makes it CANCELLED some minutes later if nothing else does (`cancelling_timeout_seconds`).
    at: Timestamp,
    /// Whether it waited to be tried again and was CANCELLED at once, so that its process was told nothing.
    unheard: bool,
}

/// Since when the run is to be cancelled; none if it is not.
fn asked(history: &History) -> Option<Asked> {
    use StateType::{Cancelled, Running, Scheduled};
    let is_before = |state: &State| !is_cancelled(state.state_type);
    let (before, since) =
        history.states.split_at(history.states.iter().rposition(is_before).map_or(0, |last| last + 1));
    let first = since.first()?;
    let waited = matches!(before, [.., ran, waits] if (ran.state_type, waits.state_type) == (Running, Scheduled));
    Some(Asked { at: first.timestamp, unheard: waited && first.state_type == Cancelled })
}

/// The attempt a proposal is named after where no task says one.
fn any_attempt(run: &FlowRun, history: &History) -> Attempt {
    let state_id = history.current().map_or(StateId::from_u128(0), |state| state.id);
    history.claim.map_or(Attempt { flow_run_id: run.id, state_id }, |claim| claim.attempt)
}
