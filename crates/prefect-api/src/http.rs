//! The transport over HTTP: hyper's pooled client, TLS by rustls with *ring*.
//!
//! These are the very crates, in the same versions, that the AWS SDK's HTTP client is made of, so a function links one
//! HTTP and one TLS stack. HTTP/1.1 only, which is Prefect's default too (`PREFECT_API_ENABLE_HTTP2` is off).
//!
//! # Connections that died while nobody looked
//!
//! A function is frozen between invocations: a server closes an idle connection (Prefect's own server after 5 s), a
//! load balancer forgets it, and nobody here hears of it. Four things keep that from costing an error:
//!
//! * a connection idle for more than [`IDLE`] is not used again, by the clock that is read when it would be;
//! * a request that found its connection closed before anything was written goes out again on another one, inside hyper;
//! * what was written into the void is given up by the kernel after [`UNACKNOWLEDGED`] (Linux), not after the whole try;
//! * all else ends as [`TransportError::Lost`] and the client tries again, which is safe for every call it makes
//!   (see [`Patience`](crate::Patience)).

mod access;
#[cfg(test)]
mod tests;
mod tls;

use std::{error::Error, fmt, sync::Arc, time::Duration};

use http_body_util::{BodyExt, Full};
use hyper::{
    HeaderMap, Uri,
    body::{Body, Bytes, Incoming},
    header::{ACCEPT, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use self::access::Access;
pub use self::access::{CredentialSource, Fetched};
use crate::{
    connection::{Connection, without_userinfo},
    transport::{Method, Request, Response, Room, Transport, TransportError},
};

/// Time for a TCP connection to stand.
const CONNECT: Duration = Duration::from_secs(3);

/// How long an unused connection is kept. Prefect Cloud's load balancer closes after 30 s; Prefect's client keeps 25 s.
const IDLE: Duration = Duration::from_secs(20);

/// How long sent bytes may stay without acknowledgement before the connection counts as lost.
const UNACKNOWLEDGED: Duration = Duration::from_secs(3);

/// Largest answer that is read. A full page of 200 flow runs with large parameters (512 KiB each) would be 100 MB; the
/// caller asks for smaller pages then (see [`Client::flow_runs_page`](crate::Client::flow_runs_page)).
const LARGEST: usize = 32 * 1024 * 1024;

/// Most memory that the bodies of all answers take together until they are read: those of several large pages wait for one
/// another. A poller has 256 MB unless told otherwise.
const TOGETHER: usize = 48 * 1024 * 1024;

/// What memory is counted in. An answer that does not say how long it is takes more as it comes.
const CHUNK: usize = 1024 * 1024;

const SELF: HeaderValue = HeaderValue::from_static(concat!("pushpool/", env!("CARGO_PKG_VERSION")));
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A connection cannot be used as it is set.
#[derive(Debug, thiserror::Error)]
pub enum BadConnection {
    /// The URL is none.
    #[error("the API URL `{url}` {problem}")]
    Url {
        /// The URL, without user and password.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A header's name or value is not one of HTTP.
    #[error("the custom header `{0}` is not valid: a name is letters, digits and hyphens, a value has no line breaks")]
    Header(String),
    /// The key or the auth string cannot be sent.
    #[error("the {0} holds characters that no header may hold, such as line breaks")]
    Credentials(&'static str),
    /// The certificates to trust cannot be read.
    #[error("the certificates in {place} cannot be used: {problem}")]
    Certificates {
        /// The file, or the system.
        place: String,
        /// What is wrong with them.
        problem: String,
    },
}

/// Sends requests to one Prefect API over HTTP.
pub struct HttpTransport {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Scheme, authority and path, without a slash at its end.
    base: String,
    /// Host and port, for error texts.
    authority: String,
    access: Access,
    timeout: Duration,
    /// What is left of [`TOGETHER`], in chunks.
    memory: Arc<Semaphore>,
}

impl HttpTransport {
    /// A transport with the connection's credentials. For `https` the certificates to trust are read here: in a function
    /// that is while it starts, when it has a whole core.
    ///
    /// # Errors
    /// [`BadConnection`]: a setting is wrong.
    pub fn new(connection: &Connection) -> Result<Self, BadConnection> {
        Self::build(connection, None)
    }

    /// A transport whose credentials come from `source`: before its first request, and again when the server refuses
    /// them. They replace those of the connection.
    ///
    /// # Errors
    /// [`BadConnection`]: a setting is wrong.
    pub fn with_source(connection: &Connection, source: Arc<dyn CredentialSource>) -> Result<Self, BadConnection> {
        Self::build(connection, Some(source))
    }

    fn build(connection: &Connection, source: Option<Arc<dyn CredentialSource>>) -> Result<Self, BadConnection> {
        let (base, uri) = base_url(&connection.api_url)?;
        let tls = tls::config(connection, uri.scheme_str() == Some("https"))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .retry_canceled_requests(true)
            .build(connector);
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let access = Access::new(connection, source)?;
        let memory = Arc::new(Semaphore::new(TOGETHER / CHUNK));
        Ok(Self { client, base, authority, access, timeout: connection.timeout, memory })
    }

    /// The head of the answer.
    async fn exchange(&self, request: Request) -> Result<hyper::Response<Incoming>, TransportError> {
        let headers = self.access.headers().await?;
        let request = self.written(request, &headers)?;
        self.client.request(request).await.map_err(|error| self.unanswered(&error))
    }

    /// Room for a body, as far as its length is known. Others that have theirs read on, so this ends.
    async fn room(&self, length: Option<usize>) -> Result<OwnedSemaphorePermit, TransportError> {
        let chunks = chunks(length.unwrap_or(CHUNK));
        let closed = |_| TransportError::Setting("the transport is closed".to_owned());
        Arc::clone(&self.memory).acquire_many_owned(chunks).await.map_err(closed)
    }

    /// Makes room for a body that is longer than thought. It does not wait, since those it would wait for may wait for it.
    fn more_room(&self, room: &mut OwnedSemaphorePermit, length: usize) -> Result<(), TransportError> {
        let missing = chunks(length).saturating_sub(u32::try_from(room.num_permits()).unwrap_or(u32::MAX));
        if missing > 0 {
            let more = Arc::clone(&self.memory).try_acquire_many_owned(missing);
            room.merge(more.map_err(|_| TransportError::TooLarge(length))?);
        }
        Ok(())
    }

    async fn body(
        &self,
        mut incoming: Incoming,
        length: Option<usize>,
        room: &mut OwnedSemaphorePermit,
    ) -> Result<Vec<u8>, TransportError> {
        let mut body = Vec::with_capacity(length.unwrap_or_default());
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|error| TransportError::Lost(root(&error)))?;
            let Ok(data) = frame.into_data() else { continue };
            let length = body.len() + data.len();
            // Not `Lost`: asking again would bring the same.
            if length > LARGEST {
                return Err(TransportError::TooLarge(LARGEST));
            }
            // A vector that grows has up to twice the room it needs.
            if body.capacity() < length {
                self.more_room(room, length * 2)?;
            }
            body.extend_from_slice(&data);
        }
        Ok(body)
    }

    fn written(&self, request: Request, headers: &HeaderMap) -> Result<hyper::Request<Full<Bytes>>, TransportError> {
        let Request { method, path, body, headers: own } = request;
        let mut written = hyper::Request::new(Full::default());
        *written.method_mut() = match method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
            Method::Put => hyper::Method::PUT,
            Method::Patch => hyper::Method::PATCH,
            Method::Delete => hyper::Method::DELETE,
        };
        *written.uri_mut() = format!("{}{path}", self.base)
            .parse()
            .map_err(|error| TransportError::Setting(format!("{path} is no path of a URL: {error}")))?;
        let to = written.headers_mut();
        to.insert(ACCEPT, JSON);
        to.extend(headers.clone());
        to.insert(USER_AGENT, SELF);
        for (name, value) in own {
            // Only the CSRF token is sent like this, and the server chose it.
            let value = HeaderValue::try_from(value)
                .map_err(|_| TransportError::Setting(format!("the header {name} cannot be sent")))?;
            to.insert(name, value);
        }
        if let Some(body) = body {
            to.insert(CONTENT_TYPE, JSON);
            *written.body_mut() = Full::from(body);
        }
        Ok(written)
    }

    fn unanswered(&self, error: &legacy::Error) -> TransportError {
        let reason = root(error);
        if !error.is_connect() {
            let hint = if is_no_http(error) && self.base.starts_with("http://") {
                " (what answers speaks no HTTP: if it is TLS, the URL begins with https://)"
            } else {
                ""
            };
            return TransportError::Lost(format!("{reason}{hint}"));
        }
        let hint = if reason.contains("UnknownIssuer") {
            " (PREFECT_API_SSL_CERT_FILE names a file with the certificates to trust)"
        } else if reason.contains("InvalidContentType") {
            " (what answers speaks no TLS: if it is plain HTTP, the URL begins with http://)"
        } else {
            ""
        };
        TransportError::Connect(format!("{}: {reason}{hint}", self.authority))
    }
}

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpTransport")
            .field("base", &self.base)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl Transport for HttpTransport {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.send_counted(request).await.map(|(response, _)| response)
    }

    async fn send_counted(&self, request: Request) -> Result<(Response, Room), TransportError> {
        let response = timeout(self.timeout, self.exchange(request)).await.unwrap_or(Err(TransportError::Timeout))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let incoming = response.into_body();
        let length = incoming.size_hint().exact().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
        if length.is_some_and(|length| length > LARGEST) {
            return Err(TransportError::TooLarge(LARGEST));
        }
        // Waiting for room is not the server's fault.
        let mut room = self.room(length).await?;
        let body = timeout(self.timeout, self.body(incoming, length, &mut room)).await;
        let body = body.unwrap_or(Err(TransportError::Timeout))?;
        Ok((Response { status, retry_after, body }, Room::of(room)))
    }

    async fn refresh(&self) -> bool {
        self.access.refresh().await
    }
}

/// The base without a slash at its end, and its parts.
fn base_url(api_url: &str) -> Result<(String, Uri), BadConnection> {
    let api_url = api_url.trim();
    let bad = |problem: &'static str| BadConnection::Url { url: without_userinfo(api_url), problem };
    let scheme = api_url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return Err(bad("must begin with http:// or https://"));
    }
    let Ok(uri) = api_url.parse::<Uri>() else {
        return Err(bad("is not a URL"));
    };
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return Err(bad("holds a user or password: set PREFECT_API_AUTH_STRING to `user:password` instead"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(bad("names no host"));
    }
    if uri.query().is_some() || api_url.contains('#') {
        return Err(bad("has a query or a fragment; it must end with the path of the API"));
    }
    Ok((api_url.trim_end_matches('/').to_owned(), uri))
}

fn chunks(length: usize) -> u32 {
    u32::try_from(length.div_ceil(CHUNK).max(1)).unwrap_or(u32::MAX)
}

/// Whether there was an answer that is none of HTTP.
fn is_no_http(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse) {
            return true;
        }
        next = error.source();
    }
    false
}

/// The innermost reason: the layers around it name the layers of hyper.
fn root(error: &(dyn Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
