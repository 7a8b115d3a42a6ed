//! Whether a doorbell is complete and rings. Nothing is changed on the server.

use prefect_api::Transport;
use serde_json::Value;

use super::{
    installed::{Installed, address, installed},
    ring::ring,
    safety::check_plain,
};
use crate::{error::ManageError, server::Server};

/// A part of the doorbell, and how it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part.
    pub part: &'static str,
    /// How it is.
    pub text: String,
    /// Whether that is well; none if it could not be tried.
    pub well: Option<bool>,
}

impl Finding {
    fn new(part: &'static str, text: impl Into<String>, well: Option<bool>) -> Self {
        Self { part, text: text.into(), well }
    }
}

/// The ring that the user wants. It has no `Debug`, because it may hold the token.
pub struct Ring {
    /// Name of block and automation.
    pub name: String,
    /// Address to ring; none is that of the block.
    pub url: Option<String>,
    /// Token to ring with; none is that of the block.
    pub token: Option<String>,
    /// Whether the token may travel to an `http://` address.
    pub allow_http: bool,
}

/// Looks at block and automation, and rings once.
///
/// # Errors
/// The token would travel in plain text, or the server has no automations or does not answer. A doorbell that does not
/// answer is a finding.
pub async fn examine<T: Transport>(server: &Server<T>, wanted: &Ring) -> Result<Vec<Finding>, ManageError> {
    if let (Some(url), Some(_)) = (&wanted.url, &wanted.token) {
        check_plain(url, wanted.allow_http)?;
    }
    let found = installed(server, &wanted.name).await?;
    let (url, token) = found.block.as_ref().map(address).unwrap_or_default();
    // The token goes to the address it belongs to and to no other.
    let token = token.filter(|_| wanted.url.is_none() || wanted.url == url);
    let mut findings = on_server(&wanted.name, &found);
    match wanted.url.clone().or(url) {
        Some(url) => {
            let token = wanted.token.clone().or(token);
            if token.is_some() {
                check_plain(&url, wanted.allow_http)?;
            }
            findings.push(rung(&url, token.as_deref()).await);
        }
        None => findings.push(Finding::new("ring", "not sent: no address is known; give --url and --token", None)),
    }
    Ok(findings)
}

fn on_server(name: &str, Installed { block, automations }: &Installed) -> Vec<Finding> {
    let missing = || format!("{name}: missing; `pushpool doorbell install` makes it");
    let (text, well) = match block {
        Some(_) => (format!("{name}: there"), true),
        None => (missing(), false),
    };
    let of_block = Finding::new("webhook block", text, Some(well));
    let id = block.as_ref().map(|block| Value::from(block.id.to_string()));
    let (text, well) = match automations.as_slice() {
        [] => (missing(), false),
        [one] if !one.enabled => (format!("{name}: disabled; enable it, or install again"), false),
        [one] if !one.actions.iter().any(|action| Some(&action["block_document_id"]) == id.as_ref()) => {
            (format!("{name}: calls another block; install again"), false)
        }
        [_] => (format!("{name}: enabled"), true),
        many => (format!("{name}: there are {}, each rings; install again", many.len()), false),
    };
    vec![of_block, Finding::new("automation", text, Some(well))]
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
    Finding::new("ring", text, Some(well))
}
