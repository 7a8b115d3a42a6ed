//! `pushpool upgrade`.

mod apply;
mod plan;
mod project;
mod rollback;
mod screen;

use clap::{Args, Subcommand};

use crate::{
    error::CliError,
    server::{self, ServerArgs},
};

const HELP: &str = "\
Examples:
  pushpool upgrade plan --out upgrade.json
  pushpool upgrade apply upgrade.json --only report/nightly
  pushpool upgrade apply upgrade.json
  pushpool upgrade rollback upgrade.json.journal
  pushpool upgrade project --write

docs/upgrading.md goes through an upgrade step by step.";

#[derive(Debug, Args)]
#[command(after_long_help = HELP, after_help = "See --help for examples.", subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct UpgradeArgs {
    #[command(subcommand)]
    command: UpgradeCommand,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum UpgradeCommand {
    /// Show what an upgrade would do with each deployment, and write it to a file
    #[command(after_long_help = plan::HELP, after_help = "See --help for examples.")]
    Plan(plan::PlanArgs),
    /// Carry out a plan: make work pools and change deployments
    #[command(after_long_help = apply::HELP, after_help = "See --help for examples.")]
    Apply(apply::ApplyArgs),
    /// Put back what was there before an upgrade
    #[command(after_long_help = rollback::HELP, after_help = "See --help for examples.")]
    Rollback(rollback::RollbackArgs),
    /// Turn files of Prefect 2 (*-deployment.yaml, an old prefect.yaml) into a current prefect.yaml
    #[command(after_long_help = project::HELP, after_help = "See --help for examples.")]
    Project(project::ProjectArgs),
}

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(crate) fn run(args: &UpgradeArgs) -> Result<u8, CliError> {
    let may_ask = server::may_ask(&args.server);
    match &args.command {
        UpgradeCommand::Plan(plan) => server::until_interrupted(async || plan::run(&args.server, plan).await),
        UpgradeCommand::Project(project) => {
            server::until_interrupted(async || project::run(&args.server, project).await)
        }
        UpgradeCommand::Apply(apply) => {
            server::with_server(&args.server, async |server| apply::run(server, apply, may_ask).await)
        }
        UpgradeCommand::Rollback(rollback) => {
            server::with_server(&args.server, async |server| rollback::run(server, rollback, may_ask).await)
        }
    }
}
