//! One call: retries, CSRF token, fresh credentials, and what the answer means.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicUsize},
    time::Duration,
};

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

use crate::{
    error::ApiError,
    lists::PAGE,
    retry::Patience,
    transport::{Method, Request, Response, Room, Transport, TransportError},
};

/// How long to wait before another try, of [`Patience`].
type Wait = fn(&Patience, u32, Duration, &Result<Response, TransportError>, Timestamp) -> Option<Duration>;

/// Most requests of one client that are under way at once. A server has fifteen database connections unless told otherwise
/// (prefect 3.8.8, `SQLAlchemySettings`: 5 and an overflow of 10), and on SQLite one writer: more at once take no less time,
/// and keep others waiting.
const AT_ONCE: usize = 6;

/// How long a [gentle](Client::gentle) client asks nothing after a poll. The server answers a poll before it marks queues and
/// deployments ready, in two tasks that write to the database at the same time (prefect 3.8.8 and 3.9.1,
/// `server/api/workers.py`); they take some 20 ms on a quiet machine.
const REST: Duration = Duration::from_millis(300);

/// How the path of a poll ends.
const POLL: &str = "/get_scheduled_flow_runs";

/// All but the unreserved characters of RFC 3986: names of pools may hold spaces and more.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A name as one segment of a path.
pub(crate) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// A client of one Prefect API. Cheap to clone; clones share connections and CSRF token.
pub struct Client<T> {
    shared: Arc<Shared<T>>,
    page: usize,
}

struct Shared<T> {
    transport: T,
    patience: Patience,
    /// Identifies us to the CSRF check; a token belongs to it.
    id: Uuid,
    csrf_token: Mutex<Option<String>>,
    turns: Semaphore,
    /// The size that a page of flow runs had last that could be read.
    readable: AtomicUsize,
    /// Until when a gentle client asks nothing.
    rests: Option<Mutex<Instant>>,
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), page: self.page }
    }
}

impl<T> std::fmt::Debug for Client<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("patience", &self.shared.patience).finish_non_exhaustive()
    }
}

impl<T: Transport> Client<T> {
    /// A client over `transport`.
    pub fn new(transport: T, patience: Patience) -> Self {
        Self::with_turns(transport, patience, AT_ONCE, None)
    }

    /// A client for a Prefect server that may use SQLite: it sends one request at a time, and none while the server still
    /// writes because of the last poll.
    ///
    /// Such a server can stop for a minute when a request makes Python collect garbage while a transaction waits for
    /// another one: the garbage holds a cursor of the waiting connection, closing it waits for that connection, and the
    /// transaction that holds the lock waits for the thread that collects (seen with prefect 3.8.8 on CPython 3.11).
    pub fn gentle(transport: T, patience: Patience) -> Self {
        Self::with_turns(transport, patience, 1, Some(Mutex::new(Instant::now())))
    }

    fn with_turns(transport: T, patience: Patience, at_once: usize, rests: Option<Mutex<Instant>>) -> Self {
        let (id, turns, readable) = (Uuid::new_v4(), Semaphore::new(at_once), AtomicUsize::new(PAGE));
        let shared = Shared { transport, patience, id, csrf_token: Mutex::default(), turns, readable, rests };
        Self { shared: Arc::new(shared), page: PAGE }
    }

    /// The same with other pages than those of [`PAGE`] items. A server may allow fewer.
    #[must_use]
    pub fn with_page(self, page: usize) -> Self {
        Self { page: page.clamp(1, PAGE), ..self }
    }

    /// Most items that are asked for at once.
    #[must_use]
    pub fn page(&self) -> usize {
        self.page
    }

    pub(crate) fn readable(&self) -> &AtomicUsize {
        &self.shared.readable
    }

    /// What it sends through.
    pub fn transport(&self) -> &T {
        &self.shared.transport
    }

    /// A call whose answer is a page: it is not tried for long if it fails by itself.
    pub(crate) async fn post_page<R: DeserializeOwned>(
        &self,
        path: String,
        body: &impl Serialize,
    ) -> Result<R, ApiError> {
        let body = written(Method::Post, &path, body)?;
        self.call(Method::Post, path, Some(body), Patience::wait_for_page).await
    }

    /// The same of one thing.
    pub(crate) async fn get_impatiently<R: DeserializeOwned>(&self, path: String) -> Result<R, ApiError> {
        self.call(Method::Get, path, None, Patience::wait_for_page).await
    }

    pub(crate) async fn get<R: DeserializeOwned>(&self, path: String) -> Result<R, ApiError> {
        self.call(Method::Get, path, None, Patience::wait).await
    }

    pub(crate) async fn post<R: DeserializeOwned>(&self, path: String, body: &impl Serialize) -> Result<R, ApiError> {
        let body = written(Method::Post, &path, body)?;
        self.call(Method::Post, path, Some(body), Patience::wait).await
    }

