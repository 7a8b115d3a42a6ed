//! The traps, each by itself. That they are the real server's is shown by `tests/it/simulated_server`.

use jiff::{SignedDuration, Timestamp};
use prefect_api::Method;
use prefect_api::models::{Orchestrated, ScheduledFlowRun, StateType, Verdict};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Caller, Collision, NewDeployment, NewRun, Release, Server};

/// A server with one pool and a clock that moves a second with each proposal.
struct Stage {
    server: Server,
    now: Timestamp,
    pool: Uuid,
    deployment: Uuid,
}

impl Stage {
    fn new() -> Self {
        Self::with(NewDeployment::default())
    }

    fn with(deployment: NewDeployment) -> Self {
        let mut server = Server::new(Release::default(), 1);
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let pool = server.create_pool(now, "pool", "ecs:push", json!({}), None);
        let flow = server.create_flow("flow");
        let queue = server.queue_named(pool, "default");
        let deployment = server.create_deployment(NewDeployment { flow, queue, ..deployment });
        Self { server, now, pool, deployment }
    }

    fn limited(limit: u32, collision: Collision) -> Self {
        let (concurrency_limit, collision) = (Some(limit), Some(collision));
        Self::with(NewDeployment { concurrency_limit, collision, ..NewDeployment::default() })
    }

