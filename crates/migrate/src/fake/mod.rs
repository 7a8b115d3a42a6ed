//! A Prefect server for tests, in memory: what 2.20.26 and 3.9.1 do with pools, queues and deployments, and an outage
//! after any number of requests.

pub(crate) mod scenario;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use manage::Server;
use prefect_api::{Client, Method, Patience, Request, Response, Transport, TransportError, models::Object as Document};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) const URL: &str = "http://prefect.test/api";

/// An outage lasts longer than any patience.
const ONE_TRY: Patience = Patience { tries: 1, total: Duration::ZERO, first: Duration::ZERO };

/// How an outage begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outage {
    /// The request does not arrive.
    Before,
    /// The request takes effect, and its answer is lost.
    After,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) version: String,
    pub(crate) pools: Vec<Value>,
    pub(crate) queues: Vec<Value>,
    pub(crate) flows: Vec<Value>,
    pub(crate) deployments: Vec<Value>,
    pub(crate) blocks: Vec<Value>,
    pub(crate) variables: Vec<Value>,
    pub(crate) runs: Vec<Value>,
    /// A run that the scheduler adds for a deployment as it was, after the next change of it.
    pub(crate) straggler: Option<Value>,
    /// Names of deployments whose change is refused.
    pub(crate) refuses: Vec<String>,
    /// Ids and times that were given out.
    made: u128,
    requests: usize,
    outage: Option<(usize, Outage)>,
    /// Writes, as `PATCH /deployments/…`.
    pub(crate) writes: Vec<String>,
}

/// A server and its state.
#[derive(Clone, Default)]
pub(crate) struct Fake(Arc<Mutex<State>>);

type Answer = (u16, Value);

impl Fake {
    pub(crate) fn new(version: &str) -> Self {
        let fake = Self::default();
        fake.state(|state| state.version = version.to_owned());
        fake
    }

    pub(crate) fn server(&self) -> Server<Self> {
        Server { client: Client::new(self.clone(), ONE_TRY), url: URL.to_owned() }
    }

    pub(crate) fn state<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        act(&mut self.0.lock().unwrap())
    }

    /// No answers any more after so many requests from now on.
    pub(crate) fn goes_down_after(&self, requests: usize, how: Outage) {
        self.state(|state| state.outage = Some((state.requests + requests, how)));
    }

    pub(crate) fn comes_up(&self) {
        self.state(|state| state.outage = None);
    }

    /// All deployments by name, without what the server makes by itself.
    pub(crate) fn deployments(&self) -> BTreeMap<String, Value> {
        let shown = |mut it: Value| {
            it.as_object_mut().unwrap().shift_remove("updated");
            for schedule in it["schedules"].as_array_mut().unwrap() {
                for made in ["id", "updated"] {
                    schedule.as_object_mut().unwrap().shift_remove(made);
                }
            }
            (it["name"].as_str().unwrap().to_owned(), it)
        };
        self.state(|state| state.deployments.clone()).into_iter().map(shown).collect()
    }
}

impl Transport for Fake {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let lost = || TransportError::Lost("the outage of a test".to_owned());
        self.state(|state| {
            state.requests += 1;
            let how = state.outage.filter(|(after, _)| state.requests > *after);
            if let Some((after, how)) = how
                && (how == Outage::Before || state.requests > after + 1)
            {
                return Err(lost());
            }
            let body = request.body.as_deref().map_or(Value::Null, |body| serde_json::from_str(body).unwrap());
            let (status, answer) = state.answer(request.method, &request.path, body);
            match how {
                Some(_) => Err(lost()),
                None => {
                    let body = if answer.is_null() { Vec::new() } else { answer.to_string().into_bytes() };
                    Ok(Response { status, retry_after: None, body })
                }
            }
        })
    }
}

impl State {
    pub(crate) fn id(&mut self) -> Uuid {
        self.made += 1;
        Uuid::from_u128(self.made)
    }

