//! What ECS brings about outside: containers with flows in them, and events.
//!
//! A container behaves as `prefect flow-run execute` does on a real server (reference: prefect 3.8.8, `flow_engine.py` and
//! `runner/runner.py`): it proposes RUNNING and waits if it is early, runs the flow, proposes its end, tries a failed flow
//! again in the same process, looks for a cancellation, and hears SIGTERM.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use local::ecs::{ContainerId, Effect, Launch, Signal};
use prefect_api::{Method, Request, models::StateType};
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{Instant, sleep, sleep_until},
};
use uuid::Uuid;

use super::{
    fault::Fault,
    world::{EVENTS, Sim, World},
};

/// How often a container tries to reach the server before it gives up.
const TRIES: u32 = 12;

/// How long a flow hangs.
const HANGS: Duration = Duration::from_secs(900);

/// The containers that run.
#[derive(Default)]
pub(super) struct Containers(Mutex<BTreeMap<ContainerId, Control>>);

struct Control {
    told: Arc<Told>,
    process: AbortHandle,
}

/// SIGTERM.
#[derive(Default)]
struct Told {
    to_end: AtomicBool,
    now: Notify,
}

impl Told {
    /// Waits; true when told to end meanwhile.
    async fn sleep(&self, time: Duration) -> bool {
        if self.to_end.load(Ordering::Relaxed) {
            return true;
        }
        tokio::select! {
            biased;
            () = self.now.notified() => true,
            () = sleep(time) => false,
        }
    }
}

/// What becomes of a container, decided when it starts.
#[derive(Debug, Clone, Copy)]
struct Fate {
    early_exit: Option<i32>,
    dies: bool,
    hangs: bool,
    fails: bool,
    /// How long its process goes on after its run has ended.
    lingers: Duration,
    /// Whether a user lets it go on that has paused.
    resumed: bool,
    /// Whether it watches for a cancellation.
    watches: bool,
    startup: Duration,
    boot: Duration,
    work: Duration,
}

/// Carries out the effects of ECS as time passes.
pub(super) async fn carry_out(sim: Sim) {
    let containers = Arc::new(Containers::default());
    loop {
        let (effects, next) = {
            let mut world = sim.world();
            let now = world.millis();
            let effects = world.ecs.advance(now);
            let next = world.ecs.next_due().map(|next| world.instant(next));
            (effects, next.unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600)))
        };
        for effect in effects {
            match effect {
                Effect::Start(launch) => containers.start(&sim, launch),
                Effect::Signal(container, signal) => containers.signal(&sim, &container, signal),
                Effect::Event(event) => tell(&sim, &event),
            }
        }
        tokio::select! {
            biased;
            () = sim.ecs_changed.notified() => {}
            () = sleep_until(next) => {}
        }
    }
}

impl Containers {
    fn start(self: &Arc<Self>, sim: &Sim, launch: Launch) {
        let told = Arc::new(Told::default());
        let id = launch.container.clone();
        let process = tokio::spawn(container(Arc::clone(sim), launch, Arc::clone(&told)));
        let control = Control { told, process: process.abort_handle() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, control);
    }

    fn signal(&self, sim: &Sim, id: &ContainerId, signal: Signal) {
        let controls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(control) = controls.get(id) else { return };
        match signal {
            Signal::Terminate => {
                control.told.to_end.store(true, Ordering::Relaxed);
                control.told.now.notify_one();
            }
            Signal::Kill => {
                control.process.abort();
                exited(sim, id, 137);
            }
        }
    }
}

fn exited(sim: &Sim, id: &ContainerId, code: i32) {
    let mut world = sim.world();
    let now = world.millis();
    world.note(|| format!("container of {} exits with {code}", id.task_arn));
    world.ecs.exited(now, id, code);
    drop(world);
    sim.ecs_changed.notify_one();
}

/// Hands an event to the observer's queue, as an EventBridge rule does; or not.
fn tell(sim: &Sim, event: &Value) {
    let status = event["detail"]["lastStatus"].as_str().unwrap_or_default();
    if !matches!(status, "RUNNING" | "STOPPED") {
        return;
    }
    let mut world = sim.world();
    if world.fault(Fault::LostEvent) {
        return;
    }
    let mut copies = vec![Duration::from_millis(world.rng.u64(200..1_500))];
    if world.fault(Fault::DelayedEvent) {
        copies[0] += Duration::from_secs(world.rng.u64(1..=180));
    }
    if world.fault(Fault::DoubledEvent) {
        copies.push(Duration::from_secs(world.rng.u64(0..=240)));
    }
    let mut event = event.clone();
    if world.fault(Fault::NoStopCode)
        && let Some(detail) = event["detail"].as_object_mut()
    {
        detail.remove("stopCode");
    }
    let body = event.to_string();
    for wait in copies {
        let (sim, body) = (Arc::clone(sim), body.clone());
        tokio::spawn(async move {
            sleep(wait).await;
            sim.world().send(EVENTS, &body, Duration::ZERO, None);
            sim.wake(EVENTS);
        });
    }
}

