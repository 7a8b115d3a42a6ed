//! The flows of the deployments: from their source, and from the project's Python where the source does not say everything.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io::Write,
    process::{Command, Stdio},
};

use diagnosis::PP0705;
use flows::{
    Flow, Project,
    python::{self, Answer, SCRIPT},
};
use serde_json::Value;

use crate::{draft::Draft, problem::Findings, request::Request};

/// A flow, or why there is none; and why parts of it stay open.
pub(crate) struct Known {
    flow: Result<Flow, String>,
    open: Vec<String>,
}

/// The flows of all entrypoints, each looked at once; Python is started at most once.
pub(crate) fn of_all(project: &Project, request: &Request, values: &[Option<Value>]) -> HashMap<String, Known> {
    let entrypoint = |values: &Value| request.flags.entrypoint.clone().or_else(|| text(values, "entrypoint"));
    let mut known: HashMap<String, Known> = HashMap::new();
    let mut unclear = Vec::new();
    for entrypoint in values.iter().flatten().filter_map(entrypoint) {
        if known.contains_key(&entrypoint) {
            continue;
        }
        let flow = project.flow(&entrypoint);
        let asks = match &flow {
            Ok(flow) => !flow.unknown.is_empty(),
            Err(error) => error.may_python_know(),
        };
        let flow = flow.map_err(|error| manage::with_sources(&error));
        if asks {
            unclear.push(entrypoint.clone());
        }
        known.insert(entrypoint, Known { flow, open: Vec::new() });
    }
    if !unclear.is_empty() {
        ask_python(&unclear, request, &mut known);
    }
    known
}

fn text(values: &Value, key: &str) -> Option<String> {
    values.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn ask_python(entrypoints: &[String], request: &Request, known: &mut HashMap<String, Known>) {
    let (answers, why) = match &request.python {
        None => (Vec::new(), "no Python with Prefect was found to ask".to_owned()),
        Some(python) => match answers(python, entrypoints, request) {
            Ok(answers) => (answers, "Python gave no answer".to_owned()),
            Err(why) => (Vec::new(), why),
        },
    };
    for entrypoint in entrypoints {
        let Some(entry) = known.get_mut(entrypoint) else { continue };
        match answers.iter().find(|it| &it.entrypoint == entrypoint).map(|it| &it.flow) {
            Some(Ok(flow)) => {
                let needs = entry.flow.as_ref().map(|flow| flow.needs.clone()).unwrap_or_default();
                entry.flow = Ok(Flow { needs, ..flow.clone() });
            }
            other => {
                let why = match other {
                    Some(Err(error)) => format!("Python says: {error}"),
                    _ => why.clone(),
                };
                let unknown = match &mut entry.flow {
                    Ok(flow) => flow.unknown.clone(),
                    // The source says more about why there is no flow than Python does.
                    Err(error) => {
                        *error = format!("{error}; {why}");
                        continue;
                    }
                };
                entry.open = unknown.iter().map(|it| format!("{} ({})", it.why, it.place)).collect();
                entry.open.push(why);
            }
        }
    }
}

fn answers(python: &std::path::Path, entrypoints: &[String], request: &Request) -> Result<Vec<Answer>, String> {
    let mut command = Command::new(python);
    command.args(["-c", SCRIPT]).current_dir(&request.folder).envs(&request.environment);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", python.display()))?;
    if let Some(mut input) = child.stdin.take() {
        // A process that ended already has not read it; its output says the rest.
        let _ = input.write_all(python::request(entrypoints.iter().map(String::as_str)).as_bytes());
    }
    let output =
        child.wait_with_output().map_err(|error| format!("{} cannot be waited for: {error}", python.display()))?;
    python::answers(&String::from_utf8_lossy(&output.stdout)).map_err(|error| error.to_string())
}

/// Those of the packages that the project's Python does not have. None are missing if there is no Python to ask.
pub(crate) fn missing(packages: &BTreeSet<&str>, request: &Request) -> HashSet<String> {
    let Some(python) = request.python.as_ref().filter(|_| !packages.is_empty()) else { return HashSet::new() };
    let mut command = Command::new(python);
    command.args(["-c", python::MISSING]).args(packages).current_dir(&request.folder).envs(&request.environment);
    match command.stdin(Stdio::null()).stderr(Stdio::null()).output() {
        Ok(output) => String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect(),
        Err(_) => HashSet::new(),
    }
}

/// The flow of a deployment; problems and open parts go to `findings`.
pub(crate) fn of_draft(known: &mut HashMap<String, Known>, draft: &Draft, findings: &mut Findings) -> Option<Flow> {
    const AT: &str = "/entrypoint";
    let Some(entrypoint) = draft.text(AT) else {
        let problem = draft.problem(PP0705, AT, "no entrypoint is given");
        findings.problem(problem.help("Write `entrypoint: path/to/file.py:function`."));
        return None;
    };
    let known = known.get(entrypoint)?;
    match &known.flow {
        Ok(flow) => {
            if let Some((last, parts)) = known.open.split_last() {
                let text = format!("parts of the parameters' schema stay open: {}; {last}", parts.join("; "));
                findings
                    .warning(draft.problem(PP0705, AT, text).help("Give a Python that has Prefect with `--python`."));
            }
            Some(flow.clone())
        }
        Err(error) => {
            findings.problem(draft.problem(PP0705, AT, error.clone()));
            None
        }
    }
}
