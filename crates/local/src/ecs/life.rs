//! The life of a task: PROVISIONING, PENDING, RUNNING, DEPROVISIONING, STOPPED, and the ways off that road.
//!
//! Every change of a task's makes one event and raises its version. A task leaves RUNNING when it is told to (StopTask,
//! Spot) or when an essential container ends; what still runs then gets SIGTERM, and SIGKILL after its stop timeout;
//! when nothing runs any more the task is DEPROVISIONING and then STOPPED. Who is first decides the stop code.

use std::collections::BTreeMap;

use super::config::Runner;
use super::definition::ContainerSpec;
use super::engine::{ContainerId, Due, Effect, Engine, Environment, Launch, Signal};
use super::faults::{StartFailure, StartStage};
use super::run_task_request::Overrides;
use super::task::{Phase, Status, StopCode};
use crate::clock::Millis;

/// "If the parameter is not specified, the default value of 30 seconds is used" (ContainerDefinition.stopTimeout).
const STOP_TIMEOUT: Millis = 30_000;

/// How long a client token outlives its tasks: one hour ("Ensuring idempotency", ECS API reference).
const TOKEN_AFTERLIFE: Millis = 3_600_000;

impl Engine {
    /// Lets time pass until `now` and says what is to happen outside, in order. Effects of earlier operations come
    /// first.
    pub fn advance(&mut self, now: Millis) -> Vec<Effect> {
        self.pass(now);
        std::mem::take(&mut self.effects)
    }

