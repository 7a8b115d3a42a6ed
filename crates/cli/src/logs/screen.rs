//! A run as people and programs read it.

use std::fmt::Write;

use ecs::task::Task;
use jiff::Timestamp;
use manage::{
    logs::{
        Facts, TaskFacts,
        commands::{of_functions, place, since, tail, to_seconds},
    },
    times::ago,
};
use prefect_api::models::level;
use serde_json::{Value, json};

use crate::{
    grid::{self, Cell},
    output::{BAD, DIM, HEAD, ODD, paint},
};

/// Sections, one below the other. Lines are not cut to the terminal's width: they are to be copied.
pub(super) fn text(facts: &Facts, now: Timestamp) -> String {
    let mut text = String::new();
    let mut section = |heading: &str, rows: &[Vec<Cell>]| {
        if !rows.is_empty() {
            let separator = if text.is_empty() { "" } else { "\n" };
            let _ = write!(text, "{separator}{}\n{}\n", paint(HEAD, heading), grid::lines(rows, None).join("\n"));
        }
    };
    section("FLOW RUN", &about(facts, now));
    let states = facts.states.iter().map(|state| {
        let name = state.name.as_deref().unwrap_or_else(|| state.state_type.name());
        vec![time(state.timestamp), Cell::new(name), Cell::new(state.message.as_deref().unwrap_or_default())]
    });
    section("STATES", &states.collect::<Vec<_>>());
    for (number, task) in facts.tasks.iter().enumerate() {
        let heading = if facts.tasks.len() == 1 { "TASK".to_owned() } else { format!("TASK {}", number + 1) };
        section(&heading, &of_task(facts, task));
    }
    let lines = facts.lines.iter().map(|line| {
        let style = match line.level {
            level::ERROR.. => BAD,
            level::WARNING.. => ODD,
            _ => anstyle::Style::new(),
        };
        vec![time(line.timestamp), Cell::new(&line.message).styled(style)]
    });
    let mut lines: Vec<Vec<Cell>> = lines.collect();
    if facts.cut {
        lines
            .push(vec![Cell::new("…"), Cell::new("the run's log has more lines than were looked through").styled(DIM)]);
    }
    section("WHAT PUSHPOOL WROTE", &lines);
    let functions = match facts.is_of_dev() {
        true => vec!["`pushpool dev` ran them in its own process; what they had to say is in its output".to_owned()],
        false => of_functions(facts),
    };
    let functions = functions.into_iter().map(|command| vec![Cell::new(command)]);
    section("LOGS OF THE FUNCTIONS", &functions.collect::<Vec<_>>());
    text
}

fn time(at: Timestamp) -> Cell {
    Cell::new(to_seconds(at)).styled(DIM)
}

fn row(label: &str, value: impl AsRef<str>) -> Vec<Cell> {
    vec![Cell::new(label).styled(DIM), Cell::new(value)]
}

fn about(facts: &Facts, now: Timestamp) -> Vec<Vec<Cell>> {
    let run = &facts.run;
    let mut rows = vec![row("name", run.name.as_deref().unwrap_or("-")), row("id", run.id.to_string())];
    if let Some(state) = &run.state {
        let name = state.name.as_deref().unwrap_or_else(|| state.state_type.name());
        rows.push(row("state", format!("{name}, {}", ago(state.timestamp, now))));
    }
    if let Some(pool) = &run.work_pool_name {
        let queue = run.work_queue_name.as_deref().map(|queue| format!(", queue {queue}")).unwrap_or_default();
        rows.push(row("work pool", format!("{pool}{queue}")));
    }
    for (number, claim) in facts.claims.iter().enumerate() {
        let message = claim.message_id.as_deref().map(|id| format!(", for message {id}")).unwrap_or_default();
        let text = format!("claimed {}{message}, startedBy {}", to_seconds(claim.at), claim.attempt.started_by());
        rows.push(row(&format!("attempt {}", number + 1), text));
    }
    if facts.claims.is_empty() {
        rows.push(row("attempts", "pushpool has claimed none"));
    }
    if facts.tasks.is_empty() {
        let other = run.infrastructure_pid.as_deref().map(|pid| format!("none in ECS; the server has {pid}"));
        rows.push(row("tasks", other.unwrap_or_else(|| "none is recorded".to_owned())));
    }
    rows
}

