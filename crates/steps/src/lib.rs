//! Build, push and pull steps of `prefect.yaml`, without Python where Python is not needed.
//!
//! ```
//! use serde_json::json;
//! use std::sync::Arc;
//! use steps::{Context, Line, Output, Progress, Runner, Step};
//!
//! struct Terminal;
//! impl Output for Terminal {
//!     fn line(&self, line: Line<'_>) {
//!         println!("{line}");
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let written = json!({"prefect.deployments.steps.run_shell_script": {"id": "tag", "script": "echo 1.4"}});
//! let step = Step::parse(&written)?.expect("it is not empty");
//! assert!(step.check().is_ok());
//! let runner = Runner::new(Context::new(std::env::current_dir()?, Arc::new(Terminal)));
//! let mut progress = Progress::new(runner.context());
//! runner.run(&step, &mut progress).await?;
//! assert_eq!(progress.outputs["tag"]["stdout"], "1.4");
//! # Ok(()) })}
//! ```
//!
//! # From file to run
//!
//! [`Step::parse`] reads a step, [`Step::check`] finds mistakes, and [`Runner::run`] runs it. Between the last two the caller
//! fills in placeholders: this crate knows neither blocks nor variables nor the server. A check is possible before that,
//! because names of functions and arguments are never placeholders, and a deployment should not be built for ten minutes to
//! fail at the name of an argument of its push step. Pull steps run in the container; here they are only checked.
//!
//! # Native or Python
//!
//! The arguments of all steps of Prefect and of its docker, AWS, GCP and Azure packages are in one table, `signature.rs`.
//! Eight of these steps are native: scripts and git through their programs, images through the `docker` on the path, S3
//! through the AWS SDK. Any other function runs in the project's Python. A native step with an argument that only boto3
//! understands runs there, too: [`Step::needs_python`] says why.
//!
//! What a native step does is compared with the real one: `tests/data` has tables that real Prefect made, each beside the
//! program that made it. For `docker build` the table is made by docker-py and docker's own command line talking to the
//! same daemon: unless both make the same requests there is no table.
//!
//! # Where native steps differ on purpose
//!
//! * `run_shell_script`: a line with a pipe, a redirection, `&&` or `;` and without `shell: true` is an error. Prefect passes
//!   these to the program as words, and the step seems to succeed. Variables and `$(…)` that stay text are warned of.
//! * `git_clone`: credentials are in no argument and not in the clone's configuration. An existing clone that cannot be
//!   brought up to date is an error; Prefect removes it.
//! * `build_docker_image`: the generated Dockerfile of `auto` goes through docker's input and is never in the project. Docker
//!   removes a build's containers; docker-py keeps them unless `rm` is true. `timeout` of docker-py
//!   has no counterpart and is ignored, `use_config_proxy: false` is refused.
//! * `push_docker_image`: credentials stay in docker's configuration, as after any `docker login`. Without a tag the output
//!   `image` is the name alone, where Prefect writes `name:None`.
//! * `push_to_s3`, `pull_from_s3`: a link to nothing is an error, and so is an object whose key leads out of the directory.
//! * `requires`: a missing package is an error that names it. Prefect installs it.
//! * Steps have no terminal and an empty input, because several may run. A program that asks is an error and no hang.
//!
//! # Secrets
//!
//! Values of inputs that are named like secrets, passwords in URLs, and what the caller adds to [`Secrets`] are masked in
//! every line and error. Outputs keep them: they are values for other steps. Inputs go to other programs through their
//! input or environment if they are secret, never as arguments; build arguments and scripts are as the user writes them.

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
