//! A live server as an estate.
//!
//! Lists are read page by page and side by side; blocks, which the API gives one at a time, a few at once. The client
//! bounds how many requests are under way. Blocks come with their secrets masked: neither a plan nor a journal can hold what
//! was never read.

mod account;
mod blocks;
mod choice;

use manage::Server;
use prefect_api::{
    ApiError, Client, Transport,
    filters::{FlowRunFilter, FlowRunQuery, FlowRunSort},
    models::{Documents, FlowRun, StateType},
};
use serde_json::{Value, json};

use crate::{
    error::UpgradeError,
    estate::{Account, Answers, Estate},
};

pub use self::{
    account::account,
    choice::{choose, for_server, only_their_pools},
};

/// States of runs that an upgrade has to tell about.
const WAITING_OR_RUNNING: [StateType; 5] =
    [StateType::Scheduled, StateType::Pending, StateType::Running, StateType::Paused, StateType::Cancelling];

/// Reads everything that a plan is made from, but for the AWS account.
///
/// # Errors
/// The server does not answer, or with something else than Prefect's API.
pub async fn estate<T: Transport>(server: &Server<T>) -> Result<Estate, UpgradeError> {
    let answers = answers(&server.client).await.map_err(|error| server.told(error))?;
    Ok(Estate::from_answers(answers)?)
}

/// Version of a server. Prefect Cloud has none, and takes what the newest servers take.
pub(crate) async fn version<T: Transport>(client: &Client<T>) -> Result<String, ApiError> {
    match client.server_version().await {
        Err(error) if error.is_not_found() => Ok("unknown".to_owned()),
        version => version,
    }
}

async fn answers<T: Transport>(client: &Client<T>) -> Result<Answers, ApiError> {
    let version = version(client).await?;
    let (flows, deployments, work_pools, work_queues, variables, automations, flow_runs) = tokio::try_join!(
        client.documents(Documents::Flows),
        client.documents(Documents::Deployments),
        client.documents(Documents::WorkPools),
        client.documents(Documents::WorkQueues),
        client.documents(Documents::Variables),
        automations(client),
        flow_runs(client),
    )?;
    let block_documents = blocks::of(client, &deployments, &work_pools).await?;
    let account = Account::default();
    Ok(Answers {
        version,
        flows,
        deployments,
        work_pools,
        work_queues,
        block_documents,
        variables: Some(variables),
        automations,
        flow_runs,
        account,
    })
}

/// The automations; none where the server has no such thing (2.20 without events).
async fn automations<T: Transport>(client: &Client<T>) -> Result<Vec<Value>, ApiError> {
    match client.documents(Documents::Automations).await {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        automations => automations,
    }
}

/// The runs that wait or run, without their parameters, which may be large or unreadable.
async fn flow_runs<T: Transport>(client: &Client<T>) -> Result<Vec<Value>, ApiError> {
    let query =
        FlowRunQuery { flow_runs: Some(FlowRunFilter::of_states(&WAITING_OR_RUNNING)), ..FlowRunQuery::default() };
    let mut runs = Vec::new();
    let mut next = Some(0);
    while let Some(offset) = next {
        let page = client.flow_runs_page(&query, FlowRunSort::IdDesc, offset).await?;
        runs.extend(page.runs.iter().map(run));
        let unread = page.unread.iter().filter_map(|it| Some(json!({"id": it.id, "state_type": it.state_type?})));
        runs.extend(unread);
        next = page.next;
    }
    Ok(runs)
}

fn run(run: &FlowRun) -> Value {
    json!({
        "id": run.id,
        "name": run.name,
        "deployment_id": run.deployment_id,
        "state_type": run.state_type(),
        "auto_scheduled": run.auto_scheduled,
        "work_pool_name": run.work_pool_name,
        "work_queue_name": run.work_queue_name,
    })
}

#[cfg(test)]
mod tests;
