//! The engine with a clock, processes and listeners.
//!
//! One task of the runtime, the driver, carries out what the engine wants: it alone takes effects, so events leave in
//! the order they happened and a container is started before it is signalled. Everyone else changes the engine under
//! its lock, which is never held across an `await`, and wakes the driver.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{Notify, broadcast, mpsc, watch};

use super::buckets::Throttles;
use super::config::{Config, Lag};
use super::engine::{ContainerId, Effect, Engine, Launch, Signal};
use super::faults::TaskRule;
use super::ids::RandomIds;
use super::process;
use super::task::{Status, TaskView};
use crate::clock::Clock;
use crate::wire::{Account, AwsError};

/// How long [`Ecs::stop`] waits for processes between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);

/// ECS: the engine with a clock. A handle: clones share the engine. When the last is gone, so are its processes.
#[derive(Clone)]
pub struct Ecs(Arc<Inner>);

struct Inner {
    engine: Mutex<Engine>,
    clock: Clock,
    /// The engine's settings, to read without its lock.
    config: Config,
    region: String,
    log_directory: PathBuf,
    events: broadcast::Sender<Value>,
    /// What runs, each with a way to signal it.
    processes: Mutex<HashMap<ContainerId, mpsc::UnboundedSender<Signal>>>,
    wake: Arc<Notify>,
    /// Changes with every round of the driver.
    rounds: watch::Sender<u64>,
}

impl Ecs {
    /// An account with the clusters of `config`. Must be called within a tokio runtime, which then runs its driver.
    pub fn new(account: Account, config: Config, clock: Clock) -> Self {
        let log_directory = config.log_directory.clone().unwrap_or_else(|| {
            // Made with the first log.
            std::env::temp_dir().join(format!("local-ecs-{}", uuid::Uuid::new_v4().simple()))
        });
        let wake = Arc::new(Notify::new());
        let mut engine = Engine::new(account.clone(), config.clone(), Box::new(RandomIds));
        engine.tell(false);
        let inner = Arc::new(Inner {
            region: account.region,
            events: broadcast::channel(config.event_capacity.max(1)).0,
            engine: Mutex::new(engine),
            config,
            clock,
            log_directory,
            processes: Mutex::new(HashMap::new()),
            wake: wake.clone(),
            rounds: watch::Sender::new(0),
        });
        tokio::spawn(drive(Arc::downgrade(&inner), wake));
        Self(inner)
    }

    /// Executes one operation.
    ///
    /// # Errors
    ///
    /// What AWS answers, by the name of its exception.
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, AwsError> {
        self.change(|engine, now| engine.call(now, operation, &input))
    }

    /// ECS Task State Change events from now on, each the whole event as EventBridge delivers it.
    pub fn subscribe(&self) -> broadcast::Receiver<Value> {
        let events = self.0.events.subscribe();
        self.0.engine().tell(true);
        events
    }

    /// Every task that can still be described, in order of creation.
    pub fn tasks(&self) -> Vec<TaskView> {
        self.0.engine().tasks()
    }

    /// Lets this happen to RunTask calls from now on.
    pub fn inject(&self, rule: TaskRule) {
        self.0.engine().inject(rule);
    }

    /// Switches the token buckets of the API on or off; on, they are full.
    pub fn set_throttles(&self, throttles: Option<Throttles>) {
        self.0.engine().set_throttles(throttles);
    }

    /// From now on reads see writes so late.
    pub fn set_lag(&self, lag: Lag) {
        self.0.engine().set_lag(lag);
    }

    /// From now on this many Fargate vCPUs may be in use at once; or any number.
    pub fn set_vcpu_quota(&self, vcpus: Option<u32>) {
        self.0.engine().set_vcpu_quota(vcpus);
    }

    /// Takes the Spot capacity of a task back; whether there was such a task to interrupt.
    pub fn interrupt_spot(&self, task_arn: &str) -> bool {
        self.change(|engine, now| engine.interrupt_spot(now, task_arn))
    }

    /// Where the output of a task's first essential container goes. The file is there once the process was started.
    pub fn log_path(&self, task_arn: &str) -> Option<PathBuf> {
        let name = self.0.engine().main_container(task_arn)?;
        Some(self.0.log_path(task_arn, &name))
    }

