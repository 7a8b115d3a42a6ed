//! What the server has, read at once.

use std::collections::HashMap;

use prefect_api::{
    ApiError, Client, Transport,
    models::{AutomationDocument, Object, WorkPool},
};
use serde_json::Value;
use uuid::Uuid;

/// The part of a server that deployments of certain flows and pools touch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) flows: HashMap<String, Uuid>,
    deployments: HashMap<(Uuid, String), Object>,
    /// Those that start a deployment, by its id.
    automations: HashMap<Uuid, Vec<AutomationDocument>>,
}

impl Snapshot {
    /// Asks a server.
    pub(crate) async fn read<T: Transport>(client: &Client<T>, flows: &[&str]) -> Result<Self, ApiError> {
        if flows.is_empty() {
            return Ok(Self::default());
        }
        let asked = (client.flows_named(flows), client.deployments_of_flows(flows), client.automations_in_full());
        let (known, deployments, automations) = tokio::join!(asked.0, asked.1, asked.2);
        let automations = match automations {
            // A server may have them switched off.
            Err(error) if error.is_not_found() => Vec::new(),
            other => other?,
        };
        let key = |it: &Object| {
            let text = |key: &str| it.get(key).and_then(Value::as_str);
            Some((text("flow_id")?.parse().ok()?, text("name")?.to_owned()))
        };
        let mut snapshot = Self {
            flows: known?.into_iter().map(|flow| (flow.name, flow.id)).collect(),
            deployments: deployments?.into_iter().filter_map(|it| Some((key(&it)?, it))).collect(),
            automations: HashMap::new(),
        };
        for automation in automations {
            if let Some(id) = starts(&automation) {
                snapshot.automations.entry(id).or_default().push(automation);
            }
        }
        Ok(snapshot)
    }

    /// The deployment of a flow with a name.
    pub(crate) fn deployment(&self, flow: &str, name: &str) -> Option<&Object> {
        self.deployments.get(&(*self.flows.get(flow)?, name.to_owned()))
    }

    /// The automations whose only action is to start a deployment, as those that deploy makes.
    pub(crate) fn automations(&self, deployment: Uuid) -> &[AutomationDocument] {
        self.automations.get(&deployment).map_or(&[], Vec::as_slice)
    }
}

/// The deployment that an automation starts, if it does nothing else.
fn starts(automation: &AutomationDocument) -> Option<Uuid> {
    let [action] = automation.actions.as_slice() else { return None };
    let is = |key: &str, value: &str| action.get(key).and_then(Value::as_str) == Some(value);
    let id = action.get("deployment_id").and_then(Value::as_str)?;
    (is("type", "run-deployment") && is("source", "selected")).then(|| id.parse().ok()).flatten()
}

/// The pools of these names, in one request.
pub(crate) async fn pools<T: Transport>(client: &Client<T>, names: &[String]) -> Result<Vec<WorkPool>, ApiError> {
    if names.is_empty() { Ok(Vec::new()) } else { client.work_pools(&[], names).await }
}
