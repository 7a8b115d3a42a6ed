//! The dispatch use case: a batch of messages in, the messages to keep out.
//!
//! Every record of a batch goes its own way, as a task of its own: a bad body, a failing validation or a panic in one
//! does not touch the others. A record is acknowledged only after its outcome is recorded (launched, handed back,
//! crashed, buried, or shown to be not ours); everything else stays in the queue and comes back.
//!
//! What a failure means is decided by its class alone, in `Dispatcher::conclude`. One case needs care: an attempt that another
//! delivery of the message has claimed, and that this one cannot launch. The other may have started the task and lost the answer, and
//! a throttle says nothing about that; and yet another may be about to start it. So such an attempt is not ended here. Its task is
//! looked for by `startedBy`, and if there is none, the claim is given up: no delivery launches it from then on, and the reconciler hands
//! the run back when all that may be about to are done. The claim says whose it is, not the receive count, which SQS calls approximate.

mod launching;
mod shadow;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ecs::{Settings, failure::Class, launch::TaskLauncher};
use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use self::launching::Came;
use crate::{
    batch::{Batch, Fate},
    codes,
    hand_back::{hand_back_delay, may_wait},
    message::{RunQueue, ScheduledRun},
    outcome::{Event, Outcome},
    ports::{Clock, ControlPlane, Delivery, Failure, Inbox, Reading, Settlement, Sink, Source, Waited},
    sqs_event::{BatchResponse, Record},
    timing::between,
};

/// What the operator decides about dispatching.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What the account decides about requests.
    pub requests: Settings,
    /// How long after a run was first due capacity may be missing before it crashes.
    pub capacity_timeout: Duration,
    /// How long a run waits that is handed back for the first time, see [`hand_back_delay`].
    pub hand_back_delay: Duration,
}

/// Dispatches messages through a control plane, a launcher and the queues.
pub struct Dispatcher<C, L, Q> {
    control: C,
    launcher: L,
    queues: Arc<Q>,
    policy: Policy,
    sink: Arc<dyn Sink>,
    clock: Clock,
    /// Work pools whose runs are only rendered.
    shadow: BTreeSet<String>,
}

impl<C: ControlPlane, L: TaskLauncher, Q: Inbox> Dispatcher<C, L, Q> {
    /// A dispatcher over these.
    pub fn new(control: C, launcher: L, queues: Arc<Q>, policy: Policy, sink: Arc<dyn Sink>, clock: Clock) -> Self {
        Self { control, launcher, queues, policy, sink, clock, shadow: BTreeSet::new() }
    }

    /// Handles a batch. Returns before `deadline` with the records that have to be delivered again.
    pub async fn handle(self: &Arc<Self>, records: Vec<Record>, deadline: Instant) -> BatchResponse {
        let batch = Batch::new(records, deadline);
        let records = &batch.records;
        // A batch comes from one queue.
        let queue = records.first().map_or(RunQueue::Standard, Record::queue);
        let (messages, mut fates) = self.read_bodies(&batch).await;
        let read = (self.clock)();
        let of_queue = messages.into_iter().map(|(index, message)| (index, delivery(message, &records[index], read)));
        let (places, deliveries): (Vec<usize>, Vec<Delivery>) = of_queue.unzip();
        let readings = self.read_runs(&deliveries, queue, &batch).await;
        let deliveries: Vec<Arc<Delivery>> = deliveries.into_iter().map(Arc::new).collect();
        let handling = places.iter().zip(&deliveries).zip(readings).map(|((index, delivery), reading)| {
            let (this, delivery, record) = (Arc::clone(self), Arc::clone(delivery), records[*index].clone());
            (*index, async move { Ok(this.dispatch(&delivery, &record, reading).await) })
        });
        let returned = |index: usize, failure: Failure| {
            let delivery = places.iter().position(|place| *place == index).map(|place| &deliveries[place]);
            self.returned(&records[index], delivery.map(|delivery| &delivery.message), &failure)
        };
        for (index, fate) in batch.each(handling, returned).await {
            fates[index] = fate;
        }
        batch.end(&fates, (&*self.queues, Source::Runs(queue)), self.control.flush()).await
    }

