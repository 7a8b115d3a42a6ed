//! A process of ours in the simulated world, and the way of its requests.
//!
//! A request is on its way by itself: it takes effect whether or not whoever sent it still waits for the answer, or
//! still lives. A process that has died never gets another answer and sends nothing more, which is all that the world can
//! see of a death; so a death at *every* request, before and after its effect, is a death at every await that matters.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use dispatch::ports::Clock;
use tokio::{
    sync::{Notify, oneshot},
    time::{sleep, timeout},
};

use super::{
    fault::Fault,
    world::{Sim, World, timestamp},
};

/// How much later a request may take effect at AWS than it was sent, in milliseconds.
const LATE_AT_AWS: u64 = 20_000;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Service {
    /// The Prefect server.
    Server,
    /// ECS or SQS.
    Aws,
}

/// There is no answer, or one that says no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// No connection.
    Refused,
    /// The connection was lost.
    Lost,
    /// Nothing in time.
    Timeout,
    /// The service asks for patience.
    Throttled,
    /// The service failed.
    Failed,
}

/// A process.
#[derive(Clone)]
pub(super) struct Party(Arc<Inner>);

struct Inner {
    sim: Sim,
    name: String,
    dead: AtomicBool,
    died: Notify,
    /// How many invocations the chain of the present one had before it.
    before: AtomicU32,
    /// Its clock is ahead by so many milliseconds.
    skew: i64,
}

/// What becomes of a request.
struct Way {
    before: Duration,
    /// So long before its effect the server had the request.
    held: Duration,
    after: Duration,
    lost: bool,
    crash: bool,
}

impl Party {
    /// A process that starts now.
    pub(super) fn start(sim: &Sim, name: String) -> Self {
        let skew = {
            let mut world = sim.world();
            let most = world.scenario.skew;
            world.note(|| format!("{name} starts"));
            world.rng.i64(-most..=most)
        };
        let (sim, dead, before) = (Arc::clone(sim), AtomicBool::new(false), AtomicU32::new(0));
        Self(Arc::new(Inner { sim, name, dead, died: Notify::new(), before, skew }))
    }

    /// What it goes by in the trace.
    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    /// Its world.
    pub(super) fn sim(&self) -> &Sim {
        &self.0.sim
    }

    /// Its clock.
    pub(super) fn clock(&self) -> Clock {
        let this = self.clone();
        Arc::new(move || {
            let millis = this.0.sim.world().millis();
            timestamp(millis.saturating_add_signed(this.0.skew))
        })
    }

    /// It is invoked, after so many invocations of the chain.
    pub(super) fn invoked(&self, before: u32) {
        self.0.before.store(before, Ordering::Relaxed);
    }

    /// What Lambda's trace header says to whom it calls now.
    pub(super) fn lineage(&self) -> u32 {
        self.0.before.load(Ordering::Relaxed)
    }

    /// Whether it has died.
    pub(super) fn is_dead(&self) -> bool {
        self.0.dead.load(Ordering::Relaxed)
    }

    /// It dies.
    pub(super) fn die(&self) {
        if !self.0.dead.swap(true, Ordering::Relaxed) {
            self.0.sim.world().note(|| format!("{} DIES", self.0.name));
            self.0.died.notify_one();
        }
    }

    /// Waits for its death.
    pub(super) async fn death(&self) {
        self.0.died.notified().await;
    }

    /// Goes on forever once it is dead.
    async fn alive(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// Asks `service` for `effect`, and waits for `patience` for the answer.
    pub(super) async fn call<R: Send + 'static>(
        &self,
        service: Service,
        patience: Duration,
        effect: impl FnOnce(&mut World) -> R + Send + 'static,
    ) -> Result<R, Broken> {
        self.alive().await;
        let outcome = self.attempt(service, patience, effect).await;
        self.alive().await;
        outcome
    }

    async fn attempt<R: Send + 'static>(
        &self,
        service: Service,
        patience: Duration,
        effect: impl FnOnce(&mut World) -> R + Send + 'static,
    ) -> Result<R, Broken> {
        let way = match self.plan(service) {
            Ok(way) => way,
            Err((wait, broken)) => {
                if wait == Duration::MAX {
                    self.die();
                    return std::future::pending().await;
                }
                sleep(wait.min(patience)).await;
                return Err(if wait >= patience { Broken::Timeout } else { broken });
            }
        };
        let (answer, answered) = oneshot::channel();
        let this = self.clone();
        let Way { before, held, after, lost, crash } = way;
        tokio::spawn(async move {
            sleep(before).await;
            let outcome = {
                let mut world = this.0.sim.world();
                if is_away(&world, service) {
                    Err(Broken::Lost)
                } else {
                    let arrived = world.now() - held;
                    world.server.arrived(Some(arrived).filter(|_| !held.is_zero()));
                    let answer = effect(&mut world);
                    world.server.arrived(None);
                    Ok(answer)
                }
            };
            if crash {
                this.die();
            }
            sleep(after).await;
            if lost {
                this.0.sim.world().note(|| format!("{}: the answer is lost", this.0.name));
            } else {
                // Nobody may be waiting any more.
                answer.send(outcome).ok();
            }
        });
        match timeout(patience, answered).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Broken::Lost),
            Err(_) => Err(Broken::Timeout),
        }
    }

    /// The way of a request; or how long it takes to fail, and how.
    fn plan(&self, service: Service) -> Result<Way, (Duration, Broken)> {
        let mut world = self.0.sim.world();
        world.ledger.steps += 1;
        let latency = Duration::from_millis(world.rng.u64(1..=40));
        if is_away(&world, service) {
            return Err((latency, Broken::Refused));
        }
        if world.fault(Fault::CrashBefore) {
            return Err((Duration::MAX, Broken::Lost));
        }
        if world.fault(Fault::Refused) {
            return Err((latency, Broken::Refused));
        }
        if world.fault(Fault::LostRequest) {
            let quick = world.rng.bool();
            return Err((if quick { latency } else { Duration::from_secs(3_600) }, Broken::Lost));
        }
        if world.fault(Fault::Throttled) {
            return Err((latency, Broken::Throttled));
        }
        if world.fault(Fault::Failed) {
            return Err((latency, Broken::Failed));
        }
        let crash = world.fault(Fault::CrashAfter);
        let lost = world.fault(Fault::LostAnswer);
        let mut before = latency / 2;
        let mut held = Duration::ZERO;
        if world.fault(Fault::Late) {
            let late = match service {
                Service::Server => world.scenario.late,
                Service::Aws => world.scenario.late.min(LATE_AT_AWS),
            };
            let late = Duration::from_millis(world.rng.u64(0..=late));
            // The network is late, or the server.
            if world.scenario.stalls && service == Service::Server && late.as_millis().is_multiple_of(2) {
                held = late;
            }
            before += late;
        }
        let mut after = latency / 2;
        if world.fault(Fault::Slow) {
            after += Duration::from_millis(world.rng.u64(500..=9_000));
        }
        Ok(Way { before, held, after, lost, crash })
    }
}

fn is_away(world: &World, service: Service) -> bool {
    let until = match service {
        Service::Server => world.server_away,
        Service::Aws => world.aws_away,
    };
    until.is_some_and(|until| until > tokio::time::Instant::now())
}
