//! Proposing a state, and what the answers mean: whether it holds, or another one.

use diagnosis::Diagnosis;
use ecs::Attempt;
use jiff::Timestamp;
use prefect_api::{
    ApiError, Client, Transport,
    models::{Orchestrated, Proposal, State, StateDetails, StateType, Verdict},
};
use prefect_ids::FlowRunId;
use uuid::Uuid;

use super::{
    leases,
    states::{awaiting_capacity, cancelled, crashed, held, holder, is_held, is_without_slot, pending},
};
use crate::ports::Delivery;

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proposed {
    /// The state is set, or was set by the same proposal before.
    Set,
    /// Another state holds; the text says which and why.
    Not(String),
}

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// It is the attempt's.
    For {
        /// The time of the SCHEDULED state it was claimed from; none if it was not SCHEDULED.
        due: Option<Timestamp>,
        /// Whether this very delivery claimed it, now.
        alone: bool,
        /// Whether it was claimed to be handed back.
        held: bool,
        /// When it was claimed, by the server's clock.
        at: Timestamp,
        /// Lease of its deployment's concurrency slot.
        lease: Option<Uuid>,
    },
    /// The deployment's concurrency limit is reached.
    WithoutSlot(String),
    /// Another state holds; the text says which and why.
    Not(String),
}

/// Proposes, and tells a state that holds from one that does not: an accepted proposal, or a repeated one that was
/// accepted before. A run that is gone has no state.
///
/// # Errors
/// [`ApiError`]: it is not known.
pub(crate) async fn propose<T: Transport>(
    client: &Client<T>,
    run: FlowRunId,
    proposal: &Proposal,
) -> Result<Proposed, ApiError> {
    match client.propose(run, proposal, false).await {
        Ok(answer) => Ok(judge(&answer, proposal)),
        Err(error) if error.is_not_found() => Ok(Proposed::Not("the run is gone".to_owned())),
        Err(error) => Err(error),
    }
}

/// Claims an attempt by a proposal of [`pending`] or [`held`]. A claim that was made before stays what it was.
///
/// # Errors
/// [`ApiError`]: it is not known.
pub(crate) async fn claim<T: Transport>(
    client: &Client<T>,
    delivery: &Delivery,
    hold: bool,
) -> Result<Claimed, ApiError> {
    let Delivery { message, message_id, delivery_id, .. } = delivery;
    let attempt = message.attempt();
    let propose = if hold { held } else { pending };
    let proposal = propose(attempt, message_id, delivery_id);
    let answer = match client.propose(attempt.flow_run_id, &proposal, false).await {
        Ok(answer) => answer,
        Err(error) if error.is_not_found() => return Ok(Claimed::Not("the run is gone".to_owned())),
        Err(error) => return Err(error),
    };
    Ok(match (judge(&answer, &proposal), answer.state) {
        (Proposed::Set, Some(state)) => {
            let holder = holder(&state);
            if holder.is_some_and(|holder| holder.message_id != message_id) {
                return Ok(Claimed::Not("another message has claimed this attempt".to_owned()));
            }
            let alone = holder.is_some_and(|holder| holder.delivery_id == delivery_id);
            let (due, lease) = (state.state_details.scheduled_time, leases::of(Some(&state)));
            Claimed::For { due, alone, held: is_held(&state), at: state.timestamp, lease }
        }
        (Proposed::Set, None) => Claimed::Not("the server does not say what the run is now".to_owned()),
        (Proposed::Not(why), Some(state)) if is_without_slot(&state) => Claimed::WithoutSlot(why),
        (Proposed::Not(why), _) => Claimed::Not(why),
    })
}

/// Crashes a run. One that is being cancelled ends cancelled instead: the server refuses every other state for it.
///
/// # Errors
/// [`ApiError`]: it is not known.
pub(crate) async fn crash<T: Transport>(
    client: &Client<T>,
    run: FlowRunId,
    reason: &Diagnosis,
    attempt: Attempt,
) -> Result<Proposed, ApiError> {
    propose_or_cancel(client, run, &crashed(reason, attempt), reason, attempt).await
}

