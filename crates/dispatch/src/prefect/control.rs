//! The dispatcher's side of a Prefect server: reading a batch of runs, claiming, recording.
//!
//! Requests are what this costs the server, so a batch reads all its runs in one, what runs share comes out of
//! [`super::cache`], and the lines for the runs' logs go in one. What is left for each run is the claim and the record.

use std::{sync::Arc, time::Duration};

use diagnosis::Diagnosis;
use ecs::{
    Attempt,
    failure::Class,
    launch::{Launched, TaskControl},
};
use jiff::SignedDuration;
use prefect_api::{
    ApiError, Client, Transport,
    models::{State, StateType, level},
};
use prefect_ids::StateId;
use work_pool::Object;

use super::{
    failure, history,
    judge::in_hand,
    leases::{self},
    logs::Logs,
    propose,
    references::References,
    shared::Lately,
    slots::Stopped,
    states,
};
use crate::{
    infrastructure::{Infrastructure, given_up, given_up_since},
    message::{RunQueue, ScheduledRun},
    ports::{Claim, Clock, ControlPlane, Delivery, Failure, Reading, Settlement, Started, Waited},
};

mod elsewhere;
mod reading;

/// What the operator decides about the control plane.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How long before its time a run is launched.
    pub launch_lead: Duration,
    /// The name pushpool goes by where Prefect shows a worker's; sets the labels a worker would, for one more request a
    /// run. None sets no labels.
    pub label_as: Option<String>,
}

/// A Prefect server as the dispatcher's control plane.
pub struct PrefectControl<T, K> {
    client: Client<T>,
    tasks: Arc<K>,
    options: Options,
    clock: Clock,
    lately: Lately,
    references: References,
    stopped: Stopped,
    logs: Logs,
}

impl<T: Transport, K: TaskControl> PrefectControl<T, K> {
    /// A control plane over a client of the server, and the tasks that runs run on.
    pub fn new(client: Client<T>, tasks: Arc<K>, options: Options, clock: Clock) -> Self {
        Self {
            client,
            tasks,
            options,
            clock,
            lately: Lately::new(),
            references: References::new(),
            stopped: Stopped::default(),
            logs: Logs::default(),
        }
    }

    /// Sets right what is wrong with a run, a state that a late claim or hand back has displaced: the type of the state it then has.
    /// `holds` is the run's state as far as it is known.
    async fn restore(&self, attempt: Attempt, holds: Option<StateId>) -> Result<Option<StateType>, ApiError> {
        let history = history::read(&self.client, attempt.flow_run_id, holds).await?;
        self.amend(attempt, &history).await
    }

    async fn amend(&self, attempt: Attempt, history: &[State]) -> Result<Option<StateType>, ApiError> {
        let Some(wrong) = history::wrong(history) else { return Ok(None) };
        let proposal = states::amended(wrong, attempt);
        propose::propose(&self.client, attempt.flow_run_id, &proposal).await?;
        Ok(Some(proposal.state_type))
    }

    async fn record(&self, message: &ScheduledRun, launched: &Launched) -> Result<(), ApiError> {
        let infrastructure_pid = launched.infrastructure_pid();
        match self.client.record_infrastructure(message.flow_run_id, &infrastructure_pid).await {
            // Deleted since it was claimed. Its task is a task without a run, which the reconciler stops.
            Err(error) if error.is_not_found() => return Ok(()),
            other => other?,
        }
        if let Some(name) = &self.options.label_as {
            self.label(message, name).await;
        }
        let link = Infrastructure::parse(&infrastructure_pid).and_then(|infrastructure| infrastructure.console_link());
        let verb = if launched.adopted { "adopted" } else { "launched" };
        let definition = launched.definition_arn.as_deref().unwrap_or("as it was launched");
        let link = link.map(|link| format!(" {link}")).unwrap_or_default();
        let line = format!("ECS task {verb}: {} (task definition: {definition}){link}", launched.task_arn);
        self.logs.info(message.flow_run_id, line, (self.clock)());
        Ok(())
    }

