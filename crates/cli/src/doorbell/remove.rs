//! `pushpool doorbell remove`.

use clap::Args;
use prefect_api::Transport;

use super::{Installed, NameArgs, installed};
use crate::{
    error::CliError,
    output::{GOOD, note, paint, say},
    server::Server,
};

#[derive(Debug, Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    name: NameArgs,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &RemoveArgs) -> Result<u8, CliError> {
    let name = &args.name.name;
    let Installed { block, automations } = installed(server, name).await?;
    if block.is_none() && automations.is_empty() {
        note(format_args!("There is no doorbell \"{name}\"; nothing was changed."));
        return Ok(0);
    }
    // The automation first: it needs the block.
    for automation in &automations {
        server.client.delete_automation(automation.id).await.map_err(|error| server.told(error))?;
    }
    if let Some(block) = block {
        server.client.delete_block(block.id).await.map_err(|error| server.told(error))?;
    }
    say(paint(GOOD, format_args!("The doorbell \"{name}\" is removed. Runs are found by polling alone.")));
    Ok(0)
}
