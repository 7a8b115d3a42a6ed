//! Mappings over in-process functions, with tokio's time paused.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::clock::Clock;
use crate::lambda::{Chain, EventSourceMapping, FunctionError, InProcess, Mapping, MappingError};
use crate::sqs::Sqs;
use crate::wire::Account;

struct Setup {
    sqs: Sqs,
    url: String,
    mapping: Mapping,
}

async fn setup(name: &str, attributes: Value) -> Setup {
    let account = Account { region: "eu-west-1".into(), account_id: "123456789012".into() };
    let sqs = Sqs::new(account, "http://localhost:1", Clock::new());
    let url = sqs.create_queue(name, attributes).await.unwrap();
    let mapping = Mapping { maximum_concurrency: 1, ..Mapping::new(&url) };
    Setup { sqs, url, mapping }
}

impl Setup {
    async fn send(&self, bodies: &[&str]) {
        for body in bodies {
            self.sqs.send(&self.url, *body).await.unwrap();
        }
    }

    async fn send_fifo(&self, group: &str, body: &str) {
        let input = json!({
            "QueueUrl": self.url, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": body,
        });
        self.sqs.call("SendMessage", input).await.unwrap();
    }

    /// Visible, in flight, delayed.
    fn depths(&self) -> (usize, usize, usize) {
        let depths = self.sqs.depths(&self.url).unwrap();
        (depths.visible, depths.in_flight, depths.delayed)
    }
}

type Answer = fn(&[Value]) -> Result<Value, FunctionError>;
type Seen = Arc<Mutex<Vec<Vec<String>>>>;

/// A function that notes the bodies of each event and answers as `answer` says.
fn noting(
    answer: impl Fn(&[Value]) -> Result<Value, FunctionError> + Send + Sync + 'static,
) -> (Arc<dyn crate::lambda::Function>, Seen) {
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    let function = InProcess::new(move |event: Value, _| {
        let records = event["Records"].as_array().unwrap().clone();
        notes.lock().unwrap().push(records.iter().map(|record| text(&record["body"])).collect());
        let outcome = answer(&records);
        async move { outcome }
    });
    (Arc::new(function), seen)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// An answer that reports the records with these bodies.
fn failing(bodies: &'static [&'static str]) -> impl Fn(&[Value]) -> Result<Value, FunctionError> {
    move |records| {
        let failed = records.iter().filter(|record| bodies.contains(&record["body"].as_str().unwrap()));
        let items: Vec<Value> = failed.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
        Ok(json!({"batchItemFailures": items}))
    }
}

