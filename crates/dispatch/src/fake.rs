//! A Prefect server and an ECS in memory, for what real ones do not do on request: fail for one run only, hang, hold
//! hundreds of runs. What the server decides is tested against the real one (`tests/it/prefect_observer`).

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use diagnosis::Diagnosis;
use ecs::{
    Attempt, ClusterRef, TaskArn,
    failure::Class,
    launch::{LaunchError, Page, TaskControl},
    task::Task,
};
use jiff::Timestamp;
use prefect_api::{Client, Patience, Request, Response, Transport, TransportError};
use prefect_ids::{FlowRunId, StateId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    outcome::{Event, Observed},
    ports::{Clock, Sink},
};

pub(crate) const NOW: &str = "2026-01-01T12:00:00Z";
pub(crate) const CLUSTER: &str = "arn:aws:ecs:r:1:cluster/c";

pub(crate) fn clock() -> Clock {
    Arc::new(|| NOW.parse().unwrap_or(Timestamp::UNIX_EPOCH))
}

/// A server that holds runs with their states.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<Held>>);

#[derive(Default)]
struct Held {
    runs: BTreeMap<FlowRunId, Vec<Value>>,
    pids: BTreeMap<FlowRunId, String>,
    starts: BTreeMap<FlowRunId, Timestamp>,
    in_process: HashSet<FlowRunId>,
    template: Value,
    variables: BTreeMap<String, Value>,
    /// Requests whose path has one of these fail.
    broken: HashSet<String>,
    /// Requests whose path has one of these are never answered.
    hanging: HashSet<String>,
    asked: Vec<(String, Value)>,
    /// How many lists of runs were asked for, and what becomes of runs after which of them.
    lists: usize,
    moves: Vec<(usize, FlowRunId, Value)>,
}

impl Server {
    pub(crate) fn client(&self) -> Client<Self> {
        Client::new(self.clone(), Patience { tries: 1, total: Duration::ZERO, first: Duration::ZERO })
    }

    /// A run in these states: type, name, minutes ago.
    pub(crate) fn add(&self, number: u128, states: &[(&str, &str, i64)]) -> Attempt {
        let run = FlowRunId::from_u128(number);
        let attempt = Attempt { flow_run_id: run, state_id: StateId::from_u128(number << 16) };
        let now: Timestamp = NOW.parse().unwrap();
        let states = states.iter().enumerate().map(|(index, (state_type, name, minutes))| {
            let details = match *state_type {
                // A claim of the SCHEDULED state right before it; any other is of the first.
                "PENDING" if *name == "Again" => {
                    let state_id = StateId::from_u128((number << 16) + index as u128 - 1);
                    json!({"transition_id": Attempt { flow_run_id: run, state_id }.transition_id()})
                }
                "PENDING" if *name != "Theirs" => json!({"transition_id": attempt.transition_id()}),
                // Two of a run are two copies of one end.
                "CRASHED" => json!({"transition_id": run}),
                _ => json!({}),
            };
            json!({
                "id": Uuid::from_u128((number << 16) + index as u128), "type": state_type, "name": name,
                "timestamp": now - jiff::SignedDuration::from_mins(*minutes), "state_details": details,
            })
        });
        self.0.lock().unwrap().runs.insert(run, states.collect());
        attempt
    }

    pub(crate) fn record(&self, attempt: Attempt, pid: &str) {
        self.0.lock().unwrap().pids.insert(attempt.flow_run_id, pid.to_owned());
    }

    pub(crate) fn start(&self, attempt: Attempt, at: Timestamp) {
        self.0.lock().unwrap().starts.insert(attempt.flow_run_id, at);
    }

    /// The run's process is to try it again.
    pub(crate) fn retry_in_process(&self, attempt: Attempt) {
        self.0.lock().unwrap().in_process.insert(attempt.flow_run_id);
    }

    pub(crate) fn set_template(&self, template: Value) {
        self.0.lock().unwrap().template = template;
    }

    pub(crate) fn set_variable(&self, name: &str, value: Value) {
        self.0.lock().unwrap().variables.insert(name.to_owned(), value);
    }

    /// Gives the current state of a run the lease of a slot.
    pub(crate) fn lease(&self, attempt: Attempt, lease: Uuid) {
        let mut held = self.0.lock().unwrap();
        let state = held.runs.get_mut(&attempt.flow_run_id).unwrap().last_mut().unwrap();
        state["state_details"]["deployment_concurrency_lease_id"] = json!(lease);
    }

