//! The use cases of pushpool, the messages between them, and the ports they need.
//!
//! Nothing here knows an SDK, a clock of its own, a file, standard output, or Lambda: the functions and the command line tool
//! plug those in at the [`ports`]. [`dispatcher`] is the heart; `ARCHITECTURE.md` shows the way of a scheduled run through it.
//!
//! | rooms | what they hold |
//! | --- | --- |
//! | [`dispatcher`], [`observe`], [`poll`], [`reconcile`], [`doorbell`] | the use cases |
//! | [`runs`] | what observer and reconciler do to a run, whichever of them found out first |
//! | [`prefect`], [`standalone`], [`pool`] | the two control planes |
//! | [`message`], [`ring`], [`check`], [`sqs_event`], [`chain`] | what the queues carry |
//! | [`outcome`], [`metrics`] | what is logged and counted |
//! | [`ports`] | what all of it needs from outside |

mod batch;
pub mod chain;
pub mod check;
pub mod codes;
pub mod dispatcher;
pub mod doorbell;
#[cfg(test)]
mod fake;
pub mod hand_back;
pub mod infrastructure;
pub mod message;
pub mod metrics;
pub mod observe;
pub mod outcome;
pub mod poll;
pub mod pool;
pub mod ports;
pub mod prefect;
pub mod reconcile;
pub mod ring;
pub mod runs;
pub mod served;
pub mod sqs_event;
pub mod standalone;
pub mod timing;
