//! What chaos falls upon: a Prefect server, AWS on loopback, pushpool in between, and the ways between them.
//!
//! ```text
//! functions ── gate ── proxy ──┬── Prefect server
//!     │         containers ── proxy ┤
//!     │                       user ─┘
//!     └─────── gate ── proxy ── AWS on loopback
//! ```
//!
//! A gate closes the way for everybody; a proxy does something to single requests, and carries on with one whose sender is
//! gone, as a network does.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use http_body_util::Full;
use hyper::{Request, body::Bytes};
use local::lambda::FunctionUrl;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    gate::{Gate, Mode},
    patient::Patient,
    plan::{Kind, Way},
};
use crate::rig::{
    prefect::{NewDeployment, Options, Project, Proxy, Server, exchange, unique},
    python::python,
    served::{Served, Setup},
};

/// Services of the server that nothing here is about.
const IDLE_SERVICES: [&str; 9] = [
    "CANCELLATION_CLEANUP",
    "EVENT_PERSISTER",
    "FOREMAN",
    "LATE_RUNS",
    "PAUSE_EXPIRATIONS",
    "REPOSSESSOR",
    "SCHEDULER",
    "TASK_RUN_RECORDER",
    "TRIGGERS",
];

const TOKEN: &str = "canary-token-0123456789";

/// Slots of the work pool that has a limit.
const LIMIT: u32 = 3;

/// All of it but the server, which is restarted by who owns it.
pub(super) struct Stage {
    /// The user, to whom nothing is done.
    pub(super) user: Patient,
    /// The functions' way to the Prefect server.
    pub(super) prefect: (Gate, Proxy),
    /// The functions' way to AWS.
    pub(super) aws: (Gate, Proxy),
    /// The containers' way to the Prefect server.
    pub(super) containers: Proxy,
    /// pushpool.
    pub(super) served: Served,
    /// Ids of deployments.
    pub(super) deployments: BTreeMap<Kind, String>,
    project: Project,
    doorbell: FunctionUrl,
}

impl Stage {
    /// Starts everything; `container` is a binary that has [`super::container`], `database` the server's if it is not SQLite.
    pub(super) async fn start(container: &Path, database: Option<&str>) -> (Self, Server) {
        let server = server(database).start().await;
        let project = Project::copy();
        let containers = Proxy::start(server.address()).await;
        let proxy = Proxy::start(server.address()).await;
        let prefect = (Gate::start(watch::channel(Some(proxy.address())).1).await, proxy);
        let (behind, receiver) = watch::channel(None);
        let gate = Gate::start(receiver).await;
        let functions = ["poller", "dispatcher", "observer", "reconciler", "doorbell"];
        let setup = Setup {
            functions: &["poller", "dispatcher", "observer", "reconciler", "doorbell"],
            api_urls: functions.map(|name| (name, format!("http://{}/api", prefect.0.address()))).to_vec(),
            environment: environment(&gate, &containers),
            ..Setup::default()
        };
        let served = setup.start(&server, project.path()).await;
        let aws_address: SocketAddr =
            served.local.endpoint().trim_start_matches("http://").parse().expect("the endpoint is an address");
        let aws = Proxy::start(aws_address).await;
        behind.send_replace(Some(aws.address()));
        let doorbell = served.url_of("doorbell").await;
        let user = Patient(server.address());
        let deployments = deploy(&server, &project, container).await;
        (Self { user, prefect, aws: (gate, aws), containers, served, deployments, project, doorbell }, server)
    }

    /// The gate of a way.
    pub(super) fn gate(&self, way: Way) -> &Gate {
        match way {
            Way::Prefect => &self.prefect.0,
            Way::Aws => &self.aws.0,
        }
    }

    /// Nothing more is done to anything.
    pub(super) fn heal(&self) {
        for gate in [&self.prefect.0, &self.aws.0] {
            gate.set(Mode::Open);
        }
        for proxy in [&self.prefect.1, &self.aws.1, &self.containers] {
            proxy.heal();
        }
        self.served.local.faults().clear();
    }

    /// Where containers note what they do.
    pub(super) fn notes(&self) -> PathBuf {
        self.project.path().join("notes")
    }

