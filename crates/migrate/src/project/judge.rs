//! Deployments of files judged as those of a server.

use std::collections::BTreeMap;

use prefect_api::models::Object;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Project, ProjectError, blocks::Embedded};
use crate::{
    assess,
    estate::{AGENT_POOL, Answers, Estate, WorkPool},
    plan::{PlannedDeployment, PlannedPool},
};

/// A deployment with the blocks that run it.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    pub flow: String,
    pub name: String,
    pub entrypoint: Option<String>,
    pub path: Option<String>,
    pub pool: Option<String>,
    pub queue: Option<String>,
    pub overrides: Object,
    pub infrastructure: Option<Embedded>,
    pub storage: Option<Embedded>,
}

/// What an upgrade of a server would plan, in the order of the subjects.
pub(super) fn judge(
    project: &Project<'_>,
    subjects: &[&Subject],
) -> Result<(Vec<PlannedDeployment>, Vec<PlannedPool>), ProjectError> {
    let estate = estate(project, subjects)?;
    let options = crate::Options { without_queue: true, ..project.options.clone() };
    let plan = assess(&estate, &options);
    let mut planned: BTreeMap<Uuid, PlannedDeployment> =
        plan.deployments.into_iter().map(|deployment| (deployment.id, deployment)).collect();
    let in_order = (0..subjects.len()).filter_map(|index| planned.remove(&id(index))).collect();
    Ok((in_order, plan.pools))
}

fn id(index: usize) -> Uuid {
    Uuid::from_u128(1 + index as u128)
}

/// An estate that holds the subjects only, beside the pools and blocks of the server.
fn estate(project: &Project<'_>, subjects: &[&Subject]) -> Result<Estate, ProjectError> {
    let mut answers = Answers::default();
    for (index, subject) in subjects.iter().enumerate() {
        let flow = Uuid::new_v5(&Uuid::NAMESPACE_OID, subject.flow.as_bytes());
        answers.flows.push(json!({"id": flow, "name": subject.flow}));
        let mut own = |block: Option<&Embedded>| {
            let block = block?;
            let id = server_block(project, block).unwrap_or(block.id);
            answers.block_documents.push(block.document());
            Some(id)
        };
        let (infrastructure, storage) = (own(subject.infrastructure.as_ref()), own(subject.storage.as_ref()));
        answers.deployments.push(json!({
            "id": id(index), "name": subject.name, "flow_id": flow, "entrypoint": subject.entrypoint, "path": subject.path,
            "work_pool_name": subject.pool, "work_queue_name": subject.queue.as_deref().unwrap_or("default"),
            "job_variables": subject.overrides, "infrastructure_document_id": infrastructure, "storage_document_id": storage,
        }));
    }
    let mut estate = Estate::from_answers(answers)?;
    if let Some(server) = project.estate {
        estate.version = server.version.clone();
        estate.account = server.account.clone();
        estate.work_pools = server.work_pools.clone();
        estate.work_queues = server.work_queues.clone();
        estate.blocks.extend(server.blocks.clone());
    } else {
        // Stands in the name of the image that a block without one runs.
        estate.version.0 = "2".to_owned();
    }
    for pool in subjects.iter().filter(|subject| subject.infrastructure.is_some()).filter_map(|it| it.pool.as_ref()) {
        estate.work_pools.entry(pool.clone()).or_insert_with(|| agent_pool(pool));
    }
    Ok(estate)
}

/// The block of the same type and name on the server. `prefect deployment apply` takes that one, and not the copy in the file.
fn server_block(project: &Project<'_>, block: &Embedded) -> Option<Uuid> {
    let name = block.name.as_deref()?;
    super::steps::named(project.estate?, &block.slug, name).map(|block| block.id)
}

/// A pool that no server was asked about. A deployment with an infrastructure block runs on agents.
fn agent_pool(name: &str) -> WorkPool {
    WorkPool {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
        name: name.to_owned(),
        pool_type: AGENT_POOL.to_owned(),
        description: None,
        base_job_template: Value::Null,
        is_paused: false,
        concurrency_limit: None,
        default_queue_id: None,
        fingerprint: String::new(),
    }
}
