//! What is in a dead-letter queue, against a real server and SQS on loopback.

use local::{
    Config, Local, Service,
    faults::{Fault, Rule},
};
use pushpool_tests::rig::prefect::{NewDeployment, Options, Project, Server, unique};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{Ended, finish, pushpool, run_with_aws, with_aws, wizard::converse_with_aws};

/// A server that makes no run Late: that is another attempt, and no test here is done in fifteen seconds for sure.
async fn patient() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    let options = Options::default().env("PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED", "false");
    SERVER.get_or_init(|| options.start()).await
}

/// SQS with the run queues of an installation `pp`, as its module makes them.
struct Queues {
    local: Local,
    run: String,
    fifo: String,
    dead: String,
    dead_fifo: String,
}

impl Queues {
    async fn start() -> Self {
        let local = Local::start(Config::default()).await.unwrap();
        let sqs = local.sqs();
        let fifo = |more: Value| {
            let mut attributes = json!({"FifoQueue": "true"});
            attributes.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            attributes
        };
        let redrive = |name: &str| {
            let policy = json!({"deadLetterTargetArn": format!("arn:aws:sqs:us-east-1:000000000000:{name}"), "maxReceiveCount": 1});
            json!({"RedrivePolicy": policy.to_string(), "VisibilityTimeout": "0"})
        };
        let dead = sqs.create_queue("pp-run-dlq", json!({})).await.unwrap();
        let dead_fifo = sqs.create_queue("pp-run-dlq.fifo", fifo(json!({}))).await.unwrap();
        let run = sqs.create_queue("pp-run", redrive("pp-run-dlq")).await.unwrap();
        let fifo = sqs.create_queue("pp-run.fifo", fifo(redrive("pp-run-dlq.fifo"))).await.unwrap();
        Self { run, fifo, dead, dead_fifo, local }
    }

    /// As a function buries it.
    async fn bury(&self, body: &str, code: &str) {
        let attribute = |text: &str| json!({"DataType": "String", "StringValue": text});
        let attributes = json!({"ErrorCode": attribute(code), "ErrorSummary": attribute("It failed"),
            "ErrorDetail": attribute("because")});
        let input = json!({"QueueUrl": self.dead, "MessageBody": body, "MessageAttributes": attributes});
        self.local.sqs().call("SendMessage", input).await.unwrap();
    }

    fn bodies(&self, queue: &str) -> Vec<String> {
        self.local.sqs().bodies(queue).unwrap()
    }

    async fn redrive(&self, server: &Server, arguments: &[&str]) -> Ended {
        let mut all = vec!["redrive", "--prefix", "pp"];
        all.extend(arguments);
        run_with_aws(server, &self.local.endpoint(), &all).await
    }
}

/// A message as the poller writes it.
async fn message(server: &Server, pool: &str, run: &str) -> String {
    let run = server.api().run(run).await;
    json!({"version": 1, "flow_run_id": run["id"], "state_id": run["state"]["id"],
        "expected_start_time": run["expected_start_time"], "work_pool": pool})
    .to_string()
}

/// A pool with as many due runs, and their messages.
async fn due(server: &Server, count: usize) -> (String, Vec<(String, String)>) {
    let (api, project, pool) = (server.api(), Project::copy(), unique("dead"));
    api.create_pool(&pool, json!({})).await;
    let deployment = api.create_deployment(NewDeployment::new("echo", project.path(), &pool)).await;
    let mut runs = Vec::new();
    for _ in 0..count {
        let run = api.create_run(&deployment.id, json!({})).await;
        let body = message(server, &pool, &run).await;
        runs.push((run, body));
    }
    (pool, runs)
}

