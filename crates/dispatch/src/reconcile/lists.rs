//! Which runs a pass looks at, and which clusters its tasks are sought in.

use std::{collections::BTreeSet, sync::atomic::Ordering, time::Duration};

use ecs::{ClusterRef, launch::TaskControl};
use prefect_api::{
    Transport,
    filters::{FlowRunFilter, FlowRunQuery, FlowRunSort, WorkPoolFilter},
    models::{FlowRun, StateType, WorkPool},
};

use super::{Policy, Reconciler};
use crate::{
    infrastructure::Infrastructure,
    ports::{Failure, TaskOutput},
    prefect::failure,
    runs::{clusters::unknown_of_pool, is_left_alone},
    served::{PUSH_POOL, served_pools},
    timing::between,
};

/// How long after its end a CANCELLED run's task is looked for. ECS forgets stopped tasks after an hour.
const CANCELLED_LATELY: Duration = Duration::from_secs(3_600);

impl<T: Transport, K: TaskControl, O: TaskOutput> Reconciler<T, K, O> {
    /// Looks at those runs of a list that `wanted` names.
    pub(super) async fn all(
        &self,
        flow_runs: FlowRunFilter<'_>,
        clusters: &mut BTreeSet<ClusterRef>,
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
    pub(super) async fn of_pools(&self, clusters: &mut BTreeSet<ClusterRef>) -> Result<(), Failure> {
        let Policy { push_pools, named_pools, runs, .. } = &self.policy;
        if !runs.clusters.is_empty() {
            return Ok(());
        }
        let pools: Vec<WorkPool> =
            served_pools(&self.runs.client, *push_pools, named_pools).await.map_err(|error| failure::of(&error))?;
        for pool in pools {
            let cluster = match self.runs.cluster_of_pool(&pool.base_job_template).await {
                Ok(Ok(cluster)) => cluster,
                Ok(Err(why)) => {
                    self.failed(None, &unknown_of_pool(&pool.name, &why));
                    continue;
                }
                Err(failure) => {
                    self.failed(None, &failure.diagnosis);
                    continue;
                }
            };
            // Runs record ARNs, templates have names.
            if !clusters.iter().any(|known| known.is_called_as(&cluster)) {
                clusters.insert(cluster);
            }
        }
        Ok(())
    }

    /// Where the runs that ended last ran: the processes of some may go on.
    pub(super) async fn ended_lately(&self, clusters: &mut BTreeSet<ClusterRef>) -> Result<(), Failure> {
        let ended = FlowRunFilter::of_states(&[StateType::Completed, StateType::Failed, StateType::Crashed]);
        let (runs, _) = self.page(ended, FlowRunSort::EndTimeDesc, 0).await?;
        clusters.extend(runs.iter().filter_map(Infrastructure::of_run).map(|recorded| recorded.cluster));
        Ok(())
    }

    /// The runs that wait to be tried again, as far as it is their process that is to do it.
    pub(super) async fn left_alone(&self, clusters: &mut BTreeSet<ClusterRef>) -> Result<(), Failure> {
        let waiting = FlowRunFilter::of_states(&[StateType::Scheduled]).in_state_named(&["AwaitingRetry"]);
        self.all(waiting, clusters, is_left_alone).await
    }

    /// The CANCELLED runs, the last ones first, as far as they ended lately. Servers before 3.0 cannot be asked for the
    /// time of the end (seen: 2.20.26 answers 422), but sort by it.
    pub(super) async fn cancelled_lately(&self, clusters: &mut BTreeSet<ClusterRef>) -> Result<(), Failure> {
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
    pub(super) async fn running(&self, clusters: &mut BTreeSet<ClusterRef>) -> Result<(), Failure> {
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
}
