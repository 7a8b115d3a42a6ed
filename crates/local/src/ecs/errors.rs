//! The errors ECS answers with. Names are the service model's; where a message has been seen from AWS, it is AWS's,
//! because clients (and people searching the web) go by it.

use ::ecs::rules::Refusal;

use crate::wire::AwsError;

/// The first refusal, as ECS answers it.
pub(super) fn refused(refusals: impl IntoIterator<Item = Refusal>) -> Result<(), AwsError> {
    match refusals.into_iter().next() {
        None => Ok(()),
        Some(refusal) => Err(AwsError::new(refusal.exception, refusal.answer)),
    }
}

/// A parameter is not valid.
pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterException", message)
}

/// "Usually caused by a client action" (service model): what RegisterTaskDefinition answers to bad definitions.
pub(super) fn client(message: impl Into<String>) -> AwsError {
    AwsError::new("ClientException", message)
}

/// The cluster is not known.
pub(super) fn cluster_not_found() -> AwsError {
    AwsError::new("ClusterNotFoundException", "Cluster not found.")
}

/// A token bucket is empty. Common error of AWS services; not in the model.
pub(super) fn throttled() -> AwsError {
    AwsError::new("ThrottlingException", "Rate exceeded")
}

/// The client token belongs to another request.
pub(super) fn conflict(task_arns: Vec<String>) -> AwsError {
    AwsError::new(
        "ConflictException",
        "The request could not be processed due to conflicts. The provided clientToken is already in use with a \
         different RunTask request.",
    )
    .with("resourceIds", task_arns)
}
