//! Which doorbell: a server may have several.

use clap::Args;
use manage::doorbell::NAME;

#[derive(Debug, Args)]
pub(super) struct NameArgs {
    /// Name of the block and of the automation
    #[arg(long, default_value = NAME)]
    pub(super) name: String,
}
