//! From an order to what its launch came to: claimed, launched, found, given up.

use std::time::Duration;

use diagnosis::Diagnosis;
use ecs::{
    Prepared,
    failure::Class,
    launch::{LaunchError, Launched, TaskLauncher},
};
use work_pool::Layers;

use super::Dispatcher;
use crate::{
    message::ScheduledRun,
    outcome::Outcome,
    ports::{Claim, ControlPlane, Delivery, Failure, Inbox, Order},
};

/// How long after the claim a RunTask of an earlier delivery may still be under way: longer than a function runs. Until then
/// a redelivered message that is refused, and finds no task, comes back once more.
const UNDER_WAY: Duration = installation::timing::WORK;

/// A launch that takes longer than this may be overtaken by a later attempt: its flow runs, ends, is retried by its user and
/// launched anew before the launch has its answer.
const SLOW: Duration = Duration::from_secs(2);

/// What a launch came to.
pub(super) enum Came {
    /// To a task, and what its owner may want to know.
    Task(Launched, Vec<String>),
    /// To nothing: the run is not this message's.
    NotOurs,
    /// To nothing yet: another delivery of the message may be at work for this long.
    InHand(Duration),
}

impl<C: ControlPlane, L: TaskLauncher, Q: Inbox> Dispatcher<C, L, Q> {
    /// Renders, claims and launches.
    pub(super) async fn launch(&self, order: &Order, delivery: &Delivery, claim: bool) -> Result<Came, Failure> {
        let message = &delivery.message;
        let prepared = self.prepare(order);
        // The run is claimed even if it is about to crash: another worker may have claimed it meanwhile.
        let again = match claim {
            true => match self.claim(delivery).await? {
                Ok(again) => again,
                Err(came) => return Ok(came),
            },
            // Another delivery has claimed it, however often SQS counts this message as received.
            false => true,
        };
        let prepared = match prepared {
            Err(refused) if again => return self.give_up(order, message, refused).await,
            prepared => prepared?,
        };
        let asked = (self.clock)();
        let error = match self.launcher.launch(&prepared).await {
            Ok(_) if self.since(asked) > SLOW && !self.control.is_to_record(message).await? => {
                self.tell(Outcome::NotOurs { message, reason: "a later attempt of the run was launched meanwhile" });
                return Ok(Came::NotOurs);
            }
            Ok(launched) => return Ok(Came::Task(launched, prepared.notices)),
            Err(error) => error,
        };
        if !again || !is_definite(&error) {
            return Err(Failure { class: error.class, diagnosis: error.diagnosis });
        }
        // The token was used for a RunTask that started nothing, and can start nothing any more: it takes a new attempt.
        let class = if error.is_conflict() { Class::Capacity } else { error.class };
        self.find_or_give_up(order, &prepared, message, Failure { class, diagnosis: error.diagnosis }).await
    }

    /// What another delivery's claim comes to that this one cannot launch, for `why`: the task that was launched for it, or nothing.
    async fn find_or_give_up(
        &self,
        order: &Order,
        prepared: &Prepared,
        message: &ScheduledRun,
        why: Failure,
    ) -> Result<Came, Failure> {
        if let Some(found) = self.find(prepared).await? {
            return Ok(Came::Task(found, Vec::new()));
        }
        self.give_up(order, message, why).await
    }

    /// Yet another delivery may be about to launch it, or a task may be coming up: if the run was handed back or crashed now, its flow
    /// could start all the same.
    async fn give_up(&self, order: &Order, message: &ScheduledRun, why: Failure) -> Result<Came, Failure> {
        if self.since(order.since) < UNDER_WAY {
            return Err(Failure { class: Class::Transient, ..why });
        }
        if !self.control.give_up(message, &why.diagnosis).await? {
            return Err(why);
        }
        self.tell(Outcome::NotOurs { message, reason: "its claim is given up" });
        Ok(Came::NotOurs)
    }

    /// Claims the run: whether an earlier delivery may have launched it, or what it came to if it is not ours now.
    async fn claim(&self, delivery: &Delivery) -> Result<Result<bool, Came>, Failure> {
        Ok(self.claimed(&delivery.message, self.control.claim(delivery).await?))
    }

