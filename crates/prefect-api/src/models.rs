//! What the API returns and takes, as far as pushpool reads and writes it. Each model stands in the module of its
//! resource, with the calls.
//!
//! Fields and types: the OpenAPI schema of prefect 3.8.8, with what 2.20.26 does differently said at the field. Unknown
//! fields are ignored in answers; requests hold only what the server knows, because it refuses unknown ones (422).

use serde_json::{Map, Value};

pub use crate::{
    automations::{Automation, AutomationSpec},
    blocks::{BlockDocument, BlockSchema, BlockType, NamedBlock},
    bulk::AutomationDocument,
    concurrency::ConcurrencyLimit,
    deployments::{
        CollisionStrategy, ConcurrencyOptions, Deployment, DeploymentCreate, DeploymentDocument, DeploymentFields,
    },
    documents::Documents,
    events::Event,
    flow_runs::{FlowRun, ScheduledFlowRun},
    flows::Flow,
    logs::{LogLine, WrittenLine, level},
    patch::Patch,
    pools::{ListedPool, WorkPool, WorkPoolCreate, Worker},
    queues::{WorkQueue, WorkQueueCreate, WorkQueueFields},
    schedules::{Schedule, ScheduleSpec, Timing},
    states::{Orchestrated, Proposal, State, StateDetails, StateType, Verdict, VerdictDetails},
};

/// A JSON object, in the order its keys were written.
pub type Object = Map<String, Value>;
