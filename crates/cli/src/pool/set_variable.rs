//! `pushpool pool set-variable`: read the template, change it, check it, write it.
//!
//! The API has no condition for writing, so two people who do it at the same second overwrite each other. The old values
//! are shown, that is how they notice.

use clap::Args;
use prefect_api::Transport;
use serde_json::json;

use super::{
    assign::{self, Assignment, Change},
    shown::shown,
    template,
};
use crate::{
    error::CliError,
    grid::{self, Cell},
    output::{self, DIM, GOOD, HEAD, note, paint, say},
    server::Server,
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool pool set-variable etl cpu=1024 memory=4096
  pushpool pool set-variable etl env.STAGE=prod subnets=subnet-a,subnet-b
  pushpool pool set-variable etl --unset image --unset env.STAGE
  pushpool pool set-variable etl image=null env.STAGE=null
      The same.

Values are as for `pushpool pool create --set`. Deployments and runs that set a
variable themselves do not see its default. Runs that have started keep what
they started with.

The changed template is tried as a dispatcher would. A default with which runs
would crash is refused, unless the pool was like that before or --force is given.";

#[derive(Debug, Args)]
pub(crate) struct SetVariableArgs {
    /// Name of the pool
    name: String,

    /// Defaults to write
    #[arg(value_name = "VARIABLE=VALUE", value_parser = assign::parse, required_unless_present = "unset")]
    set: Vec<Assignment>,

    /// Take the default away, as VARIABLE=null does; may be repeated
    #[arg(long, value_name = "VARIABLE")]
    unset: Vec<String>,

    /// Store defaults with which runs would crash
    #[arg(long)]
    force: bool,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &SetVariableArgs) -> Result<u8, CliError> {
    let pool = server.pool(&args.name).await?;
    let mut document = template::of_pool(&pool.base_job_template);
    // What is wrong with the pool already must not keep its owner from mending something else.
    let before = template::check(&document, &pool.name).ok();
    let changes = assign::apply(&mut document, &args.set, &args.unset)?;
    if changes.is_empty() {
        note("The defaults are these already; nothing was changed.");
        return Ok(0);
    }
    template::check(&document, &pool.name)?.tell(before.as_ref(), args.force)?;
    let update = json!({"base_job_template": document});
    server.client.update_work_pool(&pool.name, &update).await.map_err(|error| server.told(error))?;
    let rows: Vec<Vec<Cell>> = changes.iter().map(|change| row(change, &document)).collect();
    output::data(&format!("{}\n", grid::lines(&rows, output::width()).join("\n"))).map_err(CliError::WriteOutput)?;
    say(paint(GOOD, format_args!("Work pool \"{}\" is changed; the next dispatched run sees it.", pool.name)));
    Ok(0)
}

/// `variable  old -> new`.
fn row(change: &Change, document: &serde_json::Value) -> Vec<Cell> {
    let schema = &document["variables"]["properties"][&change.variable];
    let value = |value: &Option<serde_json::Value>| match value {
        Some(value) => shown(&change.variable, value, schema),
        None => "(none)".to_owned(),
    };
    vec![
        Cell::new(&change.variable).styled(HEAD),
        Cell::new(value(&change.old)).styled(DIM),
        Cell::new("->"),
        Cell::new(value(&change.new)),
    ]
}
