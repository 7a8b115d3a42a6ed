//! The network edge: one request out, one answer back.
//!
//! Everything above it (retries, CSRF tokens, what an answer means) is the same over a socket and over a simulated
//! server, so a simulation exercises it too.

use std::future::Future;

use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

/// HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Method {
    /// The method's name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request below the API's base URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path and query below the base URL, with a leading slash and percent-encoded: `/work_pools/filter`.
    pub path: String,
    /// JSON body.
    pub body: Option<String>,
    /// Headers of this request: the CSRF token. Authentication is the transport's.
    pub headers: Vec<(&'static str, String)>,
}

/// Bodies may hold secrets.
impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method.name(), self.path)
    }
}

/// An answer, whatever its status.
#[derive(Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The `Retry-After` header: seconds or an HTTP date.
    pub retry_after: Option<String>,
    /// Body as it came.
    pub body: Vec<u8>,
}

/// Bodies may hold secrets.
impl std::fmt::Debug for Response {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HTTP {} with {} bytes", self.status, self.body.len())
    }
}

/// Room in memory that an answer takes. It is given back when this is dropped.
#[derive(Debug, Default)]
pub struct Room {
    _counted: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Room that a transport has counted.
    #[must_use]
    pub fn of(permit: OwnedSemaphorePermit) -> Self {
        Self { _counted: Some(permit) }
    }
}

/// There is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// Nothing was sent: name, connection or TLS failed.
    #[error("no connection: {0}")]
    Connect(String),
    /// No answer in time; the request may have taken effect.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke; the request may have taken effect.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The answer takes more memory than there is for one answer.
    #[error("the answer is too large: more than {0} bytes")]
    TooLarge(usize),
    /// The request cannot be sent at all: a setting is wrong, or a secret cannot be read.
    #[error("{0}")]
    Setting(String),
}

/// Sends requests to one Prefect API.
pub trait Transport: Send + Sync + 'static {
    /// Sends the request once.
    ///
    /// # Errors
    /// [`TransportError`]: there is no answer.
    fn send(&self, request: Request) -> impl Future<Output = Result<Response, TransportError>> + Send;

    /// Sends the request once. A transport that counts the memory of its answers keeps the room of this one until the caller
    /// drops it, which is when the body is read.
    ///
    /// # Errors
    /// [`TransportError`]: there is no answer.
    fn send_counted(&self, request: Request) -> impl Future<Output = Result<(Response, Room), TransportError>> + Send {
        async { Ok((self.send(request).await?, Room::default())) }
    }

    /// Whether the credentials were read anew and differ from those of the last request: asked once after a 401.
    fn refresh(&self) -> impl Future<Output = bool> + Send {
        async { false }
    }

    /// What time it is, for a `Retry-After` that is a date.
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
