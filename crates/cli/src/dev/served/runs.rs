//! The table of runs: what the server says of each, and what became of its task.

use prefect_ids::FlowRunId;
use std::{collections::HashMap, time::Duration};

use anstyle::Style;
use prefect_api::models::{FlowRun, StateType};
use serde::Serialize;

use super::news::News;
use crate::{
    dev::{
        news::Task,
        table::{self, Entry, Rank},
    },
    grid,
    output::{BAD, BUSY, DIM, GOOD, ODD, paint},
};

/// One run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Run {
    pub(crate) flow_run_id: FlowRunId,
    pub(crate) name: Option<String>,
    /// "flow/deployment".
    pub(crate) deployment: Option<String>,
    pub(crate) work_pool: Option<String>,
    /// Name of its state on the server.
    pub(crate) state: Option<String>,
    #[serde(skip)]
    state_type: Option<StateType>,
    /// Seconds from when it was due to its last launch.
    pub(crate) due_to_launch_seconds: Option<f64>,
    pub(crate) task_arn: Option<String>,
    pub(crate) task_status: Option<String>,
    pub(crate) exit_code: Option<i64>,
    /// How many tasks it has had.
    pub(crate) tasks: usize,
    pub(crate) note: Option<String>,
    /// What it waits for while it is due.
    pub(crate) waits_for: Option<String>,
    pub(crate) ended: bool,
}

impl Run {
    fn new(flow_run_id: FlowRunId) -> Self {
        Self {
            flow_run_id,
            name: None,
            deployment: None,
            work_pool: None,
            state: None,
            state_type: None,
            due_to_launch_seconds: None,
            task_arn: None,
            task_status: None,
            exit_code: None,
            tasks: 0,
            note: None,
            waits_for: None,
            ended: false,
        }
    }

    /// What there is to say about it besides its columns.
    fn remark(&self) -> Option<&str> {
        self.waits_for.as_deref().or(self.note.as_deref())
    }

    /// Its name, or the beginning of its id while the name is not known.
    pub(crate) fn shown(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.flow_run_id.to_string().chars().take(8).collect())
    }

    fn style(&self) -> Style {
        match self.state_type {
            Some(StateType::Completed) => GOOD,
            Some(StateType::Failed | StateType::Crashed) => BAD,
            Some(StateType::Cancelled | StateType::Cancelling | StateType::Paused) => ODD,
            Some(StateType::Pending | StateType::Running) => BUSY,
            _ => DIM,
        }
    }

    /// Whether it ended otherwise than its owner wanted.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.state_type, Some(StateType::Failed | StateType::Crashed))
    }

    /// What the table shows of it.
    pub(crate) fn entry(&self) -> Entry {
        Entry {
            name: self.shown(),
            deployment: self.deployment.clone().unwrap_or_default(),
            work_pool: self.work_pool.clone().unwrap_or_default(),
            state: self.state.clone().unwrap_or_else(|| "launched".to_owned()),
            style: self.style(),
            due_to_launch: self.due_to_launch_seconds,
            task_arn: self.task_arn.clone(),
            task_status: self.task_status.clone().unwrap_or_default(),
            exit_code: self.exit_code,
            note: self.remark().unwrap_or_default().to_owned(),
            rank: match self.state_type {
                _ if self.ended => Rank::Done,
                Some(StateType::Scheduled) => Rank::Waits,
                _ => Rank::Moves,
            },
        }
    }

    /// What changed, in a line.
    pub(crate) fn line(&self, elapsed: Duration) -> String {
        self.entry().line(elapsed)
    }
}

/// All runs, in the order they were first heard of.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    runs: Vec<Run>,
    by_id: HashMap<FlowRunId, usize>,
}

impl Runs {
    pub(crate) fn all(&self) -> &[Run] {
        &self.runs
    }

    /// How many have ended, and their tasks with them.
    pub(crate) fn ended(&self) -> usize {
        let stopped = |run: &&Run| run.task_status.as_deref().is_none_or(|status| status == "STOPPED");
        self.runs.iter().filter(|run| run.ended).filter(stopped).count()
    }

    /// Runs to ask the server about: those that have not ended, the youngest first.
    pub(crate) fn open(&self, most: usize) -> Vec<FlowRunId> {
        self.runs.iter().rev().filter(|run| !run.ended).map(|run| run.flow_run_id).take(most).collect()
    }

