//! Asks the server about runs: those in the table, and those that are due or under way in the served work pools, whichever
//! client launched them. It makes one look at a time, so that requests do not pile up while the server stands still.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use dispatch::prefect::slots::{self, Because, Holder, Stopped};
use jiff::{SignedDuration, Timestamp};
use manage::{
    account::Tasks,
    pool::{PUSH, status::why},
};
use prefect_api::{
    ApiError, Client, Each,
    filters::{FlowRunFilter, FlowRunQuery, FlowRunSort, WorkPoolFilter},
    http::HttpTransport,
    models::{FlowRun, StateType, WorkPool, WorkQueue},
};
use prefect_ids::FlowRunId;
use tokio::{sync::watch, time::sleep};
use uuid::Uuid;

use super::news::{News, Teller};

/// Between two looks while runs are under way.
const LOOK: Duration = Duration::from_secs(2);

/// While no run of the table is under way, one look in so many asks for runs of other clients.
const IDLE: u32 = 3;

/// A run that is due for longer waits for something.
const WAITS: SignedDuration = SignedDuration::from_secs(5);

/// Looks until it is aborted. `open` are the runs of the table that have not ended.
pub(super) async fn watch(
    client: Client<HttpTransport>,
    tasks: Tasks,
    only: Vec<String>,
    open: watch::Receiver<Vec<FlowRunId>>,
    teller: Teller,
) {
    let (flows, deployments) = (HashMap::new(), HashMap::new());
    let mut look = Look { client, tasks, stopped: Stopped::default(), only, flows, deployments };
    let mut round = 0;
    loop {
        let asked = open.borrow().clone();
        // Nothing is lost with a look that fails: others see to it that a server that does not answer is named.
        if !asked.is_empty() {
            let _ = look.known(asked, &teller).await;
        } else if round % IDLE != 0 {
            round += 1;
            sleep(LOOK).await;
            continue;
        }
        if look.under_way(round == 0, &teller).await.is_ok() {
            round += 1;
        }
        sleep(LOOK).await;
    }
}

struct Look {
    client: Client<HttpTransport>,
    tasks: Tasks,
    stopped: Stopped,
    /// The served work pools; all of the type if none are named.
    only: Vec<String>,
    flows: HashMap<Uuid, String>,
    deployments: HashMap<Uuid, String>,
}

impl Look {
    /// Asks about runs of the table.
    async fn known(&mut self, mut asked: Vec<FlowRunId>, teller: &Teller) -> Result<(), ApiError> {
        let Each { runs: found, unread } = self.client.each_flow_run(&asked).await?;
        asked.retain(|id| !unread.iter().any(|unread| unread.id == *id));
        let called = self.names(&found).await?;
        teller.tell(News::Runs { asked, found, called });
        Ok(())
    }

    /// Asks for what is due or under way in the served work pools.
    async fn under_way(&mut self, first: bool, teller: &Teller) -> Result<(), ApiError> {
        let pools = match self.only.as_slice() {
            [] => WorkPoolFilter::of(&[PUSH], &[]),
            named => WorkPoolFilter::named(named),
        };
        let now = Timestamp::now();
        let states = [StateType::Scheduled, StateType::Pending, StateType::Running, StateType::Cancelling];
        let query = FlowRunQuery {
            work_pools: Some(pools),
            flow_runs: Some(FlowRunFilter::of_states(&states).expected_by(now)),
            ..FlowRunQuery::default()
        };
        let found = self.client.flow_runs_page(&query, FlowRunSort::ExpectedStartTimeAsc, 0).await?.runs;
        let called = self.names(&found).await?;
        let waiting = match found.iter().any(|run| waits(run, now)) {
            true => self.reasons(&found, now).await?,
            false => HashMap::new(),
        };
        teller.tell(News::UnderWay { found, called, waiting, first });
        Ok(())
    }

