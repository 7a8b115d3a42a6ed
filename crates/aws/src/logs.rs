//! What containers wrote, from CloudWatch Logs.
//!
//! Where a container's log is follows from the task's definition (`awslogs-group`, `awslogs-stream-prefix`,
//! `awslogs-region`) and the task's id: the stream is `prefix/container/task id` (ECS developer guide, "Send Amazon ECS
//! logs to CloudWatch"). Nothing depends on these lines, so a failure is only noted.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use aws_config::{Region, SdkConfig};
use aws_sdk_ecs::types::ContainerDefinition;
use dispatch::ports::TaskOutput;
use ecs::task::Task;
use serde_json::{Value, json};

use crate::{call::Rpc, ecs_client};

/// Most definitions whose log options are kept.
const KEPT: usize = 500;

/// A place in CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPlace {
    /// The log group.
    pub group: String,
    /// What the names of its streams begin with.
    pub prefix: String,
    /// Its region, if it is named.
    pub region: Option<String>,
}

/// Where a container logs to, if to CloudWatch. Without a prefix the stream has the container's runtime id for a name, which
/// nobody tells.
#[must_use]
pub fn log_place(container: &ContainerDefinition) -> Option<LogPlace> {
    let log = container.log_configuration().filter(|it| it.log_driver().as_str() == "awslogs")?;
    let option = |name: &str| log.options()?.get(name).cloned();
    let (group, prefix) = option("awslogs-group").zip(option("awslogs-stream-prefix"))?;
    Some(LogPlace { group, prefix, region: option("awslogs-region") })
}

/// [`TaskOutput`] in CloudWatch Logs.
#[derive(Debug)]
pub struct CloudWatchOutput {
    config: SdkConfig,
    ecs: aws_sdk_ecs::Client,
    get_log_events: Rpc,
    /// By ARN of the definition and name of the container. A revision never changes.
    places: Mutex<HashMap<(String, String), Option<LogPlace>>>,
}

impl CloudWatchOutput {
    /// Reads logs with the credentials of `config`, by default in its region.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            config: config.clone(),
            ecs: ecs_client(config),
            get_log_events: Rpc::get_log_events(config),
            places: Mutex::default(),
        }
    }

    async fn place(&self, definition_arn: &str, container: &str) -> Option<LogPlace> {
        let key = (definition_arn.to_owned(), container.to_owned());
        let kept = self.places.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(place) = kept {
            return place;
        }
        let described = match self.ecs.describe_task_definition().task_definition(definition_arn).send().await {
            Ok(described) => described,
            Err(error) => {
                tracing::debug!(error = crate::queues::describe(&error), definition_arn, "definition not read");
                return None;
            }
        };
        let containers = described.task_definition().map(|it| it.container_definitions()).unwrap_or_default();
        let place = containers.iter().find(|it| it.name() == Some(container)).and_then(log_place);
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= KEPT {
            places.clear();
        }
        places.insert(key, place.clone());
        place
    }

    /// `logs:GetLogEvents` in the region of the log.
    fn calls(&self, region: Option<&str>) -> Rpc {
        match region {
            Some(region) if self.config.region().is_none_or(|own| own.as_ref() != region) => {
                let config = self.config.clone().into_builder().region(Region::new(region.to_owned())).build();
                Rpc::get_log_events(&config)
            }
            _ => self.get_log_events.clone(),
        }
    }
}

impl TaskOutput for CloudWatchOutput {
    async fn tail(&self, task: &Task, container: &str, lines: usize) -> Vec<String> {
        let Some(definition_arn) = task.task_definition_arn.as_deref() else { return Vec::new() };
        let Some(place) = self.place(definition_arn, container).await else { return Vec::new() };
        // CloudWatch Logs API reference, GetLogEvents: with `startFromHead` false the latest events come, in order.
        let input = json!({
            "logGroupName": place.group,
            "logStreamName": format!("{}/{container}/{}", place.prefix, task.id()),
            "startFromHead": false,
            "limit": lines,
        });
        match self.calls(place.region.as_deref()).call(&input).await {
            Ok(answer) => messages(&answer),
            Err(error) => {
                tracing::debug!(%error, log_group = place.group, "the container's log was not read");
                Vec::new()
            }
        }
    }
}

fn messages(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array();
    let message = |event: &Value| event["message"].as_str().map(|text| text.trim_end().to_owned());
    events.into_iter().flatten().filter_map(message).collect()
}
