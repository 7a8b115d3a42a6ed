//! Shared support of the black-box tests: the Python environments they make for themselves, real Prefect servers, and the
//! comparison of what pushpool renders with what Prefect's own ECS worker sends.
//!
//! Helpers of tests: they panic with a sentence rather than return errors, because nobody could handle one.

pub mod applied;
pub mod binaries;
pub mod chaos;
pub mod compare;
pub mod conformance;
pub mod differences;
pub mod generate;
pub mod hostile;
pub mod oracle;
pub mod prefect;
pub mod python;
pub mod served;
pub mod shrink;
pub mod simulation;
pub mod subject;

pub use binaries::{bootstrap, pushpool};
