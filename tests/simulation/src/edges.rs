//! The ports of the use cases, at the simulated world.

use std::time::Duration;

use aws_smithy_runtime_api::{
    client::{
        http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use diagnosis::Diagnosis;
use dispatch::{
    check::Check,
    message::RunQueue,
    ports::{EventsQueue, Failure, Inbox, PollQueue, QueuedRun, RunQueues, Source},
    ring::PollMessage,
};
use ecs::failure::Class;
use jiff::Timestamp;
use local::wire::{AwsError, Service as AwsService};
use prefect_api::{Request, Response, Transport, TransportError};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    fault::Fault,
    mutation::Mutation,
    party::{Broken, Party, Service},
    world::{EVENTS, POLL, RUN, RUN_FIFO, World},
};

/// How long a client waits for the server (`Connection::TIMEOUT`).
const SERVER_PATIENCE: Duration = Duration::from_secs(10);

/// How long one try of an SDK call may take; the SDK's own timeout for it is 8 s (`aws::config`).
const AWS_PATIENCE: Duration = Duration::from_secs(60);

/// Requests to the Prefect server.
pub(super) struct Http(pub Party);

impl Transport for Http {
    async fn send(&self, mut request: Request) -> Result<Response, TransportError> {
        let mutation = self.0.sim().world().scenario.mutation;
        if let Some(answer) = mutation.and_then(|mutation| mutate(mutation, &mut request)) {
            return Ok(answer);
        }
        let who = self.0.name().to_owned();
        let claim = is_claim(&request).then(|| request.clone()).filter(|_| mutation == Some(Mutation::ClaimAlways));
        let counts_slots = self.0.name().starts_with("Dispatcher") && mutation == Some(Mutation::NoSlots);
        if counts_slots && request.body.as_deref().is_some_and(|body| body.contains("work_pools")) {
            return Ok(Response { status: 200, retry_after: None, body: b"[]".to_vec() });
        }
        let refers = request.path.starts_with("/variables/") || request.path.starts_with("/block_");
        if mutation == Some(Mutation::NoReferences) && refers && !self.0.name().starts_with("Dispatcher") {
            return Ok(refusal(404));
        }
        let party = self.0.name();
        let unseen = mutation == Some(Mutation::NoLookingPast)
            && party.starts_with("Poller")
            && request.path == "/flow_runs/filter";
        if unseen {
            return Ok(Response { status: 200, retry_after: None, body: b"[]".to_vec() });
        }
        let forgets = mutation == Some(Mutation::ForgetsWaiting)
            && party.starts_with("Dispatcher")
            && request.path.starts_with("/flow_run_states/");
        let waiting = |body: &str| body.contains("\"PAUSED\"") || body.contains("END_TIME_DESC");
        if mutation == Some(Mutation::StatesOnly)
            && self.0.name().starts_with("Dispatcher")
            && request.body.as_deref().is_some_and(waiting)
        {
            return Ok(Response { status: 200, retry_after: None, body: b"[]".to_vec() });
        }
        let answer = self
            .0
            .call(Service::Server, SERVER_PATIENCE, move |world| {
                let answer = world.serve(&who, &request);
                if mutation == Some(Mutation::LastByTime) { world.last_by_time(&request, answer) } else { answer }
            })
            .await;
        let mut response = match answer {
            Ok(response) => response,
            Err(Broken::Refused) => return Err(TransportError::Connect("refused".to_owned())),
            Err(Broken::Lost) => return Err(TransportError::Lost("reset".to_owned())),
            Err(Broken::Timeout) => return Err(TransportError::Timeout),
            Err(Broken::Throttled) => return Ok(refusal(503)),
            Err(Broken::Failed) => return Ok(refusal(500)),
        };
        if let Some(claim) = claim.filter(|_| response.status < 300)
            && let Some(body) = self.0.sim().world().taken_for_granted(&claim)
        {
            response.body = body.into_bytes();
        }
        if forgets && let Ok(states) = serde_json::from_slice::<Vec<Value>>(&response.body) {
            let last = states.len().saturating_sub(2);
            response.body = json!(states[last..]).to_string().into_bytes();
        }
        if mutation == Some(Mutation::MarkUnseen) && self.0.name().starts_with("Dispatcher") {
            response.body = String::from_utf8_lossy(&response.body).replace("pushpool:given-up", "x").into_bytes();
        }
        if mutation == Some(Mutation::OthersState) && self.0.name().starts_with("Reconciler") {
            let body = String::from_utf8_lossy(&response.body).replace("\"RUNNING\"", "\"SCHEDULED\"");
            response.body = body.replace("\"Running\"", "\"AwaitingCapacity\"").into_bytes();
        }
        Ok(response)
    }

    fn now(&self) -> Timestamp {
        (self.0.clock())()
    }
}

fn refusal(status: u16) -> Response {
    Response { status, retry_after: None, body: b"{}".to_vec() }
}

fn is_claim(request: &Request) -> bool {
    request.path.ends_with("/set_state") && request.body.as_deref().is_some_and(|body| body.contains("\"PENDING\""))
}

/// Makes the bug; an answer if the request is not even sent.
fn mutate(mutation: Mutation, request: &mut Request) -> Option<Response> {
    let accepted = |state: &Value| {
        let mut state = state.clone();
        state["id"] = json!(Uuid::nil());
        state["timestamp"] = json!("2026-01-01T00:00:00Z");
        let body = json!({"status": "ACCEPT", "details": {}, "state": state}).to_string();
        Some(Response { status: 201, retry_after: None, body: body.into_bytes() })
    };
    if mutation == Mutation::NoRenewal && request.path.ends_with("/renew") {
        return Some(Response { status: 204, retry_after: None, body: Vec::new() });
    }
    if request.path.ends_with("/set_state") {
        let mut body: Value = serde_json::from_str(request.body.as_deref()?).ok()?;
        let claim = body["state"]["type"] == "PENDING";
        match mutation {
            Mutation::NoTransitionId if claim => body["state"]["state_details"] = json!({}),
            Mutation::FreshTransitionId if claim => {
                let fresh = Uuid::from_u128(fastrand::u128(..));
                body["state"]["state_details"]["transition_id"] = json!(fresh);
            }
            Mutation::Force => body["force"] = true.into(),
            Mutation::NoHandBack if body["state"]["type"] == "SCHEDULED" => return accepted(&body["state"]),
            Mutation::NoCrash if body["state"]["type"] == "CRASHED" => return accepted(&body["state"]),
            _ => return None,
        }
        request.body = Some(body.to_string());
    }
    let records = request.body.as_deref().is_some_and(|body| body.contains("infrastructure_pid"));
    if mutation == Mutation::NoRecord && request.path.starts_with("/flow_runs/") && records {
        return Some(Response { status: 204, retry_after: None, body: Vec::new() });
    }
    None
}

/// Below the SDK: requests to ECS. Signing, retries, errors and the launcher's own ways are the real ones.
#[derive(Clone)]
pub(super) struct Sdk(pub Party);

impl std::fmt::Debug for Sdk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sdk")
    }
}

