//! What the states a run has had say about its attempts.
//!
//! A state has the time at which the server got its request, and is committed later. A server that stands still for a while may
//! commit states out of the order of their times, so the last state by time need not be the one that holds: the run says which
//! one does. [`read`] puts that one last, and everything else here takes the last state for the run's.

use ecs::Attempt;
use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, Transport,
    models::{State, StateType},
};
use prefect_ids::{FlowRunId, StateId};

use super::states::{is_handed_back, is_without_slot};
use crate::ports::Waited;

/// How often a run and its states are read until they fit together.
const READINGS: usize = 3;

/// Reads the states of a run, the oldest first and the one that holds last; none if the run is gone. `holds` is the run's state
/// as far as it is known: while the last state by time is that one, this takes one request.
///
/// # Errors
/// [`ApiError`]: they are not known.
pub async fn read<T: Transport>(
    client: &Client<T>,
    run: FlowRunId,
    mut holds: Option<StateId>,
) -> Result<Vec<State>, ApiError> {
    for _ in 0..READINGS {
        let Some(mut states) = unless_gone(client.flow_run_states(run).await)? else { return Ok(Vec::new()) };
        if holds.is_none() || states.last().map(|state| state.id) != holds {
            // The run has moved on, or a state was committed after one of a later time.
            let run = match client.flow_run(run).await {
                // A run that the server cannot write: which state holds is told by time alone.
                Err(error) if error.is_of_its_content() => return Ok(states),
                answer => unless_gone(answer)?,
            };
            let Some(run) = run else { return Ok(Vec::new()) };
            holds = run.state_id.or_else(|| run.state.map(|state| state.id));
        }
        if let Some(place) = states.iter().position(|state| Some(state.id) == holds) {
            let current = states.remove(place);
            states.push(current);
            return Ok(states);
        }
    }
    Err(ApiError::Unsettled { operation: format!("the states of flow run {run}") })
}

/// Puts the state last that holds, of a run that cannot be read: of its states only the type of that one is known. `states` are
/// the oldest first.
pub fn put_last(states: &mut Vec<State>, holds: Option<StateType>) {
    if let Some(place) = states.iter().rposition(|state| Some(state.state_type) == holds) {
        let current = states.remove(place);
        states.push(current);
    }
}

fn unless_gone<A>(answer: Result<A, ApiError>) -> Result<Option<A>, ApiError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A claim of pushpool's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claimed {
    /// What was claimed.
    pub attempt: Attempt,
    /// When.
    pub at: Timestamp,
    /// Whether the flow has run since.
    pub began: bool,
}

/// The claim that pushpool made last: the latest PENDING state whose `transition_id` is that of an attempt for a SCHEDULED
/// state before it. None if another client claimed the run. `states` are the oldest first.
#[must_use]
pub fn claim(run: FlowRunId, states: &[State]) -> Option<Claimed> {
    let position = states.iter().rposition(|state| state.state_type == StateType::Pending)?;
    let transition = states[position].state_details.transition_id?;
    let attempt = states[..position]
        .iter()
        .rev()
        .filter(|state| state.state_type == StateType::Scheduled)
        .map(|state| Attempt { flow_run_id: run, state_id: state.id })
        .find(|attempt| attempt.transition_id() == transition)?;
    let began = states[position..].iter().any(|state| state.state_type == StateType::Running);
    Some(Claimed { attempt, at: states[position].timestamp, began })
}

/// Every attempt that pushpool claimed, oldest first, with the PENDING state that claimed it. `states` are the oldest first.
#[must_use]
pub fn claims(run: FlowRunId, states: &[State]) -> Vec<(Attempt, &State)> {
    let claimed = states.iter().enumerate().filter(|(_, state)| state.state_type == StateType::Pending);
    claimed.filter_map(|(position, state)| Some((claim(run, &states[..=position])?.attempt, state))).collect()
}

/// What is wrong with the state that holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Wrong<'a> {
    /// A claim, a hand back or an end of pushpool's came too late, and has displaced this state.
    Displaced(&'a State),
    /// The run was cancelled, and its process has begun to run it since.
    Uncancelled,
}

