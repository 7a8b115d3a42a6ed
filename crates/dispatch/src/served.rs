//! Which work pools are served: by type, or by name whatever their type.

use prefect_api::{ApiError, Client, Transport, models::WorkPool};
use serde::de::DeserializeOwned;

/// Type of the work pools that are served unasked.
pub const PUSH_POOL: &str = "ecs:push";

/// The work pools that are served, with as much of their templates as the caller wants.
///
/// # Errors
/// [`ApiError`].
pub async fn served_pools<T: Transport, P>(
    client: &Client<T>,
    push_pools: bool,
    named_pools: &[String],
) -> Result<Vec<WorkPool<P>>, ApiError>
where
    WorkPool<P>: DeserializeOwned,
{
    match (push_pools, named_pools) {
        (true, named) => client.pools(&[PUSH_POOL], named).await,
        (false, []) => Ok(Vec::new()),
        (false, named) => client.pools(&[], named).await,
    }
}
