//! Pools, deployments, runs and the rest, made in one line each. All of these panic when the server refuses.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::api::Api;

/// How often a state that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A deployment to create.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    body: Value,
    flow: String,
}

impl NewDeployment {
    /// Deploys `flow` of the project in `directory` (`flows.py:{flow}`) to `pool`, under the flow's name. A pull step
    /// sends the process into `directory`.
    #[must_use]
    pub fn new(flow: &str, directory: &Path, pool: &str) -> Self {
        let body = json!({
            "name": super::unique(flow),
            "work_pool_name": pool,
            "entrypoint": format!("flows.py:{flow}"),
            "pull_steps": [{"prefect.deployments.steps.set_working_directory": {"directory": directory}}],
        });
        Self { body, flow: flow.replace('_', "-") }
    }

    /// Job variables; 2.20 takes them under this name too.
    #[must_use]
    pub fn job_variables(self, variables: Value) -> Self {
        self.with("job_variables", variables)
    }

    /// Default parameters.
    #[must_use]
    pub fn parameters(self, parameters: Value) -> Self {
        self.with("parameters", parameters)
    }

    /// Name of the work queue; created when the pool has none of it.
    #[must_use]
    pub fn queue(self, queue: &str) -> Self {
        self.with("work_queue_name", json!(queue))
    }

    /// Any other key of the request, for instance `schedules` or `concurrency_limit`.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.body[key] = value;
        self
    }
}

/// A deployment that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Id of its flow.
    pub flow_id: String,
}

impl Api {
    /// Creates a pool of type `ecs:push` and returns the server's description of it.
    pub async fn create_pool(&self, name: &str, base_job_template: Value) -> Value {
        self.create_pool_with(json!({"name": name, "type": "ecs:push", "base_job_template": base_job_template})).await
    }

    /// Creates a pool from the whole request, for instance with `concurrency_limit`.
    pub async fn create_pool_with(&self, body: Value) -> Value {
        self.post("/work_pools/", body).await.ok()
    }

    /// Creates a queue of a pool.
    pub async fn create_queue(&self, pool: &str, name: &str, concurrency_limit: Option<u32>) -> Value {
        let body = json!({"name": name, "concurrency_limit": concurrency_limit});
        self.post(&format!("/work_pools/{pool}/queues"), body).await.ok()
    }

    /// Creates the flow and the deployment. 2.20 takes the same keys and shows `job_variables` as `infra_overrides`.
    pub async fn create_deployment(&self, deployment: NewDeployment) -> Deployment {
        let flow = self.post("/flows/", json!({"name": deployment.flow})).await.ok();
        let mut body = deployment.body;
        body["flow_id"] = flow["id"].clone();
        let created = self.post("/deployments/", body).await.ok();
        Deployment { id: text(&created, "id"), name: text(&created, "name"), flow_id: text(&created, "flow_id") }
    }

    /// Creates a run of a deployment, due now unless `body` has a `state`; returns its id.
    pub async fn create_run(&self, deployment: &str, mut body: Value) -> String {
        if body["idempotency_key"].is_null() {
            body["idempotency_key"] = json!(Uuid::new_v4());
        }
        text(&self.post(&format!("/deployments/{deployment}/create_flow_run"), body).await.ok(), "id")
    }

    /// Creates a run of a deployment that is due in `delay`; returns its id.
    pub async fn create_run_later(&self, deployment: &str, delay: Duration, mut body: Value) -> String {
        let due = std::time::SystemTime::now() + delay;
        let due = due.duration_since(std::time::UNIX_EPOCH).expect("it is after 1970").as_secs_f64();
        // The server reads seconds since 1970 as well as it reads text.
        body["state"] = json!({"type": "SCHEDULED", "state_details": {"scheduled_time": due}});
        self.create_run(deployment, body).await
    }

    /// The run as the server describes it.
    pub async fn run(&self, id: &str) -> Value {
        self.get(&format!("/flow_runs/{id}")).await.ok()
    }

