//! What a failed call of the Prefect API means for the message that needed it.
//!
//! The server's refusals say nothing about the run, so none of them ends it: a message whose outcome cannot be read or
//! recorded comes back, and if that goes on it ends in the dead-letter queue, where its code says why.

use diagnosis::{Diagnosis, PP0501, PP0502, PP0503, PP0504, PP0505, PP0508, PP0509};
use ecs::failure::Class;
use prefect_api::ApiError;

use crate::ports::Failure;

/// The run that cannot be read, though the server answers otherwise.
#[must_use]
pub fn unreadable(error: &ApiError) -> Failure {
    Failure {
        class: Class::Transient,
        diagnosis: Diagnosis::of(PP0508, format!("A page with the run fails, and so does the run alone: {error}."))
            .bounded(),
    }
}

/// A deployment, or a flow, that cannot be read, though the server answers otherwise.
#[must_use]
pub fn unreadable_alone(error: &ApiError) -> Failure {
    let detail = format!("The list with the run's deployment and flow fails, and so do they alone: {error}.");
    Failure { class: Class::Transient, diagnosis: Diagnosis::of(PP0508, detail).bounded() }
}

/// A block or variable that the run refers to cannot be read.
#[must_use]
pub fn unreadable_reference(failure: &Failure) -> Diagnosis {
    let Diagnosis { code, detail, .. } = &failure.diagnosis;
    Diagnosis::of(PP0509, format!("{detail} ({code}).")).bounded()
}

/// A claim that was made to hand the run back, by a delivery that could not say so.
#[must_use]
pub fn to_be_handed_back() -> Diagnosis {
    Diagnosis {
        code: PP0508,
        summary: "The flow run, or what it refers to, could not be read".to_owned(),
        detail: "It was claimed to be handed back, and the dispatcher ended before it was.".to_owned(),
        resolution: "Look at the dispatcher's log for the reason.".to_owned(),
    }
}

/// Makes a failure of it.
#[must_use]
pub fn of(error: &ApiError) -> Failure {
    let (class, code) = match error {
        ApiError::Unanswered { .. } => (Class::Transient, PP0501),
        ApiError::Busy { .. } | ApiError::Unsettled { .. } => (Class::Transient, PP0502),
        ApiError::Unauthorised { .. } => (Class::Transient, PP0503),
        ApiError::NotFound { .. } | ApiError::Refused { .. } => (Class::Bug, PP0504),
        _ => (Class::Bug, PP0505),
    };
    Failure { class, diagnosis: Diagnosis::of(code, error.to_string()).bounded() }
}
