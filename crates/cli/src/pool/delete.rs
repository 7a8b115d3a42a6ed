//! `pushpool pool delete`.

use clap::Args;
use dialoguer::{Confirm, theme::ColorfulTheme};
use prefect_api::Transport;
use serde_json::json;

use crate::{
    error::CliError,
    output::{GOOD, paint, say},
    server::Server,
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
    let pool = server.pool(&args.name).await?;
    let of_pool = json!({"name": {"any_": [pool.name]}});
    let runs = |types: &[&str]| json!({"work_pools": of_pool, "flow_runs": {"state": {"type": {"any_": types}}}});
    let (scheduled, active, deployments) =
        (runs(&["SCHEDULED"]), runs(&["PENDING", "RUNNING"]), json!({"work_pools": of_pool}));
    let counts = tokio::try_join!(
        server.client.count_flow_runs(&scheduled),
        server.client.count_flow_runs(&active),
        server.client.count_deployments(&deployments),
    );
    let (scheduled, active, deployments) = counts.map_err(|error| server.told(error))?;
    let holds = format!(
        "Work pool \"{}\" has {}, {} and {}.",
        pool.name,
        counted(scheduled, "scheduled run"),
        counted(active, "run pending or running",),
        counted(deployments, "deployment"),
    );
    say(&holds);
    if !args.yes {
        if !may_ask {
            return Err(CliError::Explained {
                summary: format!("work pool \"{}\" was not deleted: there is nobody to ask", pool.name),
                detail: String::new(),
                help: "Say --yes if it shall go.".to_owned(),
            });
        }
        let question = format!("Delete \"{}\" for good?", pool.name);
        let answer = Confirm::with_theme(&ColorfulTheme::default()).with_prompt(question).default(false).interact();
        if !answer.unwrap_or(false) {
            return Err(CliError::Declined);
        }
    }
    server.client.delete_work_pool(&pool.name).await.map_err(|error| server.told(error))?;
    say(paint(GOOD, format_args!("Work pool \"{}\" is deleted.", pool.name)));
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
