//! The report for people: what ran, what failed and why, what lies in the dead-letter queue, what it took.

use dispatch::message::ScheduledRun;

use super::{
    board::{Board, State},
    report::{Ending, Report, tail},
    table,
};
use crate::{
    grid::{self, Cell},
    output::{BAD, DIM, GOOD, HEAD, paint},
};

/// How much of a body is shown, in columns.
const BODY: usize = 48;

/// The summary as text.
pub(crate) fn text(report: &Report, board: &Board) -> String {
    let mut lines = table::lines(&board.entries(), None);
    failed_tasks(report, &mut lines);
    refused_runs(report, &mut lines);
    dead_letters(report, &mut lines);
    lines.push(String::new());
    lines.push(counts(report));
    let calls: Vec<String> = report.calls.iter().map(|(operation, count)| format!("{operation} {count}")).collect();
    if !calls.is_empty() {
        lines.push(paint(DIM, format_args!("calls of the dispatcher: {}", calls.join(", "))));
    }
    lines.push(verdict(report));
    let mut text = lines.join("\n");
    text.push('\n');
    text
}

fn heading(lines: &mut Vec<String>, title: &str) {
    lines.push(String::new());
    lines.push(paint(HEAD, title));
}

fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

fn failed_tasks(report: &Report, lines: &mut Vec<String>) {
    let failed: Vec<_> = report.runs.iter().filter(|run| run.state == State::Stopped && run.failed).collect();
    if failed.is_empty() {
        return;
    }
    heading(lines, "Failed tasks");
    for run in failed {
        let name = clean(run.name.as_deref().unwrap_or(&run.source));
        let how = run.exit_code.map_or_else(
            || run.stopped_reason.clone().unwrap_or_else(|| "did not start".to_owned()),
            |code| format!("exit code {code}"),
        );
        lines.push(format!("  {name}: {}", paint(BAD, clean(&how))));
        if let Some(path) = &run.log_file {
            lines.push(format!("    {}", path.display()));
            lines.extend(tail(path).iter().map(|line| format!("    {} {}", paint(DIM, "│"), clean(line))));
        }
    }
}

fn refused_runs(report: &Report, lines: &mut Vec<String>) {
    let refused: Vec<_> =
        report.runs.iter().filter(|run| matches!(run.state, State::Crashed | State::Buried)).collect();
    if refused.is_empty() {
        return;
    }
    heading(lines, "Refused");
    for run in refused {
        let name = clean(run.name.as_deref().unwrap_or(&run.source));
        let code = run.code.as_deref().unwrap_or("-");
        lines.push(format!("  {name}: {} {}", paint(BAD, code), clean(run.summary.as_deref().unwrap_or_default())));
        for text in [&run.detail, &run.resolution].into_iter().flatten() {
            lines.extend(text.lines().map(|line| format!("    {}", clean(line))));
        }
    }
}

fn dead_letters(report: &Report, lines: &mut Vec<String>) {
    if report.dead_letters.is_empty() {
        return;
    }
    heading(lines, "Dead-letter queue");
    let cells: Vec<Vec<Cell>> = report
        .dead_letters
        .iter()
        .map(|letter| {
            vec![
                Cell::new(""),
                Cell::new(letter.code.as_deref().unwrap_or("-")).styled(BAD),
                Cell::new(letter.summary.as_deref().unwrap_or("came back too often")),
                Cell::new(run_in(&letter.body)).styled(DIM),
            ]
        })
        .collect();
    lines.extend(grid::lines(&cells, None));
}

/// The run of a message, else the beginning of its body.
fn run_in(body: &str) -> String {
    let run = ScheduledRun::parse(body).ok();
    let name = run.map(|run| run.run.and_then(|inline| inline.name).unwrap_or_else(|| run.flow_run_id.to_string()));
    name.unwrap_or_else(|| grid::cut(body, BODY))
}

fn counts(report: &Report) -> String {
    let count = |name: &str| report.counts.get(name).copied().unwrap_or(0);
    let plural = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let failed = count("failed_tasks");
    let mut parts = vec![
        plural(count("messages"), "message", "messages"),
        format!("{} succeeded", count("stopped").saturating_sub(failed)),
        format!("{failed} failed"),
    ];
    for state in [State::Crashed, State::Buried, State::Adopted, State::NotOurs] {
        let count = count(state.word());
        if count > 0 {
            parts.push(format!("{count} {}", state.word().replace('_', " ")));
        }
    }
    format!("{} in {:.1} s", parts.join(", "), report.seconds)
}

fn verdict(report: &Report) -> String {
    let lost = report.runs.iter().filter(|run| !run.done).count();
    match report.ending {
        Ending::Complete if lost == 0 => paint(GOOD, "Every message reached a recorded outcome."),
        Ending::Complete | Ending::TimedOut => {
            paint(BAD, format_args!("{lost} without an outcome when time was over."))
        }
        Ending::Interrupted => paint(BAD, format_args!("Interrupted; {lost} without an outcome.")),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use super::*;
    use crate::dev::{report::DeadLetter, table::tests::some_board};

    #[test]
    fn a_summary_says_what_failed_why_and_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("prefect.log");
        std::fs::write(&log, "1\n2\n3\n4\n5\n\nthe last \u{1b}[31mline\n").unwrap();
        let board = some_board();
        let letter = DeadLetter {
            message_id: "x".into(),
            code: Some("PP0401".into()),
            summary: Some("The message cannot be read".into()),
            detail: None,
            body: "poison that is far too long to be shown in a table of dead letters".into(),
        };
        let report = Report::new(
            &board,
            Ending::TimedOut,
            "http://127.0.0.1:1".into(),
            Duration::from_millis(2_345),
            vec![letter, DeadLetter { body: "{}".into(), ..DeadLetter::default() }],
            BTreeMap::from([("ecs:RunTask".to_owned(), 3)]),
            |_| Some(log.clone()),
        );
        let text = anstream::adapter::strip_str(&text(&report, &board)).to_string();
        insta::assert_snapshot!(text.replace(log.to_str().unwrap(), "LOG"));
        assert!(!report.is_good(false), "two have no outcome");
    }

    #[test]
    fn only_strict_minds_what_failed() {
        let report = |ending| {
            let (board, none) = (some_board(), BTreeMap::new());
            let mut report = Report::new(&board, ending, String::new(), Duration::ZERO, Vec::new(), none, |_| None);
            report.runs.retain(|run| run.done);
            report
        };
        assert!(report(Ending::Complete).is_good(false) && !report(Ending::Complete).is_good(true));
        assert!(!report(Ending::Interrupted).is_good(false));
    }
}
