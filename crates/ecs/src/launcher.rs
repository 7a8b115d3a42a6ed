//! [`TaskLauncher`] over `aws-sdk-ecs`.
//!
//! Requests leave as [`crate::prepare()`] wrote them, and RunTask with the revision that [`crate::revisions`] verified:
//! the SDK's operation signs and sends, but the body is ours.
//! Translating JSON into the SDK's builders would need a line for each of some 150 members of the two requests, and
//! would lose whatever a template holds that the SDK's release does not know yet.
//!
//! The SDK's own retries are off. A retry below us would spend the bucket without the pacer seeing it, and what a
//! failed call means for the run is decided in one place, [`crate::failure`]. Two things are tried again here:
//!
//! * A connection that broke, once and at once. Lambda freezes a function between invocations, the other side closes its
//!   connections meanwhile, and the first request after that meets a closed one. The token makes the repetition harmless.
//! * A definition of ours that ECS does not know yet. Reads may see a registration some seconds late, and a run must not crash
//!   for that.

use std::time::Duration;

use aws_sdk_ecs::{
    Client,
    config::http::{HttpRequest, HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
    operation::run_task::{RunTaskError, RunTaskOutput},
};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    ClusterRef, Definition, Prepared, TaskArn, alike,
    failure::{self, Answer, Class, Operation},
    launch::{LaunchError, Launched, TaskLauncher},
    pace::Pacer,
    revisions::{self, Revisions},
    value::compact,
};

/// The pauses before RunTask is asked again for a revision that ECS said it registered and says it does not know.
const LAG: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];

/// Launches tasks through one ECS client.
#[derive(Debug)]
pub struct EcsLauncher {
    pub(crate) client: Client,
    run_task: Pacer,
    pub(crate) revisions: Revisions,
}

impl EcsLauncher {
    /// A launcher that makes at most `run_task_rate` RunTask calls a second.
    ///
    /// `client` is expected to come without retries of its own.
    #[must_use]
    pub fn new(client: Client, run_task_rate: f64) -> Self {
        Self { client, run_task: Pacer::per_second(run_task_rate), revisions: Revisions::default() }
    }

    /// Runs the task, of the `revision` of its family where the definition is content-addressed.
    async fn run_task(
        &self,
        prepared: &Prepared,
        revision: Option<&str>,
    ) -> Result<Result<Launched, LaunchError>, Inactive> {
        self.run_task.turn().await;
        let requested_cluster = &ClusterRef::from(text(prepared, "cluster").unwrap_or("default"));
        let body = match revision {
            None => compact(&prepared.run_task),
            Some(revision) => {
                let mut pinned = prepared.run_task.clone();
                pinned["taskDefinition"] = revision.into();
                compact(&pinned)
            }
        };
        let answer = match self.send(&body).await {
            Err(broken @ SdkError::DispatchFailure(_)) => {
                self.run_task.turn().await;
                // A refusal of the repetition does not say that the first request came to nothing.
                let again = self.send(&body).await;
                if names_a_task(&again) { again } else { Err(broken) }
            }
            answer => answer,
        };
        let failed = match answer {
            Ok(output) => return Ok(self.read_answer(output, requested_cluster)),
            Err(error) => error,
        };
        if let Some(RunTaskError::ConflictException(conflict)) = failed.as_service_error()
            && let Some(task_arn) = conflict.resource_ids().first()
        {
            return Ok(Ok(adopted(task_arn.as_str().into(), requested_cluster)));
        }
        let classified = classify(Operation::RunTask, &failed);
        if classified.inactive_definition && revision.is_some() {
            return Err(Inactive(classified.into_error()));
        }
        let mut error = self.note_throttle(classified.into_error());
        if error.is_no_cluster() {
            // ECS does not say which.
            error.diagnosis.detail = format!("{} (cluster {requested_cluster})", error.diagnosis.detail);
        }
        Ok(Err(error))
    }

    async fn send(&self, body: &[u8]) -> Result<RunTaskOutput, SdkError<RunTaskError, HttpResponse>> {
        let body = body.to_vec();
        let request = self.client.run_task().customize().mutate_request(move |request| write_body(request, &body));
        request.send().await
    }

