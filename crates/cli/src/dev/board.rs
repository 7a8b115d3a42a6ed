//! Where every message stands: one row a message, moved by [`News`].
//!
//! News come from three sides and in any order: ECS may tell of a task before the dispatcher tells that it launched it.
//! So a row only ever moves forward, except that a message which goes back to the queue is queued again. A row is done
//! when its fate is recorded *and* its task, if it has one of its own, has stopped.

use std::{collections::HashMap, time::Duration};

use dispatch::message::ScheduledRun;
use ecs::Attempt;
use jiff::Timestamp;
use serde::Serialize;

use super::{
    feed::Sample,
    news::{About, Fate, News, Reason, Task},
    table::{self, Entry, Rank},
};
use crate::output::{BAD, BUSY, DIM, GOOD, ODD, paint};

/// Columns of the bar.
const BAR: usize = 24;

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// In the run queue.
    Queued,
    /// Received by a dispatcher.
    Claimed,
    /// It has a task.
    Launched,
    /// The task's containers run.
    Running,
    /// The task has stopped.
    Stopped,
    /// There will be no task: the run was refused.
    Crashed,
    /// In the dead-letter queue: nobody could read the message, or it came back too often.
    Buried,
    /// Another delivery of the same attempt had its task already.
    Adopted,
    /// Not to be launched by this message.
    NotOurs,
}

impl State {
    pub(crate) const ALL: [Self; 9] = [
        Self::Queued,
        Self::Claimed,
        Self::Launched,
        Self::Running,
        Self::Stopped,
        Self::Crashed,
        Self::Buried,
        Self::Adopted,
        Self::NotOurs,
    ];

    /// The word for people and programs alike.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Claimed => "claimed",
            Self::Launched => "launched",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
            Self::Buried => "buried",
            Self::Adopted => "adopted",
            Self::NotOurs => "not_ours",
        }
    }

    fn is_final(self) -> bool {
        self >= Self::Stopped
    }
}

/// One message.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) source: String,
    pub(crate) name: String,
    pub(crate) work_pool: String,
    pub(crate) message_id: Option<String>,
    pub(crate) attempt: Option<Attempt>,
    expected: Option<Timestamp>,
    sent: Option<Timestamp>,
    pub(crate) state: State,
    /// Whether a dispatcher has told what became of it.
    recorded: bool,
    /// Seconds from when it was due, but not before it was sent, to its launch.
    pub(crate) due_to_launch: Option<f64>,
    pub(crate) task: Option<Task>,
    /// Why it is where it is.
    pub(crate) reason: Option<Reason>,
    /// The same in a few words, where there is no code.
    pub(crate) note: Option<String>,
    pub(crate) hand_backs: u32,
}

impl Row {
    fn new(source: String, body: &str) -> Self {
        let run = ScheduledRun::parse(body).ok();
        let name = run.as_ref().map(|run| {
            let own = run.run.as_ref().and_then(|inline| inline.name.clone());
            own.unwrap_or_else(|| run.flow_run_id.to_string().chars().take(8).collect())
        });
        Self {
            name: name.unwrap_or_else(|| "(unreadable)".to_owned()),
            work_pool: run.as_ref().map(|run| run.work_pool.clone()).unwrap_or_default(),
            message_id: None,
            attempt: run.as_ref().map(ScheduledRun::attempt),
            expected: run.map(|run| run.expected_start_time),
            sent: None,
            state: State::Queued,
            recorded: false,
            due_to_launch: None,
            task: None,
            reason: None,
            note: None,
            hand_backs: 0,
            source,
        }
    }

    /// Whether nothing more is to come.
    pub(crate) fn is_done(&self) -> bool {
        self.state.is_final() && (self.recorded || self.state != State::Stopped)
    }

    /// Whether it is done and did not do what its owner wanted.
    pub(crate) fn has_failed(&self) -> bool {
        match self.state {
            State::Crashed | State::Buried => true,
            State::Stopped => self.exit_code() != Some(0),
            _ => false,
        }
    }

    pub(crate) fn task_arn(&self) -> Option<&str> {
        self.task.as_ref().map(|task| task.task_arn.as_str())
    }

    /// What the table shows of it.
    pub(crate) fn entry(&self) -> Entry {
        let style = match self.state {
            _ if self.has_failed() => BAD,
            State::Queued => DIM,
            State::Claimed | State::Launched | State::Running => BUSY,
            State::Stopped => GOOD,
            State::Adopted | State::NotOurs => ODD,
            State::Crashed | State::Buried => BAD,
        };
        let reason = self.reason.as_ref().map(|reason| format!("{} {}", reason.code, reason.summary));
        let note: Vec<String> = [self.note.clone(), reason].into_iter().flatten().collect();
        Entry {
            name: if self.attempt.is_some() { self.name.clone() } else { self.source.clone() },
            work_pool: self.work_pool.clone(),
            state: self.state.word().replace('_', " "),
            style,
            due_to_launch: self.due_to_launch,
            task_arn: self.task_arn().map(str::to_owned),
            exit_code: self.exit_code(),
            note: note.join(": "),
            rank: match self.state {
                _ if self.is_done() => Rank::Done,
                State::Queued => Rank::Waits,
                _ => Rank::Moves,
            },
            ..Entry::default()
        }
    }

