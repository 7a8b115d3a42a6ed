//! Tasks and where their containers log to.

use aws::{LogPlace, SdkConfig, ecs_client};
use ecs::{
    Attempt, ClusterRef, Definition, Prepared, TaskArn,
    launch::{LaunchError, TaskControl, TaskLauncher},
    launcher::EcsLauncher,
    task::Task,
};
use serde_json::json;

use super::trouble::Trouble;

/// Where a container logs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerLog {
    /// Name of the container.
    pub container: String,
    /// Its log driver.
    pub driver: String,
    /// What the driver `awslogs` is told; none for another driver, and none without a prefix of streams.
    pub place: Option<LogPlace>,
}

impl ContainerLog {
    /// Name of the stream of a task's container (ECS developer guide, "Send Amazon ECS logs to CloudWatch").
    #[must_use]
    pub fn stream(&self, task_id: &str) -> Option<String> {
        Some(format!("{}/{}/{task_id}", self.place.as_ref()?.prefix, self.container))
    }
}

/// The tasks of one region.
#[derive(Debug)]
pub struct Tasks {
    control: EcsLauncher,
    ecs: aws_sdk_ecs::Client,
}

impl Tasks {
    /// The tasks of the region of `config`.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { control: EcsLauncher::new(ecs_client(config), 0.0), ecs: ecs_client(config) }
    }

    /// What looks at them.
    #[must_use]
    pub fn control(&self) -> &impl TaskControl {
        &self.control
    }

    /// A task, if ECS still knows it: stopped ones for about an hour.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn describe(&self, cluster: &ClusterRef, task_arn: &TaskArn) -> Result<Option<Task>, Trouble> {
        let described = self.control.describe(cluster, std::slice::from_ref(task_arn)).await;
        let tasks = described.map_err(|error| refused("ecs:DescribeTasks", error))?;
        Ok(tasks.into_iter().next())
    }

    /// The tasks of an attempt in a cluster that ECS still knows.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn of_attempt(&self, cluster: &ClusterRef, attempt: Attempt) -> Result<Vec<Task>, Trouble> {
        let found = self.control.started_by(cluster, &attempt.started_by()).await;
        found.map_err(|error| refused("ecs:ListTasks", error))
    }

    /// Lists the tasks of a cluster in each of the ways in which functions do: those that run, and those of an attempt (of
    /// none that there is), by `startedBy` alone and among the stopped ones. Nothing is changed. AWS's words if it refuses
    /// one of these requests as it is written.
    ///
    /// # Errors
    /// [`Trouble`]: it is not known what AWS would say.
    pub async fn try_lists(&self, cluster: &ClusterRef) -> Result<Option<String>, Trouble> {
        let attempt = Attempt::OF_NO_RUN;
        let sought = Prepared {
            definition: Definition::Existing("pushpool-doctor".to_owned()),
            run_task: json!({"cluster": cluster, "startedBy": attempt.started_by()}),
            container_name: String::new(),
            notices: Vec::new(),
        };
        let listed = match self.control.running(cluster, None, 1).await {
            Ok(_) => self.control.find(&sought).await.map(drop),
            Err(error) => Err(error),
        };
        match listed {
            Ok(()) => Ok(None),
            Err(error) if error.is_refused() => Ok(Some(error.diagnosis.detail)),
            Err(error) => Err(refused("ecs:ListTasks", error)),
        }
    }

    /// Where the containers of a task definition log to.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn logs(&self, definition_arn: &str) -> Result<Vec<ContainerLog>, Trouble> {
        let described = self.ecs.describe_task_definition().task_definition(definition_arn).send().await;
        let described = described.map_err(|error| Trouble::of("ecs:DescribeTaskDefinition", &error))?;
        let containers = described.task_definition().map(|it| it.container_definitions()).unwrap_or_default();
        let log = |container: &aws_sdk_ecs::types::ContainerDefinition| {
            let driver = container.log_configuration().map(|it| it.log_driver().as_str().to_owned());
            ContainerLog {
                container: container.name().unwrap_or_default().to_owned(),
                driver: driver.unwrap_or_else(|| "none".to_owned()),
                place: aws::log_place(container),
            }
        };
        Ok(containers.iter().map(log).collect())
    }
}

fn refused(operation: &'static str, error: LaunchError) -> Trouble {
    let LaunchError { diagnosis, .. } = error;
    Trouble::Refused {
        operation,
        code: diagnosis.code.to_string(),
        message: format!("{}. {}", diagnosis.summary, diagnosis.detail),
    }
}
