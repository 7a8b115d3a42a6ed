//! What can go wrong between a base job template and a job configuration, and what a person is told.

use std::fmt;

use diagnosis::{
    Diagnosis, PP0101, PP0102, PP0103, PP0104, PP0105, PP0106, PP0107, PP0108, PP0109, PP0110, PP0111, PP0112, PP0113,
};
use templating::{Reference, ResolveError, TemplatingError};

/// Why there is no job configuration. No variant holds a value that could be secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorkPoolError {
    /// Reading the template: it is not an object.
    #[error("the base job template is {found}, not an object")]
    ReadTemplate {
        /// Kind of what was given.
        found: &'static str,
    },
    /// Reading the template: `job_configuration` is missing or not an object.
    #[error("`job_configuration` of the base job template is {found}, not an object")]
    ReadJobConfiguration {
        /// Kind of what was given, or "missing".
        found: &'static str,
    },
    /// Reading the template: a part of `variables` is not an object.
    #[error("`{part}` of the base job template is {found}, not an object")]
    ReadVariables {
        /// Dotted path in the template.
        part: &'static str,
        /// Kind of what was given.
        found: &'static str,
    },
    /// Compiling the JSON schema of the variables.
    #[error("`variables` of the base job template is not a JSON schema: {reason}")]
    CompileSchema {
        /// What the compiler objects to.
        reason: String,
    },
    /// Validating the job variables against the schema.
    #[error("{}", Violations(.violations))]
    ValidateVariables {
        /// Every objection, in the order of the variables' names.
        violations: Vec<Violation>,
    },
    /// Expanding dotted job variables: one needs an object where another one put a value.
    #[error("job variable `{key}` reaches into a value that is not an object")]
    ExpandDotted {
        /// The dotted key.
        key: String,
    },
    /// Merging the environment of two layers, or reading the rendered one.
    #[error("`{place}` is {found}, not an object")]
    MergeEnvironment {
        /// Whose environment.
        place: &'static str,
        /// Kind of what was found.
        found: &'static str,
    },
    /// Reading a rendered field.
    #[error("`{field}` of the job configuration is {found}; allowed: {allowed}")]
    ReadField {
        /// Dotted path in the job configuration.
        field: String,
        /// Kind of what was found.
        found: &'static str,
        /// What it may be.
        allowed: &'static str,
    },
    /// Asking the resolver.
    #[error("{reference}, named at `{at}` of the job configuration: {answer}")]
    Resolve {
        /// JSON pointer into the job configuration.
        at: String,
        /// What was asked for.
        reference: Reference,
        /// The resolver's answer.
        answer: ResolveError,
    },
    /// Using what the resolver answered, or asking it at all.
    #[error("the reference at `{at}` of the job configuration cannot be used: {problem}")]
    UseReference {
        /// JSON pointer into the job configuration.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Descending: too many levels.
    #[error("nested more than {limit} levels deep")]
    Depth {
        /// The limit.
        limit: usize,
    },
    /// Copying: too many bytes.
    #[error("the job configuration would be larger than {limit} bytes")]
    Size {
        /// The limit.
        limit: usize,
    },
}

/// One objection to the job variables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The variable, and the place in it: `capacity_provider_strategy[0].weight`.
    pub variable: String,
    /// What was found: the value where it cannot be secret, else only its kind.
    pub found: String,
    /// What the schema allows.
    pub allowed: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is {}; allowed: {}", self.variable, self.found, self.allowed)
    }
}

struct Violations<'a>(&'a [Violation]);

impl fmt::Display for Violations<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "job variable {violation}")?;
        }
        Ok(())
    }
}

impl WorkPoolError {
    /// Code and texts for the person who has to repair it.
    pub fn diagnosis(&self) -> Diagnosis {
        let code = match self {
            Self::ReadTemplate { .. } => PP0101,
            Self::ReadJobConfiguration { .. } => PP0102,
            Self::ReadVariables { .. } => PP0103,
            Self::CompileSchema { .. } => PP0104,
            Self::ValidateVariables { .. } => PP0105,
            Self::ExpandDotted { .. } => PP0106,
            Self::MergeEnvironment { .. } => PP0107,
            Self::ReadField { .. } => PP0108,
            Self::Resolve { answer: ResolveError::NeedsServer, .. } => PP0111,
            Self::Resolve { .. } => PP0109,
            Self::UseReference { .. } => PP0110,
            Self::Depth { .. } => PP0112,
            Self::Size { .. } => PP0113,
        };
        Diagnosis::of(code, self.to_string()).bounded()
    }
}

impl From<TemplatingError> for WorkPoolError {
    fn from(error: TemplatingError) -> Self {
        match error {
            TemplatingError::Resolve { at, reference, answer } => Self::Resolve { at, reference, answer },
            TemplatingError::Depth { limit } => Self::Depth { limit },
            TemplatingError::Size { limit } => Self::Size { limit },
            TemplatingError::UseReference { at, problem } => Self::UseReference { at, problem },
            // The policy of job configurations removes what has no value.
            other => Self::UseReference { at: String::new(), problem: other.to_string() },
        }
    }
}
