//! Values of a template, fit for a screen that others may see.

use serde_json::Value;

use crate::secret::{is_secret, looks_secret};

/// What stands for a value that is not shown.
const MASK: &str = "********";

/// A default as people read it. Values of the environment are masked where their name or form is that of a secret, and whole
/// variables where the schema calls them a password.
#[must_use]
pub fn shown(variable: &str, value: &Value, schema: &Value) -> String {
    if schema["writeOnly"] == true || schema["format"] == "password" {
        return MASK.to_owned();
    }
    match value {
        Value::String(text) if looks_secret(text) => MASK.to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(environment) if variable == "env" => {
            let masked = environment
                .iter()
                .map(|(name, value)| (name.clone(), if is_secret(name, value) { MASK.into() } else { value.clone() }));
            Value::Object(masked.collect()).to_string()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let environment = json!({"STAGE": "prod", "DB_PASSWORD": "canary", "API_KEY": null});
        assert_eq!(
            shown("env", &environment, &json!({})),
            r#"{"STAGE":"prod","DB_PASSWORD":"********","API_KEY":null}"#
        );
        assert_eq!(shown("x", &json!("canary"), &json!({"format": "password"})), MASK);
        assert_eq!(shown("x", &json!("postgres://u:canary@host"), &json!({})), MASK);
        assert_eq!(shown("execution_role_arn", &json!("arn:x"), &json!({})), "arn:x");
        assert_eq!(shown("cpu", &json!(1024), &json!({})), "1024");
    }
}
