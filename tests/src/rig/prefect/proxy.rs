//! A proxy in front of a server, for our functions: what they ask is counted, and can be made to go wrong. It knows nothing of
//! Prefect but how to name its operations, so it stands in front of AWS on loopback as well.
//!
//! WebSockets are refused (501): flow processes, which open one for events, get the server's own URL.

use std::collections::BTreeMap;
use std::io::{self, Error};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderValue, RETRY_AFTER, TRANSFER_ENCODING, UPGRADE};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use regex_lite::Regex;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::faults::{Fault, Rule};
use super::http;

/// A request that went through, or did not.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// `METHOD /path` without `/api`, ids and names replaced: what [`Proxy::counts`] counts.
    pub operation: String,
    /// Path and query as sent.
    pub path: String,
    /// Headers of the request.
    pub headers: HeaderMap,
    /// Body of the request; null when there is none, a string when it is not JSON.
    pub request: Value,
    /// Status the server or a fault answered; none when the connection was closed.
    pub status: Option<u16>,
    /// Body of the answer, as the request's. Also kept for an answer that was lost on purpose.
    pub answer: Value,
    /// What was done to it.
    pub fault: Option<Fault>,
}

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<String, u64>,
    at_once: usize,
    most_at_once: usize,
    faults: BTreeMap<&'static str, u64>,
    rules: Vec<Rule>,
    recording: bool,
    exchanges: Vec<Exchange>,
}

#[derive(Debug)]
struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
}

/// A running proxy; ends on drop, with all its connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// A proxy on a free port of 127.0.0.1 in front of the server that listens at `server`.
    ///
    /// # Panics
    ///
    /// When there is no free port.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("127.0.0.1 has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared { server, state: Mutex::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, accepting }
    }

    /// Base of the API through the proxy, ends in `/api`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a rule. The first one that applies to a request decides.
    pub fn inject(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// Drops all rules.
    pub fn heal(&self) {
        self.shared.state().rules.clear();
    }

    /// Requests so far by operation, for instance `POST /flow_runs/{id}/set_state`.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.shared.state().counts.clone()
    }

    /// Requests of one operation so far.
    #[must_use]
    pub fn count(&self, operation: &str) -> u64 {
        self.shared.state().counts.get(operation).copied().unwrap_or_default()
    }

    /// Most requests so far that were under way at a time. Those for `/health` do not count: no database answers them.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.shared.state().most_at_once
    }

    /// Requests so far that something was done to, by [`Fault::name`].
    #[must_use]
    pub fn faults(&self) -> BTreeMap<&'static str, u64> {
        self.shared.state().faults.clone()
    }

    /// Starts counting from zero, and forgets what was recorded.
    pub fn reset(&self) {
        let mut state = self.shared.state();
        state.counts.clear();
        state.faults.clear();
        state.exchanges.clear();
    }

    /// Keeps bodies from now on, for [`Proxy::exchanges`].
    pub fn record(&self) {
        self.shared.state().recording = true;
    }

    /// What was recorded, in the order of the answers.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.state().exchanges.clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Takes the connections along: they are in a set the task owns.
        self.accepting.abort();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn handle(&self, request: Request<Incoming>) -> io::Result<Response<Full<Bytes>>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(Error::other)?.to_bytes();
        let operation = operation(&parts.method, parts.uri.path());
        let counted = usize::from(operation != "GET /health");
        let fault = {
            let mut state = self.state();
            state.at_once += counted;
            state.most_at_once = state.most_at_once.max(state.at_once);
            *state.counts.entry(operation.clone()).or_default() += 1;
            let rules = &mut state.rules;
            let fault = rules.iter_mut().find_map(|rule| rule.apply(&parts.method, parts.uri.path(), &parts.headers));
            if let Some(fault) = fault {
                *state.faults.entry(fault.name()).or_default() += 1;
            }
            fault
        };
        let mut exchange = Exchange {
            operation,
            path: parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
            headers: parts.headers.clone(),
            request: json_of(&body),
            status: None,
            answer: Value::Null,
            fault,
        };
        let answer = self.answer(Request::from_parts(parts, Full::new(body)), fault, &mut exchange).await;
        let mut state = self.state();
        state.at_once -= counted;
        if state.recording {
            state.exchanges.push(exchange);
        }
        answer
    }

    async fn answer(
        &self,
        request: Request<Full<Bytes>>,
        fault: Option<Fault>,
        exchange: &mut Exchange,
    ) -> io::Result<Response<Full<Bytes>>> {
        let answer = match fault {
            Some(Fault::LostRequest) => return Err(Error::other("the request is lost on purpose")),
            Some(Fault::Unavailable { retry_after }) => refuse(StatusCode::SERVICE_UNAVAILABLE, retry_after),
            Some(Fault::Status(status)) => refuse(StatusCode::from_u16(status).map_err(Error::other)?, None),
            _ if request.headers().contains_key(UPGRADE) => refuse(StatusCode::NOT_IMPLEMENTED, None),
            Some(Fault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                self.forward(request).await?
            }
            Some(Fault::LateAnswer(delay)) => {
                let answer = self.forward(request).await?;
                tokio::time::sleep(delay).await;
                answer
            }
            Some(Fault::LostAnswer) | None => self.forward(request).await?,
        };
        let (parts, body) = answer.into_parts();
        exchange.answer = json_of(&body);
        if fault == Some(Fault::LostAnswer) {
            return Err(Error::other("the answer is lost on purpose"));
        }
        exchange.status = Some(parts.status.as_u16());
        Ok(Response::from_parts(parts, Full::new(body)))
    }

    async fn forward(&self, mut request: Request<Full<Bytes>>) -> io::Result<Response<Bytes>> {
        // Those of the client's connection. The body has been read, so it has a length.
        for header in [CONNECTION, TRANSFER_ENCODING] {
            request.headers_mut().remove(header);
        }
        let mut answer = http::exchange(self.server, request).await?;
        for header in [CONNECTION, TRANSFER_ENCODING] {
            answer.headers_mut().remove(header);
        }
        Ok(answer)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    stream.set_nodelay(true).ok();
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        // In a task of its own: what a client has sent reaches the server also when the client is gone by then, as it does
        // behind a load balancer.
        let handled = tokio::spawn(async move { shared.handle(request).await });
        async move { handled.await.map_err(Error::other)? }
    });
    // An error of the service closes the connection without an answer, which is what a lost one looks like.
    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await.ok();
}