    /// The run comes into another state after this list of runs; the first one is 1.
    pub(crate) fn move_on(&self, list: usize, attempt: Attempt, state_type: &str) {
        let state = json!({"id": Uuid::new_v4(), "type": state_type, "name": state_type, "timestamp": NOW});
        self.0.lock().unwrap().moves.push((list, attempt.flow_run_id, state));
    }

    pub(crate) fn break_path(&self, part: &str) {
        self.0.lock().unwrap().broken.insert(part.to_owned());
    }

    pub(crate) fn hang(&self, part: &str) {
        self.0.lock().unwrap().hanging.insert(part.to_owned());
    }

    /// Name of the run's state.
    pub(crate) fn state(&self, attempt: Attempt) -> String {
        let held = self.0.lock().unwrap();
        held.runs[&attempt.flow_run_id].last().unwrap()["name"].as_str().unwrap().to_owned()
    }

    /// Requests whose path has this part.
    pub(crate) fn asked(&self, part: &str) -> Vec<Value> {
        let held = self.0.lock().unwrap();
        held.asked.iter().filter(|(path, _)| path.contains(part)).map(|(_, body)| body.clone()).collect()
    }
}

impl Held {
    fn run(&self, id: &FlowRunId) -> Value {
        json!({
            "id": id, "flow_id": Uuid::from_u128(1), "work_pool_name": "p", "state": self.runs[id].last(),
            "infrastructure_pid": self.pids.get(id), "start_time": self.starts.get(id),
            "run_count": u8::from(self.starts.contains_key(id)),
            "empirical_policy": self.in_process.contains(id).then(|| json!({"retry_type": "in_process"})),
        })
    }

    fn answer(&mut self, path: &str, body: &Value) -> Value {
        if path == "/flow_runs/filter" {
            let ids: Option<Vec<FlowRunId>> = serde_json::from_value(body["flow_runs"]["id"]["any_"].clone()).ok();
            let types = body["flow_runs"]["state"]["type"]["any_"].as_array();
            let wanted = |id: &&FlowRunId| {
                ids.as_ref().is_none_or(|ids| ids.contains(id))
                    && types.is_none_or(|types| types.contains(&self.runs[*id].last().unwrap()["type"]))
            };
            let number = |key: &str| body[key].as_u64().unwrap_or(0) as usize;
            let found = self
                .runs
                .keys()
                .filter(wanted)
                .skip(number("offset"))
                .take(number("limit"))
                .map(|id| self.run(id))
                .collect();
            self.lists += 1;
            for (_, run, state) in self.moves.iter().filter(|(list, ..)| *list == self.lists) {
                self.runs.get_mut(run).unwrap().push(state.clone());
            }
            return found;
        }
        if let Some(id) = path.strip_prefix("/flow_run_states/?flow_run_id=") {
            return json!(self.runs.get(&id.parse().unwrap()));
        }
        if let Some(id) = path.strip_prefix("/flow_runs/").and_then(|path| path.strip_suffix("/set_state")) {
            let mut state = body["state"].clone();
            state["id"] = json!(Uuid::new_v4());
            state["timestamp"] = NOW.into();
            self.runs.get_mut(&id.parse().unwrap()).unwrap().push(state.clone());
            return json!({"status": "ACCEPT", "state": state, "details": {}});
        }
        let recorded = path.strip_prefix("/flow_runs/").zip(body["infrastructure_pid"].as_str());
        if let Some((id, pid)) = recorded {
            self.pids.insert(id.parse().unwrap(), pid.to_owned());
        } else if let Some(id) = path.strip_prefix("/flow_runs/").and_then(|id| id.parse().ok()) {
            return self.run(&id);
        }
        if let Some(id) = path.strip_prefix("/flow_runs/").and_then(|id| id.parse().ok()).filter(|_| body.is_null()) {
            return self.run(&id);
        }
        match path {
            "/work_pools/p" => json!({
                "id": Uuid::from_u128(2), "name": "p", "type": "ecs:push", "base_job_template": self.template,
            }),
            _ => json!([]),
        }
    }
}

impl Transport for Server {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let body: Value = request.body.as_deref().map_or(Value::Null, |body| serde_json::from_str(body).unwrap());
        let hangs = {
            let mut held = self.0.lock().unwrap();
            held.asked.push((request.path.clone(), body.clone()));
            held.hanging.iter().any(|part| request.path.contains(part))
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        let mut held = self.0.lock().unwrap();
        let broken = held.broken.iter().any(|part| request.path.contains(part));
        let variable = request.path.strip_prefix("/variables/name/").map(|name| held.variables.get(name).cloned());
        let (status, body) = match variable {
            _ if broken => (500, json!({})),
            Some(None) => (404, json!({"detail": "Variable not found."})),
            Some(Some(value)) => (200, json!({"value": value})),
            None => (200, held.answer(&request.path, &body)),
        };
        Ok(Response { status, retry_after: None, body: body.to_string().into_bytes() })
    }
}

