//! Everything at once: the functions' own processes between a real Prefect server and AWS on loopback, processes killed in
//! the middle of their work, servers and ways that come and go, requests and answers that are lost or late; and in the end
//! what the launch protocol promises, by the records of those who are not pushpool: AWS on loopback (which tasks there were),
//! the containers (what ran), the Prefect server (how runs ended).
//!
//! ```console
//! $ cargo run -p pushpool-tests --bin chaos -- --runs 500 --kills 300 --seed 1
//! ```
//!
//! What is done when is a function of the seed ([`plan`]). What it meets is not: that depends on how the machine's processes
//! take turns, so the same seed is another run, and a violation is told with all there is to know about its run.
//!
//! # What is not done
//!
//! * Containers are not killed and Spot capacity is not taken back: a run that is interrupted while it runs may run again,
//!   which is right, and hides what is looked for here.
//! * AWS on loopback keeps its state. Out of reach, for pushpool, is the same as restarted.

pub mod container;
mod gate;
mod kills;
mod patient;
mod plan;
mod report;
mod stage;
mod verdict;

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use hyper::Method;
use local::{
    Fault as AwsFault, Rule as AwsRule, Service,
    ecs::{Failure, StartFailure, TaskFault, TaskRule},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

pub use self::report::{Report, Violation};
use self::{
    gate::Mode,
    plan::{Due, Kind, Plan, Restart, Trouble},
    stage::Stage,
};
use crate::rig::prefect::{Rule, Server};

/// Where the reconciler runs every five minutes on AWS.
const RECONCILED_EVERY: Duration = Duration::from_secs(5);

/// How long after the last trouble all runs have to be over. A run that was handed back often waits for six minutes.
const PATIENCE: Duration = Duration::from_secs(1_200);

/// How long nothing may change any more once all is over; half as long as the troubles went on, if that is less.
const QUIET: Duration = Duration::from_secs(30);

/// How long to wait for a process to kill.
const PROCESSLESS: Duration = Duration::from_secs(10);

/// What cannot be read: what goes to the dead-letter queue on purpose.
const POISON: &str = r#"{"version":1,"poison":true}"#;

/// How much chaos.
#[derive(Debug, Clone)]
pub struct Options {
    /// Flow runs.
    pub runs: usize,
    /// Processes of functions that are killed.
    pub kills: usize,
    /// What decides what is done when.
    pub seed: u64,
    /// How long troubles go on.
    pub length: Duration,
    /// SQLAlchemy URL of the server's database; none is SQLite.
    pub database: Option<String>,
    /// A binary whose arguments `container NOTES BEHAVIOUR SECONDS` are [`container::run`].
    pub container: PathBuf,
}

/// A run that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Made {
    id: String,
    kind: Kind,
}

/// What was done, as it is done.
#[derive(Debug, Default)]
struct Tally {
    made: Mutex<Vec<Made>>,
    /// By function: at work and idle.
    kills: Mutex<BTreeMap<&'static str, [u64; 2]>>,
    /// By what it was.
    troubles: Mutex<BTreeMap<&'static str, u64>>,
    poison: AtomicU64,
    passes: AtomicU64,
    failed_passes: AtomicU64,
    /// Rings that nobody heard.
    unheard: AtomicU64,
}

impl Tally {
    fn count(&self, trouble: &'static str) {
        *self.troubles.lock().unwrap_or_else(PoisonError::into_inner).entry(trouble).or_default() += 1;
    }

