//! pushpool as it is deployed, on one machine: the functions' own binaries behind the Runtime API, their queues and ECS on
//! loopback, and a real Prefect server whose work pools they serve.
//!
//! The installation is put together as `pushpool dev` does it ([`local::installation`]), with the queues and names of the Terraform
//! module, and each function may what its role allows: a call that a role does not
//! allow is refused, and fails the test in the end ([`crate::rig::applied`]). Only time is short-cut: what ticks once a minute on AWS
//! ticks every other second here, and tasks come up in a fraction of a second.
//!
//! # Whose pools
//!
//! A poller serves *every* pool of type `ecs:push` that its server has, so two of these on one server would launch each
//! other's runs. Therefore: tests that share a server ([`Served`] on [`prefect::stage`]) make pools of type `ecs`, which only
//! those serve that name them ([`Setup::pools`]), and none of type `ecs:push`. A test that has a server of its own makes
//! pools of type `ecs:push`. The server knows no other difference between the two types.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use installation::{EXTRA_TICK, Function, Mode, variables};
use local::{
    Config, Local,
    ecs::{Dwell, HostImage, Runner, Secrets, TaskView},
    installation::{Installation, Plan},
    lambda::{
        Bootstrap, Concurrency, EventSourceMapping, Function as LambdaFunction, FunctionError, FunctionUrl, Line,
        Output, RuntimeApi,
    },
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::rig::{
    applied::{Applied, REGION, Roles},
    binaries::binary,
    prefect::{self, Server},
};

/// What a function is given for a batch, and after how long a message comes back whose function died.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Time between ticks, and what the poller takes for the time between polls.
const TICKS: Duration = Duration::from_secs(2);

/// How pushpool is set up for a test.
pub struct Setup {
    /// Invocations of the dispatcher at a time, for each run queue.
    pub dispatchers: usize,
    /// Work pools to serve by their names; if there are none, all of type `ecs:push`.
    pub pools: Vec<String>,
    /// Prefect API as these functions reach it; the others, and all tasks, by the server's own URL.
    pub api_urls: Vec<(&'static str, String)>,
    /// Variables for all functions.
    pub environment: Vec<(&'static str, String)>,
    /// How long tasks stay in each state.
    pub dwell: Dwell,
    /// What becomes of tasks.
    pub runner: Runner,
    /// What secrets of containers and functions resolve to.
    pub secrets: Vec<(String, String)>,
    /// Variables of the flow processes' environment that images do not have here.
    pub without: &'static [&'static str],
    /// Which functions run from the start; others can be started later.
    pub functions: &'static [&'static str],
    /// Whether the poll queue ticks by itself.
    pub ticks: bool,
    /// Whether queues feed the functions; otherwise they are only invoked by hand.
    pub mapped: bool,
    /// The concurrency that the functions share; without it there is no limit.
    pub concurrency: Option<Arc<Concurrency>>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            dispatchers: 2,
            pools: Vec::new(),
            api_urls: Vec::new(),
            environment: Vec::new(),
            dwell: Dwell { provisioning: 50, pending: 50, activating: None, deactivating: None, deprovisioning: 50 },
            runner: Runner::Process,
            secrets: Vec::new(),
            without: &[],
            functions: &["poller", "dispatcher", "observer", "reconciler"],
            ticks: true,
            mapped: true,
            concurrency: None,
        }
    }
}

/// A running pushpool.
pub struct Served {
    /// SQS and ECS.
    pub local: Local,
    /// URLs of the queues and their dead-letter queues, by name ([`installation::Queue`]).
    pub queues: BTreeMap<&'static str, String>,
    installation: Installation,
    roles: Arc<Roles>,
    setup: Setup,
    server_url: String,
    functions: BTreeMap<Function, Arc<RuntimeApi>>,
    output: mpsc::UnboundedSender<Line>,
    lines: mpsc::UnboundedReceiver<Line>,
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
        let mut environment = prefect::environment(server);
        environment.retain(|name, _| !self.without.contains(&name.as_str()));
        config.ecs.default_image =
            HostImage { working_directory: Some(directory.to_owned()), environment, ..HostImage::default() };
        let applied = here(&config);
        let roles = Roles::new(&applied, &config.account_id, &config.region);
        let local = Local::start(config).await.expect("loopback starts");
        local.guard(roles.guard());
        let dispatchers = self.dispatchers;
        let plan = Plan { mode: Mode::Server, timeout: TIMEOUT, visibility: TIMEOUT, dispatchers, observers: 1 };
        let installation = Installation::open(&local, plan).await.expect("the queues are made");
        let queues = installation.urls().clone();
        let (output, lines) = mpsc::unbounded_channel();
        let (functions, ticks) = (self.functions, self.ticks);
        let mut served = Served {
            local,
            queues,
            installation,
            roles,
            server_url: server.url(),
            setup: self,
            functions: BTreeMap::new(),
            output,
            lines,
        };
        for name in functions {
            served.start_function(name).await;
        }
        if ticks {
            // Often enough that no test waits a minute for one.
            served.installation.tick(TICKS);
        }
        served
    }
}

