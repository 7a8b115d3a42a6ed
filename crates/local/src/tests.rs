//! The endpoint as a client sees it: raw HTTP, no SDK.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::wire::AwsError;
use crate::{Config, Fault, Local, Rule, Service, ecs};

const SQS: &str = "AmazonSQS";
const ECS: &str = "AmazonEC2ContainerServiceV20141113";

/// An answer, read to its end.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: hyper::HeaderMap,
    text: String,
}

impl Reply {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// Sends a request on a connection of its own.
async fn send(local: &Local, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
    let stream = TcpStream::connect(local.endpoint().strip_prefix("http://").unwrap()).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the request; an error shows there too.
    tokio::spawn(connection);
    sender.send_request(request).await
}

async fn read(response: Response<Incoming>) -> Reply {
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
    Reply { status: parts.status.as_u16(), headers: parts.headers, text }
}

fn request(target: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("/").header("host", "local").header("x-amz-target", target).body(Full::new(body.into())).unwrap()
}

async fn call(local: &Local, prefix: &str, operation: &str, input: Value) -> hyper::Result<Reply> {
    let response = send(local, request(&format!("{prefix}.{operation}"), input.to_string())).await?;
    Ok(read(response).await)
}

async fn sqs(local: &Local, operation: &str, input: Value) -> Reply {
    call(local, SQS, operation, input).await.unwrap()
}

async fn with_queue() -> (Local, String) {
    let local = Local::start(Config::default()).await.unwrap();
    let reply = sqs(&local, "CreateQueue", json!({"QueueName": "q"})).await;
    let url = reply.json()["QueueUrl"].as_str().unwrap().to_owned();
    (local, url)
}

#[tokio::test]
async fn a_message_goes_over_the_wire_and_back() {
    let (local, url) = with_queue().await;
    assert_eq!(url, format!("{}/000000000000/q", local.endpoint()));
    let sent = sqs(&local, "SendMessage", json!({"QueueUrl": url, "MessageBody": "hello"})).await;
    assert_eq!(sent.status, 200);
    assert_eq!(sent.header("content-type"), Some("application/x-amz-json-1.0"));
    assert_eq!(sent.header("x-amzn-requestid").map(str::len), Some(36));
    assert_eq!(sent.json()["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    let received = sqs(&local, "ReceiveMessage", json!({"QueueUrl": url})).await.json();
    assert_eq!(received["Messages"][0]["Body"], "hello");
    assert_eq!(received["Messages"][0]["MessageId"], sent.json()["MessageId"]);
    local.stop().await;
}

#[tokio::test]
async fn a_long_poll_is_answered_when_a_message_comes() {
    let (local, url) = with_queue().await;
    let (received, _) = tokio::join!(
        sqs(&local, "ReceiveMessage", json!({"QueueUrl": url, "WaitTimeSeconds": 20})),
        sqs(&local, "SendMessage", json!({"QueueUrl": url, "MessageBody": "hello"})),
    );
    assert_eq!(received.json()["Messages"][0]["Body"], "hello");
    local.stop().await;
}

#[tokio::test]
async fn errors_have_their_services_shape() {
    let (local, _) = with_queue().await;
    let missing = sqs(&local, "GetQueueUrl", json!({"QueueName": "missing"})).await;
    assert_eq!(missing.status, 400);
    assert_eq!(missing.header("x-amzn-query-error"), Some("AWS.SimpleQueueService.NonExistentQueue;Sender"));
    assert_eq!(
        missing.json(),
        json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "The specified queue does not exist."})
    );
    let invalid = sqs(&local, "ReceiveMessage", json!({"QueueUrl": "q", "WaitTimeSeconds": 21})).await;
    assert_eq!(invalid.header("x-amzn-query-error"), Some("InvalidParameterValue;Sender"));
    assert_eq!(invalid.json()["__type"], "com.amazon.coral.service#InvalidParameterValueException");

    let cluster = call(&local, ECS, "ListTasks", json!({"cluster": "missing"})).await.unwrap();
    assert_eq!(cluster.status, 400);
    assert_eq!(cluster.header("content-type"), Some("application/x-amz-json-1.1"));
    assert_eq!(cluster.header("x-amzn-query-error"), None);
    assert_eq!(cluster.json()["__type"], "ClusterNotFoundException");
    local.stop().await;
}

#[tokio::test]
async fn what_is_not_a_call_is_answered_with_an_explanation() {
    let (local, _) = with_queue().await;
    let unknown = sqs(&local, "AddPermission", json!({})).await;
    assert_eq!(unknown.json()["__type"], "com.amazon.coral.service#UnknownOperationException");
    let elsewhere = call(&local, "DynamoDB_20120810", "GetItem", json!({})).await.unwrap();
    assert_eq!(elsewhere.status, 400);
    assert!(elsewhere.json()["message"].as_str().unwrap().contains("AmazonSQS"));
    for body in ["{", "[]", "5"] {
        let reply = read(send(&local, request("AmazonSQS.ListQueues", body)).await.unwrap()).await;
        assert_eq!(reply.json()["__type"], "com.amazon.coral.service#SerializationException", "{body}");
    }
    let empty = read(send(&local, request("AmazonSQS.ListQueues", "")).await.unwrap()).await;
    assert_eq!(empty.status, 200);

    let form = Request::post("/")
        .header("host", "local")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Full::new(Bytes::from("Version=2012-11-05&Action=ListQueues")))
        .unwrap();
    let query = read(send(&local, form).await.unwrap()).await;
    assert_eq!((query.status, query.header("content-type")), (400, Some("text/xml")));
    assert!(query.text.contains("<Code>AWS.SimpleQueueService.UnsupportedOperation</Code>"));