    /// What due runs wait for, as far as that can be told from outside.
    async fn reasons(&self, runs: &[FlowRun], now: Timestamp) -> Result<HashMap<FlowRunId, String>, ApiError> {
        let types: &[&str] = if self.only.is_empty() { &[PUSH] } else { &[] };
        let mut pools = Vec::new();
        for pool in self.client.work_pools(types, &self.only).await? {
            let waits = |run: &FlowRun| waits(run, now) && run.work_pool_name.as_ref() == Some(&pool.name);
            if runs.iter().any(waits) {
                let queues = self.client.work_queues(&pool.name).await?;
                let holders = self.holders(&pool, &queues, now).await?;
                pools.push((pool, queues, holders));
            }
        }
        let reason = |run: &FlowRun| {
            let (pool, queues, holders) =
                pools.iter().find(|(pool, ..)| run.work_pool_name.as_ref() == Some(&pool.name))?;
            Some((run.id, reason(run, pool, queues, holders)?))
        };
        Ok(runs.iter().filter(|run| waits(run, now)).filter_map(reason).collect())
    }

    /// Who holds the slots of a pool, as the dispatcher counts, and how many of them the server cannot read; none where there
    /// are no limits.
    async fn holders(
        &self,
        pool: &WorkPool,
        queues: &[WorkQueue],
        now: Timestamp,
    ) -> Result<(Vec<Holder>, usize), ApiError> {
        if pool.concurrency_limit.is_none() && queues.iter().all(|queue| queue.concurrency_limit.is_none()) {
            return Ok((Vec::new(), 0));
        }
        let candidates = slots::candidates(&self.client, &pool.name, now).await?;
        let unread = candidates.unread.len();
        Ok((slots::holders(&self.client, candidates, self.tasks.control(), &self.stopped, now).await, unread))
    }

    /// "flow/deployment" of each run, as `prefect deployment run` takes it.
    async fn names(&mut self, runs: &[FlowRun]) -> Result<HashMap<FlowRunId, String>, ApiError> {
        let flows: HashSet<Uuid> = runs.iter().map(|run| run.flow_id).collect();
        let flows: Vec<Uuid> = flows.into_iter().filter(|id| !self.flows.contains_key(id)).collect();
        if !flows.is_empty() {
            self.flows.extend(self.client.flows(&flows).await?.into_iter().map(|flow| (flow.id, flow.name)));
        }
        let deployments: HashSet<Uuid> = runs.iter().filter_map(|run| run.deployment_id).collect();
        let deployments: Vec<Uuid> = deployments.into_iter().filter(|id| !self.deployments.contains_key(id)).collect();
        if !deployments.is_empty() {
            let found = self.client.deployments(&deployments).await?;
            self.deployments.extend(found.into_iter().map(|deployment| (deployment.id, deployment.name)));
        }
        let called = |run: &FlowRun| {
            let flow = self.flows.get(&run.flow_id)?;
            let deployment = run.deployment_id.and_then(|id| self.deployments.get(&id));
            Some((run.id, deployment.map_or_else(|| flow.clone(), |deployment| format!("{flow}/{deployment}"))))
        };
        Ok(runs.iter().filter_map(called).collect())
    }
}

/// Whether a run could have started and has not.
fn waits(run: &FlowRun, now: Timestamp) -> bool {
    run.state_type() == StateType::Scheduled && run.due().is_some_and(|due| now.duration_since(due) > WAITS)
}

/// What a due run waits for; none if nothing is in its way. The holders are those of the pool's slots, with the number of those
/// that the server cannot read.
fn reason(
    run: &FlowRun,
    pool: &WorkPool,
    queues: &[WorkQueue],
    (holders, unread): &(Vec<Holder>, usize),
) -> Option<String> {
    let unread = *unread;
    if pool.is_paused {
        return Some("the work pool is paused".to_owned());
    }
    let queue = queues.iter().find(|queue| run.work_queue_name.as_ref() == Some(&queue.name));
    if let Some(queue) = queue.filter(|queue| queue.is_paused) {
        return Some(format!("its queue {} is paused", queue.name));
    }
    if run.state.as_ref().is_some_and(|state| state.name.as_deref() == Some("AwaitingConcurrencySlot")) {
        return Some("waits for a slot of its deployment".to_owned());
    }
    let slots = |limit: Option<u32>, whose: &str, holders: &[&Holder], unread: usize| {
        let is_full = |limit: &u32| usize::try_from(*limit).is_ok_and(|limit| holders.len() + unread >= limit);
        let text = match limit.filter(is_full)? {
            0 => return Some(format!("the concurrency limit of {whose} is 0")),
            1 => format!("waits for the slot of {whose}, which is in use"),
            limit => format!("waits for one of {limit} slots of {whose}, all in use"),
        };
        let odd = holders.iter().filter(|holder| holder.because != Because::State);
        let odd: Vec<String> = odd.map(|holder| format!("{}: {}", called(&holder.run), why(holder))).collect();
        Some(if odd.is_empty() { text } else { format!("{text} ({})", odd.join("; ")) })
    };
    let all: Vec<&Holder> = holders.iter().collect();
    slots(pool.concurrency_limit, "the work pool", &all, unread).or_else(|| {
        let queue = queue?;
        let here: Vec<&Holder> =
            holders.iter().filter(|holder| holder.run.work_queue_name == run.work_queue_name).collect();
        slots(queue.concurrency_limit, &format!("its queue {}", queue.name), &here, 0)
    })
}

