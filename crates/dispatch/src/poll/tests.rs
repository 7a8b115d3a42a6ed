//! What a poll asks and sends, over a server and queues in memory. The same against real ones: `tests/it/served`.

mod blocked;
mod cloud;
mod limited;
mod slow;

use prefect_ids::{FlowRunId, StateId};
use std::sync::atomic::{AtomicI64, AtomicU64};

use prefect_api::{PAGE, Patience, Request, Response, TransportError};
use serde_json::{Value, json};

use super::{scheduled::SOON, *};
use crate::{
    chain::AGAIN,
    message::{RunQueue, ScheduledRun},
    outcome::Blocked,
    ports::{Failure, QueuedRun, Sink},
    ring::Ring,
    served::PUSH_POOL,
};

/// Seconds since 1970 at the start.
const START: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

/// A server with one pool, whose scheduled runs are due at these seconds.
#[derive(Default)]
struct Server {
    /// The pool's type, if it is not a push pool.
    pool_type: Option<&'static str>,
    limit: Option<u32>,
    queues: Vec<Value>,
    due: Vec<i64>,
    /// So many of the first runs are of a deployment whose concurrency limit is 0.
    closed: usize,
    /// A run that no request returns.
    unreadable: Option<usize>,
    /// What the server says the states are called.
    named: Option<&'static str>,
    /// More runs than these in an answer are too much.
    most: Option<usize>,
    requests: Mutex<Vec<(String, Value)>>,
}

impl Server {
    fn run(&self, number: usize) -> Value {
        let id = Uuid::from_u128(100 + number as u128);
        let deployment = (number < self.closed).then(|| Uuid::from_u128(7));
        json!({"id": id, "flow_id": id, "state_id": id, "state_type": "SCHEDULED", "state_name": self.named,
            "work_queue_id": Uuid::from_u128(2), "deployment_id": deployment,
            "next_scheduled_start_time": at(self.due[number])})
    }

    /// The numbers of the runs that are due in this time.
    fn due(&self, after: &Value, before: &Value) -> Vec<usize> {
        let time = |value: &Value| value.as_str().map(|time| time.parse::<Timestamp>().unwrap());
        let (after, before) = (time(after), time(before).unwrap());
        let is_due = |due: i64| at(due) <= before && after.is_none_or(|after| at(due) >= after);
        (0..self.due.len()).filter(|number| is_due(self.due[*number])).collect()
    }

