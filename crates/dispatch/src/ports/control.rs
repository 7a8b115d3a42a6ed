//! Where runs come from and where their outcome is recorded, and the words that a dispatcher and its control plane share.

use std::{future::Future, sync::Arc, time::Duration};

use diagnosis::Diagnosis;
use ecs::{ClusterRef, Run, TaskArn, launch::Launched};
use jiff::Timestamp;
use work_pool::{BaseJobTemplate, Object, Resolver};

use super::Failure;
use crate::message::{RunQueue, ScheduledRun};

/// Everything needed to render and launch a run.
#[derive(Clone)]
pub struct Order {
    /// The run.
    pub run: Run,
    /// Template of its pool.
    pub template: BaseJobTemplate,
    /// The deployment's job variables.
    pub deployment_variables: Object,
    /// The flow run's job variables.
    pub flow_run_variables: Object,
    /// Since when the run is in its current state: nothing older than this may be used for it.
    pub since: Timestamp,
    /// Answers the references of template and variables.
    pub resolver: Arc<dyn Resolver + Send + Sync>,
}

/// What the control plane says about an attempt.
#[derive(Clone)]
pub enum Reading {
    /// Due and still scheduled: claim it, then launch.
    Due(Box<Order>),
    /// Claimed by an earlier delivery of this very attempt: launch again, the token adopts.
    Claimed(Box<Order>),
    /// The same, but what it needs to run was given to another run meanwhile: record the task that an earlier delivery has
    /// launched, or hand the run back.
    SlotLost {
        /// The run.
        order: Box<Order>,
        /// What was lost.
        reason: Diagnosis,
    },
    /// Running, or about to end, without a record of what it runs on: find the task of this attempt and record it.
    Unrecorded(Box<Order>),
    /// To be launched, but nothing can be made of it: claim it where it is not yet claimed, then crash it.
    Refused {
        /// Whether it is claimed already.
        claimed: bool,
        /// Why.
        reason: Diagnosis,
    },
    /// To be launched, but not now, since something about it cannot be read: claim it where it is not yet claimed, then hand
    /// it back. That takes it from the head of its pool, and lets it crash in the end.
    Postponed {
        /// Whether it is claimed already.
        claimed: bool,
        /// Why.
        reason: Diagnosis,
    },
    /// Not to be launched by this message; the text says why.
    NotOurs(String),
    /// Another delivery of this message has claimed it and may be launching it: look again after this long.
    InHand(Duration),
    /// Due soon: the message stays in the queue, hidden for this long.
    Soon(Duration),
    /// Not due for long, or its pool is paused: look again then.
    Later {
        /// When, and by what schedule.
        look: Look,
        /// Why.
        reason: String,
    },
}

/// When an attempt is looked at again by another message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// Names the look: the same for every delivery of the attempt that asks for it, and no other look's.
    pub name: String,
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Launch it.
    Ours {
        /// Whether another delivery of the message claimed it, and may have launched it.
        again: bool,
    },
    /// Another delivery of the message has claimed it and may be launching it: look again after this long.
    InHand(Duration),
    /// Leave it; the text says why.
    NotOurs(String),
}

/// What something else started for a run: a worker, for a pool in shadow.
#[derive(Clone)]
pub enum Started {
    /// Nothing, and nothing is to be expected.
    Nothing,
    /// Nothing yet: it is about to.
    NotYet,
    /// A task.
    Task {
        /// What pushpool would have launched.
        order: Box<Order>,
        /// Name or ARN of its cluster.
        cluster: ClusterRef,
        /// Its ARN.
        task_arn: TaskArn,
    },
}

/// A message as it was received.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The message.
    pub message: ScheduledRun,
    /// Its id, the same each time it is delivered. Another message may be of the same attempt.
    pub message_id: String,
    /// Tells this delivery from others of the same message, which may be at work at the same time.
    pub delivery_id: String,
    /// The queue it comes from.
    pub queue: RunQueue,
    /// When the run was read by which its reader decided to claim it.
    pub read: Timestamp,
    /// Whether it was received before, as far as SQS counts: an earlier delivery may have launched the run without recording it.
    pub again: bool,
}

