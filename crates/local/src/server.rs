//! The one HTTP endpoint of all services.
//!
//! AWS gives every service a host of its own; here `X-Amz-Target` alone decides, which is what lets a single
//! `AWS_ENDPOINT_URL` serve any SDK. The path is ignored: some SDKs post to `/`, some to the path of the queue URL. Only
//! EventBridge Scheduler, which has no such header, is told by its path.
//! Calls are counted and faults applied here, so both concern exactly what came over the wire.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::ecs::{Ecs, Secrets};
use crate::events::Buses;
use crate::faults::{Fault, Faults};
use crate::http::{Answer, Handler, HangUp, Listening, respond};
use crate::logs;
use crate::scheduler::Scheduler;
use crate::secrets;
use crate::sqs::Sqs;
use crate::wire::{AwsError, Caller, Service};

const AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const AMZN_TRACE_ID: HeaderName = HeaderName::from_static("x-amzn-trace-id");
const AMZN_QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// What answers the calls.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    pub(crate) sqs: Sqs,
    pub(crate) ecs: Ecs,
    pub(crate) secrets: Secrets,
    pub(crate) buses: Buses,
    pub(crate) scheduler: Scheduler,
}

impl Services {
    async fn call(&self, service: Service, operation: &str, input: Value) -> Result<Value, AwsError> {
        match service {
            Service::Sqs => self.sqs.call(operation, input).await,
            Service::Ecs => self.ecs.call(operation, input).await,
            Service::SecretsManager | Service::Ssm => secrets::call(&self.secrets, service, operation, &input),
            Service::Logs => logs::call(&self.ecs, operation, &input),
            Service::Events => self.buses.call(operation, &input),
            Service::Scheduler => self.scheduler.call(operation, &input),
        }
    }
}

/// A call as it came over the wire.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Who signed it.
    pub caller: &'a Caller,
    /// What it asks.
    pub service: Service,
    /// For instance `SendMessage`.
    pub operation: &'a str,
    /// Its input.
    pub input: &'a Value,
}

