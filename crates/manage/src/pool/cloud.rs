//! Prefect Cloud submits the runs of push pools itself.

use prefect_api::is_cloud;

use super::PUSH;
use crate::error::ManageError;

/// Refuses a push pool on Prefect Cloud: Cloud submits its runs itself, and would compete with pushpool for each.
///
/// # Errors
/// The server is Prefect Cloud, and the type is `ecs:push`.
pub fn refuse_push(api_url: &str, pool_type: &str) -> Result<(), ManageError> {
    if pool_type != PUSH || !is_cloud(api_url) {
        return Ok(());
    }
    Err(ManageError::Explained {
        summary: format!("Prefect Cloud submits the runs of {PUSH} work pools itself"),
        detail: "pushpool would compete with it for each run.".to_owned(),
        help: "Create the pool with `pushpool pool create NAME --type ecs`, and name it in `prefect.pools` of the Terraform \
               module (PUSHPOOL_POOLS of the functions), with push_pools = false."
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::refuse_push;

    #[test]
    fn only_a_push_pool_on_prefect_cloud_is_refused() {
        let cloud = "https://api.prefect.cloud/api/accounts/a/workspaces/w";
        assert!(refuse_push(cloud, "ecs:push").is_err());
        assert!(refuse_push(cloud, "ecs").is_ok());
        assert!(refuse_push("http://127.0.0.1:4200/api", "ecs:push").is_ok());
    }
}
