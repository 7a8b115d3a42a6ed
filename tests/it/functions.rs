//! The release binary of the dispatcher, behind the Runtime API, against AWS on loopback.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use local::{
    Config, Fault, Local, Rule, Service,
    ecs::Runner,
    lambda::{Bootstrap, Function, Line, Output, RuntimeApi},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const TIMEOUT: Duration = Duration::from_secs(30);
const CANARY: &str = "canary-7c1d9f";

struct World {
    local: Local,
    function: RuntimeApi,
    lines: mpsc::UnboundedReceiver<Line>,
    /// Every request that reached the endpoint, as text.
    requests: Arc<Mutex<String>>,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

impl World {
    async fn start(pools: &Path, extra: &[(&str, &str)]) -> Self {
        let binary = tokio::task::spawn_blocking(pushpool_tests::bootstrap).await.unwrap();
        let mut config = Config::default();
        config.ecs.runner = Runner::Instant { exit_code: 0 };
        let local = Local::start(config).await.unwrap();
        let requests: Arc<Mutex<String>> = Arc::default();
        for service in [Service::Sqs, Service::Ecs] {
            let requests = Arc::clone(&requests);
            // A rule that looks at every call and applies to none.
            local.faults().add(Rule::any(service, Fault::FailBefore).when(move |input| {
                let mut seen = requests.lock().unwrap();
                seen.push_str(&input.to_string());
                seen.push('\n');
                false
            }));
        }
        let mut urls = Vec::new();
        for queue in ["runs", "dlq"] {
            urls.push(local.sqs().create_queue(queue, json!({})).await.unwrap());
        }
        local.scheduler().create_group("pushpool");
        let (sender, lines) = mpsc::unbounded_channel();
        let mut bootstrap = Bootstrap::new("dispatcher", binary);
        bootstrap.endpoint_url = Some(local.endpoint());
        bootstrap.output = Output::Lines(sender);
        bootstrap.environment = BTreeMap::from(
            [
                ("PUSHPOOL_RUN_QUEUE_URL", urls[0].as_str()),
                ("PUSHPOOL_DLQ_URL", &urls[1]),
                ("PUSHPOOL_RUN_QUEUE_ARN", "arn:aws:sqs:us-east-1:000000000000:runs"),
                ("PUSHPOOL_SCHEDULE_GROUP", "pushpool"),
                ("PUSHPOOL_SCHEDULE_ROLE_ARN", "arn:aws:iam::000000000000:role/schedules"),
                ("PUSHPOOL_POOL_DOCUMENTS", &pools.to_string_lossy()),
                ("PUSHPOOL_SUBNETS", "subnet-1"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        bootstrap.environment.extend(extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let function = RuntimeApi::start(bootstrap).await.unwrap();
        Self { local, function, lines, requests }
    }

    async fn invoke(&self, event: Value) -> Vec<String> {
        let answer = self.function.invoke(event, TIMEOUT).await.unwrap();
        let kept = answer["batchItemFailures"].as_array().unwrap_or_else(|| panic!("no list in {answer}"));
        kept.iter().map(|item| item["itemIdentifier"].as_str().unwrap().to_owned()).collect()
    }

    fn dead_letters(&self) -> Vec<String> {
        self.local.sqs().bodies("dlq").unwrap()
    }

    /// Stops the function and returns all it wrote.
    async fn stop(mut self) -> String {
        self.function.stop().await;
        let mut output = String::new();
        while let Ok(line) = self.lines.try_recv() {
            output.push_str(&line.text);
            output.push('\n');
        }
        self.local.stop().await;
        output
    }
}

fn sample(name: &str) -> Value {
    let path = workspace().join("events/sqs").join(format!("{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What each sample does: tasks started, messages buried.
const SAMPLES: [(&str, usize, usize); 9] = [
    ("single", 1, 0),
    ("redelivered", 0, 0),
    ("batch-of-10", 10, 0),
    ("failing-job", 1, 0),
    ("poison-body", 0, 1),
    ("unknown-version", 0, 1),
    ("invalid-job-variable", 0, 1),
    ("unknown-pool", 0, 1),
    ("mixed", 2, 2),
];

#[tokio::test]
async fn the_release_binary_handles_every_sample_event() {
    let files = std::fs::read_dir(workspace().join("events/sqs")).unwrap().count();
    assert_eq!(files, SAMPLES.len(), "a sample is missing in the table");
    let world = World::start(&workspace().join("events/pools"), &[]).await;
    let (mut tasks, mut buried) = (0, 0);
    for (name, starts, buries) in SAMPLES {
        let kept = world.invoke(sample(name)).await;
        assert!(kept.is_empty(), "{name} was returned: {kept:?}");
        tasks += starts;
        buried += buries;
        assert_eq!(world.local.ecs().tasks().len(), tasks, "tasks after {name}");
        assert_eq!(world.dead_letters().len(), buried, "dead letters after {name}");
    }
    let calls = world.local.calls();
    assert_eq!(calls["ecs:RunTask"], 15, "14 runs, one of them delivered twice");
    let output = world.stop().await;
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let metrics = lines.iter().filter(|line| line.get("_aws").is_some()).count();
    assert!(metrics >= 20, "an EMF line for each record, {metrics} seen");
    let about_runs = lines.iter().filter(|line| line["message"] == "launched");
    assert!(about_runs.clone().count() >= 14 && about_runs.clone().all(|line| line["flow_run_id"].is_string()));
}

#[tokio::test]
async fn an_event_that_is_not_from_sqs_fails_the_invocation_and_the_next_one_works() {
    let world = World::start(&workspace().join("events/pools"), &[]).await;
    assert!(world.function.invoke(json!({"Records": [{"body": "x"}]}), TIMEOUT).await.is_err());
    assert!(world.invoke(sample("single")).await.is_empty());
    world.stop().await;
}

#[tokio::test]
async fn wrong_settings_are_all_named_before_anything_is_polled() {
    let world =
        World::start(Path::new(""), &[("PUSHPOOL_RUN_TASK_RATE", "fast"), ("PUSHPOOL_POOL_DOCUMENTS", "")]).await;
    assert!(world.function.invoke(sample("single"), TIMEOUT).await.is_err());
    let output = world.stop().await;
    assert!(output.contains("PUSHPOOL_RUN_TASK_RATE") && output.contains("PUSHPOOL_POOL_DOCUMENTS"), "{output}");
}

/// A run that carries canaries where secrets may be: by reference, where they belong, and in the clear, where they are
/// refused.
fn message(number: u8, variables: Value) -> Value {
    json!({
        "version": 1,
        "flow_run_id": format!("00000000-0000-4000-8000-0000000000{number:02}"),
        "state_id": format!("00000000-0000-4000-9000-0000000000{number:02}"),
        "expected_start_time": "2026-01-01T00:00:00Z",
        "work_pool": "p",
        "run": {"flow": {"name": "f"}, "deployment": {"name": "d", "job_variables": variables}},
    })
}

#[tokio::test]
async fn canary_secrets_stay_out_of_requests_definitions_logs_queues_and_errors() {
    let pools = tempfile::tempdir().unwrap();
    std::fs::write(pools.path().join("p.json"), r#"{"name": "p", "base_job_template": {}}"#).unwrap();
    let world = World::start(pools.path(), &[("AWS_LAMBDA_LOG_LEVEL", "DEBUG"), ("UNRELATED_SECRET", CANARY)]).await;
    let role = "arn:aws:iam::000000000000:role/execution";
    let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:prefect-AbCdEf";
    let messages = [
        // The function's own environment is not there for templates.
        message(1, json!({"env": {"LEAK": "{{ $UNRELATED_SECRET }}"}})),
        message(2, json!({"prefect_api_key_secret_arn": arn, "execution_role_arn": role})),
        message(3, json!({"env": {"PREFECT_API_KEY": CANARY}})),
        message(4, json!({"env.PREFECT_API_AUTH_STRING": CANARY})),
        message(5, json!({"prefect_api_key_secret_arn": CANARY, "execution_role_arn": role})),
        message(
            6,
            json!({"prefect_api_key_secret_arn": arn, "execution_role_arn": role,
                          "env": {"PREFECT_API_KEY": CANARY}}),
        ),
        message(7, json!({"task_definition_arn": "mine:1", "env": {"PREFECT_API_KEY": CANARY}})),
        message(8, json!({"env": {"DB_PASSWORD": {"nested": CANARY}}})),
    ];
    let records: Vec<Value> = messages
        .iter()
        .map(|message| json!({"messageId": message["state_id"], "body": message.to_string(), "receiptHandle": "r"}))
        .collect();
    assert!(world.invoke(json!({ "Records": records })).await.is_empty());
    let tasks = world.local.ecs().tasks();
    assert!(tasks.len() >= 2, "runs 1 and 2 start: {tasks:?}");
    let requests = world.requests.lock().unwrap().clone();
    assert!(requests.contains(arn) && requests.contains("PREFECT_API_KEY"), "the key travels by its ARN");
    let of_aws: String = requests.lines().filter(|line| !line.contains("MessageBody")).collect();
    assert!(!of_aws.contains(CANARY), "in a request to ECS");
    // What the sender itself put in the clear under another name is his message; Prefect's own credentials are removed.
    for body in world.dead_letters().iter().filter(|body| body.contains("PREFECT_API")) {
        let body: Value = serde_json::from_str(body).unwrap();
        let variables = &body["run"]["deployment"]["job_variables"];
        for place in [&variables["env"]["PREFECT_API_KEY"], &variables["env.PREFECT_API_AUTH_STRING"]] {
            assert!(place.is_null() || place == "(removed)", "{variables}");
        }
    }
    let attributes: String = requests
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .map(|request| request["MessageAttributes"].to_string())
        .collect();
    assert!(attributes.contains("PP0209") && !attributes.contains(CANARY), "in an error text: {attributes}");
    let output = world.stop().await;
    assert!(!output.contains(CANARY), "in the log");
}
