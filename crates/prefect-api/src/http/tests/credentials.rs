//! Credentials that change while the process runs.

use std::sync::Mutex;

use super::*;
use crate::{Credentials, error::ApiError};

/// Gives out what a secret store holds one read after the other; the last for ever.
struct Store {
    values: Mutex<Vec<Result<Credentials, String>>>,
    reads: Mutex<usize>,
}

impl Store {
    fn holding(values: Vec<Result<Credentials, String>>) -> Arc<Self> {
        Arc::new(Self { values: Mutex::new(values), reads: Mutex::default() })
    }

    fn reads(&self) -> usize {
        *self.reads.lock().unwrap()
    }
}

impl CredentialSource for Store {
    fn fetch(&self) -> Fetched<'_> {
        *self.reads.lock().unwrap() += 1;
        let mut values = self.values.lock().unwrap();
        let value = if values.len() > 1 { values.remove(0) } else { values[0].clone() };
        Box::pin(async move { value })
    }
}

fn key(key: &str) -> Result<Credentials, String> {
    Ok(Credentials { auth: Auth::ApiKey(key.into()), headers: vec![("X-Door".into(), format!("door {key}"))] })
}

fn client(server: &Server, store: &Arc<Store>) -> Client<HttpTransport> {
    let connection = Connection { auth: Auth::ApiKey("unused".into()), ..Connection::to(server.url("/api")) };
    let source = Arc::clone(store) as Arc<dyn CredentialSource>;
    Client::new(HttpTransport::with_source(&connection, source).unwrap(), Patience::FUNCTION)
}

#[tokio::test]
async fn a_rotated_key_is_read_and_the_call_made_again() {
    let server = Server::start(vec![Act::Answer(401, "{}"), Act::Answer(200, "5"), Act::Answer(200, "6")]).await;
    let store = Store::holding(vec![key("old"), key("new")]);
    let client = client(&server, &store);
    assert_eq!(client.count_flow_runs(&FlowRunQuery::default()).await, Ok(5));
    assert_eq!(client.count_flow_runs(&FlowRunQuery::default()).await, Ok(6));
    let seen = server.requests();
    for (request, key) in seen.iter().zip(["old", "new", "new"]) {
        assert!(request.contains(&format!("\r\nauthorization: Bearer {key}\r\n")), "{request}");
        assert!(request.contains(&format!("\r\nx-door: door {key}\r\n")), "{request}");
    }
    assert_eq!((seen.len(), store.reads()), (3, 2));
}

#[tokio::test]
async fn a_key_that_is_simply_wrong_is_not_tried_again() {
    let server = Server::start(vec![Act::Answer(401, r#"{"detail":"Unauthorized"}"#)]).await;
    let store = Store::holding(vec![key("same")]);
    let error = client(&server, &store).count_flow_runs(&FlowRunQuery::default()).await.unwrap_err();
    assert!(matches!(error, ApiError::Unauthorised { status: 401, .. }), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn a_batch_that_is_refused_together_reads_the_secret_once() {
    let server = Server::start(vec![Act::Answer(200, "{}")]).await;
    let store = Store::holding(vec![key("old"), key("new")]);
    let client = client(&server, &store);
    client.transport().send(get("/a")).await.unwrap();
    let transport = client.transport();
    let refreshed = tokio::join!(transport.refresh(), transport.refresh(), transport.refresh());
    assert_eq!((refreshed, store.reads()), ((true, true, true), 2));
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_told_and_read_again_next_time() {
    let server = Server::start(vec![Act::Answer(200, "{}")]).await;
    let store = Store::holding(vec![Err("no access to the secret".into()), key("new")]);
    let client = client(&server, &store);
    let error = client.transport().send(get("/a")).await.unwrap_err();
    assert_eq!(error, TransportError::Setting("no access to the secret".into()));
    assert!(client.transport().send(get("/a")).await.is_ok());
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn fixed_credentials_never_change() {
    let server = Server::start(vec![]).await;
    assert!(!transport(&server).refresh().await);
}
