//! `infra_overrides`, applied to a block as the agent applies them.
//!
//! A key is a path with dots into the data of the block, and every part but the last must be there (prefect 2.20.26,
//! `agent.py`, `get_infrastructure`). So a variable with a dot in its name cannot be written, and a path through null fails
//! every run of the deployment.

use prefect_api::models::Object;
use serde_json::Value;

/// Overrides on the data of a block.
///
/// # Errors
/// Every override that fails under the agent, with the reason.
pub(crate) fn apply(data: &Object, overrides: &Object) -> Result<Object, Vec<String>> {
    let mut changed = data.clone();
    let failures: Vec<String> = overrides
        .iter()
        .filter_map(|(key, value)| set(&mut changed, key, value).err().map(|reason| format!("{key}: {reason}")))
        .collect();
    if failures.is_empty() { Ok(changed) } else { Err(failures) }
}

fn set(data: &mut Object, key: &str, value: &Value) -> Result<(), String> {
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let mut at = data;
    for part in parts {
        let next = at.get_mut(part).ok_or_else(|| {
            format!("the block has no `{part}` to descend into (the agent splits a key at every dot)")
        })?;
        at = match next {
            Value::Object(members) => members,
            Value::Null => return Err(format!("`{part}` of the block is null, and nothing can be set in it")),
            _ => return Err(format!("`{part}` of the block is no object, and nothing can be set in it")),
        };
    }
    at.insert(last.to_owned(), value.clone());
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn applied(data: Value, overrides: Value) -> Result<Value, Vec<String>> {
        apply(data.as_object().unwrap(), overrides.as_object().unwrap()).map(Value::Object)
    }

    #[test]
    fn dots_descend_and_whole_members_replace() {
        let data = json!({"env": {"A": "1", "B": "2"}, "cpu": 1, "task_definition": {"cpu": "2"}});
        let overrides = json!({"env.A": "x", "cpu": "512", "task_definition.cpu": "4096", "new": true});
        assert_eq!(
            applied(data.clone(), overrides).unwrap(),
            json!({"env": {"A": "x", "B": "2"}, "cpu": "512", "task_definition": {"cpu": "4096"}, "new": true})
        );
        // The later one wins.
        let both = json!({"env.A": "x", "env": {"C": "3"}});
        assert_eq!(applied(data.clone(), both).unwrap()["env"], json!({"C": "3"}));
        let other = json!({"env": {"C": "3"}, "env.A": "x"});
        assert_eq!(applied(data, other).unwrap()["env"], json!({"C": "3", "A": "x"}));
    }

    #[test]
    fn what_fails_under_the_agent_is_named() {
        let data = json!({"env": {"STAGE": "small"}, "task_definition": null, "command": ["a"]});
        let overrides = json!({"task_definition.memory": "1024", "env.A.B": "x", "env.STAGE.X": "y", "command.0": "z"});
        let failures = applied(data, overrides).unwrap_err();
        assert_eq!(failures.len(), 4, "{failures:#?}");
        assert!(failures[0].starts_with("task_definition.memory: `task_definition` of the block is null"));
        assert!(failures[1].starts_with("env.A.B: the block has no `A`"));
    }
}
