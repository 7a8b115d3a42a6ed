//! `pushpool doorbell`.

mod install;
mod name;
mod remove;
mod test;

use clap::{Args, Subcommand};

use crate::{
    error::CliError,
    server::{self, ServerArgs},
};

const HELP: &str = "\
Examples:
  pushpool doorbell install --url https://abc.lambda-url.eu-central-1.on.aws/
  pushpool doorbell test
  pushpool doorbell remove

Without a doorbell, ad-hoc runs start with the next poll. Runs made by schedules
ring nothing anyway: they are sent ahead of their time.";

#[derive(Debug, Args)]
#[command(after_long_help = HELP, after_help = "See --help for examples.", subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct DoorbellArgs {
    #[command(subcommand)]
    command: DoorbellCommand,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum DoorbellCommand {
    /// Create or update the webhook block and the automation
    #[command(after_long_help = install::HELP, after_help = "See --help for examples.")]
    Install(install::InstallArgs),
    /// Delete both
    #[command(visible_aliases = ["rm", "delete"])]
    Remove(remove::RemoveArgs),
    /// Check that both exist, and ring the doorbell
    #[command(after_long_help = test::HELP, after_help = "See --help for examples.")]
    Test(test::TestArgs),
}

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(crate) fn run(args: &DoorbellArgs) -> Result<u8, CliError> {
    server::with_server(&args.server, async |server| match &args.command {
        DoorbellCommand::Install(install) => install::run(server, install).await,
        DoorbellCommand::Remove(remove) => remove::run(server, remove).await,
        DoorbellCommand::Test(test) => test::run(server, test).await,
    })
}
