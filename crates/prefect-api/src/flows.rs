//! Flows.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{client::Client, error::ApiError, lists::Apart, transport::Transport};

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Flow {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

impl<T: Transport> Client<T> {
    /// The flows of these ids that exist.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flows(&self, ids: &[Uuid]) -> Result<Vec<Flow>, ApiError> {
        self.list_by_id("/flows/filter", "flows", ids).await
    }

    /// The same, one by one where the list fails for its content.
    ///
    /// # Errors
    /// [`ApiError`] of the list, for another reason.
    pub async fn each_flow(&self, ids: &[Uuid]) -> Result<Apart<Flow>, ApiError> {
        self.each_by_id("/flows/filter", "flows", ids).await
    }

    /// The flow of a name, made if there is none yet (prefect 3.9.1, `server/api/flows.py`, `create_flow`;
    /// `prefect deploy` sends the same before it makes a deployment).
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_flow(&self, name: &str) -> Result<Flow, ApiError> {
        self.post("/flows/".into(), &Named { name }).await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{fake::Fake, transport::Method};

    #[tokio::test]
    async fn a_flow_is_made_by_its_name_alone() {
        let id = Uuid::from_u128(3);
        let (client, fake) = Fake::client([(201, json!({"id": id, "name": "hello-world", "tags": [], "labels": {}}))]);
        let flow = client.create_flow("hello-world").await.unwrap();
        assert_eq!(flow, Flow { id, name: "hello-world".into() });
        assert_eq!(fake.asked(), [(Method::Post, "/flows/".into(), json!({"name": "hello-world"}))]);
    }
}
