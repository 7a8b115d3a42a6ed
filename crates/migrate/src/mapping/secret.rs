//! Which values may be copied.
//!
//! A block document is encrypted at rest and its secrets are masked by the API. A base job template and a pull step are neither. So
//! a value that looks like a secret is never copied out of a block: it is referred to (`{{ prefect.blocks.… }}`), which the
//! dispatcher or the flow's container resolves when a run starts.

use serde_json::Value;

/// Parts of names whose values are taken for secrets.
const NAMES: [&str; 13] = [
    "SECRET",
    "PASS",
    "PWD",
    "TOKEN",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
    "ACCOUNT_KEY",
    "PRIVATE",
    "CREDENTIAL",
    "AUTH",
    "DSN",
    "CONNECTION_STRING",
];

/// Names that are a secret in the settings of a file system (`s3fs`, `gcsfs`, `adlfs`, `paramiko`).
const SETTINGS: [&str; 6] = ["key", "sas", "pkey", "passphrase", "ssh_key", "access_id"];

/// How values of secrets begin.
const PREFIXES: [&str; 9] = ["-----BEGIN", "ghp_", "github_pat_", "glpat-", "xoxb-", "AKIA", "ASIA", "pnu_", "pnb_"];

/// Whether the API shows asterisks instead of the value.
pub(crate) fn is_masked(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() >= 4 && text.bytes().all(|byte| byte == b'*'))
}

/// Whether a value is masked, or its name or form are those of a secret.
pub(crate) fn is_secret(name: &str, value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    let upper = name.to_uppercase();
    !text.is_empty()
        && (is_masked(value)
            || upper == "KEY"
            || upper.ends_with("_KEY") && !upper.ends_with("PUBLIC_KEY")
            || NAMES.iter().any(|part| upper.contains(part)) && !is_switch(text)
            || looks_secret(text))
}

/// Whether a setting of a file system is a secret.
pub(crate) fn is_secret_setting(name: &str, value: &Value) -> bool {
    value.is_string() && value != "" && (SETTINGS.contains(&name) || is_secret(name, value))
}

/// Whether the form of a text is that of a secret: a known prefix, or a URL with a password.
pub(crate) fn looks_secret(text: &str) -> bool {
    PREFIXES.iter().any(|prefix| text.starts_with(prefix)) || has_password(text)
}

/// `scheme://user:password@host`
fn has_password(text: &str) -> bool {
    let Some((_, rest)) = text.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| !user.is_empty() && !user.starts_with("{{"))
}

/// `USE_AUTH=true` is no secret, nor is a number of seconds.
fn is_switch(text: &str) -> bool {
    matches!(text.to_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off" | "none")
        || text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
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
    fn secrets_are_known_by_name_or_form() {
        for (name, value) in [
            ("DB_PASSWORD", "hunter2"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("key", "x"),
            ("DATABASE", "postgres://user:pw@host/db"),
            ("X", "ghp_abc"),
            ("anything", "********"),
        ] {
            assert!(is_secret(name, &json!(value)), "{name}");
        }
        for (name, value) in [
            ("STAGE", "prod"),
            ("USE_AUTH", "true"),
            ("TOKEN_TTL_SECONDS", "60"),
            ("DB_PASSWORD", ""),
            ("URL", "https://host/a@b"),
            ("SSH_PUBLIC_KEY", "ssh-rsa x"),
            ("REPOSITORY", "https://host/x.git"),
        ] {
            assert!(!is_secret(name, &json!(value)), "{name}");
        }
        assert!(!is_secret("DB_PASSWORD", &json!(null)));
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
