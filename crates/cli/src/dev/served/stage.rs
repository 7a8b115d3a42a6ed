//! Everything that serves a Prefect server's work pools, on this machine: the functions in this process, their queues and
//! ECS on loopback, the schedule's ticks, and the doorbell on a port of its own.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use aws::{ObserverQueueUrls, ObserverSettings, PollerQueueUrls, PrefectSettings, Sender};
use dispatch::{
    dispatcher::Policy,
    doorbell::{Doorbell, FixedToken},
    hand_back::HAND_BACK_DELAY,
    observe,
    poll::{self},
    prefect::control,
    reconcile,
    ring::{PollMessage, Tick},
    runs,
};
use local::{
    Local,
    ecs::HostImage,
    lambda::{EventSourceMapping, Function, FunctionUrl, InProcess, Mapping},
};
use prefect_api::{Auth, Client, Connection, Patience, http::HttpTransport};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::Instant};

use super::news::Teller;
use crate::{
    dev::{
        args::DevArgs,
        function::{CAPACITY_TIMEOUT, CONCURRENCY, RUN_TASK_RATE, TIMEOUT, of_batches},
        house::{self, DWELL, MAX_RECEIVE_COUNT},
    },
    error::CliError,
    output::note,
};

/// The name pushpool goes by on the server while it is tried out.
pub(crate) const NAME: &str = "pushpool dev";

/// How often the reconciler passes. On AWS every five minutes.
const PASSES: Duration = Duration::from_secs(15);

/// How long a flow has to cancel itself before its task is stopped.
const CANCEL_GRACE: Duration = Duration::from_secs(30);

/// A subnet for pools that name none: nothing is looked up here.
const SUBNET: &str = "subnet-00000000";

/// All of it, running.
pub(crate) struct Stage {
    pub(crate) local: Local,
    pub(crate) client: Client<HttpTransport>,
    pub(crate) doorbell: FunctionUrl,
    pub(crate) token: String,
    mappings: Vec<EventSourceMapping>,
    /// Ticks and passes. They end with the stage.
    _timers: JoinSet<()>,
}