    /// What a worker says about itself (prefect 3.8.8, `workers/base.py`, `_update_flow_run_labels`). Servers before 3.0
    /// know no labels.
    async fn label(&self, message: &ScheduledRun, name: &str) {
        let pool = self.lately.pool(&message.work_pool);
        let mut labels = Object::new();
        labels.insert("prefect.worker.name".to_owned(), name.into());
        labels.insert("prefect.worker.type".to_owned(), "pushpool".into());
        labels.insert("prefect.work-pool.name".to_owned(), message.work_pool.clone().into());
        if let Some(pool) = pool {
            labels.insert("prefect.work-pool.id".to_owned(), pool.pool.id.to_string().into());
        }
        if let Err(error) = self.client.label_flow_run(message.flow_run_id, &labels).await {
            tracing::debug!(%error, flow_run_id = %message.flow_run_id, "labels not set");
        }
    }

    fn say(&self, message: &ScheduledRun, severity: u32, text: String) {
        self.logs.add(message.flow_run_id, severity, text, (self.clock)());
    }

    /// What a claim came to for which the deployment had no slot, long after the run was read. Meanwhile another message may have
    /// seen the run to its end, and an earlier copy of this claim may have got a slot.
    async fn without_slot(&self, delivery: &Delivery, reason: String) -> Result<Claim, ApiError> {
        let attempt = delivery.message.attempt();
        let history = history::read(&self.client, attempt.flow_run_id, None).await?;
        let Some(state) = history.last() else { return Ok(Claim::NotOurs("the run is gone".to_owned())) };
        let transition_id = Some(attempt.transition_id());
        if state.state_type == StateType::Pending && state.state_details.transition_id == transition_id {
            return Ok(Claim::InHand(in_hand(delivery, state.timestamp, (self.clock)()).unwrap_or_default()));
        }
        let restored = self.amend(attempt, &history).await?;
        let was = restored.map(|was| format!("it was {} when it was claimed", was.name()));
        Ok(Claim::NotOurs(was.unwrap_or(reason)))
    }

    /// Claims an attempt, to launch it or to hold it until it is handed back, and puts back what the claim has displaced if it
    /// came too late.
    async fn propose_claim(&self, delivery: &Delivery, hold: bool) -> Result<Claim, Failure> {
        let failed = |error: ApiError| failure::of(&error);
        let message = &delivery.message;
        let (run, attempt) = (message.flow_run_id, message.attempt());
        match propose::claim(&self.client, delivery, hold).await.map_err(failed)? {
            propose::Claimed::WithoutSlot(reason) if (self.clock)().duration_since(delivery.read) > FASTEST_RUN => {
                self.without_slot(delivery, reason).await.map_err(failed)
            }
            propose::Claimed::Not(reason) | propose::Claimed::WithoutSlot(reason) => Ok(Claim::NotOurs(reason)),
            propose::Claimed::For { alone: false, at, .. } if in_hand(delivery, at, (self.clock)()).is_some() => {
                Ok(Claim::InHand(in_hand(delivery, at, (self.clock)()).unwrap_or_default()))
            }
            // An earlier delivery has claimed it for the other purpose. The next one reads which, and goes on with it.
            propose::Claimed::For { held, .. } if held != hold => {
                Err(Failure { class: Class::Transient, diagnosis: failure::to_be_handed_back() })
            }
            // The server says for when it was scheduled, see `CopyScheduledTime` of prefect 3.8.8.
            propose::Claimed::For { due: Some(due), alone, lease, .. } if due == message.expected_start_time => {
                // One that has ended already is of a server that keeps no leases (a restart, another replica): the run has
                // its slot all the same. What is to be handed back gives it up.
                if !hold {
                    leases::renew(&self.client, lease).await.map_err(failed)?;
                }
                Ok(Claim::Ours { again: !alone })
            }
            // The claim has overtaken a user who moved the run, or has come late to an attempt of another time.
            propose::Claimed::For { due: Some(due), .. } => {
                propose::propose(&self.client, run, &states::moved(due, attempt)).await.map_err(failed)?;
                Ok(Claim::NotOurs("the run was moved to another time".to_owned()))
            }
            // It was not SCHEDULED: it ended while this message was on its way.
            propose::Claimed::For { due: None, .. } => {
                self.restore(attempt, None).await.map_err(failed)?;
                Ok(Claim::NotOurs("the run was no longer SCHEDULED".to_owned()))
            }
        }
    }
}