fn called(run: &FlowRun) -> String {
    run.name.clone().unwrap_or_else(|| run.id.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn run(number: u128, state_type: &str, name: &str) -> FlowRun {
        let id = Uuid::from_u128(number);
        serde_json::from_value(json!({
            "id": id, "flow_id": id, "work_pool_name": "p", "work_queue_name": "q",
            "expected_start_time": "2026-01-01T00:00:00Z", "next_scheduled_start_time": "2026-01-01T00:00:00Z",
            "state": {"id": id, "type": state_type, "name": name, "timestamp": "2026-01-01T00:00:00Z"},
        }))
        .unwrap()
    }

    fn told(pool: Value, queue: Value, run: &FlowRun, holders: Vec<Holder>) -> Option<String> {
        let whole = |mut document: Value, more: Value| {
            document.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            document
        };
        let pool = whole(json!({"id": Uuid::nil(), "name": "p", "type": "ecs:push"}), pool);
        let queue = whole(json!({"id": Uuid::nil(), "name": "q"}), queue);
        let queues = [serde_json::from_value(queue).unwrap()];
        reason(run, &serde_json::from_value(pool).unwrap(), &queues, &(holders, 0))
    }

    #[test]
    fn what_a_due_run_waits_for_is_named() {
        let late = run(1, "SCHEDULED", "Late");
        let running = vec![Holder { run: run(2, "RUNNING", "Running"), because: Because::State }];
        let told = |pool, queue| told(pool, queue, &late, running.clone());
        assert_eq!(told(json!({}), json!({})), None);
        assert_eq!(told(json!({"concurrency_limit": 2}), json!({})), None, "one is free");
        let text = told(json!({"concurrency_limit": 1}), json!({}));
        assert_eq!(text.as_deref(), Some("waits for the slot of the work pool, which is in use"));
        let text = told(json!({}), json!({"concurrency_limit": 1}));
        assert_eq!(text.as_deref(), Some("waits for the slot of its queue q, which is in use"));
        let text = told(json!({}), json!({"is_paused": true}));
        assert_eq!(text.as_deref(), Some("its queue q is paused"));
        assert!(told(json!({"is_paused": true}), json!({})).unwrap().contains("paused"));
        assert!(told(json!({"concurrency_limit": 0}), json!({})).unwrap().contains("is 0"));
    }

    #[test]
    fn a_run_may_wait_for_its_deployment() {
        let text = told(json!({}), json!({}), &run(1, "SCHEDULED", "AwaitingConcurrencySlot"), Vec::new());
        assert!(text.unwrap().contains("slot of its deployment"));
    }

    #[test]
    fn the_slot_of_a_run_that_has_ended_is_in_use_while_its_task_runs() {
        let ended = vec![Holder { run: run(2, "FAILED", "Failed"), because: Because::TaskLives }];
        let text = told(json!({"concurrency_limit": 1}), json!({}), &run(1, "SCHEDULED", "Late"), ended).unwrap();
        let id = FlowRunId::from_u128(2);
        assert_eq!(text, format!("waits for the slot of the work pool, which is in use ({id}: its task still runs)"));
    }

    #[test]
    fn a_run_that_has_only_just_become_due_waits_for_nothing() {
        let due: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let scheduled = run(1, "SCHEDULED", "Scheduled");
        assert!(!waits(&scheduled, due + SignedDuration::from_secs(2)));
        assert!(waits(&scheduled, due + SignedDuration::from_secs(6)));
        assert!(!waits(&run(2, "PENDING", "Pending"), due + SignedDuration::from_secs(60)));
    }
}
