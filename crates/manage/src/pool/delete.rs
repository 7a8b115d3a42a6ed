//! The end of a pool, and what depends on it.

use prefect_api::{
    Transport,
    filters::{DeploymentQuery, FlowRunFilter, FlowRunQuery, WorkPoolFilter},
    models::StateType,
};

use super::{Step, object};
use crate::{
    error::ManageError,
    plan::{Kind, Plan},
    server::Server,
};

/// What depends on a pool. None of it goes with the pool, and no run of it starts afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependents {
    /// Runs in a state of type SCHEDULED.
    pub scheduled: u64,
    /// Runs in a state of type PENDING or RUNNING; they go on.
    pub active: u64,
    /// Deployments.
    pub deployments: u64,
}

/// Plans to delete a pool with its queues, and counts what depends on it.
///
/// # Errors
/// There is no such pool, or the server does not answer.
pub async fn plan<T: Transport>(server: &Server<T>, name: &str) -> Result<(Plan<Step>, Dependents), ManageError> {
    let pool = server.pool(name).await?;
    let of_pool = || Some(WorkPoolFilter::named([&pool.name]));
    let runs = |types: &'static [StateType]| FlowRunQuery {
        work_pools: of_pool(),
        flow_runs: Some(FlowRunFilter::of_states(types)),
        ..FlowRunQuery::default()
    };
    let (scheduled, active) = (runs(&[StateType::Scheduled]), runs(&[StateType::Pending, StateType::Running]));
    let deployments = DeploymentQuery { work_pools: of_pool(), ..DeploymentQuery::default() };
    let counts = tokio::try_join!(
        server.client.count_flow_runs(&scheduled),
        server.client.count_flow_runs(&active),
        server.client.count_deployments(&deployments),
    );
    let (scheduled, active, deployments) = counts.map_err(|error| server.told(error))?;
    let object = object(&pool.name);
    let plan = Plan::new(&object).with(Kind::Delete, object, Vec::new(), Step::Delete { name: pool.name });
    Ok((plan, Dependents { scheduled, active, deployments }))
}
