//! `pushpool pool pause` and `pushpool pool resume`.

use clap::Args;
use prefect_api::Transport;
use serde_json::json;

use crate::{
    error::CliError,
    output::{GOOD, note, paint, say},
    server::Server,
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
    let pool = server.pool(&args.name).await?;
    if pool.is_paused == paused {
        let state = if paused { "paused" } else { "not paused" };
        note(format_args!("Work pool \"{}\" is {state} already.", pool.name));
        return Ok(0);
    }
    let change = json!({"is_paused": paused});
    server.client.update_work_pool(&pool.name, &change).await.map_err(|error| server.told(error))?;
    let done = match paused {
        true => format!("Work pool \"{}\" is paused: it gives out no runs. Those that run go on.", pool.name),
        false => format!("Work pool \"{}\" gives out runs again, with the next poll.", pool.name),
    };
    say(paint(GOOD, done));
    Ok(0)
}
