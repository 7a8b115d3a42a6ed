//! pushpool as it is deployed, on one machine: the functions' own binaries behind the Runtime API, their queues and ECS on
//! loopback, and a real Prefect server whose work pools they serve.
//!
//! Only time is short-cut: what ticks once a minute on AWS ticks every second or two here, and tasks come up in a fraction
//! of a second.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use local::{
    Config, Local,
    ecs::{Dwell, HostImage, Runner, Secrets, TaskView},
    lambda::{Bootstrap, EventSourceMapping, Line, Mapping, Output, RuntimeApi},
};
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    binaries::binary,
    prefect::{self, Server},
};

/// What a function is given for a batch.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How pushpool is set up for a test.
pub struct Setup {
    /// Invocations of the dispatcher at a time, for each run queue.
    pub dispatchers: usize,
    /// Prefect API as the functions reach it; the server's own URL if none. Tasks always reach the server itself.
    pub api_url: Option<String>,
    /// Variables for all functions.
    pub environment: Vec<(&'static str, String)>,
    /// How long tasks stay in each state.
    pub dwell: Dwell,
    /// What becomes of tasks.
    pub runner: Runner,
    /// What secrets of containers and functions resolve to.
    pub secrets: Vec<(String, String)>,
    /// Which functions run.
    pub functions: &'static [&'static str],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            dispatchers: 2,
            api_url: None,
            environment: Vec::new(),
            dwell: Dwell { provisioning: 50, pending: 50, activating: None, deactivating: None, deprovisioning: 50 },
            runner: Runner::Process,
            secrets: Vec::new(),
            functions: &["poller", "dispatcher", "observer"],
        }
    }
}

/// A running pushpool.
pub struct Served {
    /// SQS and ECS.
    pub local: Local,
    /// URLs of the queues by name: poll, runs, fifo, events, dlq.
    pub queues: BTreeMap<&'static str, String>,
    functions: BTreeMap<String, Arc<RuntimeApi>>,
    mappings: Vec<EventSourceMapping>,
    lines: mpsc::UnboundedReceiver<Line>,
    ticks: JoinHandle<()>,
}

impl Setup {
    /// Starts everything for `server`; tasks run in `directory`.
    ///
    /// # Panics
    /// When something does not start.
    pub async fn start(self, server: &Server, directory: &Path) -> Served {
        let mut config = Config::default();
        config.ecs.dwell = self.dwell;
        config.ecs.runner = self.runner;
        config.ecs.secrets = Secrets::new(self.secrets.iter().cloned());
        config.ecs.default_image = HostImage {
            working_directory: Some(directory.to_owned()),
            environment: prefect::environment(server),
            ..HostImage::default()
        };
        let local = Local::start(config).await.expect("loopback starts");
        let queues = queues(&local).await;
        local.route_ecs_events_to(queues["events"].as_str());
        let (sender, lines) = mpsc::unbounded_channel();
        let mut served = Served {
            local,
            queues,
            functions: BTreeMap::new(),
            mappings: Vec::new(),
            lines,
            ticks: tokio::spawn(async {}),
        };
        for name in self.functions {
            served.start_function(name, &self, server, sender.clone()).await;
        }
        served.ticks = served.tick();
        served
    }

