//! Text that looks like a placeholder and is none.
//!
//! A block sends `{{ image }}` as it is written; a pool would fill it in. Rendering makes one pass, and what a placeholder is
//! replaced by is not looked at again. So such a text becomes the default of a variable of its own, and the variable's
//! placeholder stands in its place. References to blocks and Prefect variables are resolved after that, and nothing keeps
//! them from it.

use prefect_api::models::Object;
use serde_json::{Map, Value};
use templating::placeholder;

/// Variables that hold text as it is, by name.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Literals {
    prefix: &'static str,
    pub(crate) variables: Object,
}

impl Literals {
    /// Names of variables begin with `prefix`, so that those of a pool and those of a deployment differ.
    pub(crate) fn new(prefix: &'static str) -> Self {
        Self { prefix, variables: Map::new() }
    }

    /// The value with every text that holds a placeholder replaced by the placeholder of a variable with that text.
    pub(crate) fn keep(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) if holds_placeholder(&text) => self.variable(text).into(),
            Value::Object(members) => members.into_iter().map(|(name, value)| (name, self.keep(value))).collect(),
            Value::Array(items) => items.into_iter().map(|item| self.keep(item)).collect(),
            other => other,
        }
    }

    fn variable(&mut self, text: String) -> String {
        let known = self.variables.iter().find(|(_, known)| **known == text).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| {
            let name = format!("{}{}", self.prefix, self.variables.len() + 1);
            self.variables.insert(name.clone(), text.into());
            name
        });
        format!("{{{{ {name} }}}}")
    }
}

/// Whether a pool would fill something in.
pub(crate) fn holds_placeholder(text: &str) -> bool {
    placeholder::find(text).next().is_some()
}

/// Whether a pool would put a block or a Prefect variable in, wherever the text stands.
pub(crate) fn holds_reference(value: &Value) -> bool {
    match value {
        Value::String(text) => placeholder::find(text)
            .any(|it| matches!(it.kind(), placeholder::Kind::Block(_) | placeholder::Kind::Variable(_))),
        Value::Object(members) => members.values().any(holds_reference),
        Value::Array(items) => items.iter().any(holds_reference),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_with_placeholders_becomes_the_default_of_a_variable() {
        let mut literals = Literals::new("literal_");
        let kept = literals.keep(json!({"a": ["{{ image }}", "x", "{{ image }}"], "b": "{{ $HOME }}/{{ no, none }}"}));
        assert_eq!(kept, json!({"a": ["{{ literal_1 }}", "x", "{{ literal_1 }}"], "b": "{{ literal_2 }}"}));
        assert_eq!(
            Value::Object(literals.variables),
            json!({"literal_1": "{{ image }}", "literal_2": "{{ $HOME }}/{{ no, none }}"})
        );
        assert!(holds_reference(&json!(["{{ prefect.variables.x }}"])) && !holds_reference(&json!("{{ image }}")));
    }
}
