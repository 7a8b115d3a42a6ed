//! What a batch promises its records.

use std::sync::Mutex;

use ecs::Attempt;
use serde_json::{Value, json};

use super::*;
use crate::{
    fake::{self, Ecs, Notes, Server, clock, event},
    ports::NoOutput,
};

#[derive(Default)]
struct Queues {
    rings: Mutex<Vec<String>>,
    checks: Mutex<Vec<Duration>>,
    buried: Mutex<Vec<String>>,
    hurried: Mutex<Vec<String>>,
}

impl PollQueue for Queues {
    async fn send_poll(&self, message: &PollMessage, hops: u32, delay: Duration) -> Result<(), Failure> {
        assert_eq!(delay, Duration::ZERO);
        self.rings.lock().unwrap().push(message.body_after(hops));
        Ok(())
    }
}

impl EventsQueue for Queues {
    async fn send_check(&self, _: Check, delay: Duration) -> Result<(), Failure> {
        self.checks.lock().unwrap().push(delay);
        Ok(())
    }
}

impl Inbox for Queues {
    async fn dead_letter(&self, body: String, _: &Diagnosis) -> Result<(), Failure> {
        self.buried.lock().unwrap().push(body);
        Ok(())
    }

    async fn return_after(&self, from: Source, receipt_handle: &str, _: Duration) {
        assert_eq!(from, Source::Events);
        self.hurried.lock().unwrap().push(receipt_handle.to_owned());
    }
}

/// Panics for the run it is asked about: no output is worth that, but a defect might be there.
struct Defective;

impl TaskOutput for Defective {
    async fn tail(&self, _: &ecs::task::Task, _: &str, _: usize) -> Vec<String> {
        panic!("a defect")
    }
}

struct World {
    server: Server,
    ecs: Arc<Ecs>,
    queues: Arc<Queues>,
    notes: Arc<Notes>,
}

impl World {
    fn new() -> Self {
        Self { server: Server::default(), ecs: Arc::default(), queues: Arc::default(), notes: Arc::default() }
    }

    async fn handle<O: TaskOutput>(&self, output: O, bodies: &[Value], seconds: u64) -> Vec<String> {
        let observer = Observer::new(
            self.server.client(),
            Arc::clone(&self.ecs),
            output,
            Arc::clone(&self.queues),
            Policy::default(),
            Options::default(),
            Arc::clone(&self.notes) as _,
            clock(),
        );
        let records: Vec<Value> = bodies
            .iter()
            .enumerate()
            .map(|(index, body)| {
                json!({"messageId": index.to_string(), "receiptHandle": format!("r{index}"), "body": body.to_string()})
            })
            .collect();
        let records = crate::sqs_event::records(json!({"Records": records})).unwrap();
        let answer = Arc::new(observer).handle(records, Instant::now() + Duration::from_secs(seconds)).await;
        answer.batch_item_failures.into_iter().map(|item| item.item_identifier).collect()
    }

