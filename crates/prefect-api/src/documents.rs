//! Documents as a server keeps them, whole.
//!
//! An upgrade has to tell whether anything has changed since it was planned, and to give back exactly what was there,
//! members that pushpool does not know included. So these calls read and write JSON. What other use cases read and change
//! has types in the modules of its resource.

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client::{Client, segment},
    error::ApiError,
    lists::found,
    models::Object,
    transport::{Method, Transport},
};

/// A kind of documents that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// Flows.
    Flows,
    /// Deployments.
    Deployments,
    /// Work pools.
    WorkPools,
    /// The queues of all work pools.
    WorkQueues,
    /// Automations (3.x, and 2.20 with events).
    Automations,
    /// Prefect variables.
    Variables,
}

impl Documents {
    fn path(self) -> &'static str {
        match self {
            Self::Flows => "/flows/filter",
            Self::Deployments => "/deployments/filter",
            Self::WorkPools => "/work_pools/filter",
            Self::WorkQueues => "/work_queues/filter",
            Self::Automations => "/automations/filter",
            Self::Variables => "/variables/filter",
        }
    }

    /// An order that stays the same while the list is read page by page, where the server knows one.
    fn order(self) -> Order {
        let by_creation = !matches!(self, Self::WorkPools | Self::WorkQueues);
        Order { sort: by_creation.then_some("CREATED_DESC") }
    }
}

#[derive(Serialize)]
struct Order {
    #[serde(skip_serializing_if = "Option::is_none")]
    sort: Option<&'static str>,
}

impl<T: Transport> Client<T> {
    /// All documents of a kind.
    ///
    /// # Errors
    /// [`ApiError`]; not found where the server has none of the kind.
    pub async fn documents(&self, kind: Documents) -> Result<Vec<Value>, ApiError> {
        self.list(kind.path(), &kind.order(), |document: &Value| document["id"].clone()).await
    }

    /// A deployment; none if there is no such deployment.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn deployment_document(&self, id: Uuid) -> Result<Option<Object>, ApiError> {
        found(self.get(format!("/deployments/{id}")).await)
    }

    /// A block with its name, type and references, its secrets masked; none if there is no such block.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn masked_block_document(&self, id: Uuid) -> Result<Option<Value>, ApiError> {
        found(self.get(format!("/block_documents/{id}?include_secrets=false")).await)
    }

    /// The block of a type and name as [`Client::masked_block_document`] gives it; none if there is no such block.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn masked_block_named(&self, type_slug: &str, name: &str) -> Result<Option<Value>, ApiError> {
        let (slug, name) = (segment(type_slug), segment(name));
        let path = format!("/block_types/slug/{slug}/block_documents/name/{name}?include_secrets=false");
        found(self.get(path).await)
    }

    /// Changes these members of a deployment, and no others.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such deployment, refused (422) for members that the server does not know.
    pub async fn patch_deployment(&self, id: Uuid, members: &Object) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/deployments/{id}"), Some(members)).await
    }

    /// Makes a deployment, or replaces the one that its flow has of that name, whose id stays. A member that is left out
    /// gets its default, and schedules get new ids, the last one of the list first (seen on 2.20.26).
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such work pool, a conflict if parameters or job variables do not fit.
    pub async fn put_deployment(&self, document: &Object) -> Result<Object, ApiError> {
        self.post("/deployments/".into(), document).await
    }

    /// Changes members of a schedule of a deployment.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such schedule.
    pub async fn patch_schedule(&self, deployment: Uuid, schedule: &str, members: &Object) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/deployments/{deployment}/schedules/{schedule}"), Some(members)).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    const ID: Uuid = Uuid::from_u128(1);

    fn object(json: Value) -> Object {
        let Value::Object(object) = json else { panic!("{json}") };
        object
    }

    #[tokio::test]
    async fn lists_are_asked_for_in_an_order_that_stays() {
        let kinds = [
            (Documents::Flows, "/flows/filter", json!({"sort": "CREATED_DESC", "limit": 200, "offset": 0})),
            (Documents::Deployments, "/deployments/filter", json!({"sort": "CREATED_DESC", "limit": 200, "offset": 0})),
            (Documents::WorkPools, "/work_pools/filter", json!({"limit": 200, "offset": 0})),
            (Documents::WorkQueues, "/work_queues/filter", json!({"limit": 200, "offset": 0})),
            (Documents::Automations, "/automations/filter", json!({"sort": "CREATED_DESC", "limit": 200, "offset": 0})),
            (Documents::Variables, "/variables/filter", json!({"sort": "CREATED_DESC", "limit": 200, "offset": 0})),
        ];
        for (kind, path, body) in kinds {
            let (client, fake) = Fake::client([(200, json!([{"id": ID, "of_a_later_release": 1}]))]);
            assert_eq!(client.documents(kind).await, Ok(vec![json!({"id": ID, "of_a_later_release": 1})]));
            assert_eq!(fake.asked(), [(Method::Post, path.to_owned(), body)]);
        }
    }

    #[tokio::test]
    async fn documents_are_read_and_written_whole() {
        let stored = object(json!({"id": ID, "name": "nightly", "manifest_path": null, "of_a_later_release": [1]}));
        let answer = || Value::Object(stored.clone());
        let missing = || json!({"detail": "not found"});
        let answers = [
            (200, answer()),
            (404, missing()),
            (200, answer()),
            (404, missing()),
            (204, Value::Null),
            (200, answer()),
            (204, Value::Null),
        ];
        let (client, fake) = Fake::client(answers);
        assert_eq!(client.deployment_document(ID).await, Ok(Some(stored.clone())));
        assert_eq!(client.deployment_document(ID).await, Ok(None));
        assert_eq!(client.masked_block_document(ID).await, Ok(Some(answer())));
        assert_eq!(client.masked_block_document(ID).await, Ok(None));
        let members = object(json!({"path": null}));
        client.patch_deployment(ID, &members).await.unwrap();
        assert_eq!(client.put_deployment(&stored).await, Ok(stored.clone()));
        client.patch_schedule(ID, "s", &members).await.unwrap();

        let asked = fake.asked();
        assert_eq!(asked[0], (Method::Get, format!("/deployments/{ID}"), Value::Null));
        assert_eq!(asked[2], (Method::Get, format!("/block_documents/{ID}?include_secrets=false"), Value::Null));
        assert_eq!(asked[4], (Method::Patch, format!("/deployments/{ID}"), Value::Object(members.clone())));
        assert_eq!(asked[5], (Method::Post, "/deployments/".into(), Value::Object(stored)));
        assert_eq!(asked[6], (Method::Patch, format!("/deployments/{ID}/schedules/s"), Value::Object(members)));
    }
}
