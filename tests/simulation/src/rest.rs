//! When a world has come to rest, and whether it may rest like that.

use local::ecs::{Status, TaskView};
use prefect_api::models::StateType;
use serde_json::Value;
use uuid::Uuid;

use super::{
    ledger::{Rule, attempt, is_final},
    world::{EVENTS, QUEUES, RUN, RUN_FIFO, World},
};

impl World {
    /// Whether nothing is left to be done: every run has ended, or runs in a live task, or is due later; and no message
    /// about runs is under way.
    pub(super) fn is_at_rest(&mut self) -> bool {
        let now = self.millis();
        for queue in [RUN, RUN_FIFO, EVENTS] {
            let depths = self.sqs.depths(now, queue);
            if depths.is_none_or(|depths| depths.visible + depths.in_flight + depths.delayed > 0) {
                return false;
            }
        }
        let tasks = self.ecs.tasks();
        let runs: Vec<Uuid> = self.runs.iter().flatten().copied().collect();
        let settled = |run: Uuid| {
            let Some(state) = self.state_of(run) else { return true };
            let live = live_tasks(&tasks, run).next().is_some();
            match state.state_type {
                StateType::Scheduled => self.waits_for_ever(run),
                StateType::Running => live,
                state if is_final(state) => !live,
                _ => false,
            }
        };
        let unrecorded = |task: &&TaskView| {
            let run = task.started_by.as_deref().and_then(attempt).map(|attempt| attempt.flow_run_id.uuid());
            let recorded = run.and_then(|run| self.pid_of(run));
            !recorded.is_some_and(|recorded| recorded.ends_with(&task.task_arn))
        };
        // A task of a deleted run, and one whose record is late, are the reconciler's.
        let unknown = tasks.iter().filter(|task| task.status != Status::Stopped).any(|task| unrecorded(&task));
        !unknown && runs.into_iter().all(settled)
    }

    /// Checks what holds at the end.
    pub(super) fn check_end(&mut self, rested: bool) {
        let tasks = self.ecs.tasks();
        let runs: Vec<Uuid> = self.runs.iter().flatten().copied().collect();
        for run in runs {
            self.check_run(run, &tasks, rested);
        }
        self.checked(Rule::EveryTaskKnown);
        for task in tasks.iter().filter(|task| task.status != Status::Stopped) {
            let started_by = task.started_by.as_deref().unwrap_or_default();
            let run = attempt(started_by).map(|attempt| attempt.flow_run_id.uuid());
            let recorded = run.and_then(|run| self.pid_of(run)).map(str::to_owned);
            if !recorded.as_ref().is_some_and(|recorded| recorded.ends_with(&task.task_arn)) {
                let what = format!("{} lives for {started_by}, whose record is {recorded:?}", task.task_arn);
                self.violate(Rule::EveryTaskKnown, what);
            }
        }
        self.check_dead_letters();
        if !rested {
            let now = self.millis();
            for queue in QUEUES {
                let bodies = self.sqs.bodies(now, queue).unwrap_or_default();
                self.note(|| format!("left in {queue}: {}", bodies.len()));
            }
            let any = self.ledger.violations.is_empty();
            if any {
                self.violate(Rule::EndsOrLives, "messages or tasks without a run are left");
            }
        }
    }

    fn check_run(&mut self, run: Uuid, tasks: &[TaskView], rested: bool) {
        let Some(state) = self.state_of(run).cloned() else { return };
        let live = live_tasks(tasks, run).count();
        self.checked(Rule::EndsOrLives);
        self.checked(Rule::NoneLeftPending);
        self.checked(Rule::FinalIsFinal);
        let name = state.state_type.name();
        if state.state_type == StateType::Pending && live == 0 {
            self.violate(Rule::NoneLeftPending, format!("{run} is PENDING and has no task"));
        } else if self.waits_for_ever(run) {
            self.checked(Rule::NoStarvation);
            if state.state_type == StateType::Crashed {
                let what = format!("{run} crashed, and was to wait until its deployment's limit is raised");
                self.violate(Rule::NoStarvation, what);
            }
        } else if state.state_type == StateType::Scheduled && !rested && self.others_cannot_start(run) {
            self.violate(Rule::NoStarvation, format!("{run} waits behind runs that cannot start"));
        } else if !is_final(state.state_type) && live == 0 && !rested {
            self.violate(Rule::EndsOrLives, format!("{run} is {name} and has no task"));
        }
        if let Some(was) = self.displaced_end(run) {
            self.violate(Rule::FinalIsFinal, format!("{run} was {} and is {name}", was.name()));
        }
    }

