//! Whose rights a function has.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `PUSHPOOL_LAUNCH_ROLE_ARN` | role that tasks are launched, looked at and stopped as, for tasks in another account; the function's own role otherwise |
//! | `PUSHPOOL_LAUNCH_EXTERNAL_ID` | external id that this role's trust policy asks for |

use aws::{Access, LaunchRole};

/// The function's own role, and that of its tasks' account.
#[must_use]
pub fn access() -> Access {
    let get = |name: &str| std::env::var(name).ok().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty());
    let role =
        get("PUSHPOOL_LAUNCH_ROLE_ARN").map(|arn| LaunchRole { arn, external_id: get("PUSHPOOL_LAUNCH_EXTERNAL_ID") });
    Access::launching_as(aws::function_config(), role)
}
