//! What the server has, read at once.

use std::collections::HashMap;

use futures_util::{try_join, TryFutureExt};
use prefect_api::{
    ApiError, Client, Transport,
    models::{AutomationDocument, DeploymentDocument, WorkPool},
};
use serde_json::Value;
use uuid::Uuid;

/// The part of a server that deployments of certain flows and pools touch.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    pub(crate) flows: HashMap<String, Uuid>,
    deployments: HashMap<(Uuid, String), DeploymentDocument>,
    /// Those that start a deployment, by its id.
    automations: HashMap<Uuid, Vec<AutomationDocument>>,
}

impl Snapshot {
    /// Asks a server.
    pub(crate) async fn read<T: Transport>(client: &Client<T>, flows: &[&str]) -> Result<Self, ApiError> {
        if flows.is_empty() {
            return Ok(Self::default());
        }
        let (known, deployments, automations) = try_join!(
            client.flows_named(flows),
            client.deployments_of_flows(flows),
            client.automations_in_full().or_else(|error| async move {
                // A server may have them switched off.
                if error.is_not_found() { Ok(Vec::new()) } else { Err(error) }
            }),
        )?;
        let mut snapshot = Self {
            flows: known.into_iter().map(|flow| (flow.name, flow.id)).collect(),
            deployments: deployments.into_iter().map(|it| ((it.flow_id, it.name.clone()), it)).collect(),
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
    pub(crate) fn deployment(&self, flow: &str, name: &str) -> Option<&DeploymentDocument> {
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
