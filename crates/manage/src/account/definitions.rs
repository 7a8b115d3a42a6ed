//! Task definitions, whole.

use aws::{SdkConfig, call::Rpc};
use serde_json::{Value, json};

use super::trouble::Trouble;

/// What ECS answers about a definition that it does not have.
const UNKNOWN: [&str; 1] = ["ClientException"];

/// The task definition of an ARN, a family, or `family:revision`; none if there is none.
///
/// # Errors
/// [`Trouble`].
pub async fn task_definition(config: &SdkConfig, name: &str) -> Result<Option<Value>, Trouble> {
    let answer = Rpc::describe_task_definition(config).call(&json!({"taskDefinition": name})).await;
    match answer.map_err(|error| Trouble::of_call("ecs:DescribeTaskDefinition", error)) {
        Ok(answer) => Ok(answer.get("taskDefinition").cloned()),
        Err(trouble) if trouble.is(&UNKNOWN) => Ok(None),
        Err(trouble) => Err(trouble),
    }
}
