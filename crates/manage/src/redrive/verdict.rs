//! Which messages of a dead-letter queue go back.
//!
//! With a Prefect server the rules are the dispatcher's own ([`dispatch::prefect::judge`]), applied to the run as the server
//! has it. A message that goes back is a new one with an id of its own. So a message whose run is PENDING stays, even if this
//! very message has claimed it: the dispatcher would leave its copy alone, because another message holds the claim, and the
//! reconciler hands such a run back within minutes. A message whose run has become Late stays, too: that is another SCHEDULED
//! state, so another attempt, which the poller sends by itself.
//!
//! Standalone, the message is the run, and there is no server to ask. A function that moves such a message to the dead-letter
//! queue has made sure that there is no task, so the message goes back. One that SQS moved here ran out of deliveries, and
//! its last delivery may have started the task: `clientToken` makes a second RunTask harmless for 24 hours, or until an hour
//! after the task stopped (AWS: "Ensuring idempotency"). After that the run would start again, so such a message goes back
//! only on request.

use std::time::Duration;

use dispatch::{
    message::{RunQueue, ScheduledRun},
    ports::Delivery,
    prefect::{
        judge::{Judgement, judge},
        states,
    },
};
use jiff::Timestamp;
use prefect_api::models::{FlowRun, StateType};

use super::Runs;
use crate::account::Letter;

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It goes back.
    Send,
    /// It is of no use any more.
    Leave,
    /// It may be a run that has not started, and nobody can tell: it stays, whatever is deleted.
    Uncertain,
}

/// What becomes of a message, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Where it goes.
    pub fate: Fate,
    /// Why, in a few words.
    pub why: String,
}

impl Verdict {
    fn new(fate: Fate, why: impl Into<String>) -> Self {
        Self { fate, why: why.into() }
    }
}

/// Judges a message. `runs` are those that the server has; `uncertain` sends what may have started already.
pub(super) fn verdict(
    letter: &Letter,
    message: Option<&ScheduledRun>,
    runs: &Runs,
    now: Timestamp,
    uncertain: bool,
) -> Verdict {
    match message {
        None => Verdict::new(Fate::Leave, "not the message of a run: nothing is lost with it"),
        Some(message) if message.run.is_some() => standalone(letter, uncertain),
        Some(message) => served(message, runs.get(&message.flow_run_id), now),
    }
}

fn standalone(letter: &Letter, uncertain: bool) -> Verdict {
    match (&letter.code, uncertain) {
        (Some(_), _) => Verdict::new(Fate::Send, "standalone, and it has no task"),
        (None, true) => Verdict::new(Fate::Send, "standalone, and it may have started already"),
        (None, false) => {
            Verdict::new(Fate::Uncertain, "standalone, and it may have started already: --uncertain sends it")
        }
    }
}

fn served(message: &ScheduledRun, run: Option<&Option<FlowRun>>, now: Timestamp) -> Verdict {
    let run = match run {
        None => return Verdict::new(Fate::Leave, "the server has no such run"),
        Some(None) => {
            let id = message.flow_run_id;
            return Verdict::new(Fate::Uncertain, format!("the server cannot read the run {id}"));
        }
        Some(Some(run)) => run,
    };
    // No claim is this id's, as none is that of a message that is yet to be sent.
    let copy = Delivery {
        message: message.clone(),
        message_id: String::new(),
        delivery_id: String::new(),
        queue: RunQueue::Standard,
        read: now,
        again: false,
    };
    let in_state = |wanted| run.state.as_ref().filter(|state| state.state_type == wanted);
    let (claimed, scheduled) = (in_state(StateType::Pending), in_state(StateType::Scheduled));
    match judge(Some(run), &copy, now, Duration::ZERO) {
        Judgement::Due => Verdict::new(Fate::Send, "still to start"),
        Judgement::InHand(_) => Verdict::new(Fate::Leave, "claimed just now by this attempt"),
        Judgement::Held => Verdict::new(Fate::Send, "claimed by this attempt, and to be handed back"),
        Judgement::Claimed => Verdict::new(Fate::Send, "claimed by this attempt, and not launched"),
        Judgement::Unrecorded => Verdict::new(Fate::Leave, "the run has started"),
        Judgement::NotOurs(_) if claimed.is_some_and(|state| states::holder(state).is_some()) => {
            Verdict::new(Fate::Leave, "the run is claimed by a message: the reconciler repairs it if that is lost")
        }
        Judgement::NotOurs(why) => {
            let name = scheduled.map(|state| state.name.as_deref().unwrap_or("Scheduled"));
            let sent = name.map(|name| format!(" ({name}): the poller sends it")).unwrap_or_default();
            Verdict::new(Fate::Leave, why + &sent)
        }
    }
}