    /// Log group and stream prefix of a container, and the file its output goes to.
    pub(crate) fn log_place(&self, task_id: &str, container: &str) -> Option<(String, String, PathBuf)> {
        let (group, prefix) = self.0.engine().log_place(task_id, container)?;
        Some((group, prefix, self.0.log_path(task_id, container)))
    }

    /// Stops every task and waits until nothing runs any more: SIGTERM to every process, SIGKILL to what is left after
    /// five seconds, whatever its stop timeout.
    pub async fn stop(&self) {
        self.change(|engine, now| engine.stop_all(now, "The local ECS is shutting down."));
        if tokio::time::timeout(GRACE, self.all_stopped()).await.is_err() {
            for process in self.0.processes().values() {
                // A closed channel means that it just ended.
                let _ = process.send(Signal::Kill);
            }
            self.all_stopped().await;
        }
    }

    /// The same, by the name of what it does.
    pub async fn stop_all(&self) {
        self.stop().await;
    }

    async fn all_stopped(&self) {
        let mut rounds = self.0.rounds.subscribe();
        // Never an error: the sender is in `self`.
        let _ = rounds
            .wait_for(|_| {
                self.0.processes().is_empty() && self.tasks().iter().all(|task| task.status == Status::Stopped)
            })
            .await;
    }

    fn change<T>(&self, change: impl FnOnce(&mut Engine, u64) -> T) -> T {
        let result = change(&mut self.0.engine(), self.0.clock.now());
        self.0.wake.notify_one();
        result
    }
}

impl fmt::Debug for Ecs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ecs").field("log_directory", &self.0.log_directory).finish_non_exhaustive()
    }
}

impl Inner {
    fn engine(&self) -> MutexGuard<'_, Engine> {
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn processes(&self) -> MutexGuard<'_, HashMap<ContainerId, mpsc::UnboundedSender<Signal>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log_path(&self, task_arn: &str, container: &str) -> PathBuf {
        let id = task_arn.rsplit('/').next().unwrap_or(task_arn);
        self.log_directory.join(id).join(format!("{container}.log"))
    }

    /// One round of the driver: whatever is due, until nothing is. Says when to come back.
    fn round(self: &Arc<Self>) -> Option<u64> {
        loop {
            let effects = self.engine().advance(self.clock.now());
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                match effect {
                    // Nobody listening is fine.
                    Effect::Event(event) => drop(self.events.send(event)),
                    Effect::Start(launch) => self.start(&launch),
                    Effect::Signal(container, signal) => {
                        if let Some(process) = self.processes().get(&container) {
                            let _ = process.send(signal);
                        }
                    }
                }
            }
        }
        self.rounds.send_modify(|round| *round = round.wrapping_add(1));
        self.engine().next_due()
    }

    fn start(self: &Arc<Self>, launch: &Launch) {
        let container = launch.container.clone();
        let log = self.log_path(&container.task_arn, &launch.name);
        match process::start(launch, &self.config, &self.region, &log) {
            Ok(child) => {
                let (signals, receiver) = mpsc::unbounded_channel();
                self.processes().insert(container.clone(), signals);
                let now = self.clock.now();
                self.engine().started(now, &container);
                tokio::spawn(report(Arc::downgrade(self), container, child, receiver));
            }
            Err(error) => {
                let now = self.clock.now();
                self.engine().start_failed(now, &container, &error.to_string());
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // So that the driver sees that there is nothing left to drive.
        self.wake.notify_one();
    }
}

/// Sees a process through to its end and tells the engine.
async fn report(
    inner: Weak<Inner>,
    container: ContainerId,
    child: tokio::process::Child,
    signals: mpsc::UnboundedReceiver<Signal>,
) {
    let exit_code = process::supervise(child, signals).await;
    if let Some(inner) = inner.upgrade() {
        inner.processes().remove(&container);
        let now = inner.clock.now();
        inner.engine().exited(now, &container, exit_code);
        inner.wake.notify_one();
    }
}

async fn drive(inner: Weak<Inner>, wake: Arc<Notify>) {
    loop {
        let Some(strong) = inner.upgrade() else { return };
        let due = strong.round();
        let clock = strong.clock;
        drop(strong);
        match due {
            Some(at) => tokio::select! {
                () = wake.notified() => {}
                () = clock.sleep_until(at) => {}
            },
            None => wake.notified().await,
        }
    }
}
