//! A deployment that had no work pool, and was given one.
//!
//! 2.20 and the first releases of 3 take no pool for "leave it as it is" (2.20.26 by POST and PATCH; 3.8.8 and 3.9.1 take it
//! away). But they take a queue away from its deployments when it is deleted (seen on 2.20.26). So the deployment goes to
//! a queue of its own, and the queue goes.

use manage::Server;
use prefect_api::{
    ApiError, Transport,
    models::{Object as Document, WorkQueueCreate},
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{error::UpgradeError, journal::Object};

/// The pool that a deployment is in and was not; none if it is where it was.
pub(super) fn pool<'a>(before: &Document, found: &'a Document) -> Option<&'a str> {
    let had_none = before.get("work_pool_name").is_none_or(Value::is_null);
    found.get("work_pool_name")?.as_str().filter(|_| had_none)
}

/// Takes a deployment out of its pool. Its queue's name stays, and is for the next write to clear.
pub(super) async fn take_out<T: Transport>(
    server: &Server<T>,
    object: &Object,
    pool: &str,
) -> Result<(), UpgradeError> {
    let Object::Deployment { id, .. } = object else { return Ok(()) };
    leave(server, *id, pool).await.map_err(|error| server.told(error).into())
}

async fn leave<T: Transport>(server: &Server<T>, id: Uuid, pool: &str) -> Result<(), ApiError> {
    let name = format!("pushpool-rollback-{id}");
    let queue = WorkQueueCreate {
        name: name.clone(),
        description: None,
        is_paused: true,
        concurrency_limit: None,
        priority: None,
    };
    // An earlier rollback may have been interrupted here.
    match server.client.create_work_queue(pool, &queue).await {
        Err(error) if !error.is_conflict() => return Err(error),
        _ => {}
    }
    let there: Document =
        [("work_pool_name".to_owned(), json!(pool)), ("work_queue_name".to_owned(), json!(name))].into_iter().collect();
    server.client.patch_deployment(id, &there).await?;
    server.client.delete_work_queue(pool, &name).await
}
