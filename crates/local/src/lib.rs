//! AWS on loopback: the SQS and ECS operations pushpool uses, spoken as AWS speaks them, the two that read a secret, the one
//! that reads a container's log, the one that publishes an event and the one that makes a one-time schedule, and functions
//! invoked as Lambda invokes them. In process, without an account, without containers.
//!
//! # Why it exists
//!
//! The launch protocol rests on behaviour no emulator has: `clientToken` idempotency, the 8,192 characters of task
//! overrides, Fargate's cpu/memory pairs, task state events, `failures[]` inside a 200. So the services are written
//! here, from AWS's API references and service models, and other emulators serve as a second opinion on the parts
//! they do have.
//!
//! # Shape
//!
//! Each service is an *engine*: plain state and functions of `(now, input)`, no clock, no I/O, no randomness of its
//! own. A seeded simulation runs the same engines that a program talks to over HTTP. Around the engine stands an
//! asynchronous *shell* that owns the clock and wakes long polls ([`sqs::Sqs`], [`ecs::Ecs`]), and around the shells
//! one HTTP endpoint ([`Local`]) that routes by `X-Amz-Target`, as AWS does; one `AWS_ENDPOINT_URL` therefore points
//! every SDK and the `aws` command line tool at all of it. Faults are injected at the endpoint ([`Faults`]), so a
//! client sees them where AWS would show them.
//!
//! ```
//! # async fn start() -> std::io::Result<()> {
//! let local = local::Local::start(local::Config::default()).await?;
//! println!("AWS_ENDPOINT_URL={}", local.endpoint());
//! # local.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! The `aws` command line tool of version 1 overrides `AWS_ENDPOINT_URL` for SQS in the regions it knows; give it
//! `--endpoint-url`.
//!
//! # What is not modelled
//!
//! * Signatures: the `Authorization` header is read for the access key and never checked; any credentials do.
//! * IAM, queue policies and KMS: attributes that name them are kept and returned, and change nothing. Who wants calls to be
//!   allowed first judges them with [`Local::guard`].
//! * Regions: there is one set of resources. A request signed for another region is answered from the same set, with
//!   ARNs in the region of [`Config`].
//! * Eventual consistency, but for tasks and definitions of ECS, and there only if [`ecs::Config::lag`] says so: every other
//!   write is seen by the next read, counts are exact, and 60-second propagation delays of attributes are zero. A short poll asks
//!   "all servers", so it finds what is there. Roles and policies work at once; at AWS they take seconds.
//! * Duplicates on standard queues: a message is delivered twice only because of its visibility timeout.
//! * Secrets Manager and SSM beyond `GetSecretValue` and `GetParameter`: values are settings ([`ecs::Config::secrets`], the
//!   same that containers get), each with one version, `AWSCURRENT`. Nothing rotates.
//! * Subnets and security groups: any name that begins like one will do, and there are always addresses.
//! * Images, registries and their answers: an image that is not mapped runs as the default one.
//! * Service-wide throttles of SQS, pricing, CloudTrail, CloudWatch metrics, TLS, IPv6.
//! * The legacy query protocol of SQS (form-encoded requests, XML answers): refused with an explanation.

pub mod clock;
pub mod ecs;
mod events;
pub mod faults;
mod http;
pub mod installation;
pub mod lambda;
mod logs;
pub mod scheduler;
mod secrets;
mod server;
pub mod sqs;
#[cfg(test)]
mod tests;
pub mod wire;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

pub use clock::{Clock, Millis};
pub use faults::{Fault, Faults, Rule};
pub use server::Call;
pub use wire::{AwsError, Caller, Service};

use server::{Server, Services};

/// What a local AWS is like.
#[derive(Debug, Clone)]
pub struct Config {
    /// Region in ARNs and events.
    pub region: String,
    /// Account in ARNs, queue URLs and events: twelve digits.
    pub account_id: String,
    /// Where the endpoint listens. Keep to loopback: nothing is authenticated and tasks are host processes.
    pub address: SocketAddr,
    /// What ECS needs to know.
    pub ecs: ecs::Config,
    /// How long after their time schedules fire: less than a minute at AWS.
    pub schedules_late: Duration,
}