#[tokio::test(start_paused = true)]
async fn what_succeeds_is_deleted_and_what_is_reported_comes_back() {
    let setup = setup("q", json!({"VisibilityTimeout": "30"})).await;
    setup.send(&["a", "bad", "c"]).await;
    let (function, seen) = noting(failing(&["bad"]));
    let mapping = EventSourceMapping::start(setup.sqs.clone(), function, setup.mapping.clone()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(setup.depths(), (0, 1, 0));
    sleep(Duration::from_secs(30)).await;
    assert_eq!(*seen.lock().unwrap(), [vec!["a", "bad", "c"], vec!["bad"]]);
    let counts = mapping.counts();
    assert_eq!((counts.invocations, counts.failed_invocations), (2, 0));
    assert_eq!((counts.records, counts.failed_records), (4, 2));
    mapping.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_invocation_fails_the_batch() {
    let outcomes: [Answer; 3] = [
        |_| Err(FunctionError::Failed { error_type: "Error".into(), message: "no".into() }),
        |_| Ok(json!({"batchItemFailures": [{"itemIdentifier": "unknown"}]})),
        |_| panic!("as a function may"),
    ];
    for outcome in outcomes {
        let setup = setup("q", json!({"VisibilityTimeout": "30"})).await;
        setup.send(&["a", "b"]).await;
        let (function, _) = noting(outcome);
        let mapping = EventSourceMapping::start(setup.sqs.clone(), function, setup.mapping.clone()).await.unwrap();
        sleep(Duration::from_secs(1)).await;
        assert_eq!(setup.depths(), (0, 2, 0));
        let counts = mapping.counts();
        assert_eq!((counts.failed_invocations, counts.failed_records), (1, 2));
        mapping.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_response_type_any_answer_is_a_success() {
    let mut setup = setup("q", json!({})).await;
    setup.mapping.report_batch_item_failures = false;
    setup.send(&["bad"]).await;
    let (function, _) = noting(failing(&["bad"]));
    let mapping = EventSourceMapping::start(setup.sqs.clone(), function, setup.mapping.clone()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(setup.depths(), (0, 0, 0));
    mapping.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_takes_too_long_is_cut_off() {
    let mut setup = setup("q", json!({})).await;
    setup.mapping.timeout = Duration::from_secs(3);
    setup.send(&["a"]).await;
    let function = InProcess::new(|_, timeout| async move {
        assert_eq!(timeout, Duration::from_secs(3));
        sleep(Duration::from_secs(60)).await;
        Ok(Value::Null)
    });
    let mapping =
        EventSourceMapping::start(setup.sqs.clone(), Arc::new(function), setup.mapping.clone()).await.unwrap();
    sleep(Duration::from_secs(4)).await;
    assert_eq!(mapping.counts().failed_invocations, 1);
    assert_eq!(setup.depths(), (0, 1, 0));
    mapping.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_visibility_the_function_sets_holds() {
    let setup = setup("q", json!({"VisibilityTimeout": "600"})).await;
    setup.send(&["a"]).await;
    let (sqs, url) = (setup.sqs.clone(), setup.url.clone());
    let function = InProcess::new(move |event: Value, _| {
        let (sqs, url) = (sqs.clone(), url.clone());
        async move {
            let record = &event["Records"][0];
            let input = json!({"QueueUrl": url, "ReceiptHandle": record["receiptHandle"], "VisibilityTimeout": 5});
            sqs.call("ChangeMessageVisibility", input).await.unwrap();
            Ok(json!({"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}))
        }
    });
    let mapping =
        EventSourceMapping::start(setup.sqs.clone(), Arc::new(function), setup.mapping.clone()).await.unwrap();
    sleep(Duration::from_secs(11)).await;
    assert_eq!(mapping.counts().invocations, 3);
    mapping.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_window_gathers_a_larger_batch() {
    let mut setup = setup("q", json!({})).await;
    setup.mapping.batch_size = 25;
    setup.mapping.window = Duration::from_secs(5);
    let bodies: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    setup.send(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let (function, seen) = noting(failing(&[]));
    let mapping = EventSourceMapping::start(setup.sqs.clone(), function, setup.mapping.clone()).await.unwrap();
    let sizes = || seen.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(sizes(), [25]);
    sleep(Duration::from_secs(3)).await;
    assert_eq!(sizes(), [25]);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(sizes(), [25, 5]);
    mapping.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_maximum_run_at_a_time_and_none_are_received_in_vain() {
    let mut setup = setup("q", json!({})).await;
    setup.mapping.maximum_concurrency = 3;
    setup.mapping.batch_size = 1;
    let bodies: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    setup.send(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let function = InProcess::new(|_, _| async {
        sleep(Duration::from_secs(1)).await;
        Ok(Value::Null)
    });
    let mapping =
        EventSourceMapping::start(setup.sqs.clone(), Arc::new(function), setup.mapping.clone()).await.unwrap();
    for (at, begun) in [(500, 3), (1_500, 6), (2_500, 9), (3_500, 10)] {
        let started = Instant::now();
        sleep(Duration::from_millis(if at == 500 { 500 } else { 1_000 })).await;
        assert_eq!(mapping.counts().invocations, begun, "after {at} ms, {:?}", started.elapsed());
        assert_eq!(setup.depths().0, 10 - usize::try_from(begun).unwrap());
    }
    mapping.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_fifo_group_stays_in_order_after_a_failure() {
    let setup = setup("q.fifo", json!({"FifoQueue": "true", "VisibilityTimeout": "30"})).await;
    for (group, body) in [("g", "g1"), ("g", "g2"), ("h", "h1"), ("g", "g3")] {
        setup.send_fifo(group, body).await;
    }
    // As the guide has it: what is behind the failed one in its group is reported with it.
    let failed_once = Mutex::new(false);
    let (function, seen) = noting(move |records| {
        let first = !std::mem::replace(&mut *failed_once.lock().unwrap(), true);
        if first { failing(&["g2", "g3"])(records) } else { failing(&[])(records) }
    });
    let mapping = EventSourceMapping::start(setup.sqs.clone(), function, setup.mapping.clone()).await.unwrap();
    sleep(Duration::from_secs(10)).await;
    setup.send_fifo("g", "g4").await;
    setup.send_fifo("h", "h2").await;
    sleep(Duration::from_secs(25)).await;
    let seen = seen.lock().unwrap().clone();
    assert_eq!(seen, [vec!["g1", "g2", "g3", "h1"], vec!["h2"], vec!["g2", "g3", "g4"]]);
    assert_eq!(setup.depths(), (0, 0, 0));
    mapping.stop().await;
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_the_invocation_end_and_settles_it() {
    let setup = setup("q", json!({})).await;
    setup.send(&["a"]).await;
    let function = InProcess::new(|_, _| async {
        sleep(Duration::from_secs(10)).await;
        Ok(Value::Null)
    });
    let mapping =
        EventSourceMapping::start(setup.sqs.clone(), Arc::new(function), setup.mapping.clone()).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    mapping.stop().await;
    assert_eq!(setup.depths(), (0, 0, 0));
    setup.send(&["b"]).await;
    sleep(Duration::from_secs(30)).await;
    assert_eq!(setup.depths(), (1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn settings_are_checked_as_lambda_checks_them() {
    let standard = setup("q", json!({"VisibilityTimeout": "30"})).await;
    let fifo = setup("q.fifo", json!({"FifoQueue": "true"})).await;
    let with = |setup: &Setup, change: fn(&mut Mapping)| {
        let mut mapping = setup.mapping.clone();
        change(&mut mapping);
        EventSourceMapping::start(setup.sqs.clone(), noting(failing(&[])).0, mapping)
    };
    let changes: [fn(&mut Mapping); 6] = [
        |mapping| mapping.batch_size = 0,
        |mapping| mapping.batch_size = 11,
        |mapping| mapping.batch_size = 10_001,
        |mapping| mapping.window = Duration::from_secs(301),
        |mapping| mapping.maximum_concurrency = 0,
        |mapping| mapping.maximum_concurrency = 1_001,
    ];
    for change in changes {
        assert!(matches!(with(&standard, change).await, Err(MappingError::Setting(_))));
    }
    let windowed = with(&fifo, |mapping| mapping.window = Duration::from_secs(1)).await;
    assert!(matches!(windowed, Err(MappingError::Setting(_))));
    let slow = with(&standard, |mapping| mapping.timeout = Duration::from_secs(31)).await;
    assert_eq!(slow.err(), Some(MappingError::Visibility { queue: 30, function: 31 }));
    let missing = with(&standard, |mapping| mapping.queue_url = "nowhere".into()).await;
    assert!(matches!(missing, Err(MappingError::Queue(_))));
    assert!(with(&standard, |_| {}).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_function_that_sends_to_its_own_queue_is_refused_after_sixteen_invocations() {
    let setup = setup("q", json!({"VisibilityTimeout": "30"})).await;
    let dead = setup.sqs.create_queue("dead", json!({})).await.unwrap();
    let redrive = json!({"deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:dead", "maxReceiveCount": 3});
    let input = json!({"QueueUrl": setup.url, "Attributes": {"RedrivePolicy": redrive.to_string()}});
    setup.sqs.call("SetQueueAttributes", input).await.unwrap();
    setup.send(&["0"]).await;
    let (sqs, url) = (setup.sqs.clone(), setup.url.clone());
    let function = InProcess::new(move |event: Value, _| {
        let (sqs, url) = (sqs.clone(), url.clone());
        async move {
            let trace = Chain::of(&event).trace_header(0);
            let number: u32 = text(&event["Records"][0]["body"]).parse().unwrap();
            let header = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": trace}});
            let body = (number + 1).to_string();
            let input = json!({"QueueUrl": url, "MessageBody": body, "MessageSystemAttributes": header});
            sqs.call("SendMessage", input).await.unwrap();
            Ok(Value::Null)
        }
    });
    let mapping =
        EventSourceMapping::start(setup.sqs.clone(), Arc::new(function), setup.mapping.clone()).await.unwrap();
    sleep(Duration::from_secs(300)).await;
    let counts = mapping.counts();
    assert_eq!((counts.invocations, counts.recursive_invocations_dropped), (16, 3));
    assert_eq!(setup.sqs.bodies(&dead).unwrap(), ["16"], "each refusal costs a receive");
    mapping.stop().await;
}

#[tokio::test(start_paused = true)]
async fn after_failed_invocations_fewer_run_at_a_time_until_some_succeed() {
    let mut setup = setup("q", json!({"VisibilityTimeout": "43200"})).await;
    setup.mapping.maximum_concurrency = 8;
    setup.mapping.batch_size = 1;
    let broken = Arc::new(Mutex::new(true));
    let (running, most) = (Arc::new(Mutex::new(0_usize)), Arc::new(Mutex::new(0_usize)));
    let function = {
        let (broken, running, most) = (Arc::clone(&broken), Arc::clone(&running), Arc::clone(&most));
        InProcess::new(move |_, _| {
            let (broken, running, most) = (Arc::clone(&broken), Arc::clone(&running), Arc::clone(&most));
            async move {
                let now = {
                    let mut running = running.lock().unwrap();
                    *running += 1;
                    *running
                };
                let before = *most.lock().unwrap();
                *most.lock().unwrap() = before.max(now);
                sleep(Duration::from_secs(1)).await;
                *running.lock().unwrap() -= 1;
                let failed = FunctionError::Failed { error_type: "Error".into(), message: "no".into() };
                if *broken.lock().unwrap() { Err(failed) } else { Ok(Value::Null) }
            }
        })
    };
    let mapping =
        EventSourceMapping::start(setup.sqs.clone(), Arc::new(function), setup.mapping.clone()).await.unwrap();
    let bodies: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    setup.send(&bodies.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let take = || std::mem::take(&mut *most.lock().unwrap());
    sleep(Duration::from_millis(900)).await;
    assert_eq!(take(), 8);
    sleep(Duration::from_secs(5)).await;
    take();
    sleep(Duration::from_secs(5)).await;
    assert_eq!(take(), 1, "it goes on with one");
    *broken.lock().unwrap() = false;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(take(), 8, "and with all of them again");
    mapping.stop().await;
}
