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

mod lists;
mod orphans;
mod repair;
#[cfg(test)]
mod tests;
mod unread;

use prefect_ids::FlowRunId;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use diagnosis::Diagnosis;
use ecs::{ClusterRef, TaskArn, launch::TaskControl, task::Task};
use futures_util::{StreamExt, stream};
use installation::variables;
use prefect_api::{
    Client, Transport,
    filters::FlowRunFilter,
    models::{FlowRun, StateType},
};
use tokio::time::{Instant, timeout_at};

use self::orphans::Places;
use crate::{
    codes,
    infrastructure::Infrastructure,
    outcome::{Change, Event, Finder, Observed},
    ports::{Clock, Failure, Sink, TaskOutput},
    runs::{self, Runs},
    timing::{RESERVE, stop_before},
};

/// How many runs are repaired at once.
const AT_ONCE: usize = 8;

/// After how many times the grace of a claim it is given up: its message comes back before that, and launches it as a rule
/// (`installation::timing::comes_back_first`).
const REDELIVERIES: u32 = 4;

/// Most clusters that are remembered from one pass to the next.
const REMEMBERED_CLUSTERS: usize = 1_000;

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
            task_start_timeout: variables::TASK_START_TIMEOUT.default_seconds(),
            orphan_grace: variables::ORPHAN_GRACE.default_seconds(),
            outlive_grace: variables::OUTLIVE_GRACE.default_seconds(),
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
    named: Mutex<BTreeSet<ClusterRef>>,
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
    tasks: HashMap<TaskArn, Task>,
    not_asked: HashSet<ClusterRef>,
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
        let mut clusters: BTreeSet<ClusterRef> = self.policy.runs.clusters.iter().cloned().collect();
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

    /// Looks at runs and repairs those that are out of order.
    async fn look_at(&self, runs: Vec<FlowRun>, clusters: &mut BTreeSet<ClusterRef>) {
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
        let mut by_cluster: BTreeMap<ClusterRef, Vec<TaskArn>> = BTreeMap::new();
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

    fn done(&self, flow_run_id: FlowRunId, run: Option<&FlowRun>, change: &Change) {
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

    fn failed(&self, flow_run_id: Option<FlowRunId>, reason: &Diagnosis) {
        self.counts.failed.fetch_add(1, Ordering::Relaxed);
        self.sink.emit(&Event::Run(Observed::Failed { flow_run_id, reason }));
    }
}
