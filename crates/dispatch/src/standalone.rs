//! The control plane without a Prefect server: the message carries the run, a pool document the template.
//!
//! There is nobody to ask whether the run is still wanted, and nothing to claim: ECS's `clientToken` alone makes the launch
//! single, for 24 hours or until an hour after the task stopped, whichever is sooner (AWS: "Ensuring idempotency" of
//! RunTask). A message that comes back later than that starts the run again.
//!
//! # How a run waits
//!
//! A dispatcher that sends a waiting message to its own queue is a recursive loop to Lambda, which stops it after 16
//! invocations (see [`chain`](crate::chain)). So it sends nothing there. A one-time schedule sends the message again: each begins
//! a new chain, may be any time ahead, and uses up none of the queue's `maxReceiveCount`. Schedules keep to the minute, so the
//! last stretch before a run is due is waited out in the queue, hidden, at the price of one receive.
//!
//! The times and names of these schedules follow from the attempt. So every delivery of it, and every copy, asks for the same
//! one, which EventBridge Scheduler takes once.

use std::{sync::Arc, time::Duration};

use diagnosis::{Diagnosis, PP0408};
use ecs::{Run, failure::Class};
pub use installation::timing::STANDALONE_HAND_BACK_DELAY as HAND_BACK_DELAY;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use work_pool::NoReferences;

use crate::{
    codes,
    message::{InlineRun, LONGEST_DELAY, RunQueue, ScheduledRun},
    metrics::NAMESPACE,
    pool::PoolCache,
    ports::{
        Claim, Clock, ControlPlane, Delivery, Failure, Inbox, Look, Order, OutcomeBus, PoolDocuments, Reading,
        Schedules, Settlement, Waited,
    },
};

/// Environment variable with the parameters of the run as one JSON object.
pub const PARAMETERS_VARIABLE: &str = "PUSHPOOL_PARAMETERS";

/// How long before a run is due its schedule sends the message: schedules keep to the minute, and messages take their time.
const AHEAD: SignedDuration = SignedDuration::from_mins(2);

/// When after it was due a run of a paused pool is looked at, in minutes; then every [`PAUSED_EVERY`].
const PAUSED_AT: [i64; 4] = [1, 2, 4, 8];

/// How often a run of a pool is looked at that is paused for long, in minutes.
const PAUSED_EVERY: i64 = 15;

/// The next look is at least so far away: another could have been missed by a clock that is a little behind, and its name be
/// taken still.
const NOT_BEFORE: SignedDuration = SignedDuration::from_secs(50);

/// Runs from messages, pools from documents, outcomes to the log, the queues and a bus.
pub struct Standalone<D, Q, S, B> {
    pools: PoolCache<D>,
    queues: Arc<Q>,
    schedules: Arc<S>,
    bus: B,
    clock: Clock,
}

impl<D: PoolDocuments, Q: Inbox, S: Schedules, B: OutcomeBus> Standalone<D, Q, S, B> {
    /// A control plane over these.
    pub fn new(pools: PoolCache<D>, queues: Arc<Q>, schedules: Arc<S>, bus: B, clock: Clock) -> Self {
        Self { pools, queues, schedules, bus, clock }
    }

    async fn read_one(&self, message: &ScheduledRun) -> Result<Reading, Failure> {
        let Some(inline) = &message.run else {
            return Err(Failure {
                class: Class::Rejected,
                diagnosis: Diagnosis::of(
                    PP0408,
                    "`run` is missing, and without a Prefect server there is nowhere to read it.",
                ),
            });
        };
        let now = (self.clock)();
        let wait = seconds_until(message.expected_start_time, now);
        if wait > LONGEST_DELAY {
            return Ok(Reading::Later { look: before_due(message), reason: "not due yet".to_owned() });
        }
        if !wait.is_zero() {
            return Ok(Reading::Soon(wait));
        }
        let pool = self.pools.get(&message.work_pool).await?;
        if pool.is_paused {
            return Ok(Reading::Later {
                look: while_paused(message, now),
                reason: "the work pool is paused".to_owned(),
            });
        }
        Ok(Reading::Due(Box::new(Order {
            run: run_of(message, inline, pool.named.clone()),
            template: pool.template.clone(),
            deployment_variables: inline.deployment.as_ref().map(|it| it.job_variables.clone()).unwrap_or_default(),
            flow_run_variables: inline.job_variables.clone(),
            since: message.expected_start_time,
            resolver: Arc::new(NoReferences),
        })))
    }
}

/// The run of a message as the requests need it.
fn run_of(message: &ScheduledRun, inline: &InlineRun, work_pool: ecs::Named) -> Run {
    let mut environment = std::collections::BTreeMap::new();
    if inline.parameters_as_env {
        environment.insert(PARAMETERS_VARIABLE.to_owned(), Value::Object(inline.parameters.clone()).to_string());
    }
    Run {
        attempt: message.attempt(),
        name: inline.name.clone(),
        work_pool,
        flow: inline.flow.as_ref().map(|flow| ecs::Named { id: flow.id, name: flow.name.clone() }),
        deployment: inline.deployment.as_ref().map(|it| ecs::Named { id: it.id, name: it.name.clone() }),
        environment,
    }
}

/// The look at a run that is due long after it.
fn before_due(message: &ScheduledRun) -> Look {
    look(message, message.expected_start_time.checked_sub(AHEAD).unwrap_or(message.expected_start_time))
}

