//! `pushpool pool delete`.

use clap::Args;
use manage::{
    ManageError, Server,
    pool::{
        self,
        delete::{self, Dependents},
    },
};
use prefect_api::Transport;

use crate::{
    error::CliError,
    output::{GOOD, paint, say},
    plan,
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool pool delete etl
      Says what depends on it, and asks.
  pushpool pool delete etl --yes
      For scripts.

The queues of the pool go with it. Its deployments and their scheduled runs
stay, without a pool: none of them starts. Tasks that run go on.";

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// Name of the pool
    name: String,

    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &DeleteArgs, may_ask: bool) -> Result<u8, CliError> {
    let (plan, Dependents { scheduled, active, deployments }) = delete::plan(server, &args.name).await?;
    say(format_args!(
        "Work pool \"{}\" has {}, {} and {}.",
        args.name,
        counted(scheduled, "scheduled run"),
        counted(active, "run pending or running",),
        counted(deployments, "deployment"),
    ));
    if !args.yes {
        if !may_ask {
            let error = ManageError::Explained {
                summary: format!("work pool \"{}\" was not deleted: there is no terminal to confirm on", args.name),
                detail: String::new(),
                help: "Say --yes if it shall go.".to_owned(),
            };
            return Err(error.into());
        }
        plan::confirm(&format!("Delete \"{}\" for good?", args.name), false)?;
    }
    pool::apply(server, &plan).await?;
    say(paint(GOOD, format_args!("Deleted work pool {}", args.name)));
    Ok(0)
}

/// "1 run", "2 runs", "2 runs pending or running".
fn counted(count: u64, what: &str) -> String {
    if count == 1 {
        return format!("1 {what}");
    }
    let (noun, rest) = match what.split_once("run ") {
        Some((_, rest)) => ("run", format!(" {rest}")),
        None => (what, String::new()),
    };
    format!("{count} {noun}s{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_english() {
        assert_eq!(counted(1, "scheduled run"), "1 scheduled run");
        assert_eq!(counted(0, "scheduled run"), "0 scheduled runs");
        assert_eq!(counted(2, "run pending or running"), "2 runs pending or running");
    }
}