    /// Applies news; the runs that took a step.
    pub(crate) fn apply(&mut self, news: News) -> Vec<usize> {
        match news {
            News::Launched { run, work_pool, due_to_launch } => {
                let (index, run) = self.run(run);
                run.work_pool = Some(work_pool);
                run.due_to_launch_seconds = Some(due_to_launch);
                // What it was handed back for is over. That it has a task, ECS tells.
                run.note = None;
                run.waits_for = None;
                run.task_arn.is_none().then_some(index).into_iter().collect()
            }
            News::Noted { run, work_pool, note } => {
                let (index, run) = self.run(run);
                run.work_pool = work_pool.or_else(|| run.work_pool.take());
                run.note = Some(note);
                vec![index]
            }
            News::Task(task) => self.task(&task).into_iter().collect(),
            News::Runs { asked, found, called } => {
                let gone = asked.iter().filter(|id| !found.iter().any(|run| run.id == **id)).copied();
                let gone: Vec<usize> = gone.collect::<Vec<_>>().into_iter().filter_map(|id| self.gone(id)).collect();
                found.iter().filter_map(|run| self.told(run, &called)).chain(gone).collect()
            }
            News::UnderWay { found, called, mut waiting, first } => {
                let mut moved = Vec::new();
                for told in &found {
                    let before = self.by_id.contains_key(&told.id);
                    let step = self.told(told, &called);
                    let (index, run) = self.run(told.id);
                    let waits_for = waiting.remove(&told.id);
                    let waits = waits_for.is_some() && run.waits_for != waits_for;
                    run.waits_for = waits_for;
                    // What was launched from here is in the table before it is asked for.
                    if first && !before && told.state_type() != StateType::Scheduled {
                        run.note = Some("launched before this `dev` started".to_owned());
                    }
                    moved.extend(step.or_else(|| waits.then_some(index)));
                }
                moved
            }
            News::Serving(_) | News::Trouble(_) | News::Silence(_) => Vec::new(),
        }
    }

    fn run(&mut self, id: FlowRunId) -> (usize, &mut Run) {
        let index = *self.by_id.entry(id).or_insert_with(|| {
            self.runs.push(Run::new(id));
            self.runs.len() - 1
        });
        (index, &mut self.runs[index])
    }

    fn task(&mut self, task: &Task) -> Option<usize> {
        let (index, run) = self.run(task.attempt?.flow_run_id);
        let known = run.task_arn.as_deref() == Some(&task.task_arn);
        if !known {
            // An event of an earlier task that comes late.
            if run.task_arn.is_some() && task.last_status == "STOPPED" {
                return None;
            }
            run.tasks += 1;
            run.task_arn = Some(task.task_arn.clone().into());
        }
        run.exit_code = task.exit_code;
        let moved = run.task_status.as_deref() != Some(&task.last_status);
        run.task_status = Some(task.last_status.clone());
        moved.then_some(index)
    }

    fn told(&mut self, told: &FlowRun, called: &HashMap<FlowRunId, String>) -> Option<usize> {
        let (index, run) = self.run(told.id);
        run.name.clone_from(&told.name);
        if let Some(deployment) = called.get(&told.id) {
            run.deployment = Some(deployment.clone());
        }
        if told.work_pool_name.is_some() {
            run.work_pool.clone_from(&told.work_pool_name);
        }
        let state = told.state.as_ref()?;
        let name = state.name.clone().unwrap_or_else(|| state.state_type.name().to_owned());
        let moved = run.state.as_ref() != Some(&name);
        run.state = Some(name);
        run.state_type = Some(state.state_type);
        run.ended = state.state_type.is_final();
        if state.state_type != StateType::Scheduled {
            run.waits_for = None;
        }
        if run.has_failed() && run.note.is_none() {
            run.note.clone_from(&state.message);
        }
        moved.then_some(index)
    }

    fn gone(&mut self, id: FlowRunId) -> Option<usize> {
        let (index, run) = self.run(id);
        run.state = Some("deleted".to_owned());
        run.ended = true;
        Some(index)
    }

    /// What the table shows.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.runs.iter().map(Run::entry).collect()
    }

    /// What fits into a terminal: the table, a line about the server if there is something to say, and a line that counts.
    pub(crate) fn frame(&self, width: usize, height: usize, server: Option<&str>) -> Vec<String> {
        let failed = self.runs.iter().filter(|run| run.has_failed()).count();
        let count = format!("{} runs, {} ended, {failed} failed. Ctrl-C ends.", self.runs.len(), self.ended());
        let server = server.map(|text| paint(BAD, grid::cut(&table::printable(text), width)));
        let below = server.into_iter().chain([paint(DIM, grid::cut(&count, width))]).collect();
        table::frame(&self.entries(), below, width, height)
    }
}

#[cfg(test)]
mod tests {
    use ecs::Attempt;
    use prefect_ids::StateId;
    use serde_json::json;

    use super::*;

    fn id() -> FlowRunId {
        FlowRunId::from_u128(7)
    }

    fn task(number: u128, status: &str, exit_code: Option<i64>) -> News {
        News::Task(Task {
            task_arn: format!("arn:aws:ecs:r:1:task/default/{number:032x}").into(),
            attempt: Some(Attempt { flow_run_id: id(), state_id: StateId::from_u128(number) }),
            last_status: status.to_owned(),
            exit_code,
            ..Task::default()
        })
    }