/// What is wrong with the last of `states`, which are the oldest first.
///
/// A request outlives its sender, and the sender may have looked at the run long before. The server takes PENDING after the run
/// has ended, been handed back or been scheduled anew: such a claim follows something else than a SCHEDULED state, or has the
/// `transition_id` of an earlier one. It takes SCHEDULED after the run has ended, too; pushpool never hands back a run that has.
/// If the deployment has no slot, the server answers a claim of an ended run with SCHEDULED or CANCELLED. And it takes the end of
/// an attempt a second time, when the run has been scheduled anew.
///
/// It takes RUNNING after CANCELLED as well. A run that is to be cancelled while its process waits to try it again is CANCELLED at
/// once if no task is recorded (`BypassCancellingFlowRunsWithNoInfra`), and the process, which is told nothing, goes on.
#[must_use]
pub fn wrong(states: &[State]) -> Option<Wrong<'_>> {
    let (current, before) = states.split_last()?;
    let last = before.last()?;
    let is_wrong = match current.state_type {
        _ if is_handed_back(current) || is_without_slot(current) => last.state_type.is_final(),
        StateType::Pending => is_late_claim(current, last, before),
        StateType::Crashed | StateType::Cancelled => is_late_end(current, before),
        StateType::Running if last.state_type == StateType::Cancelled => return Some(Wrong::Uncancelled),
        _ => false,
    };
    is_wrong.then_some(Wrong::Displaced(last))
}

fn is_late_claim(claim: &State, last: &State, before: &[State]) -> bool {
    let Some(transition) = claim.state_details.transition_id else { return false };
    let is_copy_of =
        |state: &State| state.state_type == StateType::Pending && state.state_details.transition_id == Some(transition);
    last.state_type != StateType::Pending && (last.state_type != StateType::Scheduled || before.iter().any(is_copy_of))
}

/// Whether an end has the `transition_id` of an earlier one, after which the run was scheduled anew.
fn is_late_end(end: &State, before: &[State]) -> bool {
    let Some(transition) = end.state_details.transition_id else { return false };
    let is_copy_of =
        |state: &State| state.state_type == end.state_type && state.state_details.transition_id == Some(transition);
    let first = before.iter().position(is_copy_of);
    first.is_some_and(|first| before[first..].iter().any(|state| state.state_type == StateType::Scheduled))
}

/// Whether the task of the attempt that `state_id` names is the one to record: of several the one that was claimed last. A run that
/// its process runs although it was cancelled is the reconciler's. `states` are the oldest first.
#[must_use]
pub fn is_to_record(run: FlowRunId, states: &[State], state_id: StateId) -> bool {
    let place = |state_id: StateId| states.iter().position(|state| state.id == state_id);
    let latest = claims(run, states).iter().filter_map(|(attempt, _)| place(attempt.state_id)).max();
    latest <= place(state_id) && wrong(states) != Some(Wrong::Uncancelled)
}

/// Since when the run has been handed back again and again, up to the SCHEDULED state `state_id`. `states` are the oldest
/// first. None if there is no such state. A run that got to run has waited only since it was handed back after that.
#[must_use]
pub fn waited(states: &[State], state_id: StateId) -> Option<Waited> {
    let position = states.iter().position(|state| state.id == state_id)?;
    let mut first = scheduled_before(&states[..=position])?;
    let mut hand_backs = 0;
    while let Some(earlier) = handed_back_from(states, first).filter(|earlier| !has_run(&states[*earlier..first])) {
        first = earlier;
        hand_backs += 1;
    }
    // A run that was due long before it was scheduled again (a retry by hand) has waited only since then.
    let first = &states[first];
    let due = first.state_details.scheduled_time.unwrap_or(first.timestamp);
    Some(Waited { since: due.max(first.timestamp), hand_backs })
}

/// How often the run was handed back although it had run, since it was last scheduled for another reason.
#[must_use]
pub fn interruptions(states: &[State]) -> u32 {
    let mut interruptions = 0;
    let Some(mut first) = scheduled_before(states) else { return 0 };
    while let Some(earlier) = handed_back_from(states, first) {
        interruptions += u32::from(has_run(&states[earlier..first]));
        first = earlier;
    }
    interruptions
}

/// Place of the last SCHEDULED state.
fn scheduled_before(states: &[State]) -> Option<usize> {
    states.iter().rposition(|state| state.state_type == StateType::Scheduled)
}

/// If a run was handed back at this place: place of the SCHEDULED state of the attempt that was handed back.
fn handed_back_from(states: &[State], place: usize) -> Option<usize> {
    if !is_handed_back(&states[place]) {
        return None;
    }
    scheduled_before(&states[..place])
}

fn has_run(states: &[State]) -> bool {
    states.iter().any(|state| state.state_type == StateType::Running)
}

#[cfg(test)]
mod tests {
    use prefect_ids::{FlowRunId, StateId};
    use serde_json::json;
    use uuid::Uuid;

    use super::{super::states::HANDED_BACK, *};

    fn state(number: u128, state_type: &str, name: &str, transition_id: Option<Uuid>) -> State {
        serde_json::from_value(json!({
            "id": Uuid::from_u128(number), "type": state_type, "name": name,
            "timestamp": format!("2026-01-01T00:00:{number:02}Z"),
            "state_details": {"transition_id": transition_id, "scheduled_time": format!("2026-01-01T00:00:{number:02}Z")},
        }))
        .unwrap()
    }

