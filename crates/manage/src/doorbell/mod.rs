//! The doorbell: the automation that lets ad-hoc runs start at once.
//!
//! Polling finds every run, but up to a poll period later. One automation on the server covers all pools of type `ecs:push`.
//! It calls a webhook, the doorbell function, which makes the poller look now. A doorbell is two objects: a block of type
//! `webhook` with address and token, and the automation. Both are found by name, so a second installation changes them and
//! never doubles them.

pub mod install;
mod passing;
pub mod remove;
mod ring;
pub mod test;

use std::net::IpAddr;

use prefect_api::{
    ApiError, Transport,
    models::{Automation, AutomationSpec, BlockDocument},
};
use serde_json::Value;
use uuid::Uuid;

pub use self::passing::Passing;
use crate::{error::ManageError, plan::Plan, server::Server};

/// Name of block and automation when the user gives none.
pub const NAME: &str = "pushpool-doorbell";
/// Type of the block.
const WEBHOOK: &str = "webhook";
/// The server shows this instead of a secret to users who may not see it.
const MASK: &str = "********";

/// The parts of a doorbell that are on the server. Names of automations need not be unique, so there may be several.
#[derive(Debug)]
pub struct Installed {
    /// The webhook.
    pub block: Option<BlockDocument>,
    /// All automations of the name.
    pub automations: Vec<Automation>,
}

/// A call that changes a doorbell. It has no `Debug`, because it holds the token.
pub enum Step {
    /// Makes the block, or replaces its data.
    PutBlock {
        /// The block that exists.
        existing: Option<Uuid>,
        /// Name of the block.
        name: String,
        /// Its data, with the token.
        data: Value,
    },
    /// Makes the automation, or replaces it. It calls the block of the step before.
    PutAutomation {
        /// The automation that exists.
        existing: Option<Uuid>,
        /// Name of the automation.
        name: String,
        /// The events' work pools, as [`install`] describes them.
        pools: Value,
    },
    /// Deletes an automation.
    DeleteAutomation(Uuid),
    /// Deletes the block.
    DeleteBlock(Uuid),
}

/// Carries out the steps of a plan for a doorbell.
#[derive(Debug)]
pub struct Installer<'s, T> {
    server: &'s Server<T>,
    /// The block that the automation calls, once it is there.
    block: Option<Uuid>,
}

impl<'s, T: Transport> Installer<'s, T> {
    /// Changes doorbells of this server.
    #[must_use]
    pub fn new(server: &'s Server<T>) -> Self {
        Self { server, block: None }
    }

    /// Carries out one step.
    ///
    /// # Errors
    /// The server refuses it or does not answer.
    pub async fn carry(&mut self, step: &Step) -> Result<(), ManageError> {
        self.call(step).await.map_err(|error| self.server.told(error))
    }

    async fn call(&mut self, step: &Step) -> Result<(), ApiError> {
        let client = &self.server.client;
        match step {
            Step::PutBlock { existing: Some(id), data, .. } => {
                client.replace_block(*id, data).await?;
                self.block = Some(*id);
            }
            Step::PutBlock { existing: None, name, data } => {
                self.block = Some(client.create_block(WEBHOOK, name, data).await?.id);
            }
            Step::PutAutomation { existing, name, pools } => {
                let automation: AutomationSpec =
                    install::automation(name, self.block.unwrap_or_default(), pools.clone());
                match existing {
                    Some(id) => client.replace_automation(*id, &automation).await?,
                    None => drop(client.create_automation(&automation).await?),
                }
            }
            Step::DeleteAutomation(id) => client.delete_automation(*id).await?,
            Step::DeleteBlock(id) => client.delete_block(*id).await?,
        }
        Ok(())
    }
}

/// Carries out a plan for a doorbell.
///
/// # Errors
/// The server refuses a change or does not answer.
pub async fn apply<T: Transport>(server: &Server<T>, plan: &Plan<Step>) -> Result<(), ManageError> {
    let mut installer = Installer::new(server);
    plan.apply(async |change| installer.carry(&change.step).await).await
}

/// Looks for the doorbell of a name.
///
/// # Errors
/// The server has no automations, or does not answer.
pub async fn installed<T: Transport>(server: &Server<T>, name: &str) -> Result<Installed, ManageError> {
    let automations = match server.client.automations(name).await {
        Ok(automations) => automations,
        Err(ApiError::NotFound { .. }) => return Err(no_automations(server).await),
        Err(error) => return Err(server.told(error)),
    };
    let block = server.client.find_block(WEBHOOK, name).await.map_err(|error| server.told(error))?;
    Ok(Installed { block, automations })
}

/// Prefect 2 has them in its paid edition only.
async fn no_automations<T: Transport>(server: &Server<T>) -> ManageError {
    let version = match server.client.server_version().await {
        Ok(version) => version,
        Err(error) => return server.told(error),
    };
    ManageError::Explained {
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

/// Whether a text can be the address of a doorbell.
///
/// # Errors
/// The problem.
pub fn check_url(text: &str) -> Result<String, String> {
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
fn check_plain(url: &str, allow_http: bool) -> Result<(), ManageError> {
    if allow_http || url.starts_with("https://") || is_loopback(url) {
        return Ok(());
    }
    Err(ManageError::Explained {
        summary: format!("the token would travel to {url} in plain text"),
        detail: "Anyone who reads the token on its way can ring.".to_owned(),
        help: "Give an https:// address, as function URLs have. --allow-http sends it all the same, for a network that is \
               yours."
            .to_owned(),
    })
}

/// Whether a URL names this machine.
#[must_use]
pub fn is_loopback(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback() || address.is_unspecified())
}

/// Whether a text can be a token, which travels as the value of a header.
///
/// # Errors
/// The problem.
pub fn check_token(text: &str) -> Result<String, String> {
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
            assert!(check_url(wrong).is_err(), "{wrong}");
        }
        assert!(check_url("https://x/?a=b@c").is_ok());
        for wrong in ["", " ", "a b", "a\nb", "ü"] {
            assert!(check_token(wrong).is_err(), "{wrong}");
        }
        assert_eq!(check_token(" t ").as_deref(), Ok("t"));
    }
}