    fn variables(&self, served: &Served, server: &Server) -> BTreeMap<String, String> {
        let url = |queue: &str| served.queues[queue].clone();
        let mut all: BTreeMap<String, String> = [
            ("PREFECT_API_URL", self.api_url.clone().unwrap_or_else(|| server.url())),
            ("PUSHPOOL_CONTAINER_PREFECT_API_URL", server.url()),
            ("PUSHPOOL_POLL_QUEUE_URL", url("poll")),
            ("PUSHPOOL_RUN_QUEUE_URL", url("runs")),
            ("PUSHPOOL_FIFO_QUEUE_URL", url("fifo")),
            ("PUSHPOOL_EVENTS_QUEUE_URL", url("events")),
            ("PUSHPOOL_DLQ_URL", url("dlq")),
            ("PUSHPOOL_SUBNETS", "subnet-1".to_owned()),
            ("PUSHPOOL_POLL_INTERVAL", "2".to_owned()),
            ("PUSHPOOL_RUN_TASK_RATE", "0".to_owned()),
            ("PUSHPOOL_DEFAULT_IMAGE", "flows:1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        all.extend(self.environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        all
    }
}

impl Served {
    async fn start_function(
        &mut self,
        name: &'static str,
        setup: &Setup,
        server: &Server,
        lines: mpsc::UnboundedSender<Line>,
    ) {
        let path = tokio::task::spawn_blocking(move || binary(name)).await.expect("the function is built");
        let mut bootstrap = Bootstrap::new(name, path);
        bootstrap.endpoint_url = Some(self.local.endpoint());
        bootstrap.environment = setup.variables(self, server);
        bootstrap.environments = 2 * setup.dispatchers;
        bootstrap.output = Output::Lines(lines);
        let function = Arc::new(RuntimeApi::start(bootstrap).await.expect("the function's Runtime API starts"));
        let sources: &[&str] = match name {
            "poller" => &["poll"],
            "dispatcher" => &["runs", "fifo"],
            "observer" => &["events"],
            _ => &[],
        };
        for queue in sources {
            let mapping = Mapping {
                timeout: TIMEOUT,
                maximum_concurrency: if name == "dispatcher" { setup.dispatchers } else { 1 },
                ..Mapping::new(&self.queues[queue])
            };
            let function = Arc::<RuntimeApi>::clone(&function);
            let mapping = EventSourceMapping::start(self.local.sqs().clone(), function, mapping).await;
            self.mappings.push(mapping.expect("the mapping is made"));
        }
        self.functions.insert(name.to_owned(), function);
    }

    /// The schedule's tick, and the poller's own in between; often enough that no test waits a minute for one.
    fn tick(&self) -> JoinHandle<()> {
        let (sqs, url) = (self.local.sqs().clone(), self.queues["poll"].clone());
        tokio::spawn(async move {
            loop {
                let _ = sqs.send(&url, r#"{"version":1,"tick":"extra"}"#).await;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        })
    }

    /// Rings as the doorbell does.
    ///
    /// # Panics
    /// When the poll queue does not take it.
    pub async fn ring(&self, ring: Value) {
        let body = json!({"version": 1, "ring": ring}).to_string();
        self.local.sqs().send(&self.queues["poll"], &body).await.expect("the poll queue takes a ring");
    }

    /// Invokes a function that no queue feeds.
    ///
    /// # Panics
    /// When it fails.
    pub async fn invoke(&self, name: &str, event: Value) -> Value {
        use local::lambda::Function;
        self.functions[name].invoke(event, TIMEOUT).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The tasks that were launched for a flow run, oldest first.
    #[must_use]
    pub fn tasks_of(&self, run: &str) -> Vec<TaskView> {
        let prefix = format!("{run}/");
        let of_run = |task: &TaskView| task.started_by.as_deref().is_some_and(|by| by.starts_with(&prefix));
        self.local.ecs().tasks().into_iter().filter(of_run).collect()
    }

    /// What the functions have written since it was last asked for.
    pub fn log(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.lines.try_recv().ok()).map(|line| line.text).collect()
    }

    /// Stops everything.
    pub async fn stop(self) {
        self.ticks.abort();
        for mapping in self.mappings {
            mapping.stop().await;
        }
        for function in self.functions.values() {
            function.stop().await;
        }
        self.local.stop().await;
    }
}

async fn queues(local: &Local) -> BTreeMap<&'static str, String> {
    let dead_letters = local.sqs().create_queue("dlq", json!({})).await.expect("a queue is made");
    let fifo_dead_letters = local.sqs().create_queue("dlq.fifo", json!({"FifoQueue": "true"})).await;
    fifo_dead_letters.expect("a queue is made");
    let redrive = |name: &str| {
        let arn = format!("arn:aws:sqs:us-east-1:000000000000:{name}");
        json!({"deadLetterTargetArn": arn, "maxReceiveCount": 5}).to_string()
    };
    let mut queues = BTreeMap::from([("dlq", dead_letters)]);
    for name in ["poll", "runs", "events"] {
        let attributes = json!({"VisibilityTimeout": "40", "RedrivePolicy": redrive("dlq")});
        queues.insert(name, local.sqs().create_queue(name, attributes).await.expect("a queue is made"));
    }
    let attributes = json!({"FifoQueue": "true", "VisibilityTimeout": "40", "RedrivePolicy": redrive("dlq.fifo")});
    queues.insert("fifo", local.sqs().create_queue("runs.fifo", attributes).await.expect("a queue is made"));
    queues
}

/// Output files of tasks are kept here by `local`.
#[must_use]
pub fn log_of(task: &TaskView, local: &Local) -> String {
    let path: Option<PathBuf> = local.ecs().log_path(&task.task_arn);
    path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}