    /// All states the run has had, oldest first.
    pub async fn states(&self, id: &str) -> Vec<Value> {
        let mut states = list(self.get(&format!("/flow_run_states/?flow_run_id={id}")).await.ok());
        states.sort_by_key(|state| text(state, "timestamp"));
        states
    }

    /// Names of all states the run has had, oldest first.
    pub async fn state_names(&self, id: &str) -> Vec<String> {
        self.states(id).await.iter().map(|state| text(state, "name")).collect()
    }

    /// Proposes a state (`{"type": "PENDING", ..}`); returns the server's verdict (`status`, `state`, `details`).
    pub async fn set_state(&self, id: &str, state: Value) -> Value {
        self.post(&format!("/flow_runs/{id}/set_state"), json!({"state": state})).await.ok()
    }

    /// Sets a state past all rules.
    pub async fn force_state(&self, id: &str, state: Value) -> Value {
        self.post(&format!("/flow_runs/{id}/set_state"), json!({"state": state, "force": true})).await.ok()
    }

    /// Asks for the run to be cancelled, as the user interface does.
    pub async fn cancel(&self, id: &str) -> Value {
        self.set_state(id, json!({"type": "CANCELLING", "name": "Cancelling"})).await
    }

    /// Waits until the run's state has one of these names or types; returns the run.
    ///
    /// # Panics
    ///
    /// When it has not after `patience`; the states it had and its log are in the message.
    pub async fn wait_for(&self, id: &str, states: &[&str], patience: Duration) -> Value {
        let started = Instant::now();
        loop {
            let run = self.run(id).await;
            let is = |key: &str| run[key].as_str().is_some_and(|state| states.contains(&state));
            if is("state_name") || is("state_type") {
                return run;
            }
            if started.elapsed() > patience {
                let (had, logs) = (self.states(id).await, self.logs(id).await);
                let had: Vec<String> = had.iter().map(|s| format!("{} {}", s["name"], s["message"])).collect();
                panic!("run {id} is not {states:?} after {patience:?}; it was {had:#?} and logged {logs:#?}");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Messages of the run's log, oldest first.
    pub async fn logs(&self, run: &str) -> Vec<String> {
        let filter = json!({"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"});
        list(self.post("/logs/filter", filter).await.ok()).iter().map(|line| text(line, "message")).collect()
    }

    /// What `get_scheduled_flow_runs` answers: `[{work_pool_id, work_queue_id, flow_run}]`. Future runs are among them
    /// unless `body` has `scheduled_before`; it marks the queues as polled.
    pub async fn scheduled_runs(&self, pool: &str, body: Value) -> Vec<Value> {
        list(self.post(&format!("/work_pools/{pool}/get_scheduled_flow_runs"), body).await.ok())
    }

    /// Creates a variable.
    pub async fn create_variable(&self, name: &str, value: Value) -> Value {
        self.post("/variables/", json!({"name": name, "value": value})).await.ok()
    }

    /// Creates a block document of any type the server knows; returns its id.
    pub async fn create_block(&self, type_slug: &str, name: &str, data: Value) -> String {
        let block_type = self.get(&format!("/block_types/slug/{type_slug}")).await.ok();
        let filter = json!({"block_schemas": {"block_type_id": {"any_": [block_type["id"]]}}});
        let schemas = self.post("/block_schemas/filter", filter).await.ok();
        let body = json!({
            "name": name, "data": data, "block_type_id": block_type["id"], "block_schema_id": schemas[0]["id"],
        });
        text(&self.post("/block_documents/", body).await.ok(), "id")
    }

    /// Creates a block of type `secret`; returns its id.
    pub async fn create_secret(&self, name: &str, value: Value) -> String {
        self.create_block("secret", name, json!({"value": value})).await
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}

fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        other => panic!("not a list: {other}"),
    }
}