/// Verdict and reason by the run's id, or by the code for what is not the message of a run.
fn verdicts(shown: &Value) -> Vec<(String, String, String)> {
    let messages = shown["queues"].as_array().unwrap().iter().flat_map(|queue| queue["messages"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    messages
        .map(|it| {
            let key = if it["flow_run_id"].is_null() { &it["code"] } else { &it["flow_run_id"] };
            (text(key), text(&it["verdict"]), text(&it["why"]))
        })
        .collect()
}

#[tokio::test]
async fn only_what_still_wants_to_start_goes_back() {
    let (server, queues) = (patient().await, Queues::start().await);
    let (_, runs) = due(server, 5).await;
    let api = server.api();
    let [waits, cancelled, deleted, moved, claimed] = &runs[..] else { panic!("five") };
    api.set_state(&cancelled.0, json!({"type": "CANCELLED"})).await;
    api.delete(&format!("/flow_runs/{}", deleted.0)).await;
    api.force_state(&moved.0, json!({"type": "SCHEDULED", "name": "Late"})).await;
    api.set_state(&claimed.0, json!({"type": "PENDING", "message": "Claimed by somebody"})).await;
    for (_, body) in &runs[1..] {
        queues.local.sqs().send(&queues.dead, body).await.unwrap();
    }
    queues.bury(&waits.1, "PP0499").await;
    queues.bury("{\"version\":9}", "PP0402").await;
    let before = queues.bodies(&queues.dead);

    let shown = queues.redrive(server, &["--output", "json"]).await;
    assert!(shown.stderr.contains("--yes would send 1 message back"), "{}", shown.stderr);
    let shown = shown.json();
    let found = verdicts(&shown);
    let of =
        |key: &str| found.iter().find(|(it, ..)| it == key).map(|(_, verdict, why)| (verdict.as_str(), why.as_str()));
    assert_eq!(of(&waits.0), Some(("send", "still to start")), "{found:?}");
    assert_eq!(of(&cancelled.0), Some(("leave", "the run is CANCELLED")), "{found:?}");
    assert_eq!(of(&deleted.0), Some(("leave", "the server has no such run")), "{found:?}");
    assert_eq!(of(&moved.0), Some(("leave", "the run was scheduled anew (Late): the poller sends it")), "{found:?}");
    assert_eq!(of(&claimed.0), Some(("leave", "the run is claimed by another attempt")), "{found:?}");
    assert_eq!(of("PP0402").unwrap().0, "leave", "{found:?}");
    assert_eq!(found.len(), 6);
    assert_eq!(queues.bodies(&queues.dead), before, "looking changes nothing");

    // For people, without a terminal to ask on; what was looked at can be looked at again at once.
    let shown = queues.redrive(server, &[]).await;
    let name = api.run(&waits.0).await["name"].as_str().unwrap().to_owned();
    let line = shown.stdout.lines().find(|line| line.contains(&name)).unwrap_or_else(|| panic!("{}", shown.stdout));
    assert!(line.starts_with("PP0499") && line.contains("send"), "{}", shown.stdout);
    assert!(shown.stdout.contains("pp-run-dlq: 6 messages") && shown.stdout.contains("It failed. because"));

    let done = queues.redrive(server, &["--yes"]).await;
    assert!(done.stderr.contains("1 sent back, 0 deleted"), "{}", done.stderr);
    done.ok();
    assert_eq!(queues.bodies(&queues.run), std::slice::from_ref(&waits.1), "with the very body");
    assert_eq!(queues.bodies(&queues.dead).len(), 5);

    let done = queues.redrive(server, &["--yes", "--delete", "--output", "json"]).await.json();
    assert!(done["queues"][0]["messages"].as_array().unwrap().iter().all(|it| it["done"] == "deleted"), "{done}");
    assert!(queues.bodies(&queues.dead).is_empty());
    let empty = queues.redrive(server, &[]).await.ok();
    assert!(empty.contains("pp-run-dlq: empty") && empty.contains("pp-run-dlq.fifo: empty"), "{empty}");
    queues.local.stop().await;
}

/// SQS itself has moved these: they say which queue they came from, and carry no code.
#[tokio::test]
async fn messages_of_limited_pools_go_back_as_the_poller_sends_them() {
    let (server, queues) = (patient().await, Queues::start().await);
    let (pool, runs) = due(server, 12).await;
    let sqs = queues.local.sqs();
    for (index, (_, body)) in runs.iter().enumerate() {
        let input = json!({"QueueUrl": queues.fifo, "MessageBody": body, "MessageGroupId": format!("group-{}", index % 3),
            "MessageDeduplicationId": index.to_string()});
        sqs.call("SendMessage", input).await.unwrap();
    }
    // Received once, which is as often as they may be, and looked for again.
    while queues.bodies(&queues.dead_fifo).len() < runs.len() {
        sqs.call("ReceiveMessage", json!({"QueueUrl": queues.fifo, "MaxNumberOfMessages": 10})).await.unwrap();
    }

    let done = queues.redrive(server, &["--yes"]).await;
    assert!(done.stderr.contains("12 sent back"), "{}{}", done.stdout, done.stderr);
    done.ok();
    assert!(queues.bodies(&queues.dead_fifo).is_empty());
    let mut sent = queues.bodies(&queues.fifo);
    let mut expected: Vec<String> = runs.iter().map(|(_, body)| body.clone()).collect();
    sent.sort();
    expected.sort();
    assert_eq!(sent, expected);
    let input = json!({"QueueUrl": queues.fifo, "AttributeNames": ["All"], "MaxNumberOfMessages": 10});
    let received = sqs.call("ReceiveMessage", input).await.unwrap();
    let messages = received["Messages"].as_array().unwrap();
    assert_eq!(messages.len(), 10, "one group: that of {pool}");
    for message in messages {
        let attributes = &message["Attributes"];
        assert_eq!(attributes["MessageGroupId"], messages[0]["Attributes"]["MessageGroupId"]);
        let token = attributes["MessageDeduplicationId"].as_str().unwrap();
        assert!(token.len() > 36 && token.starts_with(|c: char| c.is_ascii_hexdigit()), "{token}");
    }
    queues.local.stop().await;
}

#[tokio::test]
async fn what_was_sent_and_could_not_be_deleted_is_in_both_queues_and_said() {
    let (server, queues) = (patient().await, Queues::start().await);
    let (_, runs) = due(server, 2).await;
    for (_, body) in &runs {
        queues.local.sqs().send(&queues.dead, body).await.unwrap();
    }
    let faults = queues.local.faults();
    faults.add(Rule::new(Service::Sqs, "SendMessageBatch", Fault::FailBefore));
    let failed = queues.redrive(server, &["--yes"]).await;
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(
        failed.stdout.contains("not sent") && failed.stderr.contains("0 sent back"),
        "{}{}",
        failed.stdout,
        failed.stderr
    );
    assert_eq!((queues.bodies(&queues.dead).len(), queues.bodies(&queues.run).len()), (2, 0));

    faults.clear();
    faults.add(Rule::new(Service::Sqs, "DeleteMessageBatch", Fault::FailBefore));
    let failed = queues.redrive(server, &["--yes"]).await;
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert!(failed.stdout.contains("sent, still here"), "{}", failed.stdout);
    assert_eq!((queues.bodies(&queues.dead).len(), queues.bodies(&queues.run).len()), (2, 2));
    faults.clear();
    queues.redrive(server, &["--yes"]).await.ok();
    assert!(queues.bodies(&queues.dead).is_empty());
    queues.local.stop().await;
}

#[tokio::test]
async fn on_a_terminal_it_asks_and_does_what_it_is_told() {
    let (server, queues) = (patient().await, Queues::start().await);
    let (_, runs) = due(server, 1).await;
    queues.local.sqs().send(&queues.dead, &*runs[0].1).await.unwrap();
    let ask = async |answer: &str| {
        let steps = [("Send 1 message back", answer)];
        converse_with_aws(server, &queues.local.endpoint(), &["redrive", "--prefix", "pp"], &steps).await
    };
    let declined = ask("n").await;
    assert_eq!(declined.code, Some(130), "{}", declined.stdout);
    assert_eq!((queues.bodies(&queues.dead).len(), queues.bodies(&queues.run).len()), (1, 0));
    let done = ask("y").await;
    assert!(done.stdout.contains("1 sent back, 0 deleted"), "{}", done.stdout);
    done.ok();
    assert_eq!((queues.bodies(&queues.dead).len(), queues.bodies(&queues.run).len()), (0, 1));
    queues.local.stop().await;
}

#[tokio::test]
async fn standalone_messages_need_no_server_and_go_back_if_they_have_no_task() {
    let (server, queues) = (patient().await, Queues::start().await);
    let body = |number: u32| {
        json!({"version": 1, "flow_run_id": format!("run-{number}"), "state_id": "s", "work_pool": "p",
            "expected_start_time": "2026-01-05T03:00:00Z", "run": {"name": format!("nightly-{number}")}})
        .to_string()
    };
    queues.bury(&body(1), "PP0404").await;
    queues.local.sqs().send(&queues.dead, body(2)).await.unwrap();
    let run = async |arguments: &[&str]| {
        let mut all = vec!["redrive", "--prefix", "pp"];
        all.extend(arguments);
        let mut command = pushpool(server, &all).await;
        with_aws(&mut command, &queues.local.endpoint());
        command.env_remove("PREFECT_API_URL");
        finish(command).await
    };
    let shown = run(&[]).await;
    assert!(shown.stderr.contains("would send 1 message back"), "{}", shown.stderr);
    assert!(shown.stdout.contains("nightly-2") && shown.stdout.contains("unclear"), "{}", shown.stdout);
    run(&["--yes", "--delete"]).await.ok();
    assert_eq!(queues.bodies(&queues.run), [body(1)]);
    assert_eq!(queues.bodies(&queues.dead), [body(2)], "a run that may not have started is never deleted");
    run(&["--yes", "--uncertain"]).await.ok();
    assert_eq!(queues.bodies(&queues.run), [body(1), body(2)]);
    queues.local.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let (server, queues) = (patient().await, Queues::start().await);
    let endpoint = queues.local.endpoint();
    let error = run_with_aws(server, &endpoint, &["redrive"]).await.refused();
    assert!(error.contains("prefix \"pushpool\"") && error.contains("pushpool-run-dlq.fifo"), "{error}");
    let error = run_with_aws(server, &endpoint, &["redrive", "--queue", "nowhere"]).await.refused();
    assert!(error.contains("no queue \"nowhere\""), "{error}");
    let (_, runs) = due(server, 1).await;
    queues.local.sqs().send(&queues.dead, &*runs[0].1).await.unwrap();
    let error = queues.redrive(server, &["--yes", "--to", "nowhere"]).await;
    assert!(error.stderr.contains("no queue \"nowhere\""), "{}", error.stderr);
    assert_eq!(queues.bodies(&queues.dead).len(), 1);
    // A server that has nothing to do with these runs: nothing is sent.
    let error = queues.redrive(server, &["--prefect-api-url", "http://127.0.0.1:9/api"]).await.refused();
    assert!(error.contains("no answer from the Prefect server"), "{error}");
    queues.local.stop().await;
    let mut command = pushpool(server, &["redrive"]).await;
    with_aws(&mut command, &endpoint);
    command.env_remove("AWS_REGION");
    let error = finish(command).await.refused();
    assert!(error.contains("no AWS region"), "{error}");
}
