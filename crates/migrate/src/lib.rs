//! From agents, workers and blocks to push pools.
//!
//! An upgrade has two halves. This half is pure: what a server holds ([`Estate`]) becomes an [`UpgradePlan`] without any call. The
//! other half reads the server, writes what the plan says, and can take it back.
//!
//! * [`estate`]: the server's documents as they are, secrets masked.
//! * [`plan`]: the document between the halves. It holds every request body in full, so what was reviewed is what is sent.

pub mod apply;
mod assess;
#[cfg(test)]
mod corpus;
mod document;
pub mod error;
pub mod estate;
#[cfg(test)]
mod fake;
pub mod file;
mod fingerprint;
pub mod journal;
mod mapping;
pub mod plan;
pub mod project;
mod proof;
pub mod read;
pub mod rollback;

pub use crate::{
    assess::{Options, Sharing, Source, assess},
    error::UpgradeError,
    estate::{Account, Answers, Estate, EstateError},
    file::PlanFile,
    fingerprint::fingerprint,
    journal::Journal,
    plan::UpgradePlan,
};
