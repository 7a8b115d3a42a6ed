//! [`TaskLauncher`] over `aws-sdk-ecs`.
//!
//! Requests leave exactly as [`crate::prepare()`] wrote them: the SDK's operation signs and sends, but the body is ours.
//! Translating JSON into the SDK's builders would need a line for each of some 150 members of the two requests, and
//! would lose whatever a template holds that the SDK's release does not know yet.
//!
//! The SDK's own retries are off. A retry below us would spend the bucket without the pacer seeing it, and what a
//! failed call means for the run is decided in one place, [`crate::failure`].

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_ecs::{
    Client,
    config::http::HttpRequest,
    error::{ProvideErrorMetadata, SdkError},
    operation::run_task::{RunTaskError, RunTaskOutput},
    types::{DesiredStatus, TaskDefinitionStatus},
};
use serde_json::Value;
use tokio::{sync::OnceCell, time::sleep};

use crate::{
    Definition, Prepared,
    failure::{self, Answer, Class, Operation},
    launch::{LaunchError, Launched, TaskLauncher},
    pace::Pacer,
    value::compact,
};

/// How many families are remembered as registered. An entry is some 400 bytes: 4 MB at most.
const KNOWN_FAMILIES: usize = 10_000;

/// How often a registration is tried again within one launch when AWS asks for patience.
const REGISTER_TRIES: u32 = 4;

/// Launches tasks through one ECS client.
#[derive(Debug)]
pub struct EcsLauncher {
    pub(crate) client: Client,
    run_task: Pacer,
    known: Mutex<HashMap<String, Arc<OnceCell<()>>>>,
}

impl EcsLauncher {
    /// A launcher that makes at most `run_task_rate` RunTask calls a second.
    ///
    /// `client` is expected to come without retries of its own.
    #[must_use]
    pub fn new(client: Client, run_task_rate: f64) -> Self {
        Self { client, run_task: Pacer::per_second(run_task_rate), known: Mutex::default() }
    }

    async fn run_task(&self, prepared: &Prepared) -> Result<Result<Launched, LaunchError>, Inactive> {
        self.run_task.turn().await;
        let requested_cluster = text(prepared, "cluster").unwrap_or("default");
        let body = compact(&prepared.run_task);
        let sent = self.client.run_task().customize().mutate_request(move |request| write_body(request, &body));
        let failed = match sent.send().await {
            Ok(output) => return Ok(self.read_answer(output, requested_cluster)),
            Err(error) => error,
        };
        if let Some(RunTaskError::ConflictException(conflict)) = failed.as_service_error()
            && let Some(task_arn) = conflict.resource_ids().first()
        {
            return Ok(Ok(adopted(task_arn, requested_cluster)));
        }
        let classified = classify(Operation::RunTask, &failed);
        if classified.inactive_definition && matches!(prepared.definition, Definition::Content { .. }) {
            return Err(Inactive(classified.into_error()));
        }
        let mut error = self.note_throttle(classified.into_error());
        if error.is_no_cluster() {
            // ECS does not say which.
            error.diagnosis.detail = format!("{} (cluster {requested_cluster})", error.diagnosis.detail);
        }
        Ok(Err(error))
    }

    /// 200 is not yet success: `failures[]` may say why there is no task.
    fn read_answer(&self, output: RunTaskOutput, requested_cluster: &str) -> Result<Launched, LaunchError> {
        if let Some(task) = output.tasks().first()
            && let Some(task_arn) = task.task_arn()
        {
            return Ok(Launched {
                task_arn: task_arn.to_owned(),
                definition_arn: task.task_definition_arn().map(str::to_owned),
                cluster: task.cluster_arn().unwrap_or(requested_cluster).to_owned(),
                adopted: false,
            });
        }
        let failure = output.failures().first();
        let classified = failure::classify(&Answer {
            operation: Operation::RunTask,
            http_status: Some(200),
            code: None,
            message: "",
            reason: failure.and_then(aws_sdk_ecs::types::Failure::reason),
            detail: failure.and_then(aws_sdk_ecs::types::Failure::detail),
        });
        Err(self.note_throttle(classified.into_error()))
    }

    fn note_throttle(&self, error: LaunchError) -> LaunchError {
        if error.class == Class::Throttled {
            self.run_task.back_off(Duration::from_secs(1));
        }
        error
    }