    /// The number of the state that was displaced.
    fn displaced(states: &[State]) -> Option<u128> {
        match wrong(states)? {
            Wrong::Displaced(state) => Some(state.id.uuid().as_u128()),
            Wrong::Uncancelled => panic!("it was not cancelled"),
        }
    }

    fn attempt(state: u128) -> Attempt {
        Attempt { flow_run_id: FlowRunId::from_u128(77), state_id: StateId::from_u128(state) }
    }

    #[test]
    fn hand_backs_are_counted_back_to_the_state_that_was_none() {
        let states = [
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", None),
            state(3, "FAILED", "Failed", None),
            state(4, "SCHEDULED", "AwaitingRetry", None),
            state(5, "PENDING", "Pending", None),
            state(6, "SCHEDULED", HANDED_BACK, None),
            state(7, "PENDING", "Pending", None),
            state(8, "SCHEDULED", HANDED_BACK, None),
        ];
        let at = |second: u32| format!("2026-01-01T00:00:{second:02}Z").parse().unwrap();
        assert_eq!(waited(&states, StateId::from_u128(8)), Some(Waited { since: at(4), hand_backs: 2 }));
        assert_eq!(waited(&states, StateId::from_u128(4)), Some(Waited { since: at(4), hand_backs: 0 }));
        assert_eq!(waited(&states, StateId::from_u128(99)), None);
        assert_eq!(interruptions(&states), 0);
    }

    #[test]
    fn a_run_that_ran_waits_anew_and_its_interruptions_are_counted() {
        let states = [
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", None),
            state(3, "RUNNING", "Running", None),
            state(4, "SCHEDULED", HANDED_BACK, None),
            state(5, "PENDING", "Pending", None),
            state(6, "SCHEDULED", HANDED_BACK, None),
            state(7, "PENDING", "Pending", None),
            state(8, "RUNNING", "Running", None),
        ];
        let at = |second: u32| format!("2026-01-01T00:00:{second:02}Z").parse().unwrap();
        assert_eq!(waited(&states, StateId::from_u128(6)), Some(Waited { since: at(4), hand_backs: 1 }));
        assert_eq!(waited(&states, StateId::from_u128(4)), Some(Waited { since: at(4), hand_backs: 0 }));
        assert_eq!(interruptions(&states), 1);
        assert_eq!(interruptions(&states[..3]), 0);
    }

    #[test]
    fn the_state_that_holds_is_found_by_its_type() {
        let states = [
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", None),
            state(3, "SCHEDULED", HANDED_BACK, None),
        ];
        for (holds, last) in [(None, 3), (Some(StateType::Running), 3), (Some(StateType::Pending), 2)] {
            let mut states = states.to_vec();
            put_last(&mut states, holds);
            assert_eq!((states.len(), states.last().unwrap().id), (3, StateId::from_u128(last)), "{holds:?}");
        }
    }

    #[test]
    fn claims_are_those_of_attempts_and_no_others() {
        let states = [
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", Some(attempt(1).transition_id())),
            state(3, "SCHEDULED", HANDED_BACK, None),
            state(4, "PENDING", "Pending", Some(Uuid::from_u128(5))),
            state(5, "SCHEDULED", "Late", None),
            state(6, "PENDING", "Pending", Some(attempt(5).transition_id())),
        ];
        let found = claims(FlowRunId::from_u128(77), &states);
        assert_eq!(found, [(attempt(1), &states[1]), (attempt(5), &states[5])]);
    }

    #[test]
    fn a_late_claim_has_displaced_what_came_after_the_first_one() {
        let ours = Some(attempt(1).transition_id());
        let mut states = vec![
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", ours),
            state(3, "RUNNING", "Running", None),
            state(4, "COMPLETED", "Completed", None),
        ];
        assert_eq!(displaced(&states), None);
        assert_eq!(displaced(&states[..2]), None, "the claim itself");
        let stale = state(5, "PENDING", "Pending", Some(attempt(99).transition_id()));
        let after_the_end: Vec<State> = states.iter().cloned().chain([stale]).collect();
        assert_eq!(displaced(&after_the_end), Some(4), "of another attempt");
        states.push(state(5, "PENDING", "Pending", ours));
        assert_eq!(displaced(&states), Some(4));
        states.push(state(6, "SCHEDULED", "AwaitingRetry", None));
        states.push(state(7, "PENDING", "Pending", Some(attempt(6).transition_id())));
        assert_eq!(displaced(&states), None, "another attempt's");
    }

    #[test]
    fn a_late_hand_back_has_displaced_what_ended_the_run() {
        let mut states = vec![
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", Some(attempt(1).transition_id())),
            state(3, "SCHEDULED", HANDED_BACK, None),
        ];
        assert_eq!(displaced(&states), None, "in time");
        states.push(state(4, "CANCELLED", "Cancelled", None));
        assert_eq!(displaced(&states), None);
        states.push(state(5, "SCHEDULED", HANDED_BACK, None));
        assert_eq!(displaced(&states), Some(4));
        states.insert(4, state(9, "SCHEDULED", "AwaitingRetry", None));
        assert_eq!(displaced(&states), None, "wanted again");
    }

