//! Job variables against the JSON schema of the pool.
//!
//! The server validates with JSON Schema 2020-12 after it mends what pydantic 1 gets wrong (prefect 3.9.1,
//! `server/api/validation.py` and `utilities/schema_tools/validation.py`): a typed property that is not required also
//! takes null, and a list under `items` means a tuple. Formats are not checked. A default that does not fit is left
//! out instead of failing every run.

use std::collections::{BTreeSet, HashSet};

use diagnosis::shorten;
use jsonschema::{Draft, PatternOptions, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Value, json};
use templating::{Budget, depth_of, is_reference};

use crate::{
    Object, allowed,
    error::{Violation, WorkPoolError},
    measure::Measure,
    policy::{MAX_BYTES, budget},
    variables::{ENV, Variables},
};

/// Objections reported at once.
const MAX_VIOLATIONS: usize = 20;

/// Steps back that one match of a `pattern` may take: some milliseconds. The engine's own limit is ten times that, and a
/// schema may have a hundred patterns.
const MAX_BACKTRACKS: usize = 100_000;

/// Bytes of a value times how often each of its places is judged: a second's work.
const MAX_EFFORT: usize = 64 * MAX_BYTES;

/// Characters of the place in a variable that are told.
const LONGEST_PLACE: usize = 200;

/// Names of variables that one objection tells.
const MAX_NAMES: usize = 20;

/// The compiled schema of a pool.
pub(crate) struct Validation {
    validator: Validator,
    measure: Measure,
    schema: Value,
    /// Defaults that fit.
    defaults: Object,
    /// Variables whose default does not fit: as the server cannot tell, they count as given.
    unfit: HashSet<String>,
}

impl Validation {
    pub(crate) fn compile(schema: &Value, defaults: &Object) -> Result<Self, WorkPoolError> {
        let schema = mend(schema);
        let measure = Measure::of(&schema)?;
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .should_validate_formats(false)
            .with_pattern_options(PatternOptions::fancy_regex().backtrack_limit(MAX_BACKTRACKS))
            .build(&schema)
            // What it objects to may be a default, and so a secret.
            .map_err(|error| WorkPoolError::CompileSchema { reason: error.masked_with("what it says").to_string() })?;
        let instance = Value::Object(defaults.clone());
        let mut budget = budget();
        budget.spend(&instance, 0)?;
        affordable(&measure, &instance, &budget)?;
        let unfit: HashSet<String> = validator
            .iter_errors(&instance)
            .filter(|error| !is_pending(error, &instance))
            .filter_map(|error| segments(error.instance_path().as_str()).into_iter().next())
            .collect();
        let fit = defaults.iter().filter(|(name, _)| !unfit.contains(*name));
        let defaults = fit.map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(Self { validator, measure, schema, defaults, unfit })
    }

    pub(crate) fn check(&self, variables: &Variables<'_>, budget: &mut Budget) -> Result<(), WorkPoolError> {
        let mut instance = budget.copy_object(&self.defaults, 0)?;
        for name in variables.given_names() {
            if let Some(value) = variables.given(name) {
                instance.insert(name.clone(), budget.copy(value, 1)?);
            }
        }
        // A dotted key is unknown to the server's schema, and the worker makes a string of whatever it holds.
        if let Some(Value::Object(environment)) = instance.get_mut(ENV) {
            for name in variables.dotted_env_names() {
                if let Some(value @ (Value::Bool(_) | Value::Number(_))) = environment.get_mut(name) {
                    *value = Value::String(String::new());
                }
            }
        }
        let instance = Value::Object(instance);
        affordable(&self.measure, &instance, budget)?;
        if self.validator.is_valid(&instance) {
            return Ok(());
        }
        let violations: BTreeSet<Violation> = self
            .validator
            .iter_errors(&instance)
            .filter(|error| !is_pending(error, &instance))
            .filter(|error| !self.is_excused(error) && !self.is_unset(error, &instance))
            .map(|error| self.violation(&error, &instance))
            .take(MAX_VIOLATIONS)
            .collect();
        if violations.is_empty() {
            return Ok(());
        }
        Err(WorkPoolError::ValidateVariables { violations: violations.into_iter().collect() })
    }
}

impl Validation {
    fn is_excused(&self, error: &ValidationError<'_>) -> bool {
        error.instance_path().is_empty()
            && matches!(error.kind(), ValidationErrorKind::Required { property: Value::String(name) } if self.unfit.contains(name))
    }

    /// Whether the objection is to the null of a variable that may be missing: null unsets it.
    fn is_unset(&self, error: &ValidationError<'_>, instance: &Value) -> bool {
        let path = segments(error.instance_path().as_str());
        let [name] = path.as_slice() else { return false };
        let required = self.schema.get("required").and_then(Value::as_array);
        instance.get(name).is_some_and(Value::is_null)
            && !required.is_some_and(|names| names.iter().any(|required| required == name.as_str()))
    }