    fn answer(&self, path: &str, body: &Value) -> (u16, Value) {
        let number = |key: &str, otherwise: usize| body[key].as_u64().map_or(otherwise, |it| it as usize);
        let (limit, offset) = (number("limit", PAGE), number("offset", 0));
        let answer = match path {
            "/work_pools/filter" => {
                json!([{"id": Uuid::from_u128(1), "name": "p", "type": self.pool_type.unwrap_or(PUSH_POOL),
                "concurrency_limit": self.limit}])
            }
            "/work_pools/p/queues/filter" if self.queues.is_empty() => {
                json!([{"id": Uuid::from_u128(2), "name": "default"}])
            }
            "/work_pools/p/queues/filter" => self.queues.iter().skip(offset).take(limit).cloned().collect(),
            "/work_pools/p/workers/heartbeat" => Value::Null,
            "/deployments/filter" => json!([{"id": Uuid::from_u128(7), "name": "d", "flow_id": Uuid::nil(),
                "global_concurrency_limit": {"limit": 0, "active_slots": 0}}]),
            "/work_pools/p/get_scheduled_flow_runs" => {
                let slots = self.limit.map_or(usize::MAX, |limit| limit as usize);
                let due = self.due(&body["scheduled_after"], &body["scheduled_before"]);
                let handed_out: Vec<usize> = due.into_iter().take(limit.min(slots)).collect();
                if self.most.is_some_and(|most| handed_out.len() > most) {
                    return (500, json!({"exception_message": "Internal Server Error"}));
                }
                let run = |number: usize| json!({"work_queue_id": Uuid::from_u128(2), "flow_run": self.run(number)});
                handed_out.into_iter().map(run).collect()
            }
            path if path.starts_with("/flow_run_states/") => {
                let id = Uuid::from_u128(9);
                json!([{"id": id, "type": "SCHEDULED", "name": "Scheduled", "timestamp": at(-60),
                    "state_details": {"scheduled_time": at(-1)}}])
            }
            "/flow_runs/filter" | "/ui/flow_runs/history" => {
                // Only the runs of the closed deployment have one.
                let excluded = !body["deployments"]["id"]["not_any_"].is_null();
                let without = body["flow_runs"]["deployment_id"]["is_null_"] == true;
                let wanted = |number: &usize| !excluded && (!without || *number >= self.closed);
                let due = self.due(&Value::Null, &body["flow_runs"]["next_scheduled_start_time"]["before_"]);
                let page: Vec<usize> = due.into_iter().filter(wanted).skip(offset).take(limit).collect();
                if path == "/flow_runs/filter" && page.iter().any(|number| self.unreadable == Some(*number)) {
                    return (500, json!({"exception_message": "Internal Server Error"}));
                }
                page.into_iter().map(|number| self.run(number)).collect()
            }
            run if run.starts_with("/flow_runs/") => {
                let id: Uuid = run["/flow_runs/".len()..].parse().unwrap();
                let number = (id.as_u128() - 100) as usize;
                if self.unreadable == Some(number) {
                    return (500, json!({"exception_message": "Internal Server Error"}));
                }
                self.run(number)
            }
            other => panic!("{other}"),
        };
        (200, answer)
    }

    fn count(&self, part: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|(path, _)| path.contains(part)).count()
    }
}

/// The way to it.
struct Wire(Arc<Server>);

impl Transport for Wire {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let body = request.body.as_deref().map(|body| serde_json::from_str(body).unwrap()).unwrap_or_default();
        let (status, answer) = self.0.answer(&request.path, &body);
        self.0.requests.lock().unwrap().push((request.path, body));
        Ok(Response { status, retry_after: None, body: answer.to_string().into_bytes() })
    }
}

#[derive(Default)]
struct Queues {
    runs: Mutex<Vec<(RunQueue, QueuedRun)>>,
    ticks: Mutex<Vec<(PollMessage, u32, Duration)>>,
    checks: Mutex<Vec<Check>>,
    full: bool,
    /// Nobody receives messages: they stay in the queue.
    idle: bool,
    waiting: AtomicU64,
}

impl RunQueues for Queues {
    async fn send_runs(&self, queue: RunQueue, messages: &[QueuedRun]) -> Vec<bool> {
        if !self.full {
            self.runs.lock().unwrap().extend(messages.iter().map(|message| (queue, message.clone())));
        }
        if self.idle {
            self.waiting.fetch_add(messages.len() as u64, Ordering::Relaxed);
        }
        vec![!self.full; messages.len()]
    }

    async fn waiting(&self, queue: RunQueue) -> Option<u64> {
        assert_eq!(queue, RunQueue::Fifo);
        Some(self.waiting.load(Ordering::Relaxed))
    }
}

impl PollQueue for Queues {
    async fn send_poll(&self, message: &PollMessage, hops: u32, delay: Duration) -> Result<(), Failure> {
        self.ticks.lock().unwrap().push((message.clone(), hops, delay));
        Ok(())
    }
}

impl EventsQueue for Queues {
    async fn send_check(&self, check: Check, delay: Duration) -> Result<(), Failure> {
        assert_eq!(delay, Duration::ZERO);
        self.checks.lock().unwrap().push(check);
        Ok(())
    }
}

/// Keeps what was polled. Nothing may fail.
#[derive(Default)]
struct Polls(Mutex<Vec<Polled>>);

