//! A flood at the doorbell: the function's own binary behind its URL, and thousands of requests from somebody who does not
//! know the token, or who sends too much.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use local::{
    Config, Local,
    lambda::{Bootstrap, Function, FunctionUrl, Output, RuntimeApi},
};
use pushpool_tests::rig::binaries::binary;
use serde_json::{Value, json};
use tokio::net::TcpStream;

const TOKEN: &str = "canary-token-0123456789";

const TIMEOUT: Duration = Duration::from_secs(30);

/// Requests of the flood.
const REQUESTS: usize = 5_000;

/// What the process may grow by while it refuses them, in KiB: an allocator keeps some of what the largest ones took.
const GROWTH: u64 = 8 << 10;

struct Door {
    local: Local,
    function: Arc<RuntimeApi>,
    url: FunctionUrl,
    queue: String,
}

impl Door {
    async fn open() -> Self {
        let path = tokio::task::spawn_blocking(|| binary("doorbell")).await.unwrap();
        let local = Local::start(Config::default()).await.unwrap();
        let queue = local.sqs().create_queue("poll", json!({})).await.unwrap();
        let mut bootstrap = Bootstrap::new("doorbell", path);
        bootstrap.endpoint_url = Some(local.endpoint());
        bootstrap.environments = 1;
        bootstrap.output = Output::Discard;
        bootstrap.environment.extend([
            ("PUSHPOOL_POLL_QUEUE_URL".to_owned(), queue.clone()),
            ("PUSHPOOL_DOORBELL_TOKEN".to_owned(), TOKEN.to_owned()),
        ]);
        let function = Arc::new(RuntimeApi::start(bootstrap).await.unwrap());
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let url = FunctionUrl::start(address, Arc::<RuntimeApi>::clone(&function), TIMEOUT).await.unwrap();
        Self { local, function, url, queue }
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let url = self.url.url();
        let stream = TcpStream::connect(url.trim_start_matches("http://").trim_end_matches('/')).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    /// The status of an event that no URL would make.
    async fn invoke(&self, event: Value) -> u16 {
        let answer = self.function.invoke(event, TIMEOUT).await.unwrap();
        u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap()
    }

    fn rings(&self) -> Vec<String> {
        self.local.sqs().bodies(&self.queue).unwrap()
    }

    /// Most memory that the process had at once, in KiB, and its time on a processor.
    fn spent(&self) -> (u64, Duration) {
        let processes = self.function.idle_processes();
        let [process] = processes[..] else { panic!("one environment serves all: {processes:?}") };
        let of = Path::new("/proc").join(process.to_string());
        let status = std::fs::read_to_string(of.join("status")).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let peak = peak.trim().trim_end_matches(" kB").parse().unwrap();
        // Nanoseconds of each thread (proc(5), `schedstat`).
        let threads = std::fs::read_dir(of.join("task")).unwrap();
        let on_processor = threads.map(|thread| {
            let text = std::fs::read_to_string(thread.unwrap().path().join("schedstat")).unwrap();
            text.split_whitespace().next().unwrap().parse::<u64>().unwrap()
        });
        (peak, Duration::from_nanos(on_processor.sum()))
    }
}

/// One kind of request over HTTP: method, the header with the token, size of the body, and the answer.
type Kind = (&'static str, Option<(&'static str, &'static str)>, usize, u16);

const LARGE: usize = 5 << 20;

const KINDS: [Kind; 11] = [
    ("POST", None, 20, 401),
    ("POST", Some(("authorization", "Bearer wrong")), 20, 401),
    ("POST", Some(("authorization", TOKEN)), 20, 401),
    ("POST", Some(("authorization", "Bearer canary-token-0123456789")), 3_000, 202),
    ("POST", Some(("x-pushpool-token", "canary-token-012345678")), 3_000, 401),
    ("POST", Some(("x-pushpool-token", "")), 0, 401),
    ("GET", Some(("x-pushpool-token", TOKEN)), 0, 405),
    ("PUT", None, 100_000, 405),
    ("DELETE", None, 0, 405),
    ("POST", Some(("x-pushpool-token", TOKEN)), 300_000, 413),
    ("POST", None, 300_000, 401),
];

fn request((method, header, size, _): Kind) -> Request<Full<Bytes>> {
    let mut request = Request::builder()
        .method(method)
        .uri("/")
        .header("host", "doorbell")
        .header("content-type", "application/json");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    request.body(Full::from("x".repeat(size))).unwrap()
}

async fn ask(sender: &mut SendRequest<Full<Bytes>>, kind: Kind) -> u16 {
    sender.ready().await.unwrap();
    let answer = sender.send_request(request(kind)).await.unwrap();
    let status = answer.status().as_u16();
    answer.into_body().collect().await.unwrap();
    status
}

/// Events that are none of a URL's.
fn odd_events() -> Vec<(Value, u16)> {
    let post = json!({"http": {"method": "POST"}});
    vec![
        (json!({}), 405),
        (json!([1]), 405),
        (Value::Null, 405),
        (json!({"requestContext": post}), 401),
        (json!({"requestContext": post, "headers": [], "body": 5}), 401),
        (json!({"requestContext": post, "headers": {"authorization": ["Bearer", TOKEN]}}), 401),
        (json!({"requestContext": post, "headers": {}, "body": "%%%", "isBase64Encoded": true}), 401),
        (
            json!({"requestContext": post, "headers": {"x-pushpool-token": TOKEN}, "body": "=".repeat(400_000),
            "isBase64Encoded": true}),
            413,
        ),
    ]
}

#[tokio::test]
async fn a_flood_rings_nothing_and_costs_little() {
    let door = Door::open().await;
    let mut sender = door.connect().await;
    let refused: Vec<Kind> = KINDS.into_iter().filter(|kind| kind.3 != 202).collect();
    // One of each first, and the largest that Lambda lets through: what the process needs at most.
    for kind in &refused {
        assert_eq!(ask(&mut sender, *kind).await, kind.3, "{kind:?}");
    }
    assert_eq!(ask(&mut sender, ("POST", None, LARGE, 401)).await, 401);
    for (event, status) in odd_events() {
        assert_eq!(door.invoke(event.clone()).await, status, "{event:.300}");
    }
    let (before, started) = door.spent();

    let events = odd_events();
    for number in 0..REQUESTS {
        if number % 10 == 9 {
            let (event, status) = &events[number / 10 % events.len()];
            assert_eq!(door.invoke(event.clone()).await, *status, "{event:.300}");
        } else {
            let kind = refused[number % refused.len()];
            assert_eq!(ask(&mut sender, kind).await, kind.3, "{kind:?}");
        }
    }
    let (after, ended) = door.spent();
    assert_eq!(door.rings(), Vec::<String>::new(), "refused, and sent all the same");
    assert!(after <= before + GROWTH, "from {before} to {after} KiB");
    eprintln!(
        "{REQUESTS} refused requests: {} µs of processor each, peak memory {before} KiB before and {after} KiB after",
        (ended - started).as_micros() / REQUESTS as u128
    );

    // It is still there for who knows the token.
    let known = KINDS.into_iter().find(|kind| kind.3 == 202).unwrap();
    assert_eq!(ask(&mut sender, known).await, 202);
    assert_eq!(door.rings(), [r#"{"version":1,"ring":{},"hops":1}"#]);
    door.url.stop().await;
    door.function.stop().await;
    door.local.stop().await;
}
