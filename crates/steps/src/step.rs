//! Steps as they stand in `prefect.yaml`.

use std::fmt;

use serde_json::{Map, Value};

use crate::{
    error::{Problem, StepError},
    signature::{self, Signature},
    words::{kind_of, listed},
};

/// A mapping of `prefect.yaml`: inputs or outputs of a step.
pub type Object = Map<String, Value>;

/// A step: `{"fully.qualified.function": {inputs, id?, requires?}}` with exactly one key.
#[derive(Clone, PartialEq)]
pub struct Step {
    /// The function, as it is written.
    pub function: String,
    /// Its arguments, without `id` and `requires`.
    pub inputs: Object,
    /// Name under which later steps find the outputs.
    pub id: Option<String>,
    /// Packages that a step in Python needs.
    pub requires: Vec<String>,
}

impl Step {
    /// Reads a step. None for `{}` and null, which Prefect skips.
    ///
    /// # Errors
    /// It is no mapping with one key that holds a mapping, or `id` or `requires` are of a wrong type.
    pub fn parse(value: &Value) -> Result<Option<Self>, StepError> {
        let refuse = StepError::new;
        let entries = match value {
            Value::Null => return Ok(None),
            Value::Object(entries) => entries,
            Value::String(name) => return Err(refuse(name, Problem::BareName { function: name.clone() })),
            other => return Err(refuse("?", Problem::NotAMapping { found: kind_of(other) })),
        };
        let mut keys = entries.iter();
        let Some((function, inputs)) = keys.next() else { return Ok(None) };
        let name = signature::short(function);
        let others: Vec<String> = keys.map(|(key, _)| key.clone()).collect();
        if !others.is_empty() {
            return Err(refuse(name, Problem::SeveralKeys { others }));
        }
        let Value::Object(inputs) = inputs else {
            return Err(refuse(name, Problem::Inputs { function: function.clone(), found: kind_of(inputs) }));
        };
        let mut inputs = inputs.clone();
        let id = id_of(inputs.shift_remove("id")).map_err(|problem| refuse(name, problem))?;
        let requires = requires_of(inputs.shift_remove("requires")).map_err(|problem| refuse(name, problem))?;
        Ok(Some(Self { function: function.clone(), inputs, id, requires }))
    }

    /// The step in a few letters: its id, or the last part of the function's name.
    #[must_use]
    pub fn label(&self) -> &str {
        self.id.as_deref().unwrap_or_else(|| signature::short(&self.function))
    }

    /// Whether the step runs without Python.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.needs_python().is_none()
    }

    /// Why the step runs in the project's Python; none for a native one.
    #[must_use]
    pub fn needs_python(&self) -> Option<String> {
        match self.signature() {
            Some(known) => known.needs_python(&self.inputs),
            None if self.requires.is_empty() => Some(format!("`{}` is a Python function", self.function)),
            None => Some(format!("`{}` is a Python function that requires {}", self.function, listed(&self.requires))),
        }
    }

    /// Names of the outputs, where they are known before the step runs.
    #[must_use]
    pub fn outputs(&self) -> Option<&'static [&'static str]> {
        self.signature().map(|known| known.outputs)
    }

    pub(crate) fn signature(&self) -> Option<&'static Signature> {
        signature::of(&self.function)
    }
}

/// Inputs may be secrets, so only their names are shown.
impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Step")
            .field("function", &self.function)
            .field("id", &self.id)
            .field("requires", &self.requires)
            .field("inputs", &self.inputs.keys().collect::<Vec<_>>())
            .finish()
    }
}

/// An id that Python takes as false is none.
fn id_of(value: Option<Value>) -> Result<Option<String>, Problem> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id).filter(|id| !id.is_empty())),
        Some(Value::Number(id)) => Ok(Some(id.to_string())),
        Some(other) => Err(Problem::wrong_type("id", "a text", &other)),
    }
}

fn requires_of(value: Option<Value>) -> Result<Vec<String>, Problem> {
    let wanted = "a text or a list of texts";
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(package)) => {
            Ok(Some(package).filter(|package| !package.trim().is_empty()).into_iter().collect())
        }
        Some(Value::Array(packages)) => packages
            .into_iter()
            .map(|package| match package {
                Value::String(package) => Ok(package),
                other => Err(Problem::wrong_type("requires", wanted, &other)),
            })
            .collect(),
        Some(other) => Err(Problem::wrong_type("requires", wanted, &other)),
    }
}
