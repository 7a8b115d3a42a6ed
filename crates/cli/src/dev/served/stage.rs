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
    doorbell::{Doorbell, FixedToken},
    observe,
    poll::{self},
    prefect::control,
    reconcile, runs,
};
use installation::{Function, Mode, Queue, timing, variables};
use local::{
    Local,
    ecs::HostImage,
    installation::Installation,
    lambda::{Function as LambdaFunction, FunctionUrl, InProcess},
};
use prefect_api::{Auth, Client, Connection, Patience, http::HttpTransport};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::news::Teller;
use crate::{
    dev::{
        args::DevArgs,
        function::{self, of_batches},
        house::{self, DWELL},
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
    installation: Installation,
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
        let mut installation =
            Installation::open(&local, house::plan(Mode::Server)).await.map_err(|error| house::failed(&error))?;
        let (url, dead_letters) = (
            |queue: Queue| installation.url(queue).to_owned(),
            |queue: Queue| installation.dead_letters(queue).to_owned(),
        );
        let transport = HttpTransport::new(connection).map_err(|error| CliError::BadSetting(error.to_string()))?;
        let client = Client::gentle(transport, Patience::FUNCTION);
        let sdk = aws::loopback_config(&local.endpoint(), &requests.region).await;

        let poller_queues = PollerQueueUrls {
            poll: url(Queue::Poll),
            run: url(Queue::Run),
            fifo: url(Queue::RunFifo),
            events: url(Queue::Events),
        };
        let polling = poll::Options { cloud: prefect_api::is_cloud(&connection.api_url), ..options(args) };
        let poller = Arc::new(aws::poller(&sdk, client.clone(), poller_queues, polling, teller.sink()));
        let settings = PrefectSettings {
            run_queue_url: url(Queue::Run),
            fifo_queue_url: Some(url(Queue::RunFifo)),
            dead_letter_queue_url: dead_letters(Queue::Run),
            run_task_rate: variables::RUN_TASK_RATE.default_number(),
            policy: function::policy(requests, timing::HAND_BACK_DELAY),
            options: control::Options::default(),
        };
        let dispatcher = Arc::new(aws::prefect_dispatcher(&sdk, client.clone(), settings, teller.sink()));
        let settings = ObserverSettings {
            queues: ObserverQueueUrls {
                events: url(Queue::Events),
                poll: url(Queue::Poll),
                dead_letter: dead_letters(Queue::Events),
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
        let reconciling = Arc::new(InProcess::new(move |_, left: Duration| {
            let reconciler = Arc::clone(&reconciler);
            async move {
                let pass = Box::pin(reconciler.pass(Instant::now() + left)).await;
                Ok(json!({"repaired": pass.repaired, "failed": pass.failed}))
            }
        }));
        let token = uuid::Uuid::new_v4().simple().to_string();
        let bell = Doorbell::open(FixedToken(token.clone()), Sender::new(&sdk, url(Queue::Poll))).await;
        let bell = Arc::new(bell.map_err(|refused| CliError::BadSetting(refused.summary))?);
        let ringing = Arc::new(InProcess::new(move |event: Value, _| {
            let bell = Arc::clone(&bell);
            async move { Ok(bell.answer(&event).await) }
        }));
        let functions: [(Function, Arc<dyn LambdaFunction>); 5] = [
            (Function::Poller, polling),
            (Function::Dispatcher, dispatching),
            (Function::Observer, observing),
            (Function::Reconciler, reconciling),
            (Function::Doorbell, ringing),
        ];
        for (function, code) in functions {
            installation.connect(function, code, true).await.map_err(|error| house::failed(&error))?;
        }
        let port = args.served.doorbell_port;
        let doorbell = installation.listen(Function::Doorbell, address(port)).await;
        let doorbell = doorbell.transpose().unwrap_or_else(|| Err(std::io::ErrorKind::NotConnected.into()));
        let doorbell = doorbell.map_err(|source| CliError::OpenEndpoint { port, source })?;
        installation.tick(args.served.poll_interval.max(Duration::from_millis(100)));
        installation.pass(PASSES);
        Ok(Self { local, client, doorbell, token, installation })
    }

    /// Takes nothing more, and returns what is left to stop: tasks.
    pub(crate) async fn close(self) -> Local {
        self.doorbell.stop().await;
        self.installation.close().await;
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
    runs::Policy { cancel_grace: CANCEL_GRACE, ..runs::Policy::default() }
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
