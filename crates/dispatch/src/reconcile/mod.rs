//! The reconcile use case: what no event told anybody.
//!
//! Every few minutes one *pass* looks at the runs of the served work pools and at the tasks they should have:
//!
//! * PENDING runs: claimed and never launched (a dispatcher died in between, and its message did not come back) are handed
//!   back, in two steps: a mark keeps every dispatcher from launching them, and a later pass, when all who had not seen the
//!   mark are done, looks for the task again. In one step, a task that was launched meanwhile could run the flow to its end
//!   before the hand back is carried out, and the server takes SCHEDULED after COMPLETED;
//! * a task that does not get to run within `task_start_timeout` is stopped, and its end hands its run back; a task that ended meanwhile is judged as the
//!   observer judges it; a task that is coming up keeps its deployment's concurrency slot, whose lease is renewed.
//! * RUNNING runs: a task that ended without an event is judged; a task that ECS has forgotten crashed; one that is not
//!   recorded is.
//! * Runs that wait for their process to try them again, which is gone: they are handed out again.
//! * CANCELLING runs, and those CANCELLED lately: as a check of the observer does.
//! * Tasks: those of runs that another attempt holds are stopped; those that go on after their run has ended, after a grace
//!   ([`Policy::outlive_grace`]); and those of runs that do not exist, if the clusters are pushpool's for this server alone
//!   ([`Policy::sole_owner`]).
//!
//! All of it is what the observer does ([`runs`]), on the ground of the same history, so both may find the
//! same thing at once, and so may two passes. Work pools that somebody else serves are not asked for, and runs that
//! somebody else claimed are left alone.
//!
//! Requests: pages of 200 runs (three kinds), one DescribeTasks for every 100 tasks of a cluster, and for each run that is
//! out of order what its repair needs. A pass ends in time; where it ended in the long lists (RUNNING runs, tasks of
//! clusters) is kept in the process, and whoever starts anew merely looks at some of them twice.

mod orphans;
#[cfg(test)]
mod tests;
mod unread;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use diagnosis::{Diagnosis, PP0607, PP0628};
use ecs::{launch::TaskControl, task::Task};
use futures_util::{StreamExt, stream};
use prefect_api::{
    Client, Transport,
    filters::{FlowRunFilter, FlowRunQuery, FlowRunSort, WorkPoolFilter},
    models::{FlowRun, StateType, WorkPool},
};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use self::orphans::Places;
use crate::{
    codes,
    infrastructure::{Infrastructure, given_up_since},
    outcome::{Change, Event, Finder, Observed},
    ports::{Clock, Failure, Sink, TaskOutput},
    prefect::{
        failure,
        history::Wrong,
        judge::is_unrecorded,
        leases::{self, Lease},
    },
    runs::{
        self, Located, Runs,
        decide::{self, NOT_STARTED, bounded},
        is_left_alone,
    },
    served::{PUSH_POOL, served_pools},
    timing::{RESERVE, between, stop_before},
};

/// How many runs are repaired at once.
const AT_ONCE: usize = 8;

/// After how many times the grace of a claim it is given up. A message comes back after three (the module's queues: six times
/// the dispatcher's timeout, and the grace is twice the timeout).
const REDELIVERIES: u32 = 4;

/// Most clusters that are remembered from one pass to the next.
const REMEMBERED_CLUSTERS: usize = 1_000;

/// How long after its end a CANCELLED run's task is looked for. ECS forgets stopped tasks after an hour.
const CANCELLED_LATELY: Duration = Duration::from_secs(3_600);

