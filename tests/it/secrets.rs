//! Functions read their secrets where containers have them from, and notice when one has changed.

use std::sync::{Arc, Mutex};

use aws::{PrefectSecrets, Secret, loopback_config, prefect_transport};
use local::{Config, Fault, Local, Rule, Service, ecs};
use prefect_api::{ApiError, Client, Connection, Patience};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const ARN: &str = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:prefect-AbCdEf";

async fn world() -> (Local, aws::SdkConfig) {
    let mut config = Config::default();
    config.ecs.secrets = ecs::Secrets::new(
        [
            (ARN, r#"{"key": "fresh", "headers": {"X-Door": "open"}, "number": 7}"#),
            ("/prefect/auth", "admin:pass\n"),
            ("/prefect/headers", r#"{"X-Door": "open"}"#),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    let local = Local::start(config).await.unwrap();
    let sdk = loopback_config(&local.endpoint(), "us-east-1").await;
    (local, sdk)
}

#[tokio::test]
async fn a_reference_means_to_a_function_what_it_means_to_a_container() {
    let (local, sdk) = world().await;
    for (reference, value) in [
        (format!("{ARN}:key::"), "fresh"),
        (format!("{ARN}:headers:AWSCURRENT:"), r#"{"X-Door":"open"}"#),
        (format!("{ARN}:number::"), "7"),
        ("ssm:/prefect/auth".to_owned(), "admin:pass\n"),
        ("arn:aws:ssm:eu-west-1:000000000000:parameter/prefect/auth".to_owned(), "admin:pass\n"),
    ] {
        assert_eq!(Secret::at(&reference, &sdk).unwrap().read().await.unwrap(), value, "{reference}");
    }
    for (reference, problem) in [
        (format!("{ARN}:other::"), "no JSON object with `other`"),
        (format!("{ARN}::AWSPREVIOUS:"), "ResourceNotFoundException"),
        ("ssm:/prefect/other".to_owned(), "ParameterNotFound"),
    ] {
        let error = Secret::at(&reference, &sdk).unwrap().read().await.unwrap_err().to_string();
        assert!(error.contains(problem) && error.contains(&reference), "{error}");
        assert!(!error.contains("fresh"), "{error}");
    }
    local.stop().await;
}

/// A Prefect server that lets `authorization` in, and what it was asked.
async fn prefect(authorization: &'static str) -> (Connection, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connection = Connection::to(format!("http://{}/api", listener.local_addr().unwrap()));
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let requests = Arc::clone(&seen);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let byte = stream.read_u8().await.unwrap();
                request.push(byte);
            }
            let request = String::from_utf8(request).unwrap();
            let welcome = request.contains(&format!("\r\nauthorization: {authorization}\r\n"));
            requests.lock().unwrap().push(request);
            let (status, body) = if welcome { (200, r#""3.8.8""#) } else { (401, "{}") };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (connection, seen)
}

#[tokio::test]
async fn a_rotated_key_costs_one_more_request() {
    let (local, sdk) = world().await;
    let stale = Fault::Answer(json!({"SecretString": r#"{"key": "stale"}"#}));
    local.faults().add(Rule::new(Service::SecretsManager, "GetSecretValue", stale).once());
    let (connection, seen) = prefect("Bearer fresh").await;
    let secrets = PrefectSecrets {
        api_key: Some(Secret::at(&format!("{ARN}:key::"), &sdk).unwrap()),
        custom_headers: Some(Secret::at("ssm:/prefect/headers", &sdk).unwrap()),
        ..PrefectSecrets::default()
    };
    let client = Client::new(prefect_transport(&connection, secrets).unwrap(), Patience::FUNCTION);
    assert_eq!(client.server_version().await, Ok("3.8.8".to_owned()));
    assert_eq!(client.server_version().await, Ok("3.8.8".to_owned()));
    {
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 3);
        assert!(seen[0].contains("\r\nauthorization: Bearer stale\r\n"), "{}", seen[0]);
        assert!(seen.iter().all(|request| request.contains("\r\nx-door: open\r\n")), "{seen:?}");
    }
    assert_eq!(local.calls()["secretsmanager:GetSecretValue"], 2);
    local.stop().await;
}

#[tokio::test]
async fn an_auth_string_goes_before_a_key_and_loses_its_line_break() {
    let (local, sdk) = world().await;
    let (connection, _) = prefect("Basic YWRtaW46cGFzcw==").await;
    let secrets = PrefectSecrets {
        api_key: Some(Secret::at(&format!("{ARN}:key::"), &sdk).unwrap()),
        auth_string: Some(Secret::at("ssm:/prefect/auth", &sdk).unwrap()),
        ..PrefectSecrets::default()
    };
    let client = Client::new(prefect_transport(&connection, secrets).unwrap(), Patience::FUNCTION);
    assert_eq!(client.server_version().await, Ok("3.8.8".to_owned()));
    local.stop().await;
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_named_and_nothing_is_sent() {
    let (local, sdk) = world().await;
    let (connection, seen) = prefect("Bearer fresh").await;
    let secret = |reference: &str| Some(Secret::at(reference, &sdk).unwrap());
    for (secrets, problem) in [
        (PrefectSecrets { api_key: secret("ssm:/prefect/gone"), ..PrefectSecrets::default() }, "ssm:/prefect/gone"),
        (PrefectSecrets { custom_headers: secret("ssm:/prefect/auth"), ..PrefectSecrets::default() }, "no JSON object"),
    ] {
        let client = Client::new(prefect_transport(&connection, secrets).unwrap(), Patience::FUNCTION);
        let error = client.server_version().await.unwrap_err();
        assert!(
            matches!(&error, ApiError::Unanswered { reason, .. } if reason.to_string().contains(problem)),
            "{error}"
        );
        assert!(!error.to_string().contains("admin:"), "{error}");
    }
    assert!(seen.lock().unwrap().is_empty());
    local.stop().await;
}
