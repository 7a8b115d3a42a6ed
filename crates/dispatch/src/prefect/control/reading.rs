//! What is to be done about the runs of a batch: read together, judged one by one.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use diagnosis::{Diagnosis, PP0506, PP0507};
use ecs::{Named, Run, failure::Class, launch::TaskControl};
use jiff::Timestamp;
use prefect_api::{
    ApiError, Each, Transport,
    models::{FlowRun, State, StateType},
};
use prefect_ids::FlowRunId;
use uuid::Uuid;

use super::PrefectControl;
use crate::{
    infrastructure::Infrastructure,
    message::{RunQueue, ScheduledRun},
    ports::{Delivery, Failure, Order, Reading},
    prefect::{
        failure, history,
        judge::{EARLY, Judgement, judge},
        leases::{self, Lease},
        references::Fetched,
        shared::Shared,
        slots::{self, Used},
        states,
    },
};

/// Slots by name of the pool, counted when they are first needed.
#[derive(Default)]
struct Slots(HashMap<String, Used>);

impl<T: Transport, K: TaskControl> PrefectControl<T, K> {
    pub(super) async fn read_batch(
        &self,
        deliveries: &[Delivery],
        queue: RunQueue,
    ) -> Result<Vec<Result<Reading, Failure>>, ApiError> {
        let ids: BTreeSet<FlowRunId> = deliveries.iter().map(|delivery| delivery.message.flow_run_id).collect();
        let ids: Vec<FlowRunId> = ids.into_iter().collect();
        let Each { runs, unread } = self.client.each_flow_run(&ids).await?;
        let runs: HashMap<FlowRunId, FlowRun> = runs.into_iter().map(|run| (run.id, run)).collect();
        let now = (self.clock)();
        let unread: HashMap<FlowRunId, ApiError> = unread.into_iter().map(|unread| (unread.id, unread.error)).collect();
        let mut unreadable: HashMap<usize, Result<Reading, Failure>> = HashMap::new();
        for (index, delivery) in deliveries.iter().enumerate() {
            if let Some(error) = unread.get(&delivery.message.flow_run_id) {
                unreadable.insert(index, self.read_unreadable(delivery, error, now).await);
            }
        }
        let judged: Vec<(Judgement, Option<&FlowRun>)> = deliveries
            .iter()
            .map(|delivery| {
                let run = runs.get(&delivery.message.flow_run_id);
                (judge(run, delivery, now, self.options.launch_lead), run)
            })
            .collect();
        self.hold_for_others(&judged).await;
        let wanted: Vec<&FlowRun> =
            judged.iter().filter(|(judgement, _)| !is_settled(judgement)).filter_map(|(_, run)| *run).collect();
        if wanted.is_empty() && unreadable.is_empty() {
            return Ok(judged.into_iter().map(|(judgement, _)| Ok(settled(judgement))).collect());
        }
        let shared = self.lately.fetch(&self.client, &wanted, queue, now).await;
        let mut slots = Slots::default();
        let mut readings = Vec::with_capacity(deliveries.len());
        // A run that stands twice in the batch is judged twice and claimed once; it takes one slot, or none.
        let mut admissions: HashMap<FlowRunId, Option<String>> = HashMap::new();
        for (index, (Delivery { message, again, .. }, (judgement, run))) in deliveries.iter().zip(judged).enumerate() {
            if let Some(reading) = unreadable.remove(&index) {
                readings.push(reading);
                continue;
            }
            if let Some(run) = run.filter(|run| may_be_displaced(run, &judgement)) {
                match self.put_back(run, message).await {
                    Ok(None) => {}
                    ended => {
                        readings.push(ended.map(|why| Reading::NotOurs(why.unwrap_or_default())));
                        continue;
                    }
                }
            }
            let Some(run) = run.filter(|_| !is_settled(&judgement)) else {
                readings.push(Ok(settled(judgement)));
                continue;
            };
            match self.is_recorded(run, message, &judgement).await {
                Ok(false) => {}
                Ok(true) => {
                    readings.push(Ok(Reading::NotOurs("its task is recorded".to_owned())));
                    continue;
                }
                Err(failure) => {
                    readings.push(Err(failure));
                    continue;
                }
            }
            let admitted = match (&judgement, admissions.get(&run.id)) {
                (Judgement::Due, Some(admitted)) => Ok(admitted.clone()),
                (Judgement::Due, None) => self.admit(run, queue, &shared, &mut slots).await,
                _ => Ok(None),
            };
            if judgement == Judgement::Due
                && let Ok(admitted) = &admitted
            {
                admissions.insert(run.id, admitted.clone());
            }
            readings.push(match admitted {
                Ok(Some(reason)) => Ok(Reading::NotOurs(reason)),
                Ok(None) => self.hold(run, assemble(message, *again, run, &judgement, &shared)).await,
                Err(failure) => Err(failure),
            });
        }
        let again: Vec<bool> = deliveries.iter().map(|delivery| delivery.again).collect();
        self.references.resolve(&self.client, &mut readings, &again, now).await;
        Ok(readings)
    }

