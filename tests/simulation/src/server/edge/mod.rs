//! The HTTP edge: which path is which call, and JSON in.

mod changes;

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::percent_decode_str;
use prefect_api::Method;
use prefect_api::models::{Object, StateType};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{self, Orchestrated, RunBody, Scheduled};
use super::filter::{NamedFilter, PAGE, PoolFilter, RunQuery};
use super::models::{Deployment, Details, LogLine, Poison, Run, State};
use super::rules::{Caller, Rules};
use super::{Answer, Server, scheduling, to_microsecond};

/// A request that cannot be read: 422.
type Unreadable = String;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetState {
    state: Proposal,
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Proposal {
    r#type: StateType,
    name: Option<String>,
    message: Option<String>,
    data: Option<Value>,
    #[serde(default)]
    state_details: Details,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Poll {
    work_queue_names: Vec<String>,
    scheduled_before: Option<Timestamp>,
    scheduled_after: Option<Timestamp>,
    limit: Option<usize>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct PoolQuery {
    work_pools: PoolFilter,
    limit: Option<usize>,
    offset: usize,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct QueueQuery {
    limit: Option<usize>,
    offset: usize,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct DeploymentQuery {
    deployments: NamedFilter,
    limit: Option<usize>,
    offset: usize,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct FlowQuery {
    flows: NamedFilter,
    limit: Option<usize>,
    offset: usize,
}

/// Keys that it does not name are ignored, as the server does here and nowhere else.
#[derive(Deserialize)]
struct Heartbeat {
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renewal {
    #[serde(default = "Renewal::default_seconds")]
    lease_duration: f64,
}

impl Renewal {
    fn default_seconds() -> f64 {
        300.0
    }
}

impl Server {
    /// One HTTP request of anyone but Prefect's own client. `path` is below `/api`, percent-encoded and with its query,
    /// as [`prefect_api::Request`] has it.
    pub fn handle(&mut self, now: Timestamp, method: Method, path: &str, body: Option<&str>) -> Answer {
        self.handle_from(Caller::Other, now, method, path, body)
    }

    /// The same of anyone: containers use Prefect's own client, which changes what becomes of leases.
    pub fn handle_from(
        &mut self,
        caller: Caller,
        now: Timestamp,
        method: Method,
        path: &str,
        body: Option<&str>,
    ) -> Answer {
        match self.route(caller, to_microsecond(now), method, path, body.unwrap_or("{}")) {
            Ok(answer) => answer,
            Err(why) => {
                self.not_understood.push(format!("{} {path}: {why}", method.name()));
                Answer::exception(if why == NO_CALL { 404 } else { 422 }, &why)
            }
        }
    }

    fn route(
        &mut self,
        caller: Caller,
        now: Timestamp,
        method: Method,
        path: &str,
        body: &str,
    ) -> Result<Answer, Unreadable> {
        use Method::{Delete, Get, Patch, Post};
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut parts: [Cow<'_, str>; 8] = Default::default();
        let mut count = 0;
        for part in path.strip_prefix('/').unwrap_or(path).split('/') {
            *parts.get_mut(count).ok_or(NO_CALL)? = percent_decode_str(part).decode_utf8_lossy();
            count += 1;
        }
        let parts: [&str; 8] = std::array::from_fn(|part| parts[part].as_ref());
        match (method, &parts[..count]) {
            (Post, ["flow_runs", run, "set_state"]) => self.set_flow_run_state(caller, now, id(run)?, body),
            (Post, ["work_pools", pool, "get_scheduled_flow_runs"]) => self.poll(now, pool, body),
            (Post, ["work_pools", pool, "workers", "heartbeat"]) => self.heartbeat(now, pool, body),
            (Post, ["work_pools", pool, "queues", "filter"]) => self.filter_queues(pool, body),
            (Post, ["work_pools", "filter"]) => self.filter_pools(body),
            (Get, ["work_pools", pool]) => Ok(match self.pool(pool) {
                Some(pool) => Answer::json(200, &answer::pool(pool)),
                None => no_pool(pool),
            }),
            (Post, ["flow_runs", "filter"]) => self.filter_runs(body),
            (Post, ["ui", "flow_runs", "history"]) => self.list_runs(body),
            (Get, ["flow_runs", run]) => {
                let run = self.runs.get(&id(run)?);
                if run.is_some_and(|run| run.poison == Poison::Everything) {
                    return Ok(failed());
                }
                Ok(run.map_or_else(no_run, |run| Answer::json(200, &RunBody::of(run, self.pool_and_queue(run.queue)))))
            }
            (Get, ["flow_run_states", ""]) => {
                let run = query.strip_prefix("flow_run_id=").ok_or("no flow_run_id")?;
                // By their times, whichever was committed last.
                let mut states: Vec<&State> = self.states(id(run)?).iter().collect();
                states.sort_by_key(|state| state.timestamp);
                Ok(Answer::json(200, &states))
            }
            (Post, ["deployments", "filter"]) => self.filter_deployments(body),
            (Post, ["flows", "filter"]) => self.filter_flows(body),
            (Patch, ["flow_runs", run]) => self.update_run(id(run)?, body),
            (Patch, ["flow_runs", run, "labels"]) => {
                let labels: Object = read(body)?;
                let id = id(run)?;
                Ok(self.runs.get_mut(&id).map_or_else(
                    || run_not_found(id),
                    |run| {
                        run.labels.extend(labels);
                        Answer::empty(204)
                    },
                ))
            }
            (Post, ["logs", ""]) => {
                self.logs.extend(read::<Vec<LogLine>>(body)?);
                Ok(Answer::empty(201))
            }
            (Post, ["events"]) => {
                self.events.extend(read::<Vec<Value>>(body)?);
                Ok(Answer::empty(204))
            }
            (Post, ["v2", "concurrency_limits", "leases", lease, "renew"]) => self.renew(now, id(lease)?, body),
            (Get, ["variables", "name", name]) => Ok(match self.variables.get(*name) {
                Some(value) => Answer::json(200, &json!({"name": name, "value": value, "tags": []})),
                None => Answer::detail(404, "Variable not found."),
            }),
            (Get, ["block_documents", block]) => Ok(self.block_document(id(block)?)),
            (Get, ["block_types", "slug", slug, "block_documents", "name", name]) => {
                if self.broken_blocks.contains(*name) {
                    return Ok(failed());
                }
                let block = self.block_names.get(&((*slug).to_owned(), (*name).to_owned())).copied();
                Ok(block.map_or_else(no_block, |block| self.block_document(block)))
            }
            (Patch, ["work_pools", pool]) => self.change_pool(pool, body),
            (Patch, ["work_pools", pool, "queues", queue]) => self.change_queue(pool, queue, body),
            (Patch, ["deployments", deployment]) => self.change_deployment(now, id(deployment)?, body),
            (Delete, ["deployments", deployment]) => Ok(self.remove_deployment(id(deployment)?)),
            (Delete, ["flow_runs", run]) => Ok(self.remove_run(id(run)?)),
            _ => Err(NO_CALL.to_owned()),
        }
    }

    fn set_flow_run_state(
        &mut self,
        caller: Caller,
        now: Timestamp,
        run: Uuid,
        body: &str,
    ) -> Result<Answer, Unreadable> {
        let SetState { state, force } = read(body)?;
        let Proposal { r#type: state_type, name, message, data, mut state_details } = state;
        if state_type == StateType::Unknown {
            return Err("no such type of states".to_owned());
        }
        if state_type == StateType::Scheduled {
            state_details.scheduled_time.get_or_insert(now);
        }
        state_details.scheduled_time = state_details.scheduled_time.map(to_microsecond);
        state_details.pause_timeout = state_details.pause_timeout.map(to_microsecond);
        let name = name.unwrap_or_else(|| capitalized(state_type));
        let timestamp = self.arrived.unwrap_or(now);
        let state = State { id: self.ids.next(), state_type, name, timestamp, message, data, state_details };
        let rules = if force { Rules::Minimal } else { Rules::Core };
        let outcome = match self.propose(now, run, state, rules, caller) {
            None => return Ok(run_not_found(run)),
            Some(Err(_)) => return Ok(Answer::exception(500, "Internal Server Error")),
            Some(Ok(outcome)) => outcome,
        };
        let state = self.runs.get(&run).and_then(Run::state);
        let status = if state.is_some_and(|state| state.timestamp >= now) { 201 } else { 200 };
        Ok(Answer::json(status, &Orchestrated::of(&outcome, state)))
    }

    fn poll(&mut self, now: Timestamp, name: &str, body: &str) -> Result<Answer, Unreadable> {
        let poll: Poll = read(body)?;
        let limit = limit(poll.limit)?;
        let Some(pool) = self.pools.values().find(|pool| pool.name == name) else { return Ok(no_pool(name)) };
        let mut only = BTreeSet::new();
        for queue in &poll.work_queue_names {
            let Some(id) = self.queue_named(pool.id, queue) else {
                return Ok(Answer::detail(404, &format!("Work pool queue '{name}/{queue}' not found.")));
            };
            only.insert(id);
        }
        let only = (!only.is_empty()).then_some(only);
        let between = (poll.scheduled_after, poll.scheduled_before);
        let due = scheduling::due(pool, &self.queues, &self.runs, only.as_ref(), between, limit);
        let due: Vec<Scheduled<'_>> = due
            .into_iter()
            .map(|(run, queue)| Scheduled {
                work_pool_id: pool.id,
                work_queue_id: queue,
                flow_run: RunBody::polled(self.release, run, self.pool_and_queue(run.queue)),
            })
            .collect();
        let answer = Answer::json(200, &due);
        let pool = pool.id;
        for queue in self.queues.values_mut().filter(|queue| queue.pool == pool) {
            if only.as_ref().is_none_or(|only| only.contains(&queue.id)) {
                queue.last_polled = Some(now);
            }
        }
        Ok(answer)
    }

    fn heartbeat(&mut self, now: Timestamp, pool: &str, body: &str) -> Result<Answer, Unreadable> {
        let Heartbeat { name } = read(body)?;
        let Some(pool) = self.pools.values_mut().find(|it| it.name == pool) else { return Ok(no_pool(pool)) };
        pool.heartbeats.insert(name, now);
        Ok(Answer::empty(204))
    }

    fn filter_queues(&self, pool: &str, body: &str) -> Result<Answer, Unreadable> {
        let query: QueueQuery = read(body)?;
        let limit = limit(query.limit)?;
        let Some(pool) = self.pool(pool) else { return Ok(no_pool(pool)) };
        let mut queues: Vec<_> = self.queues.values().filter(|queue| queue.pool == pool.id).collect();
        queues.sort_by_key(|queue| queue.priority);
        let page = queues.into_iter().skip(query.offset).take(limit);
        Ok(Answer::json(200, &page.map(answer::queue).collect::<Vec<_>>()))
    }

    fn filter_pools(&self, body: &str) -> Result<Answer, Unreadable> {
        let query: PoolQuery = read(body)?;
        let mut pools: Vec<_> = self.pools.values().filter(|pool| query.work_pools.lets(pool)).collect();
        pools.sort_by(|a, b| a.name.cmp(&b.name));
        let page = pools.into_iter().skip(query.offset).take(limit(query.limit)?);
        Ok(Answer::json(200, &page.map(answer::pool).collect::<Vec<_>>()))
    }

    fn filter_runs(&self, body: &str) -> Result<Answer, Unreadable> {
        let query: RunQuery = read(body)?;
        limit(query.limit)?;
        let found = self.pick(&query);
        if found.iter().any(|run| run.poison != Poison::None) {
            return Ok(failed());
        }
        let bodies: Vec<_> = found.into_iter().map(|run| RunBody::of(run, self.pool_and_queue(run.queue))).collect();
        Ok(Answer::json(200, &bodies))
    }

    /// The runs of a filter without their parameters, so that nothing in those can fail.
    fn list_runs(&self, body: &str) -> Result<Answer, Unreadable> {
        let query: RunQuery = read(body)?;
        let listed = |run: &Run| json!({"id": run.id, "state_type": run.state_type()});
        Ok(Answer::json(200, &self.pick(&query).into_iter().map(listed).collect::<Vec<_>>()))
    }

    fn pick(&self, query: &RunQuery) -> Vec<&Run> {
        let deployment = |run: &Run| {
            let deployment = self.deployments.get(&run.deployment?)?;
            Some((deployment.id, &deployment.name))
        };
        query.pick(self.runs.values(), |run| self.pool_and_queue(run.queue), deployment)
    }

    fn filter_deployments(&self, body: &str) -> Result<Answer, Unreadable> {
        let query: DeploymentQuery = read(body)?;
        let found = self.deployments.values().filter(|it| query.deployments.lets(it.id, &it.name));
        let page = found.skip(query.offset).take(limit(query.limit)?);
        let limit_of = |deployment: &Deployment| self.slots.limit(deployment.limit?);
        Ok(Answer::json(200, &page.map(|it| answer::deployment(it, limit_of(it))).collect::<Vec<_>>()))
    }

    fn filter_flows(&self, body: &str) -> Result<Answer, Unreadable> {
        let query: FlowQuery = read(body)?;
        let found = self.flows.values().filter(|it| query.flows.lets(it.id, &it.name));
        let page = found.skip(query.offset).take(limit(query.limit)?);
        Ok(Answer::json(200, &page.map(answer::flow).collect::<Vec<_>>()))
    }

    fn renew(&mut self, now: Timestamp, lease: Uuid, body: &str) -> Result<Answer, Unreadable> {
        let Renewal { lease_duration } = read(body)?;
        if !(60.0..=86_400.0).contains(&lease_duration) {
            return Err("a lease is for 60 to 86400 seconds".to_owned());
        }
        let expires = now + SignedDuration::from_secs_f64(lease_duration);
        Ok(if self.slots.renew(lease, expires) {
            Answer::empty(204)
        } else {
            Answer::detail(410, "Lease not found - it may have expired or been revoked")
        })
    }

    fn block_document(&self, id: Uuid) -> Answer {
        self.blocks.get(&id).map_or_else(no_block, |data| Answer::json(200, &json!({"id": id, "data": data})))
    }
}

/// Why there is no answer to a path.
const NO_CALL: &str = "Not Found";

fn read<T: DeserializeOwned>(body: &str) -> Result<T, Unreadable> {
    serde_json::from_str(body).map_err(|error| error.to_string())
}

fn member<T: DeserializeOwned>(value: Value) -> Result<T, Unreadable> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

fn id(text: &str) -> Result<Uuid, Unreadable> {
    text.parse().map_err(|_| format!("{text} is no id"))
}

fn limit(limit: Option<usize>) -> Result<usize, Unreadable> {
    let limit = limit.unwrap_or(PAGE);
    if limit > PAGE { Err(format!("Invalid limit: must be less than or equal to {PAGE}.")) } else { Ok(limit) }
}

/// Name of a state that was given none.
fn capitalized(state_type: StateType) -> String {
    let mut name = state_type.name().to_lowercase();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

fn failed() -> Answer {
    Answer::exception(500, "Internal Server Error")
}

fn no_run() -> Answer {
    Answer::detail(404, "Flow run not found")
}

/// The same in other words, of calls that do not look for the run first.
fn run_not_found(id: Uuid) -> Answer {
    Answer::exception(404, &format!("Flow run with id {id} not found"))
}

fn no_block() -> Answer {
    Answer::detail(404, "Block document not found")
}

fn no_pool(name: &str) -> Answer {
    Answer::detail(404, &format!("Work pool \"{name}\" not found."))
}
