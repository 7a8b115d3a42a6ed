//! Real processes behind the Runtime API. The process is this very test binary, run with the name of a test that is a
//! runtime when it finds `AWS_LAMBDA_RUNTIME_API`, and nothing otherwise.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::lambda::{Bootstrap, EventSourceMapping, Function, FunctionError, Mapping, Output, RuntimeApi};
use crate::sqs::Sqs;
use crate::wire::Account;

/// Long enough for a slow machine; no test waits for it to pass.
const LONG: Duration = Duration::from_secs(60);

/// A request of the Runtime API, by hand; status, headers in lower case, body.
fn request(method: &str, path: &str, body: &str) -> (u16, Vec<(String, String)>, String) {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!(
        "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() <= 2 {
            break;
        }
        lines.push(line.trim_end().to_owned());
    }
    let mut body = String::new();
    reader.read_to_string(&mut body).unwrap();
    let Some((status, headers)) = lines.split_first() else { std::process::exit(0) };
    let status = status.split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &String| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    (status, headers.iter().filter_map(header).collect(), body)
}

#[test]
fn runtime() {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return;
    }
    match std::env::var("START").as_deref() {
        Ok("exit") => std::process::exit(9),
        Ok("error") => {
            request("POST", "init/error", r#"{"errorType": "Init", "errorMessage": "no settings"}"#);
            std::process::exit(1);
        }
        Ok("hang") => std::thread::sleep(LONG),
        _ => {}
    }
    loop {
        let (_, headers, body) = request("GET", "invocation/next", "");
        let header = |name: &str| headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.clone()).unwrap();
        let id = header("lambda-runtime-aws-request-id");
        let event: Value = serde_json::from_str(&body).unwrap();
        println!("doing {}", event["do"]);
        let variable = |name: &str| std::env::var(name).ok();
        let answer = match event["do"].as_str() {
            Some("describe") => json!({
                "process": std::process::id(),
                "deadline": header("lambda-runtime-deadline-ms").parse::<u64>().unwrap(),
                "arn": header("lambda-runtime-invoked-function-arn"),
                "traced": header("lambda-runtime-trace-id").starts_with("Root=1-"),
                "name": variable("AWS_LAMBDA_FUNCTION_NAME"),
                "memory": variable("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
                "region": variable("AWS_REGION"),
                "endpoint": variable("AWS_ENDPOINT_URL"),
                "own": variable("OWN"),
                "foreign": variable("CARGO_MANIFEST_DIR").or_else(|| variable("HOME")),
            }),
            Some("fail") => {
                let error = r#"{"errorType": "Broken", "errorMessage": "as told"}"#;
                assert_eq!(request("POST", &format!("invocation/{id}/error"), error).0, 202);
                continue;
            }
            Some("exit") => std::process::exit(3),
            Some("hang") => {
                std::thread::sleep(LONG);
                Value::Null
            }
            Some("misaddress") => {
                json!({"status": request("POST", "invocation/00000000/response", "{}").0})
            }
            Some("babble") => {
                request("POST", &format!("invocation/{id}/response"), "no json");
                continue;
            }
            _ => {
                let bad = |record: &&Value| record["body"] == "bad";
                let failed = event["Records"].as_array().unwrap().iter().filter(bad);
                let items: Vec<Value> = failed.map(|record| json!({"itemIdentifier": record["messageId"]})).collect();
                json!({"batchItemFailures": items})
            }
        };
        assert_eq!(request("POST", &format!("invocation/{id}/response"), &answer.to_string()).0, 202);
    }
}

fn bootstrap() -> Bootstrap {
    let mut bootstrap = Bootstrap::new("dispatcher", std::env::current_exe().unwrap());
    bootstrap.arguments = ["lambda::tests::bootstrap::runtime", "--exact", "--nocapture"].map(String::from).into();
    bootstrap
}

async fn invoke(function: &RuntimeApi, what: &str) -> Result<Value, FunctionError> {
    function.invoke(json!({"do": what}), LONG).await
}

fn is_alive(process: &Value) -> bool {
    // A process that has ended and was waited for has no directory there.
    Path::new(&format!("/proc/{process}")).exists()
}

#[tokio::test]
async fn a_process_finds_what_lambda_promises_and_serves_again() {
    let mut settings = bootstrap();
    settings.endpoint_url = Some("http://127.0.0.1:9".into());
    settings.environment.insert("OWN".into(), "yes".into());
    let function = RuntimeApi::start(settings).await.unwrap();
    let before = Clock::new().now();
    let first = invoke(&function, "describe").await.unwrap();
    assert!(first["deadline"].as_u64().unwrap() >= before + 60_000);
    assert_eq!(first["arn"], "arn:aws:lambda:us-east-1:000000000000:function:dispatcher");
    assert_eq!(first["traced"], true);
    assert_eq!(first["name"], "dispatcher");
    assert_eq!(first["memory"], "256");
    assert_eq!(first["region"], "us-east-1");
    assert_eq!(first["endpoint"], "http://127.0.0.1:9");
    assert_eq!(first["own"], "yes");
    assert_eq!(first["foreign"], Value::Null);
    let second = invoke(&function, "describe").await.unwrap();
    assert_eq!(second["process"], first["process"]);
    assert_eq!(function.idle_processes(), [u32::try_from(first["process"].as_u64().unwrap()).unwrap()]);
    function.stop().await;
    assert!(!is_alive(&first["process"]));
    assert_eq!(invoke(&function, "describe").await, Err(FunctionError::Stopped));
}