fn of_task(facts: &Facts, it: &TaskFacts) -> Vec<Vec<Cell>> {
    let mut rows = vec![row("arn", it.infrastructure.task_arn.as_str())];
    let recorded = if it.is_recorded { "" } else { "; not the one that the server has for the run" };
    let status = it.task.as_ref().map_or_else(|| "ECS does not know it any more".to_owned(), status);
    match &it.trouble {
        Some(trouble) => rows.push(vec![Cell::new("not asked").styled(DIM), Cell::new(trouble).styled(ODD)]),
        None => rows.push(row("status", format!("{status}{recorded}"))),
    }
    if let Some(definition) = &it.definition_arn {
        rows.push(row("definition", definition));
    }
    if let Some(link) = it.infrastructure.console_link() {
        rows.push(row("console", link));
    }
    for file in &it.files {
        let container = file.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        rows.push(row(&format!("log of {container}"), file.display().to_string()));
    }
    for log in &it.logs {
        match place(it, log) {
            Some(place) => {
                rows.push(row(&format!("log of {}", log.container), format!("{} {}", place.group, place.stream)));
                rows.push(row("", tail(&place, since(facts, it))));
                rows.push(row("", place.link));
            }
            None => rows.push(row(&format!("log of {}", log.container), format!("driver {}", log.driver))),
        }
    }
    rows
}

/// "STOPPED, EssentialContainerExited: Essential container in task exited; prefect exit code 1".
fn status(task: &Task) -> String {
    let mut text = task.last_status.clone();
    for part in [&task.stop_code, &task.stopped_reason].into_iter().flatten() {
        let _ = write!(text, ", {part}");
    }
    for container in &task.containers {
        if let Some(code) = container.exit_code {
            let _ = write!(text, "; {} exit code {code}", container.name);
        }
        if let Some(reason) = &container.reason {
            let _ = write!(text, " ({reason})");
        }
    }
    text
}

/// One document.
pub(super) fn json(facts: &Facts) -> Value {
    let run = &facts.run;
    let states = facts.states.iter().map(|state| {
        json!({"at": state.timestamp, "id": state.id, "type": state.state_type, "name": state.name, "message": state.message})
    });
    let claims = facts.claims.iter().map(|claim| {
        json!({"at": claim.at, "state_id": claim.attempt.state_id, "started_by": claim.attempt.started_by(),
            "client_token": claim.attempt.client_token(), "message_id": claim.message_id})
    });
    let tasks = facts.tasks.iter().map(|it| {
        let logs = it.logs.iter().map(|log| {
            let place = place(it, log);
            let command = place.as_ref().map(|place| tail(place, since(facts, it)));
            let link = place.as_ref().map(|place| place.link.clone());
            let (group, stream) = place.map(|place| (place.group, place.stream)).unzip();
            json!({"container": log.container, "driver": log.driver, "group": group, "stream": stream, "command": command,
                "link": link})
        });
        json!({
            "arn": it.infrastructure.task_arn,
            "cluster": it.infrastructure.cluster,
            "recorded": it.is_recorded,
            "status": it.task.as_ref().map(|task| &task.last_status),
            "stop_code": it.task.as_ref().and_then(|task| task.stop_code.as_ref()),
            "stopped_reason": it.task.as_ref().and_then(|task| task.stopped_reason.as_ref()),
            "definition": it.definition_arn,
            "link": it.infrastructure.console_link(),
            "logs": logs.collect::<Value>(),
            "log_files": it.files,
            "trouble": it.trouble,
        })
    });
    let lines = facts.lines.iter().map(|it| json!({"at": it.timestamp, "level": it.level, "message": it.message}));
    json!({
        "flow_run": {"id": run.id, "name": run.name, "state": run.state_type(), "work_pool": run.work_pool_name,
            "infrastructure_pid": run.infrastructure_pid},
        "states": states.collect::<Value>(),
        "claims": claims.collect::<Value>(),
        "tasks": tasks.collect::<Value>(),
        "lines": lines.collect::<Value>(),
        "function_logs": if facts.is_of_dev() { Vec::new() } else { of_functions(facts) },
    })
}
