//! Which values are secrets, as far as their names and forms tell.

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

/// How values of secrets begin.
const PREFIXES: [&str; 9] = ["-----BEGIN", "ghp_", "github_pat_", "glpat-", "xoxb-", "AKIA", "ASIA", "pnu_", "pnb_"];

/// Whether the API shows asterisks instead of the value.
#[must_use]
pub fn is_masked(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.len() >= 4 && text.bytes().all(|byte| byte == b'*'))
}

/// Whether a value is masked, or its name or form are those of a secret.
#[must_use]
pub fn is_secret(name: &str, value: &Value) -> bool {
    let Value::String(text) = value else { return false };
    let upper = name.to_uppercase();
    !text.is_empty()
        && (is_masked(value)
            || upper == "KEY"
            || upper.ends_with("_KEY") && !upper.ends_with("PUBLIC_KEY")
            || NAMES.iter().any(|part| upper.contains(part)) && !is_switch(text)
            || looks_secret(text))
}

/// Whether the form of a text is that of a secret: a known prefix, or a URL with a password.
#[must_use]
pub fn looks_secret(text: &str) -> bool {
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
    }
}