    fn answer(&mut self, method: Method, path: &str, body: Value) -> Answer {
        let path = path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let is_question = method == Method::Get || parts.last().is_some_and(|it| matches!(*it, "filter" | "count"));
        if !is_question {
            self.writes.push(format!("{} {path}", method.name()));
        }
        match (method, parts.as_slice()) {
            (Method::Get, ["admin", "version"]) => (200, json!(self.version)),
            (Method::Post, [kind, "filter"]) => (200, self.list(kind, &body)),
            (Method::Post, [kind, "count"]) => (200, json!(self.list(kind, &body).as_array().unwrap().len())),
            (Method::Get, ["deployments", id]) => found(&self.deployments, "id", id),
            (Method::Get, ["block_documents", id]) => found(&self.blocks, "id", id),
            (Method::Get, ["block_types", "slug", slug, "block_documents", "name", name]) => {
                let of_type = self.blocks.iter().filter(|it| it["block_type"]["slug"] == *slug);
                found(&of_type.cloned().collect::<Vec<_>>(), "name", name)
            }
            (Method::Get, ["work_pools", name]) => found(&self.pools, "name", name),
            (Method::Post, ["work_pools", pool, "queues", "filter"]) => (200, of_pool(&self.queues, pool)),
            (Method::Post, ["work_pools", ""]) => self.create_pool(body),
            (Method::Delete, ["work_pools", name]) => self.delete_pool(name),
            (Method::Post, ["work_pools", pool, "queues"]) => self.create_queue(pool, body),
            (Method::Patch, ["work_pools", pool, "queues", name]) => self.change_queue(pool, name, &body),
            (Method::Delete, ["work_pools", pool, "queues", name]) => self.delete_queue(pool, name),
            (Method::Post, ["deployments", ""]) => self.put(body),
            (Method::Patch, ["deployments", id]) => self.patch(id, body),
            (Method::Patch, ["deployments", id, "schedules", schedule]) => self.patch_schedule(id, schedule, body),
            _ => panic!("the fake does not know {} {path}", method.name()),
        }
    }

    fn list(&self, kind: &str, body: &Value) -> Value {
        let all = match kind {
            "work_pools" => &self.pools,
            "work_queues" => &self.queues,
            "flows" => &self.flows,
            "deployments" => &self.deployments,
            "flow_runs" => &self.runs,
            "variables" => &self.variables,
            "automations" => return json!([]),
            _ => panic!("the fake has no {kind}"),
        };
        let pools = body["work_pools"]["name"]["any_"].as_array();
        let queues = body["work_pool_queues"]["id"]["any_"].as_array().map(|ids| {
            let named = self.queues.iter().filter(|it| ids.contains(&it["id"]));
            named.map(|it| (it["work_pool_name"].clone(), it["name"].clone())).collect::<Vec<_>>()
        });
        let wanted = |it: &&Value| {
            pools.is_none_or(|pools| pools.contains(&it["work_pool_name"]))
                && queues.as_ref().is_none_or(|queues| {
                    queues.contains(&(it["work_pool_name"].clone(), it["work_queue_name"].clone()))
                })
        };
        all.iter().filter(wanted).cloned().collect()
    }

    fn create_pool(&mut self, mut pool: Value) -> Answer {
        if self.pools.iter().any(|it| it["name"] == pool["name"]) {
            return (409, json!({"detail": "A work pool with this name already exists."}));
        }
        pool["id"] = json!(self.id());
        let queue = json!({"id": self.id(), "name": "default", "work_pool_name": pool["name"], "priority": 1,
            "concurrency_limit": null, "is_paused": false});
        self.queues.push(queue);
        self.pools.push(pool.clone());
        (201, pool)
    }

    fn delete_pool(&mut self, name: &str) -> Answer {
        let before = self.pools.len();
        self.pools.retain(|it| it["name"] != name);
        self.queues.retain(|it| it["work_pool_name"] != name);
        if self.pools.len() < before { (204, Value::Null) } else { (404, json!({"detail": "Work pool not found."})) }
    }

    fn create_queue(&mut self, pool: &str, mut queue: Value) -> Answer {
        if self.queues.iter().any(|it| it["work_pool_name"] == pool && it["name"] == queue["name"]) {
            return (409, json!({"detail": "A work queue with this name already exists."}));
        }
        queue["id"] = json!(self.id());
        queue["work_pool_name"] = json!(pool);
        self.queues.push(queue.clone());
        (201, queue)
    }

    fn change_queue(&mut self, pool: &str, name: &str, changes: &Value) -> Answer {
        let queue = self.queues.iter_mut().find(|it| it["work_pool_name"] == pool && it["name"] == name).unwrap();
        overlay(queue, changes);
        (204, Value::Null)
    }

