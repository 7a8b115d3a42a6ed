//! Requests and answers: paths and shapes as a real server has them.

use jiff::{SignedDuration, Timestamp};
use prefect_api::{Method, models::StateType};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Answer, FlowRun, Server, State,
    model::{Pool, Queue},
    rules::{LEASE, Proposal, Verdict},
};

/// Answers a request.
pub(super) fn handle(server: &mut Server, now: Timestamp, method: Method, path: &str, body: Option<&str>) -> Answer {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let body = body.unwrap_or("null");
    match (method, segments.as_slice()) {
        (Method::Post, ["work_pools", "filter"]) => server.filter_pools(body),
        (Method::Get, ["work_pools", name]) => match server.pools.get(*name) {
            Some(pool) => ok(&shown_pool(pool)),
            None => not_found(),
        },
        (Method::Post, ["work_pools", name, "queues", "filter"]) => match server.pools.get(*name) {
            Some(pool) => ok(&pool.queues.iter().map(shown_queue).collect::<Vec<Value>>()),
            None => not_found(),
        },
        (Method::Post, ["work_pools", _, "workers", "heartbeat"]) => empty(),
        (Method::Post, ["work_pools", name, "get_scheduled_flow_runs"]) => server.hand_out(name, body),
        (Method::Post, ["flow_runs", "filter"]) => server.filter_runs(body),
        (Method::Get, ["flow_runs", id]) => match parsed(id).and_then(|id| server.runs.get(&id)) {
            Some(run) => ok(&shown_run(run)),
            None => not_found(),
        },
        (Method::Patch, ["flow_runs", id]) => server.update_run(id, body),
        (Method::Patch, ["flow_runs", id, "labels"]) => match parsed(id).and_then(|id| server.runs.get(&id)) {
            Some(_) => empty(),
            None => not_found(),
        },
        (Method::Post, ["flow_runs", id, "set_state"]) => server.set_state(now, id, body),
        (Method::Get, ["flow_run_states"]) => {
            let id = query.strip_prefix("flow_run_id=").and_then(parsed);
            ok(id.map_or(&[][..], |id| server.states(id)))
        }
        (Method::Post, ["deployments", "filter"]) => server.filter_deployments(body),
        (Method::Post, ["flows", "filter"]) => ok(&json!([{"id": server.flow, "name": "flow"}])),
        (Method::Post, ["logs"]) | (Method::Post, ["events"]) => empty(),
        (Method::Post, ["v2", "concurrency_limits", "leases", id, "renew"]) => {
            match parsed(id).and_then(|id| server.leases.get_mut(&id)) {
                Some((_, until)) => {
                    let wanted: Value = serde_json::from_str(body).unwrap_or_default();
                    let time = wanted["lease_duration"].as_i64().map_or(LEASE, SignedDuration::from_secs);
                    *until = (*until).max(now + time);
                    empty()
                }
                None => Answer { status: 410, body: r#"{"detail":"Lease not found"}"#.to_owned() },
            }
        }
        _ => {
            server.unknown.push(format!("{} {path}", method.name()));
            not_found()
        }
    }
}

fn ok(body: &(impl Serialize + ?Sized)) -> Answer {
    Answer { status: 200, body: serde_json::to_string(body).unwrap_or_default() }
}

fn empty() -> Answer {
    Answer { status: 204, body: String::new() }
}

fn not_found() -> Answer {
    Answer { status: 404, body: r#"{"detail":"Not found"}"#.to_owned() }
}

fn parsed(id: &str) -> Option<Uuid> {
    Uuid::try_parse(id).ok()
}

fn shown_pool(pool: &Pool) -> Value {
    json!({
        "id": pool.id, "name": pool.name, "type": pool.pool_type, "base_job_template": pool.template,
        "is_paused": pool.is_paused, "concurrency_limit": pool.limit,
    })
}

fn shown_queue(queue: &Queue) -> Value {
    json!({
        "id": queue.id, "name": queue.name, "is_paused": queue.is_paused, "concurrency_limit": queue.limit,
        "priority": queue.priority,
    })
}

/// A run as answers show it.
#[derive(Serialize)]
struct Shown<'a> {
    id: Uuid,
    name: &'static str,
    flow_id: Uuid,
    deployment_id: Option<Uuid>,
    work_queue_id: Option<Uuid>,
    work_pool_name: &'a str,
    state_id: Uuid,
    state_type: StateType,
    state: &'a State,
    job_variables: Value,
    expected_start_time: Option<Timestamp>,
    next_scheduled_start_time: Option<Timestamp>,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    infrastructure_pid: Option<&'a str>,
    run_count: u32,
    empirical_policy: Value,
}

fn shown_run(run: &FlowRun) -> Shown<'_> {
    let state = run.state();
    Shown {
        id: run.id,
        name: "some-run",
        flow_id: run.flow_id,
        deployment_id: run.deployment_id,
        work_queue_id: run.work_queue_id,
        work_pool_name: &run.work_pool_name,
        state_id: state.id,
        state_type: state.state_type,
        state,
        job_variables: json!({}),
        expected_start_time: run.expected_start_time,
        next_scheduled_start_time: run.next_scheduled_start_time,
        start_time: run.start_time,
        end_time: run.end_time,
        infrastructure_pid: run.infrastructure_pid.as_deref(),
        run_count: run.run_count,
        empirical_policy: json!({"retries": run.retries, "retry_delay": 0, "retry_type": run.retry_type}),
    }
}