impl Sink for Polls {
    fn emit(&self, event: &Event<'_>) {
        match event {
            Event::Poll(Polling::Polled(polled)) => self.0.lock().unwrap().push((*polled).clone()),
            Event::Poll(Polling::Failed(detail)) => panic!("{detail}"),
            _ => {}
        }
    }
}

/// Keeps what failed.
#[derive(Default)]
struct Failures(Mutex<Vec<String>>);

impl Sink for Failures {
    fn emit(&self, event: &Event<'_>) {
        if let Event::Poll(Polling::Failed(detail)) = event {
            self.0.lock().unwrap().push((*detail).to_owned());
        }
    }
}

struct World {
    server: Arc<Server>,
    queues: Arc<Queues>,
    sink: Arc<Polls>,
    second: Arc<AtomicI64>,
    poller: Poller<Wire, Queues>,
}

impl World {
    fn new(server: Server, queues: Queues) -> Self {
        let (server, queues, sink) = (Arc::new(server), Arc::new(queues), Arc::new(Polls::default()));
        let second = Arc::new(AtomicI64::new(0));
        let clock: Clock = {
            let second = Arc::clone(&second);
            Arc::new(move || at(second.load(Ordering::Relaxed)))
        };
        let client = Client::new(Wire(Arc::clone(&server)), Patience::FUNCTION);
        let options = Options::default();
        let poller = Poller::new(client, Arc::clone(&queues), options, Arc::clone(&sink) as _, clock);
        Self { server, queues, sink, second, poller }
    }

    async fn tick(&self, second: i64, body: &str) {
        self.second.store(second, Ordering::Relaxed);
        let event = json!({"Records": [{"messageId": "m", "body": body}]});
        let records = crate::sqs_event::records(event).unwrap();
        let answer = self.poller.handle(&records, Instant::now() + Duration::from_secs(30)).await;
        assert_eq!(answer, BatchResponse::default(), "ticks and rings are acknowledged");
    }

    fn sent(&self) -> Vec<(RunQueue, QueuedRun)> {
        std::mem::take(&mut self.queues.runs.lock().unwrap())
    }
}

const EXTRA: &str = r#"{"version":1,"tick":"extra"}"#;

#[tokio::test]
async fn a_message_arrives_when_its_run_is_due_and_is_sent_once() {
    let world = World::new(Server { due: vec![-5, 40, 60, 61], ..Server::default() }, Queues::default());
    world.tick(0, EXTRA).await;
    let sent = world.sent();
    let delays: Vec<u64> = sent.iter().map(|(_, message)| message.delay.as_secs()).collect();
    assert_eq!(delays, [0, 40, 60], "what is due after the horizon waits for another poll");
    assert!(sent.iter().all(|(queue, _)| *queue == RunQueue::Standard));
    let message = ScheduledRun::parse(&sent[1].1.body).unwrap();
    assert_eq!((message.expected_start_time, message.work_pool.as_str()), (at(40), "p"));
    let polled = world.sink.0.lock().unwrap()[0].clone();
    assert_eq!((polled.found, polled.sent, polled.oldest_due_seconds), (3, 3, 5.0));

    world.tick(20, EXTRA).await;
    let again: Vec<u64> = world.sent().iter().map(|(_, message)| message.delay.as_secs()).collect();
    assert_eq!(again, [41], "the others are on their way");
    world.tick(31, EXTRA).await;
    assert_eq!(world.sent().len(), 1, "a message whose run still waits half a minute later is sent again");
    assert_eq!(world.server.count("/queues/filter"), 1, "queues are kept for a while");
    assert_eq!(world.server.count("/heartbeat"), 2, "every 30 s");
}

#[tokio::test]
async fn what_a_queue_did_not_take_is_sent_by_the_next_poll() {
    let world = World::new(Server { due: vec![0], ..Server::default() }, Queues { full: true, ..Queues::default() });
    for second in [0, 1] {
        world.tick(second, EXTRA).await;
    }
    let polled = world.sink.0.lock().unwrap().clone();
    assert!(polled.iter().all(|it| (it.sent, it.not_sent) == (0, 1)), "{polled:?}");
}

