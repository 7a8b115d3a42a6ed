//! What is done about one run, by the state it is in.

use diagnosis::{Diagnosis, PP0607, PP0628};
use ecs::{launch::TaskControl, task::Task};
use prefect_api::{
    Transport,
    models::{FlowRun, StateType},
};

use super::{REDELIVERIES, Reconciler};
use crate::{
    infrastructure::given_up_since,
    outcome::Change,
    ports::{Failure, TaskOutput},
    prefect::{
        history::Wrong,
        judge::is_unrecorded,
        leases::{self, Lease},
    },
    runs::{
        Located,
        decide::{self, NOT_STARTED, bounded},
    },
    timing::between,
};

impl<T: Transport, K: TaskControl, O: TaskOutput> Reconciler<T, K, O> {
    pub(super) async fn repair(&self, run: &FlowRun, task: Option<&Task>) -> Result<Change, Failure> {
        match run.state_type() {
            StateType::Pending => self.pending(run).await,
            StateType::Running => self.running_run(run, task).await,
            StateType::Scheduled => self.scheduled(run, task).await,
            StateType::Cancelling => self.cancelling(run).await,
            // Its task ended, or was never launched: nothing is left to be done, at no cost.
            StateType::Cancelled if !task.is_some_and(Task::is_live) && !is_unrecorded(run, self.runs.now()) => {
                Ok(Change::nothing("the run is CANCELLED and has no task"))
            }
            StateType::Cancelled => self.cancelling(run).await,
            other => Ok(Change::Nothing(format!("the run is {}", other.name()))),
        }
    }

    async fn scheduled(&self, run: &FlowRun, task: Option<&Task>) -> Result<Change, Failure> {
        if task.is_some_and(Task::is_live) {
            return Ok(Change::nothing("its process tries it again"));
        }
        let history = self.runs.history(run).await?;
        let now = self.runs.now();
        if history.current().is_some_and(|state| between(state.timestamp, now) < self.policy.runs.shown_after) {
            return Ok(Change::nothing("it waits since just now, and ECS may not show its task yet"));
        }
        match self.runs.locate(run, &history).await? {
            Located::Unknown(why) => Ok(Change::nothing(why)),
            Located::NoCluster(reason) => Ok(Change::ClusterUnknown(*reason)),
            // Its dispatcher may have died before it recorded the task.
            Located::Task(task) if task.is_live() => {
                let recorded = self.runs.record(run, &task).await?;
                Ok(recorded.unwrap_or_else(|| Change::nothing("its process tries it again")))
            }
            Located::Task(_) | Located::Nowhere => self.runs.release(run).await,
        }
    }

    /// As a check does; one that is to be made again is made by the next pass.
    async fn cancelling(&self, run: &FlowRun) -> Result<Change, Failure> {
        match self.runs.check(run).await? {
            Change::CheckAgain(_) => Ok(Change::nothing("the container has time to cancel the run itself")),
            change => Ok(change),
        }
    }

    async fn pending(&self, run: &FlowRun) -> Result<Change, Failure> {
        let now = self.runs.now();
        let young = |since| between(since, now) < self.policy.runs.claim_grace;
        if run.state.as_ref().is_some_and(|state| young(state.timestamp)) {
            self.renew(run).await;
            return Ok(Change::nothing("the run was claimed just now"));
        }
        let history = self.runs.history(run).await?;
        if history.state_type() != StateType::Pending {
            return Ok(Change::Nothing(format!("the run is {}", history.state_type().name())));
        }
        let Some(claim) = history.claim else {
            return Ok(Change::nothing("the run is claimed by somebody else"));
        };
        if young(claim.at) {
            return Ok(Change::nothing("the run was claimed just now"));
        }
        let located = self.runs.locate(run, &history).await?;
        // A flow that runs goes on to its end, which needs no help. One that has ended does not, though its process may.
        if let Some(wrong @ Wrong::Displaced(displaced)) = history.wrong()
            && (displaced.state_type.is_final() || !matches!(&located, Located::Task(task) if task.is_live()))
        {
            return self.runs.amend(run.id, wrong, claim.attempt).await;
        }
        let past = self.runs.past(&history, claim.attempt);
        let limits = self.policy.runs.limits();
        match located {
            Located::Unknown(why) => Ok(Change::nothing(why)),
            Located::NoCluster(reason) => Ok(Change::ClusterUnknown(*reason)),
            Located::Task(task) if task.is_stopped() => self.runs.conclude(run, &history, &task).await,
            Located::Task(task) if task.desired_status == "STOPPED" => Ok(Change::nothing("its task is stopping")),
            Located::Task(task) if self.is_late(&task) => {
                // Handed back once it has stopped: until then its container may come up and run the flow to its end.
                self.runs.stop(&task, NOT_STARTED).await
            }
            Located::Task(task) => {
                self.renew(run).await;
                Ok(self.runs.record(run, &task).await?.unwrap_or_else(|| Change::nothing("its task is coming up")))
            }
            Located::Nowhere => match given_up_since(run, claim.attempt) {
                // Its message comes back first, as a rule, and launches it.
                None if between(claim.at, now) < REDELIVERIES * self.policy.runs.claim_grace => {
                    self.renew(run).await;
                    Ok(Change::nothing("its message is still to come back"))
                }
                None => self.runs.give_up(run, claim.attempt).await,
                Some(since) if young(since) => Ok(Change::nothing("a dispatcher may be about to launch it")),
                Some(_) => {
                    let action = bounded(never_launched(), past, limits);
                    self.runs.settle(run, &history, action, claim.attempt, None).await
                }
            },
        }
    }

