//! The table of runs, the same live and in the summary, and the bar below it.

use std::time::Duration;

use anstyle::Style;

use super::board::{Board, Row, State};
use crate::{
    grid::{self, Cell},
    output::{BAD, BUSY, DIM, GOOD, HEAD, ODD, paint},
};

/// Columns of the bar.
const BAR: usize = 24;

/// How a row's state looks.
pub(crate) fn style_of(row: &Row) -> Style {
    match row.state {
        _ if row.has_failed() => BAD,
        State::Queued => DIM,
        State::Claimed | State::Launched | State::Running => BUSY,
        State::Stopped => GOOD,
        State::Adopted | State::NotOurs => ODD,
        State::Crashed | State::Buried => BAD,
    }
}

/// Why the row is where it is, in one line.
pub(crate) fn note(row: &Row) -> String {
    let reason = row.reason.as_ref().map(|reason| format!("{} {}", reason.code, reason.summary));
    let parts: Vec<String> = [row.note.clone(), reason].into_iter().flatten().collect();
    parts.join(": ")
}

/// The rows as lines under a heading.
pub(crate) fn lines<'a>(rows: impl IntoIterator<Item = &'a Row>, width: Option<usize>) -> Vec<String> {
    let headings = ["RUN", "WORK POOL", "STATE", "DUE TO LAUNCH", "TASK", "EXIT", "NOTE"];
    let mut cells = vec![headings.map(|heading| Cell::new(heading).styled(HEAD)).to_vec()];
    cells.extend(rows.into_iter().map(|row| {
        let name = if row.attempt.is_some() { row.name.clone() } else { row.source.clone() };
        let seconds = row.due_to_launch.map(|seconds| format!("{seconds:.2} s"));
        let exit = row.exit_code();
        let exit_style = if exit.is_some_and(|code| code != 0) { BAD } else { Style::new() };
        vec![
            Cell::new(name),
            Cell::new(&row.work_pool),
            Cell::new(row.state.word().replace('_', " ")).styled(style_of(row)),
            Cell::new(seconds.unwrap_or_default()).right(),
            Cell::new(row.short_task().unwrap_or_default()),
            Cell::new(exit.map(|code| code.to_string()).unwrap_or_default()).styled(exit_style).right(),
            Cell::new(note(row)).styled(DIM),
        ]
    }));
    grid::lines(&cells, width)
}

/// How many rows are done, as a bar.
pub(crate) fn bar(board: &Board, elapsed: Duration) -> String {
    let (done, all) = (board.done(), board.rows().len());
    let full = (done * BAR).checked_div(all).unwrap_or(BAR);
    let filled = paint(GOOD, "█".repeat(full));
    let empty = paint(DIM, "░".repeat(BAR - full));
    format!("{filled}{empty} {done} of {all} done, {:.0} s", elapsed.as_secs_f64().floor())
}

/// What fits into `height` lines, the bar included: what moves first, then what was done last.
pub(crate) fn frame(board: &Board, elapsed: Duration, width: usize, height: usize) -> Vec<String> {
    let room = height.saturating_sub(3).max(1);
    let all = board.rows();
    let hidden = all.len().saturating_sub(room);
    let mut shown: Vec<usize> = (0..all.len()).collect();
    if hidden > 0 {
        // A stable sort: among equals, the order of the messages stays.
        shown.sort_by_key(|index| (all[*index].is_done(), all[*index].state == State::Queued));
        shown.truncate(room.saturating_sub(1));
        shown.sort_unstable();
    }
    let mut frame = lines(shown.iter().map(|index| &all[*index]), Some(width));
    if hidden > 0 {
        frame.push(paint(DIM, grid::cut(&format!("… and {} more", all.len() - shown.len()), width)));
    }
    frame.push(bar(board, elapsed));
    frame
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::dev::{
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
        outcome(0, Fate::Launched { task_arn: arn('a') });
        outcome(0, Fate::Launched { task_arn: arn('a') });
        outcome(2, Fate::Launched { task_arn: arn('b') });
        outcome(3, Fate::Crashed(reason("PP0105", "Job variables do not fit the work pool")));
        outcome(5, Fate::Launched { task_arn: arn('c') });
        let malformed = Fate::Malformed(reason("PP0401", "The message cannot be read"));
        let by_id = About { message_id: Some("m4".into()), ..About::default() };
        board.apply(News::Outcome { about: by_id, fate: malformed }, at(120));
        for (id, status, exit_code) in [('a', "STOPPED", Some(0)), ('b', "STOPPED", Some(3)), ('c', "RUNNING", None)] {
            let task = Task { task_arn: arn(id), last_status: status.into(), exit_code, ..Task::default() };
            board.apply(News::Task(task), at(900));
        }
        board
    }

    fn plain(lines: &[String]) -> String {
        anstream::adapter::strip_str(&lines.join("\n")).to_string()
    }

    #[test]
    fn a_table_of_every_kind_of_row() {
        insta::assert_snapshot!(plain(&lines(some_board().rows(), None)));
    }

    #[test]
    fn a_frame_fits_its_terminal_and_keeps_what_moves() {
        let board = some_board();
        let seconds = Duration::from_millis(2_700);
        insta::assert_snapshot!(plain(&frame(&board, seconds, 70, 7)));
        for height in 4..20 {
            assert!(frame(&board, seconds, 70, height).len() < height, "height {height}");
        }
        let all = plain(&frame(&board, seconds, 200, 40));
        assert!(!all.contains("more") && all.ends_with("5 of 7 done, 2 s"), "{all}");
    }

    #[test]
    fn an_empty_board_is_done() {
        assert!(plain(&[bar(&Board::new(&[]), Duration::ZERO)]).ends_with("0 of 0 done, 0 s"));
    }
}