/// An ECS that holds tasks.
#[derive(Default)]
pub(crate) struct Ecs {
    pub(crate) tasks: Mutex<Vec<Task>>,
    /// Every question fails.
    pub(crate) broken: bool,
    pub(crate) stops: Mutex<Vec<String>>,
    /// What happens while the task of an attempt is looked for.
    pub(crate) meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Ecs {
    fn diagnosis(&self) -> Diagnosis {
        Diagnosis { code: diagnosis::PP0331, summary: "s".into(), detail: "d".into(), resolution: "r".into() }
    }

    fn all(&self) -> Result<Vec<Task>, LaunchError> {
        if self.broken {
            return Err(LaunchError { class: Class::Transient, diagnosis: self.diagnosis() });
        }
        Ok(self.tasks.lock().unwrap().clone())
    }
}

impl TaskControl for Ecs {
    async fn describe(&self, _: &ClusterRef, task_arns: &[TaskArn]) -> Result<Vec<Task>, LaunchError> {
        Ok(self.all()?.into_iter().filter(|task| task_arns.contains(&task.task_arn)).collect())
    }

    async fn running(&self, _: &ClusterRef, from: Option<&str>, limit: usize) -> Result<Page, LaunchError> {
        // A place is the number of tasks before it, and as good as forgotten if it is another text.
        let Ok(from) = from.map_or(Ok(0), str::parse::<usize>) else {
            return Err(LaunchError { class: Class::Rejected, diagnosis: self.diagnosis() });
        };
        let mut live = self.all()?.into_iter().filter(Task::is_live).map(|task| task.task_arn).skip(from).peekable();
        let task_arns: Vec<TaskArn> = live.by_ref().take(limit).collect();
        let next = live.peek().map(|_| (from + task_arns.len()).to_string());
        Ok(Page { task_arns, next })
    }

    async fn started_by(&self, _: &ClusterRef, started_by: &str) -> Result<Vec<Task>, LaunchError> {
        if let Some(meanwhile) = self.meanwhile.lock().unwrap().take() {
            meanwhile();
        }
        Ok(self.all()?.into_iter().filter(|task| task.started_by.as_deref() == Some(started_by)).collect())
    }

    async fn stop(&self, _: &ClusterRef, task_arn: &TaskArn, _: &str) -> Result<(), LaunchError> {
        self.stops.lock().unwrap().push(task_arn.to_string());
        Ok(())
    }
}

/// The event of a task of the attempt.
pub(crate) fn event(attempt: Attempt, status: &str, more: Value) -> Value {
    json!({"id": Uuid::from_u128(5), "account": "1", "time": NOW, "detail-type": "ECS Task State Change",
        "detail": task(attempt, status, more)})
}

/// A task of the attempt, made an hour ago.
pub(crate) fn task(attempt: Attempt, status: &str, more: Value) -> Value {
    let mut task = json!({
        "taskArn": arn(attempt), "clusterArn": CLUSTER, "startedBy": attempt.started_by(), "lastStatus": status,
        "desiredStatus": if status == "STOPPED" { "STOPPED" } else { "RUNNING" }, "createdAt": "2026-01-01T11:00:00Z",
        "containers": [{"name": "prefect"}],
    });
    for (key, value) in more.as_object().unwrap() {
        task[key] = value.clone();
    }
    task
}

pub(crate) fn arn(attempt: Attempt) -> String {
    format!("arn:aws:ecs:r:1:task/c/{}", attempt.state_id.uuid().simple())
}

/// Notes what was told, in a word.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<String>>);

impl Notes {
    pub(crate) fn take(&self) -> Vec<String> {
        let mut notes = std::mem::take(&mut *self.0.lock().unwrap());
        notes.sort();
        notes
    }
}

impl Sink for Notes {
    fn emit(&self, event: &Event<'_>) {
        // It panics on a metric that is not listed.
        let _ = event.metrics(0);
        let Event::Run(observed) = event else { return };
        let note = match observed {
            Observed::Running { launch_to_running, .. } => format!("running after {launch_to_running}"),
            Observed::Run { change, .. } => {
                let change = format!("{change:?}");
                change.split([' ', '(']).next().unwrap_or_default().to_owned()
            }
            Observed::Malformed { reason, .. } => format!("malformed {}", reason.code),
            Observed::Returned { reason, .. } => format!("returned {}", reason.code),
            Observed::Failed { reason, .. } => format!("failed {}", reason.code),
        };
        self.0.lock().unwrap().push(note);
    }
}
