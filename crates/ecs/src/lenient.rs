//! What a container means although it is not written as ECS wants it.
//!
//! A placeholder that is a whole text keeps the type of its variable, so no template can make the text of a number that ECS
//! wants (`resourceRequirements`, the environment, log options). Such numbers become text, as `cpu` and `memory` of the task
//! do. An entry of which an unset variable has taken the value, or the name, is none.

use serde_json::Value;
use work_pool::Object;

use crate::{findings::Findings, value::to_text};

/// Mends a container of the definition.
pub(crate) fn mend(container: &mut Object, index: usize, findings: &mut Findings) {
    if let Some(Value::Array(variables)) = container.get_mut("environment") {
        drop_nameless(variables, || format!("task_definition.containerDefinitions[{index}].environment"), findings);
        variables.iter_mut().filter_map(|variable| variable.get_mut("value")).for_each(write_number);
    }
    if let Some(Value::Array(requirements)) = container.get_mut("resourceRequirements") {
        requirements.retain(|requirement| {
            let kind = requirement.get("type").and_then(Value::as_str);
            let lacks = requirement.get("value").is_none_or(Value::is_null);
            if let Some(kind) = kind.filter(|_| lacks) {
                findings.notes.push(format!(
                    "`task_definition.containerDefinitions[{index}].resourceRequirements` asks for {kind} without a \
                     `value`: the entry is left out."
                ));
            }
            kind.is_none() || !lacks
        });
        requirements.iter_mut().filter_map(|requirement| requirement.get_mut("value")).for_each(write_number);
    }
    let options = container.get_mut("logConfiguration").and_then(|logs| logs.get_mut("options"));
    options.and_then(Value::as_object_mut).into_iter().flatten().for_each(|(_, value)| write_number(value));
}

/// Drops the entries of an environment that have an empty name.
pub(crate) fn drop_nameless(variables: &mut Vec<Value>, place: impl Fn() -> String, findings: &mut Findings) {
    let before = variables.len();
    variables.retain(|variable| variable.get("name").is_none_or(|name| name != ""));
    if variables.len() < before {
        findings.notes.push(format!("`{}` has a variable whose name is empty: it is left out.", place()));
    }
}

fn write_number(value: &mut Value) {
    if value.is_number() {
        *value = to_text(value).into_owned().into();
    }
}
