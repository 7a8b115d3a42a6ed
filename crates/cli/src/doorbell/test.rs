//! `pushpool doorbell test`.

use clap::{Args, ValueHint};
use prefect_api::Transport;
use serde_json::Value;

use super::{Installed, NameArgs, address, installed, ring::ring};
use crate::{
    error::CliError,
    grid::{self, Cell},
    output::{self, BAD, DIM, GOOD, ODD},
    server::Server,
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
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, value_parser = super::url)]
    url: Option<String>,

    /// Token to ring with [default: that of the webhook block]
    #[arg(long, env = "PUSHPOOL_DOORBELL_TOKEN", hide_env_values = true, value_parser = super::token)]
    token: Option<String>,

    /// Send the token to an http:// address, too, where others may read it
    #[arg(long)]
    allow_http: bool,

    #[command(flatten)]
    name: NameArgs,
}

/// What was looked at, how it is, and whether that is well.
type Finding = (&'static str, String, Option<bool>);

pub(super) async fn run<T: Transport>(server: &Server<T>, args: &TestArgs) -> Result<u8, CliError> {
    let name = &args.name.name;
    if let (Some(url), Some(_)) = (&args.url, &args.token) {
        super::check_plain(url, args.allow_http)?;
    }
    let found = installed(server, name).await?;
    let (url, token) = found.block.as_ref().map(address).unwrap_or_default();
    // The token goes to the address it belongs to and to no other.
    let token = token.filter(|_| args.url.is_none() || args.url == url);
    let mut findings = on_server(name, &found);
    match args.url.clone().or(url) {
        Some(url) => {
            let token = args.token.clone().or(token);
            if token.is_some() {
                super::check_plain(&url, args.allow_http)?;
            }
            findings.push(rung(&url, token.as_deref()).await);
        }
        None => findings.push(("ring", "not sent: no address is known; give --url and --token".to_owned(), None)),
    }
    let row = |(label, text, well): &Finding| {
        let style = match well {
            Some(true) => GOOD,
            Some(false) => BAD,
            None => ODD,
        };
        vec![Cell::new(label).styled(DIM), Cell::new(text).styled(style)]
    };
    let rows: Vec<Vec<Cell>> = findings.iter().map(row).collect();
    output::data(&format!("{}\n", grid::lines(&rows, output::width()).join("\n"))).map_err(CliError::WriteOutput)?;
    Ok(if findings.iter().any(|(_, _, well)| *well == Some(false)) { 1 } else { 0 })
}

fn on_server(name: &str, Installed { block, automations }: &Installed) -> Vec<Finding> {
    let block_finding = match block {
        Some(_) => ("webhook block", format!("{name}: there"), Some(true)),
        None => ("webhook block", format!("{name}: missing; `pushpool doorbell install` makes it"), Some(false)),
    };
    let id = block.as_ref().map(|block| Value::from(block.id.to_string()));
    let automation_finding = match automations.as_slice() {
        [] => (format!("{name}: missing; `pushpool doorbell install` makes it"), false),
        [one] if !one.enabled => (format!("{name}: disabled; enable it, or install again"), false),
        [one] if !one.actions.iter().any(|action| Some(&action["block_document_id"]) == id.as_ref()) => {
            (format!("{name}: calls another block; install again"), false)
        }
        [_] => (format!("{name}: enabled"), true),
        many => (format!("{name}: there are {}, each rings; install again", many.len()), false),
    };
    vec![block_finding, ("automation", automation_finding.0, Some(automation_finding.1))]
}

async fn rung(url: &str, token: Option<&str>) -> Finding {
    let (text, well) = match ring(url, token).await {
        Ok(response) => match response.status {
            status @ 200..=299 => (format!("answered (HTTP {status})"), true),
            status @ (401 | 403) => (format!("the token is not accepted (HTTP {status})"), false),
            status => (format!("answered HTTP {status}, which is no success"), false),
        },
        Err(error) => (error.to_string(), false),
    };
    ("ring", text, Some(well))
}
