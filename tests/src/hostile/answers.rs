//! What servers answer: a Prefect API, or whatever stands at its address, and AWS.

use ecs::failure::{Answer, Operation, classify};
use prefect_api::{
    ApiError, Client, Method, Patience, Request, Response, Transport, TransportError,
    filters::FlowRunQuery,
    models::{Proposal, StateDetails, StateType},
};
use prefect_ids::FlowRunId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{CANARY, Dice, Verdict, odd, refused, served};

/// A status, a `Retry-After` header, and the call that gets them.
#[derive(Clone)]
struct Answers {
    status: u16,
    retry_after: Option<String>,
    body: Vec<u8>,
}

impl Transport for Answers {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        Ok(Response { status: self.status, retry_after: self.retry_after.clone(), body: self.body.clone() })
    }

    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

const CALLS: usize = 20;

/// An answer: two lines that say to which call with which status and header, then the body.
pub(super) fn prefect(dice: &mut Dice) -> Vec<u8> {
    let call = dice.below(CALLS);
    let status = *dice
        .pick(&[&200_u16, &200, &200, &200, &201, &204, &301, &400, &401, &403, &404, &409, &422, &429, &500, &503]);
    let header = match dice.below(6) {
        0 => odd::text(dice).replace('\n', " "),
        1 | 2 => dice.pick(odd::NUMBERS).to_owned(),
        3 => "Thu, 01 Jan 1970 00:00:03 GMT".to_owned(),
        _ => String::new(),
    };
    let mut answer = if status < 300 { served::answer(dice, call) } else { refusal(dice) };
    if dice.one_in(8) && answer.is_array() {
        let copies = if dice.one_in(8) { 200 } else { dice.below(8) };
        answer = answer.as_array().and_then(|items| items.first()).map_or(json!([]), |item| json!(vec![item; copies]));
    }
    dice.spoil(&mut answer);
    let body = match dice.below(30) {
        0 => b"<html>busy</html>".to_vec(),
        // Not spoilt as text: where quotes get lost, a secret becomes part of what the server says.
        _ if status >= 300 => answer.to_string().into_bytes(),
        _ => dice.written(&answer),
    };
    let mut input = format!("{call} {status}\n{header}\n").into_bytes();
    input.extend(body);
    input
}

fn refusal(dice: &mut Dice) -> Value {
    json!({
        "exception_message": odd::text(dice), "detail": odd::value(dice),
        "exception_detail": [{"loc": ["body", odd::name(dice)], "msg": odd::text(dice), "input": CANARY}],
        "request_body": {"api_key": CANARY}, "csrf": dice.one_in(3),
    })
}

pub(super) fn drive_prefect(input: &[u8]) -> Verdict {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (first, header) = (line(), line());
    let (call, status) = first.split_once(' ').unwrap_or_default();
    let body = lines.next().unwrap_or_default().to_vec();
    let retry_after = (!header.is_empty()).then_some(header);
    let answers = Answers { status: status.parse().unwrap_or(200), retry_after, body };
    let patience = Patience { tries: 4, ..Patience::FUNCTION };
    match served::run(ask(&Client::new(answers, patience), call.parse().unwrap_or_default())) {
        Ok(()) => Verdict::Accepted,
        Err(error) => refused(&dispatch::prefect::failure::of(&error).diagnosis),
    }
}

async fn ask(client: &Client<Answers>, call: usize) -> Result<(), ApiError> {
    let id = Uuid::from_u128(7);
    let run = FlowRunId::from(id);
    match call % CALLS {
        0 => client.work_pools(&["ecs:push"], &[]).await.map(drop),
        1 => client.work_pool("p").await.map(drop),
        2 => client.work_queues("p").await.map(drop),
        3 => client.workers("p").await.map(drop),
        4 => client.scheduled_flow_runs("p", None, (None, jiff::Timestamp::UNIX_EPOCH), 200).await.map(drop),
        5 => client.flow_run(run).await.map(|run| {
            let _ = (run.state_type(), run.due());
        }),
        6 => client.flow_runs_by_id(&[run]).await.map(drop),
        7 => client.flow_run_states(run).await.map(drop),
        8 => {
            let proposal = Proposal {
                state_type: StateType::Pending,
                name: None,
                message: None,
                state_details: StateDetails::default(),
            };
            client.propose(run, &proposal, false).await.map(|answer| drop(answer.reason()))
        }
        9 => client.deployments(&[id]).await.map(drop),
        10 => client.flows(&[id]).await.map(drop),
        11 => client.block_document("b", true).await.map(|data| drop(work_pool::references_in(&data))),
        12 => client.block("secret", "b", false).await.map(drop),
        13 => client.variable("v").await.map(drop),
        14 => client.find_block("secret", "b").await.map(drop),
        15 => client.automations("a").await.map(drop),
        16 => client.server_version().await.map(drop),
        17 => client.count_flow_runs(&FlowRunQuery::default()).await.map(drop),
        18 => client.json(Method::Post, "/x", Some(&json!({}))).await.map(drop),
        _ => client.heartbeat("p", "pushpool", 30).await,
    }
}

/// What AWS may say.
pub(super) fn aws(dice: &mut Dice) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "ThrottlingException",
        "Rate exceeded",
        "ClientException",
        "InvalidParameterException",
        "CannotPullContainerError",
        "RESOURCE:MEMORY",
        "RESOURCE:CPU",
        "AGENT",
        "MISSING",
        "Capacity is unavailable at this time",
        "The role is invalid",
        "AccessDeniedException",
        "is not authorized to perform",
        "ConflictException",
        "vCPU limit",
        "OutOfMemoryError",
        "ResourceInitializationError",
        "network interface",
        "subnet",
        "TaskDefinition is inactive",
    ];
    let mut parts = Vec::new();
    for _ in 0..4 {
        let mut part = String::new();
        for _ in 0..dice.below(4) {
            part.push_str(dice.pick(WORDS));
            part.push_str(&odd::text(dice).replace('\n', " "));
        }
        parts.push(part);
    }
    let mut input =
        format!("{}\n{}\n{}", dice.below(6), dice.pick(&["", "200", "400", "500"]), parts.join("\n")).into_bytes();
    if dice.one_in(4) {
        dice.spoil_text(&mut input);
    }
    input
}

pub(super) fn drive_aws(input: &[u8]) -> Verdict {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let operations = [
        Operation::RunTask,
        Operation::RegisterTaskDefinition,
        Operation::DescribeTaskDefinition,
        Operation::StopTask,
        Operation::DescribeTasks,
        Operation::ListTasks,
    ];
    let operation = lines.next().and_then(|at| at.parse::<usize>().ok()).unwrap_or_default() % operations.len();
    let status = lines.next().and_then(|status| status.parse().ok());
    let mut part = || lines.next().filter(|part| !part.is_empty());
    let answer = Answer {
        operation: operations[operation],
        http_status: status,
        code: part(),
        message: part().unwrap_or_default(),
        reason: part(),
        detail: part(),
    };
    refused(&classify(&answer).diagnosis)
}
