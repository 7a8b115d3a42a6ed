//! What a flow run's state says about a message: the first table of the launch protocol, as a function.

use std::time::Duration;

use installation::timing::{LATE, WORK};
use jiff::Timestamp;
use prefect_api::models::{FlowRun, StateType};

use super::states;
use crate::{
    infrastructure::{Infrastructure, given_up_since},
    message::RunQueue,
    ports::Delivery,
};

/// How much earlier than its time a run may be launched, whatever the launch lead: SQS counts whole seconds, and clocks
/// differ. A container that is early waits for its time (prefect 3.8.8, `WaitForScheduledTime`).
pub const EARLY: Duration = Duration::from_secs(5);

/// How long a claim is its delivery's alone, from the moment it was made.
///
/// Standard queues deliver a message more than once now and then, at the same time, and count receives approximately. If two
/// deliveries launched one attempt, one could be refused and hand the run back while the task of the other comes up. So until
/// the delivery that claimed has ended for certain ([`WORK`] at most, [`LATE`] for what it asked for last, and room for clocks),
/// others put their message back. A FIFO queue hands out one batch of a group at a time and needs no such wait.
pub const CLAIM_HOLDS: Duration = Duration::from_secs(WORK.as_secs() + LATE.as_secs() + 20);

/// How old a claim may be that is still launched. ECS forgets a client token an hour after its task has stopped; a RunTask that
/// came later would start a second task. The reconciler gives older claims up.
const TOKEN_LIVES: Duration = Duration::from_secs(50 * 60);

/// How long after its start a run without a record may still get one.
pub(super) const UNRECORDED: Duration = Duration::from_secs(15 * 60);

/// What is to be done about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// Claim and launch.
    Due,
    /// Claimed by an earlier delivery of this attempt: launch again, the token adopts.
    Claimed,
    /// Claimed by an earlier delivery to be handed back.
    Held,
    /// It runs, or its process may, and what it runs on may not be recorded.
    Unrecorded,
    /// Claimed by another delivery of the message, which may be launching it: look again after this long.
    InHand(Duration),
    /// Nothing; the text says why.
    NotOurs(String),
}

/// Judges a message by the run as the server has it.
#[must_use]
pub fn judge(run: Option<&FlowRun>, delivery: &Delivery, now: Timestamp, lead: Duration) -> Judgement {
    let Delivery { message, message_id, again, .. } = delivery;
    let attempt = message.attempt();
    let Some(run) = run else {
        return Judgement::NotOurs("the run is gone".to_owned());
    };
    let Some(state) = &run.state else {
        return Judgement::NotOurs("the run has no state".to_owned());
    };
    // The task of an attempt goes on when its run has ended, or waits in it, and holds its slot all the while. A record of an
    // earlier attempt stays until there is a newer one, so a message that comes again is worth a look at ECS whatever is recorded.
    let unrecorded = run.run_count > 0 && (*again || run.infrastructure_pid.is_none() && ran_lately(run, now));
    match state.state_type {
        StateType::Scheduled if state.id != attempt.state_id && unrecorded => Judgement::Unrecorded,
        StateType::Scheduled if state.id != attempt.state_id => {
            Judgement::NotOurs("the run was scheduled anew".to_owned())
        }
        StateType::Scheduled => {
            let early = (lead_of(run, lead) + EARLY).as_secs_f64();
            match run.due() {
                Some(due) if due.duration_since(now).as_secs_f64() > early => {
                    Judgement::NotOurs("the run was moved to a later time".to_owned())
                }
                _ => Judgement::Due,
            }
        }
        StateType::Pending if state.state_details.transition_id != Some(attempt.transition_id()) => {
            Judgement::NotOurs("the run is claimed by another attempt".to_owned())
        }
        // That message is in the queue until its outcome is recorded. Two at once could end one attempt in two ways.
        StateType::Pending if states::holder(state).is_some_and(|holder| holder.message_id != message_id) => {
            Judgement::NotOurs("another message has claimed this attempt".to_owned())
        }
        // Whoever does that counts on it that nobody launches any more.
        StateType::Pending if given_up_since(run, attempt).is_some() => {
            Judgement::NotOurs("its claim is being given up".to_owned())
        }
        StateType::Pending if since(state.timestamp, now) >= TOKEN_LIVES => {
            Judgement::NotOurs("its claim is too old to be launched".to_owned())
        }
        StateType::Pending if in_hand(delivery, state.timestamp, now).is_some() => {
            Judgement::InHand(in_hand(delivery, state.timestamp, now).unwrap_or_default())
        }
        StateType::Pending => {
            // Claimed for another time than the message's, or when it was not SCHEDULED: whoever claims again is told so, and
            // puts it back.
            let due = state.state_details.scheduled_time == Some(message.expected_start_time);
            match due {
                true if states::is_held(state) => Judgement::Held,
                true => Judgement::Claimed,
                false => Judgement::Due,
            }
        }
        StateType::Running | StateType::Cancelling
            if *again || run.infrastructure_pid.is_none() || given_up_since(run, attempt).is_some() =>
        {
            Judgement::Unrecorded
        }
        other if unrecorded && other != StateType::Pending => Judgement::Unrecorded,
        other => Judgement::NotOurs(format!("the run is {}", other.name())),
    }
}

