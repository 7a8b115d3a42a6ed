//! What happens, told once: each [`Event`] is one log line and its metrics together.
//!
//! [`crate::metrics`] lists the metrics and says how they leave.

mod dispatched;
mod observed;
mod polled;

use serde_json::Value;

pub use self::{
    dispatched::Outcome,
    observed::{Change, Finder, Observed},
    polled::{Blocked, Polled, Polling},
};

/// Something that happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The fate of a message of the run queues is sealed.
    Message(Outcome<'a>),
    /// A poll went on.
    Poll(Polling<'a>),
    /// Something was seen of a run or its task, or done to it.
    Run(Observed<'a>),
}

impl Event<'_> {
    /// Writes the log line, if there is one.
    pub fn log(&self) {
        match self {
            Self::Message(outcome) => outcome.log(),
            Self::Poll(polling) => polling.log(),
            Self::Run(observed) => observed.log(),
        }
    }

    /// The EMF line, if the event counts anything; `now` in milliseconds since 1970.
    #[must_use]
    pub fn metrics(&self, now: i64) -> Option<Value> {
        match self {
            Self::Message(outcome) => outcome.metrics(now),
            Self::Poll(polling) => polling.metrics(now),
            Self::Run(observed) => observed.metrics(now),
        }
    }
}
