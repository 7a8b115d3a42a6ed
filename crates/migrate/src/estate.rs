//! What a server holds of the old ways of running flows, as data.
//!
//! An [`Estate`] is read once and judged without any further call. It is made from the API's own answers
//! ([`Answers`]), so a live server, a recording of one, and a test give the same estate.
//!
//! Blocks come **with their secrets masked** (`include_secrets=false`): a plan refers to secrets and never needs one. What
//! the server masks and what a block keeps in plain text differ (`env` of an ECSTask and `settings` of a RemoteFileSystem
//! are not masked), so the mapping decides for itself which values it may copy.

use std::collections::{BTreeMap, BTreeSet};

use prefect_api::models::{DeploymentDocument, Object};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;

use crate::fingerprint::fingerprint;

/// Type of the work pools that agents serve.
pub const AGENT_POOL: &str = "prefect-agent";

/// Type of the work pools that pushpool serves.
pub const PUSH_POOL: &str = "ecs:push";

/// Documents as the API returns them. Each list holds every page.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// `GET /admin/version`
    pub version: String,
    /// `POST /flows/filter`
    pub flows: Vec<Value>,
    /// `POST /deployments/filter`
    pub deployments: Vec<Value>,
    /// `POST /work_pools/filter`
    pub work_pools: Vec<Value>,
    /// `POST /work_queues/filter`, which has the queues of all pools; only there does a queue have its tag `filter`.
    pub work_queues: Vec<Value>,
    /// `GET /block_documents/{id}?include_secrets=false` for every id in `infrastructure_document_id` and
    /// `storage_document_id` of a deployment, for every block that job variables, pull steps and base job templates refer
    /// to, and for every block those refer to.
    pub block_documents: Vec<Value>,
    /// `POST /variables/filter`; none where the server was not asked, and nothing is told to be missing.
    pub variables: Option<Vec<Value>>,
    /// `POST /automations/filter`; none where the server has no automations.
    pub automations: Vec<Value>,
    /// `POST /flow_runs/filter` for the states SCHEDULED, PENDING, RUNNING, PAUSED and CANCELLING.
    pub flow_runs: Vec<Value>,
    /// What the AWS account says; empty where it was not asked.
    pub account: Account,
}

/// What an AWS account says about the names that blocks hold. A plan can be made without: it then says what it could not see.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// The region that was asked.
    pub region: Option<String>,
    /// `DescribeTaskDefinition` for each of [`Estate::named_task_definitions`]: the member `taskDefinition`. A block that changes
    /// a definition which is not here is refused.
    pub task_definitions: BTreeMap<String, Value>,
    /// Id of the default VPC.
    pub default_vpc: Option<String>,
    /// `DescribeSubnets` for the default VPC and each of [`Estate::named_vpcs`]: the ids of its subnets.
    pub subnets: BTreeMap<String, Vec<String>>,
}

impl Account {
    /// Subnets of a VPC, or of the default one.
    #[must_use]
    pub fn subnets_of(&self, vpc: Option<&str>) -> Option<&[String]> {
        let vpc = vpc.or(self.default_vpc.as_deref())?;
        self.subnets.get(vpc).map(Vec::as_slice).filter(|subnets| !subnets.is_empty())
    }
}

/// A document that is not what the API of Prefect returns.
#[derive(Debug, thiserror::Error)]
#[error("{what} number {index} of the server's answer cannot be read")]
pub struct EstateError {
    /// `deployment`, `block document` and so on.
    pub what: &'static str,
    /// From 1, in the order of the answer.
    pub index: usize,
    /// Why.
    pub source: serde_json::Error,
}

/// Everything the assessment knows.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// Version of the server.
    pub version: ServerVersion,
    /// Names of the flows.
    pub flows: BTreeMap<Uuid, String>,
    /// The deployments, in the order of the answer.
    pub deployments: Vec<Deployment>,
    /// The work pools by name.
    pub work_pools: BTreeMap<String, WorkPool>,
    /// The queues of all pools.
    pub work_queues: Vec<WorkQueue>,
    /// The block documents.
    pub blocks: BTreeMap<Uuid, Block>,
    /// Values of the Prefect variables by name. A server of 2.x has text only. None where the server was not asked.
    pub variables: Option<BTreeMap<String, Value>>,
    /// The automations.
    pub automations: Vec<Automation>,
    /// Runs that wait or run.
    pub flow_runs: Vec<FlowRun>,
    /// What the AWS account says.
    pub account: Account,
}