    /// Rings as the server's automation does; whether anybody heard it.
    pub(super) async fn ring(&self, event: &str, run: &str) -> bool {
        let body = json!({
            "event": event,
            "resource": {"prefect.resource.id": format!("prefect.flow-run.{run}")},
            "related": [], "payload": {}, "id": uuid::Uuid::new_v4(),
        });
        let url = self.doorbell.url();
        let address: SocketAddr =
            url.trim_start_matches("http://").trim_end_matches('/').parse().expect("the URL is an address");
        let request = Request::post("/")
            .header("host", address.to_string())
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {TOKEN}"))
            .body(Full::new(Bytes::from(body.to_string())))
            .expect("a request can be built");
        let rung = tokio::time::timeout(Duration::from_secs(30), exchange(address, request)).await;
        rung.is_ok_and(|rung| rung.is_ok_and(|answer| answer.status().is_success()))
    }

    /// Ends everything.
    pub(super) async fn stop(self) {
        self.doorbell.stop().await;
        self.served.stop().await;
    }
}

/// Settings of the server. On SQLite, without the services that nothing here is about: they write beside the requests. The one
/// that calls runs late is the worst: when it has dozens to mark at once, some find the database locked, and while that is
/// logged the server answers nobody (seen on prefect 3.8.8).
fn server(database: Option<&str>) -> Options {
    let options = Options::default().env("PREFECT_LOGGING_SERVER_LEVEL", "CRITICAL");
    let Some(url) = database else {
        return IDLE_SERVICES.iter().fold(options, |options, service| {
            options.env(&format!("PREFECT_SERVER_SERVICES_{service}_ENABLED"), "false")
        });
    };
    options.env("PREFECT_SERVER_DATABASE_CONNECTION_URL", url)
}

/// Times are a fraction of the real ones, in the order of the real ones: a claim may have no task for longer than the
/// dispatcher's timeout (20 s) and the visibility of its messages (20 s).
fn environment(aws: &Gate, containers: &Proxy) -> Vec<(&'static str, String)> {
    vec![
        ("AWS_ENDPOINT_URL", format!("http://{}", aws.address())),
        ("PUSHPOOL_CONTAINER_PREFECT_API_URL", containers.url()),
        ("PUSHPOOL_DOORBELL_TOKEN", TOKEN.to_owned()),
        ("PUSHPOOL_TEST_CLAIM_GRACE", "30".to_owned()),
        ("PUSHPOOL_TASK_START_TIMEOUT", "15".to_owned()),
        ("PUSHPOOL_ORPHAN_GRACE", "40".to_owned()),
        ("PUSHPOOL_CANCEL_GRACE", "3".to_owned()),
    ]
}

async fn deploy(server: &Server, project: &Project, container: &Path) -> BTreeMap<Kind, String> {
    let api = server.api();
    let (free, limited) = (unique("pool"), unique("limited"));
    api.create_pool(&free, json!({})).await;
    let limit = json!({
        "name": limited, "type": "ecs:push", "base_job_template": {}, "concurrency_limit": LIMIT,
    });
    api.create_pool_with(limit).await;
    let mut deployments = BTreeMap::new();
    for kind in Kind::ALL {
        let pool = if kind == Kind::Limited { &limited } else { &free };
        let deployment = NewDeployment::new("quick", project.path(), pool);
        let deployment = deployment.job_variables(job_variables(kind, container, project));
        deployments.insert(kind, api.create_deployment(deployment).await.id);
    }
    deployments
}

fn job_variables(kind: Kind, container: &Path, project: &Project) -> Value {
    let (container, notes) = (container.display(), project.file("notes"));
    let command = |behaviour: &str, seconds: f64| json!({"command": format!("{container} container {notes} {behaviour} {seconds}")});
    match kind {
        Kind::Completes => command("completes", 0.2),
        Kind::Limited => command("completes", 1.0),
        Kind::Fails => command("fails", 0.1),
        Kind::Exits => command("exits", 0.1),
        Kind::Never => command("never", 0.0),
        Kind::Cancelled => command("completes", 600.0),
        Kind::Python => {
            let script = python().script("light_flow.py");
            json!({"command": format!("python -I -S {} {notes} 0.2", script.display())})
        }
        // Fargate has no such size.
        Kind::Refused => json!({"cpu": 256, "memory": 30_720}),
    }
}