    /// Registers a content-addressed definition unless it is known to exist; callers of one family wait for one call.
    async fn ensure(&self, family: &str, request: &Value) -> Result<(), LaunchError> {
        let cell = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= KNOWN_FAMILIES && !known.contains_key(family) {
                known.clear();
            }
            Arc::clone(known.entry(family.to_owned()).or_default())
        };
        cell.get_or_try_init(|| self.describe_or_register(family, request)).await.copied()
    }

    async fn describe_or_register(&self, family: &str, request: &Value) -> Result<(), LaunchError> {
        match self.client.describe_task_definition().task_definition(family).send().await {
            Ok(output) => {
                let status = output.task_definition().and_then(|definition| definition.status());
                if status == Some(&TaskDefinitionStatus::Active) {
                    return Ok(());
                }
            }
            // "Unable to describe task definition" is how ECS says that there is none.
            Err(error) if error.as_service_error().is_some_and(|e| e.is_client_exception()) => {
                let classified = classify(Operation::DescribeTaskDefinition, &error);
                if matches!(classified.class, Class::Throttled) {
                    return Err(classified.into_error());
                }
            }
            Err(error) => return Err(classify(Operation::DescribeTaskDefinition, &error).into_error()),
        }
        self.register(request).await
    }

    /// Registration refills at one call a second, and ECS serialises revisions of a family, so patience is part of it.
    async fn register(&self, request: &Value) -> Result<(), LaunchError> {
        let mut tries = 1;
        loop {
            let body = compact(request);
            let register = self.client.register_task_definition();
            let sent = register.customize().mutate_request(move |request| write_body(request, &body));
            let error = match sent.send().await {
                Ok(_) => return Ok(()),
                Err(error) => classify(Operation::RegisterTaskDefinition, &error).into_error(),
            };
            if error.class != Class::Throttled || tries == REGISTER_TRIES {
                return Err(error);
            }
            sleep(Duration::from_millis(500) * 2_u32.pow(tries - 1)).await;
            tries += 1;
        }
    }

    fn forget(&self, family: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(family);
    }
}

impl TaskLauncher for EcsLauncher {
    async fn launch(&self, prepared: &Prepared) -> Result<Launched, LaunchError> {
        let Definition::Content { family, request } = &prepared.definition else {
            return match self.run_task(prepared).await {
                Ok(answer) => answer,
                Err(Inactive(error)) => Err(error),
            };
        };
        self.ensure(family, request).await?;
        if let Ok(answer) = self.run_task(prepared).await {
            return answer;
        }
        // Somebody deregistered it since we last looked. No task was started, so the token is still unused.
        self.forget(family);
        self.ensure(family, request).await?;
        match self.run_task(prepared).await {
            Ok(answer) => answer,
            Err(Inactive(error)) => Err(error),
        }
    }

    async fn find(&self, prepared: &Prepared) -> Result<Option<Launched>, LaunchError> {
        // A stopped task is a launched one too. ListTasks shows either, never both in one call.
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            let listed = self
                .client
                .list_tasks()
                .set_cluster(text(prepared, "cluster").map(str::to_owned))
                .set_started_by(text(prepared, "startedBy").map(str::to_owned))
                .desired_status(status)
                .send()
                .await
                .map_err(|error| classify(Operation::ListTasks, &error).into_error())?;
            if let Some(task_arn) = listed.task_arns().first() {
                return Ok(Some(adopted(task_arn, text(prepared, "cluster").unwrap_or("default"))));
            }
        }
        Ok(None)
    }
}

fn adopted(task_arn: &str, requested_cluster: &str) -> Launched {
    Launched {
        task_arn: task_arn.to_owned(),
        definition_arn: None,
        cluster: cluster_of(task_arn).unwrap_or_else(|| requested_cluster.to_owned()),
        adopted: true,
    }
}

/// Puts our JSON in the place of what the SDK wrote; it is signed afterwards.
fn write_body(request: &mut HttpRequest, body: &[u8]) {
    *request.body_mut() = body.to_vec().into();
    request.headers_mut().insert("content-length", body.len().to_string());
}

/// The member `name` of the RunTask request, where it is a string.
fn text<'a>(prepared: &'a Prepared, name: &str) -> Option<&'a str> {
    prepared.run_task.get(name).and_then(Value::as_str)
}

/// RunTask said that the definition is not active.
struct Inactive(LaunchError);

/// `arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID` names its cluster; the older form without it does not.
fn cluster_of(task_arn: &str) -> Option<String> {
    let (head, resource) = task_arn.split_once(":task/")?;
    let (cluster, _) = resource.split_once('/')?;
    Some(format!("{head}:cluster/{cluster}"))
}

pub(crate) fn classify<E: ProvideErrorMetadata>(
    operation: Operation,
    error: &SdkError<E, aws_sdk_ecs::config::http::HttpResponse>,
) -> failure::Classified {
    let metadata = error.as_service_error();
    let http_status = error.raw_response().map(|response| response.status().as_u16());
    let unanswered = match error {
        SdkError::TimeoutError(_) => "no answer in time",
        SdkError::DispatchFailure(_) => "the connection failed",
        SdkError::ResponseError(_) => "the answer could not be read",
        SdkError::ConstructionFailure(_) => "the request could not be built or signed",
        _ => "",
    };
    failure::classify(&Answer {
        operation,
        http_status,
        code: metadata.and_then(ProvideErrorMetadata::code),
        message: metadata.and_then(ProvideErrorMetadata::message).unwrap_or(unanswered),
        reason: None,
        detail: None,
    })
}

impl failure::Classified {
    pub(crate) fn into_error(self) -> LaunchError {
        LaunchError { class: self.class, diagnosis: self.diagnosis }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_is_read_from_the_long_arn_form_only() {
        assert_eq!(
            cluster_of("arn:aws:ecs:eu-west-1:123456789012:task/prod/0123").as_deref(),
            Some("arn:aws:ecs:eu-west-1:123456789012:cluster/prod")
        );
        assert_eq!(cluster_of("arn:aws:ecs:eu-west-1:123456789012:task/0123"), None);
    }
}
