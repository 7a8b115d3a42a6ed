//! The codes of this crate, and the failures that belong to no other module.

use std::time::Duration;

use work_pool::Diagnosis;

/// Every code of this crate with its title; `docs/errors.md` has an entry for each.
pub const CODES: [(&str, &str); 56] = [
    ("PP0401", "The message body is not a JSON object"),
    ("PP0402", "The message version is not known"),
    ("PP0403", "A field of the message is missing, unknown or of the wrong kind"),
    ("PP0404", "There is no such work pool"),
    ("PP0405", "The pool document cannot be used"),
    ("PP0406", "The pool document could not be read"),
    ("PP0407", "The function ran out of time"),
    ("PP0408", "The message carries no run"),
    ("PP0409", "A queue did not take a message"),
    ("PP0410", "No capacity for a task in time"),
    ("PP0411", "Another delivery of the message has claimed the run"),
    ("PP0412", "EventBridge Scheduler did not make a schedule"),
    ("PP0499", "An error in pushpool"),
    ("PP0501", "The Prefect server does not answer"),
    ("PP0502", "The Prefect server is busy"),
    ("PP0503", "The Prefect server does not accept the credentials"),
    ("PP0504", "The Prefect server refuses a request"),
    ("PP0505", "An answer of the Prefect server cannot be read"),
    ("PP0506", "The work pool of the run does not exist"),
    ("PP0507", "The deployment of the run does not exist"),
    ("PP0508", "The flow run cannot be read"),
    ("PP0509", "A block or variable that the run refers to cannot be read"),
    ("PP0510", "The run's concurrency slot was lost before its task was launched"),
    ("PP0601", "The task did not start"),
    ("PP0602", "There was no room for the task"),
    ("PP0603", "The task's network or its start-up did not come in time"),
    ("PP0604", "The registry did not give the image in time"),
    ("PP0605", "ECS failed to start the task"),
    ("PP0606", "The task did not start in time"),
    ("PP0607", "The run was claimed and no task was launched"),
    ("PP0608", "The cluster of the run's task is not known"),
    ("PP0609", "A volume of the task was not mounted in time"),
    ("PP0610", "The image cannot be pulled"),
    ("PP0611", "A secret or parameter of the task cannot be read"),
    ("PP0612", "The container's log cannot be set up"),
    ("PP0613", "The container cannot be started"),
    ("PP0614", "A role of the task cannot be used"),
    ("PP0615", "No task started in time"),
    ("PP0616", "The image may not be pulled"),
    ("PP0617", "The image is not built for the task's platform"),
    ("PP0618", "The image does not fit on the task's disk"),
    ("PP0619", "A volume of the task cannot be mounted"),
    ("PP0620", "AWS took back what the task ran on"),
    ("PP0621", "The run was interrupted too often"),
    ("PP0622", "The task was stopped by somebody"),
    ("PP0623", "The container ran out of memory"),
    ("PP0624", "The container ended without starting the flow run"),
    ("PP0625", "The container failed"),
    ("PP0626", "The container ended without reporting"),
    ("PP0627", "ECS does not say how the container ended"),
    ("PP0628", "The task is gone"),
    ("PP0629", "The execution role may not do what the task's start needs"),
    ("PP0630", "The body is neither an ECS event nor a check"),
    ("PP0631", "An event is of another account than its task"),
    ("PP0632", "Another container ended first"),
    ("PP0640", "The doorbell has no usable token"),
];

/// A defect of ours: a panic, or an invariant that does not hold.
#[must_use]
pub fn bug(detail: &str) -> Diagnosis {
    Diagnosis {
        code: "PP0499",
        summary: "An error in pushpool".to_owned(),
        detail: detail.to_owned(),
        resolution: "The message is delivered again, and ends in the dead-letter queue if it goes on. \
                     Please report it with the log line."
            .to_owned(),
    }
}

/// The function's deadline came before the record was done.
#[must_use]
pub fn out_of_time() -> Diagnosis {
    Diagnosis {
        code: "PP0407",
        summary: "The function ran out of time".to_owned(),
        detail: "The record was not done two seconds before the function's deadline.".to_owned(),
        resolution: "It is delivered again, and whatever was started is adopted. If it goes on: raise the timeout, \
                     or lower the batch size."
            .to_owned(),
    }
}

/// Another delivery of the same message has claimed the run.
#[must_use]
pub fn in_hand(wait: Duration) -> Diagnosis {
    Diagnosis {
        code: "PP0411",
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
    Diagnosis {
        code: "PP0409",
        summary: format!("The {queue} did not take a message"),
        detail: detail.to_owned(),
        resolution: "It is tried again. If it stays: check the queue's URL and the function's permission to send."
            .to_owned(),
    }
}

/// A schedule could not be made.
#[must_use]
pub fn schedule_failed(detail: &str) -> Diagnosis {
    Diagnosis {
        code: "PP0412",
        summary: "EventBridge Scheduler did not make a schedule".to_owned(),
        detail: detail.to_owned(),
        resolution:
            "The message is delivered again. If it goes on: check that the schedule group exists, and that the \
                     dispatcher may call scheduler:CreateSchedule in it and pass the schedules' role."
                .to_owned(),
    }
}

/// What cannot be read has been so for longer than a run waits.
#[must_use]
pub fn never_readable(waited: Duration, last: &Diagnosis) -> Diagnosis {
    Diagnosis { summary: format!("{}: not within {} s", last.summary, waited.as_secs()), ..last.clone() }
}

/// The doorbell cannot tell who may ring.
#[must_use]
pub fn no_token(setting: &str, problem: &str) -> Diagnosis {
    Diagnosis {
        code: "PP0640",
        summary: "The doorbell has no usable token".to_owned(),
        detail: format!("{setting}: {problem}."),
        resolution:
            "Put a random text of at least 16 characters there, for instance of `openssl rand -hex 24`, and give \
                     the same to `pushpool doorbell install`."
                .to_owned(),
    }
}

/// Capacity has been missing for longer than the pool wants to wait.
#[must_use]
pub fn no_capacity(waited: Duration, last: &Diagnosis) -> Diagnosis {
    Diagnosis {
        code: "PP0410",
        summary: format!("No capacity for a task within {} s", waited.as_secs()),
        detail: format!("{} ({}): {}", last.summary, last.code, last.detail),
        resolution: last.resolution.clone(),
    }
}