    fn state(state_type: &str, name: &str, message: Option<&str>) -> News {
        let found: FlowRun = serde_json::from_value(json!({
            "id": id(), "flow_id": id(), "name": "keen-otter", "work_pool_name": "p",
            "state": {"id": id(), "type": state_type, "name": name, "timestamp": "2026-01-01T00:00:00Z",
                "message": message},
        }))
        .unwrap();
        News::Runs { asked: vec![id()], found: vec![found], called: [(id(), "hello/nightly".to_owned())].into() }
    }

    fn under_way(state_type: &str, name: &str, waits_for: Option<&str>, first: bool) -> News {
        let News::Runs { found, called, .. } = state(state_type, name, None) else { unreachable!() };
        let waiting = waits_for.map(|text| (id(), text.to_owned())).into_iter().collect();
        News::UnderWay { found, called, waiting, first }
    }

    fn line(runs: &Runs) -> String {
        anstream::adapter::strip_str(&runs.all()[0].line(Duration::from_secs(1))).to_string()
    }

    #[test]
    fn a_run_that_waits_for_a_slot_is_there_with_what_it_waits_for() {
        let mut runs = Runs::default();
        let full = Some("waits for the slot of the work pool, which is in use");
        assert_eq!(runs.apply(under_way("SCHEDULED", "Late", full, false)), [0]);
        assert!(line(&runs).contains("keen-otter of hello/nightly Late (waits for the slot"), "{}", line(&runs));
        assert!(runs.apply(under_way("SCHEDULED", "Late", full, false)).is_empty(), "nothing new");
        assert_eq!(runs.open(10), [id()]);
        runs.apply(News::Launched { run: id(), work_pool: "p".into(), due_to_launch: 9.0 });
        assert!(!line(&runs).contains("waits"), "{}", line(&runs));
        let frame = table::lines(&runs.entries(), None).join("\n");
        assert!(frame.contains("DEPLOYMENT") && frame.contains("hello/nightly"), "{frame}");
    }

    #[test]
    fn after_a_restart_the_runs_in_flight_are_there() {
        let mut runs = Runs::default();
        runs.apply(under_way("RUNNING", "Running", None, true));
        assert!(line(&runs).contains("Running (launched before this `dev` started)"), "{}", line(&runs));
        // What this one launches itself is nothing special, whatever is heard of it first.
        let mut runs = Runs::default();
        runs.apply(under_way("PENDING", "Pending", None, false));
        runs.apply(News::Launched { run: id(), work_pool: "p".into(), due_to_launch: 0.5 });
        assert!(!line(&runs).contains("before"), "{}", line(&runs));
    }

    #[test]
    fn a_run_goes_its_way_under_its_name() {
        let mut runs = Runs::default();
        assert_eq!(runs.apply(News::Launched { run: id(), work_pool: "p".into(), due_to_launch: 0.5 }), [0]);
        assert_eq!(runs.apply(task(1, "RUNNING", None)), [0]);
        assert_eq!(runs.apply(state("RUNNING", "Running", None)), [0]);
        assert!(runs.apply(state("RUNNING", "Running", None)).is_empty(), "nothing new");
        assert_eq!(runs.open(10), [id()]);
        runs.apply(task(1, "STOPPED", Some(0)));
        runs.apply(state("COMPLETED", "Completed", None));
        let run = &runs.all()[0];
        assert_eq!((run.shown().as_str(), run.ended, run.exit_code, run.tasks), ("keen-otter", true, Some(0), 1));
        assert!(runs.open(10).is_empty());
        let line = anstream::adapter::strip_str(&run.line(Duration::from_secs(1))).to_string();
        assert!(line.contains("keen-otter of hello/nightly Completed task 00000000 STOPPED exit code 0"), "{line}");
    }

    #[test]
    fn a_late_event_of_an_earlier_task_changes_nothing() {
        let mut runs = Runs::default();
        runs.apply(task(1, "RUNNING", None));
        runs.apply(task(2, "RUNNING", None));
        assert!(runs.apply(task(1, "STOPPED", Some(1))).is_empty());
        let run = &runs.all()[0];
        assert_eq!((run.tasks, run.task_status.as_deref(), run.exit_code), (2, Some("RUNNING"), None));
    }

    #[test]
    fn a_run_that_failed_says_why_and_a_deleted_one_is_over() {
        let mut runs = Runs::default();
        runs.apply(state("CRASHED", "Crashed", Some("no such image")));
        assert!(runs.all()[0].has_failed());
        assert_eq!(runs.all()[0].note.as_deref(), Some("no such image"));
        runs.apply(News::Runs { asked: vec![id()], found: Vec::new(), called: HashMap::new() });
        assert_eq!(runs.all()[0].state.as_deref(), Some("deleted"));
    }

    #[test]
    fn a_frame_fits_its_terminal() {
        let mut runs = Runs::default();
        for number in 0..50 {
            runs.apply(News::Launched { run: FlowRunId::from_u128(number), work_pool: "p".into(), due_to_launch: 0.1 });
        }
        for height in 6..30 {
            assert!(runs.frame(60, height, Some("the server does not answer")).len() < height, "height {height}");
        }
    }
}