async fn container(sim: Sim, launch: Launch, told: Arc<Told>) {
    let id = launch.container.clone();
    let environment = launch.environment.0;
    let fate = decide(&mut sim.world());
    sleep(fate.startup).await;
    {
        let mut world = sim.world();
        let now = world.millis();
        world.ecs.started(now, &id);
    }
    sim.ecs_changed.notify_one();
    let run = environment.get("PREFECT__FLOW_RUN_ID").and_then(|id| Uuid::try_parse(id).ok());
    let reschedules = environment.get("PREFECT_FLOW_RUN_EXECUTE_SIGTERM_BEHAVIOR").is_some_and(|it| it == "reschedule");
    let code = match run {
        Some(run) => Engine { sim: Arc::clone(&sim), run, told, fate, reschedules }.execute().await,
        None => 1,
    };
    exited(&sim, &id, code);
}

fn decide(world: &mut World) -> Fate {
    let early_exit =
        if world.fault(Fault::ExitsEarly) { Some(1) } else { world.fault(Fault::ExitsEarlyWithZero).then_some(0) };
    let long = world.rng.u32(..4) == 0;
    let (startup, boot, work) = match (world.scenario.quick, long) {
        (true, false) => (10..200, 10..500, 0..1_000),
        (_, long) => (100..2_000, 1_000..8_000, 0..if long { 120_000 } else { 15_000 }),
    };
    Fate {
        early_exit,
        dies: world.fault(Fault::Dies),
        hangs: world.fault(Fault::Hangs),
        fails: world.fault(Fault::FlowFails),
        lingers: if world.fault(Fault::Lingers) {
            Duration::from_secs(world.rng.u64(1..=6_000))
        } else {
            Duration::ZERO
        },
        resumed: world.rng.bool(),
        watches: world.rng.bool(),
        startup: Duration::from_millis(world.rng.u64(startup)),
        boot: Duration::from_millis(world.rng.u64(boot)),
        work: Duration::from_millis(world.rng.u64(work)),
    }
}

/// What a proposal of a container's came to.
enum Answer {
    Accepted,
    Wait(Duration),
    /// Another state holds.
    Other(StateType, Option<Duration>),
    /// The server cannot be reached.
    Unreachable,
}

struct Engine {
    sim: Sim,
    run: Uuid,
    told: Arc<Told>,
    fate: Fate,
    reschedules: bool,
}

impl Engine {
    async fn execute(self) -> i32 {
        if self.told.sleep(self.fate.boot).await {
            return 143;
        }
        if let Some(code) = self.fate.early_exit {
            return code;
        }
        loop {
            match self.propose(json!({"type": "RUNNING", "name": "Running"})).await {
                Answer::Accepted => {}
                Answer::Wait(time) => {
                    if self.told.sleep(time).await {
                        return 143;
                    }
                    continue;
                }
                // It was cancelled before it began.
                Answer::Other(StateType::Cancelling, _) => {
                    self.propose(json!({"type": "CANCELLED", "name": "Cancelled"})).await;
                    return 0;
                }
                Answer::Other(..) => return 0,
                Answer::Unreachable => return 1,
            }
            match self.work().await {
                Ended::Done => {}
                Ended::Cancelled => {
                    self.propose(json!({"type": "CANCELLED", "name": "Cancelled"})).await;
                    return 0;
                }
                Ended::Told => return self.obey().await,
                Ended::Dead => return 1,
            }
            let fails = self.fate.fails;
            let state = if fails { json!({"type": "FAILED"}) } else { json!({"type": "COMPLETED"}) };
            match self.propose(state).await {
                // The flow is tried again, in this process.
                Answer::Other(StateType::Scheduled, wait) => {
                    if self.told.sleep(wait.unwrap_or_default()).await {
                        return 143;
                    }
                }
                Answer::Unreachable => return 1,
                _ if self.told.sleep(self.fate.lingers).await => return 143,
                _ => return i32::from(fails),
            }
        }
    }

    async fn work(&self) -> Ended {
        if let Some(ended) = self.pause().await {
            return ended;
        }
        let mut left = self.fate.work;
        if self.fate.hangs {
            // Nor does it hear SIGTERM. Not for ever: what waits for its slot is to be seen to start.
            sleep(HANGS).await;
            return Ended::Dead;
        }
        while !left.is_zero() {
            let part = left.min(Duration::from_secs(10));
            left -= part;
            if self.told.sleep(part).await {
                return Ended::Told;
            }
            self.keep_slot();
            if self.fate.watches && self.is_cancelling() {
                return Ended::Cancelled;
            }
        }
        if self.fate.dies { Ended::Dead } else { Ended::Done }
    }

