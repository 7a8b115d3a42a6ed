//! The result of a `dev`: everything the summary says, as data; `--output json` prints it as it is.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

use super::board::{Board, Row, State};

/// How many lines of a failed task's log the summary shows.
const TAIL: usize = 5;

/// How much of a log is read for its last lines, in bytes.
const TAIL_BYTES: u64 = 16 * 1024;

/// How the feeding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// Every message reached its end.
    Complete,
    /// The time was over first.
    TimedOut,
    /// Ctrl-C.
    Interrupted,
}

/// A message in the dead-letter queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct DeadLetter {
    pub(crate) message_id: String,
    /// Attribute `ErrorCode`; a message that SQS moved there itself has none.
    pub(crate) code: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) body: String,
}

/// One message and what became of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Run {
    pub(crate) source: String,
    pub(crate) message_id: Option<String>,
    pub(crate) flow_run_id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) work_pool: Option<String>,
    pub(crate) state: State,
    pub(crate) done: bool,
    pub(crate) failed: bool,
    pub(crate) due_to_launch_seconds: Option<f64>,
    pub(crate) task_arn: Option<String>,
    pub(crate) task_definition_arn: Option<String>,
    pub(crate) exit_code: Option<i64>,
    pub(crate) stop_code: Option<String>,
    pub(crate) stopped_reason: Option<String>,
    pub(crate) hand_backs: u32,
    pub(crate) note: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) summary: Option<String>,
    pub(crate) detail: Option<String>,
    pub(crate) resolution: Option<String>,
    pub(crate) log_file: Option<PathBuf>,
}

/// All of it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) ending: Ending,
    pub(crate) endpoint: String,
    pub(crate) seconds: f64,
    pub(crate) counts: BTreeMap<&'static str, usize>,
    pub(crate) runs: Vec<Run>,
    pub(crate) dead_letters: Vec<DeadLetter>,
    /// Calls the dispatcher made, by `service:Operation`.
    pub(crate) calls: BTreeMap<String, u64>,
}

impl Report {
    /// A report of the board as it stands.
    pub(crate) fn new(
        board: &Board,
        ending: Ending,
        endpoint: String,
        elapsed: Duration,
        dead_letters: Vec<DeadLetter>,
        calls: BTreeMap<String, u64>,
        log_file: impl Fn(&str) -> Option<PathBuf>,
    ) -> Self {
        let rows = board.rows();
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::from([
            ("messages", rows.len()),
            ("failed_tasks", rows.iter().filter(|row| row.state == State::Stopped && row.has_failed()).count()),
            ("without_outcome", rows.iter().filter(|row| !row.is_done()).count()),
            ("dead_letters", dead_letters.len()),
        ]);
        for state in State::ALL {
            counts.insert(state.word(), rows.iter().filter(|row| row.state == state).count());
        }
        Self {
            ending,
            endpoint,
            seconds: (elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            counts,
            runs: rows.iter().map(|row| run_of(row, &log_file)).collect(),
            dead_letters,
            calls,
        }
    }

    /// Whether no message was lost; with `strict`, whether nothing failed either.
    pub(crate) fn is_good(&self, strict: bool) -> bool {
        self.ending == Ending::Complete && self.runs.iter().all(|run| run.done && !(strict && run.failed))
    }
}

fn run_of(row: &Row, log_file: impl Fn(&str) -> Option<PathBuf>) -> Run {
    // An adopted task is its owner's to tell about.
    let task = row.task.as_ref().filter(|_| row.state != State::Adopted);
    let of_reason = |field: fn(&super::news::Reason) -> &String| {
        row.reason.as_ref().map(field).filter(|text| !text.is_empty()).cloned()
    };
    Run {
        source: row.source.clone(),
        message_id: row.message_id.clone(),
        flow_run_id: row.attempt.map(|attempt| attempt.flow_run_id.to_string()),
        name: row.attempt.map(|_| row.name.clone()),
        work_pool: Some(row.work_pool.clone()).filter(|name| !name.is_empty()),
        state: row.state,
        done: row.is_done(),
        failed: row.has_failed(),
        due_to_launch_seconds: row.due_to_launch,
        task_arn: row.task_arn().map(str::to_owned),
        task_definition_arn: task.and_then(|task| task.definition_arn.clone()),
        exit_code: row.exit_code(),
        stop_code: task.and_then(|task| task.stop_code.clone()),
        stopped_reason: task.and_then(|task| task.stopped_reason.clone()),
        hand_backs: row.hand_backs,
        note: row.note.clone(),
        code: of_reason(|reason| &reason.code),
        summary: of_reason(|reason| &reason.summary),
        detail: of_reason(|reason| &reason.detail),
        resolution: of_reason(|reason| &reason.resolution),
        log_file: task.and_then(|task| log_file(&task.task_arn)).filter(|path| path.exists()),
    }
}

/// The last lines of a file, as far as it can be read.
pub(crate) fn tail(path: &Path) -> Vec<String> {
    use std::io::{Read, Seek, SeekFrom};

    let read = || -> std::io::Result<Vec<u8>> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let text = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(TAIL)..].iter().map(|line| (*line).to_owned()).collect()
}
