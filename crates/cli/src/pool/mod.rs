//! `pushpool pool`: work pools of type `ecs:push` on a Prefect server.
//!
//! Prefect's own command line refuses to create such pools and can do everything else with them. `ls`, `pause` and `delete`
//! are here again because they say more about push pools, or need less typing.

mod create;
mod delete;
mod findings;
mod inspect;
mod list;
mod set_variable;
mod status;
mod switch;
mod wizard;

use clap::{Args, Subcommand};
use manage::Server;
use prefect_api::Transport;

use crate::{
    error::CliError,
    server::{self, ServerArgs},
};

const HELP: &str = "\
Examples:
  pushpool pool create etl --set cluster=etl --set subnets=subnet-a,subnet-b
  pushpool pool ls
  pushpool pool status etl --watch
  pushpool pool set-variable etl cpu=1024 memory=4096

The server is the one `prefect` talks to: profiles, PREFECT_API_URL,
PREFECT_API_KEY, PREFECT_API_AUTH_STRING, PREFECT_CLIENT_CUSTOM_HEADERS and the
settings for certificates all count.";

#[derive(Debug, Args)]
#[command(after_long_help = HELP, after_help = "See --help for examples.", subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct PoolArgs {
    #[command(subcommand)]
    command: PoolCommand,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum PoolCommand {
    /// Make a work pool
    #[command(after_long_help = create::HELP, after_help = "See --help for examples.")]
    Create(create::CreateArgs),
    /// List work pools
    #[command(visible_alias = "list", after_long_help = list::HELP, after_help = "See --help for examples.")]
    Ls(list::ListArgs),
    /// Show a work pool with its variables
    #[command(visible_alias = "show", after_long_help = inspect::HELP, after_help = "See --help for examples.")]
    Inspect(inspect::InspectArgs),
    /// Change defaults of variables in the pool's base job template
    #[command(after_long_help = set_variable::HELP, after_help = "See --help for examples.")]
    SetVariable(set_variable::SetVariableArgs),
    /// Pause a work pool
    #[command(after_long_help = switch::HELP, after_help = "See --help for examples.")]
    Pause(switch::SwitchArgs),
    /// Resume a work pool
    #[command(after_long_help = switch::HELP, after_help = "See --help for examples.")]
    Resume(switch::SwitchArgs),
    /// Delete a work pool
    #[command(visible_alias = "rm", after_long_help = delete::HELP, after_help = "See --help for examples.")]
    Delete(delete::DeleteArgs),
    /// Show whether a work pool is served, what waits, what runs, and what went wrong
    #[command(after_long_help = status::HELP, after_help = "See --help for examples.")]
    Status(status::StatusArgs),
}

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(crate) fn run(args: &PoolArgs) -> Result<u8, CliError> {
    server::with_server(&args.server, async |server| dispatch(server, args).await)
}

async fn dispatch<T: Transport>(server: &Server<T>, args: &PoolArgs) -> Result<u8, CliError> {
    let may_ask = server::may_ask(&args.server);
    match &args.command {
        PoolCommand::Create(create) => create::run(server, create, may_ask).await,
        PoolCommand::Ls(list) => list::run(server, list).await,
        PoolCommand::Inspect(inspect) => inspect::run(server, inspect).await,
        PoolCommand::SetVariable(set) => set_variable::run(server, set).await,
        PoolCommand::Pause(switch) => switch::run(server, switch, true).await,
        PoolCommand::Resume(switch) => switch::run(server, switch, false).await,
        PoolCommand::Delete(delete) => delete::run(server, delete, may_ask).await,
        PoolCommand::Status(status) => status::run(server, status).await,
    }
}
