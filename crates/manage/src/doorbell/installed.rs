//! The two objects of a doorbell as they are on the server.

use prefect_api::{
    ApiError, Transport,
    models::{Automation, BlockDocument},
};

use crate::{error::ManageError, server::Server};

/// Type of the block.
pub(super) const WEBHOOK: &str = "webhook";
/// The server shows this instead of a secret to users who may not see it.
pub(super) const MASK: &str = "********";

/// The parts of a doorbell that are on the server. Names of automations need not be unique, so there may be several.
#[derive(Debug)]
pub struct Installed {
    /// The webhook.
    pub block: Option<BlockDocument>,
    /// All automations of the name.
    pub automations: Vec<Automation>,
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
pub(super) fn address(block: &BlockDocument) -> (Option<String>, Option<String>) {
    let plain = |value: Option<&str>| value.filter(|text| *text != MASK).map(str::to_owned);
    let authorization = block.data.get("headers").and_then(|headers| headers["authorization"].as_str());
    let token = authorization.map(|header| header.strip_prefix("Bearer ").unwrap_or(header));
    (plain(block.data.get("url").and_then(serde_json::Value::as_str)), plain(token))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

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
}
