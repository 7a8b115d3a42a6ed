//! The calls that change and delete things.

use jiff::Timestamp;
use prefect_api::models::{Object, StateType};
use uuid::Uuid;

use super::{Unreadable, member, no_pool, no_run, read};
use crate::server::models::{ConcurrencyOptions, Run};
use crate::server::{Answer, Server};

impl Server {
    pub(super) fn update_run(&mut self, run: Uuid, body: &str) -> Result<Answer, Unreadable> {
        let changes: Object = read(body)?;
        let Some(run) = self.runs.get_mut(&run) else { return Ok(no_run()) };
        if changes.get("job_variables").is_some_and(|it| !it.is_null()) {
            let state = run.state_type().unwrap_or(StateType::Unknown);
            if state != StateType::Scheduled {
                let why = format!("Job variables for a flow run in state {} cannot be updated", state.name());
                return Ok(Answer::detail(400, &why));
            }
            if run.deployment.is_none_or(|id| !self.deployments.contains_key(&id)) {
                return Ok(Answer::detail(400, "A deployment for the flow run could not be found"));
            }
        }
        for (key, value) in changes {
            match key.as_str() {
                "infrastructure_pid" => run.infrastructure_pid = member(value)?,
                "job_variables" => run.job_variables = member::<Option<Object>>(value)?.unwrap_or_default(),
                "empirical_policy" => run.policy = member(value)?,
                _ => return Err(format!("no member {key}")),
            }
        }
        Ok(Answer::empty(204))
    }

    pub(super) fn change_pool(&mut self, name: &str, body: &str) -> Result<Answer, Unreadable> {
        let changes: Object = read(body)?;
        let Some(pool) = self.pools.values_mut().find(|pool| pool.name == name) else { return Ok(no_pool(name)) };
        for (key, value) in changes {
            match key.as_str() {
                "is_paused" => pool.is_paused = member(value)?,
                "concurrency_limit" => pool.concurrency_limit = member(value)?,
                "base_job_template" => pool.base_job_template = value,
                _ => return Err(format!("no member {key}")),
            }
        }
        Ok(Answer::empty(204))
    }

    pub(super) fn change_queue(&mut self, pool: &str, name: &str, body: &str) -> Result<Answer, Unreadable> {
        let changes: Object = read(body)?;
        let Some(found) = self.pool(pool) else { return Ok(no_pool(pool)) };
        let Some(id) = self.queue_named(found.id, name) else {
            return Ok(Answer::detail(404, &format!("Work pool queue '{pool}/{name}' not found.")));
        };
        for (key, value) in changes {
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            match key.as_str() {
                "is_paused" => queue.is_paused = member(value)?,
                "concurrency_limit" => queue.concurrency_limit = member(value)?,
                "priority" => self.set_priority(id, member(value)?),
                _ => return Err(format!("no member {key}")),
            }
        }
        Ok(Answer::empty(204))
    }

    pub(super) fn change_deployment(&mut self, now: Timestamp, id: Uuid, body: &str) -> Result<Answer, Unreadable> {
        let changes: Object = read(body)?;
        // The shape of a request is looked at before anything else.
        if changes.get("concurrency_limit").is_some_and(|limit| *limit == 0) {
            return Err("a deployment's concurrency limit is greater than 0".to_owned());
        }
        if !self.deployments.contains_key(&id) {
            return Ok(Answer::detail(404, "Deployment not found."));
        }
        for (key, value) in changes {
            let Some(deployment) = self.deployments.get_mut(&id) else { continue };
            match key.as_str() {
                "job_variables" => deployment.job_variables = member::<Option<Object>>(value)?.unwrap_or_default(),
                "concurrency_options" => deployment.options = member::<Option<ConcurrencyOptions>>(value)?,
                "concurrency_limit" => self.set_deployment_limit(id, member(value)?),
                _ => return Err(format!("no member {key}")),
            }
        }
        self.remove_scheduled(id, |run| {
            run.auto_scheduled && run.next_scheduled_start_time.is_some_and(|due| due > now)
        });
        Ok(Answer::empty(204))
    }

    /// Takes runs along that wait for their first start, even if the deployment itself is gone already.
    pub(super) fn remove_deployment(&mut self, id: Uuid) -> Answer {
        self.remove_scheduled(id, |_| true);
        let Some(deployment) = self.deployments.remove(&id) else {
            return Answer::detail(404, "Deployment not found");
        };
        if let Some(limit) = deployment.limit {
            self.slots.remove_limit(limit);
        }
        Answer::empty(204)
    }

    /// Removes runs of a deployment that wait for their first start (`_delete_scheduled_runs`).
    fn remove_scheduled(&mut self, deployment: Uuid, which: impl Fn(&Run) -> bool) {
        self.runs.retain(|_, run| {
            let waits = run.deployment == Some(deployment)
                && run.run_count == 0
                && run.state().is_some_and(|state| {
                    state.state_type == StateType::Scheduled && state.name != "AwaitingConcurrencySlot"
                });
            !(waits && which(run))
        });
    }

    /// Its slot is given back, its lease stays (`cleanup_flow_run_concurrency_slots`).
    pub(super) fn remove_run(&mut self, id: Uuid) -> Answer {
        let Some(run) = self.runs.remove(&id) else { return no_run() };
        let busy = matches!(run.state_type(), Some(StateType::Pending | StateType::Running | StateType::Cancelling));
        let limit = run.deployment.and_then(|id| self.deployments.get(&id)).and_then(|deployment| deployment.limit);
        if let (true, Some(limit)) = (busy, limit) {
            self.slots.give_back(limit);
        }
        Answer::empty(204)
    }
}