#[derive(Default, Deserialize)]
struct Any<T> {
    any_: Option<Vec<T>>,
}

impl<T: PartialEq> Any<T> {
    fn holds(&self, value: &T) -> bool {
        self.any_.as_ref().is_none_or(|any| any.contains(value))
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PoolFilter {
    operator: Option<String>,
    #[serde(rename = "type")]
    pool_type: Option<Any<String>>,
    name: Option<Any<String>>,
}

impl PoolFilter {
    fn holds(&self, pool: &Pool) -> bool {
        let of_type = self.pool_type.as_ref().map(|filter| filter.holds(&pool.pool_type));
        let named = self.name.as_ref().map(|filter| filter.holds(&pool.name));
        let mut each = [of_type, named].into_iter().flatten();
        if self.operator.as_deref() == Some("or_") { each.any(|it| it) } else { each.all(|it| it) }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StateFilter {
    #[serde(rename = "type")]
    state_type: Option<Any<StateType>>,
    name: Option<Any<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RunFilter {
    id: Option<Any<Uuid>>,
    state: Option<StateFilter>,
}

#[derive(Deserialize)]
struct RunsRequest {
    #[serde(default)]
    work_pools: Option<PoolFilter>,
    #[serde(default)]
    flow_runs: RunFilter,
    #[serde(default)]
    sort: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
}

impl Server {
    fn filter_pools(&self, body: &str) -> Answer {
        #[derive(Deserialize)]
        struct Request {
            #[serde(default)]
            work_pools: PoolFilter,
        }
        let Ok(request) = serde_json::from_str::<Request>(body) else { return invalid() };
        let pools: Vec<Value> =
            self.pools.values().filter(|pool| request.work_pools.holds(pool)).map(shown_pool).collect();
        ok(&pools)
    }

    fn filter_runs(&self, body: &str) -> Answer {
        let Ok(RunsRequest { work_pools, flow_runs, sort, limit, offset }) = serde_json::from_str(body) else {
            return invalid();
        };
        let holds = |run: &&FlowRun| {
            let state = run.state();
            let of_state = |filter: &StateFilter| {
                filter.state_type.as_ref().is_none_or(|any| any.holds(&state.state_type))
                    && filter.name.as_ref().is_none_or(|any| any.holds(&state.name))
            };
            flow_runs.id.as_ref().is_none_or(|any| any.holds(&run.id))
                && flow_runs.state.as_ref().is_none_or(of_state)
                && work_pools
                    .as_ref()
                    .is_none_or(|filter| self.pools.get(&run.work_pool_name).is_some_and(|pool| filter.holds(pool)))
        };
        let mut runs: Vec<&FlowRun> = self.runs.values().filter(holds).collect();
        match sort.as_deref() {
            Some("END_TIME_DESC") => runs.sort_by_key(|run| std::cmp::Reverse(run.end_time)),
            _ => runs.reverse(),
        }
        let page: Vec<Shown<'_>> = runs.into_iter().skip(offset).take(limit.unwrap_or(200)).map(shown_run).collect();
        ok(&page)
    }

    fn filter_deployments(&self, body: &str) -> Answer {
        #[derive(Deserialize)]
        struct Request {
            deployments: RunFilter,
        }
        let Ok(request) = serde_json::from_str::<Request>(body) else { return invalid() };
        let found =
            self.deployments.values().filter(|it| request.deployments.id.as_ref().is_none_or(|any| any.holds(&it.id)));
        let shown = |it: &super::Deployment| json!({"id": it.id, "name": it.name, "flow_id": it.flow_id, "job_variables": it.variables});
        ok(&found.map(shown).collect::<Vec<Value>>())
    }

    fn hand_out(&self, pool: &str, body: &str) -> Answer {
        #[derive(Deserialize)]
        struct Request {
            #[serde(default)]
            scheduled_before: Option<Timestamp>,
            #[serde(default)]
            work_queue_names: Option<Vec<String>>,
            #[serde(default)]
            limit: Option<usize>,
        }
        let Ok(request) = serde_json::from_str::<Request>(body) else { return invalid() };
        let limit = request.limit.unwrap_or(200);
        let Some(ids) = self.scheduled(pool, request.work_queue_names.as_deref(), request.scheduled_before, limit)
        else {
            return not_found();
        };
        // Seen on 3.8.8: without `state`, which `state_id` and `state_type` stand for.
        let shown: Vec<Value> = ids
            .iter()
            .filter_map(|id| self.runs.get(id))
            .map(|run| {
                let mut shown = serde_json::to_value(shown_run(run)).unwrap_or_default();
                shown["state"] = Value::Null;
                json!({"work_pool_id": self.pools[pool].id, "work_queue_id": run.work_queue_id, "flow_run": shown})
            })
            .collect();
        ok(&shown)
    }

    fn update_run(&mut self, id: &str, body: &str) -> Answer {
        let Ok(changes) = serde_json::from_str::<Value>(body) else { return invalid() };
        let Some(run) = parsed(id).and_then(|id| self.runs.get_mut(&id)) else { return not_found() };
        if let Some(pid) = changes["infrastructure_pid"].as_str() {
            run.infrastructure_pid = Some(pid.to_owned());
        }
        if let Some(policy) = changes.get("empirical_policy") {
            run.retry_type = policy["retry_type"].as_str().map(str::to_owned);
        }
        empty()
    }

    fn set_state(&mut self, now: Timestamp, id: &str, body: &str) -> Answer {
        #[derive(Deserialize)]
        struct Request {
            state: Proposal,
            #[serde(default)]
            force: bool,
        }
        let Ok(Request { state, force }) = serde_json::from_str::<Request>(body) else { return invalid() };
        let Some(id) = parsed(id) else { return not_found() };
        let verdict = if force { self.force(now, id, state) } else { self.propose(now, id, state) };
        let (Some(verdict), Some(state)) = (verdict, self.state(id)) else { return not_found() };
        let (status, details, shown) = match verdict {
            Verdict::Accept => ("ACCEPT", json!({"type": "accept_details"}), Some(state)),
            Verdict::Reject(why) => ("REJECT", json!({"type": "reject_details", "reason": why}), Some(state)),
            Verdict::Abort(why) => ("ABORT", json!({"type": "abort_details", "reason": why}), Some(state)),
            Verdict::Wait(time) => {
                let seconds = time.as_secs_f64().ceil();
                let details = json!({"type": "wait_details", "delay_seconds": seconds,
                    "reason": "Scheduled time is in the future"});
                ("WAIT", details, None)
            }
        };
        let body = json!({"status": status, "details": details, "state": shown}).to_string();
        Answer { status: if status == "ACCEPT" { 201 } else { 200 }, body }
    }
}

fn invalid() -> Answer {
    Answer { status: 422, body: r#"{"detail":"invalid"}"#.to_owned() }
}
