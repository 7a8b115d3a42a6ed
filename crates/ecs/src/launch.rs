//! What a launch can end in, and the port through which the dispatch use case asks for one.

use std::{future::Future, sync::Arc};

use diagnosis::Diagnosis;
use serde::Serialize;

use crate::{
    ClusterRef, Prepared, TaskArn,
    failure::{CONFLICT, Class, NO_CLUSTER, REFUSED},
    task::Task,
};

/// A task that runs for an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Launched {
    /// ARN of the task.
    pub task_arn: TaskArn,
    /// ARN (with revision) of its definition; absent when an adopted task's answer did not say.
    pub definition_arn: Option<String>,
    /// Cluster as `infrastructure_pid` names it: its ARN when the answer carried one, else what the request said.
    pub cluster: ClusterRef,
    /// Whether an earlier delivery of the same attempt had started it.
    pub adopted: bool,
}

impl Launched {
    /// `cluster::task_arn`, the form of `infrastructure_pid` (prefect-aws 0.7.12, `parse_identifier`).
    #[must_use]
    pub fn infrastructure_pid(&self) -> String {
        format!("{}::{}", self.cluster, self.task_arn)
    }
}

/// Why no task could be had, or why it is not known whether there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchError {
    /// Decides what becomes of the run; [`Class::Transient`] means that the outcome is unknown.
    pub class: Class,
    /// What its owner is told.
    pub diagnosis: Diagnosis,
}

impl LaunchError {
    /// Whether the token was used before with other parameters, and the answer carried no task to adopt.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.diagnosis.code == CONFLICT
    }

    /// Whether AWS refuses the request as it is written.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.diagnosis.code == REFUSED
    }

    /// Whether there is no such cluster.
    #[must_use]
    pub fn is_no_cluster(&self) -> bool {
        self.diagnosis.code == NO_CLUSTER
    }
}

/// Starts the task of a prepared run: exactly one for an attempt, however often it is asked.
pub trait TaskLauncher: Send + Sync + 'static {
    /// Makes sure that the definition exists and runs the task.
    ///
    /// # Errors
    /// [`LaunchError`], classified by [`crate::failure::classify`].
    fn launch(&self, prepared: &Prepared) -> impl Future<Output = Result<Launched, LaunchError>> + Send;

    /// Looks for a task that an earlier delivery of the same attempt started, by `startedBy`.
    ///
    /// # Errors
    /// [`LaunchError`]: it is not known whether there is one.
    fn find(&self, prepared: &Prepared) -> impl Future<Output = Result<Option<Launched>, LaunchError>> + Send;

    /// Where a task that something else started differs from the one that `prepared` would start: names of members, never
    /// their values. None if ECS does not know the task.
    ///
    /// # Errors
    /// [`LaunchError`]: the task or its definition could not be read.
    fn differences(
        &self,
        prepared: &Prepared,
        cluster: &ClusterRef,
        task_arn: &TaskArn,
    ) -> impl Future<Output = Result<Option<Vec<String>>, LaunchError>> + Send {
        let _ = (prepared, cluster, task_arn);
        async { Ok(None) }
    }
}

impl<L: TaskLauncher> TaskLauncher for Arc<L> {
    async fn launch(&self, prepared: &Prepared) -> Result<Launched, LaunchError> {
        L::launch(self, prepared).await
    }

    async fn find(&self, prepared: &Prepared) -> Result<Option<Launched>, LaunchError> {
        L::find(self, prepared).await
    }

    async fn differences(
        &self,
        prepared: &Prepared,
        cluster: &ClusterRef,
        task_arn: &TaskArn,
    ) -> Result<Option<Vec<String>>, LaunchError> {
        L::differences(self, prepared, cluster, task_arn).await
    }
}

/// Some of the tasks of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Their ARNs.
    pub task_arns: Vec<TaskArn>,
    /// Where the next page begins; none after the last one.
    pub next: Option<String>,
}

/// Looks at tasks and ends them.
pub trait TaskControl: Send + Sync + 'static {
    /// The tasks of one cluster that ECS still knows, in no order. Stopped ones are known for about an hour.
    ///
    /// # Errors
    /// [`LaunchError`].
    fn describe(
        &self,
        cluster: &ClusterRef,
        task_arns: &[TaskArn],
    ) -> impl Future<Output = Result<Vec<Task>, LaunchError>> + Send;

    /// ARNs of the tasks of a cluster that run or are to run, from where the last page ended: `limit` of them, or up to 99
    /// more.
    ///
    /// # Errors
    /// [`LaunchError`]. A place that ECS does not know any more is [`Class::Rejected`].
    fn running(
        &self,
        cluster: &ClusterRef,
        from: Option<&str>,
        limit: usize,
    ) -> impl Future<Output = Result<Page, LaunchError>> + Send;

    /// The tasks of a cluster that were launched for an attempt: `started_by` is [`crate::Attempt::started_by`]. Those
    /// that are to run; if there are none, one that has stopped or is to stop, where it is found among the first 1,000
    /// stopped tasks of the cluster.
    ///
    /// # Errors
    /// [`LaunchError`]. A cluster that does not exist is [`Class::Rejected`].
    fn started_by(
        &self,
        cluster: &ClusterRef,
        started_by: &str,
    ) -> impl Future<Output = Result<Vec<Task>, LaunchError>> + Send;

    /// Asks a task to end: SIGTERM, and SIGKILL after its `stopTimeout`. A task that is not known is ended enough.
    ///
    /// # Errors
    /// [`LaunchError`].
    fn stop(
        &self,
        cluster: &ClusterRef,
        task_arn: &TaskArn,
        reason: &str,
    ) -> impl Future<Output = Result<(), LaunchError>> + Send;
}