    fn claimed(&self, message: &ScheduledRun, claim: Claim) -> Result<bool, Came> {
        match claim {
            Claim::Ours { again } => Ok(again),
            Claim::InHand(wait) => Err(Came::InHand(wait)),
            Claim::NotOurs(reason) => {
                self.tell(Outcome::NotOurs { message, reason: &reason });
                Err(Came::NotOurs)
            }
        }
    }

    /// An earlier delivery launched it and died before it could record that.
    pub(super) async fn find_unrecorded(&self, order: &Order, message: &ScheduledRun) -> Result<Came, Failure> {
        let found = match self.prepare(order) {
            Ok(prepared) => self.find(&prepared).await?,
            // What cannot be prepared now is not what runs.
            Err(_) => None,
        };
        Ok(match found {
            // Another message of this batch may be launching a later attempt.
            Some(launched) if self.control.is_to_record(message).await? => Came::Task(launched, Vec::new()),
            Some(_) | None => {
                self.tell(Outcome::NotOurs { message, reason: "another task runs it" });
                Came::NotOurs
            }
        })
    }

    /// A claim without its slot: a task that an earlier delivery launched is recorded, and the server judges it when its flow
    /// begins. Nothing is launched any more, because another run may have the slot.
    pub(super) async fn without_slot(
        &self,
        order: &Order,
        message: &ScheduledRun,
        reason: Diagnosis,
    ) -> Result<Came, Failure> {
        let why = Failure { class: Class::Capacity, diagnosis: reason };
        match self.prepare(order) {
            Ok(prepared) => self.find_or_give_up(order, &prepared, message, why).await,
            Err(refused) => self.give_up(order, message, refused).await,
        }
    }

    async fn find(&self, prepared: &Prepared) -> Result<Option<Launched>, Failure> {
        let found = self.launcher.find(prepared).await;
        found.map_err(Failure::unanswered)
    }

    pub(super) async fn refuse(&self, delivery: &Delivery, claimed: bool, reason: Diagnosis) -> Result<Came, Failure> {
        if !claimed && let Err(came) = self.claim(delivery).await? {
            return Ok(came);
        }
        Err(Failure { class: Class::Rejected, diagnosis: reason })
    }

    /// Claimed first, so that no other message launches it when a late copy of the hand back takes effect.
    pub(super) async fn postpone(
        &self,
        delivery: &Delivery,
        claimed: bool,
        reason: Diagnosis,
    ) -> Result<Came, Failure> {
        if !claimed {
            let claim = self.control.claim_to_hand_back(delivery).await?;
            if let Err(came) = self.claimed(&delivery.message, claim) {
                return Ok(came);
            }
        }
        Err(Failure { class: Class::Capacity, diagnosis: reason })
    }

    pub(super) fn prepare(&self, order: &Order) -> Result<Prepared, Failure> {
        let rejected = |diagnosis| Failure { class: Class::Rejected, diagnosis };
        let layers =
            Layers { deployment: Some(&order.deployment_variables), flow_run: Some(&order.flow_run_variables) };
        order.template.validate(layers).map_err(|error| rejected(error.diagnosis()))?;
        let configuration =
            order.template.render(layers, &*order.resolver).map_err(|error| rejected(error.diagnosis()))?;
        if self.policy.requests.roles_of_pool_only {
            ecs::check_roles(&order.template, layers).map_err(|error| rejected(error.diagnosis()))?;
        }
        let unused = order.template.unused(layers).into_iter().map(|it| it.to_string());
        match ecs::prepare_to_launch(&configuration, &order.run, &self.policy.requests) {
            Ok(mut prepared) => {
                prepared.notices.extend(unused);
                Ok(prepared)
            }
            Err(refused) => {
                // They may be the reason: a misspelt variable is one that is missing elsewhere.
                let notes: Vec<String> = refused.notes().iter().cloned().chain(unused).collect();
                let mut diagnosis = refused.diagnosis();
                for note in notes {
                    diagnosis.detail.push_str("\nNote: ");
                    diagnosis.detail.push_str(&note);
                }
                Err(rejected(diagnosis.bounded()))
            }
        }
    }
}

/// Whether the failure would end the attempt: then an earlier delivery's task has to be ruled out first.
fn is_definite(error: &LaunchError) -> bool {
    error.is_conflict() || !matches!(error.class, Class::Transient | Class::Bug)
}
