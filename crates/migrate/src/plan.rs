//! An upgrade as a document: what is made, what is written, and why.
//!
//! `plan` writes it, people review it, `apply` carries it out and nothing else. So it holds every request body in full,
//! and for everything it relies on a [fingerprint](Seen) of what the server said, which `apply` compares first.
//!
//! The JSON is stable: [`VERSION`] changes when a field changes its meaning. No field holds a secret that the server masks, and
//! none holds an asterisk mask.

use prefect_api::models::Object;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// Version of the format.
pub const VERSION: u32 = 1;

/// Everything an upgrade does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpgradePlan {
    /// [`VERSION`] of the format that the plan is written in.
    pub version: u32,
    /// The server that was read.
    pub server: ServerSeen,
    /// SHA-256 over the fingerprints of everything the plan was made from.
    pub digest: String,
    /// Pools that the deployments go to, by name.
    pub pools: Vec<PlannedPool>,
    /// Every deployment of the server, by flow and name.
    pub deployments: Vec<PlannedDeployment>,
    /// What concerns no single deployment.
    pub notes: Vec<Note>,
}

/// The server that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSeen {
    /// Its URL, without credentials; empty where the reader gave none.
    pub url: String,
    /// Its version.
    pub version: String,
}

/// A work pool that deployments go to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedPool {
    /// Its name.
    pub name: String,
    /// Its type: `ecs:push`.
    #[serde(rename = "type")]
    pub pool_type: String,
    /// Whether it is made or was there already.
    pub action: PoolAction,
    /// What it is made from.
    pub made_from: MadeFrom,
    /// What its owner reads about it.
    pub description: Option<String>,
    /// Its base job template.
    pub base_job_template: Value,
    /// How many of its runs may be PENDING or RUNNING at once.
    pub concurrency_limit: Option<u32>,
    /// Whether it gives out no runs.
    pub is_paused: bool,
    /// Its queues. `default` exists in every pool and is changed to what stands here.
    pub queues: Vec<PlannedQueue>,
    /// What of its source it does not carry.
    pub not_carried: Vec<NotCarried>,
    /// What changes in meaning, and what to do by hand.
    pub notes: Vec<Note>,
    /// What the plan relies on.
    pub seen: Vec<Seen>,
}

impl PlannedPool {
    /// Whether the plan is for another server than the one that was read: then it relies on nothing, and the pool is made
    /// without deployments.
    #[must_use]
    pub fn is_of_other_server(&self) -> bool {
        self.seen.is_empty()
    }
}

/// What happens to a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolAction {
    /// It is made.
    Create,
    /// It exists with this template and stays as it is; missing queues are made.
    Reuse,
}

/// What a pool or a deployment's settings come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum MadeFrom {
    /// Infrastructure blocks; several where they share a pool.
    Blocks {
        /// Their names, as `ecs-task/prod`.
        blocks: Vec<String>,
    },
    /// A work pool that workers, or Prefect Cloud, serve.
    Pool {
        /// Its name.
        name: String,
        /// Its type.
        #[serde(rename = "type")]
        pool_type: String,
    },
}

/// A queue of a planned pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedQueue {
    /// Its name.
    pub name: String,
    /// What its owner reads about it.
    pub description: Option<String>,
    /// 1 comes first; none leaves it to the server.
    pub priority: Option<u32>,
    /// How many of its runs may be PENDING or RUNNING at once.
    pub concurrency_limit: Option<u32>,
    /// Whether it gives out no runs.
    pub is_paused: bool,
}

/// A deployment and what becomes of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedDeployment {
    /// Its id, which stays.
    pub id: Uuid,
    /// Its flow.
    pub flow: String,
    /// Its name.
    pub name: String,
    /// What happens.
    pub action: Action,
    /// Why that, one sentence each.
    pub reasons: Vec<String>,
    /// Where it is now.
    pub from: Current,
    /// Where it goes. Only of a deployment that is migrated, and of one that is left and could be mapped.
    pub target: Option<Target>,
    /// The one write. Only of a deployment that is migrated.
    pub write: Option<Write>,
    /// How likely a run is to behave differently.
    pub risk: Risk,
    /// What changes in meaning, and what to do by hand.
    pub notes: Vec<Note>,
    /// What is not carried.
    pub not_carried: Vec<NotCarried>,
    /// The requests of the old and of the new way. Only of a deployment that is migrated.
    pub proof: Option<Proof>,
    /// What the plan relies on: the deployment itself first.
    pub seen: Vec<Seen>,
}