    /// What is to be done about a run that the server cannot write, though it writes others. Its states can be read, and are
    /// all it takes to hand it back, again and again, until it has waited too long.
    async fn read_unreadable(&self, delivery: &Delivery, error: &ApiError, now: Timestamp) -> Result<Reading, Failure> {
        let Delivery { message, message_id, again, .. } = delivery;
        let Failure { diagnosis: reason, .. } = failure::unreadable(error);
        let attempt = message.attempt();
        let history = self.client.flow_run_states(message.flow_run_id).await.map_err(|error| failure::of(&error))?;
        let Some(state) = history.last() else { return Ok(Reading::NotOurs("the run is gone".to_owned())) };
        let early = now.checked_add(EARLY).unwrap_or(now);
        let is_ours = |state: &State| states::holder(state).is_some_and(|holder| holder.message_id == message_id);
        match state.state_type {
            StateType::Scheduled if state.id != attempt.state_id => {
                Ok(Reading::NotOurs("the run was scheduled anew".to_owned()))
            }
            StateType::Scheduled if state.state_details.scheduled_time.is_some_and(|due| due > early) => {
                Ok(Reading::NotOurs("the run is not due".to_owned()))
            }
            StateType::Scheduled if states::is_handed_back(state) && history::wrong(&history).is_some() => {
                self.amend(attempt, &history).await.map_err(|error| failure::of(&error))?;
                Ok(Reading::NotOurs("it had ended when it was handed back".to_owned()))
            }
            StateType::Scheduled if *again => Ok(Reading::Postponed { claimed: false, reason }),
            StateType::Pending if is_ours(state) && states::is_held(state) => {
                Ok(Reading::Postponed { claimed: true, reason })
            }
            // Once more; or it was claimed to be launched, and only who can read it can tell what became of that.
            StateType::Scheduled | StateType::Pending if is_ours(state) || states::holder(state).is_none() => {
                Err(Failure { class: Class::Transient, diagnosis: reason })
            }
            other => Ok(Reading::NotOurs(format!("the run is {}, and cannot be read", other.name()))),
        }
    }

    /// Keeps the concurrency slots of runs that another delivery has claimed, which may have ended before it could do that.
    async fn hold_for_others(&self, judged: &[(Judgement, Option<&FlowRun>)]) {
        for (judgement, run) in judged {
            let lease = run.and_then(|run| leases::of(run.state.as_ref()));
            if matches!(judgement, Judgement::InHand(_))
                && let Err(error) = leases::renew(&self.client, lease).await
            {
                // Whoever launches it renews again, or does not launch it.
                tracing::debug!(%error, "the lease of a concurrency slot was not renewed");
            }
        }
    }

