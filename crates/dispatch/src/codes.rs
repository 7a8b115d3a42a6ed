//! The failures that belong to no other module.

use std::time::Duration;

use diagnosis::{Diagnosis, PP0407, PP0409, PP0410, PP0411, PP0412, PP0499, PP0508, PP0509, PP0640};

/// A defect of ours: a panic, or an invariant that does not hold.
#[must_use]
pub fn bug(detail: &str) -> Diagnosis {
    Diagnosis::of(PP0499, detail)
}

/// The function's deadline came before the record was done.
#[must_use]
pub fn out_of_time() -> Diagnosis {
    Diagnosis::of(PP0407, "The record was not done two seconds before the function's deadline.")
}

/// Another delivery of the same message has claimed the run.
#[must_use]
pub fn in_hand(wait: Duration) -> Diagnosis {
    Diagnosis {
        code: PP0411,
        summary: "Another delivery of the message has claimed the run".to_owned(),
        detail: "SQS delivered the message more than once, or an earlier delivery ended without recording an outcome."
            .to_owned(),
        resolution: format!(
            "Nothing: the message comes back in {} s, when the other delivery has ended, and finishes what it left.",
            wait.as_secs()
        ),
    }
}

/// A queue could not be written to.
#[must_use]
pub fn queue_failed(queue: &str, detail: &str) -> Diagnosis {
    Diagnosis { summary: format!("The {queue} did not take a message"), ..Diagnosis::of(PP0409, detail) }
}

/// A schedule could not be made.
#[must_use]
pub fn schedule_failed(detail: &str) -> Diagnosis {
    Diagnosis::of(PP0412, detail)
}

/// What cannot be read has been so for longer than a run waits.
#[must_use]
pub fn never_readable(waited: Duration, last: &Diagnosis) -> Diagnosis {
    Diagnosis { summary: format!("{}: not within {} s", last.summary, waited.as_secs()), ..last.clone() }
}

/// Whether the run waits for what cannot be read, and not for capacity.
pub(crate) fn is_unreadable(reason: &Diagnosis) -> bool {
    [PP0508, PP0509].contains(&reason.code)
}

/// The doorbell cannot tell who may ring.
#[must_use]
pub fn no_token(setting: &str, problem: &str) -> Diagnosis {
    Diagnosis::of(PP0640, format!("{setting}: {problem}."))
}

/// Capacity has been missing for longer than the pool wants to wait.
#[must_use]
pub fn no_capacity(waited: Duration, last: &Diagnosis) -> Diagnosis {
    Diagnosis {
        code: PP0410,
        summary: format!("No capacity for a task within {} s", waited.as_secs()),
        detail: format!("{} ({}): {}", last.summary, last.code, last.detail),
        resolution: last.resolution.clone(),
    }
}