impl Default for Config {
    /// `us-east-1`, account `000000000000`, a free port of 127.0.0.1.
    fn default() -> Self {
        Self {
            region: "us-east-1".into(),
            account_id: "000000000000".into(),
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            ecs: ecs::Config::default(),
            schedules_late: Duration::ZERO,
        }
    }
}

/// A running local AWS. Stop it with [`Local::stop`]; dropping it closes the endpoint as well, without waiting.
#[derive(Debug)]
pub struct Local {
    address: SocketAddr,
    services: Services,
    server: Server,
    routes: Mutex<JoinSet<()>>,
}

impl Local {
    /// Binds the address and serves. Tasks find the endpoint in `AWS_ENDPOINT_URL_SQS` and `AWS_ENDPOINT_URL_ECS`
    /// unless the settings have others for them, so that what they send to these services stays here.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn start(config: Config) -> io::Result<Self> {
        let listener = TcpListener::bind(config.address).await?;
        let address = listener.local_addr()?;
        let account = wire::Account { region: config.region, account_id: config.account_id };
        let clock = Clock::new();
        let endpoint = format!("http://{address}");
        let mut ecs = config.ecs;
        // Of these two services only: a task may well need the real S3.
        for name in ["AWS_ENDPOINT_URL_ECS", "AWS_ENDPOINT_URL_SQS"] {
            ecs.environment.entry(name.into()).or_insert_with(|| endpoint.clone());
        }
        let sqs = sqs::Sqs::new(account.clone(), endpoint, clock);
        let scheduler = scheduler::Scheduler::new(account.clone(), config.schedules_late, clock);
        let secrets = ecs.secrets.clone();
        let ecs = ecs::Ecs::new(account, ecs, clock);
        let mut routes = JoinSet::new();
        routes.spawn(scheduler.clone().run(sqs.clone()));
        let services = Services { sqs, ecs, secrets, buses: events::Buses::default(), scheduler };
        let server = Server::start(listener, services.clone(), Faults::default())?;
        Ok(Self { address, services, server, routes: Mutex::new(routes) })
    }

    /// The URL for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// SQS, without the wire: such calls are not counted and meet no faults.
    pub fn sqs(&self) -> &sqs::Sqs {
        &self.services.sqs
    }

    /// ECS, without the wire: such calls are not counted and meet no faults.
    pub fn ecs(&self) -> &ecs::Ecs {
        &self.services.ecs
    }

    /// EventBridge Scheduler, without the wire: such calls are not counted and meet no faults.
    pub fn scheduler(&self) -> &scheduler::Scheduler {
        &self.services.scheduler
    }

    /// Entries of all `PutEvents` so far, oldest first. Nothing routes them.
    pub fn published(&self) -> Vec<serde_json::Value> {
        self.services.buses.entries()
    }

    /// The fault rules of the endpoint.
    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// Has every call over the wire judged before anything else: an error is its answer. To be said once.
    pub fn guard(&self, judge: impl Fn(&Call<'_>) -> Result<(), AwsError> + Send + Sync + 'static) {
        self.server.guard().set(judge);
    }

    /// Calls received over the wire by `service:Operation` (for instance `ecs:RunTask`), whatever their answer.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.server.calls()
    }

    /// Starts the counting of [`Local::calls`] anew.
    pub fn reset_calls(&self) {
        self.server.reset_calls();
    }

    /// Sends every ECS Task State Change event from now on to a standard queue, as an EventBridge rule on source
    /// `aws.ecs` with the queue as its target does: the body is the event. A queue that does not exist loses them.
    pub fn route_ecs_events_to(&self, queue_url: impl Into<String>) {
        let (sqs, queue_url) = (self.services.sqs.clone(), queue_url.into());
        let mut events = self.services.ecs.subscribe();
        let route = async move {
            loop {
                match events.recv().await {
                    Ok(event) => {
                        if let Err(error) = sqs.send(&queue_url, event.to_string()).await {
                            tracing::warn!(queue = queue_url, %error, "an ECS event was not delivered");
                        }
                    }
                    Err(RecvError::Lagged(lost)) => tracing::warn!(queue = queue_url, lost, "ECS events were lost"),
                    Err(RecvError::Closed) => return,
                }
            }
        };
        self.routes.lock().unwrap_or_else(PoisonError::into_inner).spawn(route);
    }

    /// Closes the endpoint, then ends what the services run.
    pub async fn stop(self) {
        self.server.stop().await;
        self.services.ecs.stop().await;
    }
}