#[cfg(test)]
mod tests {
    use prefect_ids::FlowRunId;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    const NOW: &str = "2026-01-01T00:00:00Z";

    fn message(run: Value) -> ScheduledRun {
        let mut body = json!({"version": 1, "flow_run_id": Uuid::from_u128(1), "state_id": Uuid::from_u128(2),
            "expected_start_time": NOW, "work_pool": "p"});
        if !run.is_null() {
            body["run"] = run;
        }
        ScheduledRun::parse(&body.to_string()).unwrap()
    }

    fn letter(code: Option<&str>) -> Letter {
        Letter {
            message_id: "m-1".into(),
            receipt_handle: "r".into(),
            body: String::new(),
            code: code.map(str::to_owned),
            summary: None,
            detail: None,
            source_arn: None,
            sent_at: None,
        }
    }

    fn fate(letter: &Letter, message: Option<&ScheduledRun>, state: Option<Value>, uncertain: bool) -> Fate {
        let run = state.map(|state| {
            serde_json::from_value::<FlowRun>(json!({"id": Uuid::from_u128(1), "flow_id": Uuid::nil(), "state": state}))
        });
        let runs = run.map(|run| (FlowRunId::from_u128(1), Some(run.unwrap()))).into_iter().collect();
        verdict(letter, message, &runs, NOW.parse().unwrap(), uncertain).fate
    }

    fn state(id: u128, state_type: &str, more: Value) -> Option<Value> {
        let mut state = json!({"id": Uuid::from_u128(id), "type": state_type, "timestamp": NOW});
        state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(state)
    }

    #[test]
    fn a_served_message_goes_back_if_a_dispatcher_would_launch_its_run() {
        let served = message(Value::Null);
        let of = |state| fate(&letter(None), Some(&served), state, false);
        assert_eq!(of(state(2, "SCHEDULED", json!({}))), Fate::Send);
        let later = json!({"state_details": {"scheduled_time": "2026-01-02T00:00:00Z"}});
        assert_eq!(of(state(2, "SCHEDULED", later)), Fate::Leave);
        assert_eq!(of(state(3, "SCHEDULED", json!({}))), Fate::Leave);
        assert_eq!(of(None), Fate::Leave);
        for ended in ["RUNNING", "COMPLETED", "CRASHED", "CANCELLED", "CANCELLING", "PAUSED"] {
            assert_eq!(of(state(2, ended, json!({}))), Fate::Leave, "{ended}");
        }
    }

    #[test]
    fn the_message_of_a_run_that_the_server_cannot_read_stays_whatever_is_deleted() {
        let runs = Runs::from([(FlowRunId::from_u128(1), None)]);
        let told = verdict(&letter(None), Some(&message(Value::Null)), &runs, NOW.parse().unwrap(), true);
        assert_eq!(told.fate, Fate::Uncertain);
        assert!(told.why.contains(&FlowRunId::from_u128(1).to_string()), "{}", told.why);
    }

    #[test]
    fn a_claim_is_that_of_its_message_and_of_no_copy() {
        let served = message(Value::Null);
        let attempt = served.attempt();
        let details = json!({"transition_id": attempt.transition_id(), "scheduled_time": NOW});
        // So long ago that no delivery of a message is still at work.
        let at = "2025-12-31T23:50:00Z";
        let claimed =
            |message: &str| state(4, "PENDING", json!({"state_details": details, "message": message, "timestamp": at}));
        let of = |state| fate(&letter(None), Some(&served), state, false);
        assert_eq!(of(claimed(&states::pending(attempt, "m-1", "d").message.unwrap())), Fate::Leave);
        assert_eq!(of(claimed("a claim that names no message")), Fate::Send);
    }

    #[test]
    fn a_standalone_message_goes_back_if_it_has_no_task() {
        let inline = message(json!({"name": "nightly"}));
        assert_eq!(fate(&letter(Some("PP0404")), Some(&inline), None, false), Fate::Send);
        assert_eq!(fate(&letter(None), Some(&inline), None, false), Fate::Uncertain);
        assert_eq!(fate(&letter(None), Some(&inline), None, true), Fate::Send);
    }

    #[test]
    fn what_is_no_message_of_a_run_stays() {
        assert_eq!(fate(&letter(Some("PP0401")), None, None, true), Fate::Leave);
    }
}
