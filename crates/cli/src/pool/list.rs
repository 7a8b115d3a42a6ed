//! `pushpool pool ls`.

use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use prefect_api::{Transport, models::WorkPool};
use serde_json::json;

use super::{PUSH, status::facts::ago};
use crate::{
    args::Output,
    error::CliError,
    grid::{self, Cell},
    output::{self, BAD, DIM, GOOD, HEAD, ODD, say},
    server::Server,
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

/// Pools asked about at the same time.
const AT_ONCE: usize = 8;

struct Row {
    pool: WorkPool,
    last_polled: Option<Timestamp>,
    workers_online: usize,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &ListArgs) -> Result<u8, CliError> {
    let client = &server.client;
    let pools = match args.all {
        true => client.all_work_pools().await,
        false => client.work_pools(&[PUSH], &[]).await,
    };
    let mut pools = pools.map_err(|error| server.told(error))?;
    pools.sort_by(|one, other| one.name.cmp(&other.name));
    let rows = stream::iter(pools).map(async |pool: WorkPool| {
        let (queues, workers) = tokio::try_join!(client.work_queues(&pool.name), client.workers(&pool.name))?;
        let last_polled = queues.iter().filter_map(|queue| queue.last_polled).max();
        let online = workers.iter().filter(|worker| worker.status.as_deref() == Some("ONLINE")).count();
        Ok::<_, prefect_api::ApiError>(Row { pool, last_polled, workers_online: online })
    });
    let rows: Vec<Row> = rows.buffered(AT_ONCE).try_collect().await.map_err(|error| server.told(error))?;
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

fn document(row: &Row) -> serde_json::Value {
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

fn table(rows: &[Row], now: Timestamp) -> Vec<Vec<Cell>> {
    let headings = ["NAME", "TYPE", "STATUS", "PAUSED", "LIMIT", "LAST POLLED", "WORKERS ONLINE"];
    let mut table = vec![headings.map(|heading| Cell::new(heading).styled(HEAD)).to_vec()];
    for Row { pool, last_polled, workers_online } in rows {
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
