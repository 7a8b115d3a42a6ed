//! Bodies of answers. Field names and formats: the OpenAPI schema of prefect 3.8.8, as far as `prefect_api::models` and
//! the tests read them.

use jiff::Timestamp;
use prefect_api::models::{Object, StateType, Verdict};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::models::{Deployment, Flow, Pool, Queue, Release, Run, RunPolicy, State};
use super::rules::Outcome;
use super::slots::Limit;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// JSON, or nothing.
    pub body: String,
}

impl Answer {
    pub(super) fn json(status: u16, body: &impl Serialize) -> Self {
        Self { status, body: serde_json::to_string(body).expect("a body is JSON") }
    }

    pub(super) fn empty(status: u16) -> Self {
        Self { status, body: String::new() }
    }

    pub(super) fn detail(status: u16, detail: &str) -> Self {
        Self::json(status, &json!({"detail": detail}))
    }

    pub(super) fn exception(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"exception_message": message}))
    }
}

#[derive(Serialize)]
pub(super) struct RunBody<'a> {
    id: Uuid,
    name: &'a str,
    flow_id: Uuid,
    state_id: Option<Uuid>,
    deployment_id: Option<Uuid>,
    work_queue_id: Option<Uuid>,
    work_queue_name: Option<&'a str>,
    parameters: Object,
    empirical_policy: &'a RunPolicy,
    labels: &'a Object,
    state_type: Option<StateType>,
    state_name: Option<&'a str>,
    run_count: u32,
    expected_start_time: Option<Timestamp>,
    next_scheduled_start_time: Option<Timestamp>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    auto_scheduled: bool,
    infrastructure_pid: Option<&'a str>,
    /// Not in the answer to a poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    work_pool_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    work_pool_name: Option<&'a str>,
    state: Option<&'a State>,
    job_variables: &'a Object,
}

impl<'a> RunBody<'a> {
    pub(super) fn of(run: &'a Run, place: Option<(&'a Pool, &'a Queue)>) -> Self {
        let state = run.state();
        Self {
            id: run.id,
            name: &run.name,
            flow_id: run.flow,
            state_id: state.map(|state| state.id),
            deployment_id: run.deployment,
            work_queue_id: run.queue,
            work_queue_name: place.map(|(_, queue)| queue.name.as_str()),
            parameters: Object::new(),
            empirical_policy: &run.policy,
            labels: &run.labels,
            state_type: run.state_type(),
            state_name: state.map(|state| state.name.as_str()),
            run_count: run.run_count,
            expected_start_time: run.expected_start_time,
            next_scheduled_start_time: run.next_scheduled_start_time,
            start_time: run.start_time,
            end_time: run.end_time,
            auto_scheduled: run.auto_scheduled,
            infrastructure_pid: run.infrastructure_pid.as_deref(),
            work_pool_id: place.map(|(pool, _)| pool.id),
            work_pool_name: place.map(|(pool, _)| pool.name.as_str()),
            state,
            job_variables: &run.job_variables,
        }
    }

    /// As a poll shows it: without its pool, and before 3.9 without its state.
    pub(super) fn polled(release: Release, run: &'a Run, place: Option<(&'a Pool, &'a Queue)>) -> Self {
        let all = Self::of(run, place);
        let state = all.state.filter(|_| release == Release::V3_9);
        Self { state, work_pool_id: None, work_pool_name: None, ..all }
    }
}

#[derive(Serialize)]
pub(super) struct Scheduled<'a> {
    pub(super) work_pool_id: Uuid,
    pub(super) work_queue_id: Uuid,
    pub(super) flow_run: RunBody<'a>,
}

#[derive(Serialize)]
pub(super) struct Orchestrated<'a> {
    state: Option<&'a State>,
    status: Verdict,
    details: Details<'a>,
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(rename = "type")]
    details_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_seconds: Option<i64>,
}

impl<'a> Orchestrated<'a> {
    pub(super) fn of(outcome: &'a Outcome, state: Option<&'a State>) -> Self {
        let details_type = match outcome.verdict {
            Verdict::Accept => "accept_details",
            Verdict::Reject => "reject_details",
            Verdict::Abort => "abort_details",
            Verdict::Wait => "wait_details",
        };
        let details = Details { details_type, reason: outcome.reason.as_deref(), delay_seconds: outcome.delay_seconds };
        Self { state, status: outcome.verdict, details }
    }
}

/// A work pool as the server writes it. Its template is borrowed: it is long, and asked for often.
#[derive(Serialize)]
pub(super) struct PoolBody<'a> {
    id: Uuid,
    created: Timestamp,
    name: &'a str,
    #[serde(rename = "type")]
    pool_type: &'a str,
    description: Option<()>,
    base_job_template: &'a Value,
    is_paused: bool,
    concurrency_limit: Option<u32>,
    status: &'static str,
}

/// READY takes a heartbeat; that it wears off is left out.
pub(super) fn pool(pool: &Pool) -> PoolBody<'_> {
    let status = match (pool.is_paused, pool.heartbeats.is_empty()) {
        (true, _) => "PAUSED",
        (false, true) => "NOT_READY",
        (false, false) => "READY",
    };
    PoolBody {
        id: pool.id,
        created: pool.created,
        name: &pool.name,
        pool_type: &pool.pool_type,
        description: None,
        base_job_template: &pool.base_job_template,
        is_paused: pool.is_paused,
        concurrency_limit: pool.concurrency_limit,
        status,
    }
}

/// READY takes a poll; that it wears off is left out.
pub(super) fn queue(queue: &Queue) -> Value {
    let status = match (queue.is_paused, queue.last_polled) {
        (true, _) => "PAUSED",
        (false, None) => "NOT_READY",
        (false, Some(_)) => "READY",
    };
    json!({
        "id": queue.id, "name": queue.name, "is_paused": queue.is_paused, "work_pool_id": queue.pool,
        "concurrency_limit": queue.concurrency_limit, "priority": queue.priority,
        "last_polled": queue.last_polled, "status": status,
    })
}

pub(super) fn deployment(deployment: &Deployment, limit: Option<&Limit>) -> Value {
    let limit = limit.map(|limit| json!({"limit": limit.limit, "active_slots": limit.active}));
    json!({
        "id": deployment.id, "name": deployment.name, "flow_id": deployment.flow, "work_queue_id": deployment.queue,
        "job_variables": deployment.job_variables, "concurrency_options": deployment.options,
        "global_concurrency_limit": limit,
    })
}

pub(super) fn flow(flow: &Flow) -> Value {
    json!({"id": flow.id, "name": flow.name})
}
