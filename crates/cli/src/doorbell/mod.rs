//! `pushpool doorbell`: the automation that lets ad-hoc runs start at once.
//!
//! Polling finds every run, but up to a poll period later. One automation on the server covers all pools of type
//! `ecs:push`: it calls a webhook, the doorbell function, which makes the poller look now. Two objects are kept: a block
//! of type `webhook` with address and token, and the automation; both found by name, so that installing twice changes
//! and never doubles them.

mod install;
mod passing;
mod remove;
mod ring;
mod test;

pub(crate) use self::passing::Passing;

use std::net::IpAddr;

use clap::{Args, Subcommand};
use prefect_api::{
    ApiError, Transport,
    models::{Automation, BlockDocument},
};

use crate::{
    error::CliError,
    server::{self, Server, ServerArgs},
};

/// Name of block and automation when nothing else is said.
const NAME: &str = "pushpool-doorbell";
/// Type of the block.
const WEBHOOK: &str = "webhook";
/// What the server shows instead of a secret to those who may not see it.
const MASK: &str = "********";

const HELP: &str = "\
Examples:
  pushpool doorbell install --url https://abc.lambda-url.eu-central-1.on.aws/
  pushpool doorbell test
  pushpool doorbell remove

Without a doorbell, ad-hoc runs start with the next poll. Runs made by schedules
ring nothing anyway: they are sent ahead of their time.";

#[derive(Debug, Args)]
#[command(after_long_help = HELP, after_help = "See --help for examples.", subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct DoorbellArgs {
    #[command(subcommand)]
    command: DoorbellCommand,

    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Subcommand)]
enum DoorbellCommand {
    /// Create or update the webhook block and the automation
    #[command(after_long_help = install::HELP, after_help = "See --help for examples.")]
    Install(install::InstallArgs),
    /// Delete both
    #[command(visible_aliases = ["rm", "delete"])]
    Remove(remove::RemoveArgs),
    /// Check that both exist, and ring the doorbell
    #[command(after_long_help = test::HELP, after_help = "See --help for examples.")]
    Test(test::TestArgs),
}

#[derive(Debug, Args)]
struct NameArgs {
    /// Name of the block and of the automation
    #[arg(long, default_value = NAME)]
    name: String,
}

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(crate) fn run(args: &DoorbellArgs) -> Result<u8, CliError> {
    server::with_server(&args.server, async |server| match &args.command {
        DoorbellCommand::Install(install) => install::run(server, install).await,
        DoorbellCommand::Remove(remove) => remove::run(server, remove).await,
        DoorbellCommand::Test(test) => test::run(server, test).await,
    })
}

/// What is on the server. Names of automations need not be unique, so there may be several.
struct Installed {
    block: Option<BlockDocument>,
    automations: Vec<Automation>,
}

async fn installed<T: Transport>(server: &Server<T>, name: &str) -> Result<Installed, CliError> {
    let automations = match server.client.automations(name).await {
        Ok(automations) => automations,
        Err(ApiError::NotFound { .. }) => return Err(no_automations(server).await),
        Err(error) => return Err(server.told(error)),
    };
    let block = server.client.find_block(WEBHOOK, name).await.map_err(|error| server.told(error))?;
    Ok(Installed { block, automations })
}

/// Prefect 2 has them in its paid edition only.
async fn no_automations<T: Transport>(server: &Server<T>) -> CliError {
    let version = match server.client.server_version().await {
        Ok(version) => version,
        Err(error) => return server.told(error),
    };
    CliError::Explained {
        summary: format!("the Prefect server at {} has no automations", server.url),
        detail: format!("Its version is {version}; automations came to self-hosted servers with Prefect 3."),
        help: "Polling alone serves every run, some seconds later. Update the server to Prefect 3 for a doorbell."
            .to_owned(),
    }
}

/// Address and token in a block, as far as the server shows them.
fn address(block: &BlockDocument) -> (Option<String>, Option<String>) {
    let plain = |value: Option<&str>| value.filter(|text| *text != MASK).map(str::to_owned);
    let authorization = block.data.get("headers").and_then(|headers| headers["authorization"].as_str());
    let token = authorization.map(|header| header.strip_prefix("Bearer ").unwrap_or(header));
    (plain(block.data.get("url").and_then(serde_json::Value::as_str)), plain(token))
}

/// For the command line.
fn url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        None => Err("it must begin with https:// or http://".to_owned()),
        Some(rest) if rest.split(['/', '?', '#']).next().unwrap_or_default().contains('@') => {
            Err("it must not hold a user or password".to_owned())
        }
        Some("") => Err("it names no host".to_owned()),
        Some(_) => Ok(text.to_owned()),
    }
}

/// Refuses to send a token where others can read it on its way.
fn check_plain(url: &str, allow_http: bool) -> Result<(), CliError> {
    if allow_http || url.starts_with("https://") || is_loopback(url) {
        return Ok(());
    }
    Err(CliError::Explained {
        summary: format!("the token would travel to {url} in plain text"),
        detail: "Anyone who reads the token on its way can ring.".to_owned(),
        help: "Give an https:// address, as function URLs have. --allow-http sends it all the same, for a network that is \
               yours."
            .to_owned(),
    })
}

/// Whether a URL names this machine.
pub(crate) fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback() || address.is_unspecified())
}

/// For the command line: a header's value.
fn token(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("it is empty".to_owned()),
        token if token.bytes().all(|byte| (33..=126).contains(&byte)) => Ok(token.to_owned()),
        _ => Err("only printable ASCII without spaces".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_url_of_this_machine_is_one_of_loopback() {
        for url in
            ["http://127.0.0.1:4200/api", "http://localhost/api", "https://u:p@[::1]:1/api", "http://0.0.0.0:4200/api"]
        {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "https://api.prefect.cloud/api",
            "http://10.0.0.1:4200/api",
            "http://localhost.example.com/api",
            "http://prefect:4200/api",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }

    #[test]
    fn what_is_masked_is_not_known() {
        let block = |data: serde_json::Value| -> BlockDocument {
            serde_json::from_value(json!({"id": uuid::Uuid::nil(), "data": data})).unwrap()
        };
        let shown = block(json!({"url": "https://x", "headers": {"authorization": "Bearer t"}}));
        assert_eq!(address(&shown), (Some("https://x".into()), Some("t".into())));
        let masked = block(json!({"url": MASK, "headers": {"authorization": MASK}}));
        assert_eq!(address(&masked), (None, None));
        assert!(!format!("{shown:?}").contains("https"), "data may be secret");
    }

    #[test]
    fn addresses_and_tokens_are_checked() {
        for wrong in ["example.com", "ftp://x", "https://", "https://u:p@x/"] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
        assert!(url("https://x/?a=b@c").is_ok());
        for wrong in ["", " ", "a b", "a\nb", "ü"] {
            assert!(token(wrong).is_err(), "{wrong}");
        }
        assert_eq!(token(" t ").as_deref(), Ok("t"));
    }
}
