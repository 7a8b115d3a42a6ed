//! `pushpool pool pause` and `pushpool pool resume`.

use clap::Args;
use manage::{
    Server,
    pool::{self, switch},
};
use prefect_api::Transport;

use crate::{
    error::CliError,
    output::{GOOD, note, paint, say},
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool pool pause etl
      No run of it starts any more. Those that run go on, those that are due wait.
  pushpool pool resume etl
      What waits starts with the next poll.";

#[derive(Debug, Args)]
pub(crate) struct SwitchArgs {
    /// Name of the pool
    name: String,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &SwitchArgs, paused: bool) -> Result<u8, CliError> {
    let plan = switch::plan(server, &args.name, paused).await?;
    if plan.is_empty() {
        let state = if paused { "paused" } else { "not paused" };
        note(format_args!("work pool {} is {state} already", args.name));
        return Ok(0);
    }
    pool::apply(server, &plan).await?;
    let done = match paused {
        true => format!("Paused work pool {}; runs that have started go on", args.name),
        false => format!("Resumed work pool {}; the next poll gets its runs", args.name),
    };
    say(paint(GOOD, done));
    Ok(0)
}
