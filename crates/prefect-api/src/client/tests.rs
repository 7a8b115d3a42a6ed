use std::collections::VecDeque;

use super::*;
use crate::{
    filters::{FlowRunFilter, FlowRunQuery},
    models::StateType,
};

type Answer = Result<Response, TransportError>;

/// Gives out prepared answers and keeps the requests.
#[derive(Default)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Request>>,
    fresh: Mutex<bool>,
}

impl Transport for Arc<Script> {
    async fn send(&self, request: Request) -> Answer {
        self.requests.lock().unwrap().push(request);
        self.answers.lock().unwrap().pop_front().expect("an answer is prepared for each request")
    }

    async fn refresh(&self) -> bool {
        std::mem::take(&mut *self.fresh.lock().unwrap())
    }
}

fn answer(status: u16, body: &str) -> Answer {
    Ok(Response { status, retry_after: None, body: body.into() })
}

fn client(answers: Vec<Answer>) -> (Client<Arc<Script>>, Arc<Script>) {
    let script = Arc::new(Script { answers: Mutex::new(answers.into()), ..Script::default() });
    (Client::new(Arc::clone(&script), Patience::FUNCTION), script)
}

fn pending() -> FlowRunQuery<'static> {
    let flow_runs = Some(FlowRunFilter::of_states(&[StateType::Pending]));
    FlowRunQuery { flow_runs, ..FlowRunQuery::default() }
}

#[tokio::test(start_paused = true)]
async fn a_busy_server_is_asked_again_with_the_same_request() {
    let lost = Err(TransportError::Lost("reset".into()));
    let (client, script) = client(vec![answer(503, "{}"), lost, answer(200, "3")]);
    assert_eq!(client.count_flow_runs(&pending()).await, Ok(3));
    let requests = script.requests.lock().unwrap();
    assert_eq!(requests.len(), 3);
    assert!(requests.iter().all(|request| request == &requests[0]));
}

#[tokio::test(start_paused = true)]
async fn patience_ends_with_the_last_answer() {
    let (client, script) = client(vec![answer(503, r#"{"exception_message":"locked"}"#); 8]);
    let error = client.count_flow_runs(&pending()).await.unwrap_err();
    assert!(matches!(&error, ApiError::Busy { status: 503, detail, .. } if detail == "locked"), "{error}");
    assert_eq!(script.requests.lock().unwrap().len(), 8);
}

#[tokio::test]
async fn a_csrf_token_is_fetched_when_one_is_wanted_and_kept() {
    let wanted = answer(403, r#"{"detail":"Missing CSRF token."}"#);
    let (client, script) = client(vec![wanted, answer(200, r#"{"token":"t"}"#), answer(200, "1"), answer(200, "2")]);
    assert_eq!(client.count_flow_runs(&pending()).await, Ok(1));
    assert_eq!(client.count_flow_runs(&pending()).await, Ok(2));
    let requests = script.requests.lock().unwrap();
    assert!(requests[0].headers.is_empty());
    assert!(requests[1].path.starts_with("/csrf-token?client="), "{:?}", requests[1]);
    let client_of =
        |request: &Request| request.headers.iter().find(|(name, _)| *name == "prefect-csrf-client").cloned();
    for request in &requests[2..] {
        assert!(request.headers.contains(&("prefect-csrf-token", "t".to_owned())));
        assert!(requests[1].path.ends_with(&client_of(request).unwrap().1));
    }
}

#[tokio::test]
async fn credentials_are_read_anew_once_after_a_401() {
    let (client, script) = client(vec![answer(401, "{}"), answer(200, "1")]);
    *script.fresh.lock().unwrap() = true;
    assert_eq!(client.count_flow_runs(&pending()).await, Ok(1));
    script.answers.lock().unwrap().push_back(answer(401, r#"{"exception_message":"Unauthorized"}"#));
    let error = client.count_flow_runs(&pending()).await.unwrap_err();
    assert!(matches!(error, ApiError::Unauthorised { status: 401, .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_quoted() {
    let (client, _) = client(vec![answer(200, r#"{"canary": true}"#)]);
    let error = client.count_flow_runs(&pending()).await.unwrap_err().to_string();
    assert!(error.contains("cannot be read") && !error.contains("canary"), "{error}");
}

#[test]
fn names_are_one_segment() {
    assert_eq!(segment("data eng/ü?"), "data%20eng%2F%C3%BC%3F");
}

/// Counts how many requests are under way.
#[derive(Default)]
struct Crowd {
    now: std::sync::atomic::AtomicUsize,
    most: std::sync::atomic::AtomicUsize,
}

impl Transport for Arc<Crowd> {
    async fn send(&self, _: Request) -> Answer {
        use std::sync::atomic::Ordering::Relaxed;
        self.most.fetch_max(self.now.fetch_add(1, Relaxed) + 1, Relaxed);
        sleep(Duration::from_millis(10)).await;
        self.now.fetch_sub(1, Relaxed);
        answer(200, "1")
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_asks_no_more_than_so_much_at_once() {
    let crowd = Arc::new(Crowd::default());
    let client = Client::new(Arc::clone(&crowd), Patience::FUNCTION);
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.count_flow_runs(&pending()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(1));
    }
    assert_eq!(crowd.most.load(std::sync::atomic::Ordering::Relaxed), AT_ONCE);
}

/// Answers after a tenth of a second and keeps when each request came.
#[derive(Default)]
struct Slow {
    came: Mutex<Vec<(String, Instant)>>,
    at_once: Mutex<(u32, u32)>,
}

const SLOW: Duration = Duration::from_millis(100);

impl Transport for Arc<Slow> {
    async fn send(&self, request: Request) -> Answer {
        self.came.lock().unwrap().push((request.path, Instant::now()));
        {
            let (now, most) = &mut *self.at_once.lock().unwrap();
            *now += 1;
            *most = (*most).max(*now);
        }
        sleep(SLOW).await;
        self.at_once.lock().unwrap().0 -= 1;
        answer(200, "[]")
    }
}

#[tokio::test(start_paused = true)]
async fn a_gentle_client_asks_one_thing_at_a_time_and_leaves_a_poll_time_to_take_effect() {
    let slow = Arc::new(Slow::default());
    let client = Client::gentle(Arc::clone(&slow), Patience::FUNCTION);
    let other = client.clone();
    let reads = tokio::spawn(async move {
        for _ in 0..3 {
            other.json(Method::Post, "/flow_runs/filter", None).await.unwrap();
        }
    });
    client.scheduled_flow_runs("p", None, (None, jiff::Timestamp::now()), PAGE).await.unwrap();
    reads.await.unwrap();
    assert_eq!(slow.at_once.lock().unwrap().1, 1);
    let came = slow.came.lock().unwrap().clone();
    let poll = came.iter().position(|(path, _)| path.ends_with(POLL)).unwrap();
    assert!(poll + 1 < came.len(), "{came:?}");
    assert!(came[poll + 1].1 - came[poll].1 >= SLOW + REST, "{came:?}");
}
