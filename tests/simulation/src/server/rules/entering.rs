//! What becomes of a run that enters a state, whichever rules let it.

use jiff::SignedDuration;
use prefect_api::models::StateType;

use crate::server::models::{Run, State};

/// The transforms of `global_policy.py`, and the state itself.
pub(super) fn enter(run: &mut Run, mut state: State) {
    while run.states.iter().any(|it| it.timestamp == state.timestamp) {
        state.timestamp += SignedDuration::from_micros(1);
    }
    let (to, at) = (state.state_type, state.timestamp);
    let due = state.state_details.scheduled_time;
    let was = run.state_type();
    if to == StateType::Running {
        run.start_time.get_or_insert(at);
    }
    if was.is_some_and(StateType::is_final) && !to.is_final() {
        run.end_time = None;
    }
    if to.is_final() && run.end_time.is_none() {
        run.start_time.get_or_insert(at);
        run.end_time = Some(at);
    }
    if run.expected_start_time.is_none() {
        run.expected_start_time = if to == StateType::Scheduled { due } else { Some(at) };
    }
    if to == StateType::Scheduled {
        run.next_scheduled_start_time = due;
    } else if was == Some(StateType::Scheduled) {
        run.next_scheduled_start_time = None;
    }
    if to == StateType::Running && !run.policy.resuming {
        run.run_count += 1;
    }
    if to == StateType::Running || to.is_final() {
        run.policy.resuming = false;
    }
    state.state_details.flow_run_id = Some(run.id);
    if !is_kept(&state) {
        state.data = None;
    }
    run.states.push(state);
}

/// Metadata of an unpersisted result is not stored.
fn is_kept(state: &State) -> bool {
    state.data.as_ref().is_some_and(|data| data.get("type").is_none_or(|it| it != "unpersisted"))
}
