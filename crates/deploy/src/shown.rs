//! Values as a plan shows them: short, and without secrets.

use manage::secret::is_secret;
use serde_json::Value;
use steps::Secrets;

/// Longest text of a value, in characters.
const LONGEST: usize = 80;

/// What stands for a secret.
const MASK: &str = "***";

/// What may be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    secrets: Secrets,
}

impl Shown {
    /// Everything but these secrets.
    pub(crate) fn without(secrets: Secrets) -> Self {
        Self { secrets }
    }

    /// A value from the server in one line. It is not known which values came from secrets, so a value is masked if its name or
    /// its form is that of a secret.
    pub(crate) fn stored(&self, name: &str, value: &Value) -> String {
        self.value(&without_secrets(name, value))
    }

    /// A value in one line.
    pub(crate) fn value(&self, value: &Value) -> String {
        let text = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let text = self.secrets.mask(&text).replace('\n', "⏎");
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

/// A copy whose secrets are masked, as far as names and forms tell.
pub(crate) fn without_secrets(name: &str, value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), without_secrets(name, value))).collect()
        }
        Value::Array(items) => items.iter().map(|item| without_secrets(name, item)).collect(),
        value if is_secret(name, value) => MASK.into(),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_value_is_cut_and_a_secret_masked() {
        let secrets = Secrets::default();
        secrets.add("not-a-real-token");
        let shown = Shown::without(secrets);
        assert!(!shown.value(&json!({"T": "Bearer not-a-real-token"})).contains("not-a-real"));
        assert_eq!(shown.value(&json!("x".repeat(100))).chars().count(), LONGEST + 1);
        assert_eq!(shown.value(&json!("a\nb")), "a⏎b");
        assert_eq!(shown.value(&json!([1, "a"])), r#"[1,"a"]"#);
    }
    #[test]
    fn what_the_server_has_is_masked_where_it_sounds_like_a_secret() {
        let shown = Shown::default();
        let env = json!({"STAGE": "prod", "TOKEN": "canary", "DB": "postgres://u:canary@host"});
        assert_eq!(shown.stored("env", &env), r#"{"STAGE":"prod","TOKEN":"***","DB":"***"}"#);
        assert_eq!(shown.stored("API_KEY", &json!("canary")), "***");
        assert_eq!(
            shown.stored("pull_steps", &json!([{"step": {"access_token": "canary"}}])),
            r#"[{"step":{"access_token":"***"}}]"#
        );
        assert_eq!(shown.stored("cpu", &json!(256)), "256");
    }
}