    /// Pauses in its process, if its plan says so, and waits to be let go on; how it ended, if it did
    /// (`_in_process_pause` of `flow_runs.py`).
    async fn pause(&self) -> Option<Ended> {
        let seconds = {
            let world = self.sim.world();
            let number = world.runs.iter().position(|run| *run == Some(self.run))?;
            world.scenario.runs[number].pause?
        };
        let timeout = Duration::from_secs(u64::from(seconds));
        let until = Instant::now() + timeout;
        let details = json!({"pause_timeout": self.sim.world().now() + timeout, "pause_key": "once"});
        match self.propose(json!({"type": "PAUSED", "name": "Paused", "state_details": details})).await {
            Answer::Accepted => {}
            // It has paused before, in another try.
            Answer::Other(StateType::Running, _) => return None,
            Answer::Other(StateType::Cancelling, _) => return Some(Ended::Cancelled),
            _ => return Some(Ended::Dead),
        }
        let resumed_at = Instant::now() + timeout / 2;
        while Instant::now() < until {
            if self.told.sleep(Duration::from_secs(5)).await {
                return Some(Ended::Told);
            }
            if self.fate.resumed && Instant::now() >= resumed_at {
                super::users::resume_run(&mut self.sim.world(), self.run);
            }
            match self.sim.world().state_of(self.run).map(|state| state.state_type) {
                Some(StateType::Paused) => {}
                Some(StateType::Running) => return None,
                Some(StateType::Cancelling) => return Some(Ended::Cancelled),
                _ => return Some(Ended::Dead),
            }
        }
        self.propose(json!({"type": "FAILED"})).await;
        Some(Ended::Dead)
    }

    /// The engine renews the slot of its deployment while the flow runs.
    fn keep_slot(&self) {
        let mut world = self.sim.world();
        let away = world.server_away.is_some_and(|until| until > Instant::now());
        let lease = world.state_of(self.run).and_then(|state| state.state_details.deployment_concurrency_lease_id);
        if let Some(lease) = lease.filter(|_| !away) {
            let request = Request {
                method: Method::Post,
                path: format!("/v2/concurrency_limits/leases/{lease}/renew"),
                body: Some(json!({"lease_duration": 300}).to_string()),
                headers: Vec::new(),
            };
            world.serve("container", &request);
        }
    }

    fn is_cancelling(&self) -> bool {
        let world = self.sim.world();
        let away = world.server_away.is_some_and(|until| until > Instant::now());
        !away && world.state_of(self.run).is_some_and(|state| state.state_type == StateType::Cancelling)
    }

    /// SIGTERM while the flow runs.
    async fn obey(&self) -> i32 {
        if self.reschedules {
            let now = self.sim.world().now();
            let details = json!({"scheduled_time": now});
            self.propose(json!({"type": "SCHEDULED", "name": "AwaitingRetry", "state_details": details})).await;
            return 0;
        }
        self.propose(json!({"type": "CRASHED", "name": "Crashed"})).await;
        143
    }

    async fn propose(&self, mut state: Value) -> Answer {
        if state["state_details"].is_null() {
            state["state_details"] = json!({});
        }
        state["state_details"]["transition_id"] = json!(Uuid::from_u128(self.sim.world().rng.u128(..)));
        let body = json!({"state": state, "force": false}).to_string();
        let path = format!("/flow_runs/{}/set_state", self.run);
        for _ in 0..TRIES {
            let latency = Duration::from_millis(self.sim.world().rng.u64(5..80));
            sleep(latency).await;
            let answer = {
                let mut world = self.sim.world();
                world.ledger.steps += 1;
                let away = world.server_away.is_some_and(|until| until > Instant::now());
                let request =
                    Request { method: Method::Post, path: path.clone(), body: Some(body.clone()), headers: Vec::new() };
                (!away).then(|| world.serve("container", &request))
            };
            let Some(response) = answer else {
                sleep(Duration::from_secs(5)).await;
                continue;
            };
            if response.status >= 300 {
                return Answer::Unreachable;
            }
            return read(&serde_json::from_slice(&response.body).unwrap_or_default(), self.sim.world().now());
        }
        Answer::Unreachable
    }
}

fn read(answer: &Value, now: jiff::Timestamp) -> Answer {
    match answer["status"].as_str() {
        Some("ACCEPT") => Answer::Accepted,
        Some("WAIT") => {
            let seconds = answer["details"]["delay_seconds"].as_f64().unwrap_or(1.0);
            Answer::Wait(Duration::from_secs_f64(seconds.max(0.1)))
        }
        _ => {
            let state = &answer["state"];
            let state_type: StateType = serde_json::from_value(state["type"].clone()).unwrap_or(StateType::Unknown);
            let due = state["state_details"]["scheduled_time"].as_str().and_then(|due| due.parse().ok());
            let wait = due.and_then(|due: jiff::Timestamp| Duration::try_from(due.duration_since(now)).ok());
            Answer::Other(state_type, wait)
        }
    }
}

/// How a flow's work ended.
enum Ended {
    Done,
    Cancelled,
    Told,
    Dead,
}
