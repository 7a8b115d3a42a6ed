//! Observer and reconciler against a real Prefect server and the tasks of the local ECS.
//!
//! Runs are dispatched by the real dispatcher; events are those of the local ECS, delivered when a test says so: late,
//! twice, or never. Containers are shell commands where it does not matter what runs, and `prefect flow-run execute` where
//! it does.

mod observer;
mod reconciler;

use std::{sync::Arc, time::Duration};

use aws::{
    LogAndMetrics, ObserverQueueUrls, ObserverSettings, PrefectDispatcher, PrefectSettings, SdkConfig, SqsObserver,
};
use dispatch::{
    check::Check,
    dispatcher::Policy,
    observe,
    prefect::control,
    reconcile, runs,
    sqs_event::{self, Record},
};
use ecs::Attempt;
use local::{
    Config, Local,
    ecs::{StartFailure, Status, TaskFault, TaskRule},
};
use prefect_api::{Client, Connection, Patience, http::HttpTransport};
use pushpool_tests::rig::prefect::{
    Api, NewDeployment, Options, Project, Proxy, Server, Version, environment, shared, unique,
};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, broadcast},
    time::{Instant, timeout},
};

const PATIENCE: Duration = Duration::from_secs(120);
/// A run that is handed back comes back at once.
const SOON: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(3_600);

/// A server, an account, and a work pool.
struct World {
    local: Local,
    api: Api,
    url: String,
    pool: String,
    project: Project,
    config: SdkConfig,
    dispatcher: Arc<PrefectDispatcher>,
    events: Mutex<(broadcast::Receiver<Value>, Vec<Value>)>,
}

/// A run that was dispatched, and the task it got.
struct Launched {
    run: String,
    deployment: String,
    task_arn: String,
}

impl World {
    async fn start() -> Self {
        Self::at(shared().await, json!({})).await
    }

    async fn at(server: &Server, pool_options: Value) -> Self {
        let mut config = Config::default();
        config.ecs.environment = environment(server);
        let local = Local::start(config).await.unwrap();
        for queue in ["runs", "dlq", "events", "polls"] {
            local.sqs().create_queue(queue, json!({})).await.unwrap();
        }
        let api = server.api();
        let pool = unique("pool");
        let mut body = json!({"name": pool, "type": "ecs:push", "base_job_template": {}});
        for (key, value) in pool_options.as_object().unwrap() {
            body[key] = value.clone();
        }
        api.create_pool_with(body).await;
        let config = aws::loopback_config(&local.endpoint(), "us-east-1").await;
        let url = server.url();
        let requests = ecs::Settings {
            region: "us-east-1".into(),
            prefect_api_url: Some(url.clone()),
            subnets: vec!["subnet-1".into()],
            ..ecs::Settings::default()
        };
        let settings = PrefectSettings {
            run_queue_url: queue_url(&local, "runs"),
            fifo_queue_url: None,
            dead_letter_queue_url: queue_url(&local, "dlq"),
            run_task_rate: 0.0,
            policy: Policy { requests, capacity_timeout: LONG, hand_back_delay: SOON },
            options: control::Options::default(),
        };
        let dispatcher = aws::prefect_dispatcher(&config, client(&url), settings, Arc::new(LogAndMetrics));
        let events = Mutex::new((local.ecs().subscribe(), Vec::new()));
        Self { local, api, url, pool, project: Project::copy(), config, dispatcher: Arc::new(dispatcher), events }
    }

    fn observer(&self, policy: runs::Policy, task_events: bool) -> Arc<SqsObserver> {
        let queues = ObserverQueueUrls {
            events: queue_url(&self.local, "events"),
            poll: queue_url(&self.local, "polls"),
            dead_letter: queue_url(&self.local, "dlq"),
        };
        let settings = ObserverSettings { queues, policy, options: observe::Options { task_events } };
        Arc::new(aws::observer(&self.config, client(&self.url), settings, Arc::new(LogAndMetrics)))
    }

    /// Has a fresh observer handle messages; the number of those that have to come back.
    async fn observe_with(&self, policy: runs::Policy, bodies: &[String]) -> usize {
        let observer = self.observer(policy, false);
        let deadline = Instant::now() + Duration::from_secs(60);
        observer.handle(records(bodies, false), deadline).await.batch_item_failures.len()
    }

    async fn observe(&self, bodies: &[&Value]) {
        let bodies: Vec<String> = bodies.iter().map(|body| body.to_string()).collect();
        let policy = runs::Policy { hand_back_delay: SOON, ..runs::Policy::default() };
        assert_eq!(self.observe_with(policy, &bodies).await, 0);
    }

