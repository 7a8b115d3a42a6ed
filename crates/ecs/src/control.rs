//! [`TaskControl`] over `aws-sdk-ecs`, and how the tasks of an attempt are listed.
//!
//! "When you specify `startedBy` as the filter, it must be the only filter that you use" (ECS API reference, ListTasks).
//! Public pipelines send `desiredStatus` with it and are answered; nothing promises that they always will be. So `startedBy`
//! goes alone, and finds the tasks that are to run. Stopped tasks are listed by their desired status, by family where it is
//! known, and their `startedBy` is read from DescribeTasks. That takes two calls for every 100 stopped tasks, of which a look
//! makes at most [`STOPPED_PAGES`] pairs: AWS gives no order to a list and no filter by time.
//!
//! So a stopped task may be missed where more than 1,000 stopped within the last hour, and no decision rests on finding it.
//! The dispatcher and the reconciler read the run again when they find no task. A task that is not listed as to run has
//! stopped, or was told to stop. If it ran the flow, the run's state says so by then (`dispatch::dispatcher`,
//! `dispatch::runs`).

use std::time::Duration;

use aws_sdk_ecs::{
    operation::list_tasks::{ListTasksOutput, builders::ListTasksFluentBuilder},
    types::{self, DesiredStatus},
};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    ClusterRef, TaskArn,
    failure::{Class, Operation},
    launch::{LaunchError, Page, TaskControl},
    launcher::{EcsLauncher, classify},
    task::{Container, ContainerOverride, Overrides, Task, Variable},
};

/// Most tasks of one DescribeTasks (ECS API reference).
const DESCRIBED: usize = 100;

/// Most pages of stopped tasks that one look for a task goes through: 1,000 tasks.
const STOPPED_PAGES: usize = 10;

/// Longest reason of a StopTask, in characters. The API names no limit; what is longer is cut by the console.
const REASON: usize = 255;

/// How often a call is tried again when AWS asks for patience.
const TRIES: u32 = 4;

impl EcsLauncher {
    /// ARNs of the tasks that were launched for an attempt and are to run.
    pub(crate) async fn living(&self, cluster: &ClusterRef, started_by: &str) -> Result<Vec<TaskArn>, LaunchError> {
        let output = self.list(self.client.list_tasks().cluster(cluster.as_str()).started_by(started_by)).await?;
        Ok(arns(&output))
    }

    /// The task that was launched for an attempt, of this family where that is known, and has stopped or is to stop.
    pub(crate) async fn stopped(
        &self,
        cluster: &ClusterRef,
        family: Option<&str>,
        started_by: &str,
    ) -> Result<Option<Task>, LaunchError> {
        let list = self.client.list_tasks().cluster(cluster.as_str()).desired_status(DesiredStatus::Stopped);
        let mut list = list.set_family(family.map(str::to_owned));
        for _ in 0..STOPPED_PAGES {
            let output = self.list(list.clone()).await?;
            let tasks = self.describe(cluster, &arns(&output)).await?;
            let found = tasks.into_iter().find(|task| task.started_by.as_deref() == Some(started_by));
            match output.next_token() {
                Some(token) if found.is_none() => list = list.next_token(token),
                _ => return Ok(found),
            }
        }
        tracing::info!(%cluster, family, "more tasks have stopped than are looked through");
        Ok(None)
    }

    async fn list(&self, list: ListTasksFluentBuilder) -> Result<ListTasksOutput, LaunchError> {
        let mut patience = Patience::default();
        loop {
            match list.clone().send().await {
                Ok(output) => return Ok(output),
                Err(error) => patience.or_give_up(classify(Operation::ListTasks, &error).into_error()).await?,
            }
        }
    }
}

impl TaskControl for EcsLauncher {
    async fn describe(&self, cluster: &ClusterRef, task_arns: &[TaskArn]) -> Result<Vec<Task>, LaunchError> {
        let mut tasks = Vec::with_capacity(task_arns.len());
        for part in task_arns.chunks(DESCRIBED) {
            let describe = self
                .client
                .describe_tasks()
                .cluster(cluster.as_str())
                .set_tasks(Some(part.iter().map(ToString::to_string).collect()));
            let mut patience = Patience::default();
            let output = loop {
                match describe.clone().send().await {
                    Ok(output) => break output,
                    Err(error) => patience.or_give_up(classify(Operation::DescribeTasks, &error).into_error()).await?,
                }
            };
            tasks.extend(output.tasks().iter().map(read));
        }
        Ok(tasks)
    }