/// Named by its time as well: the same attempt may have been sent for two.
fn look(message: &ScheduledRun, at: Timestamp) -> Look {
    Look { at, name: format!("{}-{}", message.attempt().client_token(), at.as_second()) }
}

/// The next look at a run of a paused pool: the first of a fixed series that is far enough away.
fn while_paused(message: &ScheduledRun, now: Timestamp) -> Look {
    let due = message.expected_start_time;
    let late = now.duration_since(due).max(SignedDuration::ZERO) + NOT_BEFORE;
    let minutes = PAUSED_AT.into_iter().find(|minutes| SignedDuration::from_mins(*minutes) >= late);
    let minutes = minutes.unwrap_or_else(|| (late.as_secs() / 60 / PAUSED_EVERY + 1) * PAUSED_EVERY);
    look(message, due.checked_add(SignedDuration::from_mins(minutes)).unwrap_or(now))
}

fn seconds_until(due: Timestamp, now: Timestamp) -> Duration {
    // Whole seconds, rounded up: SQS knows no fractions, and a run must not start early.
    let milliseconds = due.as_millisecond().saturating_sub(now.as_millisecond()).max(0);
    Duration::from_secs(u64::try_from(milliseconds).unwrap_or(0).div_ceil(1000))
}

impl<D: PoolDocuments, Q: Inbox, S: Schedules, B: OutcomeBus> ControlPlane for Standalone<D, Q, S, B> {
    async fn read(&self, deliveries: &[Delivery], _queue: RunQueue) -> Vec<Result<Reading, Failure>> {
        futures_util::future::join_all(deliveries.iter().map(|delivery| self.read_one(&delivery.message))).await
    }

    async fn claim(&self, delivery: &Delivery) -> Result<Claim, Failure> {
        Ok(Claim::Ours { again: delivery.again })
    }

    async fn waited(&self, message: &ScheduledRun) -> Result<Waited, Failure> {
        Ok(Waited { since: message.first_due(), hand_backs: message.hand_backs })
    }

    async fn settle(&self, message: &ScheduledRun, settlement: &Settlement) -> Result<(), Failure> {
        let mut detail = json!({
            "flow_run_id": message.flow_run_id,
            "state_id": message.state_id,
            "work_pool": message.work_pool,
            "expected_start_time": message.expected_start_time,
        });
        match settlement {
            Settlement::Launched(launched) => {
                detail["infrastructure_pid"] = json!(launched.infrastructure_pid());
                detail["task_definition"] = json!(launched.definition_arn);
                detail["adopted"] = json!(launched.adopted);
                self.bus.publish("Launched", detail).await;
            }
            Settlement::HandedBack { delay, reason } => {
                let again = message.handed_back((self.clock)() + *delay);
                // Of the new attempt, so that it is one schedule however often this is asked for.
                let look =
                    Look { at: again.expected_start_time, name: format!("{}-again", again.attempt().client_token()) };
                self.schedules.send_at(&look, body(&again)?).await?;
                add(&mut detail, reason);
                self.bus.publish("HandedBack", detail).await;
            }
            Settlement::Crashed(reason) => {
                self.queues.dead_letter(body(&message.without_credentials())?, reason).await?;
                add(&mut detail, reason);
                self.bus.publish("Crashed", detail).await;
            }
            Settlement::Deferred(look) => self.schedules.send_at(look, body(message)?).await?,
        }
        Ok(())
    }
}

fn add(detail: &mut Value, reason: &Diagnosis) {
    detail["code"] = json!(reason.code.id());
    detail["summary"] = json!(reason.summary);
    detail["detail"] = json!(reason.detail);
    detail["resolution"] = json!(reason.resolution);
}

fn body(message: &ScheduledRun) -> Result<String, Failure> {
    serde_json::to_string(message).map_err(|error| Failure {
        class: Class::Bug,
        diagnosis: codes::bug(&format!("{NAMESPACE} could not write a message: {error}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> ScheduledRun {
        let body = r#"{"version":1,"flow_run_id":"r","state_id":"s","expected_start_time":"2026-01-01T00:00:00Z","work_pool":"p"}"#;
        ScheduledRun::parse(body).unwrap()
    }

    #[test]
    fn looks_at_a_paused_pool_come_more_seldom_and_are_never_asked_for_again() {
        let message = message();
        let (mut now, mut last) = (message.expected_start_time, String::new());
        let mut minutes = Vec::new();
        while minutes.len() < 8 {
            let look = while_paused(&message, now);
            assert_eq!(look, while_paused(&message, now + SignedDuration::from_secs(1)), "the same for every copy");
            assert!(look.at.duration_since(now) >= NOT_BEFORE && look.name != last && look.name.len() <= 64);
            minutes.push(look.at.duration_since(message.expected_start_time).as_secs() / 60);
            // A clock that is two seconds behind sees the message early.
            (now, last) = (look.at - SignedDuration::from_secs(2), look.name);
        }
        assert_eq!(minutes, [1, 2, 4, 8, 15, 30, 45, 60]);
    }

    #[test]
    fn a_run_due_long_after_is_looked_at_two_minutes_before() {
        let look = before_due(&message());
        assert_eq!(look.at.to_string(), "2025-12-31T23:58:00Z");
        assert_eq!(look.name, format!("{}-1767225480", message().attempt().client_token()));
        let far = ScheduledRun { expected_start_time: Timestamp::MAX, ..message() };
        assert!(before_due(&far).name.len() <= 64, "the longest name of a schedule");
        assert_ne!(before_due(&far).name, look.name, "sent for another time, it is looked at then, too");
    }
}
