//! Whether pushpool sends what Prefect's own ECS worker sends.
//!
//! A [`Case`] is a run with its pool and deployment, written by hand or made from a seed ([`generate`]). The worker says what
//! it would send ([`Oracle`]), pushpool says the same ([`subject`]), and [`compare`] takes the intended [`differences`] out. What
//! is left is a mismatch, which [`shrink`] makes small.

pub mod compare;
pub mod differences;
pub mod generate;
pub mod shrink;
pub mod subject;
mod worker;

pub use worker::{Answer, Block, Call, Case, Exception, Hello, Invalid, Objections, Oracle, Thing};
