//! Finding mistakes in a step before anything runs.

use serde_json::Value;
use templating::placeholder;
use work_pool::{did_you_mean, near};

use crate::{
    error::{Problem, StepError},
    script,
    signature::{self, Input, KNOWN, Kind, Native, Signature},
    step::{Object, Step},
    words::listed,
};

impl Step {
    /// Whether the function and its inputs can be right. Inputs that hold placeholders are not judged, their names are.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<(), Vec<StepError>> {
        let problems = match self.signature() {
            Some(known) => problems_of(known, &self.inputs),
            None => unknown(&self.function).into_iter().collect(),
        };
        if problems.is_empty() {
            return Ok(());
        }
        Err(problems.into_iter().map(|problem| StepError::new(self.label(), problem)).collect())
    }
}

/// What is wrong with a function that is not known; none if it may be one of the user's own.
fn unknown(function: &str) -> Option<Problem> {
    let function = function.to_owned();
    // `path/to/steps.py:build` and `package.steps:build` are names, too.
    let Some((module, name)) = function.rsplit_once(':').or_else(|| function.rsplit_once('.')) else {
        return Some(Problem::Unqualified { hint: full_name(&function), function });
    };
    if module.is_empty() || name.is_empty() {
        return Some(Problem::Unqualified { hint: None, function });
    }
    if let Some(name) = function.strip_prefix("prefect.projects.steps.") {
        let name = name.strip_suffix("_project").unwrap_or(name);
        let hint =
            full_name(name).unwrap_or_else(|| "Prefect 3 has its steps in `prefect.deployments.steps`.".to_owned());
        return Some(Problem::UnknownFunction { hint: Some(hint), function });
    }
    if signature::knows_module(module) {
        let of_module = KNOWN.iter().filter(|known| known.modules[0] == module).map(|known| known.name);
        return Some(Problem::UnknownFunction { hint: did_you_mean(name, of_module), function });
    }
    let modules: Vec<&str> = KNOWN.iter().map(|known| known.modules[0]).collect();
    let meant = near(module, modules.iter().copied()).into_iter().find(|meant| is_slip(module, meant));
    let known = meant.and_then(|meant| signature::of(&format!("{meant}.{name}")))?;
    Some(Problem::UnknownFunction { hint: Some(format!("Did you mean `{}`?", known.full_name())), function })
}

/// Whether a module may be meant for another. One's own `my_steps` is not, though its name may be similar.
fn is_slip(module: &str, meant: &str) -> bool {
    let of_prefect = module.starts_with("prefect");
    of_prefect
        && module != meant
        && !meant.starts_with(&format!("{module}."))
        && !module.starts_with(&format!("{meant}."))
}

fn full_name(name: &str) -> Option<String> {
    let names = near(name, KNOWN.iter().map(|known| known.name));
    let known = KNOWN.iter().find(|known| names.first() == Some(&known.name))?;
    Some(format!("Write `{}`.", known.full_name()))
}

fn problems_of(known: &Signature, given: &Object) -> Vec<Problem> {
    let inputs = known.inputs(given);
    let mut problems = Vec::new();
    for (name, value) in given {
        match inputs.iter().find(|input| input.name == name) {
            Some(input) => problems.extend(wrong(input, value)),
            None if known.open => {}
            None => problems.push(unknown_input(name, &inputs)),
        }
    }
    let missing = inputs.iter().filter(|input| input.required && !given.contains_key(input.name));
    problems.extend(missing.map(|input| Problem::MissingInput { input: input.name }));
    if problems.is_empty() {
        problems.extend(together(known, given));
    }
    problems
}

fn unknown_input(name: &str, inputs: &[Input]) -> Problem {
    let names: Vec<&str> = inputs.iter().map(|input| input.name).collect();
    let hint = did_you_mean(name, names.iter().copied()).unwrap_or_else(|| format!("There are {}.", listed(&names)));
    Problem::UnknownInput { input: name.to_owned(), hint: Some(hint) }
}

/// What is wrong with inputs that are right one by one.
fn together(known: &Signature, given: &Object) -> Vec<Problem> {
    match known.native {
        Some(Native::RunShellScript) => script::check(given),
        Some(Native::GitClone) => crate::git::check(given),
        Some(Native::BuildDockerImage) => crate::docker::check_build(given),
        Some(Native::PushDockerImage) => crate::docker::check_push(given),
        _ => Vec::new(),
    }
}

/// What is wrong with the type of a value. Null stands for the default.
fn wrong(input: &Input, value: &Value) -> Option<Problem> {
    if holds_placeholder(value) || (*value == Value::Null && !input.required) {
        return None;
    }
    let name = input.name;
    match input.kind {
        Kind::Any => None,
        Kind::Text => text(name, value),
        Kind::Flag => (!value.is_boolean()).then(|| Problem::wrong_type(name, "true or false", value)),
        Kind::Integer => (!value.is_u64()).then(|| Problem::wrong_type(name, "a whole number", value)),
        Kind::Texts => texts(name, value, "a list of texts"),
        Kind::TextOrTexts if value.is_string() => None,
        Kind::TextOrTexts => texts(name, value, "a text or a list of texts"),
        Kind::TextMap => entries(name, value, text),
        Kind::ScalarMap => entries(name, value, scalar),
        Kind::Mapping => (!value.is_object()).then(|| Problem::wrong_type(name, "a mapping", value)),
        Kind::FlagOrMap if value.is_boolean() => None,
        Kind::FlagOrMap => entries(name, value, scalar),
        Kind::TextOrMaps => text_or_maps(name, value),
    }
}

fn text(name: &str, value: &Value) -> Option<Problem> {
    (!value.is_string()).then(|| Problem::wrong_type(name, "a text", value))
}

fn scalar(name: &str, value: &Value) -> Option<Problem> {
    (value.is_object() || value.is_array() || value.is_null())
        .then(|| Problem::wrong_type(name, "a text, a number or true or false", value))
}

fn texts(name: &str, value: &Value, wanted: &'static str) -> Option<Problem> {
    let Value::Array(items) = value else { return Some(Problem::wrong_type(name, wanted, value)) };
    items.iter().enumerate().find_map(|(index, item)| text(&format!("{name}[{index}]"), item))
}

fn entries(name: &str, value: &Value, check: fn(&str, &Value) -> Option<Problem>) -> Option<Problem> {
    let Value::Object(entries) = value else { return Some(Problem::wrong_type(name, "a mapping", value)) };
    entries.iter().find_map(|(key, value)| check(&format!("{name}.{key}"), value))
}

fn text_or_maps(name: &str, value: &Value) -> Option<Problem> {
    match value {
        Value::String(_) => None,
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| entries(&format!("{name}[{index}]"), item, scalar))
        }
        other => entries(name, other, scalar),
    }
}

/// Whether a placeholder is anywhere in the value.
pub(crate) fn holds_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => placeholder::find(text).next().is_some(),
        Value::Array(items) => items.iter().any(holds_placeholder),
        Value::Object(entries) => entries.values().any(holds_placeholder),
        _ => false,
    }
}
