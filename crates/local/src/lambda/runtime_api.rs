//! The Runtime API of one execution environment.
//!
//! A runtime asks for the next event, works, posts the response, asks again (Lambda developer guide, "Using the Lambda
//! runtime API for custom runtimes"; `2018-06-01`). Every environment has an endpoint of its own, as at Lambda: the
//! requests do not say which process they come from.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, oneshot, watch};

use super::function::FunctionError;
use crate::clock::Millis;
use crate::http::{Answer, Handler, HangUp, Listening, respond};

const PREFIX: &str = "/2018-06-01/runtime/";

/// Largest response of a function in bytes (Lambda quotas, "Invocation payload": 6 MB).
const MAX_RESPONSE: usize = 6 * 1024 * 1024;

/// One event for the runtime.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: String,
    pub(crate) event: Bytes,
    pub(crate) deadline: Millis,
    pub(crate) function_arn: String,
    pub(crate) trace_id: String,
}

type Outcome = Result<Value, FunctionError>;

#[derive(Debug, Default)]
struct Slot {
    queued: Option<(Job, oneshot::Sender<Outcome>)>,
    running: Option<(String, oneshot::Sender<Outcome>)>,
    init_error: Option<String>,
}

#[derive(Debug)]
struct State {
    slot: Mutex<Slot>,
    arrived: Notify,
    /// Whether the runtime has asked for work since the environment was started.
    ready: watch::Sender<bool>,
}

/// The endpoint of one environment.
#[derive(Debug)]
pub(crate) struct Endpoint {
    listening: Listening,
    state: Arc<State>,
}

impl Endpoint {
    /// Serves on a free port of 127.0.0.1.
    pub(crate) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let state = State { slot: Mutex::default(), arrived: Notify::new(), ready: watch::channel(false).0 };
        let state = Arc::new(state);
        let listening = Listening::start(listener, Arc::clone(&state))?;
        Ok(Self { listening, state })
    }

    /// For `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Forgets what an earlier process was doing; a new one is about to start.
    pub(crate) fn reset(&self) {
        *self.state.slot() = Slot::default();
        self.state.ready.send_replace(false);
    }

    /// Returns once the runtime has asked for work.
    pub(crate) async fn ready(&self) {
        // The sender lives as long as `self`.
        let _ = self.state.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// What the runtime posted to `init/error`.
    pub(crate) fn init_error(&self) -> Option<String> {
        self.state.slot().init_error.clone()
    }

    /// Gives the runtime an event; the receiver gets what it posts.
    pub(crate) fn submit(&self, job: Job) -> oneshot::Receiver<Outcome> {
        let (sender, receiver) = oneshot::channel();
        self.state.slot().queued = Some((job, sender));
        self.state.arrived.notify_one();
        receiver
    }

    pub(crate) async fn stop(self) {
        self.listening.stop().await;
    }
}

impl Handler for State {
    async fn handle(&self, parts: Parts, body: Bytes) -> Result<Answer, HangUp> {
        let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        Ok(match (&parts.method, segments.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) if body.len() > MAX_RESPONSE => {
                let message = format!("Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).");
                let error_type = "Function.ResponseSizeTooLarge".to_owned();
                self.settle(id, Err(FunctionError::Failed { error_type, message: message.clone() }));
                error(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
            }
            (&Method::POST, ["invocation", id, "response"]) => self.settle(id, response(&body)),
            (&Method::POST, ["invocation", id, "error"]) => self.settle(id, Err(failure(&parts, &body))),
            (&Method::POST, ["init", "error"]) => {
                self.slot().init_error = Some(failure(&parts, &body).to_string());
                accepted()
            }
            _ => error(StatusCode::NOT_FOUND, "NotFound", "no such resource of the Runtime API here"),
        })
    }
}

impl State {
    async fn next(&self) -> Answer {
        self.ready.send_replace(true);
        loop {
            let arrived = self.arrived.notified();
            let queued = self.slot().queued.take();
            if let Some((job, sender)) = queued {
                let headers = [
                    ("lambda-runtime-aws-request-id", job.id.clone()),
                    ("lambda-runtime-deadline-ms", job.deadline.to_string()),
                    ("lambda-runtime-invoked-function-arn", job.function_arn),
                    ("lambda-runtime-trace-id", job.trace_id),
                ];
                self.slot().running = Some((job.id, sender));
                let mut answer = respond(StatusCode::OK, "application/json", job.event);
                for (name, value) in headers {
                    if let Ok(value) = HeaderValue::from_str(&value) {
                        answer.headers_mut().insert(HeaderName::from_static(name), value);
                    }
                }
                return answer;
            }
            arrived.await;
        }
    }

    /// Passes the outcome on, if it is of the running invocation.
    fn settle(&self, id: &str, outcome: Outcome) -> Answer {
        let sender = self.slot().running.take_if(|(running, _)| running == id);
        match sender {
            Some((_, sender)) => {
                // Nobody waits any more if the invocation has timed out meanwhile.
                let _ = sender.send(outcome);
                accepted()
            }
            None => error(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn response(body: &[u8]) -> Outcome {
    if body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(body).map_err(|error| FunctionError::Response(error.to_string()))
}

/// What a runtime reports: `errorMessage` and `errorType` in the body, the type also in a header.
fn failure(parts: &Parts, body: &[u8]) -> FunctionError {
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let header = parts.headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    let error_type = document["errorType"].as_str().or(header).unwrap_or("Unhandled").to_owned();
    let message = document["errorMessage"].as_str().unwrap_or_default().to_owned();
    FunctionError::Failed { error_type, message }
}

fn accepted() -> Answer {
    respond(StatusCode::ACCEPTED, "application/json", json!({"status": "OK"}).to_string())
}

fn error(status: StatusCode, error_type: &str, message: &str) -> Answer {
    let document = json!({"errorType": error_type, "errorMessage": message});
    respond(status, "application/json", document.to_string())
}