    /// A call whose answer is of no interest.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: String,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<(), ApiError> {
        let body = body.map(|body| written(method, &path, body)).transpose()?;
        self.answer(method, path, body, Patience::wait).await.map(drop)
    }

    /// Any call, with untyped JSON: for what pushpool needs once.
    ///
    /// # Errors
    /// [`ApiError`]. An empty answer is `null`.
    pub async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, ApiError> {
        let body = body.map(Value::to_string);
        let (response, _room) = self.answer(method, path.to_owned(), body, Patience::wait).await?;
        if response.body.is_empty() {
            return Ok(Value::Null);
        }
        read(method, path, &response)
    }

    async fn call<R: DeserializeOwned>(
        &self,
        method: Method,
        path: String,
        body: Option<String>,
        wait: Wait,
    ) -> Result<R, ApiError> {
        let (response, _room) = self.answer(method, path.clone(), body, wait).await?;
        read(method, &path, &response)
    }

    /// The answer with a status of success, and the room it takes.
    async fn answer(
        &self,
        method: Method,
        path: String,
        body: Option<String>,
        wait: Wait,
    ) -> Result<(Response, Room), ApiError> {
        let operation = format!("{} {path}", method.name());
        let mut refreshed = false;
        let mut asked_for_token = false;
        loop {
            let headers = if method == Method::Get { Vec::new() } else { self.csrf_headers() };
            let request = Request { method, path: path.clone(), body: body.clone(), headers };
            let (response, room) = self.attempt(&operation, &request, wait).await?;
            match response.status {
                200..=299 => return Ok((response, room)),
                401 if !refreshed => {
                    refreshed = true;
                    if self.shared.transport.refresh().await {
                        continue;
                    }
                }
                // Prefect's own client asks for a token before its first change; asking when one is wanted costs servers
                // without the check nothing (prefect 3.8.8, `server/api/middleware.py`, `CsrfMiddleware`).
                403 if !asked_for_token && mentions_csrf(&response) => {
                    asked_for_token = true;
                    self.ask_for_token().await?;
                    continue;
                }
                _ => {}
            }
            return Err(ApiError::of_response(&operation, &response));
        }
    }

    /// One call with all its tries; an answer of whatever status, or none.
    async fn attempt(&self, operation: &str, request: &Request, wait: Wait) -> Result<(Response, Room), ApiError> {
        let Shared { transport, patience, turns, rests, .. } = &*self.shared;
        let mut waited = Duration::ZERO;
        let mut tries = 1;
        loop {
            // The semaphore is never closed. Whoever waits before another try has no turn meanwhile.
            let turn = turns.acquire().await;
            if let Some(rests) = rests {
                let until = *rests.lock().unwrap_or_else(PoisonError::into_inner);
                sleep_until(until).await;
            }
            let (outcome, room) = match transport.send_counted(request.clone()).await {
                Ok((response, room)) => (Ok(response), room),
                Err(error) => (Err(error), Room::default()),
            };
            if let Some(rests) = rests
                && request.path.ends_with(POLL)
            {
                *rests.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now() + REST;
            }
            drop(turn);
            match wait(patience, tries, waited, &outcome, transport.now()) {
                Some(wait) => {
                    tracing::debug!(operation, tries, ?outcome, ?wait, "tried again");
                    sleep(wait).await;
                    waited += wait;
                    tries += 1;
                }
                None => {
                    let unanswered =
                        |reason: TransportError| ApiError::Unanswered { operation: operation.to_owned(), reason };
                    return outcome.map(|response| (response, room)).map_err(unanswered);
                }
            }
        }
    }

    fn csrf_headers(&self) -> Vec<(&'static str, String)> {
        match &*self.shared.csrf_token.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(token) => {
                vec![("prefect-csrf-token", token.clone()), ("prefect-csrf-client", self.shared.id.to_string())]
            }
            None => Vec::new(),
        }
    }

    async fn ask_for_token(&self) -> Result<(), ApiError> {
        let path = format!("/csrf-token?client={}", self.shared.id);
        let operation = "GET /csrf-token";
        let request = Request { method: Method::Get, path, body: None, headers: Vec::new() };
        let (response, _room) = self.attempt(operation, &request, Patience::wait).await?;
        if response.status != 200 {
            return Err(ApiError::of_response(operation, &response));
        }
        let answer: Value = read(Method::Get, "/csrf-token", &response)?;
        let token = answer["token"].as_str().map(str::to_owned);
        *self.shared.csrf_token.lock().unwrap_or_else(PoisonError::into_inner) = token;
        Ok(())
    }
}

fn mentions_csrf(response: &Response) -> bool {
    String::from_utf8_lossy(&response.body).to_ascii_lowercase().contains("csrf")
}

fn written(method: Method, path: &str, body: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(body).map_err(|error| ApiError::Unreadable {
        operation: format!("{} {path}", method.name()),
        detail: format!("the request cannot be written: {error}"),
    })
}

fn read<R: DeserializeOwned>(method: Method, path: &str, response: &Response) -> Result<R, ApiError> {
    serde_json::from_slice(&response.body).map_err(|error| ApiError::Unreadable {
        operation: format!("{} {path}", method.name()),
        // serde's texts quote values; where it happened is enough to find it.
        detail: format!("line {} column {}: {:?}", error.line(), error.column(), error.classify()),
    })
}

#[cfg(test)]
mod tests;
