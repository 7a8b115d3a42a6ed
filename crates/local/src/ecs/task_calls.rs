//! Tasks that exist: StopTask, DescribeTasks, ListTasks, and the tags of everything.

use serde::Deserialize;
use serde_json::{Value, json};

use super::engine::{Engine, cluster_name};
use super::errors::invalid;
use super::paging::{self, Order, Page};
use super::tags::{self, Tag};
use super::task::{Status, StopCode, Task};
use crate::clock::Millis;
use crate::wire::AwsError;

#[derive(Debug, Deserialize)]
pub(super) struct StopTask {
    cluster: Option<String>,
    task: String,
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct DescribeTasks {
    cluster: Option<String>,
    tasks: Vec<String>,
    #[serde(default)]
    include: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTasks {
    cluster: Option<String>,
    container_instance: Option<String>,
    family: Option<String>,
    started_by: Option<String>,
    service_name: Option<String>,
    desired_status: Option<String>,
    launch_type: Option<String>,
    daemon_name: Option<String>,
    #[serde(flatten)]
    page: Page,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TagResource {
    resource_arn: String,
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UntagResource {
    resource_arn: String,
    tag_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListTagsForResource {
    resource_arn: String,
}

impl Engine {
    /// "Stops a running task. Any tags associated with the task will be deleted" (StopTask). A task that is already
    /// stopping or stopped stays as it is.
    pub(super) fn stop_task(&mut self, now: Millis, input: StopTask) -> Result<Value, AwsError> {
        let cluster = self.cluster_name(input.cluster.as_deref())?;
        let sequence = self
            .task_in(&cluster, &input.task)
            .map(|task| task.sequence)
            .ok_or_else(|| invalid("The referenced task was not found."))?;
        let reason = input.reason.unwrap_or_else(|| "Task stopped by user".to_owned());
        self.stop(now, sequence, StopCode::UserInitiated, reason);
        if let Some(task) = self.tasks.get_mut(&sequence) {
            task.tags.clear();
        }
        let task = self.tasks.get(&sequence).map(|task| task.describe(false));
        Ok(json!({"task": task}))
    }

    /// Tells every task to stop, as StopTask does.
    pub fn stop_all(&mut self, now: Millis, reason: &str) {
        let live: Vec<u64> = self.tasks.values().filter(|task| task.stop.is_none()).map(|task| task.sequence).collect();
        for sequence in live {
            self.stop(now, sequence, StopCode::UserInitiated, reason.to_owned());
        }
    }

    /// Fargate takes the Spot capacity of a task back: SIGTERM and the event at once, SIGKILL after the stop timeout
    /// ("Fargate capacity providers", ECS developer guide: the warning comes two minutes before the end, as an event
    /// and as SIGTERM). Says whether there was such a task to interrupt.
    pub fn interrupt_spot(&mut self, now: Millis, task_arn: &str) -> bool {
        let id = task_arn.rsplit('/').next().unwrap_or(task_arn);
        let Some(sequence) = self.sequences.get(id).copied() else { return false };
        let live = self.tasks.get(&sequence).is_some_and(|task| task.stop.is_none());
        if live {
            self.stop(now, sequence, StopCode::SpotInterruption, "Your Spot Task was interrupted.".to_owned());
        }
        live
    }

    /// "A list of up to 100 task IDs or full ARN entries"; the unknown ones are failures with reason MISSING ("API
    /// failure reasons", ECS developer guide).
    pub(super) fn describe_tasks(&mut self, input: DescribeTasks) -> Result<Value, AwsError> {
        let cluster = self.cluster_name(input.cluster.as_deref())?;
        if input.tasks.is_empty() {
            return Err(invalid("Tasks cannot be empty."));
        }
        if input.tasks.len() > 100 {
            return Err(invalid("Tasks can not have more than 100 elements."));
        }
        let with_tags = input.include.iter().any(|field| field == "TAGS");
        let (mut tasks, mut failures) = (Vec::new(), Vec::new());
        for reference in &input.tasks {
            match self.task_in(&cluster, reference).filter(|task| self.is_seen(task.created, self.config.lag.tasks)) {
                Some(task) => tasks.push(task.describe(with_tags)),
                None => {
                    let arn = if reference.starts_with("arn:") {
                        reference.clone()
                    } else {
                        self.arn(&format!("task/{cluster}/{reference}"))
                    };
                    failures.push(json!({"arn": arn, "reason": "MISSING"}));
                }
            }
        }
        Ok(json!({"tasks": tasks, "failures": failures}))
    }

    /// Lists by one filter or several.
    ///
    /// "The default status filter is RUNNING"; "Although you can filter results based on a desired status of PENDING,
    /// this doesn't return any results" (ListTasksRequest.desiredStatus). "When you specify startedBy as the filter, it
    /// must be the only filter that you use" (ListTasksRequest.startedBy); the cluster is where to look, and the settings
    /// may let `desiredStatus` through with it.
    pub(super) fn list_tasks(&mut self, input: ListTasks) -> Result<Value, AwsError> {
        let cluster = self.cluster_name(input.cluster.as_deref())?;
        let status = input.desired_status.as_ref().filter(|_| self.config.started_by_alone);
        let others = [
            input.container_instance.as_ref(),
            input.family.as_ref(),
            input.service_name.as_ref(),
            input.launch_type.as_ref(),
            input.daemon_name.as_ref(),
            status,
        ];
        if input.started_by.is_some() && others.into_iter().any(|other| other.is_some()) {
            return Err(invalid("startedBy can not be combined with other filters."));
        }
        if input.service_name.is_some() {
            return Err(AwsError::new("ServiceNotFoundException", "Service not found."));
        }
        let desired = input.desired_status.as_deref().unwrap_or("RUNNING");
        let wanted = |task: &&Task| {
            task.cluster == cluster
                && self.is_seen(task.created, self.config.lag.tasks)
                && task.desired_status() == desired
                && input.daemon_name.is_none()
                && input.family.as_ref().is_none_or(|family| *family == task.definition.family)
                && input.started_by.as_ref().is_none_or(|it| Some(it) == task.started_by.as_ref())
                && input.launch_type.as_ref().is_none_or(|it| it == task.launch_type)
                && input.container_instance.as_ref().is_none_or(|it| {
                    task.instance_arn.as_ref().is_some_and(|arn| arn == it || arn.rsplit('/').next() == Some(it))
                })
        };
        let keyed = |task: &Task| (format!("{:020}", task.sequence), task.arn.clone());
        let arns = self.tasks.values().filter(wanted).map(keyed).collect();
        paging::answer("taskArns", arns, Order::Ascending, &input.page)
    }

    pub(super) fn tag_resource(&mut self, input: TagResource) -> Result<Value, AwsError> {
        tags::check(&input.tags)?;
        let known = self.tags_at(&input.resource_arn)?;
        let mut merged = known.clone();
        tags::merge(&mut merged, input.tags);
        if merged.iter().filter(|tag| !tag.key.starts_with("aws:")).count() > 50 {
            return Err(invalid("Tags can not have more than 50 elements."));
        }
        *known = merged;
        Ok(json!({}))
    }

    pub(super) fn untag_resource(&mut self, input: UntagResource) -> Result<Value, AwsError> {
        self.tags_at(&input.resource_arn)?.retain(|tag| !input.tag_keys.contains(&tag.key));
        Ok(json!({}))
    }

    pub(super) fn list_tags_for_resource(&mut self, input: ListTagsForResource) -> Result<Value, AwsError> {
        Ok(json!({"tags": self.tags_at(&input.resource_arn)?}))
    }

    /// The tags of a cluster, a task definition or a task that has not stopped.
    fn tags_at(&mut self, arn: &str) -> Result<&mut Vec<Tag>, AwsError> {
        let not_found = || invalid("The specified resource could not be found.");
        if arn.contains(":task-definition/") {
            return self.revision_mut(arn).map(|revision| &mut revision.tags).ok_or_else(not_found);
        }
        if arn.contains(":cluster/") {
            let known = self.clusters.get_mut(cluster_name(arn)).filter(|cluster| cluster.active);
            return known.map(|cluster| &mut cluster.tags).ok_or_else(not_found);
        }
        let id = arn.split_once(":task/").and_then(|(_, path)| path.rsplit('/').next()).ok_or_else(not_found)?;
        let sequence = self.sequences.get(id).copied().ok_or_else(not_found)?;
        let live = self.tasks.get_mut(&sequence).filter(|task| task.status != Status::Stopped);
        live.map(|task| &mut task.tags).ok_or_else(not_found)
    }
}
