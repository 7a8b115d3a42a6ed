//! `pushpool pool ls`.

use clap::Args;
use jiff::Timestamp;
use manage::{
    Server,
    pool::{
        PUSH,
        list::{self, Listed},
    },
    times::ago,
};
use prefect_api::Transport;
use serde_json::json;

use crate::{
    args::Output,
    error::CliError,
    grid::{self, Cell},
    output::{self, BAD, DIM, GOOD, HEAD, ODD, say},
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool pool ls
  pushpool pool ls --all
      Pools of other types, too.
  pushpool pool ls --output json | jq -r '.[] | select(.workers_online == 0) | .name'";

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Also pools of other types than ecs:push
    #[arg(long)]
    all: bool,

    /// Form of the list
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &ListArgs) -> Result<u8, CliError> {
    let rows = list::list(server, args.all).await?;
    if args.output == Output::Json {
        output::data(&format!("{:#}\n", rows.iter().map(document).collect::<serde_json::Value>()))
            .map_err(CliError::WriteOutput)?;
        return Ok(0);
    }
    if rows.is_empty() {
        say(format_args!("No work pool of type {PUSH} at {}. `pushpool pool create NAME` makes one.", server.url));
        return Ok(0);
    }
    let lines = grid::lines(&table(&rows, Timestamp::now()), output::width());
    output::data(&format!("{}\n", lines.join("\n"))).map_err(CliError::WriteOutput)?;
    Ok(0)
}

fn document(row: &Listed) -> serde_json::Value {
    json!({
        "name": row.pool.name,
        "type": row.pool.pool_type,
        "status": row.pool.status,
        "is_paused": row.pool.is_paused,
        "concurrency_limit": row.pool.concurrency_limit,
        "last_polled": row.last_polled,
        "workers_online": row.workers_online,
    })
}

fn table(rows: &[Listed], now: Timestamp) -> Vec<Vec<Cell>> {
    let headings = ["NAME", "TYPE", "STATUS", "PAUSED", "LIMIT", "LAST POLLED", "WORKERS ONLINE"];
    let mut table = vec![headings.map(|heading| Cell::new(heading).styled(HEAD)).to_vec()];
    for Listed { pool, last_polled, workers_online } in rows {
        let status = pool.status.as_deref().unwrap_or("-");
        let style = match status {
            "READY" => GOOD,
            "NOT_READY" => BAD,
            "PAUSED" => ODD,
            _ => DIM,
        };
        let limit = pool.concurrency_limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string());
        table.push(vec![
            Cell::new(&pool.name),
            Cell::new(&pool.pool_type),
            Cell::new(status).styled(style),
            Cell::new(if pool.is_paused { "yes" } else { "no" }),
            Cell::new(limit).right(),
            Cell::new(last_polled.map_or_else(|| "never".to_owned(), |at| ago(at, now))),
            Cell::new(workers_online.to_string()).right(),
        ]);
    }
    table
}