/// How long an attempt's run has been waiting for capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    /// When it was due before it was first handed back.
    pub since: Timestamp,
    /// How often it was handed back since.
    pub hand_backs: u32,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// A task runs for it.
    Launched(Launched),
    /// There is no task; another attempt follows after `delay`.
    HandedBack {
        /// How long until the next attempt.
        delay: Duration,
        /// Why there is no task.
        reason: Diagnosis,
    },
    /// There is no task and there will be none.
    Crashed(Diagnosis),
    /// Nothing happened but the passing of time; the same attempt is looked at again then.
    Deferred(Look),
}

/// Where runs come from and where their outcome is recorded: a Prefect server, or the message itself (standalone).
pub trait ControlPlane: Send + Sync + 'static {
    /// Reads the runs of a batch from one queue. The answer has an entry for each delivery, in order.
    fn read(
        &self,
        deliveries: &[Delivery],
        queue: RunQueue,
    ) -> impl Future<Output = Vec<Result<Reading, Failure>>> + Send;

    /// Claims an attempt for a delivery of its message; repeating it is harmless.
    ///
    /// # Errors
    /// [`Failure`] when the answer is not known: the message has to come back.
    fn claim(&self, delivery: &Delivery) -> impl Future<Output = Result<Claim, Failure>> + Send;

    /// Claims an attempt that will be handed back: no delivery of the message launches it any more.
    ///
    /// # Errors
    /// As [`ControlPlane::claim`].
    fn claim_to_hand_back(&self, delivery: &Delivery) -> impl Future<Output = Result<Claim, Failure>> + Send {
        self.claim(delivery)
    }

    /// Gives up a claim that another delivery of the message made, because this one cannot launch the attempt: no delivery launches it
    /// any more, and once all that may be about to are done, the reconciler hands the run back. False if there is no such claim, and
    /// the attempt is this delivery's to end.
    ///
    /// # Errors
    /// [`Failure`] when that cannot be told, or the run has moved on since it was read, by a task that ran it: the message has to
    /// come back.
    fn give_up(
        &self,
        message: &ScheduledRun,
        reason: &Diagnosis,
    ) -> impl Future<Output = Result<bool, Failure>> + Send {
        let _ = (message, reason);
        async { Ok(false) }
    }

    /// Whether the attempt's task is the one to record. Asked where a later attempt may have been launched: of two records the later
    /// one stays.
    ///
    /// # Errors
    /// [`Failure`] when that cannot be told: the message has to come back.
    fn is_to_record(&self, message: &ScheduledRun) -> impl Future<Output = Result<bool, Failure>> + Send {
        let _ = message;
        async { Ok(true) }
    }

    /// What another one than this dispatcher started for a run. Asked of runs of pools in shadow.
    ///
    /// # Errors
    /// [`Failure`] when that cannot be told.
    fn started(&self, message: &ScheduledRun) -> impl Future<Output = Result<Started, Failure>> + Send {
        let _ = message;
        async { Ok(Started::Nothing) }
    }

    /// Since when the run has been waiting for capacity; asked when it is to wait on.
    ///
    /// # Errors
    /// [`Failure`] when that cannot be told: the message has to come back.
    fn waited(&self, message: &ScheduledRun) -> impl Future<Output = Result<Waited, Failure>> + Send;

    /// Records how the attempt ended. Only after this may the message be acknowledged.
    ///
    /// # Errors
    /// [`Failure`]: the message has to come back, and its redelivery adopts.
    fn settle(
        &self,
        message: &ScheduledRun,
        settlement: &Settlement,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Tells the run's owner what may matter about a launch that went ahead: settings without effect, for instance. Nothing
    /// depends on it.
    fn note(&self, message: &ScheduledRun, notes: Vec<String>) {
        tracing::info!(flow_run_id = %message.flow_run_id, work_pool = %message.work_pool, ?notes, "launched with notes");
    }

    /// Writes what was put off to the end of a batch. Nothing depends on it.
    fn flush(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
}
