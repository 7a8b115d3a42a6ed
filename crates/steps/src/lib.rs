//! Build, push and pull steps of `prefect.yaml`.

mod check;
mod context;
mod directory;
mod docker;
mod error;
mod git;
mod inputs;
mod process;
mod python;
mod runner;
mod s3;
mod script;
mod secrets;
mod signature;
mod step;
mod words;

pub use crate::{
    context::{Context, Line, Output, Stream},
    error::{Problem, StepError},
    runner::{Progress, Runner, run},
    secrets::Secrets,
    step::{Object, Step},
};
/// Ends steps: see [`Context::interrupt`].
pub use tokio_util::sync::CancellationToken;
