//! The calls themselves. Paths and bodies: the OpenAPI schema of prefect 3.8.8, seen to work on 2.20.26 too unless said.
//!
//! Most are needed by functions and are made for many runs at once: what a run costs in requests is what a Prefect
//! server feels of pushpool, and what Prefect Cloud counts.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Client, segment},
    error::ApiError,
    models::{
        Automation, AutomationSpec, BlockDocument, Deployment, Event, Flow, FlowRun, LogLine, Object, Orchestrated,
        Proposal, ScheduledFlowRun, WorkPool, WorkPoolCreate, WorkQueue, Worker, WrittenLine,
    },
    transport::{Method, Transport},
};

/// Most items of an answer (prefect 3.8.8, `server/settings`, `PREFECT_SERVER_API_DEFAULT_LIMIT`). More is refused.
pub const PAGE: usize = 200;

/// More items of a list than any server has: asking ends where a server's answers do not.
const MOST_ITEMS: usize = 20_000;

impl<T: Transport> Client<T> {
    /// Work pools of a type, and those of these names whatever their type.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn work_pools(&self, types: &[&str], names: &[String]) -> Result<Vec<WorkPool>, ApiError> {
        self.pools(types, names).await
    }

    /// The same, with as much of their templates as the caller wants: [`ListedPool`](crate::models::ListedPool) has none.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn pools<P>(&self, types: &[&str], names: &[String]) -> Result<Vec<WorkPool<P>>, ApiError>
    where
        WorkPool<P>: DeserializeOwned,
    {
        let filter = match (types, names) {
            ([], names) => json!({"name": {"any_": names}}),
            (types, []) => json!({"type": {"any_": types}}),
            (types, names) => json!({"operator": "or_", "type": {"any_": types}, "name": {"any_": names}}),
        };
        self.filter_work_pools(filter).await
    }

    /// All work pools, of whatever type.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn all_work_pools(&self) -> Result<Vec<WorkPool>, ApiError> {
        self.filter_work_pools(json!({})).await
    }

    async fn filter_work_pools<P>(&self, filter: Value) -> Result<Vec<WorkPool<P>>, ApiError>
    where
        WorkPool<P>: DeserializeOwned,
    {
        let filter = json!({"work_pools": filter});
        self.list("/work_pools/filter", filter, |pool: &WorkPool<P>| pool.id).await
    }

    /// All items of a list that is read by pages. `key` tells one item from another.
    async fn list<R: DeserializeOwned, K: PartialEq>(
        &self,
        path: &str,
        filter: Value,
        key: impl Fn(&R) -> K,
    ) -> Result<Vec<R>, ApiError> {
        let mut items: Vec<R> = Vec::new();
        let mut body = filter;
        loop {
            body["limit"] = self.page().into();
            body["offset"] = items.len().into();
            let page: Vec<R> = self.post(path.to_owned(), &body).await?;
            // A server that gives the same page again has no others.
            let known = page.first().is_none_or(|first| items.iter().any(|item| key(item) == key(first)));
            let more = page.len() >= self.page() && !known && items.len() < MOST_ITEMS;
            if !known {
                items.extend(page);
            }
            if !more {
                return Ok(items);
            }
        }
    }

    /// The items of these ids, however many, asked for page by page.
    async fn list_by_id<R: DeserializeOwned>(&self, path: &str, kind: &str, ids: &[Uuid]) -> Result<Vec<R>, ApiError> {
        let mut items = Vec::with_capacity(ids.len());
        for ids in ids.chunks(self.page()) {
            let body = json!({kind: {"id": {"any_": ids}}, "limit": self.page()});
            items.extend(self.post::<Vec<R>>(path.to_owned(), &body).await?);
        }
        Ok(items)
    }

    /// One work pool.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn work_pool(&self, name: &str) -> Result<WorkPool, ApiError> {
        self.get(format!("/work_pools/{}", segment(name))).await
    }

    /// One work pool with everything the server says about it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn work_pool_document(&self, name: &str) -> Result<Value, ApiError> {
        self.get(format!("/work_pools/{}", segment(name))).await
    }

    /// Makes a work pool.
    ///
    /// # Errors
    /// [`ApiError`]; a conflict if there is one of that name.
    pub async fn create_work_pool(&self, pool: &WorkPoolCreate) -> Result<WorkPool, ApiError> {
        self.post("/work_pools/".into(), pool).await
    }

    /// Changes members of a work pool: `description`, `is_paused`, `base_job_template`, `concurrency_limit`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_work_pool(&self, name: &str, changes: &Value) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/work_pools/{}", segment(name)), Some(changes)).await
    }

    /// Deletes a work pool.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_work_pool(&self, name: &str) -> Result<(), ApiError> {
        self.send(Method::Delete, format!("/work_pools/{}", segment(name)), None::<&Value>).await
    }

    /// The queues of a work pool.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn work_queues(&self, pool: &str) -> Result<Vec<WorkQueue>, ApiError> {
        let path = format!("/work_pools/{}/queues/filter", segment(pool));
        self.list(&path, json!({}), |queue: &WorkQueue| queue.id).await
    }

    /// Those who send heartbeats for a pool.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn workers(&self, pool: &str) -> Result<Vec<Worker>, ApiError> {
        let path = format!("/work_pools/{}/workers/filter", segment(pool));
        self.list(&path, json!({}), |worker: &Worker| worker.name.clone()).await
    }

    /// Says that `worker` serves the pool. The server takes it for offline after three intervals without another one.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn heartbeat(&self, pool: &str, worker: &str, interval_seconds: u32) -> Result<(), ApiError> {
        let body = json!({"name": worker, "heartbeat_interval_seconds": interval_seconds});
        let path = format!("/work_pools/{}/workers/heartbeat", segment(pool));
        self.send(Method::Post, path, Some(&body)).await
    }

    /// Runs that are to start in this time, of all queues of the pool or of these: by the queues' priority, then the earliest
    /// first. At most `limit` and as many as there are free slots, without paging: the rest comes when these are no longer
    /// SCHEDULED. Marks the queues and their deployments as polled.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn scheduled_flow_runs(
        &self,
        pool: &str,
        queues: Option<&[String]>,
        (after, before): (Option<Timestamp>, Timestamp),
        limit: usize,
    ) -> Result<Vec<ScheduledFlowRun>, ApiError> {
        let mut body = json!({"scheduled_before": before, "limit": limit});
        if let Some(after) = after {
            body["scheduled_after"] = json!(after);
        }
        if let Some(queues) = queues {
            body["work_queue_names"] = json!(queues);
        }
        self.post_page(format!("/work_pools/{}/get_scheduled_flow_runs", segment(pool)), &body).await
    }

    /// One flow run.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flow_run(&self, id: Uuid) -> Result<FlowRun, ApiError> {
        self.get(format!("/flow_runs/{id}")).await
    }

    /// The flow runs of these ids that exist, in no order. One that cannot be read fails all: [`Client::each_flow_run`]
    /// tells them apart.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flow_runs_by_id(&self, ids: &[Uuid]) -> Result<Vec<FlowRun>, ApiError> {
        self.list_by_id("/flow_runs/filter", "flow_runs", ids).await
    }

    /// The flow runs a filter names: `{"flow_runs": …, "work_pools": …, "sort": …, "limit": …, "offset": …}`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flow_runs(&self, filter: &Value) -> Result<Vec<FlowRun>, ApiError> {
        self.post("/flow_runs/filter".into(), filter).await
    }

    /// How many flow runs a filter names.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn count_flow_runs(&self, filter: &Value) -> Result<u64, ApiError> {
        self.post("/flow_runs/count".into(), filter).await
    }

    /// The states a flow run has had, oldest first.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flow_run_states(&self, id: Uuid) -> Result<Vec<crate::models::State>, ApiError> {
        let mut states: Vec<crate::models::State> = self.get(format!("/flow_run_states/?flow_run_id={id}")).await?;
        states.sort_by_key(|state| state.timestamp);
        Ok(states)
    }

    /// Proposes a state; `force` skips the server's rules.
    ///
    /// # Errors
    /// [`ApiError`]; not found if the run is gone.
    pub async fn propose(&self, id: Uuid, proposal: &Proposal, force: bool) -> Result<Orchestrated, ApiError> {
        let body = json!({"state": proposal, "force": force});
        self.post(format!("/flow_runs/{id}/set_state"), &body).await
    }

    /// Records what the run runs on.
    ///
    /// # Errors
    /// [`ApiError`]; not found if the run is gone.
    pub async fn record_infrastructure(&self, id: Uuid, infrastructure_pid: &str) -> Result<(), ApiError> {
        let body = json!({"infrastructure_pid": infrastructure_pid});
        self.send(Method::Patch, format!("/flow_runs/{id}"), Some(&body)).await
    }

    /// Lets the server hand a run out again that was to be tried again by a process that is gone. `run` is as it was read: the
    /// rest of its policy stays.
    ///
    /// # Errors
    /// [`ApiError`]; not found if the run is gone.
    pub async fn release(&self, run: &FlowRun) -> Result<(), ApiError> {
        let mut policy = run.empirical_policy.clone().unwrap_or_default();
        policy.insert("retry_type".to_owned(), "reschedule".into());
        self.send(Method::Patch, format!("/flow_runs/{}", run.id), Some(&json!({"empirical_policy": policy}))).await
    }

    /// Adds labels to a run (3.x; not found on 2.20).
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn label_flow_run(&self, id: Uuid, labels: &Object) -> Result<(), ApiError> {
        self.send(Method::Patch, format!("/flow_runs/{id}/labels"), Some(labels)).await
    }

    /// The deployments of these ids that exist.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn deployments(&self, ids: &[Uuid]) -> Result<Vec<Deployment>, ApiError> {
        self.list_by_id("/deployments/filter", "deployments", ids).await
    }

    /// How many deployments a filter names.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn count_deployments(&self, filter: &Value) -> Result<u64, ApiError> {
        self.post("/deployments/count".into(), filter).await
    }

    /// The flows of these ids that exist.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn flows(&self, ids: &[Uuid]) -> Result<Vec<Flow>, ApiError> {
        self.list_by_id("/flows/filter", "flows", ids).await
    }

    /// Data of a block document; without its secrets, the server masks their values.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn block_document(&self, id: &str, with_secrets: bool) -> Result<Value, ApiError> {
        let path = format!("/block_documents/{}?include_secrets={with_secrets}", segment(id));
        let document: Value = self.get(path).await?;
        Ok(document["data"].clone())
    }

    /// Data of the block document of a type and name; without its secrets, the server masks their values.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn block(&self, type_slug: &str, name: &str, with_secrets: bool) -> Result<Value, ApiError> {
        let (slug, name) = (segment(type_slug), segment(name));
        let path = format!("/block_types/slug/{slug}/block_documents/name/{name}?include_secrets={with_secrets}");
        let document: Value = self.get(path).await?;
        Ok(document["data"].clone())
    }

    /// The block document of a type and name, secrets included; none if there is no such document.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn find_block(&self, type_slug: &str, name: &str) -> Result<Option<BlockDocument>, ApiError> {
        let (slug, name) = (segment(type_slug), segment(name));
        let path = format!("/block_types/slug/{slug}/block_documents/name/{name}?include_secrets=true");
        found(self.get(path).await)
    }

    /// Makes a block document of a type, by the newest schema the server has for it.
    ///
    /// # Errors
    /// [`ApiError`]; not found if the server has no such type of blocks.
    pub async fn create_block(&self, type_slug: &str, name: &str, data: &Value) -> Result<BlockDocument, ApiError> {
        let block_type: Value = self.get(format!("/block_types/slug/{}", segment(type_slug))).await?;
        let of_type = json!({"block_schemas": {"block_type_id": {"any_": [block_type["id"]]}}, "limit": 1});
        let schemas: Vec<Value> = self.post("/block_schemas/filter".into(), &of_type).await?;
        let Some(schema) = schemas.first() else {
            return Err(ApiError::NotFound {
                operation: "POST /block_schemas/filter".to_owned(),
                detail: format!("no schema of block type {type_slug}"),
            });
        };
        let body =
            json!({"name": name, "block_type_id": block_type["id"], "block_schema_id": schema["id"], "data": data});
        self.post("/block_documents/".into(), &body).await
    }

    /// Replaces the data of a block document.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn replace_block(&self, id: Uuid, data: &Value) -> Result<(), ApiError> {
        let body = json!({"data": data, "merge_existing_data": false});
        self.send(Method::Patch, format!("/block_documents/{id}"), Some(&body)).await
    }

    /// Deletes a block document.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_block(&self, id: Uuid) -> Result<(), ApiError> {
        self.send(Method::Delete, format!("/block_documents/{id}"), None::<&Value>).await
    }

    /// The automations of a name (3.x; names need not be unique).
    ///
    /// # Errors
    /// [`ApiError`]; not found where the server has no automations.
    pub async fn automations(&self, name: &str) -> Result<Vec<Automation>, ApiError> {
        let body = json!({"automations": {"name": {"any_": [name]}}});
        self.list("/automations/filter", body, |automation: &Automation| automation.id).await
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

    /// Value of a variable; none if there is no such variable.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn variable(&self, name: &str) -> Result<Option<Value>, ApiError> {
        let variable: Option<Value> = found(self.get(format!("/variables/name/{}", segment(name))).await)?;
        Ok(variable.map(|variable| variable["value"].clone()))
    }

    /// Adds lines to the logs of flow runs.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn write_logs(&self, lines: &[LogLine]) -> Result<(), ApiError> {
        self.send(Method::Post, "/logs/".into(), Some(&lines)).await
    }

    /// Lines of a flow run's log, oldest first; at most [`PAGE`] from `offset`.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn logs(&self, run: Uuid, offset: usize) -> Result<Vec<WrittenLine>, ApiError> {
        let of_run = json!({"flow_run_id": {"any_": [run]}});
        let body = json!({"logs": of_run, "sort": "TIMESTAMP_ASC", "limit": PAGE, "offset": offset});
        self.post("/logs/filter".into(), &body).await
    }

    /// Emits events (3.x).
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn emit(&self, events: &[Event]) -> Result<(), ApiError> {
        self.send(Method::Post, "/events".into(), Some(&events)).await
    }

    /// Keeps a slot of a deployment's concurrency limit (3.x): it would be given away after its life of 60 to 86,400 s.
    ///
    /// # Errors
    /// [`ApiError`]; refused with 410 once it is gone.
    pub async fn renew_lease(&self, lease: Uuid, seconds: u32) -> Result<(), ApiError> {
        let path = format!("/v2/concurrency_limits/leases/{lease}/renew");
        self.send(Method::Post, path, Some(&json!({"lease_duration": seconds}))).await
    }

    /// Version of the server.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn server_version(&self) -> Result<String, ApiError> {
        self.get("/admin/version".into()).await
    }
}

/// None where the server says that there is no such thing.
fn found<R>(answer: Result<R, ApiError>) -> Result<Option<R>, ApiError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}
