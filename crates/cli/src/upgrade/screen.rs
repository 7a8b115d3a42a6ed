//! A plan and its changes as people read them.

use anstyle::Style;
use manage::{
    plan::{Change, Kind, Plan},
    pool::shown::shown,
};
use migrate::plan::{
    Action, Difference, Level, MadeFrom, NotCarried, PlannedDeployment, PlannedPool, PlannedQueue, PoolAction, Proof,
    Target, UpgradePlan,
};
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use crate::{
    grid::{self, Cell},
    output::{BAD, DIM, GOOD, HEAD, ODD, paint},
    plan,
};

/// The changes of a plan, an object after the other.
pub(super) fn changes<S>(plan: &Plan<S>, width: Option<usize>) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        let word = match change.kind {
            Kind::Create => "Create",
            Kind::Update | Kind::Send => "Change",
            Kind::Delete => "Delete",
        };
        text.push_str(&format!("{} {}\n", paint(HEAD, word), change.object));
        let one = Plan { subject: String::new(), changes: vec![without_step(change)] };
        for line in plan::lines(&one, width.map(|width| width.saturating_sub(2))) {
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

fn without_step<S>(change: &Change<S>) -> Change<()> {
    Change { kind: change.kind, object: change.object.clone(), fields: change.fields.clone(), step: () }
}

/// "1 change", "12 changes".
pub(super) fn count<S>(plan: &Plan<S>) -> String {
    match plan.changes.len() {
        1 => "1 change".to_owned(),
        changes => format!("{changes} changes"),
    }
}

/// A change that is made.
pub(super) fn done(kind: Kind) -> &'static str {
    match kind {
        Kind::Create => "Created",
        Kind::Update | Kind::Send => "Changed",
        Kind::Delete => "Deleted",
    }
}

/// A change that is taken back.
pub(super) fn undone(kind: Kind) -> &'static str {
    match kind {
        Kind::Update | Kind::Send => "Put back",
        Kind::Create | Kind::Delete => "Deleted",
    }
}

/// A plan: a line for each deployment, then the pools, then what each deployment that moves becomes.
pub(super) fn plan(plan: &UpgradePlan, width: Option<usize>) -> String {
    let mut sheet = Sheet { text: summary(plan, width), width };
    for pool in plan.pools.iter().filter(|pool| is_made(plan, pool)) {
        of_pool(&mut sheet, pool);
    }
    for deployment in plan.deployments.iter().filter(|it| it.action != Action::Skip) {
        of_deployment(&mut sheet, deployment);
    }
    if !plan.notes.is_empty() {
        sheet.heading("The server as a whole", "");
        sheet.list("note", plan.notes.iter().map(|note| note.text.clone()));
    }
    sheet.text
}

fn summary(plan: &UpgradePlan, width: Option<usize>) -> String {
    let headings = ["", "DEPLOYMENT", "NOW", "THEN", "RISK"].map(|text| Cell::new(text).styled(DIM));
    let mut rows = vec![headings.to_vec()];
    rows.extend(plan.deployments.iter().map(row));
    grid::lines(&rows, width).join("\n") + "\n"
}

fn row(deployment: &PlannedDeployment) -> Vec<Cell> {
    let place = |pool: Option<&str>, queue: Option<&str>| match (pool, queue) {
        (Some(pool), Some(queue)) => format!("{pool}/{queue}"),
        (None, Some(queue)) => queue.to_owned(),
        (Some(pool), None) => pool.to_owned(),
        (None, None) => "-".to_owned(),
    };
    let from = place(deployment.from.pool.as_deref(), deployment.from.queue.as_deref());
    let moves = deployment.action == Action::Migrate;
    let target = deployment.target.as_ref().filter(|_| moves);
    let then = target.map_or_else(|| "-".to_owned(), |it| place(Some(&it.pool), Some(&it.queue)));
    let action = match deployment.action {
        Action::Migrate => Cell::new("migrate").styled(GOOD),
        Action::Leave => Cell::new("leave").styled(DIM),
        Action::Refuse => Cell::new("refuse").styled(BAD),
        Action::Skip => Cell::new("skip").styled(DIM),
    };
    let risk = if moves { Cell::new(level(deployment)).styled(alarm(deployment)) } else { Cell::new("") };
    vec![action, Cell::new(name(deployment)), Cell::new(from), Cell::new(then), risk]
}

fn level(deployment: &PlannedDeployment) -> &'static str {
    match deployment.risk.level {
        Level::Low => "low",
        Level::Medium => "medium",
        Level::High => "high",
    }
}

fn alarm(deployment: &PlannedDeployment) -> Style {
    match deployment.risk.level {
        Level::Low => Style::new(),
        Level::Medium => ODD,
        Level::High => BAD,
    }
}

fn name(deployment: &PlannedDeployment) -> String {
    format!("{}/{}", deployment.flow, deployment.name)
}

/// Whether the plan makes a pool or has deployments go there: that of a refused deployment is of no use. Pools of another
/// server are made without deployments.
fn is_made(plan: &UpgradePlan, pool: &PlannedPool) -> bool {
    let goes_there = |it: &PlannedDeployment| {
        it.action == Action::Migrate && it.target.as_ref().is_some_and(|target| target.pool == pool.name)
    };
    pool.is_of_other_server() || plan.deployments.iter().any(goes_there)
}

