//! The one HTTP endpoint of all services.
//!
//! AWS gives every service a host of its own; here `X-Amz-Target` alone decides, which is what lets a single
//! `AWS_ENDPOINT_URL` serve any SDK. The path is ignored: some SDKs post to `/`, some to the path of the queue URL.
//! Calls are counted and faults applied here, so both concern exactly what came over the wire.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use crate::ecs::Ecs;
use crate::faults::{Fault, Faults};
use crate::sqs::Sqs;
use crate::wire::{AwsError, Caller, Service};

/// Largest request body that is read, in bytes: the largest documented request is a batch of 1 MiB, which JSON
/// escapes can make six times as long.
const MAX_BODY: usize = 8 * 1024 * 1024;

const AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const AMZN_REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const AMZN_QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

/// What answers the calls.
#[derive(Debug, Clone)]
pub(crate) struct Services {
    pub(crate) sqs: Sqs,
    pub(crate) ecs: Ecs,
}

impl Services {
    async fn call(&self, service: Service, operation: &str, input: Value) -> Result<Value, AwsError> {
        match service {
            Service::Sqs => self.sqs.call(operation, input).await,
            Service::Ecs => self.ecs.call(operation, input).await,
        }
    }
}

#[derive(Debug)]
struct State {
    services: Services,
    faults: Faults,
    calls: Mutex<BTreeMap<String, u64>>,
}

/// A running endpoint.
#[derive(Debug)]
pub(crate) struct Server {
    state: Arc<State>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves on a listener that is already bound, until [`Server::stop`] or drop.
    pub(crate) fn start(listener: TcpListener, services: Services, faults: Faults) -> Self {
        let state = Arc::new(State { services, faults, calls: Mutex::default() });
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&state), stopped));
        Self { state, stop, accepting }
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.state.faults
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
        self.stop.send_replace(true);
        // The task never panics on its own account; should it, there is nothing left to stop.
        let _ = self.accepting.await;
    }
}

async fn accept(listener: TcpListener, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, Arc::clone(&state)));
                }
                // For instance no file descriptors left: waiting is all that can help.
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            // Also ends when the `Server` is dropped.
            _ = stopped.changed() => break,
        }
    }
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, peer: SocketAddr, state: Arc<State>) {
    // Small answers on a connection that is kept open: Nagle's algorithm would hold them back for an ack.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let state = Arc::clone(&state);
        async move { answer(&state, request).await }
    });
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

/// Given to hyper in place of a response, which makes it close the connection.
#[derive(Debug, thiserror::Error)]
#[error("connection closed by a fault rule")]
struct HangUp;

async fn answer(state: &State, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, HangUp> {
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE, format!("the request body could not be read: {error}")));
        }
    };
    let target = parts.headers.get(AMZ_TARGET).and_then(|value| value.to_str().ok());
    let Some(target) = target.filter(|_| parts.method == Method::POST) else {
        return Ok(not_json_protocol(&parts.headers, &body));
    };
    let Some((service, operation)) = Service::of_target(target) else {
        let known = Service::ALL.map(Service::target_prefix).join(", ");
        let message = format!("no service for X-Amz-Target {target:?} here; target prefixes served: {known}");
        return Ok(failure(Service::Ecs, &AwsError::new("UnknownOperationException", message)));
    };
    *state.calls.lock().unwrap_or_else(PoisonError::into_inner).entry(format!("{service}:{operation}")).or_default() +=
        1;
    let caller = caller(&parts.headers);
    let outcome = execute(state, service, operation, &body).await?;
    tracing::debug!(
        %service, operation,
        access_key = caller.access_key, region = caller.region,
        error = outcome.as_ref().err().map(|error| &*error.code),
        "call"
    );
    Ok(match outcome {
        Ok(output) => success(service, &output),
        Err(error) => failure(service, &error),
    })
}

async fn execute(
    state: &State,
    service: Service,
    operation: &str,
    body: &[u8],
) -> Result<Result<Value, AwsError>, HangUp> {
    // Clients send `{}` for an empty input; the Smithy protocol text asks servers to accept nothing as well.
    let input = match if body.is_empty() { Ok(Value::Object(Default::default())) } else { serde_json::from_slice(body) }
    {
        Ok(input @ Value::Object(_)) => input,
        Ok(_) => return Ok(Err(AwsError::serialization("the request body is not a JSON object"))),
        Err(error) => return Ok(Err(AwsError::serialization(format!("the request body is not JSON: {error}")))),
    };
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

fn caller(headers: &HeaderMap) -> Caller {
    let authorization = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    authorization.map(Caller::of_authorization).unwrap_or_default()
}

fn success(service: Service, output: &Value) -> Response<Full<Bytes>> {
    respond(StatusCode::OK, service.content_type(), output.to_string())
}

fn failure(service: Service, error: &AwsError) -> Response<Full<Bytes>> {
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
fn not_json_protocol(headers: &HeaderMap, body: &[u8]) -> Response<Full<Bytes>> {
    let form =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if form && String::from_utf8_lossy(body).split('&').any(|field| field.starts_with("Action=")) {
        let document = "<?xml version=\"1.0\"?>\n<ErrorResponse><Error><Type>Sender</Type>\
             <Code>AWS.SimpleQueueService.UnsupportedOperation</Code>\
             <Message>The query protocol is not served here. Use a client that speaks the JSON protocol of SQS: \
             boto3 1.28.82, AWS CLI 2.13.33, or any SDK release since November 2023.</Message>\
             <Detail/></Error><RequestId>00000000-0000-0000-0000-000000000000</RequestId></ErrorResponse>";
        return respond(StatusCode::BAD_REQUEST, "text/xml", document.into());
    }
    plain(
        StatusCode::NOT_FOUND,
        "AWS on loopback: SQS and ECS over their JSON protocols. POST with an X-Amz-Target header, or point an SDK or \
         the aws command line tool here with AWS_ENDPOINT_URL.\n"
            .into(),
    )
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    respond(status, "text/plain; charset=utf-8", text)
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
        headers.insert(AMZN_REQUEST_ID, id);
    }
    response
}
