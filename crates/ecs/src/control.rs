//! [`TaskControl`] over `aws-sdk-ecs`.

use std::time::Duration;

use aws_sdk_ecs::types::{self, DesiredStatus};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    failure::{Class, Operation},
    launch::{LaunchError, TaskControl},
    launcher::{EcsLauncher, classify},
    task::{Container, ContainerOverride, Overrides, Task, Variable},
};

/// Most tasks of one DescribeTasks (ECS API reference).
const DESCRIBED: usize = 100;

/// Longest reason of a StopTask, in characters. The API names no limit; what is longer is cut by the console.
const REASON: usize = 255;

/// How often a call is tried again when AWS asks for patience.
const TRIES: u32 = 4;

impl TaskControl for EcsLauncher {
    async fn describe(&self, cluster: &str, task_arns: &[String]) -> Result<Vec<Task>, LaunchError> {
        let mut tasks = Vec::with_capacity(task_arns.len());
        for part in task_arns.chunks(DESCRIBED) {
            let describe = self.client.describe_tasks().cluster(cluster).set_tasks(Some(part.to_vec()));
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

    async fn running(&self, cluster: &str, limit: usize) -> Result<Vec<String>, LaunchError> {
        let mut list = self.client.list_tasks().cluster(cluster).desired_status(DesiredStatus::Running);
        let mut arns = Vec::new();
        let mut patience = Patience::default();
        loop {
            let output = match list.clone().send().await {
                Ok(output) => output,
                Err(error) => {
                    patience.or_give_up(classify(Operation::ListTasks, &error).into_error()).await?;
                    continue;
                }
            };
            arns.extend_from_slice(output.task_arns());
            match output.next_token() {
                Some(token) if arns.len() < limit => list = list.next_token(token),
                _ => {
                    arns.truncate(limit);
                    return Ok(arns);
                }
            }
        }
    }

    async fn started_by(&self, cluster: &str, started_by: &str) -> Result<Vec<Task>, LaunchError> {
        let mut arns = Vec::new();
        // ListTasks shows either, never both in one call.
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let list = self.client.list_tasks().cluster(cluster).started_by(started_by).desired_status(status);
            let mut patience = Patience::default();
            let output = loop {
                match list.clone().send().await {
                    Ok(output) => break output,
                    Err(error) => patience.or_give_up(classify(Operation::ListTasks, &error).into_error()).await?,
                }
            };
            arns.extend_from_slice(output.task_arns());
        }
        if arns.is_empty() {
            return Ok(Vec::new());
        }
        let mut tasks = self.describe(cluster, &arns).await?;
        tasks.sort_by_key(|task| !task.is_live());
        Ok(tasks)
    }

    async fn stop(&self, cluster: &str, task_arn: &str, reason: &str) -> Result<(), LaunchError> {
        let reason: String = reason.chars().take(REASON).collect();
        let stop = self.client.stop_task().cluster(cluster).task(task_arn).reason(reason);
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
        task_arn: text(task.task_arn()),
        cluster_arn: text(task.cluster_arn()),
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
        overrides: Overrides { container_overrides: overrides.iter().map(container_override).collect() },
    }
}
