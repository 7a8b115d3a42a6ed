//! `pushpool doorbell test`.

use clap::{Args, ValueHint};
use manage::{
    Server,
    doorbell::{
        check_token, check_url,
        test::{self, Finding, Ring},
    },
};
use prefect_api::Transport;

use super::name::NameArgs;
use crate::{
    error::CliError,
    grid::{self, Cell},
    output::{self, BAD, DIM, GOOD, ODD},
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool doorbell test
  pushpool doorbell test --url $URL --token $TOKEN
      Ring that, whatever the server has. The block's token is sent to the block's
      address only.

Nothing is changed on the server. The ring is sent from here, with the address
and the token of the webhook block where the server shows them (it does to those
who may read secrets).

Exit codes:
  0    block and automation are there and enabled, and the doorbell answered 2xx
  1    something is missing, or the doorbell did not answer like that";

#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// Address to ring [default: that of the webhook block]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, value_parser = check_url)]
    url: Option<String>,

    /// Token to ring with [default: that of the webhook block]
    #[arg(long, env = "PUSHPOOL_DOORBELL_TOKEN", hide_env_values = true, value_parser = check_token)]
    token: Option<String>,

    /// Send the token to an http:// address, too, where others may read it
    #[arg(long)]
    allow_http: bool,

    #[command(flatten)]
    name: NameArgs,
}

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &TestArgs) -> Result<u8, CliError> {
    let ring = Ring {
        name: args.name.name.clone(),
        url: args.url.clone(),
        token: args.token.clone(),
        allow_http: args.allow_http,
    };
    let findings = test::examine(server, &ring).await?;
    let row = |Finding { part, text, well }: &Finding| {
        let style = match well {
            Some(true) => GOOD,
            Some(false) => BAD,
            None => ODD,
        };
        vec![Cell::new(part).styled(DIM), Cell::new(text).styled(style)]
    };
    let rows: Vec<Vec<Cell>> = findings.iter().map(row).collect();
    output::data(&format!("{}\n", grid::lines(&rows, output::width()).join("\n"))).map_err(CliError::WriteOutput)?;
    Ok(if findings.iter().any(|finding| finding.well == Some(false)) { 1 } else { 0 })
}
