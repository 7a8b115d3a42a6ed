//! The states that pushpool proposes, and what the answers mean.
//!
//! A proposal is judged by the server's rules (reference: `CoreFlowPolicy` of prefect 3.8.8); `force` is never used.

use std::{borrow::Cow, time::Duration};

use diagnosis::Diagnosis;
use ecs::Attempt;
use jiff::Timestamp;
use prefect_api::models::{Proposal, State, StateDetails, StateType};
use uuid::Uuid;

use super::history::Wrong;

/// Name of the SCHEDULED state of a run that was handed back. The server knows no such name and keeps it; only states
/// named "Scheduled" become "Late".
pub const HANDED_BACK: &str = "AwaitingCapacity";

/// How the text of a claim begins.
const CLAIMED_BY: &str = "Claimed by pushpool for message ";

/// What stands between the message and its delivery in the text of a claim.
const DELIVERY: &str = ", delivery ";

/// How the text of a claim begins that was made to hand the run back.
const HELD_BY: &str = "Held by pushpool to be handed back for message ";

/// Longest message of a state that is written, in characters. The server has no limit; people do.
const MESSAGE: usize = 4_000;

/// Claims an attempt. The `transition_id` is the attempt's, so that a repeated claim is known as the same one: the server
/// answers it with the state it made before (REJECT), or with the state that holds now (ABORT). The text says which message
/// did, and which delivery of it: of several for one attempt, that one launches it.
#[must_use]
pub fn pending(attempt: Attempt, message_id: &str, delivery_id: &str) -> Proposal {
    Proposal {
        state_type: StateType::Pending,
        name: Some("Pending".to_owned()),
        message: Some(format!("{CLAIMED_BY}{message_id}{DELIVERY}{delivery_id}")),
        state_details: StateDetails { transition_id: Some(attempt.transition_id()), ..StateDetails::default() },
    }
}

/// The same to hand it back: what it takes to launch it cannot be read.
#[must_use]
pub fn held(attempt: Attempt, message_id: &str, delivery_id: &str) -> Proposal {
    let message = format!("{HELD_BY}{message_id}{DELIVERY}{delivery_id}");
    Proposal { message: Some(message), ..pending(attempt, message_id, delivery_id) }
}

/// Whether a claim was made to hand the run back.
#[must_use]
pub fn is_held(state: &State) -> bool {
    state.message.as_deref().is_some_and(|text| text.starts_with(HELD_BY))
}

/// What a claim was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder<'a> {
    /// The message.
    pub message_id: &'a str,
    /// The delivery of it; empty if the claim does not say.
    pub delivery_id: &'a str,
}

/// What a claim was made for. None if the state is no claim of pushpool's.
#[must_use]
pub fn holder(state: &State) -> Option<Holder<'_>> {
    let text = state.message.as_deref()?;
    let text = text.strip_prefix(CLAIMED_BY).or_else(|| text.strip_prefix(HELD_BY))?;
    let (message_id, delivery_id) = text.split_once(DELIVERY).unwrap_or((text, ""));
    Some(Holder { message_id, delivery_id })
}

/// Hands a run back: it is scheduled again, which frees its slots, and the new SCHEDULED state is a new attempt.
#[must_use]
pub fn awaiting_capacity(reason: &Diagnosis, due: Timestamp, attempt: Attempt) -> Proposal {
    Proposal {
        state_type: StateType::Scheduled,
        name: Some(HANDED_BACK.to_owned()),
        message: Some(text(reason)),
        state_details: StateDetails {
            scheduled_time: Some(due),
            transition_id: Some(transition(attempt, HANDED_BACK)),
            ..StateDetails::default()
        },
    }
}

/// Whether a run with this state waits because it was handed back.
#[must_use]
pub fn is_handed_back(state: &State) -> bool {
    state.state_type == StateType::Scheduled && state.name.as_deref() == Some(HANDED_BACK)
}

/// What the server makes of a claim when the deployment's concurrency limit is reached: the run waits, or is cancelled (prefect
/// 3.8.8, `SecureFlowConcurrencySlots`). It does so whatever state the run was in.
#[must_use]
pub fn is_without_slot(state: &State) -> bool {
    match state.state_type {
        StateType::Scheduled => state.name.as_deref() == Some("AwaitingConcurrencySlot"),
        StateType::Cancelled => state.message.as_deref() == Some("Deployment concurrency limit reached."),
        _ => false,
    }
}

/// Ends a run that has no task, or whose task ended without a word.
#[must_use]
pub fn crashed(reason: &Diagnosis, attempt: Attempt) -> Proposal {
    Proposal {
        state_type: StateType::Crashed,
        name: Some("Crashed".to_owned()),
        message: Some(text(reason)),
        state_details: StateDetails { transition_id: Some(transition(attempt, "Crashed")), ..StateDetails::default() },
    }
}

