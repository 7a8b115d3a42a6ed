//! The use cases as a whole, over a server, an ECS and queues whose every answer is part of the input.

use std::{
    cell::LazyCell,
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use diagnosis::Diagnosis;
use dispatch::{
    check::Check,
    dispatcher::{Dispatcher, Policy},
    hand_back::HAND_BACK_DELAY,
    message::RunQueue,
    observe::{self, Observer},
    outcome::{Change, Event, Observed, Outcome, Polling},
    poll::{self, Poller},
    pool::PoolCache,
    ports::{
        Clock, EventsQueue, Failure, Inbox, Look, NoBus, NoOutput, PollQueue, PoolDocuments, QueuedRun, RunQueues,
        Schedules, Sink, Source,
    },
    prefect::control::{Options, PrefectControl},
    reconcile::{self, Reconciler},
    ring::PollMessage,
    runs, sqs_event,
    standalone::Standalone,
};
use ecs::{
    Attempt, ClusterRef, Prepared, TaskArn,
    failure::Class,
    launch::{LaunchError, Launched, Page, TaskControl, TaskLauncher},
    task::Task,
};
use prefect_api::{Client, Method, Patience, Request, Response, Transport, TransportError};
use prefect_ids::{FlowRunId, StateId};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, time::Instant};
use uuid::Uuid;

use super::{Dice, Verdict, odd, queues, refused, rendering::settings};