    async fn ring(&self, stage: &Stage, event: &str, run: &str) {
        if !stage.ring(event, run).await {
            self.unheard.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn made(&self) -> Vec<Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Goes through with it.
///
/// # Panics
/// When something does not start. What goes wrong later is in the report.
pub async fn run(options: &Options) -> Report {
    let plan = Plan::new(options.seed, options.runs, options.kills, options.length);
    let (stage, server) = Stage::start(&options.container, options.database.as_deref()).await;
    let (stage, tally) = (Arc::new(stage), Arc::new(Tally::default()));
    let reconciling = tokio::spawn(reconcile(Arc::clone(&stage), Arc::clone(&tally)));
    let begun = Instant::now();
    let mut lanes = JoinSet::new();
    lanes.spawn(bursts(Arc::clone(&stage), Arc::clone(&tally), begun, plan.bursts));
    for (function, kills) in plan.kills {
        lanes.spawn(killing(Arc::clone(&stage), Arc::clone(&tally), begun, function, kills));
    }
    lanes.spawn(outages(Arc::clone(&stage), Arc::clone(&tally), begun, plan.outages));
    lanes.spawn(troubles(Arc::clone(&stage), Arc::clone(&tally), begun, plan.troubles));
    let restarting = tokio::spawn(restarts(server, Arc::clone(&tally), begun, plan.restarts));
    while let Some(lane) = lanes.join_next().await {
        lane.expect("a lane does not panic");
    }
    // Kept to the end: the server ends with it.
    let server = restarting.await.expect("the server starts again");
    stage.heal();
    let troubled = begun.elapsed();
    eprintln!("{:>5.0} s  no more trouble", troubled.as_secs_f64());

    let made = tally.made();
    let over = over(&stage, &made).await;
    let before = verdict::states(&stage, &made).await;
    tokio::time::sleep(QUIET.min(options.length / 2)).await;
    let after = verdict::states(&stage, &made).await;
    reconciling.abort();
    reconciling.await.ok();
    let moved: BTreeSet<String> =
        made.iter().map(|it| it.id.clone()).filter(|id| before.get(id) != after.get(id)).collect();

    let mut stage = Arc::into_inner(stage).expect("nobody else is left");
    let report = verdict::report(&mut stage, options, &tally, verdict::Ended { troubled, over, moved }).await;
    stage.stop().await;
    drop(server);
    report
}

async fn until(begun: Instant, at: Duration) {
    tokio::time::sleep_until((begun + at).into()).await;
}

/// Makes runs, and cancels those that are to be cancelled.
async fn bursts(stage: Arc<Stage>, tally: Arc<Tally>, begun: Instant, bursts: Vec<(Duration, Vec<Due>)>) {
    let mut cancelling = JoinSet::new();
    for (at, burst) in bursts {
        until(begun, at).await;
        for due in burst {
            let path = format!("/deployments/{}/create_flow_run", stage.deployments[&due.kind]);
            // The key makes it one run, however often it is asked for.
            let run = stage.user.post(&path, &json!({"idempotency_key": uuid::Uuid::new_v4()})).await;
            let id = run["id"].as_str().expect("a run has an id").to_owned();
            let made = Made { id: id.clone(), kind: due.kind };
            tally.made.lock().unwrap_or_else(PoisonError::into_inner).push(made);
            if due.kind == Kind::Cancelled {
                cancelling.spawn(cancel(Arc::clone(&stage), Arc::clone(&tally), id, due.cancel_after));
            }
        }
        eprintln!("{:>5.0} s  {} runs", begun.elapsed().as_secs_f64(), tally.made().len());
    }
    while cancelling.join_next().await.is_some() {}
}

async fn cancel(stage: Arc<Stage>, tally: Arc<Tally>, run: String, after: Duration) {
    tokio::time::sleep(after).await;
    stage.user.propose(&run, "CANCELLING", "Cancelling").await;
    tally.ring(&stage, "prefect.flow-run.Cancelling", &run).await;
}

async fn killing(stage: Arc<Stage>, tally: Arc<Tally>, begun: Instant, function: &'static str, kills: Vec<plan::Kill>) {
    let mut ringing = JoinSet::new();
    for kill in kills {
        until(begun, kill.at).await;
        if function == "doorbell" {
            // It has nothing to do unless somebody rings.
            let (stage, tally) = (Arc::clone(&stage), Arc::clone(&tally));
            ringing.spawn(async move {
                tally.ring(&stage, "prefect.flow-run.Scheduled", &uuid::Uuid::new_v4().to_string()).await;
            });
        }
        // After a kill there is no process until the next event, and there may be none any more.
        let started = Instant::now();
        while started.elapsed() < PROCESSLESS {
            if let Some(at_work) = kills::kill(&stage, function, kill).await {
                let mut kills = tally.kills.lock().unwrap_or_else(PoisonError::into_inner);
                kills.entry(function).or_default()[usize::from(!at_work)] += 1;
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    while ringing.join_next().await.is_some() {}
}

async fn outages(stage: Arc<Stage>, tally: Arc<Tally>, begun: Instant, outages: Vec<plan::Outage>) {
    for outage in outages {
        until(begun, outage.at).await;
        let gate = stage.gate(outage.way);
        gate.set(if outage.silent { Mode::Silent } else { Mode::Refusing });
        tally.count(match (outage.way, outage.silent) {
            (plan::Way::Aws, true) => "AWS silent for seconds",
            (plan::Way::Aws, false) => "AWS out of reach for seconds",
            (plan::Way::Prefect, true) => "Prefect server silent for seconds",
            (plan::Way::Prefect, false) => "Prefect server out of reach for seconds",
        });
        tokio::time::sleep(outage.lasts).await;
        gate.set(Mode::Open);
    }
}

async fn restarts(server: Server, tally: Arc<Tally>, begun: Instant, restarts: Vec<Restart>) -> Server {
    let mut server = server;
    for restart in restarts {
        until(begun, restart.at).await;
        let ending = tokio::task::spawn_blocking(move || {
            if restart.killed {
                server.kill();
            } else {
                server.stop();
            }
            server
        });
        server = ending.await.expect("the server ends");
        tally.count(if restart.killed { "Prefect server killed" } else { "Prefect server stopped" });
        tokio::time::sleep(restart.away).await;
        server.restart().await;
        eprintln!("{:>5.0} s  the Prefect server is back", begun.elapsed().as_secs_f64());
    }
    server
}

async fn troubles(stage: Arc<Stage>, tally: Arc<Tally>, begun: Instant, troubles: Vec<(Duration, Trouble)>) {
    for (at, trouble) in troubles {
        until(begun, at).await;
        inflict(&stage, &tally, trouble).await;
    }
}

async fn inflict(stage: &Stage, tally: &Tally, trouble: Trouble) {
    let tasks = |fault: TaskFault, times: u64| stage.served.local.ecs().inject(TaskRule::next(fault).times(times));
    match trouble {
        Trouble::Prefect { fault, path, times } => {
            stage.prefect.1.inject(Rule::new(fault).path(path).times(times));
        }
        Trouble::Containers { fault, times } => {
            stage.containers.inject(Rule::new(fault).method(Method::POST).path("/set_state").times(times));
        }
        Trouble::Aws { fault, target, times } => {
            let rule = Rule::new(fault).times(times);
            stage.aws.1.inject(match target {
                Some(target) => rule.having("x-amz-target", target),
                None => rule,
            });
        }
        Trouble::Throttle { times } => {
            let fault =
                AwsFault::Throttle { code: Cow::Borrowed("ThrottlingException"), message: "Rate exceeded".to_owned() };
            stage.served.local.faults().add(AwsRule::new(Service::Ecs, "RunTask", fault).times(times));
            tally.count("RunTask throttled a few times");
        }
        Trouble::NoCapacity { times } => {
            let reason =
                "Capacity is unavailable at this time. Please try again later or in a different availability zone";
            tasks(TaskFault::RunTaskFailures(vec![Failure::new(reason)]), times);
            tally.count("RunTask without capacity a few times");
        }
        Trouble::NoNetwork => {
            tasks(TaskFault::FailToStart(StartFailure::network_interface()), 1);
            tally.count("task without network interface");
        }
        Trouble::NoImage => {
            tasks(TaskFault::FailToStart(StartFailure::cannot_pull("flows:1")), 1);
            tally.count("task without image");
        }
        Trouble::Stuck => {
            tasks(TaskFault::StuckProvisioning, 1);
            tally.count("task stuck in PROVISIONING");
        }
        Trouble::DropIdle(way) => {
            stage.gate(way).drop_idle();
            tally.count("idle connections dropped");
        }
        Trouble::DropAll(way) => {
            stage.gate(way).drop_all();
            tally.count("all connections dropped");
        }
        Trouble::Poison => {
            stage.served.send("run", POISON).await;
            tally.poison.fetch_add(1, Ordering::Relaxed);
            tally.count("message that cannot be read");
        }
        Trouble::Duplicates => {
            for body in stage.served.bodies("run").iter().filter(|body| *body != POISON) {
                stage.served.send("run", body).await;
                tally.count("message sent twice");
            }
        }
    }
}

/// The schedule that invokes the reconciler.
async fn reconcile(stage: Arc<Stage>, tally: Arc<Tally>) {
    loop {
        tokio::time::sleep(RECONCILED_EVERY).await;
        tally.passes.fetch_add(1, Ordering::Relaxed);
        if stage.served.try_invoke("reconciler", Value::Null).await.is_err() {
            tally.failed_passes.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Waits until every run is in a final state and no message is left; how long that took, if it came to it.
async fn over(stage: &Stage, made: &[Made]) -> Option<Duration> {
    let (started, mut told) = (Instant::now(), Instant::now());
    while started.elapsed() < PATIENCE {
        let open = verdict::open(stage, made).await;
        let left = ["run", "run.fifo", "events"].map(|queue| stage.served.bodies(queue).len());
        if open == 0 && left == [0; 3] {
            return Some(started.elapsed());
        }
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            let seconds = started.elapsed().as_secs();
            eprintln!("{seconds:>5} s  after the last trouble: {open} runs are not over, {left:?} messages are left");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    None
}
