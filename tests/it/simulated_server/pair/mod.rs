//! A world on both servers, and what is the same about them.

mod compare;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use prefect_api::Method;
use pushpool_tests::rig::prefect::{Api, Server as Real, Version, unique};
use serde_json::{Map, Value, json};
use simulation::server::{Caller, NewDeployment, NewRun, Release, Server as Simulated};
use uuid::Uuid;

use super::steps::{DEPLOYMENTS, Known, Minutes, QUEUES, STRANGERS, Step, Steps, TRANSITIONS};
use super::tally::Tally;

/// Two times that the servers made themselves are the same if they are closer than that. The real one has to be asked.
const SOON: SignedDuration = SignedDuration::from_secs(20);

/// An id on the real server and its twin.
#[derive(Clone, Copy)]
struct Twin {
    real: Uuid,
    simulated: Uuid,
}

/// Both servers, with one world on each.
pub(super) struct Pair {
    api: Api,
    /// The same, as Prefect's own client.
    client: Api,
    simulated: Simulated,
    seed: u64,
    steps: Steps,
    base: Timestamp,
    /// How far the simulated one's clock is ahead.
    ahead: SignedDuration,
    /// Tells due times apart that would be the same minute.
    seconds: i64,
    pool: String,
    deployments: Vec<Twin>,
    runs: Vec<Twin>,
    /// Which deployment each is of.
    of: Vec<usize>,
    states: Vec<Option<&'static str>>,
    transitions: [Uuid; TRANSITIONS],
    leases: Vec<Twin>,
    played: Vec<String>,
}

/// An answer of each: status and body.
type Answers = [(u16, Value); 2];

impl Pair {
    /// A world of one pool, its queues and deployments.
    pub(super) async fn start(server: &Real, seed: u64) -> Self {
        let api = server.api();
        let agent = format!("prefect/{} (API 0.8.4)", server.version().number());
        let client = server.api().with_header("user-agent", &agent);
        let release = match server.version() {
            Version::V3_9 => Release::V3_9,
            _ => Release::V3_8,
        };
        let pool = unique("twin");
        let now = Timestamp::now();
        let mut simulated = Simulated::new(release, seed);
        api.create_pool(&pool, json!({})).await;
        let pool_id = simulated.create_pool(now, &pool, "ecs:push", json!({}), None);
        for queue in &QUEUES[1..] {
            api.create_queue(&pool, queue, None).await;
            simulated.create_queue(pool_id, queue, None, None);
        }
        let mut pair = Self {
            api,
            client,
            simulated,
            seed,
            steps: Steps::new(seed),
            base: Timestamp::from_second(now.as_second()).unwrap(),
            ahead: SignedDuration::ZERO,
            seconds: 0,
            pool,
            deployments: Vec::new(),
            runs: Vec::new(),
            of: Vec::new(),
            states: Vec::new(),
            transitions: std::array::from_fn(|_| Uuid::new_v4()),
            leases: Vec::new(),
            played: Vec::new(),
        };
        let real = pair.api.post("/flows/", json!({"name": pair.pool})).await.ok();
        let flow = Twin { real: uuid(&real["id"]), simulated: pair.simulated.create_flow(&pair.pool) };
        for index in 0..DEPLOYMENTS {
            pair.deploy(pool_id, flow, index).await;
        }
        pair
    }

    async fn deploy(&mut self, pool: Uuid, flow: Twin, index: usize) {
        let queue = QUEUES[index % QUEUES.len()];
        let (limit, collision) =
            [(None, None), (Some(1), None), (Some(1), Some("CANCEL_NEW")), (Some(2), Some("ENQUEUE")), (None, None)]
                [index];
        let options = collision.map(|it| json!({"collision_strategy": it}));
        let body = json!({
            "name": format!("{index}"), "flow_id": flow.real, "work_pool_name": self.pool, "work_queue_name": queue,
            "concurrency_limit": limit, "concurrency_options": options,
        });
        let real = self.api.post("/deployments/", body).await.ok();
        let new = NewDeployment {
            name: index.to_string(),
            flow: flow.simulated,
            queue: self.simulated.queue_named(pool, queue),
            concurrency_limit: limit,
            collision: collision.map(|it| serde_json::from_value(json!(it)).unwrap()),
            ..NewDeployment::default()
        };
        let simulated = self.simulated.create_deployment(new);
        self.deployments.push(Twin { real: uuid(&real["id"]), simulated });
    }