    /// Takes the bodies apart and buries those that will never be readable.
    async fn read_bodies(&self, batch: &Batch) -> (Vec<(usize, ScheduledRun)>, Vec<Fate>) {
        let records = &batch.records;
        let mut messages = Vec::with_capacity(records.len());
        let mut unreadable = Vec::new();
        for (index, record) in records.iter().enumerate() {
            match ScheduledRun::parse(&record.body) {
                Ok(message) => messages.push((index, message)),
                Err(error) => unreadable.push((index, error.diagnosis())),
            }
        }
        // Whoever is not settled below has not been acknowledged.
        let mut fates: Vec<Fate> = records.iter().map(|_| Fate::Returned(None)).collect();
        let burials = unreadable.into_iter().map(|(index, reason)| async move {
            let record = &records[index];
            let buried = batch.in_time(self.queues.dead_letter(record.body.clone(), &reason)).await;
            let fate = match buried.and_then(|buried| buried) {
                Ok(()) => {
                    self.tell(Outcome::Malformed { message_id: &record.message_id, reason: &reason });
                    Fate::Acknowledged
                }
                Err(failure) => self.returned(record, None, &failure),
            };
            (index, fate)
        });
        for (index, fate) in join_all(burials).await {
            fates[index] = fate;
        }
        (messages, fates)
    }

    async fn read_runs(
        &self,
        deliveries: &[Delivery],
        queue: RunQueue,
        batch: &Batch,
    ) -> Vec<Result<Reading, Failure>> {
        if deliveries.is_empty() {
            return Vec::new();
        }
        let mut readings = batch.in_time(self.control.read(deliveries, queue)).await.unwrap_or_default();
        readings.resize_with(deliveries.len(), || Err(Failure::transient(codes::out_of_time())));
        readings
    }

    async fn dispatch(&self, delivery: &Delivery, record: &Record, reading: Result<Reading, Failure>) -> Fate {
        let message = &delivery.message;
        if let Some(fate) = self.shadowed(delivery, &reading).await {
            return fate;
        }
        let result = match reading {
            Ok(Reading::NotOurs(reason)) => {
                self.tell(Outcome::NotOurs { message, reason: &reason });
                return Fate::Acknowledged;
            }
            Ok(Reading::InHand(wait)) => return self.in_hand(record, message, wait),
            Ok(Reading::Soon(wait)) => {
                self.tell(Outcome::Deferred { message, reason: "not due yet", delay: wait });
                return Fate::Returned(Some(wait));
            }
            Ok(Reading::Later { look, reason }) => {
                let delay = Duration::try_from(look.at.duration_since((self.clock)())).unwrap_or_default();
                let deferred = self.control.settle(message, &Settlement::Deferred(look)).await;
                return match deferred {
                    Ok(()) => {
                        self.tell(Outcome::Deferred { message, reason: &reason, delay });
                        Fate::Acknowledged
                    }
                    Err(failure) => self.returned(record, Some(message), &failure),
                };
            }
            Ok(Reading::Due(order)) => self.launch(&order, delivery, true).await,
            Ok(Reading::Claimed(order)) => self.launch(&order, delivery, false).await,
            Ok(Reading::SlotLost { order, reason }) => self.without_slot(&order, message, reason).await,
            Ok(Reading::Unrecorded(order)) => self.find_unrecorded(&order, message).await,
            Ok(Reading::Refused { claimed, reason }) => self.refuse(delivery, claimed, reason).await,
            Ok(Reading::Postponed { claimed, reason }) => self.postpone(delivery, claimed, reason).await,
            Err(failure) => Err(failure),
        };
        self.conclude(message, record, result).await
    }