fn refuse(status: StatusCode, retry_after: Option<u32>) -> Response<Bytes> {
    let text = status.canonical_reason().unwrap_or("Refused");
    let body = serde_json::json!({"exception_message": text}).to_string();
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        answer.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    answer
}

/// `METHOD /path` with ids and names of pools, queues, blocks, variables, flows and deployments replaced.
fn operation(method: &Method, path: &str) -> String {
    static ID: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new("(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").expect("a valid pattern")
    });
    let path = path.strip_prefix("/api").unwrap_or(path);
    let path = ID.replace_all(path, "{id}");
    let mut named: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        let name = match named.as_slice() {
            [.., "work_pools"] | [.., "queues" | "name" | "slug"] | [.., "name", "{name}"] => {
                !matches!(segment, "" | "filter" | "count" | "{id}" | "block_documents")
            }
            _ => false,
        };
        named.push(if name { "{name}" } else { segment });
    }
    format!("{method} {}", named.join("/"))
}

fn json_of(bytes: &Bytes) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(bytes)))
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::operation;

    #[test]
    fn names_and_ids_are_replaced() {
        for (path, expected) in [
            ("/api/flow_runs/0089e139-24c9-406d-96b8-00ec3a731cef/set_state", "/flow_runs/{id}/set_state"),
            ("/api/work_pools/", "/work_pools/"),
            ("/api/work_pools/filter", "/work_pools/filter"),
            ("/api/work_pools/my%20pool", "/work_pools/{name}"),
            ("/api/work_pools/filter-me/queues/filter", "/work_pools/{name}/queues/filter"),
            ("/api/work_pools/p/queues/q", "/work_pools/{name}/queues/{name}"),
            ("/api/work_pools/p/get_scheduled_flow_runs", "/work_pools/{name}/get_scheduled_flow_runs"),
            ("/api/variables/name/v", "/variables/name/{name}"),
            ("/api/deployments/name/f/d", "/deployments/name/{name}/{name}"),
            (
                "/api/block_types/slug/secret/block_documents/name/s",
                "/block_types/slug/{name}/block_documents/name/{name}",
            ),
        ] {
            assert_eq!(operation(&Method::GET, path), format!("GET {expected}"));
        }
    }
}
