//! Work pools that pushpool serves: their templates, how they change, and how they are.
//!
//! Prefect's own command line refuses the type `ecs:push` (prefect 3.8.8, `cli/work_pool.py`: "Unknown work pool type"),
//! while the API takes any type.

pub mod assign;
pub mod cloud;
pub mod create;
pub mod delete;
pub mod list;
pub mod set_variable;
pub mod shown;
mod stand_ins;
pub mod status;
pub mod switch;
pub mod template;

use prefect_api::{Transport, models::WorkPoolCreate};
use serde_json::Value;

use crate::{error::ManageError, plan::Plan, server::Server};

/// The type of work pools that pushpool serves unless the user says otherwise.
pub const PUSH: &str = "ecs:push";

/// A call that changes a work pool.
#[derive(Debug, Clone)]
pub enum Step {
    /// Creates the pool.
    Create(Box<WorkPoolCreate>),
    /// Changes fields of the pool.
    Update {
        /// Name of the pool.
        name: String,
        /// The fields, as the API takes them.
        body: Value,
    },
    /// Deletes the pool and its queues.
    Delete {
        /// Name of the pool.
        name: String,
    },
}

/// Carries out a plan for work pools.
///
/// # Errors
/// The server refuses a change or does not answer.
pub async fn apply<T: Transport>(server: &Server<T>, plan: &Plan<Step>) -> Result<(), ManageError> {
    let carried = plan.apply(async |change| match &change.step {
        Step::Create(pool) => server.client.create_work_pool(pool).await.map(drop),
        Step::Update { name, body } => server.client.update_work_pool(name, body).await.map(drop),
        Step::Delete { name } => server.client.delete_work_pool(name).await.map(drop),
    });
    carried.await.map_err(|error| server.told(error))
}

/// A work pool as the API returns it, with fields that this program does not know.
///
/// # Errors
/// There is no such pool, or the server does not answer.
pub async fn document<T: Transport>(server: &Server<T>, name: &str) -> Result<Value, ManageError> {
    match server.client.work_pool_document(name).await {
        Err(error) if error.is_not_found() => Err(server.no_such_pool(name).await),
        answer => answer.map_err(|error| server.told(error)),
    }
}

/// `work pool "etl"`.
fn object(name: &str) -> String {
    format!("work pool \"{name}\"")
}
