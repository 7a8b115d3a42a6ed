//! A server of one script: each request takes the next act, whichever connection it comes on.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// What becomes of a request.
#[derive(Debug, Clone)]
pub(super) enum Act {
    /// An answer; the connection stays.
    Answer(u16, &'static str),
    /// An answer that says nothing of it, and the connection is closed.
    AnswerAndClose(u16, &'static str),
    /// These bytes; the connection stays.
    Raw(String),
    /// These bytes, and the connection is closed.
    RawAndClose(String),
    /// The connection is closed without an answer.
    Close,
    /// Nothing, for ever.
    Silence,
    /// An answer without an end.
    Flood,
}

#[derive(Default)]
struct Seen {
    script: VecDeque<Act>,
    requests: Vec<String>,
    connections: usize,
}

pub(super) struct Server {
    origin: String,
    seen: Arc<Mutex<Seen>>,
}

impl Server {
    pub(super) async fn start(script: Vec<Act>) -> Self {
        Self::listen(script, None).await
    }

    /// The same over TLS, by the name `localhost`.
    pub(super) async fn start_tls(script: Vec<Act>, config: ServerConfig) -> Self {
        Self::listen(script, Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(script: Vec<Act>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let origin =
            if tls.is_some() { format!("https://localhost:{port}") } else { format!("http://127.0.0.1:{port}") };
        let seen = Arc::new(Mutex::new(Seen { script: script.into(), ..Seen::default() }));
        let shared = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                let (tls, shared) = (tls.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &shared).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &shared).await;
                            }
                        }
                    }
                });
            }
        });
        Self { origin, seen }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().requests.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, seen: &Mutex<Seen>) {
    while let Some(request) = read(&mut stream).await {
        let act = {
            let mut seen = seen.lock().unwrap();
            seen.requests.push(request);
            seen.script.pop_front().expect("the script has an act for each request")
        };
        let (bytes, close) = match act {
            Act::Answer(status, body) => (answer(status, body), false),
            Act::AnswerAndClose(status, body) => (answer(status, body), true),
            Act::Raw(bytes) => (bytes, false),
            Act::RawAndClose(bytes) => (bytes, true),
            Act::Close => (String::new(), true),
            Act::Silence => (String::new(), false),
            Act::Flood => {
                let chunk = vec![b' '; 1 << 20];
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", 1_u64 << 40);
                let mut sent = stream.write_all(head.as_bytes()).await;
                while sent.is_ok() {
                    sent = stream.write_all(&chunk).await;
                }
                return;
            }
        };
        if stream.write_all(bytes.as_bytes()).await.is_err() {
            return;
        }
        if close {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

/// A whole request; none when the connection ends.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text);
            }
        }
        let mut more = [0; 4096];
        match stream.read(&mut more).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&more[..read]),
        }
    }
}