impl HttpClient for Sdk {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Sdk {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let party = self.0.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap_or_default();
            let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
            let body = request.body().bytes().unwrap_or_default();
            let input: Value = serde_json::from_slice(body).unwrap_or_default();
            let who = party.name().to_owned();
            let of_party = party.clone();
            let is_run_task = operation == "RunTask";
            let answer = party
                .call(Service::Aws, AWS_PATIENCE, move |world| {
                    let answer = ecs_call(world, &who, &operation, input);
                    of_party.sim().ecs_changed.notify_one();
                    answer
                })
                .await;
            if is_run_task && matches!(answer, Ok(Ok(_))) && party.sim().world().fault(Fault::DiesUnrecorded) {
                party.die();
                return std::future::pending().await;
            }
            let io = |text: &'static str| ConnectorError::io(text.into());
            match answer {
                Ok(Ok(output)) => Ok(response(200, &output)),
                Ok(Err(error)) => Ok(response(error.status, &error.body(AwsService::Ecs))),
                Err(Broken::Refused) => Err(io("connection refused")),
                Err(Broken::Lost) => Err(io("connection reset")),
                Err(Broken::Timeout) => Err(ConnectorError::timeout("no answer".into())),
                Err(Broken::Throttled) => {
                    let error = AwsError::new("ThrottlingException", "Rate exceeded");
                    Ok(response(400, &error.body(AwsService::Ecs)))
                }
                Err(Broken::Failed) => {
                    let error = AwsError::new("ServerException", "Service Unavailable. Please try again later.");
                    Ok(response(500, &error.with_status(500).body(AwsService::Ecs)))
                }
            }
        })
    }
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let status = StatusCode::try_from(status).expect("a status of the model");
    HttpResponse::new(status, SdkBody::from(body.to_string()))
}

