//! The use cases of pushpool, the messages between them, and the ports they need.
//!
//! Nothing here knows an SDK, a clock of its own, or Lambda: the functions and the command line tool plug those in.
//! [`dispatcher`] is the heart; `ARCHITECTURE.md` shows the way of a scheduled run through it.

pub mod chain;
pub mod check;
pub mod codes;
pub mod dispatcher;
pub mod doorbell;
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
pub mod sqs_event;
pub mod standalone;
