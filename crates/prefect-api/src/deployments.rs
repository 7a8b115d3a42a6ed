//! Deployments: the little that a function reads of them, and all that `prefect deploy` writes.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client::{Client, segment},
    concurrency::ConcurrencyLimit,
    error::ApiError,
    filters::DeploymentQuery,
    lists::{Apart, found},
    models::Object,
    patch::Patch,
    schedules::{Schedule, ScheduleSpec},
    transport::{Method, Transport},
};

/// A deployment, as far as its runs need it. [`DeploymentDocument`] has the rest.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Deployment {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// Its flow.
    pub flow_id: Uuid,
    /// What all its runs share; 2.20 calls it `infra_overrides`.
    #[serde(default, alias = "infra_overrides")]
    pub job_variables: Option<Object>,
    /// Its concurrency limit (3.x).
    #[serde(default)]
    pub global_concurrency_limit: Option<ConcurrencyLimit>,
}

impl Deployment {
    /// Whether its concurrency limit is 0. The server refuses every claim of its runs then (ABORT), and they stay SCHEDULED.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.global_concurrency_limit.as_ref().is_some_and(|limit| limit.limit == 0)
    }
}

/// A deployment with everything that a deploy may change (answers of 3.9.1 and 2.20.26).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DeploymentDocument {
    /// Its id.
    pub id: Uuid,
    /// Its name, unique within its flow.
    pub name: String,
    /// Its flow.
    pub flow_id: Uuid,
    /// Its version.
    #[serde(default)]
    pub version: Option<String>,
    /// What its owner wrote about it.
    #[serde(default)]
    pub description: Option<String>,
    /// Whether its schedules make no runs.
    #[serde(default)]
    pub paused: bool,
    /// Its schedules.
    #[serde(default)]
    pub schedules: Vec<Schedule>,
    /// Its concurrency limit (3.x).
    #[serde(default)]
    pub global_concurrency_limit: Option<ConcurrencyLimit>,
    /// What becomes of a run beyond the limit (3.x).
    #[serde(default)]
    pub concurrency_options: Option<ConcurrencyOptions>,
    /// Whether the server checks parameters against `parameter_openapi_schema`.
    #[serde(default)]
    pub enforce_parameter_schema: bool,
    /// JSON schema of its flow's parameters.
    #[serde(default)]
    pub parameter_openapi_schema: Option<Value>,
    /// Parameters of its runs.
    #[serde(default)]
    pub parameters: Object,
    /// Tags of its runs.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Labels (3.x).
    #[serde(default)]
    pub labels: Option<Object>,
    /// How a run gets its code; none on a deployment that has a storage block.
    #[serde(default)]
    pub pull_steps: Option<Vec<Value>>,
    /// Its work pool.
    #[serde(default)]
    pub work_pool_name: Option<String>,
    /// Its work queue.
    #[serde(default)]
    pub work_queue_name: Option<String>,
    /// What all its runs share; 2.20 calls it `infra_overrides`, whose keys may be paths with dots.
    #[serde(default, alias = "infra_overrides")]
    pub job_variables: Option<Object>,
    /// `path/to/file.py:function`
    #[serde(default)]
    pub entrypoint: Option<String>,
    /// Folder that the entrypoint is relative to.
    #[serde(default)]
    pub path: Option<String>,
    /// Block that holds its code, from the days of agents.
    #[serde(default)]
    pub storage_document_id: Option<Uuid>,
    /// Block that runs its runs, from the days of agents.
    #[serde(default)]
    pub infrastructure_document_id: Option<Uuid>,
}

/// What becomes of runs beyond a deployment's concurrency limit (3.x).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConcurrencyOptions {
    /// What becomes of them.
    pub collision_strategy: CollisionStrategy,
    /// How long a run may take from its claim to its start before it loses its slot, in seconds: 60 to 86,400. None is
    /// the server's setting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<u32>,
}

/// What becomes of a run for which there is no slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum CollisionStrategy {
    /// It waits.
    Enqueue,
    /// It is cancelled.
    CancelNew,
    /// A strategy of a later release.
    #[serde(other)]
    Unknown,
}

/// A deployment to make.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeploymentCreate {
    /// Its name, unique within its flow.
    pub name: String,
    /// Its flow.
    pub flow_id: Uuid,
    /// Labels (3.x).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Object>,
    /// The rest of it.
    #[serde(flatten)]
    pub fields: DeploymentFields,
}

