//! The table of runs, the same with and without a Prefect server, live and in the summary; and the line that a step of a run is
//! where no table can be drawn. [`Board`](super::board) and [`Runs`](super::served) say what stands in it.

use std::{cmp::Reverse, time::Duration};

use anstyle::Style;

use crate::{
    grid::{self, Cell},
    output::{BAD, DIM, HEAD, paint},
};

/// What the table shows of a run. Empty texts are fields that are not known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// "flow/deployment".
    pub(crate) deployment: String,
    pub(crate) work_pool: String,
    pub(crate) state: String,
    pub(crate) style: Style,
    /// Seconds from when it was due to its launch.
    pub(crate) due_to_launch: Option<f64>,
    pub(crate) task_arn: Option<String>,
    pub(crate) task_status: String,
    pub(crate) exit_code: Option<i64>,
    pub(crate) note: String,
    /// Where it stands when not all fit: what moves comes first.
    pub(crate) rank: Rank,
}

/// How much a run is worth seeing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// It is under way.
    Moves,
    /// It waits.
    #[default]
    Waits,
    /// Nothing more is to come.
    Done,
}

impl Entry {
    /// The last part of the task's ARN, short enough for a table.
    fn short_task(&self) -> String {
        let id = self.task_arn.as_deref().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
        id.chars().take(8).collect()
    }

    /// One step of the run as a line.
    pub(crate) fn line(&self, elapsed: Duration) -> String {
        let mut line =
            format!("{} {}", paint(DIM, format_args!("{:8.3}", elapsed.as_secs_f64())), printable(&self.name));
        if !self.deployment.is_empty() {
            line.push_str(&format!(" of {}", printable(&self.deployment)));
        }
        line.push_str(&format!(" {}", paint(self.style, &self.state)));
        if self.task_arn.is_some() {
            line.push_str(&format!(" task {}", self.short_task()));
        }
        if !self.task_status.is_empty() {
            line.push_str(&format!(" {}", self.task_status));
        }
        if let Some(exit_code) = self.exit_code {
            line.push_str(&format!(" exit code {exit_code}"));
        }
        if !self.note.is_empty() {
            line.push_str(&format!(" ({})", printable(&self.note)));
        }
        line
    }

    fn cells(&self) -> Vec<Cell> {
        let exit_style = if self.exit_code.is_some_and(|code| code != 0) { BAD } else { Style::new() };
        vec![
            Cell::new(&self.name),
            Cell::new(&self.deployment),
            Cell::new(&self.work_pool),
            Cell::new(&self.state).styled(self.style),
            Cell::new(self.due_to_launch.map(|it| format!("{it:.2} s")).unwrap_or_default()).right(),
            Cell::new(self.short_task()),
            Cell::new(&self.task_status),
            Cell::new(self.exit_code.map(|code| code.to_string()).unwrap_or_default()).styled(exit_style).right(),
            Cell::new(&self.note).styled(DIM),
        ]
    }
}

/// Names and messages come from users: what could move the cursor is shown as the replacement character.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

const HEADINGS: [&str; 9] =
    ["RUN", "DEPLOYMENT", "WORK POOL", "STATE", "DUE TO LAUNCH", "TASK", "TASK STATUS", "EXIT", "NOTE"];

/// Columns that are left out when no run has anything in them: without a server there are no deployments.
const OPTIONAL: [usize; 2] = [1, 6];

/// The runs as lines under a heading.
pub(crate) fn lines<'a>(entries: impl IntoIterator<Item = &'a Entry>, width: Option<usize>) -> Vec<String> {
    let mut cells = vec![HEADINGS.map(|heading| Cell::new(heading).styled(HEAD)).to_vec()];
    cells.extend(entries.into_iter().map(Entry::cells));
    let empty = |column: usize| cells.iter().skip(1).all(|row| row[column].plain().is_empty());
    for column in OPTIONAL.into_iter().rev().filter(|column| empty(*column)).collect::<Vec<_>>() {
        for row in &mut cells {
            row.remove(column);
        }
    }
    grid::lines(&cells, width)
}