    /// Plays a random step.
    ///
    /// # Panics
    /// They differ.
    pub(super) async fn any_step(&mut self, tally: &mut Tally) {
        let step = self.steps.next(&Known { runs: &self.states, leases: self.leases.len() });
        self.step(step, tally).await;
    }

    /// Plays a step on both and compares.
    ///
    /// # Panics
    /// They differ.
    pub(super) async fn step(&mut self, step: Step, tally: &mut Tally) {
        self.played.push(format!("{step:?}"));
        let run = self.play(step, tally).await;
        if let Some(run) = run {
            self.compare_run(run).await;
        }
        let understood =
            self.simulated.not_understood().iter().all(|why| why.contains("limit") || why.contains("seconds"));
        assert!(understood, "{:?}", self.simulated.not_understood());
    }

    /// Returns the run that a step was about.
    pub(super) async fn play(&mut self, step: Step, tally: &mut Tally) -> Option<usize> {
        match step {
            Step::Create { deployment, due, retries } => {
                self.create(deployment, due, retries).await;
                None
            }
            Step::Propose { run, state, due, timeout, transition, lease, by_prefect, force } => {
                let due = due.map(|due| self.time(due));
                let timeout = timeout.map(|timeout| self.time(timeout));
                let transition = transition.map(|transition| self.transitions[transition]);
                let leases = lease.map(|lease| self.leases[lease]);
                let body = |lease: Option<Uuid>| {
                    let mut state = state.clone();
                    let mut details =
                        state.get("state_details").and_then(Value::as_object).cloned().unwrap_or_default();
                    let mut set =
                        |key: &str, value: Option<Value>| value.map(|value| details.insert(key.to_owned(), value));
                    set("scheduled_time", due.map(|due| json!(due)));
                    set("pause_timeout", timeout.map(|timeout| json!(timeout)));
                    set("transition_id", transition.map(|id| json!(id)));
                    set("deployment_concurrency_lease_id", lease.map(|id| json!(id)));
                    state.insert("state_details".to_owned(), Value::Object(details));
                    json!({"state": state, "force": force})
                };
                let bodies = [body(leases.map(|it| it.real)), body(leases.map(|it| it.simulated))];
                let path = |run: Uuid| format!("/flow_runs/{run}/set_state");
                let paths = [path(self.runs[run].real), path(self.runs[run].simulated)];
                let caller = if by_prefect { Caller::Prefect } else { Caller::Other };
                let answers = self.ask(caller, Method::Post, paths, Some(bodies)).await;
                tally.proposal(&answers[0]);
                self.compare_proposal(&answers);
                self.compare_history(run).await;
                self.compare_slots(run).await;
                Some(run)
            }
            Step::Patch { run, changes } => {
                self.on_run(Method::Patch, run, "", Some(changes), "patch", tally).await;
                Some(run)
            }
            Step::Label { run, labels } => {
                self.on_run(Method::Patch, run, "/labels", Some(labels), "label", tally).await;
                Some(run)
            }
            Step::Delete { run } => {
                self.on_run(Method::Delete, run, "", None, "delete", tally).await;
                self.compare_slots(run).await;
                Some(run)
            }
            Step::Poll { queues, after, before, limit } => {
                self.poll(&queues, after, before, limit, tally).await;
                None
            }
            Step::Pool(changes) => {
                let path = format!("/work_pools/{}", self.pool);
                self.same(Method::Patch, [path.clone(), path], Some(changes), "pool", tally).await;
                None
            }
            Step::Queue { queue, changes } => {
                let path = format!("/work_pools/{}/queues/{queue}", self.pool);
                self.same(Method::Patch, [path.clone(), path], Some(changes), "queue", tally).await;
                self.compare_queues().await;
                None
            }
            Step::Deployment { deployment, changes } => {
                let Twin { real, simulated } = self.deployments[deployment];
                let paths = [format!("/deployments/{real}"), format!("/deployments/{simulated}")];
                self.same(Method::Patch, paths, Some(changes), "deployment", tally).await;
                None
            }
            Step::DeleteDeployment { deployment } => {
                let Twin { real, simulated } = self.deployments[deployment];
                let paths = [format!("/deployments/{real}"), format!("/deployments/{simulated}")];
                self.same(Method::Delete, paths, None, "delete deployment", tally).await;
                for run in 0..self.runs.len() {
                    self.compare_run(run).await;
                }
                None
            }
            Step::Renew { lease, seconds } => {
                let path = |lease: Uuid| format!("/v2/concurrency_limits/leases/{lease}/renew");
                let Twin { real, simulated } = self.leases[lease];
                let body = Some(json!({"lease_duration": seconds}));
                self.same(Method::Post, [path(real), path(simulated)], body, "renew", tally).await;
                None
            }
            Step::Filter { types, sort, limit, offset } => {
                let body = json!({
                    "work_pools": {"operator": "or_", "type": {"any_": ["none"]}, "name": {"any_": [self.pool]}},
                    "flow_runs": {"state": {"type": {"any_": types}}}, "sort": sort, "limit": limit.unwrap_or(200),
                    "offset": offset,
                });
                let path = || "/flow_runs/filter".to_owned();
                let answers = self.same(Method::Post, [path(), path()], Some(body), "filter", tally).await;
                let mut found = [0, 1].map(|side| self.names(side, &answers[side].1, |it| &it["id"]));
                if sort == "ID_DESC" {
                    // Ids are random: nothing is first on both.
                    found.iter_mut().for_each(|found| found.sort_unstable());
                }
                self.assert_same("runs of a filter", &found[0], &found[1]);
                None
            }
            Step::Stranger(which) => {
                let (method, path, body) = self.stranger(which);
                self.same(method, [path.clone(), path], body, "stranger", tally).await;
                None
            }
        }
    }