/// Ends a run that was being cancelled.
#[must_use]
pub fn cancelled(message: &str, attempt: Attempt) -> Proposal {
    Proposal {
        state_type: StateType::Cancelled,
        name: Some("Cancelled".to_owned()),
        message: Some(message.to_owned()),
        state_details: StateDetails {
            transition_id: Some(transition(attempt, "Cancelled")),
            ..StateDetails::default()
        },
    }
}

/// Sets right what is wrong with a run whose process may go on.
#[must_use]
pub fn amended(wrong: Wrong<'_>, attempt: Attempt) -> Proposal {
    match wrong {
        Wrong::Displaced(displaced) => restored(displaced, attempt),
        Wrong::Uncancelled => cancelling(attempt),
    }
}

/// Cancels a run anew: the process that runs it is told, and stopped if it does not listen.
fn cancelling(attempt: Attempt) -> Proposal {
    Proposal {
        state_type: StateType::Cancelling,
        name: Some("Cancelling".to_owned()),
        message: Some(
            "The flow run was cancelled while its process waited to try it again, and the process has begun since."
                .to_owned(),
        ),
        state_details: StateDetails {
            transition_id: Some(transition(attempt, "Cancelling")),
            ..StateDetails::default()
        },
    }
}

/// Puts a state back that a late copy of a claim has displaced. What a flow returned is not lost with it: the server refuses
/// such a claim for a run whose result is kept.
fn restored(displaced: &State, attempt: Attempt) -> Proposal {
    Proposal {
        state_type: displaced.state_type,
        name: displaced.name.clone(),
        message: displaced.message.clone(),
        state_details: StateDetails {
            scheduled_time: displaced
                .state_details
                .scheduled_time
                .filter(|_| displaced.state_type == StateType::Scheduled),
            transition_id: Some(Uuid::new_v5(&transition(attempt, "Restored"), displaced.id.as_bytes())),
            ..StateDetails::default()
        },
    }
}

/// Puts a run back that was claimed for a time at which it is no longer due.
#[must_use]
pub fn moved(due: Timestamp, attempt: Attempt) -> Proposal {
    Proposal {
        state_type: StateType::Scheduled,
        name: Some("Scheduled".to_owned()),
        message: None,
        state_details: StateDetails {
            scheduled_time: Some(due),
            transition_id: Some(transition(attempt, "Moved")),
            ..StateDetails::default()
        },
    }
}

/// Names a transition of an attempt, so that a repeated proposal is known as the same one.
fn transition(attempt: Attempt, state: &str) -> Uuid {
    Uuid::new_v5(&attempt.transition_id(), state.as_bytes())
}

/// What the owner of the run reads.
#[must_use]
pub fn text(reason: &Diagnosis) -> String {
    let Diagnosis { code, summary, detail, resolution } = reason;
    // The detail may be AWS's words, which end as they please.
    let text = format!("{summary} ({code}). {} {resolution}", sentence(detail));
    text.chars().take(MESSAGE).collect()
}

/// A text that ends as a sentence does.
fn sentence(text: &str) -> Cow<'_, str> {
    let text = text.trim_end();
    match text.chars().last() {
        None | Some('.' | '!' | '?' | '…') => text.into(),
        Some(_) => format!("{text}.").into(),
    }
}

/// When a run that is handed back is due again.
#[must_use]
pub fn later(now: Timestamp, delay: Duration) -> Timestamp {
    now.checked_add(delay).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use prefect_ids::{FlowRunId, StateId};

    fn attempt() -> Attempt {
        Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) }
    }

    #[test]
    fn sentences_do_not_run_together() {
        let said = |detail: &str| {
            let (summary, resolution) = ("The network configuration is refused".into(), "Check the subnets.".into());
            text(&Diagnosis { code: diagnosis::PP0315, summary, detail: detail.into(), resolution })
        };
        let expected = "The network configuration is refused (PP0315). RunTask (HTTP 400): no. Check the subnets.";
        assert_eq!(said("RunTask (HTTP 400): no"), expected);
        assert_eq!(said("RunTask (HTTP 400): no. "), expected);
    }

    #[test]
    fn each_state_of_an_attempt_has_a_transition_of_its_own() {
        let reason =
            Diagnosis { code: diagnosis::PP0303, summary: "s".into(), detail: "d".into(), resolution: "r".into() };
        let mut ids: Vec<Uuid> = [
            pending(attempt(), "m", "d"),
            awaiting_capacity(&reason, Timestamp::UNIX_EPOCH, attempt()),
            crashed(&reason, attempt()),
            cancelled("c", attempt()),
        ]
        .iter()
        .filter_map(|proposal| proposal.state_details.transition_id)
        .collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 4);
    }
}
