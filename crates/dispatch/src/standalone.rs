//! The control plane without a Prefect server: the message carries the run, a pool document the template.
//!
//! There is nobody to ask whether the run is still wanted, and nothing to claim: ECS's `clientToken` alone makes the launch
//! single, for 24 hours or until an hour after the task stopped, whichever is sooner (AWS: "Ensuring idempotency" of
//! RunTask). A message that comes back later than that starts the run again.

use std::{sync::Arc, time::Duration};

use ecs::{Run, failure::Class};
use jiff::Timestamp;
use serde_json::{Value, json};
use work_pool::{Diagnosis, NoReferences};

use crate::{
    dispatcher::Clock,
    message::{InlineRun, ScheduledRun},
    outcome::NAMESPACE,
    pool::PoolCache,
    ports::{
        Claim, ControlPlane, Delivery, Failure, Order, PoolDocuments, Reading, RunQueue, RunQueues, Settlement, Waited,
    },
};

/// Environment variable with the parameters of the run as one JSON object.
pub const PARAMETERS_VARIABLE: &str = "PUSHPOOL_PARAMETERS";

/// The longest delay of an SQS message (SQS API reference, SendMessage, `DelaySeconds`).
pub const LONGEST_DELAY: Duration = Duration::from_secs(900);

/// How long a run waits that is handed back for the first time. Two copies of one hand back are two messages of one attempt,
/// and its token makes the launch single.
pub const HAND_BACK_DELAY: Duration = Duration::from_secs(10);

/// How often a run of a paused pool is looked at.
const PAUSED_DELAY: Duration = Duration::from_secs(60);

/// Announces outcomes to whoever listens, besides the log. Best effort: the log is the record.
pub trait OutcomeBus: Send + Sync + 'static {
    /// Publishes one event; `detail_type` is one of `Launched`, `HandedBack`, `Crashed`.
    fn publish(&self, detail_type: &'static str, detail: Value) -> impl Future<Output = ()> + Send;
}

/// Nobody listens.
#[derive(Debug, Clone, Copy)]
pub struct NoBus;

impl OutcomeBus for NoBus {
    async fn publish(&self, _detail_type: &'static str, _detail: Value) {}
}

/// Runs from messages, pools from documents, outcomes to the log, the queues and a bus.
pub struct Standalone<D, Q, B> {
    pools: PoolCache<D>,
    queues: Arc<Q>,
    bus: B,
    clock: Clock,
}

impl<D: PoolDocuments, Q: RunQueues, B: OutcomeBus> Standalone<D, Q, B> {
    /// A control plane over these.
    pub fn new(pools: PoolCache<D>, queues: Arc<Q>, bus: B, clock: Clock) -> Self {
        Self { pools, queues, bus, clock }
    }

    async fn read_one(&self, message: &ScheduledRun) -> Result<Reading, Failure> {
        let Some(inline) = &message.run else {
            return Err(Failure {
                class: Class::Rejected,
                diagnosis: Diagnosis {
                    code: "PP0408",
                    summary: "The message carries no run".to_owned(),
                    detail: "`run` is missing, and without a Prefect server there is nowhere to read it.".to_owned(),
                    resolution: "Send the run inline, or set the dispatcher's PREFECT_API_URL.".to_owned(),
                },
            });
        };
        let wait = seconds_until(message.expected_start_time, (self.clock)());
        if !wait.is_zero() {
            return Ok(Reading::Later { wait: wait.min(LONGEST_DELAY), reason: "not due yet".to_owned() });
        }
        let pool = self.pools.get(&message.work_pool).await?;
        if pool.is_paused {
            return Ok(Reading::Later { wait: PAUSED_DELAY, reason: "the work pool is paused".to_owned() });
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

fn seconds_until(due: Timestamp, now: Timestamp) -> Duration {
    // Whole seconds, rounded up: SQS knows no fractions, and a run must not start early.
    let milliseconds = due.as_millisecond().saturating_sub(now.as_millisecond()).max(0);
    Duration::from_secs(u64::try_from(milliseconds).unwrap_or(0).div_ceil(1000))
}

impl<D: PoolDocuments, Q: RunQueues, B: OutcomeBus> ControlPlane for Standalone<D, Q, B> {
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
                let due = (self.clock)() + *delay;
                self.queues.send(body(&message.handed_back(due))?, *delay).await?;
                add(&mut detail, reason);
                self.bus.publish("HandedBack", detail).await;
            }
            Settlement::Crashed(reason) => {
                self.queues.bury(body(&message.without_credentials())?, reason).await?;
                add(&mut detail, reason);
                self.bus.publish("Crashed", detail).await;
            }
            Settlement::Deferred { delay } => self.queues.send(body(message)?, *delay).await?,
        }
        Ok(())
    }
}

fn add(detail: &mut Value, reason: &Diagnosis) {
    detail["code"] = json!(reason.code);
    detail["summary"] = json!(reason.summary);
    detail["detail"] = json!(reason.detail);
    detail["resolution"] = json!(reason.resolution);
}

fn body(message: &ScheduledRun) -> Result<String, Failure> {
    serde_json::to_string(message).map_err(|error| Failure {
        class: Class::Bug,
        diagnosis: crate::codes::bug(&format!("{NAMESPACE} could not write a message: {error}")),
    })
}