    let get = Request::get("/").header("host", "local").body(Full::new(Bytes::new())).unwrap();
    assert_eq!(read(send(&local, get).await.unwrap()).await.status, 404);
    local.stop().await;
}

#[tokio::test]
async fn calls_over_the_wire_are_counted() {
    let (local, url) = with_queue().await;
    local.reset_calls();
    for _ in 0..3 {
        sqs(&local, "SendMessage", json!({"QueueUrl": url, "MessageBody": "a"})).await;
    }
    sqs(&local, "SendMessage", json!({"QueueUrl": "missing", "MessageBody": "a"})).await;
    call(&local, ECS, "ListClusters", json!({})).await.unwrap();
    local.sqs().send(&url, "not over the wire").await.unwrap();
    let calls: Vec<(String, u64)> = local.calls().into_iter().collect();
    assert_eq!(calls, [("ecs:ListClusters".to_owned(), 1), ("sqs:SendMessage".to_owned(), 4)]);
    local.reset_calls();
    assert!(local.calls().is_empty());
    local.stop().await;
}

#[tokio::test]
async fn a_guard_refuses_calls_before_they_have_an_effect() {
    let (local, url) = with_queue().await;
    local.guard(|call| match (call.caller.access_key.as_deref(), call.operation) {
        (None, "SendMessage") if call.input["MessageBody"] == "no" => Err(AwsError::new("AccessDeniedException", "no")),
        _ => Ok(()),
    });
    for (body, status) in [("no", 400), ("yes", 200)] {
        let reply = sqs(&local, "SendMessage", json!({"QueueUrl": url, "MessageBody": body})).await;
        assert_eq!(reply.status, status, "{}", reply.text);
    }
    assert_eq!(local.sqs().bodies(&url).unwrap(), ["yes"]);
}

#[tokio::test]
async fn faults_are_what_a_client_sees() {
    let (local, url) = with_queue().await;
    let message = || json!({"QueueUrl": url, "MessageBody": "a"});
    let depth = || local.sqs().depths("q").unwrap().visible;
    let once = |fault| local.faults().add(Rule::new(Service::Sqs, "SendMessage", fault).once());

    once(Fault::Throttle { code: "RequestThrottled".into(), message: "Rate exceeded".into() });
    let throttled = sqs(&local, "SendMessage", message()).await;
    assert_eq!(throttled.status, 400);
    assert_eq!(throttled.json()["__type"], "com.amazonaws.sqs#RequestThrottled");
    assert_eq!(throttled.json()["message"], "Rate exceeded");

    once(Fault::Error(AwsError::new("InternalFailure", "broken").with_status(500)));
    let broken = sqs(&local, "SendMessage", message()).await;
    assert_eq!(broken.status, 500);
    assert_eq!(broken.header("x-amzn-query-error"), Some("InternalFailure;Receiver"));

    once(Fault::FailBefore);
    assert!(call(&local, SQS, "SendMessage", message()).await.is_err());
    assert_eq!(depth(), 0);

    let lost = once(Fault::LostAnswer);
    assert!(call(&local, SQS, "SendMessage", message()).await.is_err());
    assert_eq!(depth(), 1);
    assert_eq!(local.faults().fired(lost), 1);

    once(Fault::Answer(json!({"MessageId": "made up"})));
    assert_eq!(sqs(&local, "SendMessage", message()).await.json(), json!({"MessageId": "made up"}));
    assert_eq!(depth(), 1);

    assert_eq!(sqs(&local, "SendMessage", message()).await.status, 200);
    assert_eq!(depth(), 2);
    // Refused, answered, or lost: every one of them was a call.
    assert_eq!(local.calls()["sqs:SendMessage"], 6);
    local.stop().await;
}

#[tokio::test]
async fn ecs_events_reach_a_queue() {
    let config = Config {
        ecs: ecs::Config { runner: ecs::Runner::Instant { exit_code: 0 }, ..Default::default() },
        ..Default::default()
    };
    let local = Local::start(config).await.unwrap();
    let url = local.sqs().create_queue("events", json!({})).await.unwrap();
    local.route_ecs_events_to(&url);
    let definition = json!({
        "family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "c", "image": "i"}],
    });
    call(&local, ECS, "RegisterTaskDefinition", definition).await.unwrap();
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"]}});
    let input = json!({"taskDefinition": "f", "launchType": "FARGATE", "networkConfiguration": network});
    let task = call(&local, ECS, "RunTask", input).await.unwrap().json()["tasks"][0].clone();
    let receive = json!({"QueueUrl": url, "WaitTimeSeconds": 20});
    let event = local.sqs().call("ReceiveMessage", receive).await.unwrap();
    let event: Value = serde_json::from_str(event["Messages"][0]["Body"].as_str().unwrap()).unwrap();
    assert_eq!((&event["source"], &event["detail-type"]), (&json!("aws.ecs"), &json!("ECS Task State Change")));
    assert_eq!(event["detail"]["taskArn"], task["taskArn"]);
    local.stop().await;
}

