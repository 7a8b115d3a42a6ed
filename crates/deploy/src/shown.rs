//! Values as a plan shows them: short, and without secrets.

use serde_json::Value;
use steps::Secrets;

/// Longest text of a value, in characters.
const LONGEST: usize = 80;

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
}