    fn pending(&self, number: u128) -> Attempt {
        self.server.add(number, &[("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8)])
    }
}

fn failed() -> Value {
    json!({"stopCode": "EssentialContainerExited", "containers": [{"name": "prefect", "exitCode": 1}]})
}

#[tokio::test]
async fn a_batch_costs_one_request_for_its_runs_and_others_tasks_none() {
    let world = World::new();
    let (a, b) = (world.pending(1), world.pending(2));
    let done = world.server.add(3, &[("SCHEDULED", "Scheduled", 9), ("COMPLETED", "Completed", 1)]);
    let mut foreign = event(a, "STOPPED", json!({}));
    foreign["detail"]["startedBy"] = "ecs-svc/1".into();
    let bodies =
        [event(a, "STOPPED", failed()), event(b, "STOPPED", failed()), event(done, "STOPPED", json!({})), foreign];
    assert_eq!(world.handle(NoOutput, &bodies, 30).await, [""; 0]);
    assert_eq!(world.notes.take(), ["Crashed", "Crashed", "Nothing"]);
    assert_eq!(world.server.asked("/flow_runs/filter").len(), 1);
    assert_eq!(world.server.asked("/flow_run_states").len(), 2, "what ended by itself costs no more");
    assert_eq!(world.server.asked("/logs/").len(), 1);

    let world = World::new();
    let on_its_way = event(a, "RUNNING", json!({"startedAt": "2026-01-01T11:00:31Z"}));
    assert_eq!(world.handle(NoOutput, &[bodies[3].clone(), on_its_way], 30).await, [""; 0]);
    assert_eq!(world.notes.take(), ["running after 31"]);
    assert_eq!(world.server.asked("").len(), 0);
}

#[tokio::test]
async fn what_fails_for_one_run_brings_back_its_record_alone() {
    let world = World::new();
    let (a, b) = (world.pending(1), world.pending(2));
    world.server.break_path(&format!("{}/set_state", a.flow_run_id));
    let odd = json!({"detail-type": 5});
    let bodies = [event(a, "STOPPED", failed()), event(b, "STOPPED", failed()), odd.clone()];
    assert_eq!(world.handle(NoOutput, &bodies, 30).await, ["0"]);
    assert_eq!(world.notes.take(), ["Crashed", "malformed PP0630", "returned PP0502"]);
    assert_eq!((world.server.state(a), world.server.state(b)), ("Pending".into(), "Crashed".into()));
    assert_eq!(*world.queues.buried.lock().unwrap(), [odd.to_string()]);
    assert_eq!(*world.queues.hurried.lock().unwrap(), ["r0"]);
}

#[tokio::test]
async fn a_server_that_does_not_answer_brings_back_what_needs_it() {
    let world = World::new();
    let a = world.pending(1);
    world.server.break_path("/flow_runs/");
    let running = event(a, "RUNNING", json!({"startedAt": "2026-01-01T11:00:31Z"}));
    let check: Value = serde_json::from_str(&Check::of(a.flow_run_id).body()).unwrap();
    assert_eq!(world.handle(NoOutput, &[running, event(a, "STOPPED", failed()), check], 30).await, ["1", "2"]);
    assert_eq!(world.notes.take(), ["returned PP0508", "returned PP0508", "running after 31"]);
}

#[tokio::test]
async fn a_panic_brings_back_its_record_alone() {
    let world = World::new();
    let (a, b) = (world.pending(1), world.pending(2));
    let never_started = json!({"stopCode": "TaskFailedToStart", "stoppedReason": "no"});
    let bodies = [event(a, "STOPPED", failed()), event(b, "STOPPED", never_started)];
    assert_eq!(world.handle(Defective, &bodies, 30).await, ["0"]);
    assert_eq!(world.notes.take(), ["Crashed", "returned PP0499"]);
    // The state was set before; the delivery that comes back finds that.
    assert_eq!(world.handle(NoOutput, &bodies, 30).await, [""; 0]);
    assert_eq!(world.notes.take(), ["Nothing", "Nothing"]);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_kept() {
    let world = World::new();
    let (a, b) = (world.pending(1), world.pending(2));
    world.server.hang(&format!("flow_run_id={}", a.flow_run_id));
    let started = Instant::now();
    let bodies = [event(a, "STOPPED", failed()), event(b, "STOPPED", failed())];
    assert_eq!(world.handle(NoOutput, &bodies, 30).await, ["0"]);
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(world.notes.take(), ["Crashed", "returned PP0407"]);
}

#[tokio::test]
async fn a_run_that_is_cancelled_and_has_no_task_is_looked_at_again_for_a_while() {
    let check = |attempt: Attempt| serde_json::from_str(&Check::of(attempt.flow_run_id).body()).unwrap();
    let world = World::new();
    // However long ago it was claimed: its message may have come back and launched it just before.
    let states =
        |minutes| [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("CANCELLING", "Cancelling", minutes)];
    let (young, old) = (world.server.add(1, &states(1)), world.server.add(2, &states(3)));
    let theirs = world.server.add(3, &[("PENDING", "Theirs", 9), ("CANCELLING", "Cancelling", 8)]);
    assert_eq!(world.handle(NoOutput, &[check(young), check(old), check(theirs)], 30).await, [""; 0]);
    assert_eq!(world.notes.take(), ["Cancelled", "CheckAgain", "Nothing"]);
    assert_eq!(world.server.state(old), "Cancelled");
    assert_eq!(world.server.state(theirs), "Cancelling");
    assert_eq!(*world.queues.checks.lock().unwrap(), [Duration::from_secs(10)]);
}

#[tokio::test]
async fn a_run_claimed_by_somebody_else_is_not_changed_by_the_task_it_once_had() {
    let world = World::new();
    let theirs = world.server.add(1, &[("SCHEDULED", "Scheduled", 9), ("PENDING", "Theirs", 8)]);
    world.server.record(theirs, &format!("c::{}", fake::arn(theirs)));
    assert_eq!(world.handle(NoOutput, &[event(theirs, "STOPPED", failed())], 30).await, [""; 0]);
    assert_eq!(world.notes.take(), ["Nothing"]);
}

/// Else a claim that stays without a task, and a grace of hours, would be a loop that Lambda stops.
#[tokio::test]
async fn looks_at_a_cancelled_run_become_rarer_and_end_with_the_chain() {
    let world = World::new();
    let run = world.server.add(1, &[("SCHEDULED", "Scheduled", 9), ("PENDING", "P", 1), ("CANCELLING", "C", 0)]);
    for hops in [0, 3, 6, 11, 12] {
        let check = Check { flow_run_id: run.flow_run_id, hops };
        let check = serde_json::from_str(&check.body()).unwrap();
        assert_eq!(world.handle(NoOutput, &[check], 30).await, [""; 0]);
    }
    let seconds: Vec<u64> = world.queues.checks.lock().unwrap().iter().map(Duration::as_secs).collect();
    assert_eq!(seconds, [10, 16, 128, 512], "the last one is left to the reconciler");
}

/// The server has told its process nothing, and would let it begin; or it was told long before.
#[tokio::test]
async fn a_container_has_time_to_cancel_its_run_from_when_it_is_told() {
    let (waits, told, cancelled) =
        (("SCHEDULED", "AwaitingRetry", 6), ("CANCELLING", "Cancelling", 5), ("CANCELLED", "Cancelled", 0));
    for (since, stops) in [
        (&[cancelled][..], 0),
        (&[waits, cancelled], 1),
        (&[waits, told, cancelled], 1),
        (&[waits, ("CANCELLING", "Cancelling", 0)], 0),
    ] {
        let world = World::new();
        let ran = [("SCHEDULED", "Scheduled", 9), ("PENDING", "Pending", 8), ("RUNNING", "Running", 7)];
        let attempt = world.server.add(1, &[&ran[..], since].concat());
        world.server.record(attempt, &format!("c::{}", fake::arn(attempt)));
        let task = ecs::task::Task::of_json(&fake::task(attempt, "RUNNING", json!({}))).unwrap();
        world.ecs.tasks.lock().unwrap().push(task);
        let check = json!({"version": 1, "check": attempt.flow_run_id});
        assert_eq!(world.handle(NoOutput, &[check], 30).await, [""; 0]);
        assert_eq!(world.ecs.stops.lock().unwrap().len(), stops, "{since:?}");
    }
}

#[tokio::test]
async fn a_run_that_began_after_it_was_cancelled_ends_cancelled_however_its_task_stopped() {
    let spot = json!({"stopCode": "SpotInterruption", "containers": [{"name": "prefect", "exitCode": 143}]});
    for more in [failed(), spot] {
        let world = World::new();
        let states = [
            ("SCHEDULED", "Scheduled", 9),
            ("PENDING", "Pending", 8),
            ("RUNNING", "Running", 7),
            ("SCHEDULED", "AwaitingRetry", 6),
            ("CANCELLED", "Cancelled", 5),
            ("RUNNING", "Running", 4),
        ];
        let attempt = world.server.add(1, &states);
        assert_eq!(world.handle(NoOutput, &[event(attempt, "STOPPED", more)], 30).await, [""; 0]);
        assert_eq!(world.server.state(attempt), "Cancelled");
    }
}
