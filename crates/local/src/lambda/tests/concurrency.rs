//! One account's concurrency, shared by a function that anyone can call and by those that queues feed.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::lambda::{Concurrency, EventSourceMapping, Function, FunctionError, FunctionUrl, InProcess, Mapping};
use crate::sqs::Sqs;
use crate::wire::Account;

const TIMEOUT: Duration = Duration::from_secs(30);

const HOUR: Duration = Duration::from_secs(3_600);

/// A function whose invocations end when the gate is closed.
fn hanging() -> (Arc<dyn Function>, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let waits = Arc::clone(&gate);
    let function = InProcess::new(move |_, _| {
        let gate = Arc::clone(&waits);
        async move {
            let _ = gate.acquire().await;
            Ok(json!({}))
        }
    });
    (Arc::new(function), gate)
}

/// Starts invocations until one is refused; the reason, and how many run.
async fn flood(function: &Arc<dyn Function>) -> (FunctionError, usize) {
    for running in 0..1_000 {
        let function = Arc::clone(function);
        let mut invoked = tokio::spawn(async move { function.invoke(json!({}), HOUR).await });
        tokio::select! {
            biased;
            ended = &mut invoked => return (ended.unwrap().unwrap_err(), running),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
    panic!("nothing is refused");
}

/// A queue with a message, and a mapping to a function that takes anything.
async fn fed(concurrency: &Arc<Concurrency>, visibility: &str) -> (Sqs, String, EventSourceMapping) {
    let account = Account { region: "eu-west-1".into(), account_id: "123456789012".into() };
    let sqs = Sqs::new(account, "http://localhost:1", Clock::new());
    let url = sqs.create_queue("q", json!({"VisibilityTimeout": visibility})).await.unwrap();
    sqs.send(&url, "a run").await.unwrap();
    let taking: Arc<dyn Function> = Arc::new(InProcess::new(|_: Value, _| async { Ok(json!({})) }));
    let mapping = Mapping { maximum_concurrency: 1, ..Mapping::new(&url) };
    let mapping = EventSourceMapping::start(sqs.clone(), concurrency.limited("dispatcher", taking), mapping).await;
    (sqs, url, mapping.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_flood_takes_the_accounts_concurrency_and_a_reservation_stops_it() {
    // A new account: the flood has all of it, and the queue's function waits until the flood ends.
    let concurrency = Concurrency::new(10);
    let (function, gate) = hanging();
    let doorbell = concurrency.limited("doorbell", function);
    let (refused, running) = flood(&doorbell).await;
    assert_eq!((refused, running), (FunctionError::Throttled("ConcurrentInvocationLimitExceeded"), 10));
    let (sqs, url, mapping) = fed(&concurrency, "600").await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    assert!(mapping.counts().throttles > 10, "{:?}", mapping.counts());
    assert_eq!(sqs.bodies(&url).unwrap(), ["a run"]);
    gate.close();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(sqs.bodies(&url).unwrap().is_empty(), "{:?}", mapping.counts());
    mapping.stop().await;

    // The same with two places for the doorbell, and ten left for all others.
    let concurrency = Concurrency::new(112);
    concurrency.reserve("doorbell", 2).unwrap();
    let _neighbours = concurrency.occupy(100).unwrap();
    let (function, _gate) = hanging();
    let doorbell = concurrency.limited("doorbell", function);
    let (refused, running) = flood(&doorbell).await;
    assert_eq!((refused, running), (FunctionError::Throttled("ReservedFunctionConcurrentInvocationLimitExceeded"), 2));
    let (sqs, url, mapping) = fed(&concurrency, "600").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(sqs.bodies(&url).unwrap().is_empty());
    assert_eq!(mapping.counts().throttles, 0);
    mapping.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_stays_throttled_is_dropped_and_its_messages_come_again() {
    let concurrency = Concurrency::new(10);
    let all = concurrency.occupy(10).unwrap();
    let (sqs, url, mapping) = fed(&concurrency, "60").await;
    tokio::time::sleep(Duration::from_secs(150)).await;
    let counts = mapping.counts();
    assert!(counts.failed_invocations >= 2 && counts.failed_records >= 2, "each time costs a receive: {counts:?}");
    assert_eq!(sqs.bodies(&url).unwrap(), ["a run"]);
    drop(all);
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert!(sqs.bodies(&url).unwrap().is_empty());
    mapping.stop().await;
}

#[test]
fn too_little_may_not_be_left_for_the_others() {
    let refused = |limit: usize, places: usize| Concurrency::new(limit).reserve("doorbell", places).err();
    assert_eq!(refused(102, 2), None);
    assert!(refused(101, 2).unwrap().to_string().ends_with("below its minimum value of [100]."));
    assert!(refused(10, 1).unwrap().to_string().ends_with("below its minimum value of [10]."));
    let concurrency = Concurrency::new(110);
    concurrency.reserve("a", 5).unwrap();
    concurrency.reserve("b", 5).unwrap();
    assert!(concurrency.reserve("c", 1).is_err());
    concurrency.reserve("a", 4).unwrap();
    concurrency.reserve("c", 1).unwrap();
    assert!(concurrency.occupy(101).is_none());
    assert!(concurrency.occupy(100).is_some());
}

#[tokio::test]
async fn a_url_says_that_nothing_is_left() {
    let concurrency = Concurrency::new(1);
    let taking: Arc<dyn Function> = Arc::new(InProcess::new(|_: Value, _| async { Ok(json!({"statusCode": 202})) }));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let url = FunctionUrl::start(address, concurrency.limited("doorbell", taking), TIMEOUT).await.unwrap();
    let status = async || {
        let stream = TcpStream::connect(url.url().trim_start_matches("http://").trim_end_matches('/')).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::post("/").header("host", "doorbell").body(Empty::<Bytes>::new()).unwrap();
        let status = sender.send_request(request).await.unwrap().status();
        connection.abort();
        status
    };
    let all = concurrency.occupy(1).unwrap();
    assert_eq!(status().await, 429);
    drop(all);
    assert_eq!(status().await, 202);
    url.stop().await;
}