impl Stage {
    /// Starts it.
    ///
    /// # Errors
    /// A port is taken, or a setting cannot be used.
    pub(crate) async fn open(
        args: &DevArgs,
        connection: &Connection,
        images: BTreeMap<String, HostImage>,
        logs: PathBuf,
        teller: &Teller,
    ) -> Result<Self, CliError> {
        let mut requests = args.requests.settings();
        requests.prefect_api_url = Some(connection.api_url.clone());
        requests.reschedule_on_spot = true;
        if requests.subnets.is_empty() {
            requests.subnets.push(SUBNET.to_owned());
            note(format_args!(
                "No subnets are set (--subnets): {SUBNET} stands for those of the dispatcher. On AWS a work pool without \
                 subnets needs them, or its runs crash (PP0213)."
            ));
        }
        note("Clusters are created as runs name them. On AWS they have to exist.");
        let ecs = local::ecs::Config {
            images,
            default_image: HostImage::default(),
            environment: environment(connection, args.served.env_dir.as_deref()),
            clusters_on_demand: true,
            dwell: DWELL,
            log_directory: Some(logs),
            ..Default::default()
        };
        let ecs = if args.bad_day { ecs.on_a_bad_day() } else { ecs };
        let address = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let config =
            local::Config { region: requests.region.clone(), address: address(args.port), ecs, ..Default::default() };
        let local = Local::start(config).await.map_err(|source| CliError::OpenEndpoint { port: args.port, source })?;
        let queues = queues(&local).await?;
        local.route_ecs_events_to(&queues["events"]);
        let transport = HttpTransport::new(connection).map_err(|error| CliError::BadSetting(error.to_string()))?;
        let client = Client::gentle(transport, Patience::FUNCTION);
        let sdk = aws::loopback_config(&local.endpoint(), &requests.region).await;

        let polling = poll::Options { cloud: prefect_api::is_cloud(&connection.api_url), ..options(args) };
        let poller = Arc::new(aws::poller(&sdk, client.clone(), poller_queues(&queues), polling, teller.sink()));
        let settings = PrefectSettings {
            run_queue_url: queues["run"].clone(),
            fifo_queue_url: Some(queues["run.fifo"].clone()),
            dead_letter_queue_url: queues["run-dlq"].clone(),
            run_task_rate: RUN_TASK_RATE,
            policy: Policy { requests, capacity_timeout: CAPACITY_TIMEOUT, hand_back_delay: HAND_BACK_DELAY },
            options: control::Options::default(),
        };
        let dispatcher = Arc::new(aws::prefect_dispatcher(&sdk, client.clone(), settings, teller.sink()));
        let settings = ObserverSettings {
            queues: ObserverQueueUrls {
                events: queues["events"].clone(),
                poll: queues["poll"].clone(),
                dead_letter: queues["events-dlq"].clone(),
            },
            policy: policy(),
            options: observe::Options { task_events: false },
        };
        let observer = Arc::new(aws::observer(&sdk, client.clone(), settings, teller.sink()));
        let policy = reconcile::Policy {
            runs: policy(),
            push_pools: args.served.only.is_empty(),
            named_pools: args.served.only.clone(),
            ..reconcile::Policy::default()
        };
        let reconciler = Arc::new(aws::reconciler(&sdk, client.clone(), policy, teller.sink()));

        let polling = of_batches(move |records, deadline| {
            let poller = Arc::clone(&poller);
            async move { poller.handle(&records, deadline).await }
        });
        let dispatching = of_batches(move |records, deadline| {
            let dispatcher = Arc::clone(&dispatcher);
            async move { Box::pin(dispatcher.handle(records, deadline)).await }
        });
        let observing = of_batches(move |records, deadline| {
            let observer = Arc::clone(&observer);
            async move { Box::pin(observer.handle(records, deadline)).await }
        });
        let mut mappings = Vec::new();
        for (queue, function, concurrency) in [
            ("poll", &polling, 1),
            ("run", &dispatching, CONCURRENCY),
            ("run.fifo", &dispatching, CONCURRENCY),
            ("events", &observing, CONCURRENCY),
        ] {
            mappings.push(map(&local, &queues[queue], Arc::clone(function), concurrency).await?);
        }

        let token = uuid::Uuid::new_v4().simple().to_string();
        let rings = Sender::new(&sdk, queues["poll"].clone());
        let bell = Doorbell::open(FixedToken(token.clone()), rings).await;
        let bell = Arc::new(bell.map_err(|refused| CliError::BadSetting(refused.summary))?);
        let ringing = Arc::new(InProcess::new(move |event: Value, _| {
            let bell = Arc::clone(&bell);
            async move { Ok(bell.answer(&event).await) }
        }));
        let port = args.served.doorbell_port;
        let doorbell = FunctionUrl::start(address(port), ringing, TIMEOUT)
            .await
            .map_err(|source| CliError::OpenEndpoint { port, source })?;

        let mut timers = JoinSet::new();
        timers.spawn(tick(local.sqs().clone(), queues["poll"].clone(), args.served.poll_interval));
        timers.spawn(async move {
            loop {
                tokio::time::sleep(PASSES).await;
                Box::pin(reconciler.pass(Instant::now() + TIMEOUT)).await;
            }
        });
        Ok(Self { local, client, doorbell, token, mappings, _timers: timers })
    }

    /// Takes nothing more, and returns what is left to stop: tasks.
    pub(crate) async fn close(self) -> Local {
        drop(self._timers);
        self.doorbell.stop().await;
        for mapping in self.mappings {
            mapping.stop().await;
        }
        self.local
    }
}

/// How the poller polls.
fn options(args: &DevArgs) -> poll::Options {
    poll::Options {
        push_pools: args.served.only.is_empty(),
        named_pools: args.served.only.clone(),
        name: NAME.to_owned(),
        interval: args.served.poll_interval,
        ..poll::Options::default()
    }
}

fn policy() -> runs::Policy {
    runs::Policy { capacity_timeout: CAPACITY_TIMEOUT, cancel_grace: CANCEL_GRACE, ..runs::Policy::default() }
}