    /// Keeps the concurrency slot of a run that was claimed by an earlier delivery.
    async fn hold(&self, run: &FlowRun, reading: Result<Reading, Failure>) -> Result<Reading, Failure> {
        let Ok(Reading::Claimed(order)) = reading else { return reading };
        match leases::renew(&self.client, leases::of(run.state.as_ref())).await {
            Ok(Lease::Kept) => Ok(Reading::Claimed(order)),
            Ok(Lease::Lost) => Ok(Reading::SlotLost { order, reason: leases::lost() }),
            Err(error) => Err(failure::of(&error)),
        }
    }

    /// Puts a run back into the state in which it ended, if a late claim or hand back has made something else of it; the reason
    /// if so.
    async fn put_back(&self, run: &FlowRun, message: &ScheduledRun) -> Result<Option<String>, Failure> {
        let holds = run.state.as_ref().map(|state| state.id);
        let ended = self.restore(message.attempt(), holds).await.map_err(|error| failure::of(&error))?;
        Ok(ended.map(|ended| format!("it had ended: {}", ended.name())))
    }

    /// Whether the task of a claimed run is the one that is recorded: then there is nothing left to launch. A record of an earlier
    /// attempt stays until there is a newer one, so ECS is asked whose task it is.
    async fn is_recorded(&self, run: &FlowRun, message: &ScheduledRun, judgement: &Judgement) -> Result<bool, Failure> {
        let Some(Infrastructure { cluster, task_arn }) =
            Infrastructure::of_run(run).filter(|_| *judgement == Judgement::Claimed)
        else {
            return Ok(false);
        };
        match self.tasks.describe(&cluster, &[task_arn]).await {
            Ok(tasks) => Ok(tasks.iter().any(|task| task.attempt() == Some(message.attempt()))),
            Err(error) if error.is_no_cluster() => Ok(false),
            Err(error) => Err(Failure::unanswered(error)),
        }
    }

    /// Whether a due run may start now; the reason if not. It comes again: the poller sends what is still scheduled.
    async fn admit(
        &self,
        run: &FlowRun,
        queue: RunQueue,
        shared: &Shared,
        slots: &mut Slots,
    ) -> Result<Option<String>, Failure> {
        let Some(Ok(Some(pool))) = run.work_pool_name.as_ref().and_then(|name| shared.pools.get(name)) else {
            return Ok(None);
        };
        if let Some(pause) = pool.pause(run.work_queue_id).or_else(|| shared.refusal(run)) {
            return Ok(Some(pause.to_owned()));
        }
        if !pool.is_limited(run.work_queue_id) {
            return Ok(None);
        }
        if queue == RunQueue::Standard {
            return Ok(Some("its work pool or queue has become limited".to_owned()));
        }
        let name = &pool.pool.name;
        if !slots.0.contains_key(name) {
            let used = slots::used(&self.client, &*self.tasks, &self.stopped, name, &self.clock).await;
            slots.0.insert(name.clone(), used.map_err(|error| failure::of(&error))?);
        }
        let used = slots.0.entry(name.clone()).or_default();
        if used.living.contains(&run.id) {
            return Ok(Some("the task of an earlier attempt still lives".to_owned()));
        }
        let queue_limit = pool.queue_limit(run.work_queue_id);
        let free = used.take(pool.pool.concurrency_limit, run.work_queue_id, queue_limit);
        Ok((!free).then(|| "no slot is free".to_owned()))
    }
}

/// Whether a late claim or hand back may have displaced the run's end. A run that never ran has not ended so.
fn may_be_displaced(run: &FlowRun, judgement: &Judgement) -> bool {
    run.state.as_ref().is_some_and(|state| {
        (states::is_handed_back(state) && *judgement == Judgement::Due)
            || (states::is_without_slot(state) && run.start_time.is_some())
    })
}

/// Whether nothing has to be known about the run any more.
fn is_settled(judgement: &Judgement) -> bool {
    matches!(judgement, Judgement::NotOurs(_) | Judgement::InHand(_))
}

fn settled(judgement: Judgement) -> Reading {
    match judgement {
        Judgement::NotOurs(reason) => Reading::NotOurs(reason),
        Judgement::InHand(wait) => Reading::InHand(wait),
        _ => Reading::NotOurs("the run is gone".to_owned()),
    }
}

