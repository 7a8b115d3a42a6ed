//! A poller at a server whose runs have large parameters: everything is sent, in the memory that the function has.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use dispatch::{
    check::Check,
    message::RunQueue,
    outcome::{Event, Polling},
    poll::{Options, Poller},
    ports::{self, Clock, EventsQueue, Failure, PollQueue, QueuedRun, RunQueues},
    ring::PollMessage,
};
use prefect_api::{Client, Connection, Patience, http::HttpTransport};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

/// Work pools, and due runs of each.
const POOLS: usize = 4;
const RUNS: usize = 200;

/// Parameters of a run, in bytes.
const PARAMETERS: usize = 360_000;

/// Most memory that polling may take: half of what the function has unless told otherwise.
const MOST: u64 = 128 * 1024 * 1024;

/// The server, on loopback, with a thread for each connection.
struct Server {
    address: String,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    ends: Arc<AtomicBool>,
    accepts: Option<thread::JoinHandle<()>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let ends = Arc::new(AtomicBool::new(false));
        let (kept, end) = (Arc::clone(&connections), Arc::clone(&ends));
        let accepts = thread::spawn(move || {
            let mut served = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                if end.load(Ordering::Relaxed) {
                    break;
                }
                kept.lock().unwrap().push(stream.try_clone().unwrap());
                served.push(thread::spawn(move || serve(stream)));
            }
            for thread in served {
                thread.join().unwrap();
            }
        });
        Self { address, connections, ends, accepts: Some(accepts) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(&self.address));
        for connection in self.connections.lock().unwrap().iter() {
            let _ = connection.shutdown(Shutdown::Both);
        }
        if let Some(accepts) = self.accepts.take() {
            let _ = accepts.join();
        }
    }
}

/// Answers until the connection ends.
fn serve(stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            let mut header = String::new();
            if reader.read_line(&mut header).unwrap_or(0) == 0 {
                return;
            }
            let Some((name, value)) = header.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        if reader.read_exact(&mut body).is_err() {
            return;
        }
        let answer = answer(&path, &serde_json::from_slice(&body).unwrap_or_default());
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", answer.len());
        // A client that has heard how long it is may hang up.
        if writer.write_all(head.as_bytes()).and_then(|()| writer.write_all(answer.as_bytes())).is_err() {
            return;
        }
    }
}

fn answer(path: &str, body: &Value) -> String {
    let number = |key: &str| body[key].as_u64().unwrap_or_default() as usize;
    let page = |count: usize| (number("offset")..count).take(number("limit"));
    match path {
        "/api/work_pools/filter" => {
            let pool =
                |it: usize| json!({"id": Uuid::from_u128(it as u128), "name": format!("p{it}"), "type": "ecs:push"});
            page(POOLS).map(pool).collect::<Value>().to_string()
        }
        _ if path.ends_with("/get_scheduled_flow_runs") => {
            let parameters = "x".repeat(PARAMETERS);
            let pool: u128 = path.trim_start_matches("/api/work_pools/p").split('/').next().unwrap().parse().unwrap();
            // Put together as text: to write that much JSON takes a debug build longer than a client waits.
            let run = |number: usize| {
                let id = Uuid::from_u128((pool << 32) + number as u128);
                let run = json!({"id": id, "flow_id": id, "state_id": id, "state_type": "SCHEDULED",
                    "next_scheduled_start_time": "2026-01-01T00:00:00Z"});
                let run = run.to_string();
                let members = run.trim_end_matches('}');
                format!(r#"{{"work_queue_id":"{id}","flow_run":{members},"parameters":{{"x":"{parameters}"}}}}}}"#)
            };
            format!("[{}]", page(RUNS).map(run).collect::<Vec<String>>().join(","))
        }
        _ => "[]".to_owned(),
    }
}

/// Counts what is sent.
#[derive(Default)]
struct Queues(Mutex<Vec<String>>);

impl RunQueues for Queues {
    async fn send_runs(&self, _: RunQueue, messages: &[QueuedRun]) -> Vec<bool> {
        self.0.lock().unwrap().extend(messages.iter().map(|message| message.body.clone()));
        vec![true; messages.len()]
    }

    async fn waiting(&self, _: RunQueue) -> Option<u64> {
        Some(0)
    }
}

impl PollQueue for Queues {
    async fn send_poll(&self, _: &PollMessage, _: u32, _: Duration) -> Result<(), Failure> {
        Ok(())
    }
}

impl EventsQueue for Queues {
    async fn send_check(&self, _: Check, _: Duration) -> Result<(), Failure> {
        Ok(())
    }
}

struct Sink;

impl ports::Sink for Sink {
    fn emit(&self, event: &Event<'_>) {
        if let Event::Poll(Polling::Failed(detail)) = event {
            panic!("{detail}");
        }
    }
}

#[test]
fn pools_with_large_parameters_are_polled_in_the_functions_memory() {
    let server = Server::start();
    let mut connection = Connection::to(format!("http://{}/api", server.address));
    connection.timeout = Duration::from_secs(120);
    let queues = Arc::new(Queues::default());
    let event = json!({"Records": [{"messageId": "m", "body": r#"{"version":1,"tick":"extra"}"#}]});
    let records = dispatch::sqs_event::records(event).unwrap();
    let allocated = allocation_counter::measure(|| {
        // All of the poller is on this thread, and nothing of the server.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = Client::new(HttpTransport::new(&connection).unwrap(), Patience::FUNCTION);
            let clock: Clock = Arc::new(|| "2026-01-01T00:01:00Z".parse().unwrap());
            let options = Options::default();
            let poller = Poller::new(client, Arc::clone(&queues), options, Arc::new(Sink), clock);
            poller.handle(&records, Instant::now() + Duration::from_secs(300)).await;
        });
    });
    let sent = queues.0.lock().unwrap().len();
    // The first page that fits is half of 50, or that: the rest comes with the polls that the poller asks for.
    assert!((25 * POOLS..=RUNS * POOLS).contains(&sent), "{sent} messages");
    assert!(allocated.bytes_max < MOST, "{} MB", allocated.bytes_max / 1_000_000);
}
