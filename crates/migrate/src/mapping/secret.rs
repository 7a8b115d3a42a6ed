//! Which values may be copied.
//!
//! A block document is encrypted at rest and its secrets are masked by the API. A base job template and a pull step are neither. So
//! a value that looks like a secret is never copied out of a block: it is referred to (`{{ prefect.blocks.… }}`), which the
//! dispatcher or the flow's container resolves when a run starts.

pub(crate) use manage::secret::{is_masked, is_secret, looks_secret};
use serde_json::Value;

/// Names that are a secret in the settings of a file system (`s3fs`, `gcsfs`, `adlfs`, `paramiko`).
const SETTINGS: [&str; 6] = ["key", "sas", "pkey", "passphrase", "ssh_key", "access_id"];

/// Whether a setting of a file system is a secret.
pub(crate) fn is_secret_setting(name: &str, value: &Value) -> bool {
    value.is_string() && value != "" && (SETTINGS.contains(&name) || is_secret(name, value))
}

/// Whether asterisks of the API stand anywhere in a document.
pub(crate) fn holds_mask(document: &Value) -> bool {
    match document {
        Value::Object(members) => members.values().any(holds_mask),
        Value::Array(items) => items.iter().any(holds_mask),
        value => is_masked(value),
    }
}

/// The placeholder for a place in a block.
///
/// None where the grammar of placeholders cannot write the place.
pub(crate) fn reference(type_slug: &str, block: &str, place: &[&str]) -> Option<String> {
    let plain = |part: &&str| {
        !part.is_empty() && part.chars().all(|it| it.is_alphanumeric() || matches!(it, '_' | '-' | '[' | ']'))
    };
    let parts: Vec<&str> = [&[type_slug, block], place].concat();
    parts.iter().all(plain).then(|| format!("{{{{ prefect.blocks.{} }}}}", parts.join(".")))
}

/// A copy for people to read: values that are or look secret are replaced.
pub(crate) fn hidden(name: &str, value: &Value) -> Value {
    if is_secret(name, value) { "(hidden)".into() } else { value.clone() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn asterisks_are_found_wherever_they_stand() {
        assert!(holds_mask(&json!({"a": [{"b": "**********"}]})) && !holds_mask(&json!({"a": "***", "b": 1})));
    }

    #[test]
    fn a_reference_needs_plain_names() {
        assert_eq!(
            reference("s3", "code", &["aws_access_key_id"]).unwrap(),
            "{{ prefect.blocks.s3.code.aws_access_key_id }}"
        );
        assert_eq!(
            reference("ecs-task", "prod", &["env", "ÜBER"]).unwrap(),
            "{{ prefect.blocks.ecs-task.prod.env.ÜBER }}"
        );
        assert_eq!(reference("ecs-task", "prod", &["env", "A.B"]), None);
        assert_eq!(reference("ecs-task", "prod", &["env", "A B"]), None);
    }
}
