//! `expected.json`: what the server held after each step of the real tool.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::drive::{Project, Ran};
use super::judge::Recorded;
use super::state::Deployments;

/// In place of a deployment that is as after the step before.
const SAME: &str = "same";

/// The recorded steps; none without the file, when all steps are pushpool's own.
pub(super) fn read(folder: &Path) -> Vec<Recorded> {
    let Ok(text) = fs::read_to_string(folder.join("expected.json")) else { return Vec::new() };
    let recording: Value = serde_json::from_str(&text).expect("a recording is JSON");
    let mut before = Deployments::new();
    let mut recorded = Vec::new();
    for step in recording["steps"].as_array().expect("a recording has steps") {
        let deployments = step["deployments"].as_object().expect("a step has deployments").iter();
        let full = |(name, value): (&String, &Value)| {
            (name.clone(), if value == SAME { before[name].clone() } else { value.clone() })
        };
        let deployments: Deployments = deployments.map(full).collect();
        recorded.push(Recorded { failed: step["exit"] != 0, before, deployments: deployments.clone() });
        before = deployments;
    }
    recorded
}

/// Writes what the real tool did.
pub(super) fn write(project: &Project, ran: &[Ran], version: &str) {
    let mut before = &Deployments::new();
    let mut steps = Vec::new();
    for (step, ran) in project.steps().filter(|step| step.recorded).zip(ran) {
        let now = &ran.state.deployments;
        let short = |(name, value): (&String, &Value)| {
            let value = if before.get(name) == Some(value) { json!(SAME) } else { value.clone() };
            (name.clone(), value)
        };
        let deployments: Map<String, Value> = now.iter().map(short).collect();
        steps.push(json!({"run": step.line, "exit": ran.code, "deployments": deployments}));
        before = now;
    }
    let recording = json!({"tool": format!("prefect {version}"), "steps": steps});
    fs::write(project.folder.join("expected.json"), format!("{recording:#}\n")).expect("a recording can be written");
}