    /// Does what is due by `now`; the effects stay queued.
    pub(super) fn pass(&mut self, now: Millis) {
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let ((at, _), due) = entry.remove_entry();
            match due {
                Due::Step(sequence, step) => {
                    if self.tasks.get(&sequence).is_some_and(|task| task.step == step) {
                        self.step(at, sequence);
                    }
                }
                Due::Kill(sequence, index) => self.kill(sequence, index),
                Due::Interrupt(sequence) => {
                    if let Some(arn) = self.tasks.get(&sequence).map(|task| task.arn.clone()) {
                        self.interrupt_spot(at, &arn);
                    }
                }
                Due::Forget(sequence) => self.forget(sequence),
                Due::ForgetToken(cluster, token) => self.forget_token(at, cluster, token),
                Due::ReleaseToken { cluster, token, task_arn } => self.release_token(&cluster, &token, &task_arn),
            }
        }
    }

    /// Reports that a container of a [`Effect::Start`] runs.
    pub fn started(&mut self, now: Millis, container: &ContainerId) {
        let Some(sequence) = self.of(container) else { return };
        if self.set(sequence, container.index, Phase::Running { process: true }, |phase| *phase == Phase::Starting) {
            self.run_if_all_started(now, sequence);
        }
    }

    /// Reports that a container of a [`Effect::Start`] could not be started. `reason` is the container's, for instance
    /// `CannotStartContainerError: …`.
    pub fn start_failed(&mut self, now: Millis, container: &ContainerId, reason: &str) {
        let Some(sequence) = self.of(container) else { return };
        let ended = Phase::Ended { exit_code: None, reason: Some(reason.to_owned()) };
        if self.set(sequence, container.index, ended, |phase| *phase == Phase::Starting) {
            self.stop(now, sequence, StopCode::TaskFailedToStart, "Task failed to start".to_owned());
            self.deprovision_if_ended(now, sequence);
        }
    }

    /// Reports that a container ended: with its exit code, or 128 and the number of the signal that killed it, as
    /// Docker counts.
    pub fn exited(&mut self, now: Millis, container: &ContainerId, exit_code: i32) {
        let Some(sequence) = self.of(container) else { return };
        let ended = Phase::Ended { exit_code: Some(exit_code), reason: None };
        if !self.set(sequence, container.index, ended, |phase| matches!(phase, Phase::Starting | Phase::Running { .. }))
        {
            return;
        }
        let Some(task) = self.tasks.get(&sequence) else { return };
        let essential = task.definition.spec.container_definitions[container.index].essential;
        match task.status {
            Status::Running if task.stop.is_none() && essential => self.essential_exited(now, sequence),
            Status::Running if task.stop.is_none() => self.changed(now, sequence),
            // Before RUNNING: looked at when the other containers have started.
            _ => self.run_if_all_started(now, sequence),
        }
        self.deprovision_if_ended(now, sequence);
    }

    /// The first step of a new task.
    pub(super) fn begin(&mut self, now: Millis, sequence: u64) {
        let stuck = self.tasks.get(&sequence).is_some_and(|task| task.stuck);
        if !stuck {
            let dwell = self.dwell(self.config.dwell.provisioning);
            self.schedule(now + dwell, sequence);
        }
    }

    /// The task leaves the state it is in because its time there is over.
    fn step(&mut self, now: Millis, sequence: u64) {
        let Some(task) = self.tasks.get_mut(&sequence) else { return };
        match task.status {
            Status::Provisioning => {
                if let Some(failure) = task.start_failure.take_if(|it| it.stage == StartStage::Provisioning) {
                    return self.fail_to_start(now, sequence, failure);
                }
                task.status = Status::Pending;
                task.times.pull_started = Some(now);
                self.changed(now, sequence);
                let dwell = self.dwell(self.config.dwell.pending);
                self.schedule(now + dwell, sequence);
            }
            Status::Pending => {
                if let Some(failure) = task.start_failure.take() {
                    return self.fail_to_start(now, sequence, failure);
                }
                task.times.pull_stopped = Some(now);
                self.start_containers(now, sequence);
            }
            Status::Activating => self.run(now, sequence),
            Status::Deactivating => self.stop_containers(now, sequence),
            Status::Deprovisioning => self.finish(now, sequence),
            Status::Running | Status::Stopping | Status::Stopped => {}
        }
    }

    fn start_containers(&mut self, now: Millis, sequence: u64) {
        let Some(task) = self.tasks.get(&sequence) else { return };
        let definition = task.definition.clone();
        let overrides = Overrides::of(&task.overrides).unwrap_or_default();
        let task_arn = task.arn.clone();
        let mut launches = Vec::new();
        for (index, spec) in definition.spec.container_definitions.iter().enumerate() {
            // A sidecar without a program of its own on this machine (a log router, say) only seems to run.
            let (_, known) = self.config.image(&spec.image);
            let phase = if self.config.runner == Runner::Process && (spec.essential || known) {
                let container = ContainerId { task_arn: task_arn.clone(), index };
                match self.launch(container, spec, &overrides) {
                    Ok(launch) => launches.push(launch),
                    Err(failure) => return self.fail_to_start(now, sequence, failure),
                }
                Phase::Starting
            } else {
                Phase::Running { process: false }
            };
            self.set(sequence, index, phase, |_| true);
        }
        self.effects.extend(launches.into_iter().map(Effect::Start));
        self.run_if_all_started(now, sequence);
    }

    /// The container as a process.
    ///
    /// ContainerOverride.command "overrides the default command from the Docker image or the task definition",
    /// the entry point stays; .environment adds variables or overrides existing ones. A secret wins over both: it is
    /// injected last.
    fn launch(
        &self,
        container: ContainerId,
        spec: &ContainerSpec,
        overrides: &Overrides,
    ) -> Result<Launch, StartFailure> {
        let own = overrides.container_overrides.iter().find(|own| own.name.as_ref() == Some(&spec.name));
        let command = own.and_then(|own| own.command.as_ref()).unwrap_or(&spec.command);
        let overridden = own.into_iter().flat_map(|own| &own.environment);
        let mut environment: BTreeMap<String, String> = spec
            .environment
            .iter()
            .chain(overridden)
            .map(|variable| (variable.name.clone(), variable.value.clone()))
            .collect();
        for secret in &spec.secrets {
            let value = self.config.secrets.resolve(&secret.value_from);
            let value = value.ok_or_else(|| StartFailure::missing_secret(&secret.value_from))?;
            environment.insert(secret.name.clone(), value);
        }
        Ok(Launch {
            container,
            name: spec.name.clone(),
            image: spec.image.clone(),
            command: spec.entry_point.iter().chain(command).cloned().collect(),
            environment: Environment(environment),
        })
    }

    /// The task never runs: its containers end without exit code.
    fn fail_to_start(&mut self, now: Millis, sequence: u64, failure: StartFailure) {
        if let Some(task) = self.tasks.get_mut(&sequence) {
            for container in &mut task.containers {
                container.phase = Phase::Ended { exit_code: None, reason: failure.container_reason.clone() };
            }
        }
        self.stop(now, sequence, StopCode::TaskFailedToStart, failure.stopped_reason);
    }

    fn run_if_all_started(&mut self, now: Millis, sequence: u64) {
        let Some(task) = self.tasks.get_mut(&sequence) else { return };
        let waiting = |phase: &Phase| matches!(phase, Phase::Waiting | Phase::Starting);
        if task.status != Status::Pending || task.stop.is_some() || task.containers.iter().any(|it| waiting(&it.phase))
        {
            return;
        }
        match self.config.dwell.activating {
            None => self.run(now, sequence),
            Some(dwell) => {
                task.status = Status::Activating;
                self.changed(now, sequence);
                let dwell = self.dwell(dwell);
                self.schedule(now + dwell, sequence);
            }
        }
    }

    fn run(&mut self, now: Millis, sequence: u64) {
        let runner = self.config.runner;
        let Some(task) = self.tasks.get_mut(&sequence) else { return };
        task.status = Status::Running;
        task.times.started = Some(now);
        let interrupt_after = task.interrupt_after;
        self.changed(now, sequence);
        if let Some(after) = interrupt_after {
            self.at(now + after, Due::Interrupt(sequence));
        }
        let Some(task) = self.tasks.get_mut(&sequence) else { return };
        if let Runner::Instant { exit_code } = runner {
            for container in &mut task.containers {
                container.phase = Phase::Ended { exit_code: Some(exit_code), reason: None };
            }
        }
        // A short-lived container may have ended before the task was RUNNING.
        let specs = &task.definition.spec.container_definitions;
        let ended = |phase: &Phase| matches!(phase, Phase::Ended { .. });
        if task.containers.iter().zip(specs).any(|(container, spec)| spec.essential && ended(&container.phase)) {
            self.essential_exited(now, sequence);
        }
    }

    fn essential_exited(&mut self, now: Millis, sequence: u64) {
        let reason = "Essential container in task exited".to_owned();
        self.stop(now, sequence, StopCode::EssentialContainerExited, reason);
    }

    /// From now on the task is to be STOPPED. Only the first cause counts.
    pub(super) fn stop(&mut self, now: Millis, sequence: u64, code: StopCode, reason: String) {
        let Some(task) = self.tasks.get_mut(&sequence).filter(|task| task.stop.is_none()) else { return };
        task.stop = Some((code, reason));
        // Whatever was due next is off.
        task.step = 0;
        let live = task.containers.iter().any(super::task::Container::is_live);
        if live {
            // Desired and last status differ for a while; AWS tells of that before anything ends.
            self.changed(now, sequence);
        }
        let Some(task) = self.tasks.get_mut(&sequence) else { return };
        match self.config.dwell.deactivating {
            Some(dwell) if task.status == Status::Running => {
                task.status = Status::Deactivating;
                self.changed(now, sequence);
                let dwell = self.dwell(dwell);
                self.schedule(now + dwell, sequence);
            }
            _ => self.stop_containers(now, sequence),
        }
    }

    /// SIGTERM to what runs, SIGKILL after the stop timeout; on to DEPROVISIONING if nothing does.
    fn stop_containers(&mut self, now: Millis, sequence: u64) {
        let Some(task) = self.tasks.get_mut(&sequence) else { return };
        task.times.stopping = Some(now);
        let timeout = |index: usize| {
            let seconds = task.definition.spec.container_definitions[index].stop_timeout;
            seconds.map_or(STOP_TIMEOUT, |seconds| u64::try_from(seconds).unwrap_or(0) * 1000)
        };
        let live: Vec<(usize, Millis)> = (0..task.containers.len())
            .filter(|index| task.containers[*index].is_live())
            .map(|index| (index, timeout(index)))
            .collect();
        if live.is_empty() {
            return self.deprovision(now, sequence);
        }
        task.status = Status::Stopping;
        let task_arn = task.arn.clone();
        self.changed(now, sequence);
        for (index, timeout) in live {
            let container = ContainerId { task_arn: task_arn.clone(), index };
            self.effects.push(Effect::Signal(container, Signal::Terminate));
            self.at(now + timeout, Due::Kill(sequence, index));
        }
    }

    fn kill(&mut self, sequence: u64, index: usize) {
        let Some(task) = self.tasks.get(&sequence) else { return };
        if task.containers[index].is_live() {
            let container = ContainerId { task_arn: task.arn.clone(), index };
            self.effects.push(Effect::Signal(container, Signal::Kill));
        }
    }

    fn deprovision_if_ended(&mut self, now: Millis, sequence: u64) {
        let Some(task) = self.tasks.get(&sequence) else { return };
        if task.status == Status::Stopping && !task.containers.iter().any(super::task::Container::is_live) {
            self.deprovision(now, sequence);
        }
    }

    fn deprovision(&mut self, now: Millis, sequence: u64) {
        let Some(task) = self.tasks.get_mut(&sequence) else { return };
        task.status = Status::Deprovisioning;
        if task.times.started.is_some() {
            task.times.execution_stopped = Some(now);
        }
        for container in &mut task.containers {
            // A sidecar that seemed to run ends with its task, and well; one that never started has no exit code.
            match container.phase {
                Phase::Running { process: false } => {
                    container.phase = Phase::Ended { exit_code: Some(0), reason: None };
                }
                Phase::Waiting => container.phase = Phase::Ended { exit_code: None, reason: None },
                _ => {}
            }
        }
        self.changed(now, sequence);
        let dwell = self.dwell(self.config.dwell.deprovisioning);
        self.schedule(now + dwell, sequence);
    }

    fn finish(&mut self, now: Millis, sequence: u64) {
        let Some(task) = self.tasks.get_mut(&sequence) else { return };
        task.status = Status::Stopped;
        task.times.stopped = Some(now);
        let (cluster, task_arn, token) = (task.cluster.clone(), task.arn.clone(), task.client_token.clone());
        self.changed(now, sequence);
        let retention = self.config.retention;
        self.at(now + retention, Due::Forget(sequence));
        if let Some(token) = token {
            self.at(now + TOKEN_AFTERLIFE, Due::ReleaseToken { cluster, token, task_arn });
        }
    }

    fn forget(&mut self, sequence: u64) {
        let Some(task) = self.tasks.remove(&sequence) else { return };
        self.sequences.remove(&task.id);
    }

    /// Time in a state; none for tasks that run in no time.
    fn dwell(&self, dwell: u64) -> u64 {
        if matches!(self.config.runner, Runner::Instant { .. }) { 0 } else { dwell }
    }

    fn schedule(&mut self, at: Millis, sequence: u64) {
        let step = self.count();
        if let Some(task) = self.tasks.get_mut(&sequence) {
            task.step = step;
        }
        self.at(at, Due::Step(sequence, step));
    }

    fn of(&self, container: &ContainerId) -> Option<u64> {
        let id = container.task_arn.rsplit('/').next()?;
        let sequence = *self.sequences.get(id)?;
        (container.index < self.tasks.get(&sequence)?.containers.len()).then_some(sequence)
    }

    /// Moves a container to `phase` if it is where it should be for that.
    fn set(&mut self, sequence: u64, index: usize, phase: Phase, from: impl Fn(&Phase) -> bool) -> bool {
        let container = self.tasks.get_mut(&sequence).and_then(|task| task.containers.get_mut(index));
        let Some(container) = container.filter(|container| from(&container.phase)) else { return false };
        container.phase = phase;
        true
    }
}
