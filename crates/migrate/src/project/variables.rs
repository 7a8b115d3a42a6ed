//! Job variables from overrides with dots and from keys of other infrastructure.

use std::collections::BTreeSet;

use prefect_api::models::Object;
use serde_json::{Map, Value};

use crate::mapping::findings::Findings;

/// Variables that hold an object, which old command lines could only give as JSON in text.
const OBJECTS: [&str; 5] = ["env", "labels", "task_definition", "network_configuration", "cloudwatch_logs_options"];

/// Variables that hold an integer, which old command lines gave as text.
const INTEGERS: [&str; 3] = ["cpu", "memory", "task_start_timeout_seconds"];

/// Overrides in the nested and typed form that work pools read.
pub(super) fn nested(overrides: &Object, findings: &mut Findings) -> Object {
    let mut nested = Map::new();
    for (key, value) in overrides {
        let value = typed(key, value);
        match key.split_once('.') {
            Some((outer, inner)) => {
                let members = nested.entry(outer).or_insert_with(|| Value::Object(Map::new()));
                if let Some(members) = members.as_object_mut() {
                    members.insert(inner.to_owned(), value);
                }
                findings
                    .note("dots_nested", "Overrides with dots (`env.X`) are written in nested form, which pools read.");
            }
            None => {
                nested.insert(key.clone(), value);
            }
        }
    }
    nested
}

fn typed(key: &str, value: &Value) -> Value {
    let Value::String(text) = value else { return value.clone() };
    if INTEGERS.contains(&key) {
        return text.parse::<i64>().map_or_else(|_| value.clone(), Value::from);
    }
    if OBJECTS.contains(&key) {
        return serde_json::from_str(text).ok().filter(Value::is_object).unwrap_or_else(|| value.clone());
    }
    value.clone()
}

/// Removes what a push pool has no variable for.
pub(super) fn remove_unknown(variables: &mut Object, known: &BTreeSet<String>, findings: &mut Findings) {
    variables.retain(|key, _| {
        let is_known = known.contains(key);
        if !is_known {
            findings.lost(
                format!("work_pool.job_variables.{key}"),
                "the pool has no such variable: it was ignored before, too, unless the pool's template was changed by hand",
            );
        }
        is_known
    });
}

/// The variables of a base job template.
pub(super) fn of_template(template: &Value) -> BTreeSet<String> {
    let properties = template.pointer("/variables/properties").and_then(Value::as_object);
    properties.into_iter().flat_map(Map::keys).cloned().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn overrides_are_nested_and_typed() {
        let overrides = json!({"env.A": "1", "env.B": 2, "cpu": "512", "memory": "{{ $MEMORY }}", "labels": "{\"a\": \"b\"}",
            "image": "7"});
        let nested = nested(overrides.as_object().unwrap(), &mut Findings::default());
        assert_eq!(
            Value::Object(nested),
            json!({"env": {"A": "1", "B": 2}, "cpu": 512, "memory": "{{ $MEMORY }}", "labels": {"a": "b"}, "image": "7"})
        );
    }
}
