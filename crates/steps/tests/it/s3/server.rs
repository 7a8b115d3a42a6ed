//! As much of S3 as the steps use: objects in memory, lists in pages of two.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;

const PAGE: usize = 2;

/// A server on a thread of its own, which ends with the process.
pub(super) struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Objects by bucket and key.
    objects: BTreeMap<String, Bytes>,
    pages: usize,
    authorizations: Vec<String>,
}

impl Server {
    pub(super) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let served = state.clone();
        std::thread::spawn(move || crate::kit::block_on(serve(listener, served)));
        Self { address, state }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn put(&self, path: &str, text: &str) {
        self.state.lock().unwrap().objects.insert(path.to_owned(), Bytes::from(text.to_owned()));
    }

    /// The keys of all objects, which are gone afterwards.
    pub(super) fn take_keys(&self) -> Vec<String> {
        let objects = std::mem::take(&mut self.state.lock().unwrap().objects);
        objects.keys().map(|path| path.split_once('/').unwrap().1.to_owned()).collect()
    }

    pub(super) fn pages(&self) -> usize {
        self.state.lock().unwrap().pages
    }

    /// The `Authorization` of each request.
    pub(super) fn authorizations(&self) -> Vec<String> {
        self.state.lock().unwrap().authorizations.clone()
    }
}

async fn serve(listener: std::net::TcpListener, state: Arc<Mutex<State>>) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let state = state.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(request, state.clone()));
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
        });
    }
}

async fn answer(request: Request<Incoming>, state: Arc<Mutex<State>>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let header =
        |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    let path = decoded(parts.uri.path().trim_start_matches('/'));
    let body = body.collect().await?.to_bytes();
    let mut state = state.lock().unwrap();
    let authorization = header("authorization");
    let is_elsewhere = path.starts_with("elsewhere") && !authorization.contains("/ap-south-1/s3/");
    state.authorizations.push(authorization);
    if is_elsewhere {
        let answer = Response::builder().status(400).header("x-amz-bucket-region", "ap-south-1");
        return Ok(answer.body(Full::from("<Error><Code>AuthorizationHeaderMalformed</Code></Error>")).unwrap());
    }
    let (status, text) = if path.starts_with("denied") {
        (403, Bytes::from("<Error><Code>AccessDenied</Code><Message>not yours</Message></Error>"))
    } else if parts.method == Method::PUT {
        let chunked = header("content-encoding").contains("aws-chunked");
        state.objects.insert(path, if chunked { unchunked(&body) } else { body });
        (200, Bytes::new())
    } else if let Some(query) = parts.uri.query().filter(|query| query.contains("list-type=2")) {
        state.pages += 1;
        (200, list(&state, path.trim_end_matches('/'), query).into())
    } else {
        state
            .objects
            .get(&path)
            .map_or_else(|| (404, Bytes::from("<Error><Code>NoSuchKey</Code></Error>")), |object| (200, object.clone()))
    };
    Ok(Response::builder().status(status).body(Full::new(text)).unwrap())
}

fn list(state: &State, bucket: &str, query: &str) -> String {
    let value = |name: &str| {
        let found = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
        found.map(|(_, value)| decoded(value)).unwrap_or_default()
    };
    let (prefix, after) = (format!("{bucket}/{}", value("prefix")), value("continuation-token"));
    let keys: Vec<&String> = state.objects.keys().filter(|path| path.starts_with(&prefix) && **path > after).collect();
    let more = keys.len() > PAGE;
    let page = &keys[..keys.len().min(PAGE)];
    let contents: String = page
        .iter()
        .map(|path| format!("<Contents><Key>{}</Key></Contents>", escaped(&path[bucket.len() + 1..])))
        .collect();
    let next = page
        .last()
        .map(|path| format!("<NextContinuationToken>{}</NextContinuationToken>", escaped(path)))
        .unwrap_or_default();
    format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{next}{contents}</ListBucketResult>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// The content of a body in AWS's chunks: a length in hexadecimal digits, the bytes, and so on up to the length 0.
fn unchunked(mut body: &[u8]) -> Bytes {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|pair| pair == b"\r\n").unwrap();
        let line = std::str::from_utf8(&body[..end]).unwrap();
        let length = usize::from_str_radix(line.split(';').next().unwrap(), 16).unwrap();
        if length == 0 {
            return whole.into();
        }
        whole.extend_from_slice(&body[end + 2..end + 2 + length]);
        body = &body[end + 2 + length + 2..];
    }
}