    /// Exit code of its own task.
    pub(crate) fn exit_code(&self) -> Option<i64> {
        if self.state == State::Adopted { None } else { self.task.as_ref()?.exit_code }
    }

    fn owns(&self, task_arn: &str) -> bool {
        self.state != State::Adopted && self.task_arn() == Some(task_arn)
    }
}

/// All messages.
#[derive(Debug)]
pub(crate) struct Board {
    rows: Vec<Row>,
    by_message: HashMap<String, usize>,
}

impl Board {
    /// A board of messages that are to be sent.
    pub(crate) fn new(samples: &[Sample]) -> Self {
        let rows = samples.iter().map(|sample| Row::new(sample.source.clone(), &sample.body)).collect();
        Self { rows, by_message: HashMap::new() }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// What the table shows.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.rows.iter().map(Row::entry).collect()
    }

    /// What fits into a terminal: the table, and the bar below it.
    pub(crate) fn frame(&self, elapsed: Duration, width: usize, height: usize) -> Vec<String> {
        table::frame(&self.entries(), vec![bar(self, elapsed)], width, height)
    }

    /// How many rows are done.
    pub(crate) fn done(&self) -> usize {
        self.rows.iter().filter(|row| row.is_done()).count()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done() == self.rows.len()
    }

    /// The message of row `index` is in the queue under this id.
    pub(crate) fn sent(&mut self, index: usize, message_id: String, now: Timestamp) {
        self.rows[index].sent = Some(now);
        self.rows[index].message_id = Some(message_id.clone());
        self.by_message.insert(message_id, index);
    }

    /// Applies news; the row that took a step, if one did.
    pub(crate) fn apply(&mut self, news: News, now: Timestamp) -> Option<usize> {
        match news {
            News::Taken { message_id, body } => self.taken(message_id, &body, now),
            News::Outcome { about, fate } => self.outcome(&about, fate, now),
            News::Task(task) => self.task(task),
            News::Dead { message_id } => self.dead(&message_id),
            News::Trouble(_) => None,
        }
    }

    fn taken(&mut self, message_id: String, body: &str, now: Timestamp) -> Option<usize> {
        let index = match self.by_message.get(&message_id) {
            Some(index) => *index,
            None => {
                // Sent by somebody else, or one of ours that was handed back and came as a new message.
                let attempt = ScheduledRun::parse(body).ok().map(|run| run.attempt());
                let waiting = attempt.and_then(|attempt| {
                    self.rows.iter().position(|row| row.attempt == Some(attempt) && row.state == State::Queued)
                });
                let index = waiting.unwrap_or_else(|| self.add(Row::new("sent to the queue".to_owned(), body), now));
                self.rows[index].message_id = Some(message_id.clone());
                self.by_message.insert(message_id, index);
                index
            }
        };
        let row = &mut self.rows[index];
        if row.state != State::Queued {
            return None;
        }
        row.state = State::Claimed;
        Some(index)
    }

    fn add(&mut self, row: Row, now: Timestamp) -> usize {
        self.rows.push(Row { sent: Some(now), ..row });
        self.rows.len() - 1
    }