    /// Its deployments are left without a queue, whose name they keep.
    fn delete_queue(&mut self, pool: &str, name: &str) -> Answer {
        let before = self.queues.len();
        self.queues.retain(|it| it["work_pool_name"] != pool || it["name"] != name);
        let of_queue = |it: &&mut Value| it["work_pool_name"] == pool && it["work_queue_name"] == name;
        self.deployments.iter_mut().filter(of_queue).for_each(|it| it["work_pool_name"] = Value::Null);
        if self.queues.len() < before { (204, Value::Null) } else { (404, json!({"detail": "not found"})) }
    }

    fn refused(&self, name: &Value) -> Option<Answer> {
        let refuses = self.refuses.iter().any(|it| *name == it.as_str());
        refuses.then(|| (409, json!({"detail": "Error creating deployment: no"})))
    }

    /// The upsert of 2.20.26.
    fn put(&mut self, body: Value) -> Answer {
        if let Some(refused) = self.refused(&body["name"]) {
            return refused;
        }
        let mut schedules: Vec<Value> = Vec::new();
        for schedule in body["schedules"].as_array().into_iter().flatten() {
            let (id, updated) = (self.id(), self.made);
            schedules.insert(
                0,
                json!({"id": id, "updated": updated, "schedule": schedule["schedule"],
                "active": schedule["active"], "max_active_runs": null, "max_scheduled_runs": null, "catchup": false}),
            );
        }
        self.made += 1;
        let made = self.made;
        let found =
            self.deployments.iter_mut().find(|it| it["name"] == body["name"] && it["flow_id"] == body["flow_id"]);
        let Some(found) = found else { return (500, json!({})) };
        for member in
            ["version", "description", "path", "pull_steps", "storage_document_id", "infrastructure_document_id"]
        {
            found[member] = Value::Null;
        }
        found["tags"] = json!([]);
        let mut changes = body.clone();
        let members = changes.as_object_mut().unwrap();
        if members.get("work_pool_name").is_some_and(Value::is_null) && !found["work_pool_name"].is_null() {
            // No pool leaves the deployment where it is.
            members.shift_remove("work_pool_name");
            members.shift_remove("work_queue_name");
        }
        let variables = members.shift_remove("job_variables").unwrap_or_else(|| json!({}));
        members.insert("infra_overrides".to_owned(), variables);
        members.insert("schedules".to_owned(), schedules.into());
        members.insert("updated".to_owned(), json!(made.to_string()));
        overlay(found, &changes);
        let changed = found.clone();
        self.reschedule(&changed["id"]);
        (200, changed)
    }

    /// A change of a deployment deletes the runs that its schedules made for the future.
    fn reschedule(&mut self, id: &Value) {
        self.runs.retain(|run| run["deployment_id"] != *id || run["auto_scheduled"] != true || run["is_due"] == true);
        let late = self.straggler.take_if(|run| run["deployment_id"] == *id);
        self.runs.extend(late);
    }

    fn patch(&mut self, id: &str, body: Value) -> Answer {
        self.made += 1;
        let (made, refuses) = (self.made, self.refuses.clone());
        let Some(found) = self.deployments.iter_mut().find(|it| it["id"] == id) else {
            return (404, json!({"detail": "Deployment not found."}));
        };
        if refuses.iter().any(|it| found["name"] == it.as_str()) {
            return (409, json!({"detail": "Error creating deployment: no"}));
        }
        overlay(found, &body);
        found["updated"] = json!(made.to_string());
        self.reschedule(&json!(id));
        (204, Value::Null)
    }

    fn patch_schedule(&mut self, id: &str, schedule: &str, body: Value) -> Answer {
        let deployment = self.deployments.iter_mut().find(|it| it["id"] == id).unwrap();
        let schedules = deployment["schedules"].as_array_mut().unwrap();
        let place = schedules.iter().position(|it| it["id"] == schedule).unwrap();
        let mut changed = schedules.remove(place);
        overlay(&mut changed, &body);
        // 2.20.26 lists the schedule first that was changed last.
        schedules.insert(0, changed);
        (204, Value::Null)
    }
}

fn found(list: &[Value], member: &str, value: &str) -> Answer {
    match list.iter().find(|it| it[member] == value) {
        Some(found) => (200, found.clone()),
        None => (404, json!({"detail": "not found"})),
    }
}

fn of_pool(queues: &[Value], pool: &str) -> Value {
    queues.iter().filter(|it| it["work_pool_name"] == pool).cloned().collect()
}

fn overlay(document: &mut Value, changes: &Value) {
    let changes: &Document = changes.as_object().unwrap();
    for (member, value) in changes {
        document[member] = value.clone();
    }
}
