//! `run_shell_script`: one process a line.
//!
//! Lines, words and variables are Python's: `str.splitlines`, `shlex.split` and `string.Template`, which Prefect uses. The
//! only difference: a line with a pipe, a redirection, `&&` or `;` and no `shell: true` is an error. Prefect hands these to
//! the program as words, and the script seems to succeed.

mod operators;
mod template;
mod text;
mod words;

use std::path::Path;

use serde_json::json;
use templating::placeholder;

use crate::{
    context::{Scene, Stream},
    error::Problem,
    inputs,
    process::Program,
    step::Object,
};
pub(crate) use text::strip;

/// What a script does before anything runs: lines that need a shell, and quotes that do not close.
pub(crate) fn check(given: &Object) -> Vec<Problem> {
    let script = inputs::text(given, "script").unwrap_or_default();
    if inputs::flag(given, "shell", false) {
        return Vec::new();
    }
    let lines = text::lines(script).into_iter().enumerate();
    lines.filter_map(|(index, line)| check_line(index + 1, line)).collect()
}

fn check_line(number: usize, line: &str) -> Option<Problem> {
    let filled = without_placeholders(line);
    let text = || line.trim().to_owned();
    match words::split(&filled) {
        // The value of a placeholder may close them.
        Err(_) if filled != line => None,
        Err(problem) => Some(Problem::Quotes { line: number, text: text(), problem }),
        Ok(words) => {
            let operator = words.iter().find_map(operators::of)?;
            Some(Problem::NeedsShell { line: number, text: text(), operator })
        }
    }
}

/// The line with a plain letter for each placeholder.
fn without_placeholders(line: &str) -> String {
    let mut filled = String::new();
    let mut at = 0;
    for found in placeholder::find(line) {
        filled.push_str(&line[at..found.start]);
        filled.push('x');
        at = found.end;
    }
    filled + &line[at..]
}

/// Runs the script.
pub(crate) async fn run(given: &Object, scene: Scene<'_>) -> Result<Object, Problem> {
    let script = inputs::text(given, "script").unwrap_or_default();
    let directory = scene.path(inputs::text(given, "directory").unwrap_or_default());
    let (mut stdout, mut stderr) = (String::new(), String::new());
    for (index, line) in text::lines(script).into_iter().enumerate() {
        let Some(program) = program(line, index + 1, given, scene, &directory)? else { continue };
        let ended = program.run(scene).await.map_err(|problem| explain(problem, line))?;
        stdout.push_str(&ended.stdout);
        stderr.push_str(&ended.stderr);
        if !ended.status.success() {
            return Err(ended.failure(&format!("line {} of the script, `{}`,", index + 1, line.trim())));
        }
    }
    Ok(Object::from_iter([("stdout".to_owned(), json!(strip(&stdout))), ("stderr".to_owned(), json!(strip(&stderr)))]))
}

/// The process of a line; none for an empty one.
fn program(
    line: &str,
    number: usize,
    given: &Object,
    scene: Scene<'_>,
    directory: &Path,
) -> Result<Option<Program>, Problem> {
    let variables: Vec<(&str, String)> =
        inputs::entries(given, "env").map(|(name, value)| (name, inputs::written(value))).collect();
    let look_up = |name: &str| {
        let given = variables.iter().rev().find(|(given, _)| *given == name).map(|(_, value)| value.clone());
        given.or_else(|| scene.context.variable(name))
    };
    let expands = inputs::flag(given, "expand_env_vars", false);
    let command = if expands { template::substitute(line, look_up) } else { line.to_owned() };
    let words = if inputs::flag(given, "shell", false) {
        let command = strip(&command);
        if command.is_empty() { Vec::new() } else { ["/bin/sh", "-c", command].map(str::to_owned).to_vec() }
    } else {
        let quotes = |problem| Problem::Quotes { line: number, text: line.trim().to_owned(), problem };
        let words = words::split(&command).map_err(quotes)?;
        if let Some(sign) = words.iter().find_map(|word| operators::unexpanded(word, expands)) {
            scene.line(Stream::Warning, &format!("line {number} of the script: {sign}"));
        }
        words.into_iter().map(|word| word.text).collect()
    };
    let mut words = words.into_iter();
    let Some(name) = words.next() else { return Ok(None) };
    let program =
        Program::new(name, scene).args(words).directory(directory).streamed(inputs::flag(given, "stream_output", true));
    Ok(Some(variables.into_iter().fold(program, |program, (name, value)| program.env(name, value))))
}

/// Why a program of a script may be missing.
fn explain(problem: Problem, line: &str) -> Problem {
    let Problem::NoProgram { program, .. } = problem else { return problem };
    let hint = match program.as_str() {
        "cd" => Some("Each line is a process of its own; give the step a `directory`".to_owned()),
        "export" | "set" | "source" | "." | "if" | "for" | "while" => {
            Some("Each line is a process of its own; put the script into a file and run `sh file`".to_owned())
        }
        name if name.contains('=') => Some("Set variables in the step's `env`".to_owned()),
        _ => Some(format!("It is the first word of `{}`; install it, or correct the name", line.trim())),
    };
    Problem::NoProgram { program, hint }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::Value;

    fn table() -> Value {
        serde_json::from_str(include_str!("../tests/data/run_shell_script.json")).unwrap()
    }

    /// Pairs of a text and what Python makes of it.
    pub(super) fn cases<I: DeserializeOwned, O: DeserializeOwned>(name: &str) -> Vec<(I, O)> {
        let cases: Vec<(I, O)> = serde_json::from_value(table()[name].take()).unwrap();
        assert!(!cases.is_empty());
        cases
    }

    pub(super) fn names<T: DeserializeOwned>() -> T {
        serde_json::from_value(table()["names"].take()).unwrap()
    }
}