    async fn check(&self, run: &str, cancel_grace: Duration) {
        let check = Check::of(run.parse().unwrap());
        let policy = runs::Policy {
            cancel_grace,
            claim_grace: Duration::ZERO,
            shown_after: Duration::ZERO,
            ..runs::Policy::default()
        };
        assert_eq!(self.observe_with(policy, &[check.body()]).await, 0);
    }

    async fn deployment(&self, flow: &str, variables: Value) -> String {
        let deployment = NewDeployment::new(flow, self.project.path(), &self.pool).job_variables(variables);
        self.api.create_deployment(deployment).await.id
    }

    async fn scheduled(&self, variables: Value) -> (String, String) {
        let deployment = self.deployment("quick", variables).await;
        (self.api.create_run(&deployment, json!({})).await, deployment)
    }

    async fn attempt(&self, run: &str) -> Attempt {
        let state = &self.api.run(run).await["state"];
        assert_eq!(state["type"], "SCHEDULED", "{state}");
        Attempt { flow_run_id: run.parse().unwrap(), state_id: state["id"].as_str().unwrap().parse().unwrap() }
    }

    /// Dispatches the run as it is scheduled now; the ARN of its task.
    async fn dispatch(&self, run: &str) -> String {
        let attempt = self.attempt(run).await;
        let due = self.api.run(run).await["state"]["state_details"]["scheduled_time"].clone();
        let message = json!({
            "version": 1, "flow_run_id": attempt.flow_run_id, "state_id": attempt.state_id,
            "expected_start_time": due, "work_pool": self.pool,
        });
        let deadline = Instant::now() + Duration::from_secs(60);
        let answer = self.dispatcher.handle(records(&[message.to_string()], true), deadline).await;
        assert_eq!(answer.batch_item_failures, []);
        let run = self.api.run(run).await;
        let pid = run["infrastructure_pid"].as_str().unwrap_or_else(|| panic!("not launched: {run}"));
        pid.split_once("::").unwrap().1.to_owned()
    }

    async fn launch(&self, variables: Value) -> Launched {
        let (run, deployment) = self.scheduled(variables).await;
        let task_arn = self.dispatch(&run).await;
        Launched { run, deployment, task_arn }
    }

    /// As if the flow ran in the task's container. Past the rules: a run that was handed back would wait for its time.
    async fn begin(&self, run: &str) {
        let verdict = self.api.force_state(run, json!({"type": "RUNNING", "name": "Running"})).await;
        assert_eq!(verdict["status"], "ACCEPT", "{verdict}");
    }

    /// The event of a task's getting into a state, whenever it was or will be.
    async fn event(&self, task_arn: &str, status: &str) -> Value {
        let mut events = self.events.lock().await;
        let wanted = |event: &&Value| event["detail"]["taskArn"] == task_arn && event["detail"]["lastStatus"] == status;
        loop {
            if let Some(event) = events.1.iter().find(wanted) {
                return event.clone();
            }
            let event = timeout(PATIENCE, events.0.recv()).await.expect("the event comes").unwrap();
            events.1.push(event);
        }
    }

    async fn stopped(&self, task_arn: &str) -> Value {
        self.event(task_arn, "STOPPED").await
    }

    fn status(&self, task_arn: &str) -> Status {
        self.local.ecs().tasks().iter().find(|task| task.task_arn == task_arn).unwrap().status
    }

    /// Name and message of the run's state.
    async fn state(&self, run: &str) -> (String, String) {
        let state = &self.api.run(run).await["state"];
        let text = |key: &str| state[key].as_str().unwrap_or_default().to_owned();
        (text("name"), text("message"))
    }

    async fn assert_state(&self, run: &str, name: &str, words: &[&str]) {
        let (found, message) = self.state(run).await;
        assert_eq!(found, name, "{message}");
        for word in words {
            assert!(message.contains(word), "{word} in: {message}");
        }
    }

    fn bodies(&self, queue: &str) -> Vec<String> {
        self.local.sqs().bodies(queue).unwrap()
    }
}

fn queue_url(local: &Local, queue: &str) -> String {
    format!("{}/000000000000/{queue}", local.endpoint())
}

fn client(url: &str) -> Client<HttpTransport> {
    Client::new(HttpTransport::new(&Connection::to(url)).unwrap(), Patience::FUNCTION)
}

fn records(bodies: &[String], fifo: bool) -> Vec<Record> {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(index, body)| {
            let mut record = json!({"messageId": format!("m{index}"), "body": body, "attributes": {}});
            if fifo {
                record["attributes"]["MessageGroupId"] = "pool".into();
            }
            record
        })
        .collect();
    sqs_event::records(json!({"Records": records})).unwrap()
}

fn shell(script: &str) -> Value {
    json!({"command": format!("sh -c '{script}'")})
}
