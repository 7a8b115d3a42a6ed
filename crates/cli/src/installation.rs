//! The installation a command looks at, as the command line names it.

use clap::Args;
use manage::installation::{PREFIX, Side, Which};

use crate::{error::CliError, output::note};

/// Which installation.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Installation")]
pub(crate) struct InstallationArgs {
    /// Prefix of the installation's names: the variable `prefix` of its Terraform module
    #[arg(long, env = "PUSHPOOL_PREFIX", hide_env_values = true, value_name = "NAME", default_value = PREFIX)]
    pub(crate) prefix: String,

    /// Region of the installation [default: as the SDKs find it: AWS_REGION, then the profile]
    #[arg(long, value_name = "NAME")]
    pub(crate) region: Option<String>,

    /// Look at the `pushpool dev` that runs on this machine [default: if AWS_ENDPOINT_URL is its address, or no region is set]
    #[arg(long, conflicts_with = "region")]
    pub(crate) dev: bool,
}

impl InstallationArgs {
    /// What these arguments say about the installation.
    pub(crate) fn which(&self) -> Which {
        Which { prefix: self.prefix.clone(), region: self.region.clone(), dev: self.dev }
    }

    /// The AWS to look at. Tells the user if it is not the one that they may expect.
    ///
    /// # Errors
    /// No setting names a region, or no `dev` runs.
    pub(crate) async fn side(&self) -> Result<Side, CliError> {
        let side = self.which().side().await?;
        side.note.iter().for_each(note);
        Ok(side)
    }
}
