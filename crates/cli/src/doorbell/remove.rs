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
    if !delete(server, name).await? {
        note(format_args!("There is no doorbell \"{name}\"; nothing was changed."));
        return Ok(0);
    }
    say(paint(GOOD, format_args!("The doorbell \"{name}\" is removed. Runs are found by polling alone.")));
    Ok(0)
}

/// Deletes block and automations; whether there were any.
pub(super) async fn delete<T: Transport>(server: &Server<T>, name: &str) -> Result<bool, CliError> {
    let Installed { block, automations } = installed(server, name).await?;
    if block.is_none() && automations.is_empty() {
        return Ok(false);
    }
    // The automation first: it needs the block.
    for automation in &automations {
        server.client.delete_automation(automation.id).await.map_err(|error| server.told(error))?;
    }
    if let Some(block) = block {
        server.client.delete_block(block.id).await.map_err(|error| server.told(error))?;
    }
    Ok(true)
}
