//! How runs ended, and whether they may be anything else since.

use dispatch::prefect::states::HANDED_BACK;
use local::ecs::Status;
use prefect_api::models::StateType;
use uuid::Uuid;

use super::{
    ledger::{attempt, is_final},
    server::State,
    world::World,
};

/// How long a look at a run and its task may take, in milliseconds.
const LOOK: u64 = 30_000;

impl World {
    /// Notes that an observer has looked at a run and lets its task be, for now.
    pub(super) fn let_be(&mut self, run: Uuid) {
        let seen = self.millis().saturating_sub(self.scenario.lag.0 + LOOK);
        let is_its = |started_by: &str| attempt(started_by).is_some_and(|attempt| attempt.flow_run_id.uuid() == run);
        let lives = self.ecs.tasks().iter().any(|task| {
            task.status == Status::Running && task.created_at <= seen && task.started_by.as_deref().is_some_and(is_its)
        });
        if lives && self.state_of(run).is_some_and(|state| state.state_type == StateType::Cancelled) {
            self.ledger.let_be.insert(run);
        }
    }

    /// How the run ended, if it did and is something else now.
    pub(super) fn displaced_end(&self, run: Uuid) -> Option<StateType> {
        let states = self.server.states(run);
        let mut ended: Option<StateType> = None;
        let (mut restored, mut unheard) = (true, false);
        for (place, state) in states.iter().enumerate() {
            unheard |= went_on_unheard(&states[..=place]);
            match (ended, state.state_type) {
                // The server let its process go on, and it ended as the process says.
                (Some(_), it) if unheard && is_final(it) && self.ledger.reported.contains(&state.id) => restored = true,
                (Some(_), StateType::Scheduled) if state.name == HANDED_BACK => restored = false,
                // Scheduled again, or cancelled by a user, who may do so while a late claim holds the run.
                (_, StateType::Scheduled | StateType::Cancelling) => (ended, restored, unheard) = (None, true, false),
                (None, it) if is_final(it) && !is_second_copy(&states[..=place]) => ended = Some(it),
                (Some(_), StateType::Pending) => restored = false,
                (Some(was), it) => restored = was == it,
                (None, _) => {}
            }
        }
        ended.filter(|_| !restored)
    }
}

/// Whether the last of these states is the end of an attempt once more, of a run that was scheduled anew since: a copy of the request
/// that its sender had given up and sent again. The server takes it, and nobody can keep it from that; the process goes on.
pub(super) fn is_second_copy(states: &[State]) -> bool {
    let Some((end, before)) = states.split_last() else { return false };
    let transition = end.state_details.transition_id;
    let first = before.iter().position(|state| {
        state.state_type == end.state_type && transition.is_some() && state.state_details.transition_id == transition
    });
    is_final(end.state_type)
        && first.is_some_and(|first| before[first..].iter().any(|state| state.state_type == StateType::Scheduled))
}

/// How the words of the server begin that waited for the end of a run in vain.
const TIMED_OUT: &str = "Flow run cancellation timed out";

/// Whether a process has begun its run, which is the last of these states, though it was cancelled while the process waited to try it
/// again, and was told nothing. The server makes such a run CANCELLED at once if no task is recorded, and after some minutes if nothing
/// else does, and accepts its RUNNING (prefect 3.8.8 and 3.9.1, `BypassCancellingFlowRunsWithNoInfra`, `handle_cancelling_timeout`,
/// `HandleFlowTerminalStateTransitions`): no other client can keep it from that.
pub(super) fn went_on_unheard(states: &[State]) -> bool {
    use StateType::{Cancelled, Cancelling, Running, Scheduled};
    let Some((begun, [before @ .., cancelled])) = states.split_last() else { return false };
    let timed_out = cancelled.message.as_deref().is_some_and(|text| text.starts_with(TIMED_OUT));
    let (ran, waited) = match before {
        [.., ran, waited, cancelling] if timed_out && cancelling.state_type == Cancelling => (ran, waited),
        [.., ran, waited] => (ran, waited),
        _ => return false,
    };
    let types = [ran, waited, cancelled, begun].map(|state| state.state_type);
    types == [Running, Scheduled, Cancelled, Running] && waited.name == "AwaitingRetry"
}