    /// Whether the run is of a deployment whose limit is 0 and stays so.
    fn waits_for_ever(&self, run: Uuid) -> bool {
        let planned = self.runs.iter().position(|it| *it == Some(run)).map(|number| self.scenario.runs[number]);
        planned.is_some_and(|run| run.closed) && self.scenario.closed.is_some_and(|closed| !closed.opens)
    }

    /// Whether there are runs in the pool of this one that cannot start.
    fn others_cannot_start(&self, run: Uuid) -> bool {
        let pool = self.ledger.pool_of.get(&run).copied();
        let stuck = |it: &super::scenario::Run| it.closed || it.poison != super::server::Poison::None;
        self.scenario.runs.iter().any(|it| Some(it.pool) == pool && stuck(it)) || self.scenario.unreadable == pool
    }

    fn check_dead_letters(&mut self) {
        let now = self.millis();
        self.checked(Rule::OnlyPoisonIsDead);
        let mut dead = self.sqs.bodies(now, "dlq").unwrap_or_default();
        dead.extend(self.sqs.bodies(now, "dlq.fifo").unwrap_or_default());
        for body in &dead {
            if !self.ledger.poison.contains(body) {
                let body: String = body.chars().take(200).collect();
                self.violate(Rule::OnlyPoisonIsDead, format!("in the dead-letter queue: {body}"));
            }
        }
        for poison in self.ledger.poison.clone() {
            if !dead.contains(&poison) {
                self.violate(Rule::OnlyPoisonIsDead, format!("not in the dead-letter queue: {poison}"));
            }
        }
    }

    /// The answer to a claim that every claim is taken to have.
    pub(super) fn taken_for_granted(&self, claim: &prefect_api::Request) -> Option<String> {
        let run = Uuid::try_parse(claim.path.split('/').nth(2)?).ok()?;
        let body: Value = serde_json::from_str(claim.body.as_deref()?).ok()?;
        let mut state = body["state"].clone();
        let transition = state["state_details"]["transition_id"].as_str().and_then(|id| Uuid::try_parse(id).ok())?;
        let claimed = self.server.states(run).iter().find(|state| {
            ecs::Attempt { flow_run_id: run.into(), state_id: state.id.into() }.transition_id() == transition
        })?;
        state["id"] = serde_json::json!(claimed.id);
        state["timestamp"] = serde_json::json!(claimed.timestamp);
        state["state_details"]["scheduled_time"] = serde_json::json!(claimed.state_details.scheduled_time);
        Some(serde_json::json!({"status": "ACCEPT", "details": {}, "state": state}).to_string())
    }

    /// A run as it would be if its last state by time held.
    pub(super) fn last_by_time(
        &self,
        request: &prefect_api::Request,
        answer: prefect_api::Response,
    ) -> prefect_api::Response {
        let run = request.path.strip_prefix("/flow_runs/").and_then(|id| Uuid::try_parse(id).ok());
        let last = run.and_then(|run| self.server.states(run).iter().max_by_key(|state| state.timestamp));
        let (Some(last), prefect_api::Method::Get) = (last, request.method) else { return answer };
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        body["state_id"] = serde_json::json!(last.id);
        body["state"] = serde_json::json!(last);
        prefect_api::Response { body: body.to_string().into_bytes(), ..answer }
    }

    /// What a message is taken for by a protocol with a bug in it.
    pub(super) fn misread(&self, mutation: super::mutation::Mutation, body: &str) -> Option<Value> {
        use super::mutation::Mutation;
        let mut message: Value = serde_json::from_str(body).ok()?;
        let id = |value: &Value| value.as_str().and_then(|id| Uuid::try_parse(id).ok());
        match mutation {
            Mutation::AnyStateId => {
                let run = id(&message["flow_run_id"])?;
                message["state_id"] = self.state_of(run)?.id.to_string().into();
            }
            Mutation::AnyTask => {
                let run = attempt(message["detail"]["startedBy"].as_str()?)?.flow_run_id.uuid();
                let states = self.server.states(run);
                let scheduled = states.iter().rev().find(|state| state.state_type == StateType::Scheduled)?;
                message["detail"]["startedBy"] = format!("{run}/{}", scheduled.id).into();
                if let Some((_, task)) = self.pid_of(run).and_then(|it| it.split_once("::")) {
                    message["detail"]["taskArn"] = task.into();
                }
            }
            _ => return None,
        }
        Some(message.to_string().into())
    }
}

fn live_tasks(tasks: &[TaskView], run: Uuid) -> impl Iterator<Item = &TaskView> {
    tasks.iter().filter(move |task| {
        task.status != Status::Stopped
            && task.started_by.as_deref().and_then(attempt).is_some_and(|attempt| attempt.flow_run_id.uuid() == run)
    })
}
