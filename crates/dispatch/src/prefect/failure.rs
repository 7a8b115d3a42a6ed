//! What a failed call of the Prefect API means for the message that needed it.
//!
//! The server's refusals say nothing about the run, so none of them ends it: a message whose outcome cannot be read or
//! recorded comes back, and if that goes on it ends in the dead-letter queue, where its code says why.

use ecs::failure::Class;
use prefect_api::ApiError;
use work_pool::Diagnosis;

use crate::ports::Failure;

/// The run that cannot be read, though the server answers otherwise.
#[must_use]
pub fn unreadable(error: &ApiError) -> Failure {
    Failure {
        class: Class::Transient,
        diagnosis: Diagnosis {
            code: UNREADABLE_RUN,
            summary: "The flow run cannot be read".to_owned(),
            detail: format!("A page with the run fails, and so does the run alone: {error}."),
            resolution:
                "Look at the server's own log, and at the parameters of the run: a server may be unable to write \
                         what it has stored. Upgrade the server, or delete the run."
                    .to_owned(),
        }
        .bounded(),
    }
}

/// A block or variable that the run refers to cannot be read.
#[must_use]
pub fn unreadable_reference(failure: &Failure) -> Diagnosis {
    let Diagnosis { code, detail, .. } = &failure.diagnosis;
    Diagnosis {
        code: UNREADABLE_REFERENCE,
        summary: "A block or variable that the run refers to cannot be read".to_owned(),
        detail: format!("{detail} ({code})."),
        resolution:
            "Save the block or variable again, or take the reference out of the job variables and the base job \
                     template. Look at the server's own log if it goes on."
                .to_owned(),
    }
    .bounded()
}

/// A claim that was made to hand the run back, by a delivery that could not say so.
#[must_use]
pub fn to_be_handed_back() -> Diagnosis {
    Diagnosis {
        code: UNREADABLE_RUN,
        summary: "The flow run, or what it refers to, could not be read".to_owned(),
        detail: "It was claimed to be handed back, and the dispatcher ended before it was.".to_owned(),
        resolution: "Look at the dispatcher's log for the reason.".to_owned(),
    }
}

/// Whether the run waits for what cannot be read, and not for capacity.
pub(crate) fn is_unreadable(reason: &Diagnosis) -> bool {
    [UNREADABLE_RUN, UNREADABLE_REFERENCE].contains(&reason.code)
}

/// Code of a run that cannot be read.
const UNREADABLE_RUN: &str = "PP0508";

/// Code of a reference that cannot be read.
const UNREADABLE_REFERENCE: &str = "PP0509";

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
