//! Why a value does not fit a schema, in words and at the place that has to change. The value itself is not shown: it may
//! have come out of a secret.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

use crate::json::kind;

/// What is wrong with a value.
#[derive(Debug)]
pub(crate) struct Objection {
    /// JSON pointer of the value.
    pub(crate) pointer: String,
    pub(crate) text: String,
}

impl Objection {
    pub(crate) fn of(error: &ValidationError<'_>) -> Self {
        if let Kind::AnyOf { context } | Kind::OneOfNotValid { context } = error.kind()
            && let Some(inner) = farthest(error, context)
        {
            return Self::of(inner);
        }
        let found = kind(error.instance());
        let wanted = wanted(error);
        let text = match wanted.is_empty() {
            true => format!("found {found}; {}", error.masked_with("the value")),
            false => format!("found {found}, wanted {}", wanted.join(" or ")),
        };
        Self { pointer: error.instance_path().as_str().to_owned(), text }
    }
}

/// Of alternatives none of which fits, the one that was meant: its fault lies deepest in the value. None if all of them
/// refuse the value as a whole.
fn farthest<'e>(
    error: &ValidationError<'_>,
    context: &'e [Vec<ValidationError<'static>>],
) -> Option<&'e ValidationError<'static>> {
    let depth = |path: &str| path.matches('/').count();
    let own = depth(error.instance_path().as_str());
    let errors = context.iter().filter_map(|branch| branch.first());
    let deepest = errors.max_by_key(|it| depth(it.instance_path().as_str()))?;
    (depth(deepest.instance_path().as_str()) > own).then_some(deepest)
}

/// The types and values that would do; empty for other rules.
fn wanted(error: &ValidationError<'_>) -> Vec<String> {
    match error.kind() {
        Kind::Type { kind: TypeKind::Single(wanted) } => vec![wanted.to_string()],
        Kind::Type { kind: TypeKind::Multiple(wanted) } => wanted.iter().map(|it| it.to_string()).collect(),
        Kind::Enum { options } => options.as_array().into_iter().flatten().map(Value::to_string).collect(),
        Kind::Constant { expected_value } => vec![expected_value.to_string()],
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
            context.iter().flatten().flat_map(wanted).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(schema: &Value, value: &Value) -> Vec<String> {
        let validator = jsonschema::validator_for(schema).expect("a schema");
        validator
            .iter_errors(value)
            .map(|it| Objection::of(&it))
            .map(|it| format!("{} {}", it.pointer, it.text))
            .collect()
    }

    #[test]
    fn types_and_values_that_would_do_are_named() {
        assert_eq!(told(&json!({"type": "integer"}), &json!("x")), [" found text, wanted integer"]);
        assert_eq!(told(&json!({"enum": ["full", 1]}), &json!("x")), [r#" found text, wanted "full" or 1"#]);
        let either = json!({"anyOf": [{"type": "integer"}, {"type": "null"}, {"const": "all"}]});
        assert_eq!(told(&either, &json!([])), [r#" found a list, wanted integer or null or "all""#]);
        let [text] = told(&json!({"maximum": 3}), &json!(5)).try_into().expect("one objection");
        assert!(text.starts_with(" found a number; the value is greater than"), "{text}");
    }

    #[test]
    fn of_alternatives_the_one_that_was_meant_is_told() {
        let target = json!({"type": "object", "properties": {"region": {"enum": ["east", "west"]}}});
        let schema = json!({"properties": {"target": {"anyOf": [{"type": "null"}, target]}}});
        assert_eq!(
            told(&schema, &json!({"target": {"region": "mars"}})),
            [r#"/target/region found text, wanted "east" or "west""#]
        );
    }
}
