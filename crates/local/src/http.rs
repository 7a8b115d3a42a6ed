//! A listener and its connections, for the endpoint of the services and for the Runtime API alike.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Largest request body that is read, in bytes. The largest documented request is a batch of 1 MiB, which JSON escapes
/// can make six times as long; a function's response may have 6 MB.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// An answer.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Given in place of an answer, which makes the connection close without one.
#[derive(Debug, thiserror::Error)]
#[error("the connection is to be closed without an answer")]
pub(crate) struct HangUp;

/// What answers requests.
pub(crate) trait Handler: Send + Sync + 'static {
    /// Answers one request, whose body has been read.
    fn handle(&self, parts: Parts, body: Bytes) -> impl Future<Output = Result<Answer, HangUp>> + Send;
}

/// A listener that serves until [`Listening::stop`] or drop.
#[derive(Debug)]
pub(crate) struct Listening {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

impl Listening {
    /// Serves on a listener that is already bound.
    pub(crate) fn start(listener: TcpListener, handler: Arc<impl Handler>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accepting = tokio::spawn(accept(listener, handler, stopped));
        Ok(Self { address, stop, accepting })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes the listener and every connection; requests under way end without an answer.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        // The task does not panic on its own account; should it, there is nothing left to stop.
        let _ = self.accepting.await;
    }
}

async fn accept(listener: TcpListener, handler: Arc<impl Handler>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(serve(stream, peer, Arc::clone(&handler)));
                }
                // For instance no file descriptors left: waiting is all that can help.
                Err(error) => {
                    tracing::warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            // Also ends when the other side is dropped.
            _ = stopped.changed() => break,
        }
    }
    connections.shutdown().await;
}

async fn serve(stream: TcpStream, peer: SocketAddr, handler: Arc<impl Handler>) {
    // Small answers on a connection that is kept open: Nagle's algorithm would hold them back for an ack.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let handler = Arc::clone(&handler);
        async move { read_and_handle(&*handler, request).await }
    });
    let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

async fn read_and_handle(handler: &impl Handler, request: Request<Incoming>) -> Result<Answer, HangUp> {
    let (parts, body) = request.into_parts();
    match Limited::new(body, MAX_BODY).collect().await {
        Ok(body) => handler.handle(parts, body.to_bytes()).await,
        Err(error) => {
            let text = format!("the request body could not be read: {error}\n");
            Ok(respond(StatusCode::PAYLOAD_TOO_LARGE, "text/plain; charset=utf-8", text))
        }
    }
}

/// An answer of text.
pub(crate) fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
