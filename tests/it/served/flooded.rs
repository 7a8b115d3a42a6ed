//! A flood at the doorbell, in an account whose concurrency is all but used up: with places reserved for the doorbell, runs go
//! their way through the other functions; without, the flood takes theirs.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes};
use hyper_util::rt::TokioIo;
use local::lambda::Concurrency;
use pushpool_tests::rig::served::Setup;
use serde_json::json;
use tokio::{net::TcpStream, task::JoinSet};

use super::{PATIENCE, World};

const TOKEN: &str = "canary-token-0123456789";

/// What new accounts have.
const ACCOUNT: usize = 10;

/// So many that whenever a place becomes free one of them is there for it.
const CLIENTS: usize = 64;

/// How long one waits that was refused a place: all together they ask some hundred times a second.
const REFUSED: Duration = Duration::from_millis(100);

/// Requests of each at most: the flood ends by itself.
const MOST: usize = 100_000;

/// The functions that queues feed.
const FED: [&str; 3] = ["poller", "dispatcher", "observer"];

/// Wrong rings at the URL, one after the other, until they are told to stop; how often each status was the answer.
struct Flood {
    over: Arc<AtomicBool>,
    clients: JoinSet<BTreeMap<u16, usize>>,
}

impl Flood {
    fn start(url: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let address = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(client(address.clone(), Arc::clone(&over)));
        }
        Self { over, clients }
    }

    fn goes_on(&mut self) -> bool {
        self.clients.try_join_next().is_none()
    }

    async fn stop(self) -> BTreeMap<u16, usize> {
        self.over.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for answers in self.clients.join_all().await {
            for (status, count) in answers {
                *all.entry(status).or_default() += count;
            }
        }
        all
    }
}

async fn client(address: String, over: Arc<AtomicBool>) -> BTreeMap<u16, usize> {
    let stream = TcpStream::connect(&address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut answers = BTreeMap::new();
    for _ in 0..MOST {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let request = Request::post("/").header("host", "doorbell").header("x-pushpool-token", "wrong-wrong-wrong");
        sender.ready().await.unwrap();
        let answer = sender.send_request(request.body(Empty::<Bytes>::new()).unwrap()).await.unwrap();
        let status = answer.status().as_u16();
        answer.into_body().collect().await.unwrap();
        *answers.entry(status).or_default() += 1;
        if status == 429 {
            tokio::time::sleep(REFUSED).await;
        }
    }
    connection.abort();
    answers
}

async fn world(concurrency: &Arc<Concurrency>) -> World {
    let setup = Setup {
        functions: &["doorbell", "poller", "dispatcher", "observer"],
        // As many environments of each function as the account has places.
        dispatchers: ACCOUNT / 2,
        environment: vec![("PUSHPOOL_DOORBELL_TOKEN", TOKEN.to_owned())],
        concurrency: Some(Arc::clone(concurrency)),
        ..Setup::default()
    };
    World::start(setup, json!({})).await
}

#[tokio::test]
async fn a_flood_of_wrong_rings_stops_neither_dispatcher_nor_observer() {
    // AWS has 100 places left for all others. Neighbours use these, but for ten.
    let concurrency = Concurrency::new(2 + 100);
    concurrency.reserve("doorbell", 2).unwrap();
    let neighbours = concurrency.occupy(100 - ACCOUNT).unwrap();
    let world = world(&concurrency).await;
    let deployment = world.deploy(world.light(0.1)).await;
    let url = world.served.url_of("doorbell").await;
    let mut flood = Flood::start(&url.url());

    let mut runs = world.due(&deployment, 2).await;
    // One whose container dies without a word: only the observer can end it.
    let mute = world.flow("quick").with("name", json!("mute")).job_variables(json!({"command": "python -c exit(3)"}));
    let mute = world.deploy(mute).await;
    runs.extend(world.due(&mute, 1).await);
    for (run, state) in runs.iter().zip(["COMPLETED", "COMPLETED", "CRASHED"]) {
        let ended = world.api.wait_for(run, &["COMPLETED", "CRASHED", "FAILED"], PATIENCE).await;
        assert_eq!(ended["state_type"], state, "{ended:#}");
    }
    assert!(flood.goes_on(), "the flood was over before the runs were");
    let answers = flood.stop().await;
    eprintln!("the flood was answered {answers:?}");
    assert!(answers[&401] > 0 && answers[&429] > 0, "{answers:?}");
    assert_eq!(answers.len(), 2, "{answers:?}");
    for name in FED {
        assert_eq!(world.served.throttles(name), 0, "{name}");
    }
    drop(neighbours);
    url.stop().await;
    world.served.stop().await;
}

/// What the reservation is for: that the flood above is one.
#[tokio::test]
async fn without_a_reservation_a_flood_takes_the_concurrency_of_the_others() {
    let concurrency = Concurrency::new(ACCOUNT);
    assert!(concurrency.reserve("doorbell", 2).is_err(), "AWS refuses it in such an account");
    let world = world(&concurrency).await;
    let url = world.served.url_of("doorbell").await;
    let mut flood = Flood::start(&url.url());
    let started = Instant::now();
    while FED.iter().map(|name| world.served.throttles(name)).sum::<u64>() == 0 {
        assert!(flood.goes_on(), "the flood was over before anything was throttled");
        assert!(started.elapsed() < PATIENCE, "nothing was throttled: {:?}", flood.stop().await);
        // Each is one more invocation that may find no place.
        world.served.send("poll", r#"{"version":1,"tick":"extra"}"#).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let answers = flood.stop().await;
    assert!(answers[&429] > 0, "{answers:?}");
    url.stop().await;
    world.served.stop().await;
}