    fn run(&mut self) -> Uuid {
        self.server.create_run(self.now, NewRun { deployment: self.deployment, ..NewRun::default() })
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn ask(&mut self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        self.ask_as(Caller::Other, method, path, body)
    }

    fn ask_as(&mut self, caller: Caller, method: Method, path: &str, body: &Value) -> (u16, Value) {
        self.pass(1);
        let answer = self.server.handle_from(caller, self.now, method, path, Some(&body.to_string()));
        let body = if answer.body.is_empty() { Value::Null } else { serde_json::from_str(&answer.body).unwrap() };
        (answer.status, body)
    }

    /// Proposes as the caller, and reads the answer as pushpool does.
    fn propose_as(&mut self, caller: Caller, run: Uuid, state: &Value) -> Orchestrated {
        let (_, body) =
            self.ask_as(caller, Method::Post, &format!("/flow_runs/{run}/set_state"), &json!({"state": state}));
        serde_json::from_value(body).unwrap()
    }

    fn propose(&mut self, run: Uuid, state: &Value) -> (Verdict, StateType) {
        let answer = self.propose_as(Caller::Other, run, state);
        (answer.status, answer.state.unwrap().state_type)
    }

    fn to(&mut self, run: Uuid, states: &[&str]) {
        for state in states {
            assert_eq!(self.propose(run, &json!({"type": state})).0, Verdict::Accept, "{state}");
        }
    }

    fn slots(&self) -> u32 {
        self.server.active_slots(self.deployment).unwrap()
    }

    fn poll(&mut self, body: &Value) -> Vec<Uuid> {
        let (_, due) = self.ask(Method::Post, "/work_pools/pool/get_scheduled_flow_runs", body);
        let due: Vec<ScheduledFlowRun> = serde_json::from_value(due).unwrap();
        due.into_iter().map(|it| it.flow_run.id.uuid()).collect()
    }
}

use Verdict::{Abort, Accept, Reject, Wait};

fn pending(name: &str, transition: u128) -> Value {
    json!({"type": "PENDING", "name": name, "state_details": {"transition_id": Uuid::from_u128(transition)}})
}

#[test]
fn a_run_is_claimed_once_and_a_repeated_claim_is_told_apart() {
    let mut stage = Stage::new();
    let run = stage.run();
    assert_eq!(stage.propose(run, &pending("Pending", 1)), (Accept, StateType::Pending));
    assert_eq!(stage.propose(run, &pending("Pending", 1)), (Reject, StateType::Pending));
    assert_eq!(stage.propose(run, &pending("Pending", 2)), (Abort, StateType::Pending));
    assert_eq!(stage.propose(run, &pending("Submitting", 3)), (Accept, StateType::Pending));
    assert_eq!(stage.propose(run, &pending("Submitting", 4)), (Abort, StateType::Pending));
    assert_eq!(stage.propose(run, &pending("Pending", 5)), (Abort, StateType::Pending));
}

#[test]
fn a_finished_run_can_be_claimed_unless_it_was_cancelled_or_its_result_is_kept() {
    for end in ["COMPLETED", "FAILED", "CRASHED"] {
        let mut stage = Stage::new();
        let run = stage.run();
        stage.to(run, &["PENDING", "RUNNING", end]);
        assert_eq!(stage.propose(run, &pending("Pending", 1)), (Accept, StateType::Pending), "{end}");
    }
    let mut stage = Stage::new();
    let run = stage.run();
    stage.to(run, &["CANCELLED"]);
    assert_eq!(stage.propose(run, &pending("Pending", 1)), (Abort, StateType::Cancelled));
    stage.to(run, &["SCHEDULED", "PENDING", "RUNNING"]);
    stage.propose(run, &json!({"type": "COMPLETED", "data": {"type": "reference"}}));
    assert_eq!(stage.propose(run, &pending("Pending", 1)), (Reject, StateType::Completed));
    assert_eq!(stage.propose(run, &json!({"type": "CRASHED"})), (Abort, StateType::Completed));
}

#[test]
fn a_run_that_is_being_cancelled_can_only_be_cancelled() {
    let mut stage = Stage::new();
    let run = stage.run();
    stage.to(run, &["PENDING", "CANCELLING"]);
    for state in ["CRASHED", "RUNNING", "SCHEDULED", "COMPLETED"] {
        assert_eq!(stage.propose(run, &json!({"type": state})), (Reject, StateType::Cancelling), "{state}");
    }
    stage.to(run, &["CANCELLED"]);
}

#[test]
fn what_has_no_infrastructure_is_cancelled_at_once() {
    let mut stage = Stage::new();
    let (without, with) = (stage.run(), stage.run());
    assert_eq!(stage.propose(without, &json!({"type": "CANCELLING"})), (Reject, StateType::Cancelled));
    let pid = json!({"infrastructure_pid": "cluster::arn"});
    assert_eq!(stage.ask(Method::Patch, &format!("/flow_runs/{with}"), &pid).0, 204);
    assert_eq!(stage.propose(with, &json!({"type": "CANCELLING"})), (Accept, StateType::Cancelling));
}

#[test]
fn early_is_early_even_for_a_claimed_run() {
    let mut stage = Stage::new();
    let due = stage.now + SignedDuration::from_millis(10_600);
    let run = stage
        .server
        .create_run(stage.now, NewRun { deployment: stage.deployment, due: Some(due), ..NewRun::default() });
    stage.to(run, &["PENDING"]);
    assert_eq!(stage.server.run(run).unwrap().state().unwrap().state_details.scheduled_time, Some(due));
    let answer = stage.propose_as(Caller::Prefect, run, &json!({"type": "RUNNING"}));
    // 8.6 seconds are left.
    assert_eq!((answer.status, answer.details.delay_seconds), (Wait, Some(9.0)));
    stage.pass(8);
    stage.to(run, &["RUNNING"]);
}

#[test]
fn a_flow_with_retries_goes_on_in_its_process_and_no_poll_gets_it() {
    let mut stage = Stage::new();
    let run = stage
        .server
        .create_run(stage.now, NewRun { deployment: stage.deployment, retries: Some((1, 0)), ..NewRun::default() });
    stage.to(run, &["PENDING", "RUNNING"]);
    assert_eq!(stage.propose(run, &json!({"type": "FAILED"})), (Reject, StateType::Scheduled));
    assert!(stage.poll(&json!({})).is_empty());
    stage.to(run, &["RUNNING", "FAILED"]);
    assert_eq!(stage.server.run(run).unwrap().run_count, 2);
    stage.to(run, &["SCHEDULED"]);
    assert_eq!(stage.poll(&json!({})), [run]);
}

#[test]
fn a_full_limit_puts_a_run_off_or_cancels_it() {
    let mut stage = Stage::limited(1, Collision::Enqueue);
    let (first, second) = (stage.run(), stage.run());
    stage.to(first, &["PENDING"]);
    let answer = stage.propose_as(Caller::Other, second, &pending("Pending", 1));
    let state = answer.state.unwrap();
    assert_eq!((answer.status, state.name.as_deref()), (Reject, Some("AwaitingConcurrencySlot")));
    assert_eq!(state.state_details.scheduled_time, Some(stage.now + SignedDuration::from_secs(30)));
    assert_eq!(state.state_details.transition_id, None);
    stage.to(first, &["CRASHED"]);
    stage.to(second, &["PENDING"]);
    assert_eq!(stage.slots(), 1);

    let mut stage = Stage::limited(1, Collision::CancelNew);
    let (first, second) = (stage.run(), stage.run());
    stage.to(first, &["PENDING"]);
    assert_eq!(stage.propose(second, &pending("Pending", 1)), (Reject, StateType::Cancelled));
    assert_eq!(Stage::limited(0, Collision::Enqueue).deadlock(), (Abort, StateType::Scheduled));
}

impl Stage {
    fn deadlock(&mut self) -> (Verdict, StateType) {
        let run = self.run();
        self.propose(run, &pending("Pending", 1))
    }
}

#[test]
fn a_slot_that_nobody_renews_is_given_away_and_its_run_cancelled() {
    let mut stage = Stage::limited(1, Collision::Enqueue);
    let (first, second) = (stage.run(), stage.run());
    stage.to(first, &["PENDING"]);
    stage.pass(301);
    stage.server.services(stage.now);
    assert_eq!(stage.slots(), 0);
    stage.to(second, &["PENDING"]);
    let answer = stage.propose_as(Caller::Prefect, first, &json!({"type": "RUNNING"}));
    assert_eq!((answer.status, answer.state.unwrap().state_type), (Reject, StateType::Cancelled));
    // The server gives the slot back that the other run holds.
    assert_eq!(stage.slots(), 0);
}

#[test]
fn a_renewed_lease_lives_on() {
    let mut stage = Stage::limited(1, Collision::Enqueue);
    let run = stage.run();
    stage.to(run, &["PENDING"]);
    let lease = stage.server.states(run)[1].state_details.deployment_concurrency_lease_id.unwrap();
    stage.pass(299);
    let renew = format!("/v2/concurrency_limits/leases/{lease}/renew");
    assert_eq!(stage.ask(Method::Post, &renew, &json!({"lease_duration": 60})).0, 204);
    stage.pass(50);
    stage.server.services(stage.now);
    assert_eq!(stage.slots(), 1);
    stage.pass(61);
    stage.server.services(stage.now);
    assert_eq!((stage.slots(), stage.ask(Method::Post, &renew, &json!({"lease_duration": 60})).0), (0, 410));
}

#[test]
fn only_what_is_named_scheduled_becomes_late() {
    let mut stage = Stage::new();
    let (scheduled, handed_back) = (stage.run(), stage.run());
    stage.to(handed_back, &["PENDING"]);
    stage.propose(handed_back, &json!({"type": "SCHEDULED", "name": "AwaitingCapacity"}));
    stage.pass(20);
    stage.server.services(stage.now);
    stage.server.services(stage.now);
    let names = |run| stage.server.states(run).iter().map(|state| state.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(scheduled), ["Scheduled", "Late"]);
    assert_eq!(names(handed_back), ["Scheduled", "Pending", "AwaitingCapacity"]);
}

#[test]
fn a_cancellation_that_nobody_finishes_is_finished_by_the_server() {
    let mut stage = Stage::new();
    let run = stage.run();
    stage.to(run, &["PENDING", "RUNNING", "CANCELLING"]);
    stage.pass(299);
    stage.server.services(stage.now);
    assert_eq!(stage.server.run(run).unwrap().state_type(), Some(StateType::Cancelling));
    stage.pass(1);
    stage.server.services(stage.now);
    assert_eq!(stage.server.run(run).unwrap().state_type(), Some(StateType::Cancelled));
}

#[test]
fn a_poll_respects_priorities_limits_and_pauses_and_counts_no_cancelling_run() {
    let mut stage = Stage::new();
    let now = stage.now;
    let urgent = stage.server.create_queue(stage.pool, "urgent", None, Some(1));
    let flow = stage.server.deployment(stage.deployment).unwrap().flow;
    let new = NewDeployment { flow, queue: Some(urgent), ..NewDeployment::default() };
    let other = stage.server.create_deployment(new);
    let mut due = |deployment, seconds| {
        let due = Some(now + SignedDuration::from_secs(seconds));
        stage.server.create_run(now, NewRun { deployment, due, ..NewRun::default() })
    };
    let (later, first, coming) = (due(stage.deployment, -30), due(other, -20), due(other, 3600));
    assert_eq!(stage.poll(&json!({"scheduled_before": now})), [first, later]);
    assert_eq!(stage.poll(&json!({})), [first, coming, later]);
    assert_eq!(stage.poll(&json!({"work_queue_names": ["default"]})), [later]);
    stage.server.update_pool(now, "pool", &json!({"concurrency_limit": 1}));
    assert_eq!(stage.poll(&json!({})), [first]);
    stage.to(first, &["PENDING"]);
    assert!(stage.poll(&json!({})).is_empty());
    stage.to(first, &["CANCELLING"]);
    assert_eq!(stage.poll(&json!({"scheduled_before": now})), [later]);
    stage.server.update_queue(now, "pool", "default", &json!({"is_paused": true}));
    assert!(stage.poll(&json!({"scheduled_before": now})).is_empty());
}

#[test]
fn what_is_deleted_is_gone_and_takes_its_slot_along() {
    let mut stage = Stage::limited(2, Collision::Enqueue);
    let (busy, ended, waiting) = (stage.run(), stage.run(), stage.run());
    stage.to(busy, &["PENDING"]);
    stage.to(ended, &["PENDING", "RUNNING", "COMPLETED"]);
    assert_eq!(stage.server.delete_run(stage.now, busy).status, 204);
    assert_eq!(stage.slots(), 0);
    let path = format!("/flow_runs/{busy}/set_state");
    assert_eq!(stage.ask(Method::Post, &path, &json!({"state": {"type": "PENDING"}})).0, 404);
    assert_eq!(stage.server.delete_deployment(stage.now, stage.deployment).status, 204);
    assert!(stage.server.run(waiting).is_none());
    assert_eq!(stage.propose(ended, &pending("Pending", 1)), (Abort, StateType::Completed));
}

#[test]
fn a_request_it_does_not_know_is_noted() {
    let mut stage = Stage::new();
    assert_eq!(stage.ask(Method::Get, "/flows/count", &json!({})).0, 404);
    assert_eq!(stage.ask(Method::Post, "/flow_runs/filter", &json!({"flow_runs": {"tags": {}}})).0, 422);
    assert_eq!(stage.server.not_understood().len(), 2);
}

#[test]
fn an_automation_hears_of_states_but_not_of_scheduled_runs() {
    let mut stage = Stage::new();
    stage.server.watch_changes();
    let run = stage.run();
    let new = NewRun { deployment: stage.deployment, auto_scheduled: true, ..NewRun::default() };
    stage.server.create_run(stage.now, new);
    stage.to(run, &["PENDING"]);
    let heard: Vec<_> = stage.server.take_changes().into_iter().map(|it| (it.run, it.name)).collect();
    assert_eq!(heard, [(run, "Scheduled".to_owned()), (run, "Pending".to_owned())]);
}