fn of_pool(sheet: &mut Sheet, pool: &PlannedPool) {
    let word = match pool.action {
        PoolAction::Create => "new",
        PoolAction::Reuse => "exists",
    };
    let from = match &pool.made_from {
        MadeFrom::Blocks { blocks } => blocks.join(", "),
        MadeFrom::Pool { name, pool_type } => format!("work pool {name} ({pool_type})"),
    };
    sheet.heading(&format!("Work pool {}", pool.name), &format!("{word}, from {from}"));
    sheet.list("queues", pool.queues.iter().map(queue));
    sheet.list("not carried", pool.not_carried.iter().map(lost));
    sheet.list("note", pool.notes.iter().map(|note| note.text.clone()));
}

fn queue(queue: &PlannedQueue) -> String {
    let mut words = vec![queue.name.clone()];
    words.extend(queue.priority.map(|it| format!("priority {it}")));
    words.extend(queue.concurrency_limit.map(|it| format!("limit {it}")));
    words.extend(queue.is_paused.then(|| "paused".to_owned()));
    words.join(", ")
}

fn lost(lost: &NotCarried) -> String {
    format!("{}: {}", lost.setting, lost.reason)
}

fn of_deployment(sheet: &mut Sheet, deployment: &PlannedDeployment) {
    let moves = deployment.action == Action::Migrate;
    let risk = if moves { format!("risk {}", level(deployment)) } else { String::new() };
    sheet.heading(&format!("Deployment {}", name(deployment)), &risk);
    sheet.list("why", deployment.reasons.iter().cloned());
    if let Some(target) = deployment.target.as_ref() {
        of_target(sheet, target, moves);
    }
    sheet.list("note", deployment.notes.iter().map(|note| note.text.clone()));
    // Most reasons are notes as well.
    let is_told = |reason: &&String| deployment.notes.iter().any(|note| note.text == **reason);
    sheet.list("risk", deployment.risk.reasons.iter().filter(|it| !is_told(it)).cloned());
    sheet.list("not carried", deployment.not_carried.iter().map(lost));
    if let Some(proof) = &deployment.proof {
        of_proof(sheet, proof);
    }
}

fn of_target(sheet: &mut Sheet, target: &Target, moves: bool) {
    if moves {
        sheet.list("pool", [format!("{}, queue {}", target.pool, target.queue)]);
    }
    let variables = &target.job_variables;
    let variables = variables.iter().map(|(name, value)| format!("{name} = {}", shown(name, value, &Value::Null)));
    sheet.list("job variables", variables);
    let steps = target.pull_steps.iter().filter_map(Value::as_object).flatten();
    sheet.list("pull steps", steps.map(|(step, inputs)| format!("{step} {inputs}")));
}

/// The places in which the requests differ, by reason. One without a reason is shown with its values.
fn of_proof(sheet: &mut Sheet, proof: &Proof) {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for difference in &proof.differences {
        let Some(reason) = &difference.reason else { continue };
        let place = difference.pointer.rsplit('/').next().unwrap_or_default();
        match by_reason.iter_mut().find(|(known, _)| known == reason) {
            // The definition and its overrides may differ in the same member.
            Some((_, places)) if places.contains(&place) => {}
            Some((_, places)) => places.push(place),
            None => by_reason.push((reason, vec![place])),
        }
    }
    let mut lines: Vec<String> = proof.unexplained().map(unexplained).collect();
    lines
        .extend(by_reason.iter().map(|(reason, places)| format!("{}: {reason}", places.join(", ").replace("~1", "/"))));
    if lines.is_empty() {
        lines.push("the same as now".to_owned());
    }
    sheet.list("requests", lines);
}

fn unexplained(difference: &Difference) -> String {
    let value = |value: &Option<Value>| match value {
        // The last part of the pointer may name an environment variable, whose value others should not see.
        Some(value) => {
            let name = difference.pointer.rsplit('/').next().unwrap_or_default();
            let hidden: Value =
                serde_json::from_str(&shown("env", &json!({name: value}), &Value::Null)).unwrap_or_default();
            hidden[name].to_string()
        }
        None => "(none)".to_owned(),
    };
    format!("look at {}: {} -> {}", difference.pointer, value(&difference.old), value(&difference.new))
}

/// Text in paragraphs with headings beside them.
struct Sheet {
    text: String,
    width: Option<usize>,
}

impl Sheet {
    fn heading(&mut self, object: &str, more: &str) {
        let comma = if more.is_empty() { "" } else { ": " };
        self.text.push_str(&format!("\n{}{comma}{}\n", paint(HEAD, clean(object)), clean(more)));
    }

    /// Paragraphs beside a heading; nothing without any.
    fn list(&mut self, heading: &str, paragraphs: impl IntoIterator<Item = String>) {
        let mut heading = heading;
        for paragraph in paragraphs {
            let room = self.width.map(|width| width.saturating_sub(MARGIN).max(NARROWEST));
            for (index, line) in wrapped(&clean(&paragraph), room).into_iter().enumerate() {
                let indent = if index > 0 { "  " } else { "" };
                self.text.push_str(&format!("  {}  {indent}{line}\n", paint(DIM, format_args!("{heading:<13}"))));
                heading = "";
            }
        }
    }
}

/// Columns before a paragraph, and before its second line.
const MARGIN: usize = 19;

/// No paragraph is narrower: a line that the terminal breaks is better than one word a line.
const NARROWEST: usize = 30;

/// A text as lines of at most so many columns; a longer word has a line of its own.
fn wrapped(text: &str, width: Option<usize>) -> Vec<String> {
    let Some(width) = width else { return vec![text.to_owned()] };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut().filter(|line| line.width() + 1 + word.width() <= width) {
            Some(line) => line.push_str(&format!(" {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Names come from the server: control characters could move the cursor.
fn clean(text: &str) -> String {
    Cell::new(text).plain().to_owned()
}

#[cfg(test)]
mod tests;