/// Hands a run back. One that is being cancelled ends cancelled instead: it has no task.
///
/// # Errors
/// [`ApiError`]: it is not known.
pub(crate) async fn hand_back<T: Transport>(
    client: &Client<T>,
    run: FlowRunId,
    reason: &Diagnosis,
    due: Timestamp,
    attempt: Attempt,
) -> Result<Proposed, ApiError> {
    propose_or_cancel(client, run, &awaiting_capacity(reason, due, attempt), reason, attempt).await
}

async fn propose_or_cancel<T: Transport>(
    client: &Client<T>,
    run: FlowRunId,
    proposal: &Proposal,
    reason: &Diagnosis,
    attempt: Attempt,
) -> Result<Proposed, ApiError> {
    let answer = match client.propose(run, proposal, false).await {
        Ok(answer) => answer,
        Err(error) if error.is_not_found() => return Ok(Proposed::Not("the run is gone".to_owned())),
        Err(error) => return Err(error),
    };
    let cancelling = answer.state.as_ref().is_some_and(|state| state.state_type == StateType::Cancelling);
    if answer.status == Verdict::Accept || !cancelling {
        return Ok(judge(&answer, proposal));
    }
    propose(client, run, &cancelled_instead_of(proposal, &reason.summary, attempt)).await
}

/// Ends a run that is being cancelled in place of what was proposed for it, under the same `transition_id`: an earlier copy of
/// the proposal may be under way still, and the server takes SCHEDULED after CANCELLED, but no transition it has just made.
fn cancelled_instead_of(proposal: &Proposal, message: &str, attempt: Attempt) -> Proposal {
    let transition_id = proposal.state_details.transition_id;
    let cancelled = cancelled(message, attempt);
    Proposal { state_details: StateDetails { transition_id, ..cancelled.state_details }, ..cancelled }
}

fn judge(answer: &Orchestrated, proposal: &Proposal) -> Proposed {
    let same = |state: &State| {
        state.state_type == proposal.state_type
            && state.state_details.transition_id == proposal.state_details.transition_id
    };
    if answer.status == Verdict::Accept || answer.state.as_ref().is_some_and(same) {
        return Proposed::Set;
    }
    Proposed::Not(answer.reason())
}

#[cfg(test)]
mod tests {
    use prefect_ids::StateId;
    use serde_json::json;

    use super::*;

    fn attempt() -> Attempt {
        Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) }
    }

    fn answer(status: &str, state_type: &str, transition_id: Option<Uuid>) -> Orchestrated {
        serde_json::from_value(json!({"status": status, "details": {"reason": "because"}, "state": {
            "id": Uuid::from_u128(9), "type": state_type, "timestamp": "2026-01-01T00:00:00Z",
            "state_details": {"transition_id": transition_id},
        }}))
        .unwrap()
    }

    #[test]
    fn a_repeated_claim_is_known_by_its_transition() {
        let ours = attempt().transition_id();
        let proposal = pending(attempt(), "m", "d");
        let claim = |answer: &Orchestrated| judge(answer, &proposal);
        assert_eq!(claim(&answer("ACCEPT", "PENDING", Some(ours))), Proposed::Set);
        assert_eq!(claim(&answer("REJECT", "PENDING", Some(ours))), Proposed::Set);
        assert_eq!(claim(&answer("ABORT", "PENDING", Some(ours))), Proposed::Set);
        for other in [
            answer("ABORT", "PENDING", Some(Uuid::from_u128(5))),
            answer("ABORT", "PENDING", None),
            answer("REJECT", "SCHEDULED", Some(ours)),
            answer("REJECT", "CANCELLED", None),
            answer("WAIT", "SCHEDULED", None),
            answer("ABORT", "RUNNING", None),
        ] {
            assert!(matches!(claim(&other), Proposed::Not(reason) if reason.contains("because")), "{other:?}");
        }
    }

    #[test]
    fn what_is_cancelled_instead_is_known_by_the_proposal_it_replaces() {
        let reason =
            Diagnosis { code: diagnosis::PP0303, summary: "s".into(), detail: "d".into(), resolution: "r".into() };
        let handed_back = awaiting_capacity(&reason, Timestamp::UNIX_EPOCH, attempt());
        let cancelled = cancelled_instead_of(&handed_back, "c", attempt());
        assert_eq!(cancelled.state_type, StateType::Cancelled);
        assert_eq!(cancelled.state_details.transition_id, handed_back.state_details.transition_id);
        assert_eq!(cancelled.state_details.scheduled_time, None);
    }
}
