//! The control plane of a Prefect server: which runs are to start, who has claimed them, and what became of them.
//!
//! What the use cases share stands here: the states that pushpool proposes ([`states`]) and how (`propose`), what an answer of the API means
//! for a message ([`failure`]), what the history of a run says about its attempts ([`history`]), and what is kept for a
//! short while instead of being asked again ([`cache`]). [`control`] is the dispatcher's side of it.

pub mod cache;
pub mod control;
pub mod failure;
pub mod history;
pub mod judge;
pub(crate) mod leases;
pub mod logs;
pub(crate) mod propose;
pub(crate) mod references;
mod shared;
pub mod slots;
pub mod states;
