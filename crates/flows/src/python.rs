//! The other way to a flow: the project's own Python imports it and says what Prefect makes of it.
//!
//! [`SCRIPT`] answers for several entrypoints in one process, because importing Prefect takes a second or more. Run it as
//! `python -c SCRIPT` in the project's folder with [`request`] on its standard input, and give what it writes to
//! [`answers`]. The project's code may print, leave or raise: its output goes to standard error, and an error becomes
//! the answer for that entrypoint. A process that ends without an answer was ended by the project's code.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::Flow;

/// The program.
pub const SCRIPT: &str = include_str!("python.py");

/// A program that takes names of modules as its arguments, and writes those of which Python finds nothing, a line each.
pub const MISSING: &str = include_str!("missing.py");

/// What Python says of one entrypoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// As asked.
    pub entrypoint: String,
    /// The flow, or the last line of the traceback with the place in the project's code.
    pub flow: Result<Flow, String>,
}

/// The program wrote something else than its answers.
#[derive(Debug, thiserror::Error)]
#[error("Python did not answer for the flows: {0}")]
pub struct NoAnswer(String);

/// What the program reads.
pub fn request<'a>(entrypoints: impl IntoIterator<Item = &'a str>) -> String {
    json!({"entrypoints": entrypoints.into_iter().collect::<Vec<_>>()}).to_string()
}

/// What the program wrote, in the order of the request.
pub fn answers(output: &str) -> Result<Vec<Answer>, NoAnswer> {
    let parsed: Value = serde_json::from_str(output).map_err(|error| NoAnswer(error.to_string()))?;
    let flows = parsed.get("flows").and_then(Value::as_array);
    let flows = flows.ok_or_else(|| NoAnswer("the key `flows` is missing".to_owned()))?;
    flows.iter().map(answer).collect()
}

fn answer(value: &Value) -> Result<Answer, NoAnswer> {
    let entrypoint = text(value, "entrypoint").ok_or_else(|| NoAnswer("an entrypoint is missing".to_owned()))?;
    let flow = match value.get("flow") {
        Some(described) => Ok(flow(described).ok_or_else(|| NoAnswer(format!("{entrypoint} has no name")))?),
        None => Err(text(value, "error").unwrap_or_else(|| "unknown error".to_owned())),
    };
    Ok(Answer { entrypoint, flow })
}

fn flow(value: &Value) -> Option<Flow> {
    Some(Flow {
        name: text(value, "name")?,
        function: text(value, "function")?,
        file: text(value, "file").map(PathBuf::from),
        line: value.get("line").and_then(Value::as_u64).and_then(|line| usize::try_from(line).ok()),
        description: text(value, "description"),
        version: text(value, "version"),
        schema: value.get("schema")?.clone(),
        needs: Vec::new(),
        unknown: Vec::new(),
    })
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}