/// Puts together what is needed to launch the run. `again`: its message has come before.
pub(super) fn assemble(
    message: &ScheduledRun,
    again: bool,
    run: &FlowRun,
    judgement: &Judgement,
    shared: &Shared,
) -> Result<Reading, Failure> {
    let claimed = *judgement != Judgement::Due;
    let refused = |reason: Diagnosis| {
        Ok(match judgement {
            // It runs, or has run: the reconciler looks for its task.
            Judgement::Unrecorded => Reading::NotOurs(reason.summary),
            _ => Reading::Refused { claimed, reason },
        })
    };
    let pool = match run.work_pool_name.as_ref().and_then(|name| shared.pools.get(name)) {
        Some(Ok(Some(pool))) => pool,
        Some(Err(failure)) => return Err(failure.clone()),
        Some(Ok(None)) | None => return refused(no_pool(run)),
    };
    let deployment = match run.deployment_id {
        None => None,
        Some(id) => match shared.deployments.as_ref().map_err(Clone::clone)?.get(&id) {
            Some(Ok(deployment)) => Some(deployment),
            // Tried again soon the first time; after that it must not keep others from starting.
            Some(Err(failure)) if *judgement == Judgement::Due && again => {
                return Ok(Reading::Postponed { claimed: false, reason: failure.diagnosis.clone() });
            }
            Some(Err(failure)) if *judgement == Judgement::Unrecorded => return refused(failure.diagnosis.clone()),
            Some(Err(failure)) => return Err(failure.clone()),
            // Not claimed first: the server refuses that without a deployment (ABORT), to everybody.
            None if *judgement == Judgement::Unrecorded => return refused(no_deployment(id)),
            None => return Ok(Reading::Refused { claimed: true, reason: no_deployment(id) }),
        },
    };
    // Only its name is of interest.
    let flow = shared.flows.as_ref().map_err(Clone::clone)?.get(&run.flow_id).and_then(|flow| flow.as_ref().ok());
    let template = match &pool.template {
        Ok(template) => template.clone(),
        Err(reason) => return refused(reason.clone()),
    };
    if *judgement == Judgement::Held {
        return Ok(Reading::Postponed { claimed: true, reason: failure::to_be_handed_back() });
    }
    let order = Order {
        run: Run {
            attempt: message.attempt(),
            name: run.name.clone(),
            work_pool: Named { id: Some(pool.pool.id), name: pool.pool.name.clone() },
            flow: Some(Named { id: Some(run.flow_id), name: flow.map(|flow| flow.name.clone()).unwrap_or_default() }),
            deployment: deployment.map(|it| Named { id: Some(it.id), name: it.name.clone() }),
            environment: std::collections::BTreeMap::new(),
        },
        template,
        deployment_variables: deployment.and_then(|it| it.job_variables.clone()).unwrap_or_default(),
        flow_run_variables: run.job_variables.clone().unwrap_or_default(),
        since: run.state.as_ref().map_or(Timestamp::MIN, |state| state.timestamp),
        resolver: Arc::new(Fetched::default()),
    };
    Ok(match judgement {
        Judgement::Claimed => Reading::Claimed(Box::new(order)),
        Judgement::Unrecorded => Reading::Unrecorded(Box::new(order)),
        Judgement::Due | Judgement::Held | Judgement::InHand(_) | Judgement::NotOurs(_) => {
            Reading::Due(Box::new(order))
        }
    })
}

fn no_pool(run: &FlowRun) -> Diagnosis {
    Diagnosis::of(
        PP0506,
        match &run.work_pool_name {
            Some(name) => format!("The server has no work pool '{name}'."),
            None => "The run is in no work pool: it was deleted, or the run was taken out of it.".to_owned(),
        },
    )
}

pub(super) fn no_deployment(id: Uuid) -> Diagnosis {
    Diagnosis::of(PP0507, format!("The server has no deployment {id}: it was deleted after the run was scheduled."))
}
