//! A pool that is paused gives out no runs; a resumed pool gives out those that wait.

use prefect_api::Transport;
use serde_json::json;

use super::{Step, object};
use crate::{
    error::ManageError,
    plan::{Field, Kind, Plan},
    server::Server,
};

/// Plans to pause or to resume a pool. The plan is empty if the pool is so already.
///
/// # Errors
/// There is no such pool, or the server does not answer.
pub async fn plan<T: Transport>(server: &Server<T>, name: &str, paused: bool) -> Result<Plan<Step>, ManageError> {
    let pool = server.pool(name).await?;
    let object = object(&pool.name);
    let plan = Plan::new(&object);
    if pool.is_paused == paused {
        return Ok(plan);
    }
    let text = |paused: bool| Some(if paused { "yes" } else { "no" }.to_owned());
    let fields = vec![Field::changed("paused", text(!paused), text(paused))];
    let step = Step::Update { name: pool.name, body: json!({"is_paused": paused}) };
    Ok(plan.with(Kind::Update, object, fields, step))
}
