//! What a poll asks and sends, over a server and queues in memory. The same against real ones: `tests/it/served`.

use std::sync::atomic::{AtomicI64, Ordering};

use prefect_api::{Patience, Request, Response, TransportError};
use serde_json::{Value, json};

use super::*;

/// Seconds since 1970 at the start.
const START: i64 = 1_800_000_000;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

/// A server with one pool, whose scheduled runs are due at these seconds.
#[derive(Default)]
struct Server {
    limit: Option<u32>,
    queues: Vec<Value>,
    due: Vec<i64>,
    requests: Mutex<Vec<(String, Value)>>,
}

impl Server {
    fn answer(&self, path: &str, body: &Value) -> Value {
        match path {
            "/work_pools/filter" => json!([{"id": Uuid::from_u128(1), "name": "p", "type": "ecs:push",
                "concurrency_limit": self.limit}]),
            "/work_pools/p/queues/filter" => json!(self.queues),
            "/work_pools/p/workers/heartbeat" => Value::Null,
            "/work_pools/p/get_scheduled_flow_runs" => {
                let before: Timestamp = body["scheduled_before"].as_str().unwrap().parse().unwrap();
                let runs = self.due.iter().enumerate().filter(|(_, due)| at(**due) <= before).take(PAGE);
                let run = |(number, due): (usize, &i64)| {
                    let id = Uuid::from_u128(100 + number as u128);
                    json!({"work_queue_id": id, "flow_run": {"id": id, "flow_id": id, "state_id": id,
                        "state_type": "SCHEDULED", "next_scheduled_start_time": at(*due)}})
                };
                runs.map(run).collect()
            }
            other => panic!("{other}"),
        }
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
        let answer = self.0.answer(&request.path, &body).to_string().into_bytes();
        self.0.requests.lock().unwrap().push((request.path, body));
        Ok(Response { status: 200, retry_after: None, body: answer })
    }
}

#[derive(Default)]
struct Queues {
    runs: Mutex<Vec<(RunQueue, QueuedRun)>>,
    ticks: Mutex<Vec<(PollMessage, Duration)>>,
    checks: Mutex<Vec<Uuid>>,
    full: bool,
}

impl PollerQueues for Queues {
    async fn send_runs(&self, queue: RunQueue, messages: &[QueuedRun]) -> Vec<bool> {
        if !self.full {
            self.runs.lock().unwrap().extend(messages.iter().map(|message| (queue, message.clone())));
        }
        vec![!self.full; messages.len()]
    }

    async fn send_tick(&self, message: &PollMessage, delay: Duration) -> Result<(), Failure> {
        self.ticks.lock().unwrap().push((message.clone(), delay));
        Ok(())
    }

    async fn send_check(&self, flow_run_id: Uuid) -> Result<(), Failure> {
        self.checks.lock().unwrap().push(flow_run_id);
        Ok(())
    }
}

#[derive(Default)]
struct Sink(Mutex<Vec<Polled>>);

impl PollSink for Sink {
    fn polled(&self, polled: &Polled) {
        self.0.lock().unwrap().push(polled.clone());
    }

    fn poll_failed(&self, detail: &str) {
        panic!("{detail}");
    }
}

struct World {
    server: Arc<Server>,
    queues: Arc<Queues>,
    sink: Arc<Sink>,
    second: Arc<AtomicI64>,
    poller: Poller<Wire, Queues>,
}

impl World {
    fn new(server: Server, queues: Queues) -> Self {
        let (server, queues, sink) = (Arc::new(server), Arc::new(queues), Arc::new(Sink::default()));
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
    assert_eq!(world.server.count("/queues/filter"), 2, "queues are kept for a while");
    assert_eq!(world.server.count("/heartbeat"), 3);
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

#[tokio::test]
async fn a_limited_pool_is_asked_for_due_runs_and_polled_when_the_next_is_due() {
    let world = World::new(Server { due: vec![0, 7, 8, 9], limit: Some(3), ..Server::default() }, Queues::default());
    for second in 0..3 {
        world.tick(second, EXTRA).await;
    }
    let sent = world.sent();
    assert!(sent.iter().all(|(queue, _)| *queue == RunQueue::Fifo), "{sent:?}");
    assert_eq!(sent.len(), 3, "the due one, with each poll until it is claimed");
    let mut ids: Vec<&str> = sent.iter().map(|(_, message)| message.deduplication_id.as_str()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "SQS must not take it for the same message within five minutes");
    let ticks = world.queues.ticks.lock().unwrap().clone();
    let ring = PollMessage::Ring(Ring { work_pool: Some("p".into()), ..Ring::default() });
    assert_eq!(ticks, [(ring, Duration::from_secs(7))], "polls must not multiply");
}

#[tokio::test]
async fn limited_queues_of_an_unlimited_pool_go_their_own_way() {
    let queue = |name: &str, limit: Option<u32>| json!({"id": Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()), "name": name, "concurrency_limit": limit});
    let queues = vec![queue("default", None), queue("narrow", Some(1))];
    let world = World::new(Server { due: vec![0], queues, ..Server::default() }, Queues::default());
    world.tick(0, EXTRA).await;
    let requests = world.server.requests.lock().unwrap();
    let asked: Vec<&Value> = requests
        .iter()
        .filter(|(path, _)| path.ends_with("get_scheduled_flow_runs"))
        .map(|(_, body)| &body["work_queue_names"])
        .collect();
    assert_eq!(asked, [&json!(["narrow"]), &json!(["narrow"]), &json!(["default"])]);
}

#[tokio::test]
async fn a_full_answer_is_asked_for_again_soon_and_once() {
    let world = World::new(Server { due: vec![0; 250], ..Server::default() }, Queues::default());
    for second in [0, 1, 2] {
        world.tick(second, EXTRA).await;
    }
    assert_eq!(world.sent().len(), PAGE);
    let ticks = world.queues.ticks.lock().unwrap();
    assert_eq!((ticks.len(), ticks[0].1), (1, AGAIN));
}

#[tokio::test]
async fn the_schedules_tick_is_followed_by_those_in_between() {
    let world = World::new(Server::default(), Queues::default());
    world.tick(0, r#"{"version":1,"tick":"minute"}"#).await;
    let ticks = world.queues.ticks.lock().unwrap().clone();
    let extra = PollMessage::Tick(Tick::Extra);
    assert_eq!(ticks, [20, 40].map(|second| (extra.clone(), Duration::from_secs(second))));
}

#[tokio::test]
async fn a_ring_polls_its_pool_only_and_passes_a_cancelled_run_on() {
    let world = World::new(Server::default(), Queues::default());
    let run = Uuid::from_u128(9);
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
    assert_eq!(*world.queues.checks.lock().unwrap(), [run, run]);
}
