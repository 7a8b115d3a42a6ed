//! The dead-letter queues, and the way back for messages whose runs are still to start.
//!
//! Nothing is lost if this ends in the middle: a message is deleted from the dead-letter queue only when a run queue has
//! taken it. It may then be in both for a moment, or two users may send it: by the launch protocol two messages of one attempt
//! start one task (docs/guarantees.md).
//!
//! The order of the calls: [`read`], then [`ask`] the server for [`runs_to_ask_for`], [`judge`], [`plan`], [`apply`], and in
//! any case [`give_back`]. After an [`apply`], [`read_on`] finds messages that were hidden behind those that are gone.

mod mail;
mod steps;
mod verdict;

pub use self::{
    mail::{Done, Item, Mailbox, Options, Runs, ask, give_back, judge, read, read_on, runs_to_ask_for},
    steps::{Step, apply, messages, plan},
    verdict::{Fate, Verdict},
};
