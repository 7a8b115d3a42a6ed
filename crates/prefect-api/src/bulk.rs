//! What a deploy reads at once, however many deployments it makes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client::Client,
    error::ApiError,
    filters::Is,
    lists::Everything,
    models::{Flow, Object},
    transport::{Method, Transport},
};

/// `{"flows": {"name": {"any_": names}}}`
#[derive(Serialize)]
struct OfFlows<'a> {
    flows: Named<'a>,
}

#[derive(Serialize)]
struct Named<'a> {
    name: Is<&'a [&'a str]>,
}

impl<'a> OfFlows<'a> {
    fn named(names: &'a [&'a str]) -> Self {
        Self { flows: Named { name: Is::AnyOf(names) } }
    }
}

/// An automation with everything that a deploy writes (3.9.1).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct AutomationDocument {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What its owner wrote about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether it fires.
    #[serde(default)]
    pub enabled: bool,
    /// What makes it fire.
    #[serde(default)]
    pub trigger: Value,
    /// What it does then.
    #[serde(default)]
    pub actions: Vec<Value>,
    /// When it was made.
    #[serde(default)]
    pub created: Option<Timestamp>,
}

impl<T: Transport> Client<T> {
    /// The flows of these names that exist.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flows_named(&self, names: &[&str]) -> Result<Vec<Flow>, ApiError> {
        self.list("/flows/filter", &OfFlows::named(names), |flow: &Flow| flow.id).await
    }

    /// All deployments of the flows of these names, whole.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn deployments_of_flows(&self, names: &[&str]) -> Result<Vec<Object>, ApiError> {
        let id = |document: &Object| document.get("id").cloned().unwrap_or(Value::Null);
        self.list("/deployments/filter", &OfFlows::named(names), id).await
    }

    /// All automations of the server (3.x). It cannot be asked for those of certain deployments only.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn automations_in_full(&self) -> Result<Vec<AutomationDocument>, ApiError> {
        self.list("/automations/filter", &Everything {}, |it: &AutomationDocument| it.id).await
    }

    /// Gives a deployment more schedules, as `prefect deploy` writes them.
    ///
    /// # Errors
    /// [`ApiError`]; a conflict if it has one with the same slug.
    pub async fn add_schedules(&self, deployment: Uuid, schedules: &[Value]) -> Result<(), ApiError> {
        let _: Value = self.post(format!("/deployments/{deployment}/schedules"), &schedules).await?;
        Ok(())
    }

    /// Deletes a deployment, and with it its schedules and the runs that they made and that have not started.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such deployment.
    pub async fn delete_deployment(&self, id: Uuid) -> Result<(), ApiError> {
        self.send(Method::Delete, format!("/deployments/{id}"), None::<&Object>).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    #[tokio::test]
    async fn flows_and_deployments_are_asked_for_by_the_names_of_flows() {
        let (client, fake) = Fake::client([
            (200, json!([{"id": Uuid::from_u128(1), "name": "etl"}])),
            (200, json!([{"id": Uuid::from_u128(2), "name": "nightly", "flow_id": Uuid::from_u128(1)}])),
            (200, json!([{"id": Uuid::from_u128(3), "name": "a", "enabled": true, "actions": [{"type": "x"}]}])),
            (204, Value::Null),
        ]);
        assert_eq!(client.flows_named(&["etl", "report"]).await.unwrap()[0].name, "etl");
        assert_eq!(client.deployments_of_flows(&["etl"]).await.unwrap()[0]["name"], "nightly");
        assert_eq!(client.automations_in_full().await.unwrap()[0].actions, [json!({"type": "x"})]);
        client.delete_deployment(Uuid::from_u128(2)).await.unwrap();
        let asked = fake.asked();
        let named = |names: &[&str]| json!({"flows": {"name": {"any_": names}}, "limit": 200, "offset": 0});
        assert_eq!(asked[0], (Method::Post, "/flows/filter".into(), named(&["etl", "report"])));
        assert_eq!(asked[1], (Method::Post, "/deployments/filter".into(), named(&["etl"])));
        assert_eq!(asked[2], (Method::Post, "/automations/filter".into(), json!({"limit": 200, "offset": 0})));
        assert_eq!(asked[3].1, "/deployments/00000000-0000-0000-0000-000000000002");
    }
}