#[tokio::test]
async fn errors_are_passed_on_and_keep_the_process() {
    let function = RuntimeApi::start(bootstrap()).await.unwrap();
    let process = invoke(&function, "describe").await.unwrap()["process"].clone();
    let failed = FunctionError::Failed { error_type: "Broken".into(), message: "as told".into() };
    assert_eq!(invoke(&function, "fail").await, Err(failed));
    assert!(matches!(invoke(&function, "babble").await, Err(FunctionError::Response(_))));
    assert_eq!(invoke(&function, "misaddress").await.unwrap(), json!({"status": 400}));
    assert_eq!(invoke(&function, "describe").await.unwrap()["process"], process);
    function.stop().await;
}

#[tokio::test]
async fn a_process_that_ends_fails_its_invocation_and_is_replaced() {
    let function = RuntimeApi::start(bootstrap()).await.unwrap();
    let process = invoke(&function, "describe").await.unwrap()["process"].clone();
    let exited = invoke(&function, "exit").await.unwrap_err();
    assert_eq!(exited, FunctionError::Exited("exit status: 3".into()));
    let replacement = invoke(&function, "describe").await.unwrap()["process"].clone();
    assert_ne!(replacement, process);
    function.stop().await;
    assert!(!is_alive(&replacement));
}

#[tokio::test]
async fn a_process_that_takes_too_long_is_killed_and_replaced() {
    let function = RuntimeApi::start(bootstrap()).await.unwrap();
    let process = invoke(&function, "describe").await.unwrap()["process"].clone();
    let timeout = Duration::from_millis(50);
    assert_eq!(function.invoke(json!({"do": "hang"}), timeout).await, Err(FunctionError::TimedOut(timeout)));
    assert!(!is_alive(&process));
    assert_ne!(invoke(&function, "describe").await.unwrap()["process"], process);
    function.stop().await;
}

#[tokio::test]
async fn a_process_that_does_not_start_says_why() {
    let start = |how: &str| {
        let mut settings = bootstrap();
        settings.environment.insert("START".into(), how.into());
        settings.init_timeout = if how == "hang" { Duration::from_millis(50) } else { LONG };
        async move {
            let function = RuntimeApi::start(settings).await.unwrap();
            let error = invoke(&function, "describe").await.unwrap_err();
            function.stop().await;
            error.to_string()
        }
    };
    assert_eq!(start("exit").await, "the function did not start: exit status: 9");
    assert!(start("error").await.contains("Init: no settings"));
    assert!(start("hang").await.contains("did not ask for work"));

    let function = RuntimeApi::start(Bootstrap::new("none", "/nonexistent/bootstrap")).await.unwrap();
    assert!(matches!(invoke(&function, "describe").await, Err(FunctionError::Start(_))));
}

#[tokio::test]
async fn environments_run_at_a_time_and_no_more_than_there_are() {
    let mut settings = bootstrap();
    settings.environments = 2;
    let (sender, mut lines) = mpsc::unbounded_channel();
    settings.output = Output::Lines(sender);
    let function = Arc::new(RuntimeApi::start(settings).await.unwrap());
    let hanging: Vec<_> = (0..3)
        .map(|_| {
            let function = Arc::clone(&function);
            tokio::spawn(async move { invoke(&function, "hang").await })
        })
        .collect();
    let mut environments = Vec::new();
    while environments.len() < 2 {
        let line = lines.recv().await.unwrap();
        if line.text.contains("doing \"hang\"") {
            environments.push(line.environment);
        }
    }
    environments.sort_unstable();
    assert_eq!(environments, [0, 1]);
    // Ends the two that hang and the one that waits.
    function.stop().await;
    for task in hanging {
        assert_eq!(task.await.unwrap(), Err(FunctionError::Stopped));
    }
    assert!(function.idle_processes().is_empty());
}

#[tokio::test]
async fn a_dropped_invocation_takes_its_process_along() {
    let (sender, mut lines) = mpsc::unbounded_channel();
    let mut settings = bootstrap();
    settings.output = Output::Lines(sender);
    let function = Arc::new(RuntimeApi::start(settings).await.unwrap());
    let process = invoke(&function, "describe").await.unwrap()["process"].clone();
    let hanging = tokio::spawn({
        let function = Arc::clone(&function);
        async move { invoke(&function, "hang").await }
    });
    while !lines.recv().await.unwrap().text.contains("doing \"hang\"") {}
    hanging.abort();
    assert!(hanging.await.unwrap_err().is_cancelled());
    assert_ne!(invoke(&function, "describe").await.unwrap()["process"], process);
    function.stop().await;
}

#[tokio::test]
async fn output_goes_to_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("function.log");
    let mut settings = bootstrap();
    settings.output = Output::File(path.clone());
    let function = RuntimeApi::start(settings).await.unwrap();
    invoke(&function, "describe").await.unwrap();
    function.stop().await;
    // The process is gone; what it wrote is in the pipe and comes as soon as the reader gets to it.
    while !std::fs::read_to_string(&path).unwrap().contains("doing \"describe\"") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_mapping_drives_a_real_process() {
    let account = Account { region: "eu-west-1".into(), account_id: "123456789012".into() };
    let sqs = Sqs::new(account, "http://localhost:1", Clock::new());
    let url = sqs.create_queue("q", json!({"VisibilityTimeout": "600"})).await.unwrap();
    for body in ["good", "bad", "good"] {
        sqs.send(&url, body).await.unwrap();
    }
    let function = Arc::new(RuntimeApi::start(bootstrap()).await.unwrap());
    let mapping =
        EventSourceMapping::start(sqs.clone(), Arc::clone(&function) as Arc<dyn Function>, Mapping::new(&url))
            .await
            .unwrap();
    while sqs.bodies(&url).unwrap() != ["bad"] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    mapping.stop().await;
    function.stop().await;
    assert_eq!(sqs.depths(&url).unwrap().in_flight, 1);
}