/// What the operator decides about reconciling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What the observer is told, too. Its `claim_grace` is how long a run may be PENDING without a task.
    pub runs: runs::Policy,
    /// Whether all work pools of type `ecs:push` are served.
    pub push_pools: bool,
    /// Work pools that are served by name, whatever their type.
    pub named_pools: Vec<String>,
    /// How long a task may take to start. Zero: for ever.
    pub task_start_timeout: Duration,
    /// How long a task may outlive its claim on a run.
    pub orphan_grace: Duration,
    /// How long a task may go on after its run has ended, at most [`LONGEST_GRACE`](crate::prefect::slots::LONGEST_GRACE). Zero:
    /// as long as it likes, and it holds its slot for half an hour only.
    pub outlive_grace: Duration,
    /// Whether the clusters have no tasks of another pushpool's (for another Prefect server, or without one): then a task
    /// whose run this server does not know is of a run that was deleted.
    pub sole_owner: bool,
    /// Most pages of RUNNING runs that one pass looks at.
    pub pages: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            runs: runs::Policy::default(),
            push_pools: true,
            named_pools: Vec::new(),
            task_start_timeout: Duration::from_secs(600),
            orphan_grace: Duration::from_secs(300),
            outlive_grace: Duration::from_secs(300),
            sole_owner: false,
            pages: 20,
        }
    }
}

/// What a pass came across.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pass {
    /// Runs that were looked at.
    pub looked_at: usize,
    /// Runs and tasks that were repaired.
    pub repaired: usize,
    /// Runs and tasks that could not be looked at or repaired.
    pub failed: usize,
    /// Whether it got through, as far as a pass goes.
    pub complete: bool,
}

/// Repairs what events missed.
pub struct Reconciler<T, K, O> {
    runs: Runs<T, K, O>,
    policy: Policy,
    sink: Arc<dyn Sink>,
    /// Where the next pass goes on in the RUNNING runs.
    cursor: AtomicUsize,
    /// Clusters that runs have named since the process started: a task that nobody waits for may be the last one of its cluster.
    named: Mutex<BTreeSet<String>>,
    /// Where the next pass goes on in the tasks of the clusters.
    places: Places,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    looked_at: AtomicUsize,
    repaired: AtomicUsize,
    failed: AtomicUsize,
}

/// What ECS knows of the tasks that runs name, by ARN; and the clusters that could not be asked.
#[derive(Default)]
struct Described {
    tasks: HashMap<String, Task>,
    not_asked: HashSet<String>,
}

impl<T: Transport, K: TaskControl, O: TaskOutput> Reconciler<T, K, O> {
    /// A reconciler over these.
    pub fn new(client: Client<T>, tasks: Arc<K>, output: O, policy: Policy, sink: Arc<dyn Sink>, clock: Clock) -> Self {
        let runs = Runs::new(client, tasks, output, policy.runs.clone(), clock);
        Self {
            runs,
            policy,
            sink,
            cursor: AtomicUsize::new(0),
            named: Mutex::default(),
            places: Places::default(),
            counts: Counts::default(),
        }
    }

    /// One pass. Returns before `deadline`.
    pub async fn pass(&self, deadline: Instant) -> Pass {
        let stop = stop_before(deadline);
        for count in [&self.counts.looked_at, &self.counts.repaired, &self.counts.failed] {
            count.store(0, Ordering::Relaxed);
        }
        // In a box: the compiler gives up on futures that nest too deeply.
        let complete = match timeout_at(stop, Box::pin(self.everything())).await {
            Ok(Ok(())) => true,
            Ok(Err(failure)) => {
                self.failed(None, &failure.diagnosis);
                false
            }
            Err(_) => {
                self.failed(None, &codes::out_of_time());
                false
            }
        };
        // Nothing depends on the lines: half of the reserve is as long as they may take.
        let _ = tokio::time::timeout(RESERVE / 2, self.runs.flush()).await;
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        Pass {
            looked_at: count(&self.counts.looked_at),
            repaired: count(&self.counts.repaired),
            failed: count(&self.counts.failed),
            complete,
        }
    }

