//! `pushpool pool set-variable`.

use clap::Args;
use manage::{
    Server,
    pool::{
        self,
        assign::{self, Assignment},
        set_variable::{self, Planned},
    },
};
use prefect_api::Transport;

use super::findings;
use crate::{
    error::CliError,
    output::{self, GOOD, note, paint, say},
    plan,
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
    let Planned { plan, findings, before } = set_variable::plan(server, &args.name, &args.set, &args.unset).await?;
    if plan.is_empty() {
        note("The defaults are these already; nothing was changed.");
        return Ok(0);
    }
    findings::tell(findings.judged(before.as_ref(), args.force))?;
    pool::apply(server, &plan).await?;
    let lines = plan::lines(&plan, output::width());
    output::data(&format!("{}\n", lines.join("\n"))).map_err(CliError::WriteOutput)?;
    say(paint(
        GOOD,
        format_args!("Changed work pool {}; the next run that is dispatched gets the new defaults", args.name),
    ));
    Ok(0)
}
