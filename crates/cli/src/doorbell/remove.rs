//! `pushpool doorbell remove`.

use clap::Args;
use manage::{
    Server,
    doorbell::{self, remove},
};
use prefect_api::Transport;

use super::name::NameArgs;
use crate::{
    error::CliError,
    output::{GOOD, note, paint, say},
};

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    name: NameArgs,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &RemoveArgs) -> Result<u8, CliError> {
    let name = &args.name.name;
    let plan = remove::plan(server, name).await?;
    if plan.is_empty() {
        note(format_args!("There is no doorbell \"{name}\"; nothing was changed."));
        return Ok(0);
    }
    doorbell::apply(server, &plan).await?;
    say(paint(GOOD, format_args!("The doorbell \"{name}\" is removed. Runs are found by polling alone.")));
    Ok(0)
}
