//! Deployments as a server keeps them, whole.
//!
//! An upgrade has to give back exactly what was there, members that pushpool does not know included. So these calls read
//! and write JSON objects. What a deploy reads and changes has types in [`deployments`](crate::deployments).

use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client::Client,
    error::ApiError,
    lists::found,
    models::Object,
    transport::{Method, Transport},
};

/// All deployments, in an order that stays the same while the list is read page by page.
#[derive(Serialize)]
struct All {
    sort: &'static str,
}

impl<T: Transport> Client<T> {
    /// All deployments with everything the server says about them.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn deployment_documents(&self) -> Result<Vec<Object>, ApiError> {
        let id = |document: &Object| document.get("id").cloned().unwrap_or(Value::Null);
        self.list("/deployments/filter", &All { sort: "CREATED_DESC" }, id).await
    }

    /// A deployment with everything the server says about it; none if there is no such deployment.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn deployment_document(&self, id: Uuid) -> Result<Option<Object>, ApiError> {
        found(self.get(format!("/deployments/{id}")).await)
    }

    /// Changes these members of a deployment, and no others.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such deployment, refused (422) for members that the server does not know.
    pub async fn patch_deployment(&self, id: Uuid, members: &Object) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/deployments/{id}"), Some(members)).await
    }

    /// Makes a deployment, or replaces the one that its flow has of that name, whose id stays. A member that is left out
    /// gets its default, and schedules get new ids (seen on 2.20.26).
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
    pub async fn patch_schedule(&self, deployment: Uuid, schedule: Uuid, members: &Object) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/deployments/{deployment}/schedules/{schedule}"), Some(members)).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake::Fake;

    fn object(json: Value) -> Object {
        let Value::Object(object) = json else { panic!("{json}") };
        object
    }

    #[tokio::test]
    async fn documents_are_read_and_written_whole() {
        let id = Uuid::from_u128(1);
        let stored = object(json!({"id": id, "name": "nightly", "manifest_path": null, "of_a_later_release": [1]}));
        let answer = || Value::Object(stored.clone());
        let missing = json!({"detail": "Deployment not found"});
        let answers = [(200, json!([answer()])), (200, answer()), (404, missing), (204, Value::Null), (200, answer())];
        let (client, fake) = Fake::client(answers);
        assert_eq!(client.deployment_documents().await, Ok(vec![stored.clone()]));
        assert_eq!(client.deployment_document(id).await, Ok(Some(stored.clone())));
        assert_eq!(client.deployment_document(id).await, Ok(None));
        let members = object(json!({"path": null}));
        client.patch_deployment(id, &members).await.unwrap();
        assert_eq!(client.put_deployment(&stored).await, Ok(stored.clone()));

        let asked = fake.asked();
        let all = json!({"sort": "CREATED_DESC", "limit": 200, "offset": 0});
        assert_eq!(asked[0], (Method::Post, "/deployments/filter".into(), all));
        assert_eq!(asked[1].1, format!("/deployments/{id}"));
        assert_eq!(asked[3], (Method::Patch, format!("/deployments/{id}"), Value::Object(members)));
        assert_eq!(asked[4], (Method::Post, "/deployments/".into(), Value::Object(stored)));
    }
}