/// Another message cannot claim a run and see it to its end in less.
const FASTEST_RUN: SignedDuration = SignedDuration::from_millis(500);

impl<T: Transport, K: TaskControl> ControlPlane for PrefectControl<T, K> {
    async fn read(&self, deliveries: &[Delivery], queue: RunQueue) -> Vec<Result<Reading, Failure>> {
        // Boxed: a batch's future holds all of its requests, and is moved about by whoever waits for it.
        match Box::pin(self.read_batch(deliveries, queue)).await {
            Ok(readings) => readings,
            Err(error) => {
                let failed = failure::of(&error);
                deliveries.iter().map(|_| Err(failed.clone())).collect()
            }
        }
    }

    async fn claim(&self, delivery: &Delivery) -> Result<Claim, Failure> {
        self.propose_claim(delivery, false).await
    }

    async fn claim_to_hand_back(&self, delivery: &Delivery) -> Result<Claim, Failure> {
        self.propose_claim(delivery, true).await
    }

    async fn give_up(&self, message: &ScheduledRun, reason: &Diagnosis) -> Result<bool, Failure> {
        let (id, attempt) = (message.flow_run_id, message.attempt());
        let found = self.client.flow_runs_by_id(&[id]).await.map_err(|error| failure::of(&error))?;
        let ours = Some(attempt.transition_id());
        let is_claimed =
            |state: &State| state.state_type == StateType::Pending && state.state_details.transition_id == ours;
        let Some(run) = found.first().filter(|run| run.state.as_ref().is_some_and(is_claimed)) else {
            return Err(Failure { class: Class::Transient, diagnosis: reason.clone() });
        };
        if given_up_since(run, attempt).is_none() {
            let mark = given_up(attempt, (self.clock)());
            self.client.record_infrastructure(id, &mark).await.map_err(|error| failure::of(&error))?;
            self.say(message, level::WARNING, format!("{} Tried again in some minutes.", states::text(reason)));
        }
        Ok(true)
    }

    async fn is_to_record(&self, message: &ScheduledRun) -> Result<bool, Failure> {
        let run = message.flow_run_id;
        let states = history::read(&self.client, run, None).await.map_err(|error| failure::of(&error))?;
        Ok(history::is_to_record(run, &states, message.state_id))
    }

    async fn started(&self, message: &ScheduledRun) -> Result<Started, Failure> {
        self.started_elsewhere(message).await
    }

    async fn waited(&self, message: &ScheduledRun) -> Result<Waited, Failure> {
        let states =
            history::read(&self.client, message.flow_run_id, None).await.map_err(|error| failure::of(&error))?;
        let unknown = Waited { since: message.expected_start_time, hand_backs: 0 };
        Ok(history::waited(&states, message.state_id).unwrap_or(unknown))
    }

    async fn settle(&self, message: &ScheduledRun, settlement: &Settlement) -> Result<(), Failure> {
        let (run, attempt) = (message.flow_run_id, message.attempt());
        let settled = match settlement {
            Settlement::Launched(launched) => self.record(message, launched).await,
            Settlement::HandedBack { delay, reason } => {
                let due = states::later((self.clock)(), *delay);
                propose::hand_back(&self.client, run, reason, due, attempt).await.map(drop)
            }
            Settlement::Crashed(reason) => propose::crash(&self.client, run, reason, attempt).await.map(drop),
            // Nobody waits here: the poller sends what is still scheduled.
            Settlement::Deferred(_) => Ok(()),
        };
        settled.map_err(|error| failure::of(&error))?;
        // Said once it is so: a message that comes back says it then.
        match settlement {
            Settlement::HandedBack { delay, reason } => {
                let text = format!("{} Tried again in {} s.", states::text(reason), delay.as_secs());
                self.say(message, level::WARNING, text);
            }
            Settlement::Crashed(reason) => self.say(message, level::ERROR, states::text(reason)),
            Settlement::Launched(_) | Settlement::Deferred(_) => {}
        }
        Ok(())
    }

    fn note(&self, message: &ScheduledRun, notes: Vec<String>) {
        for note in notes {
            self.say(message, level::WARNING, note);
        }
    }

    async fn flush(&self) {
        self.logs.flush(&self.client).await;
    }
}

#[cfg(test)]
mod tests;