    /// Whether a task took too long to start. One that started may take its time: what it does then is its own matter.
    fn is_late(&self, task: &Task) -> bool {
        let limit = self.policy.task_start_timeout;
        let created = task.created_at().and_then(|at| jiff::Timestamp::from_second(at).ok());
        !limit.is_zero()
            && !task.has_started()
            && created.is_some_and(|created| between(created, self.runs.now()) >= limit)
    }

    /// Keeps the deployment's concurrency slot of a run whose task may be coming up (`prefect::leases`).
    async fn renew(&self, run: &FlowRun) {
        match leases::renew(&self.runs.client, leases::of(run.state.as_ref())).await {
            Ok(Lease::Kept) => {}
            // Its task is not stopped: the server takes a slot anew when the flow begins, if there is one.
            Ok(Lease::Lost) => tracing::warn!(flow_run_id = %run.id, "the lease of a concurrency slot has ended"),
            Err(error) => {
                tracing::warn!(%error, flow_run_id = %run.id, "the lease of a concurrency slot was not renewed");
            }
        }
    }

    async fn running_run(&self, run: &FlowRun, task: Option<&Task>) -> Result<Change, Failure> {
        if task.is_some_and(Task::is_live) {
            return Ok(Change::nothing("its task lives"));
        }
        let history = self.runs.history(run).await?;
        if history.state_type() != StateType::Running {
            return Ok(Change::Nothing(format!("the run is {}", history.state_type().name())));
        }
        let now = self.runs.now();
        if history.claim.is_some_and(|claim| between(claim.at, now) < self.policy.runs.claim_grace) {
            return Ok(Change::nothing("the run was claimed just now"));
        }
        // Its task was launched before it ran.
        if history.current().is_some_and(|state| between(state.timestamp, now) < self.policy.runs.shown_after) {
            return Ok(Change::nothing("it runs since just now, and ECS may not show its task yet"));
        }
        if let (Some(wrong), Some(claim)) = (history.wrong(), history.claim) {
            return self.runs.amend(run.id, wrong, claim.attempt).await;
        }
        match self.runs.locate(run, &history).await? {
            Located::Unknown(why) => Ok(Change::nothing(why)),
            Located::NoCluster(reason) => Ok(Change::ClusterUnknown(*reason)),
            Located::Task(task) if task.is_stopped() => self.runs.conclude(run, &history, &task).await,
            Located::Task(task) => {
                Ok(self.runs.record(run, &task).await?.unwrap_or_else(|| Change::nothing("its task lives")))
            }
            Located::Nowhere => {
                let Some(claim) = history.claim else {
                    return Ok(Change::nothing("the run is claimed by somebody else"));
                };
                let action = decide::Action::Crash(gone(run));
                self.runs.settle(run, &history, action, claim.attempt, None).await
            }
        }
    }
}

fn never_launched() -> Diagnosis {
    let detail = "A dispatcher claimed it and ended before it could launch its task, or the launch was refused when the message \
                  came again: then the run's log says why.";
    Diagnosis::of(PP0607, detail)
}

fn gone(run: &FlowRun) -> Diagnosis {
    Diagnosis::of(
        PP0628,
        format!(
            "The flow run runs on {}, which ECS does not know: it stopped more than an hour ago, or its cluster was \
             deleted.",
            run.infrastructure_pid.as_deref().unwrap_or("a task that was not recorded")
        ),
    )
}