#[tokio::test]
async fn tasks_find_the_endpoint_in_their_environment() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.ecs.log_directory = Some(directory.path().to_owned());
    config.ecs.environment.insert("AWS_ENDPOINT_URL_ECS".into(), "elsewhere".into());
    let local = Local::start(config).await.unwrap();
    let mut events = local.ecs().subscribe();
    let command = ["sh", "-c", "echo $AWS_ENDPOINT_URL_SQS $AWS_ENDPOINT_URL_ECS"];
    let definition = json!({
        "family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "c", "image": "i", "command": command}],
    });
    call(&local, ECS, "RegisterTaskDefinition", definition).await.unwrap();
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-0123456789abcdef0"]}});
    let input = json!({"taskDefinition": "f", "launchType": "FARGATE", "networkConfiguration": network});
    let task = call(&local, ECS, "RunTask", input).await.unwrap().json()["tasks"][0].clone();
    while events.recv().await.unwrap()["detail"]["lastStatus"] != "STOPPED" {}
    let log = local.ecs().log_path(task["taskArn"].as_str().unwrap()).unwrap();
    assert_eq!(std::fs::read_to_string(log).unwrap(), format!("{} elsewhere\n", local.endpoint()));
    local.stop().await;
}

#[tokio::test]
async fn stopping_closes_the_endpoint_and_ends_long_polls() {
    let (local, url) = with_queue().await;
    let endpoint = local.endpoint();
    let polling =
        send(&local, request("AmazonSQS.ReceiveMessage", json!({"QueueUrl": url, "WaitTimeSeconds": 20}).to_string()));
    let polling = async { polling.await.is_err() };
    // The poll is under way once it is counted.
    let stopping = async {
        while !local.calls().contains_key("sqs:ReceiveMessage") {
            tokio::task::yield_now().await;
        }
    };
    let mut polling = Box::pin(polling);
    tokio::select! {
        _ = &mut polling => panic!("nothing to receive"),
        () = stopping => {}
    }
    drop(polling);
    local.stop().await;
    assert!(TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).await.is_err());
}

#[tokio::test]
async fn messages_keep_the_trace_header_of_who_sends_them() {
    let local = Local::start(Config::default()).await.unwrap();
    local.sqs().create_queue("q", json!({})).await.unwrap();
    let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0;Lineage=a1b2c3d4:3";
    let own = json!({"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-own"}});
    let entries =
        json!([{"Id": "1", "MessageBody": "b"}, {"Id": "2", "MessageBody": "c", "MessageSystemAttributes": own}]);
    for (operation, input) in [
        ("SendMessage", json!({"QueueUrl": "q", "MessageBody": "a"})),
        ("SendMessageBatch", json!({"QueueUrl": "q", "Entries": entries})),
    ] {
        let mut request = request(&format!("{SQS}.{operation}"), input.to_string());
        request.headers_mut().insert("x-amzn-trace-id", trace.parse().unwrap());
        assert_eq!(read(send(&local, request).await.unwrap()).await.status, 200);
    }
    let input = json!({"QueueUrl": "q", "MaxNumberOfMessages": 10, "AttributeNames": ["All"]});
    let received = sqs(&local, "ReceiveMessage", input).await.json();
    let headers: Vec<&str> = received["Messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["Attributes"]["AWSTraceHeader"].as_str().unwrap())
        .collect();
    assert_eq!(headers, [trace, trace, "Root=1-own"]);
    local.stop().await;
}

#[tokio::test]
async fn a_schedule_is_made_over_rest_and_sends_to_its_queue() {
    let local = Local::start(Config::default()).await.unwrap();
    local.sqs().create_queue("q", json!({})).await.unwrap();
    let soon = jiff::Timestamp::now() + Duration::from_millis(1_500);
    let role = "arn:aws:iam::000000000000:role/schedules";
    let input = json!({
        "ScheduleExpression": soon.strftime("at(%Y-%m-%dT%H:%M:%S)").to_string(),
        "FlexibleTimeWindow": {"Mode": "OFF"}, "ActionAfterCompletion": "DELETE",
        "Target": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": role, "Input": "again"},
    });
    let create = async || {
        let body = Full::new(Bytes::from(input.to_string()));
        let request = Request::post("/schedules/one").header("host", "local").body(body).unwrap();
        read(send(&local, request).await.unwrap()).await
    };
    assert_eq!(create().await.status, 200);
    let again = create().await;
    assert_eq!((again.status, &again.json()["__type"]), (409, &json!("ConflictException")));
    while local.sqs().bodies("q").unwrap() != ["again"] {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(local.calls()["scheduler:CreateSchedule"], 2);
    local.stop().await;
}