fn ecs_call(world: &mut World, who: &str, operation: &str, mut input: Value) -> Result<Value, AwsError> {
    let mutation = world.scenario.mutation;
    if operation == "StopTask" && mutation == Some(Mutation::NoStop) {
        return Ok(json!({"task": {}}));
    }
    if operation == "StopTask"
        && mutation == Some(Mutation::OutlivesForEver)
        && input["reason"].as_str().is_some_and(|reason| reason.ends_with("its flow run has ended"))
    {
        return Ok(json!({"task": {}}));
    }
    if operation == "StopTask" {
        let said = |name: &str| input[name].as_str().unwrap_or_default();
        world.before_stop_task(said("task"), said("reason"));
    }
    if matches!(operation, "DescribeTaskDefinition" | "RunTask") && world.fault(Fault::PlantedRevision) {
        world.plant(input["taskDefinition"].as_str().unwrap_or_default());
    }
    if operation == "ListTasks" && input["desiredStatus"] == "STOPPED" && world.fault(Fault::HidesStopped) {
        return Ok(json!({"taskArns": []}));
    }
    if operation != "RunTask" {
        return world.call_ecs(who, operation, &input);
    }
    let started_by = input["startedBy"].as_str().unwrap_or_default().to_owned();
    match mutation {
        Some(Mutation::FreshClientToken) => {
            input["clientToken"] = Uuid::from_u128(world.rng.u128(..)).to_string().into();
        }
        Some(Mutation::NoStartedBy) => input["startedBy"] = "pushpool".into(),
        Some(Mutation::NoRevision) => {
            let family = input["taskDefinition"].as_str().and_then(|it| it.split(':').next()).unwrap_or_default();
            input["taskDefinition"] = family.to_owned().into();
        }
        _ => {}
    }
    world.inject_into_run_task();
    let refused = world.fault(Fault::RefusedForGood);
    let answer = if refused {
        Err(AwsError::new("AccessDeniedException", "User is not authorized to perform: ecs:RunTask"))
    } else {
        world.call_ecs(who, operation, &input)
    };
    world.after_run_task(&started_by, &answer);
    if mutation == Some(Mutation::FailureIsSuccess) && answer.as_ref().map_or(true, |it| it["tasks"][0].is_null()) {
        let arn = "arn:aws:ecs:us-east-1:000000000000:task/default/00000000000000000000000000000000";
        return Ok(json!({"tasks": [{"taskArn": arn}], "failures": []}));
    }
    answer
}

/// The queues of every function.
pub(super) struct Queues(pub Party);