    #[test]
    fn a_late_claim_without_a_slot_has_displaced_what_ended_the_run() {
        let limited = |state_type: &str, name: &str| {
            let mut state = state(9, state_type, name, None);
            state.message = Some("Deployment concurrency limit reached.".to_owned());
            state
        };
        let ended = [state(1, "SCHEDULED", "Scheduled", None), state(4, "COMPLETED", "Completed", None)];
        for (state_type, name) in [("CANCELLED", "Cancelled"), ("SCHEDULED", "AwaitingConcurrencySlot")] {
            let late = [ended.to_vec(), vec![limited(state_type, name)]].concat();
            assert_eq!(displaced(&late), Some(4), "{name}");
            let in_time = [ended[..1].to_vec(), vec![limited(state_type, name)]].concat();
            assert_eq!(displaced(&in_time), None, "{name}");
        }
        let by_a_user = [ended.to_vec(), vec![state(9, "CANCELLED", "Cancelled", None)]].concat();
        assert_eq!(displaced(&by_a_user), None);
    }

    #[test]
    fn a_second_copy_of_an_end_has_displaced_what_was_scheduled_anew() {
        let crashed = |number| state(number, "CRASHED", "Crashed", Some(Uuid::from_u128(50)));
        let mut states = vec![
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", Some(attempt(1).transition_id())),
            crashed(3),
        ];
        assert_eq!(displaced(&states), None, "the end itself");
        let of_the_same = [states.clone(), vec![state(4, "COMPLETED", "Completed", None), crashed(5)]].concat();
        assert_eq!(displaced(&of_the_same), None, "of the attempt that ended");
        states.push(state(4, "SCHEDULED", "AwaitingRetry", None));
        states.push(state(5, "PENDING", "Pending", Some(attempt(4).transition_id())));
        let its_own = [states.clone(), vec![state(6, "CRASHED", "Crashed", Some(Uuid::from_u128(51)))]].concat();
        assert_eq!(displaced(&its_own), None, "the end of the new attempt");
        states.push(crashed(6));
        assert_eq!(displaced(&states), Some(5));
    }

    #[test]
    fn a_run_that_begins_after_it_was_cancelled_is_to_be_cancelled() {
        let states = [
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", Some(attempt(1).transition_id())),
            state(3, "RUNNING", "Running", None),
            state(4, "SCHEDULED", "AwaitingRetry", None),
            state(5, "CANCELLED", "Cancelled", None),
            state(6, "RUNNING", "Running", None),
        ];
        assert_eq!(wrong(&states), Some(Wrong::Uncancelled));
        assert_eq!(wrong(&states[..5]), None);
        assert_eq!(wrong(&states[..3]), None);
        assert!(!is_to_record(FlowRunId::from_u128(77), &states, StateId::from_u128(1)));
        assert!(is_to_record(FlowRunId::from_u128(77), &states[..5], StateId::from_u128(1)));
    }

    #[test]
    fn the_task_of_an_earlier_attempt_is_not_to_be_recorded() {
        let states = [
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", Some(attempt(1).transition_id())),
            state(3, "SCHEDULED", "AwaitingRetry", None),
            state(4, "PENDING", "Pending", Some(attempt(3).transition_id())),
        ];
        let to_record =
            |states: &[State], number| is_to_record(FlowRunId::from_u128(77), states, StateId::from_u128(number));
        assert!(!to_record(&states, 1) && to_record(&states, 3));
        assert!(to_record(&states[..3], 1), "nothing was launched since");
    }

    #[test]
    fn the_claim_names_its_attempt() {
        let claimed = |run, states: &[State]| claim(FlowRunId::from_u128(run), states).map(|claim| claim.attempt);
        let ours = Some(attempt(3).transition_id());
        let states = [
            state(1, "SCHEDULED", "Scheduled", None),
            state(2, "PENDING", "Pending", Some(attempt(1).transition_id())),
            state(3, "SCHEDULED", "AwaitingRetry", None),
            state(4, "PENDING", "Pending", ours),
            state(5, "RUNNING", "Running", None),
        ];
        assert_eq!(claimed(77, &states), Some(attempt(3)));
        assert_eq!(claimed(77, &states[..3]), Some(attempt(1)));
        assert_eq!(claimed(78, &states), None, "another run");
        let theirs = [state(1, "SCHEDULED", "Scheduled", None), state(2, "PENDING", "Pending", None)];
        assert_eq!(claimed(77, &theirs), None);
    }
}