/// What happens to a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It goes to a push pool.
    Migrate,
    /// It stays: its infrastructure is none that push pools replace, unless the user maps it.
    Leave,
    /// It ought to go and cannot: its settings fail today, or something is missing.
    Refuse,
    /// It is none of the upgrade's business.
    Skip,
}

/// Where a deployment is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    /// Its pool.
    pub pool: Option<String>,
    /// Type of its pool.
    pub pool_type: Option<String>,
    /// Its queue.
    pub queue: Option<String>,
    /// Its infrastructure block.
    pub infrastructure: Option<String>,
    /// Its storage block.
    pub storage: Option<String>,
}

/// Where a deployment goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Its pool; empty on a deployment that is left, because the user has named none.
    pub pool: String,
    /// Its queue.
    pub queue: String,
    /// Its job variables.
    pub job_variables: Object,
    /// Its pull steps.
    pub pull_steps: Vec<Value>,
    /// Its entrypoint.
    pub entrypoint: Option<String>,
    /// Its path; none where pull steps say where the code is.
    pub path: Option<String>,
}

/// The one request that changes a deployment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "SCREAMING_SNAKE_CASE", deny_unknown_fields)]
pub enum Write {
    /// `PATCH /deployments/{id}` (3.x): what is not in the body stays.
    Patch {
        /// The body.
        body: Object,
    },
    /// `POST /deployments/` (2.20): the whole deployment, because what is not in the body is reset. It keeps its id, which the
    /// server finds by flow and name.
    Post {
        /// The body.
        body: Object,
    },
}

impl Write {
    /// The body.
    #[must_use]
    pub fn body(&self) -> &Object {
        match self {
            Self::Patch { body } | Self::Post { body } => body,
        }
    }
}

/// How likely a run is to behave differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    /// The highest of the reasons.
    pub level: Level,
    /// One sentence each; none at the lowest level.
    pub reasons: Vec<String>,
}

/// Levels of risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The requests are the same.
    Low,
    /// Something differs that most flows do not see.
    Medium,
    /// Check this one before its next run.
    High,
}

/// Something to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// For programs: `env_replaced`, `run_stays_with_agent`.
    pub code: String,
    /// For people.
    pub text: String,
}

/// A setting that has no counterpart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotCarried {
    /// Where it is now: `ecs-task/prod: stream_output`.
    pub setting: String,
    /// Why it is not carried, and what to do instead.
    pub reason: String,
}

/// An object of the server as it was when the plan was made. `apply` reads it again and refuses if it is another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// What it is.
    pub kind: SeenKind,
    /// Its id.
    pub id: Uuid,
    /// SHA-256 of its document: see [`fingerprint()`](crate::fingerprint()).
    pub fingerprint: String,
}

/// Kinds of objects that a plan relies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenKind {
    /// `GET /deployments/{id}`
    Deployment,
    /// `GET /block_documents/{id}?include_secrets=false`
    BlockDocument,
    /// `GET /work_pools/{name}`
    WorkPool,
    /// `GET /work_queues/{id}`
    WorkQueue,
}

/// The requests of the old and of the new way, and how they differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// What the old way sends.
    pub old: Requests,
    /// What pushpool sends.
    pub new: Requests,
    /// Every difference, by pointer. Those without a reason are a reason to look.
    pub differences: Vec<Difference>,
}

impl Proof {
    /// Differences that nothing explains.
    pub fn unexplained(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().filter(|difference| difference.reason.is_none())
    }
}

/// The two ECS requests of a run, in AWS's own JSON names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// `RegisterTaskDefinition`; none where an existing definition is run as it is.
    pub register_task_definition: Option<Value>,
    /// `RunTask`.
    pub run_task: Value,
}

/// One place where the requests differ.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// JSON pointer into [`Requests`]: `/run_task/launchType`. Containers, environment variables, secrets and tags are named, not
    /// counted: `/run_task/tags/team`.
    pub pointer: String,
    /// What the old way sends; none if nothing.
    pub old: Option<Value>,
    /// What pushpool sends; none if nothing.
    pub new: Option<Value>,
    /// Why that is expected; none if it is not.
    pub reason: Option<String>,
}
