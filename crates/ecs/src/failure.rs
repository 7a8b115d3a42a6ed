//! What an answer of AWS means for the run, in one table.
//!
//! The class decides what becomes of run and message (design: the launch protocol), so the question behind every row is
//! twofold: is it certain that there is no task, and would the same request fare better later?
//!
//! * *Throttled* and *Capacity*: certainly no task, and later may be better. The run is handed back, which is bounded.
//! * *Rejected*: certainly no task, and never one from this request. The run crashes with AWS's words.
//! * *Transient*: not certain. The message comes back and the same `clientToken` finds out.
//!
//! AWS words the same thing in several ways. Throttles arrive as `ThrottlingException`, but also as an
//! `InvalidParameterException` that ends with EC2's own code, because ECS looks up subnets and security groups first;
//! missing capacity arrives as an exception or as a `failures[]` entry of a 200. The rows are therefore tried in order and
//! look at the exception's name, at EC2's code, at the words ([`Words`]), or at several of them; the specific ones stand
//! first. `events/answers/run-task.json` holds an answer for each, with where it was reported.
//!
//! What no row names: a 4xx is permanent, because AWS says by it that the request is at fault and a run that crashes with
//! AWS's words is better than one that waits in silence; an unknown reason in `failures[]` is missing capacity, because
//! a 200 took no offence at the request; everything else (5xx, no answer, an answer that cannot be read) is transient,
//! because a task may be running.

mod table;
mod when;
mod words;

use diagnosis::Diagnosis;
pub(crate) use table::{CONFLICT, NO_CLUSTER, REFUSED};
pub use words::{Words, plain};

/// What a failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The message itself is at fault.
    Malformed,
    /// The request was refused, and would be again.
    Rejected,
    /// What the message speaks of is over or in other hands.
    Stale,
    /// Too many calls; nothing was started.
    Throttled,
    /// No room for the task, or AWS is not ready for it; nothing was started.
    Capacity,
    /// It is not known what happened.
    Transient,
    /// A defect of ours.
    Bug,
}

/// An operation of ECS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// RunTask.
    RunTask,
    /// RegisterTaskDefinition.
    RegisterTaskDefinition,
    /// DescribeTaskDefinition.
    DescribeTaskDefinition,
    /// StopTask.
    StopTask,
    /// DescribeTasks.
    DescribeTasks,
    /// ListTasks.
    ListTasks,
}

impl Operation {
    /// AWS's name of it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RunTask => "RunTask",
            Self::RegisterTaskDefinition => "RegisterTaskDefinition",
            Self::DescribeTaskDefinition => "DescribeTaskDefinition",
            Self::StopTask => "StopTask",
            Self::DescribeTasks => "DescribeTasks",
            Self::ListTasks => "ListTasks",
        }
    }
}

/// An answer that is not the hoped-for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// What was asked.
    pub operation: Operation,
    /// HTTP status, when there was an answer.
    pub http_status: Option<u16>,
    /// Name of the exception.
    pub code: Option<&'a str>,
    /// Its message, or why there is no answer.
    pub message: &'a str,
    /// `failures[].reason`.
    pub reason: Option<&'a str>,
    /// `failures[].detail`.
    pub detail: Option<&'a str>,
}

/// What an answer means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classified {
    /// What becomes of the run.
    pub class: Class,
    /// What its owner is told.
    pub diagnosis: Diagnosis,
    /// Whether the task definition is inactive or unknown; a content-addressed one is then registered again.
    pub inactive_definition: bool,
}

/// Classifies an answer.
#[must_use]
pub fn classify(answer: &Answer<'_>) -> Classified {
    let said = [answer.code, Some(answer.message), answer.reason, answer.detail];
    let words = Words::of(said.into_iter().flatten());
    let row = table::ROWS
        .iter()
        .find(|row| row.when.iter().any(|when| when.holds(answer, &words)))
        .unwrap_or(&table::UNKNOWN);
    let mut diagnosis = Diagnosis::of(row.code, aws_words(answer));
    if let Some((summary, resolution)) = row.own {
        diagnosis.summary = summary.to_owned();
        diagnosis.resolution = resolution.to_owned();
    }
    Classified { class: row.class, diagnosis, inactive_definition: row.code == table::INACTIVE_DEFINITION }
}

/// How much of AWS's words is passed on, in characters.
const QUOTED: usize = 1_000;

fn aws_words(answer: &Answer<'_>) -> String {
    let said = [answer.code, Some(answer.message), answer.reason, answer.detail];
    let said: Vec<&str> = said.into_iter().flatten().map(str::trim).filter(|part| !part.is_empty()).collect();
    let status = answer.http_status.map_or_else(|| "no answer".to_owned(), |status| format!("HTTP {status}"));
    let said = if said.is_empty() { "nothing was said".to_owned() } else { said.join(": ") };
    let mut quoted: String = said.chars().take(QUOTED).collect();
    if quoted.len() < said.len() {
        quoted.push('…');
    }
    format!("{} ({status}): {quoted}", answer.operation.name())
}