    async fn everything(&self) -> Result<(), Failure> {
        let mut clusters: BTreeSet<String> = self.policy.runs.clusters.iter().cloned().collect();
        clusters.extend(self.named.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        // What waits for something comes first: it is little, and somebody waits for it.
        let waiting = FlowRunFilter::of_states(&[StateType::Pending, StateType::Cancelling]);
        // A list that cannot be read keeps nobody from the others.
        let waiting = self.all(waiting, &mut clusters, |_| true).await;
        let left_alone = self.left_alone(&mut clusters).await;
        let cancelled = self.cancelled_lately(&mut clusters).await;
        let ended = self.ended_lately(&mut clusters).await;
        let running = self.running(&mut clusters).await;
        let pools = self.of_pools(&mut clusters).await;
        *self.named.lock().unwrap_or_else(PoisonError::into_inner) =
            clusters.iter().take(REMEMBERED_CLUSTERS).cloned().collect();
        self.orphans(&clusters).await;
        let mut complete = Ok(());
        for read in [waiting, left_alone, cancelled, ended, running, pools] {
            if let Err(failure) = read {
                // The last one is told by whoever asked for the pass.
                if let Err(earlier) = std::mem::replace(&mut complete, Err(failure)) {
                    let Failure { diagnosis, .. } = earlier;
                    self.failed(None, &diagnosis);
                }
            }
        }
        complete
    }

    /// Looks at those runs of a list that `wanted` names.
    async fn all(
        &self,
        flow_runs: FlowRunFilter<'_>,
        clusters: &mut BTreeSet<String>,
        wanted: impl Fn(&FlowRun) -> bool,
    ) -> Result<(), Failure> {
        let mut next = Some(0);
        while let Some(offset) = next {
            let (mut runs, after) = self.page(flow_runs, FlowRunSort::IdDesc, offset).await?;
            runs.retain(&wanted);
            self.look_at(runs, clusters).await;
            next = after;
        }
        Ok(())
    }

    /// Where runs of the served work pools are launched unless they say otherwise: the last run of a cluster may be deleted while
    /// its process goes on. An operator who lists clusters lists all of them.
    async fn of_pools(&self, clusters: &mut BTreeSet<String>) -> Result<(), Failure> {
        let Policy { push_pools, named_pools, runs, .. } = &self.policy;
        if !runs.clusters.is_empty() {
            return Ok(());
        }
        let pools: Vec<WorkPool> =
            served_pools(&self.runs.client, *push_pools, named_pools).await.map_err(|error| failure::of(&error))?;
        for pool in pools {
            let Ok(Ok(cluster)) = self.runs.cluster_of_pool(&pool.base_job_template).await else { continue };
            let short = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
            // Runs record ARNs, templates have names.
            if !clusters.iter().any(|known| short(known) == short(&cluster)) {
                clusters.insert(cluster);
            }
        }
        Ok(())
    }

    /// Where the runs that ended last ran: the processes of some may go on.
    async fn ended_lately(&self, clusters: &mut BTreeSet<String>) -> Result<(), Failure> {
        let ended = FlowRunFilter::of_states(&[StateType::Completed, StateType::Failed, StateType::Crashed]);
        let (runs, _) = self.page(ended, FlowRunSort::EndTimeDesc, 0).await?;
        clusters.extend(runs.iter().filter_map(Infrastructure::of_run).map(|recorded| recorded.cluster));
        Ok(())
    }

    /// The runs that wait to be tried again, as far as it is their process that is to do it.
    async fn left_alone(&self, clusters: &mut BTreeSet<String>) -> Result<(), Failure> {
        let waiting = FlowRunFilter::of_states(&[StateType::Scheduled]).in_state_named(&["AwaitingRetry"]);
        self.all(waiting, clusters, is_left_alone).await
    }

    /// The CANCELLED runs, the last ones first, as far as they ended lately. Servers before 3.0 cannot be asked for the
    /// time of the end (seen: 2.20.26 answers 422), but sort by it.
    async fn cancelled_lately(&self, clusters: &mut BTreeSet<String>) -> Result<(), Failure> {
        let cancelled = FlowRunFilter::of_states(&[StateType::Cancelled]);
        let now = self.runs.now();
        let mut next = Some(0);
        while let Some(offset) = next {
            let (mut runs, after) = self.page(cancelled, FlowRunSort::EndTimeDesc, offset).await?;
            let count = runs.len();
            runs.retain(|run| run.end_time.is_none_or(|ended| between(ended, now) < CANCELLED_LATELY));
            next = after.filter(|_| runs.len() == count);
            self.look_at(runs, clusters).await;
        }
        Ok(())
    }

    /// The RUNNING runs, from where the last pass ended.
    async fn running(&self, clusters: &mut BTreeSet<String>) -> Result<(), Failure> {
        let filter = FlowRunFilter::of_states(&[StateType::Running]);
        for _ in 0..self.policy.pages {
            let (runs, next) = self.page(filter, FlowRunSort::IdDesc, self.cursor.load(Ordering::Relaxed)).await?;
            self.look_at(runs, clusters).await;
            self.cursor.store(next.unwrap_or(0), Ordering::Relaxed);
            if next.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Runs of the served work pools, and where their list goes on.
    async fn page(
        &self,
        flow_runs: FlowRunFilter<'_>,
        sort: FlowRunSort,
        offset: usize,
    ) -> Result<(Vec<FlowRun>, Option<usize>), Failure> {
        let Policy { push_pools, named_pools, .. } = &self.policy;
        let types: &[&str] = if *push_pools { &[PUSH_POOL] } else { &[] };
        let query = FlowRunQuery {
            work_pools: Some(WorkPoolFilter::of(types, named_pools)),
            flow_runs: Some(flow_runs),
            ..FlowRunQuery::default()
        };
        let page = self.runs.client.flow_runs_page(&query, sort, offset).await.map_err(|error| failure::of(&error))?;
        for unread in &page.unread {
            self.unread(unread).await;
        }
        Ok((page.runs, page.next))
    }

    /// Looks at runs and repairs those that are out of order.
    async fn look_at(&self, runs: Vec<FlowRun>, clusters: &mut BTreeSet<String>) {
        let described = self.describe(&runs).await;
        clusters.extend(runs.iter().filter_map(Infrastructure::of_run).map(|recorded| recorded.cluster));
        stream::iter(&runs)
            .for_each_concurrent(AT_ONCE, async |run| {
                self.counts.looked_at.fetch_add(1, Ordering::Relaxed);
                let recorded = Infrastructure::of_run(run);
                if recorded.as_ref().is_some_and(|it| described.not_asked.contains(&it.cluster)) {
                    return;
                }
                let task = recorded.and_then(|it| described.tasks.get(&it.task_arn));
                match Box::pin(self.repair(run, task)).await {
                    Ok(change) => self.done(run.id, Some(run), &change),
                    Err(failure) => self.failed(Some(run.id), &failure.diagnosis),
                }
            })
            .await;
    }

    /// The tasks that runs name, in as few requests as can be.
    async fn describe(&self, runs: &[FlowRun]) -> Described {
        let mut by_cluster: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Infrastructure { cluster, task_arn } in runs.iter().filter_map(Infrastructure::of_run) {
            by_cluster.entry(cluster).or_default().push(task_arn);
        }
        let mut described = Described::default();
        for (cluster, arns) in by_cluster {
            match self.runs.tasks.describe(&cluster, &arns).await {
                Ok(tasks) => described.tasks.extend(tasks.into_iter().map(|task| (task.task_arn.clone(), task))),
                // Its tasks went with it.
                Err(error) if error.is_no_cluster() => {}
                Err(error) => {
                    self.failed(None, &error.diagnosis);
                    described.not_asked.insert(cluster);
                }
            }
        }
        described
    }

    async fn repair(&self, run: &FlowRun, task: Option<&Task>) -> Result<Change, Failure> {
        match run.state_type() {
            StateType::Pending => self.pending(run).await,
            StateType::Running => self.running_run(run, task).await,
            StateType::Scheduled => self.scheduled(run, task).await,
            StateType::Cancelling => self.cancelling(run).await,
            // Its task ended, or was never launched: nothing is left to be done, at no cost.
            StateType::Cancelled if !task.is_some_and(Task::is_live) && !is_unrecorded(run, self.runs.now()) => {
                Ok(Change::nothing("the run is CANCELLED and has no task"))
            }
            StateType::Cancelled => self.cancelling(run).await,
            other => Ok(Change::Nothing(format!("the run is {}", other.name()))),
        }
    }

    async fn scheduled(&self, run: &FlowRun, task: Option<&Task>) -> Result<Change, Failure> {
        if task.is_some_and(Task::is_live) {
            return Ok(Change::nothing("its process tries it again"));
        }
        let history = self.runs.history(run).await?;
        let now = self.runs.now();
        if history.current().is_some_and(|state| between(state.timestamp, now) < self.policy.runs.shown_after) {
            return Ok(Change::nothing("it waits since just now, and ECS may not show its task yet"));
        }
        match self.runs.locate(run, &history).await? {
            Located::Unknown(why) => Ok(Change::nothing(why)),
            Located::NoCluster(reason) => Ok(Change::ClusterUnknown(*reason)),
            Located::Task(task) if task.is_live() => Ok(Change::nothing("its process tries it again")),
            Located::Task(_) | Located::Nowhere => self.runs.release(run).await,
        }
    }

    /// As a check does; one that is to be made again is made by the next pass.
    async fn cancelling(&self, run: &FlowRun) -> Result<Change, Failure> {
        match self.runs.check(run).await? {
            Change::CheckAgain(_) => Ok(Change::nothing("the container has time to cancel the run itself")),
            change => Ok(change),
        }
    }

    async fn pending(&self, run: &FlowRun) -> Result<Change, Failure> {
        let now = self.runs.now();
        let young = |since| between(since, now) < self.policy.runs.claim_grace;
        if run.state.as_ref().is_some_and(|state| young(state.timestamp)) {
            self.renew(run).await;
            return Ok(Change::nothing("the run was claimed just now"));
        }
        let history = self.runs.history(run).await?;
        if history.state_type() != StateType::Pending {
            return Ok(Change::Nothing(format!("the run is {}", history.state_type().name())));
        }
        let Some(claim) = history.claim else {
            return Ok(Change::nothing("the run is claimed by somebody else"));
        };
        if young(claim.at) {
            return Ok(Change::nothing("the run was claimed just now"));
        }
        let located = self.runs.locate(run, &history).await?;
        // A flow that runs goes on to its end, which needs no help. One that has ended does not, though its process may.
        if let Some(wrong @ Wrong::Displaced(displaced)) = history.wrong()
            && (displaced.state_type.is_final() || !matches!(&located, Located::Task(task) if task.is_live()))
        {
            return self.runs.amend(run.id, wrong, claim.attempt).await;
        }
        let past = self.runs.past(&history, claim.attempt);
        let limits = self.policy.runs.limits();
        match located {
            Located::Unknown(why) => Ok(Change::nothing(why)),
            Located::NoCluster(reason) => Ok(Change::ClusterUnknown(*reason)),
            Located::Task(task) if task.is_stopped() => self.runs.conclude(run, &history, &task).await,
            Located::Task(task) if task.desired_status == "STOPPED" => Ok(Change::nothing("its task is stopping")),
            Located::Task(task) if self.is_late(&task) => {
                // Handed back once it has stopped: until then its container may come up and run the flow to its end.
                self.runs.stop(&task, NOT_STARTED).await
            }
            Located::Task(task) => {
                self.renew(run).await;
                Ok(self.runs.record(run, &task).await?.unwrap_or_else(|| Change::nothing("its task is coming up")))
            }
            Located::Nowhere => match given_up_since(run, claim.attempt) {
                // Its message comes back first, as a rule, and launches it.
                None if between(claim.at, now) < REDELIVERIES * self.policy.runs.claim_grace => {
                    self.renew(run).await;
                    Ok(Change::nothing("its message is still to come back"))
                }
                None => self.runs.give_up(run, claim.attempt).await,
                Some(since) if young(since) => Ok(Change::nothing("a dispatcher may be about to launch it")),
                Some(_) => {
                    let action = bounded(never_launched(), past, limits);
                    self.runs.settle(run, &history, action, claim.attempt, None).await
                }
            },
        }
    }

    /// Whether a task took too long to start. One that started may take its time: what it does then is its own matter.
    fn is_late(&self, task: &Task) -> bool {
        let limit = self.policy.task_start_timeout;
        let created = task.created_at().and_then(|at| jiff::Timestamp::from_second(at).ok());
        !limit.is_zero()
            && !task.has_started()
            && created.is_some_and(|created| between(created, self.runs.now()) >= limit)
    }

    /// Keeps the deployment's concurrency slot of a run whose task may be coming up (`prefect::leases`).
    async fn renew(&self, run: &FlowRun) {
        match leases::renew(&self.runs.client, leases::of(run.state.as_ref())).await {
            Ok(Lease::Kept) => {}
            // Its task is not stopped: the server takes a slot anew when the flow begins, if there is one.
            Ok(Lease::Lost) => tracing::warn!(flow_run_id = %run.id, "the lease of a concurrency slot has ended"),
            Err(error) => {
                tracing::warn!(%error, flow_run_id = %run.id, "the lease of a concurrency slot was not renewed");
            }
        }
    }

    async fn running_run(&self, run: &FlowRun, task: Option<&Task>) -> Result<Change, Failure> {
        if task.is_some_and(Task::is_live) {
            return Ok(Change::nothing("its task lives"));
        }
        let history = self.runs.history(run).await?;
        if history.state_type() != StateType::Running {
            return Ok(Change::Nothing(format!("the run is {}", history.state_type().name())));
        }
        let now = self.runs.now();
        if history.claim.is_some_and(|claim| between(claim.at, now) < self.policy.runs.claim_grace) {
            return Ok(Change::nothing("the run was claimed just now"));
        }
        // Its task was launched before it ran.
        if history.current().is_some_and(|state| between(state.timestamp, now) < self.policy.runs.shown_after) {
            return Ok(Change::nothing("it runs since just now, and ECS may not show its task yet"));
        }
        if let (Some(wrong), Some(claim)) = (history.wrong(), history.claim) {
            return self.runs.amend(run.id, wrong, claim.attempt).await;
        }
        match self.runs.locate(run, &history).await? {
            Located::Unknown(why) => Ok(Change::nothing(why)),
            Located::NoCluster(reason) => Ok(Change::ClusterUnknown(*reason)),
            Located::Task(task) if task.is_stopped() => self.runs.conclude(run, &history, &task).await,
            Located::Task(task) => {
                Ok(self.runs.record(run, &task).await?.unwrap_or_else(|| Change::nothing("its task lives")))
            }
            Located::Nowhere => {
                let Some(claim) = history.claim else {
                    return Ok(Change::nothing("the run is claimed by somebody else"));
                };
                let action = decide::Action::Crash(gone(run));
                self.runs.settle(run, &history, action, claim.attempt, None).await
            }
        }
    }

    fn done(&self, flow_run_id: Uuid, run: Option<&FlowRun>, change: &Change) {
        if let Change::ClusterUnknown(reason) = change {
            return self.failed(Some(flow_run_id), reason);
        }
        if let Change::Nothing(reason) = change {
            // The usual thing, for each of maybe thousands.
            tracing::debug!(%flow_run_id, reason, "in order");
            return;
        }
        self.counts.repaired.fetch_add(1, Ordering::Relaxed);
        self.sink.emit(&Event::Run(Observed::Run { finder: Finder::Reconciler, flow_run_id, run, change }));
    }

    fn failed(&self, flow_run_id: Option<Uuid>, reason: &Diagnosis) {
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        self.sink.emit(&Event::Run(Observed::Failed { flow_run_id, reason }));
    }
}

fn never_launched() -> Diagnosis {
    let detail = "A dispatcher claimed it and ended before it could launch its task, or the launch was refused when the message \
                  came again: then the run's log says why.";
    Diagnosis::of(PP0607, detail)
}

fn gone(run: &FlowRun) -> Diagnosis {
    Diagnosis::of(
        PP0628,
        format!(
            "The flow run runs on {}, which ECS does not know: it stopped more than an hour ago, or its cluster was \
             deleted.",
            run.infrastructure_pid.as_deref().unwrap_or("a task that was not recorded")
        ),
    )
}