/// Before 3.9 a poll tells the name of a run's state, and not its state.
#[tokio::test]
async fn a_run_that_was_handed_back_is_not_launched_ahead() {
    for (named, delay) in [("Scheduled", 10), (crate::prefect::states::HANDED_BACK, 40)] {
        let server = Server { due: vec![40], named: Some(named), ..Server::default() };
        let mut world = World::new(server, Queues::default());
        world.poller.options.launch_lead = Duration::from_secs(30);
        world.tick(0, EXTRA).await;
        assert_eq!(world.sent()[0].1.delay, Duration::from_secs(delay), "{named}");
    }
}

#[tokio::test]
async fn a_full_answer_is_asked_for_again_soon_and_once() {
    let world = World::new(Server { due: vec![0; 250], ..Server::default() }, Queues::default());
    for second in [0, 1, 2] {
        world.tick(second, EXTRA).await;
    }
    assert_eq!(world.sent().len(), PAGE);
    let ticks = world.queues.ticks.lock().unwrap();
    assert_eq!((ticks.len(), ticks[0].2), (1, SOON));
}

#[tokio::test]
async fn the_schedules_tick_is_followed_by_those_in_between() {
    let world = World::new(Server::default(), Queues::default());
    world.tick(0, r#"{"version":1,"tick":"minute"}"#).await;
    let ticks = world.queues.ticks.lock().unwrap().clone();
    let extra = PollMessage::Tick(Tick::Extra);
    assert_eq!(ticks, [20, 40].map(|second| (extra.clone(), 1, Duration::from_secs(second))));
}

#[tokio::test]
async fn a_ring_polls_its_pool_only_and_passes_a_cancelled_run_on() {
    let world = World::new(Server::default(), Queues::default());
    let run = FlowRunId::from_u128(9);
    let ring = |pool: &str| {
        let ring = Ring {
            work_pool: Some(pool.to_owned()),
            flow_run_id: Some(run),
            event: Some("prefect.flow-run.Cancelling".to_owned()),
        };
        PollMessage::Ring(ring).body()
    };
    world.tick(0, &ring("another")).await;
    assert_eq!(world.server.count("get_scheduled_flow_runs"), 0);
    world.tick(0, &ring("p")).await;
    assert_eq!(world.server.count("get_scheduled_flow_runs"), 1);
    assert_eq!(*world.queues.checks.lock().unwrap(), [Check { flow_run_id: run, hops: 1 }; 2]);
}

/// Else a pool with more due runs than a page, or one with a limit whose runs keep coming, would be a loop that Lambda stops.
#[tokio::test]
async fn a_chain_of_polls_ends_and_the_next_tick_begins_another() {
    let world = World::new(Server { due: vec![0; 3 * PAGE], ..Server::default() }, Queues::default());
    let mut body = EXTRA.to_owned();
    for second in 0..60 {
        world.tick(second * 5, &body).await;
        let Some((ring, hops, _)) = world.queues.ticks.lock().unwrap().pop() else { break };
        body = ring.body_after(hops);
    }
    assert!(body.ends_with(&format!(r#""hops":{AGAIN}}}"#)), "{body}");
    world.tick(1_000, EXTRA).await;
    assert_eq!(world.queues.ticks.lock().unwrap()[0].1, 1, "the end of a chain is no bar to the next");
    world.queues.ticks.lock().unwrap().clear();
    // Further ticks and checks go on a little longer: without them pools are not ready, and tasks are stopped late.
    let minute = |hops| PollMessage::Tick(Tick::Minute).body_after(hops);
    for (hops, ticks) in [(AGAIN, 2), (LONGEST, 0)] {
        world.tick(2_000, &minute(hops)).await;
        assert_eq!(std::mem::take(&mut *world.queues.ticks.lock().unwrap()).len(), ticks, "after {hops}");
    }
}