/// Version of a server: `2.20.26`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerVersion(pub String);

impl ServerVersion {
    /// Whether a PATCH of a deployment takes pull steps. Servers before 3 refuse them (422), and want the whole deployment.
    #[must_use]
    pub fn patches_pull_steps(&self) -> bool {
        self.0.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_none_or(|major| major >= 3)
    }
}

/// A deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// As the server returns it, for what is written back whole.
    pub document: Object,
    /// As it is read.
    pub view: DeploymentDocument,
    /// [`fingerprint`](crate::fingerprint()) of its document.
    pub fingerprint: String,
}

/// A work pool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WorkPool {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub pool_type: String,
    /// What its owner wrote about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Its base job template.
    #[serde(default)]
    pub base_job_template: Value,
    /// Whether it gives out no runs.
    #[serde(default)]
    pub is_paused: bool,
    /// How many of its runs may be PENDING or RUNNING at once.
    #[serde(default)]
    pub concurrency_limit: Option<u32>,
    /// Its queue for deployments that name none.
    #[serde(default)]
    pub default_queue_id: Option<Uuid>,
    /// [`fingerprint`](crate::fingerprint()) of its document.
    #[serde(skip)]
    pub fingerprint: String,
}

/// A work queue.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct WorkQueue {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its work pool.
    #[serde(default)]
    pub work_pool_name: Option<String>,
    /// What its owner wrote about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it gives out no runs.
    #[serde(default)]
    pub is_paused: bool,
    /// How many of its runs may be PENDING or RUNNING at once.
    #[serde(default)]
    pub concurrency_limit: Option<u32>,
    /// 1 comes first.
    #[serde(default)]
    pub priority: Option<u32>,
    /// Tags and deployments by which a queue without a pool chose its runs (2.x).
    #[serde(default)]
    pub filter: Option<Value>,
    /// [`fingerprint`](crate::fingerprint()) of its document.
    #[serde(skip)]
    pub fingerprint: String,
}

/// A block document.
#[derive(Clone, PartialEq, Deserialize)]
pub struct Block {
    /// Its id.
    pub id: Uuid,
    /// Its name; an anonymous block has none that lasts.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it belongs to one deployment and cannot be named.
    #[serde(default)]
    pub is_anonymous: bool,
    /// Its type.
    pub block_type: BlockType,
    /// Its fields, secrets masked, blocks that it refers to put in.
    #[serde(default)]
    pub data: Object,
    /// The blocks it refers to, by field.
    #[serde(default)]
    pub block_document_references: BTreeMap<String, BlockReference>,
    /// [`fingerprint`](crate::fingerprint()) of its document.
    #[serde(skip)]
    pub fingerprint: String,
}

/// Data may be secret.
impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Block")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("block_type", &self.block_type.slug)
            .finish_non_exhaustive()
    }
}

impl Block {
    /// How people call it: `ecs-task/prod`.
    #[must_use]
    pub fn label(&self) -> String {
        match self.usable_name() {
            Some(name) => format!("{}/{name}", self.block_type.slug),
            None => format!("{}/(anonymous {})", self.block_type.slug, self.id),
        }
    }

    /// Its name, if it is one by which a placeholder may refer to the block.
    #[must_use]
    pub fn usable_name(&self) -> Option<&str> {
        self.name.as_deref().filter(|name| !self.is_anonymous && !name.starts_with("anonymous"))
    }

    /// The block that a field refers to.
    #[must_use]
    pub fn reference(&self, field: &str) -> Option<&ReferencedBlock> {
        self.block_document_references.get(field).map(|reference| &reference.block_document)
    }
}

/// A type of blocks.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BlockType {
    /// Its slug: `ecs-task`.
    pub slug: String,
}

/// What stands at a field of a block that refers to another block.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct BlockReference {
    /// The block.
    pub block_document: ReferencedBlock,
}

/// A block that another one refers to.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReferencedBlock {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Whether it cannot be named.
    #[serde(default)]
    pub is_anonymous: bool,
    /// Its type.
    pub block_type: BlockType,
}

/// An automation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Automation {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub actions: Vec<Value>,
    /// When it acts.
    #[serde(default)]
    pub trigger: Value,
}