impl Queues {
    async fn sent(
        &self,
        queue: &'static str,
        body: String,
        delay: Duration,
        group: Option<(String, String)>,
    ) -> Result<(), Failure> {
        let party = self.0.clone();
        let who = party.name().to_owned();
        let lineage = Some(party.lineage());
        let endless = party.sim().world().scenario.mutation == Some(Mutation::EndlessChains);
        let body = if endless { without_hops(&body) } else { body };
        let sent = self
            .0
            .call(Service::Aws, Duration::from_secs(24), move |world| {
                let mut delay = delay;
                if world.fault(Fault::DelayedMessage) {
                    delay += Duration::from_secs(world.rng.u64(1..=120));
                }
                world.note(|| format!("{who}: sends to {queue} in {delay:?}: {body}"));
                let group = group.as_ref().map(|(group, id)| (group.as_str(), id.as_str()));
                world.send_from(lineage, queue, &body, delay, group);
                party.sim().wake(queue);
            })
            .await;
        sent.map_err(|broken| Failure {
            class: Class::Transient,
            diagnosis: Diagnosis {
                code: diagnosis::PP0406,
                summary: "SQS did not answer".to_owned(),
                detail: format!("{broken:?}"),
                resolution: String::new(),
            },
        })
    }
}

fn without_hops(body: &str) -> String {
    let mut message: Value = serde_json::from_str(body).unwrap_or_default();
    match message.as_object_mut().and_then(|message| message.remove("hops")) {
        Some(_) => message.to_string(),
        None => body.to_owned(),
    }
}

impl Inbox for Queues {
    async fn dead_letter(&self, body: String, _: &Diagnosis) -> Result<(), Failure> {
        self.sent("dlq", body, Duration::ZERO, None).await
    }

    async fn return_after(&self, from: Source, receipt_handle: &str, delay: Duration) {
        let queue = match from {
            Source::Runs(RunQueue::Standard) => RUN,
            Source::Runs(RunQueue::Fifo) => RUN_FIFO,
            Source::Events => EVENTS,
        };
        let input = json!({
            "QueueUrl": queue, "ReceiptHandle": receipt_handle, "VisibilityTimeout": delay.as_secs(),
        });
        let party = self.0.clone();
        let _ = self
            .0
            .call(Service::Aws, Duration::from_secs(24), move |world| {
                world.call_sqs("ChangeMessageVisibility", input);
                party.sim().wake(queue);
            })
            .await;
    }
}

impl RunQueues for Queues {
    async fn send_runs(&self, queue: RunQueue, messages: &[QueuedRun]) -> Vec<bool> {
        let mut taken = Vec::with_capacity(messages.len());
        for message in messages {
            let again = {
                let mut world = self.0.sim().world();
                let mutation = world.scenario.mutation;
                let attempt = serde_json::from_str::<Value>(&message.body).unwrap_or_default()["state_id"].to_string();
                mutation == Some(Mutation::SendOnce) && !world.ledger.sent.insert(attempt)
            };
            if again {
                taken.push(true);
                continue;
            }
            let sent = match queue {
                RunQueue::Standard => self.sent(RUN, message.body.clone(), message.delay, None).await,
                RunQueue::Fifo => {
                    let group = Some((message.group.clone(), message.deduplication_id.clone()));
                    self.sent(RUN_FIFO, message.body.clone(), Duration::ZERO, group).await
                }
            };
            taken.push(sent.is_ok());
        }
        taken
    }

    async fn waiting(&self, queue: RunQueue) -> Option<u64> {
        let name = if queue == RunQueue::Fifo { RUN_FIFO } else { RUN };
        let count = move |world: &mut World| {
            let now = world.millis();
            world.sqs.depths(now, name).map(|depths| (depths.visible + depths.in_flight + depths.delayed) as u64)
        };
        self.0.call(Service::Aws, Duration::from_secs(24), count).await.ok().flatten()
    }
}

impl PollQueue for Queues {
    async fn send_poll(&self, message: &PollMessage, hops: u32, delay: Duration) -> Result<(), Failure> {
        self.sent(POLL, message.body_after(hops), delay, None).await
    }
}

impl EventsQueue for Queues {
    async fn send_check(&self, check: Check, delay: Duration) -> Result<(), Failure> {
        self.sent(EVENTS, check.body(), delay, None).await
    }
}
