//! Automations (3.x; 2.20 servers have none unless an experiment is switched on).
//!
//! A deployment *owns* the automations that `prefect deploy` makes of its triggers: they name it as
//! their `owner_resource`, and go together at the next deploy.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client::Client,
    error::ApiError,
    filters::Is,
    transport::{Method, Transport},
};

/// An automation (3.x).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Automation {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Whether it does anything.
    #[serde(default)]
    pub enabled: bool,
    /// When it acts.
    #[serde(default)]
    pub trigger: Value,
    /// What it does.
    #[serde(default)]
    pub actions: Vec<Value>,
}

/// An automation to make.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AutomationSpec {
    /// Its name.
    pub name: String,
    /// What its owner writes about it.
    pub description: String,
    /// Whether it does anything.
    pub enabled: bool,
    /// When it acts.
    pub trigger: Value,
    /// What it does.
    pub actions: Vec<Value>,
}

#[derive(Serialize)]
struct Owned<'a> {
    #[serde(flatten)]
    automation: &'a AutomationSpec,
    owner_resource: String,
}

#[derive(Serialize)]
struct OfName<'a> {
    automations: NameFilter<'a>,
}

#[derive(Serialize)]
struct NameFilter<'a> {
    name: Is<[&'a str; 1]>,
}

impl<T: Transport> Client<T> {
    /// The automations of a name (3.x; names need not be unique).
    ///
    /// # Errors
    /// [`ApiError`]; not found where the server has no automations.
    pub async fn automations(&self, name: &str) -> Result<Vec<Automation>, ApiError> {
        let filter = OfName { automations: NameFilter { name: Is::AnyOf([name]) } };
        self.list("/automations/filter", &filter, |automation: &Automation| automation.id).await
    }

    /// Makes an automation.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_automation(&self, automation: &AutomationSpec) -> Result<Automation, ApiError> {
        self.post("/automations/".into(), automation).await
    }

    /// Replaces an automation.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn replace_automation(&self, id: Uuid, automation: &AutomationSpec) -> Result<(), ApiError> {
        self.send(Method::Put, format!("/automations/{id}"), Some(automation)).await
    }

    /// Deletes an automation.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_automation(&self, id: Uuid) -> Result<(), ApiError> {
        self.send(Method::Delete, format!("/automations/{id}"), None::<&Value>).await
    }

    /// Makes an automation that a deployment owns (seen: `prefect deploy` of 3.9.1 sends one for each trigger, with the
    /// action `run-deployment`).
    ///
    /// # Errors
    /// [`ApiError`]; refused if the trigger is none, or if the action's job variables do not fit the deployment's pool.
    pub async fn create_automation_of_deployment(
        &self,
        deployment: Uuid,
        automation: &AutomationSpec,
    ) -> Result<Automation, ApiError> {
        let body = Owned { automation, owner_resource: resource(deployment) };
        self.post("/automations/".into(), &body).await
    }

    /// The automations that are about a deployment: those that it owns, and those of others that run it (prefect 3.9.1,
    /// `server/api/automations.py`; all at once, without pages).
    ///
    /// # Errors
    /// [`ApiError`]; not found where the server has no automations.
    pub async fn automations_of_deployment(&self, deployment: Uuid) -> Result<Vec<Automation>, ApiError> {
        self.get(format!("/automations/related-to/{}", resource(deployment))).await
    }

    /// Deletes the automations that a deployment owns (seen: `prefect deploy` of 3.9.1 does so before it makes them
    /// anew). The server spares those that are made after the request came.
    ///
    /// # Errors
    /// [`ApiError`]; not found where the server has no automations.
    pub async fn delete_automations_of_deployment(&self, deployment: Uuid) -> Result<(), ApiError> {
        let path = format!("/automations/owned-by/{}", resource(deployment));
        self.send(Method::Delete, path, None::<&Value>).await
    }
}

/// What events and automations call a deployment.
fn resource(deployment: Uuid) -> String {
    format!("prefect.deployment.{deployment}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    #[tokio::test]
    async fn a_deployment_owns_the_automations_of_its_triggers() {
        let deployment: Uuid = "d33f4c17-1e0e-444c-bc0d-7b0576aaf0b6".parse().unwrap();
        let id = Uuid::from_u128(8);
        // As a server answered `prefect deploy`, shortened.
        let trigger = json!({"type": "event", "match": {"prefect.resource.id": "my.external.resource"},
            "expect": ["external.resource.pinged"], "posture": "Reactive", "threshold": 1, "within": 0.0});
        let action = json!({"type": "run-deployment", "source": "selected", "deployment_id": deployment,
            "parameters": {"name": "{{ event.resource.id }}"}, "schedule_after": 0.0});
        let answer = json!({"id": id, "name": "one__automation_1", "description": "", "enabled": true, "tags": [],
            "trigger": trigger, "actions": [action], "actions_on_trigger": [], "actions_on_resolve": []});
        let (client, fake) =
            Fake::client([(202, Value::Null), (201, answer.clone()), (200, json!([answer])), (200, json!([]))]);
        let spec = AutomationSpec {
            name: "one__automation_1".into(),
            description: String::new(),
            enabled: true,
            trigger: trigger.clone(),
            actions: vec![action.clone()],
        };
        client.delete_automations_of_deployment(deployment).await.unwrap();
        let made = client.create_automation_of_deployment(deployment, &spec).await.unwrap();
        assert_eq!((made.id, &made.trigger), (id, &trigger));
        assert_eq!(client.automations_of_deployment(deployment).await, Ok(vec![made]));
        assert_eq!(client.automations_of_deployment(deployment).await, Ok(vec![]));

        let of = "prefect.deployment.d33f4c17-1e0e-444c-bc0d-7b0576aaf0b6";
        let asked = fake.asked();
        assert_eq!(asked[0], (Method::Delete, format!("/automations/owned-by/{of}"), Value::Null));
        let body = json!({"name": "one__automation_1", "description": "", "enabled": true, "trigger": trigger,
            "actions": [action], "owner_resource": of});
        assert_eq!(asked[1], (Method::Post, "/automations/".into(), body));
        assert_eq!(asked[2], (Method::Get, format!("/automations/related-to/{of}"), Value::Null));
    }
}
