//! `told.txt`: what pushpool prints at each step, where a project has the file.

use std::fmt::Write;
use std::fs;

use super::drive::{Project, Ran};

/// Differences from the file. `PUSHPOOL_UPDATE=1` writes it.
pub(super) fn differences(project: &Project, ran: &[Ran]) -> Vec<String> {
    let path = project.folder.join("told.txt");
    let Ok(expected) = fs::read_to_string(&path) else { return Vec::new() };
    let told = text(project, ran);
    if std::env::var_os("PUSHPOOL_UPDATE").is_some() {
        fs::write(&path, &told).expect("what was told can be written");
        return Vec::new();
    }
    let lines = expected.lines().zip(told.lines()).enumerate();
    let mut differences: Vec<String> = lines
        .filter(|(_, (expected, told))| expected != told)
        .map(|(index, (expected, told))| {
            format!("told.txt:{}:\n    expected {expected}\n    told     {told}", index + 1)
        })
        .take(5)
        .collect();
    if differences.is_empty() && expected != told {
        differences.push("told.txt: one is longer than the other".to_owned());
    }
    differences
}

fn text(project: &Project, ran: &[Ran]) -> String {
    let mut text = String::new();
    for (step, ran) in project.steps().zip(ran) {
        writeln!(text, "$ {}\n{}[exit status {}]\n", step.line, ran.output, ran.code).expect("text can be written");
    }
    text
}
