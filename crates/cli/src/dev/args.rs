//! The arguments of `pushpool dev`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueHint};

use crate::args::{Output, RequestArgs, pause, seconds};

pub(crate) const HELP: &str = "\
Examples:
  pushpool dev
      Run the sample messages that come with pushpool: some succeed, some fail,
      some are refused. In a clone they are those of events/sqs.
  pushpool dev --events my-run.json --pools my-pools
      Try a message of your own against pool documents of your own (NAME.json).
  pushpool dev --events - --output json < messages.jsonl | jq .counts
      For programs: one JSON document on standard output.
  pushpool dev --bootstrap target/release/dispatcher
      The real function binary, invoked as Lambda invokes it.
  pushpool dev --keep --port 4566
      Stay up afterwards, for aws --endpoint-url http://127.0.0.1:4566 and others.
  pushpool dev --prefect
      Serve the ecs:push work pools of the Prefect server that `prefect` talks to,
      until Ctrl-C. Tasks run `prefect flow-run execute` on this machine.
  pushpool dev --prefect &
      The same in the background of this terminal: a line for each step, and
      `kill %1` or `fg` and Ctrl-C end it.
  pushpool dev --prefect --pool my-pool --env-dir .venv --runs 1
      One work pool, until one run has ended.

A file holds an SQS event (with Records), one message, a JSON array of
messages, or JSON lines. Text that is not JSON is sent as it is, to show how an
unreadable message is handled.

Exit codes:
  0    every message reached a recorded outcome, also if that is a failed job
       or a refused message; with --prefect, it ended as it was told to
  1    a message has no outcome (it was lost, or --timeout is over), or nothing
       could be started; with --strict also when a job failed, a run crashed or
       a message was buried
  2    the command line is wrong
  130  ended by Ctrl-C before the summary; with --keep, Ctrl-C after the summary
       is the way to end, and the code is one of the above";

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Serve the work pools of a Prefect server: that of the active profile, or of --prefect-api-url
    #[arg(long, conflicts_with_all = ["events", "pools", "bootstrap", "keep", "timeout", "strict"])]
    pub(crate) prefect: bool,

    /// What stands for the images: {"IMAGE": {"working_directory": …, "wrapper": […], "command": […]}}, directories
    /// relative to the file [default: events/images.json if it is there]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) images: Option<PathBuf>,

    /// Port of the endpoint on 127.0.0.1; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,

    /// Directory for the output of the tasks [default: a new one for temporary files]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) logs: Option<PathBuf>,

    /// Make AWS on loopback behave as on a bad day: ECS shows new tasks and definitions seconds late, and its events leave
    /// out stop codes
    #[arg(long)]
    pub(crate) bad_day: bool,

    /// Form of the summary
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    pub(crate) output: Output,

    #[command(flatten)]
    pub(crate) messages: MessageArgs,

    #[command(flatten)]
    pub(crate) served: ServedArgs,

    #[command(flatten)]
    pub(crate) requests: RequestArgs,
}

/// What only `dev` without a Prefect server takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Without --prefect")]
pub(crate) struct MessageArgs {
    /// Messages to feed: files, directories, or - for standard input [default: events/sqs if it is there, else the samples
    /// that come with this program]
    #[arg(long, value_name = "PATH", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub(crate) events: Vec<PathBuf>,

    /// Directory with the pool documents, NAME.json each [default: events/pools if it is there, else those of the samples]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) pools: Option<PathBuf>,

    /// Run this function binary behind a Runtime API, not the dispatcher in this process
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) bootstrap: Option<PathBuf>,

    /// Seconds after which messages without an outcome count as lost
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// Fail also when a job failed, a run crashed or a message was buried
    #[arg(long)]
    pub(crate) strict: bool,

    /// Stay up after the summary and go on dispatching until ended
    #[arg(long)]
    pub(crate) keep: bool,
}

/// What only `dev --prefect` takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --prefect")]
pub(crate) struct ServedArgs {
    /// Profile of Prefect's own settings [default: PREFECT_PROFILE, then the active one]
    #[arg(long, value_name = "NAME", requires = "prefect")]
    pub(crate) profile: Option<String>,

    /// Serve only this work pool; may be repeated [default: all of type ecs:push]
    #[arg(long = "pool", value_name = "NAME", requires = "prefect")]
    pub(crate) only: Vec<String>,

    /// Python environment whose `prefect` runs the flows [default: the active one]
    #[arg(long, value_name = "DIR", requires = "prefect", value_hint = ValueHint::DirPath)]
    pub(crate) env_dir: Option<PathBuf>,

    /// Seconds between polls, at least 1; a server on this machine also rings when a run is created
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = pause, requires = "prefect")]
    pub(crate) poll_interval: Duration,

    /// Port of the doorbell on 127.0.0.1; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "prefect")]
    pub(crate) doorbell_port: u16,

    /// End when this many runs have ended
    #[arg(long, value_name = "NUMBER", requires = "prefect")]
    pub(crate) runs: Option<usize>,
}