    /// The table of the launch protocol: from what happened to what is recorded and whether the message may go.
    async fn conclude(&self, message: &ScheduledRun, record: &Record, result: Result<Came, Failure>) -> Fate {
        let mut notes = Vec::new();
        let settlement = match result {
            Ok(Came::NotOurs) => return Fate::Acknowledged,
            Ok(Came::InHand(wait)) => return self.in_hand(record, message, wait),
            Ok(Came::Task(launched, of_launch)) => {
                // An earlier delivery may have said them.
                if !launched.adopted {
                    notes = of_launch;
                }
                Settlement::Launched(launched)
            }
            Err(Failure { class: Class::Stale, diagnosis }) => {
                self.tell(Outcome::NotOurs { message, reason: &diagnosis.summary });
                return Fate::Acknowledged;
            }
            Err(Failure { class: Class::Malformed | Class::Rejected, diagnosis }) => Settlement::Crashed(diagnosis),
            Err(Failure { class: Class::Throttled | Class::Capacity, diagnosis }) => {
                let Waited { since, hand_backs } = match self.control.waited(message).await {
                    Ok(waited) => waited,
                    Err(failure) => {
                        return self.returned(record, Some(message), &failure);
                    }
                };
                let waited = self.since(since);
                if may_wait(waited, hand_backs, self.policy.capacity_timeout) {
                    let delay = hand_back_delay(self.policy.hand_back_delay, hand_backs);
                    Settlement::HandedBack { delay, reason: diagnosis }
                } else if codes::is_unreadable(&diagnosis) {
                    Settlement::Crashed(codes::never_readable(waited, &diagnosis))
                } else {
                    Settlement::Crashed(codes::no_capacity(waited, &diagnosis))
                }
            }
            Err(failure @ Failure { class: Class::Transient | Class::Bug, .. }) => {
                return self.returned(record, Some(message), &failure);
            }
        };
        if let Err(failure) = self.control.settle(message, &settlement).await {
            return self.returned(record, Some(message), &failure);
        }
        if !notes.is_empty() {
            self.control.note(message, notes);
        }
        match &settlement {
            Settlement::Launched(launched) => {
                let due_to_launch = (self.clock)().duration_since(message.expected_start_time).as_secs_f64();
                self.tell(Outcome::Launched { message, launched, due_to_launch });
            }
            Settlement::HandedBack { delay, reason } => {
                self.tell(Outcome::HandedBack { message, reason, delay: *delay });
            }
            Settlement::Crashed(reason) => self.tell(Outcome::Crashed { message, reason }),
            // Told of where it is decided.
            Settlement::Deferred(_) => {}
        }
        Fate::Acknowledged
    }

    fn since(&self, moment: Timestamp) -> Duration {
        between(moment, (self.clock)())
    }

    fn tell(&self, outcome: Outcome<'_>) {
        self.sink.emit(&Event::Message(outcome));
    }

    fn returned(&self, record: &Record, message: Option<&ScheduledRun>, failure: &Failure) -> Fate {
        let Failure { class, diagnosis: reason } = failure;
        self.tell(Outcome::Returned { message_id: &record.message_id, message, class: *class, reason });
        Fate::Returned(None)
    }

    /// Another delivery of the message may be at work.
    fn in_hand(&self, record: &Record, message: &ScheduledRun, wait: Duration) -> Fate {
        self.returned(record, Some(message), &Failure::transient(codes::in_hand(wait)));
        Fate::Returned(Some(wait))
    }
}

/// A record as the control plane sees it. SQS gives each delivery of a message a receipt handle of its own.
fn delivery(message: ScheduledRun, record: &Record, read: Timestamp) -> Delivery {
    let receipt = Uuid::new_v5(&Uuid::NAMESPACE_OID, record.receipt_handle.as_bytes());
    Delivery {
        message,
        message_id: record.message_id.clone(),
        delivery_id: receipt.simple().to_string()[..12].to_owned(),
        queue: record.queue(),
        read,
        again: record.receive_count() > 1,
    }
}

#[cfg(test)]
mod tests;
