//! `pushpool deploy` on real Prefect servers.
//!
//! A project of `tests/data/deploy` is a folder with a `prefect.yaml`, the lines that are run in it, and what a server held
//! after Prefect's own `prefect deploy` had run them. Each is a test: pushpool runs the same lines, and must leave the same
//! deployments, field by field. Where a line has a `should`, that is the written difference, and it is judged instead.
//!
//! All projects share one server and keep apart by the names of their flows and pools, which start with `cNN`.

mod command;
mod drive;
mod faults;
mod judge;
mod live;
mod projects;
mod recording;
mod running;
mod s3;
mod state;
mod told;

use std::path::PathBuf;

use pushpool_tests::rig::prefect::{Options, Server, Version};
use tokio::sync::OnceCell;

/// Where the projects are.
fn data() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/deploy")
}

/// The server of all projects.
async fn server() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_init(|| quiet().start()).await
}

/// The server on which projects are recorded.
async fn recorder() -> &'static Server {
    static SERVER: OnceCell<Server> = OnceCell::const_new();
    SERVER.get_or_init(|| quiet().start()).await
}

/// A server of the version that was recorded. Nothing but the tool writes to it.
fn quiet() -> Options {
    let services = [
        "SCHEDULER",
        "LATE_RUNS",
        "CANCELLATION_CLEANUP",
        "PAUSE_EXPIRATIONS",
        "FOREMAN",
        "REPOSSESSOR",
        "TRIGGERS",
        "EVENT_PERSISTER",
        "EVENT_LOGGER",
        "TASK_RUN_RECORDER",
    ];
    services.iter().fold(Options::default().version(Version::V3_9), |options, service| {
        options.env(&format!("PREFECT_SERVER_SERVICES_{service}_ENABLED"), "false")
    })
}
