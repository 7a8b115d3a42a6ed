//! What `pushpool deploy` shows.

use std::fmt::Write;

use deploy::{Findings, Outcome, Planned, Problem};
use manage::plan::{Change, Kind};
use serde_json::json;
use steps::{Line, Output, Stream};

use super::args::Form;
use crate::{
    error::CliError,
    output::{self, BAD, BUSY, DIM, GOOD, HEAD, ODD, paint, say},
};

/// Output of steps, line by line with the name of the step.
pub(super) struct StepOutput;

impl Output for StepOutput {
    fn line(&self, line: Line<'_>) {
        let style = if line.stream == Stream::Warning { ODD } else { DIM };
        say(format_args!("{} {}", paint(style, format_args!("{} │", line.step)), line.text));
    }
}

/// Problems and warnings, each with what to do.
pub(super) fn findings(findings: &Findings) {
    findings.warnings.iter().for_each(|it| tell(it, &paint(ODD, "warning:")));
    findings.problems.iter().for_each(|it| tell(it, &paint(BAD, "error:")));
}

fn tell(problem: &Problem, head: &str) {
    say(format_args!("{head} {problem} {}", paint(DIM, format_args!("[{}]", problem.code))));
    if !problem.help.is_empty() {
        say(format_args!("  {}", problem.help));
    }
}

/// The plan.
///
/// # Errors
/// Standard output does not take it.
pub(super) fn plan(planned: &Planned, form: Form, without_outputs: bool) -> Result<(), CliError> {
    let text = match form {
        Form::Text => text(planned, without_outputs),
        Form::Json => document(planned, None),
        Form::Markdown => markdown(planned, None),
    };
    output::data(&text).map_err(CliError::WriteOutput)
}

/// What became of the plan.
///
/// # Errors
/// Standard output does not take it.
pub(super) fn outcome(form: Form, planned: &Planned, outcomes: &[Outcome]) -> Result<(), CliError> {
    let text = match form {
        Form::Text => lines(outcomes),
        Form::Json => document(planned, Some(outcomes)),
        Form::Markdown => markdown(planned, Some(outcomes)),
    };
    output::data(&text).map_err(CliError::WriteOutput)
}

fn mark(kind: Kind) -> (&'static str, anstyle::Style) {
    match kind {
        Kind::Create => ("+", GOOD),
        Kind::Update | Kind::Send => ("~", BUSY),
        Kind::Delete => ("-", BAD),
    }
}

fn text(planned: &Planned, without_outputs: bool) -> String {
    let mut text = String::new();
    for change in &planned.plan.changes {
        let (mark, style) = mark(change.kind);
        let _ = writeln!(text, "{} {}", paint(style, mark), paint(HEAD, &change.object));
        for field in &change.fields {
            let _ = writeln!(text, "    {}", shown(change, field));
        }
    }
    let _ = writeln!(text, "{}", summary(planned));
    if without_outputs {
        let _ = writeln!(text, "Steps did not run: `{{{{ ... }}}}` stands for their outputs.");
    }
    text
}

fn shown<S>(change: &Change<S>, field: &manage::plan::Field) -> String {
    // A value of several lines stays on its own.
    let value = |value: &Option<String>| value.as_deref().unwrap_or("(none)").replace('\n', "\\n");
    let new = value(&field.new);
    match change.kind {
        Kind::Create => format!("{}: {new}", field.name),
        _ => format!("{}: {} -> {new}", field.name, paint(DIM, value(&field.old))),
    }
}

fn counts(planned: &Planned) -> [(usize, &'static str); 4] {
    let count = |kind: Kind| planned.plan.changes.iter().filter(|change| change.kind == kind).count();
    [
        (count(Kind::Create), "to create"),
        (count(Kind::Update), "to change"),
        (count(Kind::Delete), "to delete"),
        (planned.unchanged.len(), "unchanged"),
    ]
}

fn summary(planned: &Planned) -> String {
    let parts: Vec<String> =
        counts(planned).iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if planned.plan.is_empty() {
        format!("No changes: {} deployment(s) are as wanted.", planned.unchanged.len())
    } else {
        format!("Plan: {}", parts.join(", "))
    }
}

fn lines(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let done = match outcome.kind {
            Kind::Create => "Created",
            Kind::Update | Kind::Send => "Changed",
            Kind::Delete => "Deleted",
        };
        let _ = match (&outcome.error, outcome.id) {
            (Some(error), _) => writeln!(text, "{} {}: {error}", paint(BAD, "Failed"), outcome.object),
            (None, Some(id)) => writeln!(text, "{} {} {}", paint(GOOD, done), outcome.object, paint(DIM, id)),
            (None, None) => writeln!(text, "{} {}", paint(GOOD, done), outcome.object),
        };
    }
    text
}

fn document(planned: &Planned, outcomes: Option<&[Outcome]>) -> String {
    let mut document = json!({"plan": planned.plan, "unchanged": planned.unchanged});
    if let Some(outcomes) = outcomes {
        document["outcomes"] = json!(outcomes);
    }
    format!("{document:#}\n")
}

fn markdown(planned: &Planned, outcomes: Option<&[Outcome]>) -> String {
    let mut text = format!("### Deployments: {}\n\n", summary(planned).trim_start_matches("Plan: "));
    if !planned.plan.is_empty() {
        text.push_str("| | deployment | change |\n| --- | --- | --- |\n");
    }
    for change in &planned.plan.changes {
        let (mark, _) = mark(change.kind);
        let fields: Vec<String> = change.fields.iter().map(|field| cell(&plain(change, field))).collect();
        let object = change.object.trim_start_matches("deployment ").trim_matches('"');
        let failed =
            outcomes.into_iter().flatten().find(|it| it.object == change.object).and_then(|it| it.error.clone());
        let failed = failed.map(|error| format!("**failed:** {}<br>", cell(&error))).unwrap_or_default();
        let _ = writeln!(text, "| `{mark}` | {} | {failed}{} |", cell(object), fields.join("<br>"));
    }
    text
}

fn plain<S>(change: &Change<S>, field: &manage::plan::Field) -> String {
    anstream::adapter::strip_str(&shown(change, field)).to_string()
}

/// Text that stays in its cell.
fn cell(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}