type Judge = dyn Fn(&Call<'_>) -> Result<(), AwsError> + Send + Sync;

/// Who may call what; everybody everything, unless somebody says otherwise.
#[derive(Default)]
pub(crate) struct Guard(OnceLock<Box<Judge>>);

impl Guard {
    pub(crate) fn set(&self, judge: impl Fn(&Call<'_>) -> Result<(), AwsError> + Send + Sync + 'static) {
        // There is one for as long as the endpoint lives: a call that was let through stays so.
        let _ = self.0.set(Box::new(judge));
    }

    fn judge(&self, call: &Call<'_>) -> Result<(), AwsError> {
        self.0.get().map_or(Ok(()), |judge| judge(call))
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Guard").field(&self.0.get().is_some()).finish()
    }
}

#[derive(Debug)]
struct State {
    services: Services,
    faults: Faults,
    guard: Guard,
    calls: Mutex<BTreeMap<String, u64>>,
}

/// A running endpoint.
#[derive(Debug)]
pub(crate) struct Server {
    state: Arc<State>,
    listening: Listening,
}

impl Server {
    /// Serves on a listener that is already bound, until [`Server::stop`] or drop.
    pub(crate) fn start(listener: TcpListener, services: Services, faults: Faults) -> io::Result<Self> {
        let state = Arc::new(State { services, faults, guard: Guard::default(), calls: Mutex::default() });
        let listening = Listening::start(listener, Arc::clone(&state))?;
        Ok(Self { state, listening })
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.state.faults
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.state.guard
    }

    /// Calls received so far by `service:Operation`, whatever their answer.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        self.state.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn reset_calls(&self) {
        self.state.calls.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Closes the listener and every connection; long polls under way end without an answer.
    pub(crate) async fn stop(self) {
        self.listening.stop().await;
    }
}

impl Handler for State {
    async fn handle(&self, parts: Parts, body: Bytes) -> Result<Answer, HangUp> {
        answer(self, &parts, &body).await.map(with_request_id)
    }
}

async fn answer(state: &State, parts: &Parts, body: &[u8]) -> Result<Answer, HangUp> {
    let target = parts.headers.get(AMZ_TARGET).and_then(|value| value.to_str().ok());
    // EventBridge Scheduler API reference, CreateSchedule: `POST /schedules/NAME`.
    let schedule = parts.uri.path().strip_prefix("/schedules/").filter(|_| target.is_none());
    let (service, operation) = match (&parts.method, target, schedule) {
        (&Method::POST, _, Some(_)) => (Service::Scheduler, "CreateSchedule"),
        (&Method::POST, Some(target), _) => match Service::of_target(target) {
            Some(called) => called,
            None => {
                let known: Vec<&str> = Service::ALL.into_iter().filter_map(Service::target_prefix).collect();
                let known = known.join(", ");
                let message = format!("no service for X-Amz-Target {target:?} here; target prefixes served: {known}");
                return Ok(failure(Service::Ecs, &AwsError::new("UnknownOperationException", message)));
            }
        },
        _ => return Ok(not_json_protocol(&parts.headers, body)),
    };
    let call = format!("{service}:{operation}");
    *state.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(call).or_default() += 1;
    let caller = caller(&parts.headers);
    let trace = parts.headers.get(AMZN_TRACE_ID).and_then(|value| value.to_str().ok());
    let input = input(body).map(|mut input| {
        match (schedule, trace) {
            (Some(name), _) => input["Name"] = name.into(),
            (None, Some(trace)) if service == Service::Sqs => keep_trace(&mut input, operation, trace),
            _ => {}
        }
        input
    });
    let outcome = execute(state, &caller, service, operation, input).await?;
    tracing::debug!(
        %service, operation,
        access_key = caller.access_key, region = caller.region,
        error = outcome.as_ref().err().map(|error| &*error.code),
        "call"
    );
    Ok(match outcome {
        Ok(output) => respond(StatusCode::OK, service.content_type(), output.to_string()),
        Err(error) => failure(service, &error),
    })
}

async fn execute(
    state: &State,
    caller: &Caller,
    service: Service,
    operation: &str,
    input: Result<Value, AwsError>,
) -> Result<Result<Value, AwsError>, HangUp> {
    let input = match input {
        Ok(input) => input,
        Err(error) => return Ok(Err(error)),
    };
    if let Err(error) = state.guard.judge(&Call { caller, service, operation, input: &input }) {
        return Ok(Err(error));
    }
    let plan = state.faults.plan(service, operation, &input);
    if !plan.delay.is_zero() {
        tokio::time::sleep(plan.delay).await;
    }
    match plan.fault {
        None | Some(Fault::Delay(_)) => Ok(state.services.call(service, operation, input).await),
        Some(Fault::Throttle { code, message }) => Ok(Err(AwsError::new(code, message))),
        Some(Fault::Error(error)) => Ok(Err(error)),
        Some(Fault::Answer(output)) => Ok(Ok(output)),
        Some(Fault::FailBefore) => Err(HangUp),
        Some(Fault::LostAnswer) => {
            let outcome = state.services.call(service, operation, input).await;
            tracing::debug!(%service, operation, succeeded = outcome.is_ok(), "answer dropped by a fault rule");
            Err(HangUp)
        }
    }
}

/// Clients send `{}` for an empty input; the Smithy protocol text asks servers to accept nothing as well.
fn input(body: &[u8]) -> Result<Value, AwsError> {
    let input = if body.is_empty() { Ok(Value::Object(Map::new())) } else { serde_json::from_slice(body) };
    match input {
        Ok(input @ Value::Object(_)) => Ok(input),
        Ok(_) => Err(AwsError::serialization("the request body is not a JSON object")),
        Err(error) => Err(AwsError::serialization(format!("the request body is not JSON: {error}"))),
    }
}

/// SQS keeps the caller's trace header with a message that has none of its own (SQS developer guide, "Amazon SQS message
/// metadata", `AWSTraceHeader`).
fn keep_trace(input: &mut Value, operation: &str, trace: &str) {
    let keep = |message: &mut Value| {
        if let Value::Object(message) = message {
            let attributes = message.entry("MessageSystemAttributes").or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(attributes) = attributes {
                let header = || json!({"DataType": "String", "StringValue": trace});
                attributes.entry("AWSTraceHeader").or_insert_with(header);
            }
        }
    };
    match operation {
        "SendMessage" => keep(input),
        "SendMessageBatch" => {
            input.get_mut("Entries").and_then(Value::as_array_mut).into_iter().flatten().for_each(keep);
        }
        _ => {}
    }
}

fn caller(headers: &HeaderMap) -> Caller {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    authorization.map(Caller::of_authorization).unwrap_or_default()
}

fn failure(service: Service, error: &AwsError) -> Answer {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, service.content_type(), error.body(service).to_string());
    let query_error = error.query_error(service).and_then(|value| HeaderValue::from_str(&value).ok());
    if let Some(value) = query_error {
        response.headers_mut().insert(AMZN_QUERY_ERROR, value);
    }
    response
}

/// What a request gets that does not speak the JSON protocol. A client of the query protocol reads XML, so it is told
/// in XML; a browser or `curl` is told in words.
fn not_json_protocol(headers: &HeaderMap, body: &[u8]) -> Answer {
    let form =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if form && String::from_utf8_lossy(body).split('&').any(|field| field.starts_with("Action=")) {
        let document = "<?xml version=\"1.0\"?>\n<ErrorResponse><Error><Type>Sender</Type>\
             <Code>AWS.SimpleQueueService.UnsupportedOperation</Code>\
             <Message>The query protocol is not served here. Use a client that speaks the JSON protocol of SQS: \
             boto3 1.28.82, AWS CLI 2.13.33, or any SDK release since November 2023.</Message>\
             <Detail/></Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>";
        return respond(StatusCode::BAD_REQUEST, "text/xml", document);
    }
    let text = "AWS on loopback: SQS, ECS and the secrets of functions over their JSON protocols. POST with an X-Amz-Target header, or point an \
                SDK or the aws command line tool here with AWS_ENDPOINT_URL.\n";
    respond(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", text)
}

fn with_request_id(mut answer: Answer) -> Answer {
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        answer.headers_mut().insert(AMZN_REQUEST_ID, id);
    }
    answer
}