    fn stranger(&self, which: usize) -> (Method, String, Option<Value>) {
        let (nil, pool) = (Uuid::nil(), &self.pool);
        let get = |path: &str| (Method::Get, path.to_owned(), None);
        let post = |path: String, body: Value| (Method::Post, path, Some(body));
        let all: [_; STRANGERS] = [
            get(&format!("/flow_runs/{nil}")),
            get(&format!("/flow_run_states/?flow_run_id={nil}")),
            get("/work_pools/no%20such"),
            get("/variables/name/none"),
            get(&format!("/block_documents/{nil}?include_secrets=true")),
            get("/block_types/slug/secret/block_documents/name/none?include_secrets=true"),
            post("/work_pools/no%20such/get_scheduled_flow_runs".to_owned(), json!({})),
            post(format!("/work_pools/{pool}/get_scheduled_flow_runs"), json!({"work_queue_names": ["no such"]})),
            post("/work_pools/no%20such/workers/heartbeat".to_owned(), json!({"name": "worker"})),
            post(format!("/v2/concurrency_limits/leases/{nil}/renew"), json!({"lease_duration": 300})),
            (Method::Patch, format!("/flow_runs/{nil}"), Some(json!({"infrastructure_pid": "cluster::arn"}))),
        ];
        all.into_iter().nth(which).expect("one of the questions")
    }

    fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead
    }

    /// Puts the simulated one's clock forward.
    pub(super) fn put_forward(&mut self, by: SignedDuration) {
        self.ahead += by;
    }

    /// Runs the simulated one's services; the real one's run by themselves.
    pub(super) fn services(&mut self) {
        self.simulated.services(self.now());
    }

    /// Waits for a state of the real one.
    pub(super) async fn wait_for(&self, run: usize, state: &str, patience: Duration) {
        self.api.wait_for(&self.runs[run].real.to_string(), &[state], patience).await;
    }

    /// Waits until so many slots of the limit of the run's deployment are taken on the real one.
    pub(super) async fn wait_for_slots(&self, run: usize, slots: u32, patience: Duration) {
        let started = Instant::now();
        while self.real_slots(run).await != Some(f64::from(slots)) {
            assert!(started.elapsed() < patience, "the slots of run {run} do not become {slots}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn time(&mut self, minutes: Minutes) -> Timestamp {
        self.seconds += 1;
        self.base + SignedDuration::from_secs(60 * minutes + self.seconds)
    }

    async fn create(&mut self, deployment: usize, due: Minutes, retries: Option<u32>) {
        let due = self.time(due);
        let Twin { real, simulated } = self.deployments[deployment];
        if self.simulated.deployment(simulated).is_none() {
            return;
        }
        let mut body = json!({"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}});
        if let Some(retries) = retries {
            body["empirical_policy"] = json!({"retries": retries, "retry_delay": 0});
        }
        let real = self.api.create_run(&real.to_string(), body).await.parse().unwrap();
        let new = NewRun {
            deployment: simulated,
            due: Some(due),
            retries: retries.map(|retries| (retries, 0)),
            ..NewRun::default()
        };
        let simulated = self.simulated.create_run(self.now(), new);
        self.runs.push(Twin { real, simulated });
        self.of.push(deployment);
        self.states.push(Some("SCHEDULED"));
        self.compare_run(self.runs.len() - 1).await;
    }

    async fn poll(
        &mut self,
        queues: &[&str],
        after: Option<Minutes>,
        before: Option<Minutes>,
        limit: Option<usize>,
        tally: &mut Tally,
    ) {
        let mut body = Map::new();
        let time = |minutes| json!(self.base + SignedDuration::from_mins(minutes));
        let mut set = |key: &str, value: Option<Value>| value.map(|value| body.insert(key.to_owned(), value));
        set("work_queue_names", (!queues.is_empty()).then(|| json!(queues)));
        set("scheduled_after", after.map(time));
        set("scheduled_before", before.map(time));
        set("limit", limit.map(|limit| json!(limit)));
        let path = format!("/work_pools/{}/get_scheduled_flow_runs", self.pool);
        let answers = self.same(Method::Post, [path.clone(), path], Some(body.into()), "poll", tally).await;
        let found = [0, 1].map(|side| self.names(side, &answers[side].1, |it| &it["flow_run"]["id"]));
        tally.handed_out += found[0].len();
        self.assert_same("runs of a poll", &found[0], &found[1]);
        for (one, other) in items(&answers[0].1).iter().zip(items(&answers[1].1)) {
            // What the simulated one shows has the real one's keys, and none that it should not have.
            let shows = |it: &Value| {
                let run = it["flow_run"].as_object().unwrap();
                let lacks: BTreeSet<&str> = ["state", "work_pool_id", "work_pool_name"]
                    .into_iter()
                    .filter(|key| run.get(*key).is_none_or(Value::is_null))
                    .collect();
                json!([lacks, run["state_type"], run["state_name"], run["work_queue_name"], run["job_variables"]])
            };
            self.assert_same("a run of a poll", &shows(one), &shows(other));
        }
    }

    /// One request on both sides.
    async fn ask(&mut self, caller: Caller, method: Method, paths: [String; 2], bodies: Option<[Value; 2]>) -> Answers {
        let now = self.now();
        let (real, simulated) = bodies.map_or((None, None), |[real, simulated]| (Some(real), Some(simulated)));
        let api = if caller == Caller::Prefect { &self.client } else { &self.api };
        let name = method.name().parse().unwrap();
        let answer = api.request(name, &paths[0], real).await;
        let body = simulated.map(|body| body.to_string());
        let twin = self.simulated.handle_from(caller, now, method, &paths[1], body.as_deref());
        let body = if twin.body.is_empty() { Value::Null } else { serde_json::from_str(&twin.body).unwrap() };
        [(answer.status, answer.body), (twin.status, body)]
    }

    /// One request whose status must be the same.
    async fn same(
        &mut self,
        method: Method,
        paths: [String; 2],
        body: Option<Value>,
        kind: &str,
        tally: &mut Tally,
    ) -> Answers {
        let bodies = body.map(|body| [body.clone(), body]);
        let answers = self.ask(Caller::Other, method, paths, bodies).await;
        *tally.requests.entry(format!("{kind}: {}", answers[0].0)).or_default() += 1;
        let [real, simulated] = &answers;
        self.assert_same("status", &real.0, &simulated.0);
        if real.0 == 404 || real.0 == 400 {
            self.assert_same("detail", &without_ids(&real.1), &without_ids(&simulated.1));
        }
        answers
    }

    async fn on_run(
        &mut self,
        method: Method,
        run: usize,
        below: &str,
        body: Option<Value>,
        kind: &str,
        tally: &mut Tally,
    ) {
        let Twin { real, simulated } = self.runs[run];
        let paths = [format!("/flow_runs/{real}{below}"), format!("/flow_runs/{simulated}{below}")];
        self.same(method, paths, body, kind, tally).await;
    }
}

fn uuid(value: &Value) -> Uuid {
    value.as_str().unwrap_or_else(|| panic!("{value} is no id")).parse().unwrap()
}

/// What an answer says, whichever run it names.
fn without_ids(body: &Value) -> String {
    let words = body.to_string();
    let words = words.split(' ').map(|word| if word.parse::<Uuid>().is_ok() { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The state types live as long as the test.
fn known_type(name: &str) -> &'static str {
    const TYPES: [&str; 9] =
        ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "CRASHED", "PAUSED", "CANCELLING"];
    TYPES.into_iter().find(|it| *it == name).unwrap_or_else(|| panic!("{name} is no type of states"))
}
