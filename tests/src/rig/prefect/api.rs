//! The server's API as a test speaks it: paths, JSON, and status codes as they come.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request};
use serde_json::Value;
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::http;

/// Tries of a request that SQLite answers with "database is locked", 0.2 s apart.
const TRIES: u32 = 50;

/// Whether writing requests carry a CSRF token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Csrf {
    /// They do not.
    #[default]
    Without,
    /// A token is fetched before the first of them.
    Fetch,
}

/// An answer of the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Body; null when there is none, a string when it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Panics
    ///
    /// When the status is not 2xx; the body is in the message.
    #[track_caller]
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "Prefect answered {}: {}", self.status, self.body);
        self.body
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.body)
    }
}

/// A client of one server. Retries 503 (SQLite's "database is locked"), and 500 where nothing changes by asking twice: a server
/// with too much to do gives that, too.
#[derive(Debug, Clone)]
pub struct Api {
    address: SocketAddr,
    headers: HeaderMap,
    csrf: Csrf,
    token: Arc<OnceCell<(String, String)>>,
}

impl Api {
    /// A client that shows no credentials.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, headers: HeaderMap::new(), csrf: Csrf::default(), token: Arc::default() }
    }

    /// Shows `user:password`.
    #[must_use]
    pub fn with_auth(self, auth: &str) -> Self {
        self.with_header("authorization", &format!("Basic {}", STANDARD.encode(auth)))
    }

    /// Sends a header with every request, in place of one of that name.
    ///
    /// # Panics
    ///
    /// When it is not a legal header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, value.parse().expect("a legal header value"));
        self
    }

    /// Whether writing requests carry a CSRF token.
    #[must_use]
    pub fn with_csrf(mut self, csrf: Csrf) -> Self {
        self.csrf = csrf;
        self
    }

    /// `GET`; `path` comes after `/api` and starts with a slash.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path, None).await
    }

    /// `POST`. Collections need their trailing slash: `/flows/`.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path, Some(body)).await
    }

    /// `PATCH`.
    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        self.request(Method::PATCH, path, Some(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path, None).await
    }

    /// Any request.
    ///
    /// # Panics
    ///
    /// When no answer comes.
    pub async fn request(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        // What is made under a key or a name is made once.
        let keyed = body.as_ref().is_some_and(|body| !body["idempotency_key"].is_null());
        let reads = method == Method::GET || path.ends_with("/filter") || path.ends_with("/count");
        let repeatable = reads || keyed || matches!(path, "/flows/" | "/deployments/");
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let mut tries = 1;
        loop {
            let answer = self.once(&method, path, body.clone()).await;
            if !(answer.status == 503 || repeatable && answer.status == 500) || tries == TRIES {
                return answer;
            }
            tries += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn once(&self, method: &Method, path: &str, body: Bytes) -> Answer {
        let mut headers = self.headers.clone();
        if self.csrf == Csrf::Fetch && *method != Method::GET {
            let (client, token) = self.token.get_or_init(|| self.fetch_token()).await;
            headers.insert("prefect-csrf-client", client.parse().expect("a legal header value"));
            headers.insert("prefect-csrf-token", token.parse().expect("a legal header value"));
        }
        self.bare(method, path, headers, body).await
    }

    async fn fetch_token(&self) -> (String, String) {
        let client = Uuid::new_v4().to_string();
        let path = format!("/csrf-token?client={client}");
        let answer = self.bare(&Method::GET, &path, self.headers.clone(), Bytes::new()).await.ok();
        let token = answer["token"].as_str().unwrap_or_else(|| panic!("no CSRF token: {answer}")).to_owned();
        (client, token)
    }

    async fn bare(&self, method: &Method, path: &str, headers: HeaderMap, body: Bytes) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api{path}"))
            .header("host", self.address.to_string())
            .header("content-type", "application/json")
            .body(Full::new(body))
            .expect("a request can be built");
        request.headers_mut().extend(headers);
        let answer = http::exchange(self.address, request)
            .await
            .unwrap_or_else(|error| panic!("{method} {path}: Prefect does not answer: {error}"));
        let status = answer.status().as_u16();
        let bytes = answer.into_body();
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes)))
        };
        Answer { status, body }
    }
}
