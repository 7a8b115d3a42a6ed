//! Steps run as a deployment runs them, compared with what Prefect's own do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod check;
mod docker;
mod git;
mod kit;
mod process;
mod python;
mod runner;
mod s3;
mod shell;
