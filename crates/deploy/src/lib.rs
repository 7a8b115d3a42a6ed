//! Deployments of `prefect.yaml`: read, checked, compared with a server, and written.
//!
//! The way of a deploy is a chain of values, and each step of it can fail only before anything was written:
//!
//! ```text
//! Request --check--> Checked --run (steps)--> Complete --plan--> Writing --write--> Outcome
//! ```
//!
//! * [`check()`] reads the file, fills in what the environment and the server have, reads the flows' source, and judges
//!   everything: YAML, keys, types, placeholders, entrypoints, parameters, schedules, triggers, steps, pools, job
//!   variables. It does not stop at the first [`Problem`], and nothing is left out silently: Prefect skips a file that it
//!   cannot read, and drops deployments that it does not understand.
//! * [`Checked::run`] runs the build and push steps and fills their outputs in; [`Checked::without_steps`] does not.
//! * [`Complete::plan`] reads the server in a constant number of requests and compares field by field, so a deploy that
//!   changes nothing writes nothing.
//! * [`Writing::write`] writes several deployments at once, each for itself.
//!
//! The crate asks nothing and prints nothing. The wizard asks through a trait.

mod actions;
mod check;
mod compare;
mod complete;
mod draft;
mod file;
mod fill;
mod fit;
mod flags;
mod flow;
mod json;
mod judge;
mod lint;
mod lookalike;
mod objection;
mod places;
mod plan;
mod problem;
mod reading;
mod render;
mod request;
mod select;
mod shown;
mod snapshot;
mod surroundings;
mod trigger;
mod version;
mod wanted;
pub mod wizard;
mod write;

pub use crate::{
    check::{Checked, check},
    compare::Changes,
    complete::{Complete, Writing},
    flags::Flags,
    lint::lint,
    plan::{Planned, Step},
    problem::{Findings, Origin, Problem, Subject},
    reading::names_of_file,
    request::{DeployError, Request},
    wanted::Wanted,
    write::Outcome,
};
