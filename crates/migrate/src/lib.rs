//! From agents, workers and blocks to push pools.
//!
//! An upgrade has two halves. The first is pure: what a server holds ([`Estate`]) becomes an [`UpgradePlan`] without any call
//! ([`assess()`]). The second reads the server ([`read`]), writes what the plan says ([`apply`]), and takes it back from its
//! journal ([`rollback`]). Between them is a document that people review, and it holds every request body in full: what was
//! reviewed is what is sent.
//!
//! ```
//! use migrate::{Account, Answers, Estate, Options, assess};
//!
//! # fn main() -> Result<(), migrate::EstateError> {
//! // The answers of a server, and of the AWS account, as they come.
//! let answers = Answers { version: "2.20.26".to_owned(), account: Account::default(), ..Answers::default() };
//! let plan = assess(&Estate::from_answers(answers)?, &Options::default());
//! assert!(plan.pools.is_empty() && plan.deployments.is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # How a block becomes a pool
//!
//! A block makes two requests for a run, and its owner has patched and overridden them until they were right. So the requests are
//! what has to stay, and not the fields:
//!
//! * **Templates are made from finished requests.** The requests are made as the block makes them, patched as the block patches
//!   them, and taken apart again: what the patches left alone becomes a placeholder, and the rest stands in the template.
//! * **Job variables are made from outcomes.** A deployment's overrides are applied as the agent applies them. How the result
//!   differs from its pool is its job variables. Overrides that replace, merge or unset differently in the two worlds, and
//!   blocks that share a pool, need no rules of their own.
//! * **Whatever differs beyond variables gets a pool of its own.**
//! * **What fails today is refused, saying so.** An upgrade must not hide an error in the settings, nor start what never ran.
//!
//! # Proof
//!
//! For each deployment the plan holds the requests of the old way and those that the dispatcher will send, rendered by the
//! dispatcher's own crates, and every difference with its reason. A difference without one is a risk. The old way is written
//! here once more, and tested against the requests of the real code.
//!
//! # Secrets
//!
//! Blocks are read masked. A value that looks like a secret is referred to where it is (`{{ prefect.blocks.… }}`), and listed
//! where no placeholder can refer to it. No anonymous block is ever named: its name does not last.

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
pub mod runs;

pub use crate::{
    assess::{Options, Sharing, Source, assess},
    error::UpgradeError,
    estate::{Account, Answers, Estate, EstateError},
    file::PlanFile,
    fingerprint::fingerprint,
    journal::Journal,
    plan::UpgradePlan,
};
