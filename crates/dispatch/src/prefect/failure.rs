//! What a failed call of the Prefect API means for the message that needed it.
//!
//! The server's refusals say nothing about the run, so none of them ends it: a message whose outcome cannot be read or
//! recorded comes back, and if that goes on it ends in the dead-letter queue, where its code says why.

use ecs::failure::Class;
use prefect_api::ApiError;
use work_pool::Diagnosis;

use crate::ports::Failure;

/// Makes a failure of it.
#[must_use]
pub fn of(error: &ApiError) -> Failure {
    let (class, code, summary, resolution) = match error {
        ApiError::Unanswered { .. } => (
            Class::Transient,
            "PP0501",
            "The Prefect server does not answer",
            "It is tried again. If it stays: check PREFECT_API_URL, and the way from the function's subnets to it.",
        ),
        ApiError::Busy { .. } | ApiError::Unsettled { .. } => (
            Class::Transient,
            "PP0502",
            "The Prefect server is busy",
            "It is tried again. If it stays: look at the server's own log and its database.",
        ),
        ApiError::Unauthorised { .. } => (
            Class::Transient,
            "PP0503",
            "The Prefect server does not accept the credentials",
            "Check the secret that the function's API key or auth string comes from. It is read anew, so nothing has to \
             be deployed; then redrive what is in the dead-letter queue.",
        ),
        ApiError::NotFound { .. } | ApiError::Refused { .. } => (
            Class::Bug,
            "PP0504",
            "The Prefect server refuses a request",
            "It is tried again, and ends in the dead-letter queue if it goes on. Is the server of a release that pushpool \
             knows (3.x, 2.20)? If so, please report it with the log line.",
        ),
        _ => (
            Class::Bug,
            "PP0505",
            "An answer of the Prefect server cannot be read",
            "Is PREFECT_API_URL the API (ending in /api), and not the user interface or a proxy's login page?",
        ),
    };
    Failure {
        class,
        diagnosis: Diagnosis {
            code,
            summary: summary.to_owned(),
            detail: error.to_string(),
            resolution: resolution.to_owned(),
        }
        .bounded(),
    }
}