/// Waits until a future is done, without waiting for time: where everything waits, the clock is put forward.
pub(super) fn run<F: Future>(future: F) -> F::Output {
    thread_local! {
        static RUNTIME: LazyCell<Runtime> = LazyCell::new(|| {
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime is made")
        });
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// After all samples are due.
const NOW: &str = "2026-02-01T12:00:00Z";
const CLUSTER: &str = "arn:aws:ecs:eu-west-1:1:cluster/c";

fn clock() -> Clock {
    Arc::new(|| NOW.parse().expect("it is a time"))
}

fn attempt() -> Attempt {
    Attempt { flow_run_id: FlowRunId::from_u128(1), state_id: StateId::from_u128(2) }
}

/// What a server in order answers to the call of that number (see `answers`).
pub(super) fn answer(dice: &mut Dice, call: usize) -> Value {
    match call {
        0 => json!([pool(dice)]),
        1 => pool(dice),
        2 => json!([{"id": Uuid::from_u128(5), "name": "default", "concurrency_limit": dice.below(3), "priority": 1}]),
        3 => json!([{"name": "w", "last_heartbeat_time": NOW, "heartbeat_interval_seconds": 30, "status": "ONLINE"}]),
        4 => json!([{"work_queue_id": Uuid::from_u128(5), "flow_run": flow_run(dice)}]),
        5 => flow_run(dice),
        6 => json!([flow_run(dice)]),
        7 => json!([state(dice), state(dice)]),
        8 => json!({"status": dice.pick(&["ACCEPT", "ACCEPT", "REJECT", "ABORT", "WAIT"]), "state": state(dice),
            "details": {"reason": odd::text(dice), "delay_seconds": odd::number(dice)}}),
        9 => {
            json!([{"id": Uuid::from_u128(3), "name": "d", "flow_id": Uuid::from_u128(4), "job_variables": odd::object(dice)}])
        }
        10 => json!([{"id": Uuid::from_u128(4), "name": odd::text(dice)}]),
        11 | 12 | 14 => json!({"id": Uuid::from_u128(6), "data": {"value": odd::value(dice)}}),
        13 => json!({"name": "v", "value": odd::value(dice)}),
        15 => json!([{"id": Uuid::from_u128(7), "name": "a", "trigger": odd::value(dice), "actions": []}]),
        16 => json!("3.8.8"),
        17 => json!(dice.below(1_000)),
        _ => Value::Null,
    }
}

fn pool(dice: &mut Dice) -> Value {
    let template = if dice.one_in(2) {
        json!({})
    } else {
        json!({"job_configuration": {"env": "{{ env }}", "task_definition": {"containerDefinitions": [{"image": odd::text(dice)}]},
            odd::name(dice): odd::value(dice)}, "variables": {"properties": odd::object(dice)}})
    };
    json!({"id": Uuid::from_u128(9), "name": "p", "type": "ecs:push", "base_job_template": template,
        "is_paused": dice.one_in(10), "concurrency_limit": if dice.one_in(3) { json!(dice.below(3)) } else { Value::Null }})
}

fn state(dice: &mut Dice) -> Value {
    let state =
        dice.pick(&["SCHEDULED", "SCHEDULED", "PENDING", "RUNNING", "CANCELLING", "CRASHED", "COMPLETED", "PAUSED"]);
    let id = if dice.one_in(4) { StateId::from_u128(8) } else { attempt().state_id };
    let time = dice.pick(&[
        NOW,
        "2026-02-01T11:59:00Z",
        "2026-02-01T12:00:20Z",
        "-009999-01-02T00:00:00Z",
        "9999-12-30T22:00:00Z",
    ]);
    json!({"id": id, "type": state, "name": dice.pick(&["Scheduled", "AwaitingCapacity", "Late", "Pending"]), "timestamp": time,
        "state_details": {"scheduled_time": time, "transition_id": attempt().transition_id(),
            "deployment_concurrency_lease_id": Uuid::from_u128(8)}})
}

fn flow_run(dice: &mut Dice) -> Value {
    let state = state(dice);
    let pid = format!("{CLUSTER}::arn:aws:ecs:eu-west-1:1:task/c/1");
    json!({
        "id": attempt().flow_run_id, "name": odd::text(dice), "flow_id": Uuid::from_u128(4), "deployment_id": Uuid::from_u128(3),
        "work_queue_id": Uuid::from_u128(5), "work_queue_name": "default", "work_pool_name": "p", "state_id": state["id"],
        "state_type": state["type"], "expected_start_time": state["timestamp"], "next_scheduled_start_time": state["timestamp"],
        "state": state, "job_variables": odd::object(dice), "run_count": dice.below(3), "end_time": NOW,
        "infrastructure_pid": if dice.one_in(2) { json!(pid) } else { Value::Null },
    })
}

/// A server's answers by call, tasks of ECS, messages, and which use case gets them.
pub(super) fn world(dice: &mut Dice) -> Vec<u8> {
    let answers: Vec<Value> = (0..20).map(|call| answer(dice, call)).collect();
    let message = json!({"version": 1, "flow_run_id": attempt().flow_run_id, "state_id": attempt().state_id,
        "expected_start_time": NOW, "work_pool": "p"});
    let mut task = json!({
        "taskArn": "arn:aws:ecs:eu-west-1:1:task/c/1", "clusterArn": CLUSTER, "startedBy": attempt().started_by(),
        "lastStatus": dice.pick(&["STOPPED", "STOPPED", "RUNNING", "PENDING", "DEPROVISIONING"]), "desiredStatus": "STOPPED",
        "createdAt": dice.pick(&["2026-02-01T11:00:00Z", "-009999-01-02T00:00:00Z"]), "stopCode": dice.pick(&[
            "TaskFailedToStart", "EssentialContainerExited", "UserInitiated", "SpotInterruption", "what"]),
        "stoppedReason": odd::text(dice), "containers": [{"name": "prefect", "exitCode": dice.below(3), "reason": odd::text(dice)}],
    });
    if dice.one_in(3) {
        dice.spoil(&mut task);
    }
    let event = json!({"id": Uuid::from_u128(5), "account": "1", "time": NOW, "detail-type": "ECS Task State Change", "detail": task});
    let check = json!({"version": 1, "check": attempt().flow_run_id});
    let mut world = json!({
        "use": dice.below(4), "answers": answers, "tasks": [task], "launch": dice.below(8), "statuses": {}, "retry_after": "1",
        "bodies": [message.to_string(), event.to_string(), check.to_string(), r#"{"version":1,"tick":"minute"}"#],
    });
    if dice.one_in(3) {
        let status = *dice.pick(&[&404, &401, &409, &422, &500, &503]);
        world["statuses"][dice.below(20).to_string()] = json!(status);
    }
    dice.spoil(&mut world["answers"]);
    if dice.one_in(4) {
        dice.spoil(&mut world);
    }
    dice.written(&world)
}

/// Which call of `answers` a request is.
fn call_of(request: &Request) -> usize {
    let path = request.path.split('?').next().unwrap_or_default();
    match path {
        "/work_pools/filter" => 0,
        "/flow_runs/filter" => 6,
        "/deployments/filter" => 9,
        "/flows/filter" => 10,
        "/flow_runs/count" => 17,
        "/flow_run_states/" => 7,
        "/logs/" | "/events" => 19,
        _ if path.ends_with("/queues/filter") => 2,
        _ if path.ends_with("/get_scheduled_flow_runs") => 4,
        _ if path.ends_with("/set_state") => 8,
        _ if path.ends_with("/heartbeat") || request.method == Method::Patch => 19,
        _ if path.starts_with("/block_documents/") => 11,
        _ if path.starts_with("/block_types/") => 12,
        _ if path.starts_with("/variables/") => 13,
        _ if path.starts_with("/work_pools/") => 1,
        _ if path.starts_with("/flow_runs/") => 5,
        _ => 18,
    }
}

/// A server that answers a call with what the input says; the same each time.
#[derive(Clone)]
struct Server(Arc<Value>, Arc<Mutex<usize>>);

/// More requests than one invocation may make: a limited number for each message, page or task.
const MOST_REQUESTS: usize = 2_000;

impl Transport for Server {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        // A socket waits, and so gives others, and the deadline, a turn.
        tokio::time::sleep(Duration::from_millis(1)).await;
        {
            let mut asked = self.1.lock().expect("nobody panics");
            *asked += 1;
            assert!(*asked < MOST_REQUESTS, "asked without end, last for {request:?}");
        }
        let call = call_of(&request);
        let status = self.0["statuses"][call.to_string()].as_u64().and_then(|status| u16::try_from(status).ok());
        let retry_after = self.0["retry_after"].as_str().map(str::to_owned);
        Ok(Response {
            status: status.unwrap_or(200),
            retry_after,
            body: self.0["answers"][call].to_string().into_bytes(),
        })
    }
}

/// An ECS that has the tasks of the input and launches, or does not.
#[derive(Clone)]
struct Cluster(Arc<Value>);

impl Cluster {
    fn tasks(&self) -> Vec<Task> {
        self.0["tasks"].as_array().into_iter().flatten().filter_map(Task::of_json).collect()
    }

    fn failure(&self) -> LaunchError {
        let class = match self.0["launch"].as_u64() {
            Some(1) => Class::Throttled,
            Some(2) => Class::Capacity,
            Some(3) => Class::Transient,
            _ => Class::Rejected,
        };
        let diagnosis = Diagnosis {
            code: diagnosis::PP0301,
            summary: "s".to_owned(),
            detail: "d".to_owned(),
            resolution: "r".to_owned(),
        };
        LaunchError { class, diagnosis }
    }

    fn launched() -> Launched {
        Launched {
            task_arn: "arn:aws:ecs:eu-west-1:1:task/c/1".into(),
            definition_arn: None,
            cluster: CLUSTER.into(),
            adopted: false,
        }
    }
}

impl TaskLauncher for Cluster {
    async fn launch(&self, prepared: &Prepared) -> Result<Launched, LaunchError> {
        ecs::check_shape("RunTask", &prepared.run_task).expect("what is launched has RunTask's shape");
        if matches!(self.0["launch"].as_u64(), Some(1..=4)) { Err(self.failure()) } else { Ok(Self::launched()) }
    }

    async fn find(&self, _: &Prepared) -> Result<Option<Launched>, LaunchError> {
        if self.0["launch"] == 5 { Err(self.failure()) } else { Ok(None) }
    }
}

impl TaskControl for Cluster {
    async fn describe(&self, _: &ClusterRef, task_arns: &[TaskArn]) -> Result<Vec<Task>, LaunchError> {
        Ok(self.tasks().into_iter().filter(|task| task_arns.contains(&task.task_arn)).collect())
    }

    async fn running(&self, _: &ClusterRef, _: Option<&str>, limit: usize) -> Result<Page, LaunchError> {
        let task_arns = self.tasks().into_iter().map(|task| task.task_arn).take(limit).collect();
        Ok(Page { task_arns, next: None })
    }

    async fn started_by(&self, _: &ClusterRef, started_by: &str) -> Result<Vec<Task>, LaunchError> {
        Ok(self.tasks().into_iter().filter(|task| task.started_by.as_deref() == Some(started_by)).collect())
    }

    async fn stop(&self, _: &ClusterRef, _: &TaskArn, _: &str) -> Result<(), LaunchError> {
        if self.0["launch"] == 6 { Err(self.failure()) } else { Ok(()) }
    }
}

/// Queues that take everything, and a sink that judges what is told.
#[derive(Default)]
struct Heard {
    sent: Mutex<usize>,
    last: Mutex<Option<&'static str>>,
}

/// SQS takes 1 MiB, and gives a function no more in one message.
const LONGEST_BODY: usize = 1 << 20;

/// CloudWatch takes 1 MiB for an event.
const LONGEST_LINE: usize = 64 << 10;

impl Heard {
    fn take(&self, body: &str) {
        assert!(body.len() <= LONGEST_BODY + 4_096, "a message of {} bytes", body.len());
        *self.sent.lock().expect("nobody panics") += 1;
    }

    fn hear(&self, diagnosis: &Diagnosis) {
        refused(diagnosis);
        *self.last.lock().expect("nobody panics") = Some(diagnosis.code.id());
    }

    fn verdict(&self) -> Verdict {
        self.last.lock().expect("nobody panics").map_or(Verdict::Accepted, Verdict::Refused)
    }
}

impl Inbox for Heard {
    async fn dead_letter(&self, body: String, _: &Diagnosis) -> Result<(), Failure> {
        self.take(&body);
        Ok(())
    }

    async fn return_after(&self, _: Source, _: &str, _: Duration) {}
}

impl Schedules for Heard {
    async fn send_at(&self, look: &Look, body: String) -> Result<(), Failure> {
        assert!(look.name.len() <= 64, "{look:?}");
        self.take(&body);
        Ok(())
    }
}

impl PollQueue for Heard {
    async fn send_poll(&self, message: &PollMessage, hops: u32, delay: Duration) -> Result<(), Failure> {
        assert!(delay <= Duration::from_secs(900), "{delay:?}");
        self.take(&message.body_after(hops));
        Ok(())
    }
}

impl EventsQueue for Heard {
    async fn send_check(&self, check: Check, delay: Duration) -> Result<(), Failure> {
        assert!(delay <= Duration::from_secs(900), "{delay:?}");
        self.take(&check.body());
        Ok(())
    }
}

impl RunQueues for Heard {
    async fn send_runs(&self, _: RunQueue, messages: &[QueuedRun]) -> Vec<bool> {
        for message in messages {
            assert!(message.delay <= Duration::from_secs(900), "{:?}", message.delay);
            self.take(&message.body);
        }
        vec![true; messages.len()]
    }

    async fn waiting(&self, _: RunQueue) -> Option<u64> {
        Some(0)
    }
}

impl Sink for Heard {
    fn emit(&self, event: &Event<'_>) {
        let line = event.metrics(0).map_or(0, |line| line.to_string().len());
        assert!(line < LONGEST_LINE, "a line of {line} bytes");
        match *event {
            Event::Message(
                Outcome::HandedBack { reason, .. }
                | Outcome::Crashed { reason, .. }
                | Outcome::Malformed { reason, .. }
                | Outcome::Returned { reason, .. },
            )
            | Event::Run(
                Observed::Run { change: Change::HandedBack { reason, .. } | Change::Crashed(reason), .. }
                | Observed::Malformed { reason, .. }
                | Observed::Returned { reason, .. }
                | Observed::Failed { reason, .. },
            ) => self.hear(reason),
            Event::Poll(Polling::Polled(polled)) => assert!(polled.sent <= polled.found, "{polled:?}"),
            Event::Poll(Polling::Failed(detail)) => {
                assert!(detail.len() < 4 * LONGEST_LINE, "a text of {} bytes", detail.len());
                *self.last.lock().expect("nobody panics") = Some("poll failed");
            }
            _ => {}
        }
    }
}

fn records(bodies: &[Value]) -> Vec<sqs_event::Record> {
    let record = |body: &Value| json!({"messageId": "m", "receiptHandle": "r", "body": body, "attributes": {"ApproximateReceiveCount": "2"}});
    let possible = |body: &&Value| body.as_str().is_none_or(|body| body.len() <= LONGEST_BODY);
    let event = json!({"Records": bodies.iter().filter(possible).map(record).collect::<Vec<_>>()});
    sqs_event::records(event).expect("records have ids")
}

fn policy() -> Policy {
    Policy { requests: settings(), capacity_timeout: Duration::from_secs(3_600), hand_back_delay: HAND_BACK_DELAY }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

pub(super) fn drive(input: &[u8]) -> Verdict {
    let Ok(world) = serde_json::from_slice::<Value>(input) else { return Verdict::Refused("no JSON") };
    let world = Arc::new(world);
    let bodies: Vec<Value> = world["bodies"].as_array().into_iter().flatten().take(10).cloned().collect();
    run(async {
        let server = Server(Arc::clone(&world), Arc::default());
        let client = Client::new(server, Patience { tries: 2, ..Patience::FUNCTION });
        let tasks = Arc::new(Cluster(Arc::clone(&world)));
        let heard = Arc::<Heard>::default();
        match world["use"].as_u64() {
            Some(0) => {
                let options = Options { label_as: Some("pushpool".to_owned()), ..Options::default() };
                let control = PrefectControl::new(client, Arc::clone(&tasks), options, clock());
                let launcher = Cluster(Arc::clone(&world));
                let dispatcher = Dispatcher::new(
                    control,
                    launcher,
                    Arc::clone(&heard),
                    policy(),
                    Arc::<Heard>::clone(&heard),
                    clock(),
                );
                let answer = Arc::new(dispatcher).handle(records(&bodies), deadline()).await;
                assert!(answer.batch_item_failures.len() <= bodies.len());
            }
            Some(1) => {
                let options = observe::Options { task_events: true };
                let policy = runs::Policy::default();
                let sink = Arc::<Heard>::clone(&heard);
                let observer =
                    Observer::new(client, tasks, NoOutput, Arc::clone(&heard), policy, options, sink, clock());
                let answer = Arc::new(observer).handle(records(&bodies), deadline()).await;
                assert!(answer.batch_item_failures.len() <= bodies.len());
            }
            Some(2) => {
                let sink = Arc::<Heard>::clone(&heard);
                let poller = Poller::new(client, Arc::clone(&heard), poll::Options::default(), sink, clock());
                poller.handle(&records(&bodies), deadline()).await;
            }
            _ => {
                let policy = reconcile::Policy { sole_owner: true, ..reconcile::Policy::default() };
                let sink = Arc::<Heard>::clone(&heard);
                Reconciler::new(client, tasks, NoOutput, policy, sink, clock()).pass(deadline()).await;
            }
        }
        heard.verdict()
    })
}

/// A batch of the dispatcher without a server, and the document of the pool.
pub(super) fn batch(dice: &mut Dice) -> Vec<u8> {
    let mut document = match dice.below(3) {
        0 => json!({"name": "demo"}),
        1 => queues::samples_of_pools(dice),
        _ => json!({"name": odd::text(dice), "base_job_template": pool(dice)["base_job_template"]}),
    };
    if dice.one_in(4) {
        dice.spoil(&mut document);
    }
    let bodies: Vec<Value> = (0..1 + dice.below(3))
        .map(|_| {
            let mut body = queues::run_message(dice);
            if dice.one_in(3) {
                dice.spoil(&mut body["run"]);
            }
            if dice.one_in(300) && body.is_object() {
                body["work_pool"] = json!("p".repeat(1 << dice.below(19)));
            }
            json!(String::from_utf8_lossy(&dice.written(&body)))
        })
        .collect();
    let batch = json!({"document": document, "bodies": bodies, "launch": dice.below(8)});
    dice.written(&batch)
}

struct Documents(Value);

impl PoolDocuments for Documents {
    async fn read(&self, _: &str) -> Result<Option<Value>, Failure> {
        Ok((!self.0.is_null()).then(|| self.0.clone()))
    }
}

pub(super) fn drive_batch(input: &[u8]) -> Verdict {
    let Ok(world) = serde_json::from_slice::<Value>(input) else { return Verdict::Refused("no JSON") };
    let bodies: Vec<Value> = world["bodies"].as_array().into_iter().flatten().take(10).cloned().collect();
    run(async {
        let heard = Arc::<Heard>::default();
        let pools = PoolCache::new(Documents(world["document"].clone()), Duration::from_secs(60));
        let control = Standalone::new(pools, Arc::clone(&heard), Arc::clone(&heard), NoBus, clock());
        let launcher = Cluster(Arc::new(world));
        let dispatcher =
            Dispatcher::new(control, launcher, Arc::clone(&heard), policy(), Arc::<Heard>::clone(&heard), clock());
        Arc::new(dispatcher).handle(records(&bodies), deadline()).await;
        heard.verdict()
    })
}