/// Whether a task of the run may live that is yet to be recorded: its dispatcher died before it could do that, or is about to.
#[must_use]
pub fn is_unrecorded(run: &FlowRun, now: Timestamp) -> bool {
    Infrastructure::of_run(run).is_none() && ran_lately(run, now)
}

/// Whether the run's process began so lately that the message which had it launched may still be in the queue: it comes back
/// after three minutes (the module's queues), and a dispatcher may die again. The server gives a run that ends without having run
/// a start, too.
#[must_use]
fn ran_lately(run: &FlowRun, now: Timestamp) -> bool {
    run.run_count > 0 && run.start_time.is_some_and(|start| since(start, now) < UNRECORDED)
}

/// How long the delivery that claimed at `at` may still be at work, from the point of view of another one. None if it is not.
#[must_use]
pub fn in_hand(delivery: &Delivery, at: Timestamp, now: Timestamp) -> Option<Duration> {
    let left = CLAIM_HOLDS.saturating_sub(since(at, now));
    (delivery.queue == RunQueue::Standard && !left.is_zero()).then_some(left)
}

pub(super) fn since(moment: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(moment)).unwrap_or_default()
}

/// How long before its time a run is launched: one that was handed back waits out its delay.
#[must_use]
pub fn lead_of(run: &FlowRun, launch_lead: Duration) -> Duration {
    // Polls of servers before 3.9 tell the name of the state, and not the state.
    let handed_back = run.state_type() == StateType::Scheduled && run.named() == Some(states::HANDED_BACK);
    if handed_back { Duration::ZERO } else { launch_lead }
}

#[cfg(test)]
mod tests {
    use ecs::Attempt;
    use prefect_ids::{FlowRunId, StateId};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::{
        infrastructure::given_up,
        message::{RunQueue, ScheduledRun, VERSION},
    };

    const NOW: &str = "2026-01-01T00:00:00Z";

    /// When the delivery that claimed has ended for certain, in seconds.
    const AFTER: i64 = CLAIM_HOLDS.as_secs() as i64;

