//! Scheduled runs that a server made for the place where a deployment was.
//!
//! When a deployment changes, the server deletes the runs that its schedules made for the future, and its scheduler makes
//! them anew. The scheduler may be at work meanwhile with the deployment as it was, and add runs to the old queue after the
//! others are gone (seen on 2.20.26). They would stay there: an agent would start a run that is none of its own any more,
//! or pushpool one of a deployment that was taken back. Any other change makes the server begin again.

use std::collections::BTreeMap;

use manage::Server;
use prefect_api::{
    ApiError, Client, Transport,
    filters::{FlowRunFilter, FlowRunQuery, FlowRunSort},
    models::{FlowRun, Object as Document, StateType},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    error::UpgradeError,
    journal::{Journal, Object, Stage},
};

/// Where queues without a pool are kept.
const DEFAULT_POOL: &str = "default-agent-pool";

/// Has the server make the scheduled runs of a journal's deployments anew where some wait elsewhere. Returns a sentence
/// for each deployment of which some stay there, because they are due.
///
/// # Errors
/// The server does not answer.
pub async fn gather<T: Transport>(server: &Server<T>, journal: &Journal) -> Result<Vec<String>, UpgradeError> {
    let settled = |stage| matches!(stage, Stage::Written | Stage::Restored);
    let records = journal.records().iter().filter(|record| settled(record.stage));
    let deployments: BTreeMap<Uuid, &str> = records
        .filter_map(|record| match &record.object {
            Object::Deployment { id, name } => Some((*id, name.as_str())),
            Object::WorkPool { .. } | Object::WorkQueue { .. } => None,
        })
        .collect();
    again(&server.client, &deployments).await.map_err(|error| server.told(error).into())
}

async fn again<T: Transport>(client: &Client<T>, deployments: &BTreeMap<Uuid, &str>) -> Result<Vec<String>, ApiError> {
    let astray = astray(client, deployments).await?;
    if astray.is_empty() {
        return Ok(Vec::new());
    }
    for document in astray.values().map(|(document, _)| document) {
        let Some(id) = document.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok()) else { continue };
        let same: Document = document.get("tags").map(|tags| ("tags".to_owned(), tags.clone())).into_iter().collect();
        client.patch_deployment(id, &same).await?;
    }
    let left = self::astray(client, deployments).await?;
    let told = |(id, (_, runs)): (Uuid, (Document, Vec<FlowRun>))| {
        let names: Vec<&str> = runs.iter().filter_map(|run| run.name.as_deref()).collect();
        let queue = runs.first().map(|run| {
            let [pool, queue] = [&run.work_pool_name, &run.work_queue_name].map(|it| it.as_deref().unwrap_or("-"));
            format!("{pool}/{queue}")
        });
        format!(
            "scheduled runs of {} wait in {}, where it was: {}. Cancel them, or let what serves that queue start them",
            deployments.get(&id).copied().unwrap_or_default(),
            queue.unwrap_or_default(),
            names.join(", ")
        )
    };
    Ok(left.into_iter().map(told).collect())
}

/// Deployments with scheduled runs in another queue than their own, and those runs.
async fn astray<T: Transport>(
    client: &Client<T>,
    deployments: &BTreeMap<Uuid, &str>,
) -> Result<BTreeMap<Uuid, (Document, Vec<FlowRun>)>, ApiError> {
    let query =
        FlowRunQuery { flow_runs: Some(FlowRunFilter::of_states(&[StateType::Scheduled])), ..FlowRunQuery::default() };
    let mut by_deployment: BTreeMap<Uuid, Vec<FlowRun>> = BTreeMap::new();
    let mut next = Some(0);
    while let Some(offset) = next {
        let page = client.flow_runs_page(&query, FlowRunSort::IdDesc, offset).await?;
        for run in page.runs.into_iter().filter(|run| run.auto_scheduled) {
            if let Some(id) = run.deployment_id.filter(|id| deployments.contains_key(id)) {
                by_deployment.entry(id).or_default().push(run);
            }
        }
        next = page.next;
    }
    let mut found = BTreeMap::new();
    for (id, mut runs) in by_deployment {
        let Some(document) = client.deployment_document(id).await? else { continue };
        runs.retain(|run| !is_at_home(run, &document));
        if !runs.is_empty() {
            found.insert(id, (document, runs));
        }
    }
    Ok(found)
}

fn is_at_home(run: &FlowRun, deployment: &Document) -> bool {
    let text = |member: &str| deployment.get(member).and_then(Value::as_str);
    let pool = text("work_pool_name").unwrap_or(DEFAULT_POOL);
    // A deployment may name no queue, and its runs are in the default one.
    run.work_pool_name.as_deref().is_none_or(|it| it == pool)
        && text("work_queue_name").is_none_or(|queue| run.work_queue_name.as_deref().is_none_or(|it| it == queue))
}
