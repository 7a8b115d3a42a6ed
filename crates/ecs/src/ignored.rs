//! What a pool says about a definition and an existing one does not hear.
//!
//! `task_definition_arn` is used as it is. A deployment that sets `image` beside it runs the definition's image; the worker
//! does the same, without a word (<https://github.com/PrefectHQ/prefect/issues/17249>).

use serde_json::Value;
use work_pool::Object;

use crate::{configuration::Configuration, value::is_empty};

/// Members of the definition by the job variable of the built-in template.
const VARIABLES: [(&str, &str); 3] =
    [("executionRoleArn", "execution_role_arn"), ("taskRoleArn", "task_role_arn"), ("family", "family")];

/// Says what has no effect.
pub(crate) fn note(configuration: &Configuration<'_>, existing: &str, notes: &mut Vec<String>) {
    let mut ignored: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if !ignored.contains(&name) {
            ignored.push(name);
        }
    };
    let nothing = Object::new();
    for (member, value) in configuration.task_definition.unwrap_or(&nothing) {
        if is_empty(value) || member == "containerDefinitions" || is_in_overrides(configuration, member) {
            continue;
        }
        let variable = VARIABLES.iter().find_map(|(known, variable)| (known == member).then_some(*variable));
        add(variable.map_or_else(|| format!("task_definition.{member}"), str::to_owned));
    }
    for container in configuration.containers().iter().filter_map(Value::as_object) {
        // The name says which container the overrides are for.
        for (member, _) in container.iter().filter(|(member, value)| *member != "name" && !is_empty(value)) {
            add(member.clone());
        }
    }
    if configuration.configure_logs {
        add("configure_cloudwatch_logs".to_owned());
    }
    if ignored.is_empty() {
        return;
    }
    let names: Vec<String> = ignored.iter().map(|name| format!("`{name}`")).collect();
    let verb = if names.len() == 1 { "has" } else { "have" };
    notes.push(format!(
        "{} {verb} no effect beside `task_definition_arn`: the task runs the existing definition {existing} as it is.",
        names.join(", ")
    ));
}

/// Sizes stand in the overrides, too, where they have an effect.
fn is_in_overrides(configuration: &Configuration<'_>, member: &str) -> bool {
    let overrides = configuration.task_run_request.and_then(|request| request.get("overrides"));
    overrides.is_some_and(|overrides| overrides.get(member).is_some_and(|value| !is_empty(value)))
}