    fn attempt() -> Attempt {
        Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) }
    }

    fn delivery(again: bool) -> Delivery {
        let message = ScheduledRun {
            version: VERSION,
            flow_run_id: attempt().flow_run_id,
            state_id: attempt().state_id,
            expected_start_time: NOW.parse().unwrap(),
            work_pool: "p".to_owned(),
            first_due: None,
            hand_backs: 0,
            run: None,
        };
        Delivery {
            message,
            message_id: "m-1".to_owned(),
            delivery_id: "d-1".to_owned(),
            queue: RunQueue::Standard,
            read: NOW.parse().unwrap(),
            again,
        }
    }

    fn run(state_type: &str, details: Value) -> FlowRun {
        serde_json::from_value(json!({
            "id": attempt().flow_run_id, "flow_id": Uuid::from_u128(3),
            "state": {"id": attempt().state_id, "type": state_type, "timestamp": NOW, "state_details": details},
        }))
        .unwrap()
    }

    /// Details of a claim of the attempt.
    fn ours() -> Value {
        json!({"transition_id": attempt().transition_id(), "scheduled_time": NOW})
    }

    fn judged(run: &FlowRun) -> Judgement {
        judge(Some(run), &delivery(false), NOW.parse().unwrap(), Duration::from_secs(30))
    }

    /// What is found so many seconds after the run got its state.
    fn judged_after(seconds: i64, run: &FlowRun, delivery: &Delivery) -> Judgement {
        let now: Timestamp = NOW.parse().unwrap();
        judge(Some(run), delivery, now + jiff::SignedDuration::from_secs(seconds), Duration::ZERO)
    }

    #[test]
    fn a_scheduled_run_is_due_for_its_own_state_only() {
        let mut due = run("SCHEDULED", json!({"scheduled_time": NOW}));
        assert_eq!(judged(&due), Judgement::Due);
        due.state.as_mut().unwrap().id = StateId::from_u128(99);
        assert!(matches!(judged(&due), Judgement::NotOurs(_)));
    }

    #[test]
    fn a_run_within_the_lead_is_due_and_a_later_one_is_not() {
        assert_eq!(judged(&run("SCHEDULED", json!({"scheduled_time": "2026-01-01T00:00:34Z"}))), Judgement::Due);
        let later = run("SCHEDULED", json!({"scheduled_time": "2026-01-01T00:00:36Z"}));
        assert!(matches!(judged(&later), Judgement::NotOurs(_)));
        // The delay of a hand back is as long as it is for a reason.
        let handed_back = |due: &str| {
            let mut run = run("SCHEDULED", json!({"scheduled_time": due}));
            run.state.as_mut().unwrap().name = Some(states::HANDED_BACK.to_owned());
            run
        };
        assert_eq!(judged(&handed_back("2026-01-01T00:00:04Z")), Judgement::Due);
        assert!(matches!(judged(&handed_back("2026-01-01T00:00:06Z")), Judgement::NotOurs(_)));
    }

    #[test]
    fn a_pending_run_is_ours_if_this_attempt_claimed_it() {
        assert_eq!(judged_after(AFTER, &run("PENDING", ours()), &delivery(false)), Judgement::Claimed);
        for other in [json!({"transition_id": Uuid::from_u128(5)}), json!({})] {
            assert!(matches!(judged_after(AFTER, &run("PENDING", other), &delivery(false)), Judgement::NotOurs(_)));
        }
    }

    #[test]
    fn a_run_whose_process_began_lately_and_is_not_recorded_is_looked_for_whatever_it_is_now() {
        for state_type in ["SCHEDULED", "RUNNING", "PAUSED", "COMPLETED", "FAILED", "CANCELLED"] {
            let mut run = run(state_type, json!({}));
            run.state.as_mut().unwrap().id = StateId::from_u128(99);
            run.start_time = Some(NOW.parse().unwrap());
            if state_type != "RUNNING" {
                assert!(matches!(judged_after(60, &run, &delivery(false)), Judgement::NotOurs(_)), "never ran");
            }
            run.run_count = 1;
            assert_eq!(judged_after(60, &run, &delivery(false)), Judgement::Unrecorded, "{state_type}");
            if state_type != "RUNNING" {
                assert!(matches!(judged_after(900, &run, &delivery(false)), Judgement::NotOurs(_)), "{state_type}");
                run.infrastructure_pid = Some("c::arn".to_owned());
                assert!(matches!(judged_after(60, &run, &delivery(false)), Judgement::NotOurs(_)), "{state_type}");
                // The record may be of an earlier attempt, which began long ago.
                assert_eq!(judged_after(900, &run, &delivery(true)), Judgement::Unrecorded, "{state_type}");
            }
        }
    }

    #[test]
    fn a_run_is_launched_by_the_message_that_claimed_it() {
        let claimed_by = |message: &str| {
            let mut run = run("PENDING", ours());
            run.state.as_mut().unwrap().message = states::pending(attempt(), message, "d-2").message;
            run
        };
        assert_eq!(judged_after(AFTER, &claimed_by("m-1"), &delivery(false)), Judgement::Claimed);
        assert!(matches!(judged_after(AFTER, &claimed_by("m-2"), &delivery(false)), Judgement::NotOurs(_)));
    }

    #[test]
    fn a_claim_is_its_deliverys_alone_until_that_has_ended_for_certain() {
        let claimed = run("PENDING", ours());
        for again in [false, true] {
            assert_eq!(
                judged_after(30, &claimed, &delivery(again)),
                Judgement::InHand(CLAIM_HOLDS - Duration::from_secs(30)),
                "whatever SQS counts"
            );
        }
        let of_fifo = Delivery { queue: RunQueue::Fifo, ..delivery(true) };
        assert_eq!(judged_after(30, &claimed, &of_fifo), Judgement::Claimed, "one batch of a group at a time");
        assert!(matches!(judged_after(3_000, &claimed, &delivery(true)), Judgement::NotOurs(_)), "ECS forgets tokens");
    }

    #[test]
    fn a_run_whose_claim_is_being_given_up_is_not_launched() {
        let mut run = run("PENDING", ours());
        run.infrastructure_pid = Some(given_up(attempt(), NOW.parse().unwrap()));
        assert!(matches!(judged(&run), Judgement::NotOurs(_)));
        run.infrastructure_pid =
            Some(given_up(Attempt { state_id: StateId::from_u128(9), ..attempt() }, NOW.parse().unwrap()));
        assert_eq!(judged_after(AFTER, &run, &delivery(false)), Judgement::Claimed, "an earlier attempt's");
    }

    #[test]
    fn a_run_that_was_claimed_for_another_time_is_claimed_again_to_be_put_back() {
        let claimed_for =
            |due: &str| run("PENDING", json!({"transition_id": attempt().transition_id(), "scheduled_time": due}));
        let judged = |run: &FlowRun| judged_after(AFTER, run, &delivery(false));
        assert_eq!(judged(&claimed_for(NOW)), Judgement::Claimed);
        assert_eq!(judged(&run("PENDING", json!({"transition_id": attempt().transition_id()}))), Judgement::Due);
        assert_eq!(judged(&claimed_for("2026-01-02T00:00:00Z")), Judgement::Due);
    }

    #[test]
    fn a_running_run_without_a_record_is_looked_for() {
        let now = NOW.parse().unwrap();
        for state_type in ["RUNNING", "CANCELLING"] {
            let mut found = run(state_type, json!({}));
            assert_eq!(judged(&found), Judgement::Unrecorded);
            found.infrastructure_pid = Some("c::t".into());
            assert!(matches!(judged(&found), Judgement::NotOurs(_)));
            assert_eq!(judge(Some(&found), &delivery(true), now, Duration::ZERO), Judgement::Unrecorded);
        }
    }

    #[test]
    fn everything_else_is_left_alone() {
        for state_type in ["COMPLETED", "FAILED", "CRASHED", "CANCELLED", "PAUSED", "LATER"] {
            for again in [false, true] {
                let found = run(state_type, json!({"transition_id": attempt().transition_id()}));
                let judged = judge(Some(&found), &delivery(again), NOW.parse().unwrap(), Duration::ZERO);
                assert!(matches!(judged, Judgement::NotOurs(_)), "{state_type}");
            }
        }
        let gone = judge(None, &delivery(true), NOW.parse().unwrap(), Duration::ZERO);
        assert!(matches!(gone, Judgement::NotOurs(_)));
    }
}