    fn violation(&self, error: &ValidationError<'_>, instance: &Value) -> Violation {
        let mut path = segments(error.instance_path().as_str());
        let schema = error.schema_path().as_str();
        let schema = schema.rsplit_once('/').and_then(|(parent, _)| self.schema.pointer(parent));
        let described = || match schema {
            Some(schema) => allowed::describe(schema, &self.schema),
            None => error.masked_with("it").to_string(),
        };
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                path.push(property.as_str().unwrap_or_default().to_owned());
                let schema = schema.and_then(|schema| schema.get("properties")?.get(property.as_str()?));
                let allowed = schema.map_or_else(|| "any value".to_owned(), |it| allowed::describe(it, &self.schema));
                Violation { variable: dotted(&path), found: "missing, but required".to_owned(), allowed }
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                path.push(listed(unexpected.iter()));
                let known = schema.and_then(|schema| schema.get("properties")?.as_object());
                let allowed = listed(known.into_iter().flat_map(Object::keys));
                Violation { variable: dotted(&path), found: "not known".to_owned(), allowed }
            }
            _ => Violation {
                // Not the error's own: with `additionalProperties: false` that is the value of a property, at the place of the
                // object (jsonschema 0.61.2), and whether a value may be shown is judged by its place.
                found: allowed::found(
                    &path,
                    instance.pointer(error.instance_path().as_str()).unwrap_or(instance),
                    schema,
                ),
                variable: dotted(&path),
                allowed: described(),
            },
        }
    }
}

/// Refuses what the schema would take too long to judge, or too much memory to object to.
fn affordable(measure: &Measure, instance: &Value, budget: &Budget) -> Result<(), WorkPoolError> {
    let depth = depth_of(instance);
    if depth > measure.depth {
        return Err(WorkPoolError::Depth { limit: measure.depth });
    }
    let effort = measure.visits(depth).saturating_mul(budget.spent());
    if effort > MAX_EFFORT {
        return Err(WorkPoolError::CompileSchema { reason: "its references multiply for so large a value".to_owned() });
    }
    Ok(())
}

/// Names with commas between them, if there are not too many.
fn listed<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let mut list = String::new();
    for (index, name) in names.enumerate() {
        if index == MAX_NAMES {
            list.push_str(", …");
            break;
        }
        if index > 0 {
            list.push_str(", ");
        }
        let mut name = name.clone();
        shorten(&mut name, LONGEST_PLACE);
        list.push_str(&name);
    }
    list
}

/// Whether the objection is about something that is yet to be replaced by a block or a Prefect variable.
fn is_pending(error: &ValidationError<'_>, instance: &Value) -> bool {
    let mut at = instance;
    for segment in segments(error.instance_path().as_str()) {
        let inner = match at {
            Value::Array(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)),
            other => other.get(&segment),
        };
        let Some(inner) = inner else { return false };
        if is_reference(inner) {
            return true;
        }
        at = inner;
    }
    // These judge a value together with all that is in it.
    let is_compound = matches!(
        error.kind(),
        ValidationErrorKind::AnyOf { .. }
            | ValidationErrorKind::OneOfNotValid { .. }
            | ValidationErrorKind::OneOfMultipleValid { .. }
            | ValidationErrorKind::Not { .. }
            | ValidationErrorKind::Contains
            | ValidationErrorKind::Enum { .. }
            | ValidationErrorKind::Constant { .. }
    );
    is_compound && holds_reference(at)
}

fn holds_reference(value: &Value) -> bool {
    is_reference(value)
        || match value {
            Value::Array(items) => items.iter().any(holds_reference),
            Value::Object(entries) => entries.values().any(holds_reference),
            _ => false,
        }
}

/// Tokens of a JSON pointer.
fn segments(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect()
}

/// `a[0].b` for the tokens a, 0, b.
fn dotted(path: &[String]) -> String {
    let mut out = String::new();
    for token in path {
        if !out.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit()) {
            out.extend(["[", token, "]"]);
        } else {
            out.extend([if out.is_empty() { "" } else { "." }, token]);
        }
    }
    shorten(&mut out, LONGEST_PLACE * MAX_NAMES);
    out
}

/// The schema as the server reads it.
fn mend(schema: &Value) -> Value {
    let mut schema = schema.clone();
    mend_properties(&mut schema);
    if let Some(Value::Object(definitions)) = schema.get_mut("definitions") {
        definitions.values_mut().for_each(mend_properties);
    }
    schema
}

fn mend_properties(schema: &mut Value) {
    let required: Vec<String> = match schema.get("required") {
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (name, property) in properties {
        let Value::Object(keywords) = property else { continue };
        if !required.contains(name) && keywords.get("type").is_some_and(|it| it != "null") {
            let own = keywords.shift_remove("type");
            keywords.insert("anyOf".to_owned(), json!([{ "type": own }, { "type": "null" }]));
        }
        let is_tuple = matches!(keywords.get("items"), Some(Value::Array(items)) if !items.is_empty());
        if is_tuple && !keywords.contains_key("prefixItems") {
            let items = keywords.shift_remove("items").unwrap_or_default();
            keywords.insert("prefixItems".to_owned(), items);
        }
        mend_properties(property);
    }
}