/// A run that waits or runs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct FlowRun {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// Its deployment.
    #[serde(default)]
    pub deployment_id: Option<Uuid>,
    /// SCHEDULED, PENDING, RUNNING, …
    pub state_type: String,
    /// Whether a schedule made it. The server makes those anew when the deployment changes.
    #[serde(default)]
    pub auto_scheduled: bool,
    /// Its pool.
    #[serde(default)]
    pub work_pool_name: Option<String>,
    /// Its queue.
    #[serde(default)]
    pub work_queue_name: Option<String>,
}

#[derive(Deserialize)]
struct Flow {
    id: Uuid,
    name: String,
}

#[derive(Deserialize)]
struct Variable {
    name: String,
    #[serde(default)]
    value: Value,
}

impl Estate {
    /// Reads the answers of a server.
    ///
    /// # Errors
    /// A document is not one of its kind.
    pub fn from_answers(answers: Answers) -> Result<Self, EstateError> {
        let flows: Vec<Flow> = read("flow", answers.flows)?;
        let variables: Option<Vec<Variable>> =
            answers.variables.map(|variables| read("variable", variables)).transpose()?;
        let work_pools = printed("work pool", answers.work_pools, |pool: &mut WorkPool| &mut pool.fingerprint)?;
        let blocks = printed("block document", answers.block_documents, |block: &mut Block| &mut block.fingerprint)?;
        let views: Vec<DeploymentDocument> = read("deployment", answers.deployments.clone())?;
        let deployment = |(document, view)| {
            let fingerprint = fingerprint(&document);
            // A view was read of it, which only an object gives.
            let document = if let Value::Object(document) = document { document } else { Object::new() };
            Deployment { document, view, fingerprint }
        };
        Ok(Self {
            version: ServerVersion(answers.version),
            flows: flows.into_iter().map(|flow| (flow.id, flow.name)).collect(),
            deployments: answers.deployments.into_iter().zip(views).map(deployment).collect(),
            work_pools: work_pools.into_iter().map(|pool| (pool.name.clone(), pool)).collect(),
            work_queues: printed("work queue", answers.work_queues, |queue: &mut WorkQueue| &mut queue.fingerprint)?,
            blocks: blocks.into_iter().map(|block| (block.id, block)).collect(),
            variables: variables.map(|all| all.into_iter().map(|it| (it.name, it.value)).collect()),
            automations: read("automation", answers.automations)?,
            flow_runs: read("flow run", answers.flow_runs)?,
            account: answers.account,
        })
    }

    /// Name of a deployment as people write it: `flow/deployment`.
    #[must_use]
    pub fn full_name(&self, deployment: &Deployment) -> String {
        let flow = self.flows.get(&deployment.view.flow_id).map_or("?", String::as_str);
        format!("{flow}/{}", deployment.view.name)
    }

    /// ARNs and families of task definitions that blocks name.
    #[must_use]
    pub fn named_task_definitions(&self) -> BTreeSet<String> {
        self.named("task_definition_arn")
    }

    /// Ids of VPCs that blocks name.
    #[must_use]
    pub fn named_vpcs(&self) -> BTreeSet<String> {
        self.named("vpc_id")
    }

    /// What blocks, and overrides of deployments, say in a field.
    fn named(&self, field: &str) -> BTreeSet<String> {
        let blocks = self.blocks.values().filter_map(|block| block.data.get(field));
        let overrides = self.deployments.iter().filter_map(|it| it.view.job_variables.as_ref()?.get(field));
        blocks.chain(overrides).filter_map(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

fn read<T: DeserializeOwned>(what: &'static str, documents: Vec<Value>) -> Result<Vec<T>, EstateError> {
    let read = |(index, document)| {
        serde_json::from_value(document).map_err(|source| EstateError { what, index: index + 1, source })
    };
    documents.into_iter().enumerate().map(read).collect()
}

/// Reads documents and their fingerprints.
fn printed<T: DeserializeOwned>(
    what: &'static str,
    documents: Vec<Value>,
    place: impl Fn(&mut T) -> &mut String,
) -> Result<Vec<T>, EstateError> {
    let fingerprints: Vec<String> = documents.iter().map(fingerprint).collect();
    let mut read = read(what, documents)?;
    for (item, fingerprint) in read.iter_mut().zip(fingerprints) {
        *place(item) = fingerprint;
    }
    Ok(read)
}
