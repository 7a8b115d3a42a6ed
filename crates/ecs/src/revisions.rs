//! Which revision of a content-addressed family RunTask names.
//!
//! # Why not the family alone
//!
//! RunTask by bare family starts the newest ACTIVE revision, whoever registered it. `ecs:RegisterTaskDefinition`
//! knows no resources, so every principal that has it can register a revision under one of our families, with an
//! image of their own and without `iam:PassRole`. Started by the dispatcher, that image would get what RunTask adds:
//! the run's environment, and a task role if the overrides carry one. Three rules keep it from that.
//!
//! * **The roles are in the definition** ([`crate::definition`]), never in the overrides. ECS asks for `iam:PassRole`
//!   when a definition with roles is registered, so a planted revision has no role that its author could not pass.
//! * **The content is compared** (`same`). DescribeTaskDefinition was asked before anyhow, to see whether the family
//!   exists. Now its answer is compared with what would be registered. If anything differs, the definition is
//!   registered again, and the new revision is ours because the answer to our own request says so.
//! * **The revision is pinned.** A comparison followed by RunTask of the bare family is a race: a revision planted in
//!   between would run. RunTask names `family:revision`, and a revision never changes.
//!
//! The calls stay the same: one DescribeTaskDefinition for each family and process, one RunTask for each run. A stranger
//! who keeps planting costs each new process one RegisterTaskDefinition more, and a warning in its log.
//!
//! # Two dispatchers, one attempt
//!
//! They sent the same bytes when RunTask named the family alone. Now two that register a family at the same moment pin
//! two revisions of the same content, and so may an old process and a new one. ECS answers the second RunTask of a
//! client token with ConflictException, which carries the ARN of the task that the first one started: the second one
//! adopts it, as it does when a deployment was edited between two deliveries. Nothing has to agree on one revision.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_sdk_ecs::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::AfterDeserializationInterceptorContextRef},
    error::BoxError,
    types::{TaskDefinition, TaskDefinitionStatus},
};
use serde_json::Value;
use tokio::{sync::OnceCell, time::sleep};

use crate::{
    failure::{self, Class, Operation},
    launch::LaunchError,
    launcher::{EcsLauncher, classify, write_body},
    same::difference,
    value::compact,
};

/// How many families are remembered. An entry is some 500 bytes: 5 MB at most.
const KNOWN_FAMILIES: usize = 10_000;

/// How often a registration is tried again within one launch when AWS asks for patience.
const REGISTER_TRIES: u32 = 4;

/// The verified revisions of content-addressed families, by family.
#[derive(Debug, Default)]
pub(crate) struct Revisions(Mutex<HashMap<String, Arc<OnceCell<String>>>>);

impl EcsLauncher {
    /// `family:revision` with the content of `request`, which is registered unless it is the newest one; callers of one
    /// family wait for one call.
    pub(crate) async fn revision(&self, family: &str, request: &Value) -> Result<String, LaunchError> {
        let cell = self.revisions.cell(family);
        let number = cell.get_or_try_init(|| describe_or_register(&self.client, family, request)).await?;
        Ok(format!("{family}:{number}"))
    }
}

impl Revisions {
    fn cell(&self, family: &str) -> Arc<OnceCell<String>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_FAMILIES && !known.contains_key(family) {
            known.clear();
        }
        Arc::clone(known.entry(family.to_owned()).or_default())
    }

    /// Has the family looked at again: `revision` was deregistered. Another call may have found a new one meanwhile.
    pub(crate) fn forget(&self, revision: &str) {
        let Some((family, number)) = revision.rsplit_once(':') else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(family).and_then(|cell| cell.get()).is_some_and(|known| known == number) {
            known.remove(family);
        }
    }
}

/// The number of the revision.
async fn describe_or_register(client: &Client, family: &str, request: &Value) -> Result<String, LaunchError> {
    let answer = Answer::default();
    let describe = client.describe_task_definition().task_definition(family).customize();
    match describe.interceptor(answer.clone()).send().await {
        Ok(output) => {
            let newest = output.task_definition();
            if let Some(newest) = newest.filter(|it| it.status() == Some(&TaskDefinitionStatus::Active)) {
                let Some(place) = difference(request, &answer.task_definition()) else {
                    return Ok(newest.revision().to_string());
                };
                warn_of_stranger(family, newest, &place);
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
    register(client, family, request).await
}

/// Registration refills at one call a second, and ECS serialises revisions of a family, so patience is part of it.
async fn register(client: &Client, family: &str, request: &Value) -> Result<String, LaunchError> {
    let mut tries = 1;
    loop {
        let body = compact(request);
        let answer = Answer::default();
        let register = client.register_task_definition().customize().interceptor(answer.clone());
        let error = match register.mutate_request(move |request| write_body(request, &body)).send().await {
            Ok(output) => {
                if let Some(place) = difference(request, &answer.task_definition()) {
                    tracing::warn!(
                        family,
                        place,
                        "ECS describes a task definition in other words than it was registered in: every new process \
                         registers it again"
                    );
                }
                return output.task_definition().map(|it| it.revision().to_string()).ok_or_else(unreadable);
            }
            Err(error) => classify(Operation::RegisterTaskDefinition, &error).into_error(),
        };
        if error.class != Class::Throttled || tries == REGISTER_TRIES {
            return Err(error);
        }
        sleep(Duration::from_millis(500) * 2_u32.pow(tries - 1)).await;
        tries += 1;
    }
}

/// An answer that does not say what was registered.
fn unreadable() -> LaunchError {
    let answer = failure::Answer {
        operation: Operation::RegisterTaskDefinition,
        http_status: Some(200),
        code: None,
        message: "the answer names no revision",
        reason: None,
        detail: None,
    };
    failure::classify(&answer).into_error()
}

/// A revision that is not what its family's name says.
fn warn_of_stranger(family: &str, newest: &TaskDefinition, place: &str) {
    tracing::warn!(
        family,
        revision = newest.revision(),
        registered_by = newest.registered_by(),
        place,
        "the newest revision of a family is not what pushpool registers under that name: it is not used, and the \
         definition is registered again"
    );
}

/// Keeps an answer as it came: the SDK's types would drop a member that its release does not know, and with it a
/// difference.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer(Arc<Mutex<Value>>);

impl Answer {
    pub(crate) fn task_definition(&self) -> Value {
        self.take("taskDefinition")
    }

    /// A member of the answer; null if it has none.
    pub(crate) fn take(&self, member: &str) -> Value {
        let mut answer = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answer.get_mut(member).map(Value::take).unwrap_or_default()
    }
}

impl Intercept for Answer {
    fn name(&self) -> &'static str {
        "pushpool answer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // What cannot be read here is a difference: nothing is taken for granted.
        let body = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = serde_json::from_slice(body).unwrap_or_default();
        Ok(())
    }
}
