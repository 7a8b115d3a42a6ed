//! Against a real socket, with a server that does what its script says.

mod credentials;
mod server;
mod trust;

use std::sync::Arc;

use self::server::{Act, Server};
use super::*;
use crate::{client::Client, connection::Auth, filters::FlowRunQuery, retry::Patience};

fn get(path: &str) -> Request {
    Request { method: Method::Get, path: path.into(), body: None, headers: Vec::new() }
}

fn post(path: &str, body: &str) -> Request {
    Request { method: Method::Post, path: path.into(), body: Some(body.into()), headers: Vec::new() }
}

fn transport(server: &Server) -> HttpTransport {
    HttpTransport::new(&Connection::to(server.url("/api"))).unwrap()
}

#[tokio::test]
async fn a_request_says_what_prefect_expects() {
    let server = Server::start(vec![Act::Answer(201, r#"{"a":1}"#)]).await;
    let connection = Connection {
        auth: Auth::ApiKey("pnu_key".into()),
        headers: vec![("X-Proxy".into(), "door".into()), ("User-Agent".into(), "other".into())],
        ..Connection::to(server.url("/prefix/api/"))
    };
    let transport = HttpTransport::new(&connection).unwrap();
    let mut request = post("/flow_runs/filter?x=a%20b", r#"{"limit":1}"#);
    request.headers = vec![("prefect-csrf-token", "token".into())];
    let response = transport.send(request).await.unwrap();
    assert_eq!(response, Response { status: 201, retry_after: None, body: br#"{"a":1}"#.to_vec() });
    let seen = server.requests().remove(0);
    assert!(seen.starts_with("POST /prefix/api/flow_runs/filter?x=a%20b HTTP/1.1\r\n"), "{seen}");
    assert!(seen.ends_with("\r\n\r\n{\"limit\":1}"), "{seen}");
    for line in [
        "authorization: Bearer pnu_key",
        "x-proxy: door",
        concat!("user-agent: pushpool/", env!("CARGO_PKG_VERSION")),
        "content-type: application/json",
        "accept: application/json",
        "prefect-csrf-token: token",
    ] {
        assert!(seen.contains(&format!("\r\n{line}\r\n")), "{line} is not in\n{seen}");
    }
    assert!(!seen.contains("other"), "{seen}");
}

#[tokio::test]
async fn an_auth_string_goes_as_basic_and_a_custom_header_may_replace_it() {
    let server = Server::start(vec![Act::Answer(200, "{}"); 2]).await;
    let mut connection = Connection {
        auth: Auth::of(Some("key".into()), Some("admin:päss".into())),
        ..Connection::to(server.url("/api"))
    };
    HttpTransport::new(&connection).unwrap().send(get("/a")).await.unwrap();
    connection.headers = vec![("Authorization".into(), "Negotiate x".into())];
    HttpTransport::new(&connection).unwrap().send(get("/b")).await.unwrap();
    let seen = server.requests();
    assert!(seen[0].contains("\r\nauthorization: Basic YWRtaW46cMOkc3M=\r\n"), "{}", seen[0]);
    assert!(seen[1].contains("\r\nauthorization: Negotiate x\r\n"), "{}", seen[1]);
    assert!(!seen[0].contains("content-type"), "{}", seen[0]);
}

#[tokio::test]
async fn a_busy_answer_comes_with_its_retry_after() {
    let server =
        Server::start(vec![Act::Raw("HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n".into())])
            .await;
    let response = transport(&server).send(get("/a")).await.unwrap();
    assert_eq!(response, Response { status: 429, retry_after: Some("7".into()), body: Vec::new() });
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let port = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let transport = HttpTransport::new(&Connection::to(format!("http://127.0.0.1:{port}/api"))).unwrap();
    let error = transport.send(get("/a")).await.unwrap_err();
    assert!(matches!(&error, TransportError::Connect(why) if why.contains(&port.to_string())), "{error}");
    let nowhere = HttpTransport::new(&Connection::to("http://nowhere.invalid/api")).unwrap();
    let error = nowhere.send(get("/a")).await.unwrap_err();
    assert!(matches!(&error, TransportError::Connect(why) if why.contains("nowhere.invalid")), "{error}");
}

#[tokio::test]
async fn a_silent_server_is_waited_for_no_longer_than_set() {
    let server =
        Server::start(vec![Act::Silence, Act::Raw("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".into())]).await;
    let connection = Connection { timeout: Duration::from_millis(100), ..Connection::to(server.url("/api")) };
    let transport = HttpTransport::new(&connection).unwrap();
    assert_eq!(transport.send(get("/silent")).await, Err(TransportError::Timeout));
    assert_eq!(transport.send(get("/half")).await, Err(TransportError::Timeout));
    assert_eq!(server.connections(), 2, "a connection that owes an answer is not used again");
}

#[tokio::test]
async fn a_connection_that_breaks_may_have_brought_the_request() {
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf".to_owned();
    let server = Server::start(vec![Act::Close, Act::RawAndClose(half)]).await;
    let transport = transport(&server);
    for path in ["/before", "/within"] {
        let error = transport.send(post(path, "{}")).await.unwrap_err();
        assert!(matches!(error, TransportError::Lost(_)), "{path}: {error}");
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::start(vec![Act::Answer(200, "{}"); 3]).await;
    let transport = transport(&server);
    for _ in 0..3 {
        transport.send(post("/a", "{}")).await.unwrap();
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 1));
}

#[tokio::test]
async fn a_connection_that_died_while_idle_costs_a_post_nothing() {
    // The answers come whole, so the connections go back to the pool; then they are closed, unannounced.
    let server =
        Server::start(vec![Act::AnswerAndClose(200, "1"), Act::AnswerAndClose(200, "2"), Act::Answer(200, "3")]).await;
    let client = Client::new(transport(&server), Patience::FUNCTION);
    for expected in 1..=3 {
        assert_eq!(client.count_flow_runs(&FlowRunQuery::default()).await, Ok(expected));
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 3));
}

#[tokio::test]
async fn a_connection_that_dies_of_the_next_request_is_replaced() {
    // What a frozen function sees: the request is written, and only then it turns out that nobody is there.
    let server = Server::start(vec![Act::Answer(200, "1"), Act::Close, Act::Answer(200, "2")]).await;
    let client = Client::new(transport(&server), Patience::FUNCTION);
    for expected in 1..=2 {
        assert_eq!(client.count_flow_runs(&FlowRunQuery::default()).await, Ok(expected));
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 2));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let server = Server::start(vec![Act::Flood]).await;
    let error = transport(&server).send(get("/a")).await.unwrap_err();
    assert!(matches!(&error, TransportError::TooLarge(_)), "{error}");
}

#[test]
fn a_url_that_cannot_be_one_of_an_api_is_refused_with_the_reason() {
    for (url, reason) in [
        ("", "must begin with http"),
        ("prefect.example.com/api", "must begin with http"),
        ("ftp://host/api", "must begin with http"),
        ("http:///api", "is not a URL"),
        ("https://admin:canary@host/api", "PREFECT_API_AUTH_STRING"),
        ("https://host/api?x=canary", "query"),
        ("https://host/api#x", "fragment"),
    ] {
        let error = HttpTransport::new(&Connection::to(url)).map(drop).unwrap_err().to_string();
        assert!(error.contains(reason), "{url}: {error}");
        assert!(!error.contains("admin"), "{error}");
    }
    for url in ["http://127.0.0.1:4200/api", "http://[::1]:4200/api/", "  http://host  "] {
        assert!(HttpTransport::new(&Connection::to(url)).is_ok(), "{url}");
    }
}

#[test]
fn what_cannot_be_a_header_is_named_and_not_quoted() {
    let bad = |connection: Connection| HttpTransport::new(&connection).map(drop).unwrap_err().to_string();
    let to = || Connection::to("http://host/api");
    let error = bad(Connection { auth: Auth::ApiKey("canary\n".into()), ..to() });
    assert!(error.contains("API key") && !error.contains("canary"), "{error}");
    let error = bad(Connection { headers: vec![("X-Door".into(), "canary\n".into())], ..to() });
    assert!(error.contains("X-Door") && !error.contains("canary"), "{error}");
    let error = bad(Connection { headers: vec![("X Door".into(), "v".into())], ..to() });
    assert!(error.contains("X Door"), "{error}");
    let shown =
        format!("{:?}", HttpTransport::new(&Connection { auth: Auth::ApiKey("canary".into()), ..to() }).unwrap());
    assert!(!shown.contains("canary"), "{shown}");
}