    fn outcome(&mut self, about: &About, fate: Fate, now: Timestamp) -> Option<usize> {
        let index = match &fate {
            Fate::Launched { task_arn } => self.row_of_launch(about, task_arn, now)?,
            _ => self.row_of(about, now)?,
        };
        let adopted = matches!(&fate, Fate::Launched { task_arn } if self.rows.iter().enumerate()
            .any(|(other, row)| other != index && row.owns(task_arn)));
        let row = &mut self.rows[index];
        let before = row.state;
        match fate {
            Fate::Launched { task_arn } if adopted => {
                row.state = State::Adopted;
                row.recorded = true;
                row.task = Some(Task { task_arn, ..Task::default() });
                row.note = Some("the task of an earlier delivery".to_owned());
            }
            Fate::Launched { task_arn } => {
                let due = row.expected.into_iter().chain(row.sent).max();
                row.due_to_launch = due.map(|due| now.duration_since(due).as_secs_f64().max(0.0));
                row.recorded = true;
                row.reason = None;
                row.note = None;
                if !row.owns(&task_arn) {
                    row.task = Some(Task { task_arn, attempt: about.attempt, ..Task::default() });
                    row.state = State::Launched;
                }
            }
            Fate::HandedBack { reason, delay } => {
                row.state = State::Queued;
                row.hand_backs += 1;
                row.attempt = about.attempt.map(|attempt| attempt.handed_back());
                row.note = Some(format!("handed back for {} s", delay.as_secs()));
                row.reason = Some(reason);
                return Some(index);
            }
            Fate::Crashed(reason) => {
                row.state = State::Crashed;
                row.recorded = true;
                row.reason = Some(reason);
            }
            Fate::Malformed(reason) => {
                row.state = State::Buried;
                row.recorded = true;
                row.reason = Some(reason);
            }
            Fate::NotOurs { reason } => {
                row.state = State::NotOurs;
                row.recorded = true;
                row.note = Some(reason);
            }
            Fate::Deferred { reason, delay } => {
                row.state = State::Queued;
                row.note = Some(format!("{reason}: again in {} s", delay.as_secs()));
                return Some(index);
            }
            Fate::Returned(reason) => {
                // With a task it was the answer that got lost; the next delivery finds the task.
                if row.task.is_none() {
                    row.state = State::Queued;
                }
                row.note = Some("returned to the queue".to_owned());
                row.reason = Some(reason);
                return Some(index);
            }
        }
        // That it is recorded as well is nothing to see.
        (before != row.state).then_some(index)
    }

    /// The message an outcome is about: by its id, else the first of its attempt that has no outcome yet.
    fn row_of(&mut self, about: &About, now: Timestamp) -> Option<usize> {
        if let Some(index) = about.message_id.as_ref().and_then(|id| self.by_message.get(id)) {
            return Some(*index);
        }
        let attempt = about.attempt?;
        let of_attempt = |row: &Row| row.attempt == Some(attempt);
        if let Some(index) = self.rows.iter().position(|row| of_attempt(row) && !row.recorded) {
            return Some(index);
        }
        // Of somebody else, and only the log told of it.
        (!self.rows.iter().any(of_attempt)).then(|| self.add_unseen(about, now))
    }

    /// The first delivery has the task; each further one adopts it.
    fn row_of_launch(&mut self, about: &About, task_arn: &str, now: Timestamp) -> Option<usize> {
        let owner = self.rows.iter().position(|row| row.owns(task_arn) && !row.recorded);
        owner.or_else(|| self.row_of(about, now))
    }

    fn add_unseen(&mut self, about: &About, now: Timestamp) -> usize {
        let mut row = Row::new("sent to the queue".to_owned(), "");
        row.attempt = about.attempt;
        row.work_pool = about.work_pool.clone().unwrap_or_default();
        if let Some(attempt) = about.attempt {
            row.name = attempt.flow_run_id.to_string().chars().take(8).collect();
        }
        self.add(row, now)
    }

    fn task(&mut self, task: Task) -> Option<usize> {
        let index = self.rows.iter().position(|row| row.owns(&task.task_arn)).or_else(|| {
            let attempt = task.attempt?;
            self.rows.iter().position(|row| row.attempt == Some(attempt) && row.task.is_none() && !row.recorded)
        })?;
        let state = match task.last_status.as_str() {
            "PROVISIONING" | "PENDING" | "ACTIVATING" => State::Launched,
            "STOPPED" => State::Stopped,
            _ => State::Running,
        };
        let row = &mut self.rows[index];
        let moved = state > row.state || row.state == State::Launched && row.task.is_none();
        row.state = row.state.max(state);
        if row.state == State::Stopped && task.exit_code.is_none() {
            row.note.clone_from(&task.stopped_reason);
        }
        row.task = Some(task);
        moved.then_some(index)
    }

    /// SQS itself moves a message that came back too often; whoever buries one by hand has told so already.
    fn dead(&mut self, message_id: &str) -> Option<usize> {
        let index = *self.by_message.get(message_id)?;
        let row = &mut self.rows[index];
        if row.is_done() {
            return None;
        }
        row.state = State::Buried;
        row.recorded = true;
        row.note = Some("came back too often".to_owned());
        Some(index)
    }
}

/// How many rows are done, as a bar.
pub(crate) fn bar(board: &Board, elapsed: Duration) -> String {
    let (done, all) = (board.done(), board.rows().len());
    let full = (done * BAR).checked_div(all).unwrap_or(BAR);
    let filled = paint(GOOD, "█".repeat(full));
    let empty = paint(DIM, "░".repeat(BAR - full));
    format!("{filled}{empty} {done} of {all} done, {:.0} s", elapsed.as_secs_f64().floor())
}

#[cfg(test)]
mod tests;