async fn queues(local: &Local) -> Result<BTreeMap<&'static str, String>, CliError> {
    let create = async |name: &str, attributes: Value| {
        let created = local.sqs().create_queue(name, attributes).await;
        created.map_err(|error| house::refused("CreateQueue", &error))
    };
    let mut queues = BTreeMap::new();
    // As the Terraform module calls them, so that `redrive`, `doctor` and scripts find them here, too.
    for (name, dead_letters) in
        [("poll", "poll-dlq"), ("run", "run-dlq"), ("run.fifo", "run-dlq.fifo"), ("events", "events-dlq")]
    {
        let fifo = if name.ends_with(".fifo") { json!({"FifoQueue": "true"}) } else { json!({}) };
        queues.insert(dead_letters, create(&format!("pushpool-{dead_letters}"), fifo.clone()).await?);
        let asked = json!({"QueueUrl": queues[dead_letters], "AttributeNames": ["QueueArn"]});
        let answer = local.sqs().call("GetQueueAttributes", asked).await;
        let answer = answer.map_err(|error| house::refused("GetQueueAttributes", &error))?;
        let redrive =
            json!({"deadLetterTargetArn": answer["Attributes"]["QueueArn"], "maxReceiveCount": MAX_RECEIVE_COUNT});
        let mut attributes = fifo;
        attributes["VisibilityTimeout"] = "60".into();
        attributes["RedrivePolicy"] = redrive.to_string().into();
        queues.insert(name, create(&format!("pushpool-{name}"), attributes).await?);
    }
    Ok(queues)
}

fn poller_queues(queues: &BTreeMap<&'static str, String>) -> PollerQueueUrls {
    PollerQueueUrls {
        poll: queues["poll"].clone(),
        run: queues["run"].clone(),
        fifo: queues["run.fifo"].clone(),
        events: queues["events"].clone(),
    }
}

async fn map(
    local: &Local,
    queue_url: &str,
    function: Arc<dyn Function>,
    maximum_concurrency: usize,
) -> Result<EventSourceMapping, CliError> {
    let mapping = Mapping { timeout: TIMEOUT, maximum_concurrency, ..Mapping::new(queue_url) };
    EventSourceMapping::start(local.sqs().clone(), function, mapping)
        .await
        .map_err(|error| CliError::PrepareLoopback { operation: "CreateEventSourceMapping", reason: error.to_string() })
}

/// Ticks without end. On AWS a schedule ticks once a minute and the poller in between.
async fn tick(sqs: local::sqs::Sqs, queue_url: String, interval: Duration) {
    let body = PollMessage::Tick(Tick::Extra).body();
    loop {
        if let Err(error) = sqs.send(&queue_url, body.as_str()).await {
            tracing::warn!(%error, "no tick");
        }
        tokio::time::sleep(interval.max(Duration::from_millis(100))).await;
    }
}

/// What tasks need to find the server and `prefect`. On AWS, credentials come as ECS secrets; here tasks are processes of
/// whoever runs this, and get them as their own settings would give them.
fn environment(connection: &Connection, env_dir: Option<&Path>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut set = |name: &str, value: String| drop(all.insert(name.to_owned(), value));
    set("PREFECT_API_URL", connection.api_url.clone());
    match &connection.auth {
        Auth::None => {}
        Auth::ApiKey(key) => set("PREFECT_API_KEY", key.clone()),
        Auth::AuthString(auth) => set("PREFECT_API_AUTH_STRING", auth.clone()),
    }
    if !connection.headers.is_empty() {
        let headers: BTreeMap<&str, &str> =
            connection.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        set("PREFECT_CLIENT_CUSTOM_HEADERS", json!(headers).to_string());
    }
    if let Some(file) = &connection.ca_file {
        set("PREFECT_API_SSL_CERT_FILE", file.display().to_string());
    }
    if !connection.verify_tls {
        set("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "true".to_owned());
    }
    if let Some(directory) = env_dir {
        let path = std::env::var("PATH").unwrap_or_default();
        set("PATH", format!("{}:{path}", directory.join("bin").display()));
        set("VIRTUAL_ENV", directory.display().to_string());
    }
    all
}
