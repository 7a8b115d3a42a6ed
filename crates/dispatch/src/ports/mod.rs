//! What the use cases need from outside. Each trait stands at a network edge, is named by what it can do, and is declared
//! here, once; `ecs` and `prefect-api` declare theirs for launching tasks and for the server's socket.
//!
//! | port | what it does | needed by |
//! | --- | --- | --- |
//! | [`ControlPlane`] | says which runs are to start, claims them, records what became of them | dispatcher |
//! | [`Inbox`] | moves a message to the dead letters, or has it come back sooner | dispatcher, observer, standalone |
//! | [`RunQueues`] | takes messages of scheduled runs | poller |
//! | [`PollQueue`] | takes ticks and rings | poller, observer, doorbell |
//! | [`EventsQueue`] | takes checks | poller, observer |
//! | [`Schedules`] | sends a message at a later time | standalone |
//! | [`PoolDocuments`] | keeps work pools without a server | standalone |
//! | [`TaskOutput`] | reads what a container wrote | observer, reconciler |
//! | [`TokenSource`] | keeps the doorbell's token | doorbell |
//! | [`OutcomeBus`] | announces outcomes | standalone |
//! | [`Sink`] | logs and counts what happens | all but the doorbell |

mod control;
mod queues;
mod sinks;
mod sources;

use std::sync::Arc;

use diagnosis::Diagnosis;
use ecs::{failure::Class, launch::LaunchError};
use jiff::Timestamp;

pub use self::{
    control::{Claim, ControlPlane, Delivery, Look, Order, Reading, Settlement, Started, Waited},
    queues::{EventsQueue, Inbox, PollQueue, QueuedRun, RunQueues, Schedules, Source},
    sinks::{NoBus, OutcomeBus, Sink},
    sources::{NoOutput, PoolDocuments, TaskOutput, TokenSource},
};

/// What time it is. A function, so that a simulation can say otherwise.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A failure that already knows what becomes of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Decides the queue action and the state, see [`crate::dispatcher`].
    pub class: Class,
    /// What its owner is told.
    pub diagnosis: Diagnosis,
}

impl Failure {
    /// It may be otherwise the next time: the message comes back.
    #[must_use]
    pub fn transient(diagnosis: Diagnosis) -> Self {
        Self { class: Class::Transient, diagnosis }
    }

    /// A question that ECS did not answer, whatever the reason: it has to be asked again.
    #[must_use]
    pub fn unanswered(error: LaunchError) -> Self {
        Self::transient(error.diagnosis)
    }
}
