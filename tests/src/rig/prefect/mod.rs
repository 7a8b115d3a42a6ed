//! Real Prefect servers for end-to-end tests, and what a test needs around one.
//!
//! Nothing here imitates Prefect: [`Server`] is `prefect server start` from PyPI on SQLite, [`deploy()`] is the real command
//! line tool, and flow runs are executed by `prefect flow-run execute`. What is ours is thin: [`Api`] asks the server as
//! curl would, [`Proxy`] stands in front of it to count requests and to break them.
//!
//! A server costs five seconds of CPU to start and 250 MB, so tests share one ([`shared`]) and keep apart by the names
//! of their pools and flows ([`unique`]); a test that needs settings of its own, or stops its server, starts its own.

mod api;
mod faults;
mod flows;
mod http;
mod objects;
mod proxy;
mod server;
mod worker;

use tokio::sync::OnceCell;

pub use self::api::{Answer, Api, Csrf};
pub use self::faults::{Fault, Rule};
pub use self::flows::{Project, deploy, environment, execute};
pub(crate) use self::http::exchange;
pub use self::objects::{Deployment, NewDeployment};
pub use self::proxy::{Exchange, Proxy};
pub use self::server::{Options, Server, VERSION_VARIABLE, Version};
pub use self::worker::{ecs_worker, template_for_worker};

/// A server of Prefect ([`Version::default`]) with the settings of a plain `prefect server start`, for all tests of this process. It ends with
/// the process, however that ends.
pub async fn shared() -> &'static Server {
    static SHARED: OnceCell<Server> = OnceCell::const_new();
    SHARED.get_or_init(|| Options::default().start()).await
}

/// Another one, whose pools are served: by the functions of the test that made the pool, and by no others. What that asks of
/// the pools is in [`crate::rig::served`].
pub async fn stage() -> &'static Server {
    static STAGE: OnceCell<Server> = OnceCell::const_new();
    STAGE.get_or_init(|| Options::default().start()).await
}

/// `prefix` with a suffix nobody else has: tests that share a server keep apart by names.
#[must_use]
pub fn unique(prefix: &str) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!("{prefix}-{}", &id[..8])
}