impl Served {
    /// Starts a function and what feeds it.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_function(&mut self, name: &'static str) {
        let path = tokio::task::spawn_blocking(move || binary(name)).await.expect("the function is built");
        let function = known(name);
        let mut bootstrap = Bootstrap::new(name, path);
        bootstrap.endpoint_url = Some(self.local.endpoint());
        bootstrap.environment = self.variables(function);
        bootstrap.environments = 2 * self.setup.dispatchers;
        bootstrap.output = Output::Lines(self.output.clone());
        let api = Arc::new(RuntimeApi::start(bootstrap).await.expect("the function's Runtime API starts"));
        let code = self.limited(name, Arc::<RuntimeApi>::clone(&api));
        self.installation.connect(function, code, self.setup.mapped).await.expect("the mappings are made");
        self.functions.insert(function, api);
    }

    /// The function within the account's concurrency, if there is a limit.
    fn limited(&self, name: &str, function: Arc<dyn LambdaFunction>) -> Arc<dyn LambdaFunction> {
        match &self.setup.concurrency {
            Some(concurrency) => concurrency.limited(name, function),
            None => function,
        }
    }

    /// Stops a function in good order: what it is at is finished.
    pub async fn stop_function(&mut self, name: &str) {
        let name = known(name);
        self.installation.disconnect(name).await;
        if let Some(function) = self.functions.remove(&name) {
            function.stop().await;
        }
    }

    fn variables(&self, function: Function) -> BTreeMap<String, String> {
        let Setup { api_urls, pools, environment, .. } = &self.setup;
        let of_function = api_urls.iter().find(|(name, _)| *name == function.name());
        let api_url = of_function.map_or_else(|| self.server_url.clone(), |(_, url)| url.clone());
        let chosen = [
            (&variables::API_URL, api_url),
            (&variables::CONTAINER_PREFECT_API_URL, self.server_url.clone()),
            (&variables::POOLS, pools.join(",")),
            (&variables::PUSH_POOLS, pools.is_empty().to_string()),
            (&variables::SUBNETS, "subnet-1".to_owned()),
            (&variables::POLL_INTERVAL, TICKS.as_secs().to_string()),
            (&variables::RUN_TASK_RATE, "0".to_owned()),
            (&variables::DEFAULT_IMAGE, "flows:1".to_owned()),
        ];
        let chosen = chosen.into_iter().filter(|(variable, _)| variable.is_read_by(function));
        let chosen = chosen.map(|(variable, value)| (variable.name.to_owned(), value));
        let caller = ("AWS_ACCESS_KEY_ID".to_owned(), format!("{}-{REGION}", function.full_name(installation::PREFIX)));
        let mut all = self.installation.variables(function);
        all.extend(chosen.chain([caller]));
        all.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        all
    }

    /// Has the poller poll once.
    ///
    /// # Panics
    /// When it fails.
    pub async fn poll(&self) {
        let record = json!({"messageId": "tick", "receiptHandle": "tick", "body": EXTRA_TICK, "eventSource": "aws:sqs",
            "attributes": {"ApproximateReceiveCount": "1"}});
        self.invoke("poller", json!({"Records": [record]})).await;
    }

    /// Rings as the doorbell does.
    ///
    /// # Panics
    /// When the poll queue does not take it.
    pub async fn ring(&self, ring: Value) {
        let body = json!({"version": 1, "ring": ring}).to_string();
        self.local.sqs().send(&self.queues["poll"], &body).await.expect("the poll queue takes a ring");
    }

    /// Sends a message to a queue.
    ///
    /// # Panics
    /// When the queue does not take it.
    pub async fn send(&self, queue: &str, body: &str) {
        self.local.sqs().send(&self.queues[queue], body).await.expect("the queue takes a message");
    }

    /// Bodies of the messages in a queue, whether they are visible or not.
    #[must_use]
    pub fn bodies(&self, queue: &str) -> Vec<String> {
        self.local.sqs().bodies(&self.queues[queue]).unwrap_or_default()
    }

    /// Waits until there is no message in these queues, visible or not.
    ///
    /// # Panics
    /// When there still is after `patience`.
    pub async fn drained(&self, queues: &[&str], patience: Duration) {
        let left = || queues.iter().flat_map(|queue| self.bodies(queue)).collect::<Vec<String>>();
        let started = Instant::now();
        while !left().is_empty() {
            assert!(started.elapsed() < patience, "{queues:?} still hold {:#?}", left());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Gives a function a URL, on loopback.
    ///
    /// # Panics
    /// When no port is to be had.
    pub async fn url_of(&self, name: &str) -> FunctionUrl {
        let address = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
        let url = self.installation.listen(known(name), address).await.expect("the URL listens");
        url.expect("the function runs")
    }

    /// Invokes a function beside what feeds it.
    ///
    /// # Panics
    /// When it fails.
    pub async fn invoke(&self, name: &str, event: Value) -> Value {
        self.try_invoke(name, event).await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The same, of a function that may be killed meanwhile.
    ///
    /// # Errors
    /// It gives no result.
    pub async fn try_invoke(&self, name: &str, event: Value) -> Result<Value, FunctionError> {
        self.functions[&known(name)].invoke(event, TIMEOUT).await
    }

    /// How often the queues of a function have invoked it and got no result, because it ended or took too long.
    #[must_use]
    pub fn failed_invocations(&self, name: &str) -> u64 {
        self.installation.mappings(known(name)).map(|mapping| mapping.counts().failed_invocations).sum()
    }

    /// How often no concurrency was left for the batches of a function's queues.
    #[must_use]
    pub fn throttles(&self, name: &str) -> u64 {
        self.installation.mappings(known(name)).map(|mapping| mapping.counts().throttles).sum()
    }

    /// Ids of the processes of a function, busy or idle: children of this process with that binary, told apart from those
    /// of other tests by what they were given for a queue.
    #[must_use]
    pub fn processes(&self, name: &str) -> Vec<u32> {
        let (parent, url) = (format!("PPid:\t{}", std::process::id()), self.queues["run"].as_bytes());
        let is_ours = |directory: &Path| {
            let read = |file: &str| std::fs::read(directory.join(file)).unwrap_or_default();
            directory.join("exe").read_link().is_ok_and(|exe| exe.file_name().is_some_and(|exe| exe == name))
                && String::from_utf8_lossy(&read("status")).lines().any(|line| line == parent)
                && read("environ").windows(url.len()).any(|window| window == url)
        };
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
        let ids = processes.filter(|directory| is_ours(directory));
        ids.filter_map(|directory| directory.file_name()?.to_str()?.parse().ok()).collect()
    }

    /// All tasks that were launched, oldest first.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskView> {
        self.local.ecs().tasks()
    }

    /// The tasks that were launched for a flow run, oldest first.
    #[must_use]
    pub fn tasks_of(&self, run: &str) -> Vec<TaskView> {
        let prefix = format!("{run}/");
        let of_run = |task: &TaskView| task.started_by.as_deref().is_some_and(|by| by.starts_with(&prefix));
        self.tasks().into_iter().filter(of_run).collect()
    }

    /// What the functions have written since it was last asked for.
    pub fn log(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.lines.try_recv().ok()).map(|line| line.text).collect()
    }

    /// Stops everything.
    ///
    /// # Panics
    /// When a function called what its role does not allow, or Lambda refused an invocation as one of a loop.
    pub async fn stop(self) {
        let dropped = |mapping: &EventSourceMapping| mapping.counts().recursive_invocations_dropped;
        let dropped: u64 = Function::ALL.iter().flat_map(|it| self.installation.mappings(*it)).map(dropped).sum();
        self.installation.close().await;
        for function in self.functions.values() {
            function.stop().await;
        }
        self.local.stop().await;
        let denied = self.roles.denied();
        assert!(denied.is_empty(), "roles lack what functions call: {denied:#?}");
        assert_eq!(dropped, 0, "Lambda refuses invocations whose chains have become too long");
    }
}

/// The installation in this account and region, for whatever cluster a test takes.
fn here(config: &Config) -> Applied {
    let applied = Applied::served().at(&config.account_id, &config.region);
    // AWS matches wildcards with both operators (IAM user guide, "ARN condition operators"), the library with one of them.
    applied.with(":cluster/etl", ":cluster/*").with(":task/etl/", ":task/*/").with("ArnEquals", "ArnLike")
}

fn known(name: &str) -> Function {
    Function::named(name).unwrap_or_else(|| panic!("there is no function {name}"))
}

/// Output files of tasks are kept here by `local`.
#[must_use]
pub fn log_of(task: &TaskView, local: &Local) -> String {
    let path: Option<PathBuf> = local.ecs().log_path(&task.task_arn);
    path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
}