/// What fits into a terminal, with these lines below it: what moves first, then what waits, then what was done last.
pub(crate) fn frame(entries: &[Entry], below: Vec<String>, width: usize, height: usize) -> Vec<String> {
    // The heading, and a line for the cursor.
    let room = height.saturating_sub(2 + below.len()).max(1);
    let hidden = entries.len().saturating_sub(room);
    let mut shown: Vec<usize> = (0..entries.len()).collect();
    if hidden > 0 {
        shown.sort_by_key(|index| {
            let rank = entries[*index].rank;
            (rank, Reverse(if rank == Rank::Done { *index } else { 0 }))
        });
        shown.truncate(room.saturating_sub(1));
        shown.sort_unstable();
    }
    let mut frame = lines(shown.iter().map(|index| &entries[*index]), Some(width));
    if hidden > 0 {
        frame.push(paint(DIM, grid::cut(&format!("… and {} more", entries.len() - shown.len()), width)));
    }
    frame.extend(below);
    frame
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::dev::{
        board::{Board, bar},
        feed::Sample,
        news::{About, Fate, News, Reason, Task},
    };

    /// A board with one row of each kind that people meet.
    pub(crate) fn some_board() -> Board {
        let body = |number: u32, name: &str| {
            format!(
                r#"{{"version":1,"flow_run_id":"00000000-0000-4000-8000-{number:012}","state_id":"00000000-0000-4000-8000-000000000000","expected_start_time":"2026-01-01T00:00:00Z","work_pool":"demo","run":{{"name":"{name}"}}}}"#
            )
        };
        let sample = |source: &str, body: String| Sample { source: source.to_owned(), body };
        let samples = [
            sample("a.json", body(1, "amber-otter")),
            sample("a.json", body(1, "amber-otter")),
            sample("b.json", body(2, "late-quail")),
            sample("c.json", body(3, "mute-robin")),
            sample("poison.txt", "poison".to_owned()),
            sample("d.json", body(4, "keen-plover")),
            sample("e.json", body(5, "waiting-日本")),
        ];
        let mut board = Board::new(&samples);
        let start: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
        let at = |milliseconds: i64| start + SignedDuration::from_millis(milliseconds);
        for index in 0..samples.len() {
            board.sent(index, format!("m{index}"), at(0));
        }
        let about = |board: &Board, index: usize| About { attempt: board.rows()[index].attempt, ..About::default() };
        let reason = |code: &str, summary: &str| Reason {
            code: code.into(),
            summary: summary.into(),
            detail: "what was seen".into(),
            resolution: "what to do".into(),
        };
        let arn = |id: char| format!("arn:aws:ecs:us-east-1:000000000000:task/default/{}", String::from(id).repeat(32));
        let mut outcome = |index: usize, fate: Fate| {
            let about = about(&board, index);
            board.apply(News::Outcome { about, fate }, at(120));
        };
        outcome(0, Fate::Launched { task_arn: arn('a').into() });
        outcome(0, Fate::Launched { task_arn: arn('a').into() });
        outcome(2, Fate::Launched { task_arn: arn('b').into() });
        outcome(3, Fate::Crashed(reason("PP0105", "Job variables do not fit the work pool")));
        outcome(5, Fate::Launched { task_arn: arn('c').into() });
        let malformed = Fate::Malformed(reason("PP0401", "The message cannot be read"));
        let by_id = About { message_id: Some("m4".into()), ..About::default() };
        board.apply(News::Outcome { about: by_id, fate: malformed }, at(120));
        for (id, status, exit_code) in [('a', "STOPPED", Some(0)), ('b', "STOPPED", Some(3)), ('c', "RUNNING", None)] {
            let task = Task { task_arn: arn(id).into(), last_status: status.into(), exit_code, ..Task::default() };
            board.apply(News::Task(task), at(900));
        }
        board
    }

    fn plain(lines: &[String]) -> String {
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn a_table_of_every_kind_of_row() {
        insta::assert_snapshot!(plain(&lines(&some_board().entries(), None)));
    }

    #[test]
    fn a_frame_fits_its_terminal_and_keeps_what_moves() {
        let board = some_board();
        let seconds = Duration::from_millis(2_700);
        insta::assert_snapshot!(plain(&board.frame(seconds, 70, 7)));
        for height in 4..20 {
            assert!(board.frame(seconds, 70, height).len() < height, "height {height}");
        }
        let all = plain(&board.frame(seconds, 200, 40));
        assert!(!all.contains("more") && all.ends_with("5 of 7 done, 2 s"), "{all}");
    }

    #[test]
    fn an_empty_board_is_done() {
        assert!(plain(&[bar(&Board::new(&[]), Duration::ZERO)]).ends_with("0 of 0 done, 0 s"));
    }
}
