//! Whose rights a function has.

use aws::{Access, LaunchRole};
use installation::variables;

use crate::Settings;

/// The role that tasks are launched, looked at and stopped as, if they run in another account.
#[must_use]
pub fn launch_role(settings: &Settings<'_>) -> Option<LaunchRole> {
    let external_id = settings.get(&variables::LAUNCH_EXTERNAL_ID);
    settings.get(&variables::LAUNCH_ROLE_ARN).map(|arn| LaunchRole { arn, external_id })
}

/// The function's own role, and that of its tasks' account.
#[must_use]
pub fn access(role: Option<LaunchRole>) -> Access {
    Access::launching_as(aws::function_config(), role)
}
