//! What users and their deploy scripts do while pushpool works, each the request that the user interface or the command
//! line tool sends.

use jiff::Timestamp;
use prefect_api::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Server};

impl Server {
    fn patch(&mut self, now: Timestamp, path: &str, body: &Value) -> Answer {
        self.handle(now, Method::Patch, path, Some(&body.to_string()))
    }

    fn set_state(&mut self, now: Timestamp, run: Uuid, state: &Value) -> Answer {
        let body = json!({"state": state, "force": false}).to_string();
        self.handle(now, Method::Post, &format!("/flow_runs/{run}/set_state"), Some(&body))
    }

    /// Changes members of a pool: `is_paused`, `concurrency_limit`, `base_job_template`. The name must be a plain one.
    pub fn update_pool(&mut self, now: Timestamp, pool: &str, changes: &Value) -> Answer {
        self.patch(now, &format!("/work_pools/{pool}"), changes)
    }

    /// Changes members of a queue: `is_paused`, `concurrency_limit`, `priority`. The names must be plain ones.
    pub fn update_queue(&mut self, now: Timestamp, pool: &str, queue: &str, changes: &Value) -> Answer {
        self.patch(now, &format!("/work_pools/{pool}/queues/{queue}"), changes)
    }

    /// Changes members of a deployment: `job_variables`, `concurrency_limit`, `concurrency_options`.
    pub fn update_deployment(&mut self, now: Timestamp, deployment: Uuid, changes: &Value) -> Answer {
        self.patch(now, &format!("/deployments/{deployment}"), changes)
    }

    /// Cancels a run.
    pub fn cancel(&mut self, now: Timestamp, run: Uuid) -> Answer {
        self.set_state(now, run, &json!({"type": "CANCELLING", "name": "Cancelling"}))
    }

    /// Gives a run another time.
    pub fn reschedule(&mut self, now: Timestamp, run: Uuid, due: Timestamp) -> Answer {
        self.set_state(
            now,
            run,
            &json!({"type": "SCHEDULED", "name": "Scheduled", "state_details": {"scheduled_time": due}}),
        )
    }

    /// Runs a finished run again.
    pub fn retry(&mut self, now: Timestamp, run: Uuid) -> Answer {
        let details = json!({"scheduled_time": now});
        self.set_state(now, run, &json!({"type": "SCHEDULED", "name": "AwaitingRetry", "state_details": details}))
    }

    /// Deletes a run.
    pub fn delete_run(&mut self, now: Timestamp, run: Uuid) -> Answer {
        self.handle(now, Method::Delete, &format!("/flow_runs/{run}"), None)
    }

    /// Deletes a deployment, with its runs that have not started.
    pub fn delete_deployment(&mut self, now: Timestamp, deployment: Uuid) -> Answer {
        self.handle(now, Method::Delete, &format!("/deployments/{deployment}"), None)
    }
}
