//! `pushpool logs`.

mod screen;

use clap::Args;
use jiff::Timestamp;
use manage::{Server, logs};

use crate::{
    args::Output,
    error::CliError,
    installation::InstallationArgs,
    output::{self, note},
    server::{self, ServerArgs},
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool logs 7f2c1f0e-0000-4000-8000-000000000001
  pushpool logs mellow-otter
      The newest run of that name.
  pushpool logs mellow-otter --output json | jq -r '.tasks[].logs[].command'
      The commands that read the containers' logs.

Of a run that `pushpool dev` ran on this machine, the files that its tasks wrote to are
named. ECS knows a stopped task for about an hour; after that its log stream is told from
what pushpool wrote into the run's log. Queues are not searched: receiving a message
hides it from others. The claim names the message, and `pushpool redrive` shows those
that are dead.

Exit codes:
  0    shown, also if AWS could not be asked
  1    there is no such run, or the server does not answer
  2    the command line is wrong";

#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// Id or name of the flow run
    #[arg(value_name = "RUN")]
    run: String,

    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,

    #[command(flatten)]
    installation: InstallationArgs,

    #[command(flatten)]
    server: ServerArgs,
}

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(crate) fn run(args: &LogsArgs) -> Result<u8, CliError> {
    server::with_server(&args.server, async |server: &Server<_>| {
        let facts = logs::gather(server, &args.run, &args.installation.which()).await?;
        if !facts.namesakes.is_empty() {
            let others: Vec<String> = facts.namesakes.iter().map(ToString::to_string).collect();
            note(format_args!("this is the newest run of that name; others are {}", others.join(", ")));
        }
        let text = match args.output {
            Output::Text => screen::text(&facts, Timestamp::now()),
            Output::Json => format!("{:#}\n", screen::json(&facts)),
        };
        output::data(&text).map_err(CliError::WriteOutput)?;
        Ok(0)
    })
}