    async fn running(&self, cluster: &ClusterRef, from: Option<&str>, limit: usize) -> Result<Page, LaunchError> {
        let list = self.client.list_tasks().cluster(cluster.as_str()).desired_status(DesiredStatus::Running);
        let mut page = Page { task_arns: Vec::new(), next: from.map(str::to_owned) };
        loop {
            let output = self.list(list.clone().set_next_token(page.next.take())).await?;
            page.task_arns.extend(arns(&output));
            page.next = output.next_token().map(str::to_owned);
            if page.next.is_none() || page.task_arns.len() >= limit {
                return Ok(page);
            }
        }
    }

    async fn started_by(&self, cluster: &ClusterRef, started_by: &str) -> Result<Vec<Task>, LaunchError> {
        let living = self.living(cluster, started_by).await?;
        if living.is_empty() {
            return Ok(self.stopped(cluster, None, started_by).await?.into_iter().collect());
        }
        let mut tasks = self.describe(cluster, &living).await?;
        tasks.sort_by_key(|task| !task.is_live());
        Ok(tasks)
    }

    async fn stop(&self, cluster: &ClusterRef, task_arn: &TaskArn, reason: &str) -> Result<(), LaunchError> {
        let reason: String = reason.chars().take(REASON).collect();
        let stop = self.client.stop_task().cluster(cluster.as_str()).task(task_arn.as_str()).reason(reason);
        let mut patience = Patience::default();
        loop {
            match stop.clone().send().await {
                Ok(_) => return Ok(()),
                // "The referenced task was not found." is an InvalidParameterException.
                Err(error) if is_unknown_task(&error) => return Ok(()),
                Err(error) => patience.or_give_up(classify(Operation::StopTask, &error).into_error()).await?,
            }
        }
    }
}

/// Waits a little longer each time AWS says that it was asked too often.
#[derive(Default)]
struct Patience(u32);

impl Patience {
    /// Waits; or returns the error if it is another one, or was once too often.
    async fn or_give_up(&mut self, error: LaunchError) -> Result<(), LaunchError> {
        self.0 += 1;
        if error.class != Class::Throttled || self.0 >= TRIES {
            return Err(error);
        }
        sleep(Duration::from_millis(500) * 2_u32.pow(self.0 - 1)).await;
        Ok(())
    }
}

fn is_unknown_task<R>(
    error: &aws_sdk_ecs::error::SdkError<aws_sdk_ecs::operation::stop_task::StopTaskError, R>,
) -> bool {
    use aws_sdk_ecs::error::ProvideErrorMetadata;
    error.as_service_error().and_then(ProvideErrorMetadata::message).is_some_and(|message| {
        let message = message.to_lowercase();
        message.contains("task was not found") || message.contains("task not found")
    })
}

fn arns(listed: &ListTasksOutput) -> Vec<TaskArn> {
    listed.task_arns().iter().map(|arn| arn.as_str().into()).collect()
}

fn read(task: &types::Task) -> Task {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let container = |container: &types::Container| Container {
        name: text(container.name()),
        exit_code: container.exit_code().map(i64::from),
        reason: container.reason().map(str::to_owned),
        last_status: container.last_status().map(str::to_owned),
    };
    let overrides = task.overrides().map(types::TaskOverride::container_overrides).unwrap_or_default();
    let container_override = |container: &types::ContainerOverride| ContainerOverride {
        name: container.name().map(str::to_owned),
        environment: container
            .environment()
            .iter()
            .map(|variable| Variable { name: variable.name().map(str::to_owned) })
            .collect(),
    };
    Task {
        task_arn: task.task_arn().unwrap_or_default().into(),
        cluster_arn: task.cluster_arn().unwrap_or_default().into(),
        task_definition_arn: task.task_definition_arn().map(str::to_owned),
        started_by: task.started_by().map(str::to_owned),
        last_status: text(task.last_status()),
        desired_status: text(task.desired_status()),
        stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
        stopped_reason: task.stopped_reason().map(str::to_owned),
        containers: task.containers().iter().map(container).collect(),
        capacity_provider_name: task.capacity_provider_name().map(str::to_owned),
        started_at: task.started_at().map(|at| Value::from(at.secs())),
        created_at: task.created_at().map(|at| Value::from(at.secs())),
        stopped_at: task.stopped_at().map(|at| Value::from(at.as_secs_f64())),
        overrides: Overrides { container_overrides: overrides.iter().map(container_override).collect() },
    }
}