/// What can be changed of a deployment. A field that is not set is not sent: a new deployment gets the server's default,
/// and a present one keeps what it has. Fields marked (3.x) make a 2.20 server refuse the whole request (422).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DeploymentFields {
    /// Its version.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub version: Patch<String>,
    /// Where the version comes from, with at least `type` and `version` (3.x).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_info: Option<Object>,
    /// What its owner writes about it.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub description: Patch<String>,
    /// Whether its schedules make no runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paused: Option<bool>,
    /// All of its schedules. 3.9.1 matches them by their slugs where all present and all new ones have one: it changes
    /// or adds, and deletes none, so an empty list changes nothing. If only the present ones have slugs, it refuses the
    /// change (422). In all other cases, and always on 2.20.26, the new ones replace the present ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedules: Option<Vec<ScheduleSpec>>,
    /// How many of its runs may be PENDING or RUNNING at once, at least 1 (3.x).
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub concurrency_limit: Patch<u32>,
    /// What becomes of runs beyond that (3.x).
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub concurrency_options: Patch<ConcurrencyOptions>,
    /// Whether the server checks parameters against `parameter_openapi_schema`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforce_parameter_schema: Option<bool>,
    /// JSON schema of its flow's parameters. A change of it is refused by 2.20 (422).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter_openapi_schema: Option<Value>,
    /// All parameters of its runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Object>,
    /// All tags of its runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// All steps by which a run gets its code. A change of them is refused by 2.20 (422).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull_steps: Option<Vec<Value>>,
    /// Its work pool. Without a queue beside it, the deployment goes to the pool's default queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work_pool_name: Option<String>,
    /// Its work queue, which the server makes if there is none.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub work_queue_name: Patch<String>,
    /// All job variables that its runs share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_variables: Option<Object>,
    /// `path/to/file.py:function`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<String>,
    /// Folder that the entrypoint is relative to.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub path: Patch<String>,
    /// Block that holds its code, from the days of agents.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub storage_document_id: Patch<Uuid>,
    /// Block that runs its runs, from the days of agents.
    #[serde(skip_serializing_if = "Patch::is_keep")]
    pub infrastructure_document_id: Patch<Uuid>,
}

impl<T: Transport> Client<T> {
    /// The deployments of these ids that exist.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn deployments(&self, ids: &[Uuid]) -> Result<Vec<Deployment>, ApiError> {
        self.list_by_id("/deployments/filter", "deployments", ids).await
    }

    /// The same, one by one where the list fails for its content.
    ///
    /// # Errors
    /// [`ApiError`] of the list, for another reason.
    pub async fn each_deployment(&self, ids: &[Uuid]) -> Result<Apart<Deployment>, ApiError> {
        self.each_by_id("/deployments/filter", "deployments", ids).await
    }

    /// How many deployments a query names.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn count_deployments(&self, query: &DeploymentQuery<'_>) -> Result<u64, ApiError> {
        self.post("/deployments/count".into(), query).await
    }

    /// The deployment of a flow with this name; none if there is no such deployment (seen: `prefect deploy` of 3.9.1
    /// asks so whether it has to make or to change one).
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn deployment_by_name(&self, flow: &str, name: &str) -> Result<Option<DeploymentDocument>, ApiError> {
        found(self.get(format!("/deployments/name/{}/{}", segment(flow), segment(name))).await)
    }

    /// Makes a deployment (seen: `prefect deploy` of 3.9.1), or changes the one that its flow has of that name, whose id
    /// stays. The server deletes the schedules of that one. Of its other fields that are not sent, 3.9.1 keeps what they
    /// have (`server/models/deployments.py`), and 2.20.26 sets them to their defaults (seen).
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such work pool, a conflict if parameters or job variables do not fit.
    pub async fn create_deployment(&self, deployment: &DeploymentCreate) -> Result<DeploymentDocument, ApiError> {
        self.post("/deployments/".into(), deployment).await
    }

    /// Changes a deployment (seen: `prefect deploy` of 3.9.1). The server deletes its future runs that schedules made,
    /// and makes them anew.
    ///
    /// # Errors
    /// [`ApiError`]; not found if there is no such deployment, busy (500) if there is no such work pool.
    pub async fn update_deployment(&self, id: Uuid, changes: &DeploymentFields) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/deployments/{id}"), Some(changes)).await
    }
}

#[cfg(test)]
mod tests;
