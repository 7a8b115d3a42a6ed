//! One HTTP request over loopback, on a connection of its own.

use std::io::{self, Error};
use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Sends `request`, whose URI is a path, and waits for the head of the answer.
pub(super) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> io::Result<Response<Incoming>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(Error::other)?;
    // Ends with the answer: nobody keeps the sender.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(Error::other)
}

/// The same, with the whole answer.
pub(crate) async fn exchange(address: SocketAddr, request: Request<Full<Bytes>>) -> io::Result<Response<Bytes>> {
    let (parts, body) = send(address, request).await?.into_parts();
    Ok(Response::from_parts(parts, body.collect().await.map_err(Error::other)?.to_bytes()))
}