    /// 200 is not yet success: `failures[]` may say why there is no task.
    fn read_answer(&self, output: RunTaskOutput, requested_cluster: &ClusterRef) -> Result<Launched, LaunchError> {
        if let Some(task) = output.tasks().first()
            && let Some(task_arn) = task.task_arn()
        {
            return Ok(Launched {
                task_arn: task_arn.into(),
                definition_arn: task.task_definition_arn().map(str::to_owned),
                cluster: task.cluster_arn().map_or_else(|| requested_cluster.clone(), ClusterRef::from),
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
}

impl TaskLauncher for EcsLauncher {
    async fn launch(&self, prepared: &Prepared) -> Result<Launched, LaunchError> {
        let Definition::Content { family, request } = &prepared.definition else {
            return match self.run_task(prepared, None).await {
                Ok(answer) => answer,
                Err(Inactive(error)) => Err(error),
            };
        };
        let revision = self.revision(family, request).await?;
        if let Ok(answer) = self.run_task(prepared, Some(&revision)).await {
            return answer;
        }
        // Somebody deregistered it since we last looked, or ECS does not know it yet. No task was started, so the token is
        // still unused.
        self.revisions.forget(&revision);
        let revision = self.revision(family, request).await?;
        let mut pauses = LAG.into_iter();
        loop {
            let Inactive(error) = match self.run_task(prepared, Some(&revision)).await {
                Ok(answer) => return answer,
                Err(inactive) => inactive,
            };
            // It is there, as was just seen: no reason to crash the run.
            let Some(pause) = pauses.next() else { return Err(LaunchError { class: Class::Transient, ..error }) };
            sleep(pause).await;
        }
    }

    async fn find(&self, prepared: &Prepared) -> Result<Option<Launched>, LaunchError> {
        let cluster = &ClusterRef::from(text(prepared, "cluster").unwrap_or("default"));
        let started_by = text(prepared, "startedBy").unwrap_or_default();
        let mut found = self.living(cluster, started_by).await?.into_iter().next();
        // A stopped task is a launched one too. The family bounds the search, but an earlier delivery may have used
        // another one: the deployment may have been edited since.
        for family in [Some(family(&prepared.definition)), None] {
            if found.is_none() {
                found = self.stopped(cluster, family, started_by).await?.map(|task| task.task_arn);
            }
        }
        Ok(found.map(|task_arn| adopted(task_arn, cluster)))
    }

    async fn differences(
        &self,
        prepared: &Prepared,
        cluster: &ClusterRef,
        task_arn: &TaskArn,
    ) -> Result<Option<Vec<String>>, LaunchError> {
        let answer = revisions::Answer::default();
        let describe = self.client.describe_tasks().cluster(cluster.as_str()).tasks(task_arn.as_str()).customize();
        let described = describe.interceptor(answer.clone()).send().await;
        described.map_err(|error| classify(Operation::DescribeTasks, &error).into_error())?;
        let tasks = answer.take("tasks");
        let Some(task) = tasks.get(0) else { return Ok(None) };
        let Some(definition) = task.get("taskDefinitionArn").and_then(Value::as_str) else { return Ok(None) };
        let answer = revisions::Answer::default();
        let describe = self.client.describe_task_definition().task_definition(definition).customize();
        let described = describe.interceptor(answer.clone()).send().await;
        described.map_err(|error| classify(Operation::DescribeTaskDefinition, &error).into_error())?;
        Ok(Some(alike::differences(prepared, task, &answer.task_definition())))
    }
}

/// Whether RunTask says which task the token has.
fn names_a_task(answer: &Result<RunTaskOutput, SdkError<RunTaskError, HttpResponse>>) -> bool {
    match answer {
        Ok(output) => !output.tasks().is_empty(),
        Err(error) => error.as_service_error().is_some_and(RunTaskError::is_conflict_exception),
    }
}

/// The family of a definition; of an existing one by its ARN, `family:revision`, or the family alone.
fn family(definition: &Definition) -> &str {
    match definition {
        Definition::Content { family, .. } => family,
        Definition::Existing(reference) => {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            name.split(':').next().unwrap_or(name)
        }
    }
}

fn adopted(task_arn: TaskArn, requested_cluster: &ClusterRef) -> Launched {
    let cluster = task_arn.cluster().unwrap_or_else(|| requested_cluster.clone());
    Launched { task_arn, definition_arn: None, cluster, adopted: true }
}

/// Puts our JSON in the place of what the SDK wrote; it is signed afterwards.
pub(crate) fn write_body(request: &mut HttpRequest, body: &[u8]) {
    *request.body_mut() = body.to_vec().into();
    request.headers_mut().insert("content-length", body.len().to_string());
}

/// The member `name` of the RunTask request, where it is a string.
fn text<'a>(prepared: &'a Prepared, name: &str) -> Option<&'a str> {
    prepared.run_task.get(name).and_then(Value::as_str)
}

/// RunTask said that the definition is not active.
struct Inactive(LaunchError);

pub(crate) fn classify<E: ProvideErrorMetadata>(
    operation: Operation,
    error: &SdkError<E, HttpResponse>,
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
    fn the_family_is_read_from_every_form_of_a_reference() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/etl:7";
        for reference in ["etl", "etl:7", arn, arn.strip_suffix(":7").unwrap()] {
            assert_eq!(family(&Definition::Existing(reference.to_owned())), "etl", "{reference}");
        }
    }
}
