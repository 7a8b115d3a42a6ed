//! What can go wrong between a base job template and a job configuration, and what a person is told.

use std::fmt;

use templating::{Reference, ResolveError};

use crate::Diagnosis;

/// Every code of this crate with its title, in order; `docs/errors.md` has an entry for each.
pub const CODES: &[(&str, &str)] = &[
    ("PP0101", "Base job template is not an object"),
    ("PP0102", "Base job template has no job configuration"),
    ("PP0103", "Variables of the base job template are malformed"),
    ("PP0104", "Variables schema of the base job template is invalid"),
    ("PP0105", "Job variables do not fit the work pool"),
    ("PP0106", "Dotted job variable contradicts another"),
    ("PP0107", "Environment is not an object"),
    ("PP0108", "Field of the job configuration has the wrong type"),
    ("PP0109", "Block or variable could not be read"),
    ("PP0110", "Reference to a block cannot be used"),
    ("PP0111", "Blocks and variables need a Prefect server"),
    ("PP0112", "Template or job variables nest too deeply"),
    ("PP0113", "Job configuration is too large"),
];

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
    #[error("{reference}, named at `{at}` of the job configuration: {source}")]
    Resolve {
        /// JSON pointer into the job configuration.
        at: String,
        /// What was asked for.
        reference: Reference,
        /// The resolver's answer.
        source: ResolveError,
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
        let (code, resolution) = match self {
            Self::ReadTemplate { .. } => (
                "PP0101",
                "Give the work pool a base job template with `job_configuration` and `variables`, or `{}` for the built-in one.",
            ),
            Self::ReadJobConfiguration { .. } => (
                "PP0102",
                "Add a `job_configuration` object to the base job template, or use `{}` for the built-in template.",
            ),
            Self::ReadVariables { .. } => (
                "PP0103",
                "Make `variables` a JSON schema of type object with one entry per variable below `properties`.",
            ),
            Self::CompileSchema { .. } => ("PP0104", "Correct the schema in the base job template of the work pool."),
            Self::ValidateVariables { .. } => (
                "PP0105",
                "Change the job variable in the deployment or the flow run, or what the work pool allows for it.",
            ),
            Self::ExpandDotted { .. } => {
                ("PP0106", "Write the variable as one nested object instead of mixing dotted keys.")
            }
            Self::MergeEnvironment { .. } => (
                "PP0107",
                "Give `env` as an object of names and values; to remove everything inherited, set each name to null.",
            ),
            Self::ReadField { .. } => {
                ("PP0108", "Correct the job variable or the default that the base job template puts there.")
            }
            Self::Resolve { source: ResolveError::NeedsServer, .. } => (
                "PP0111",
                "Replace the reference by a plain value, or run with a Prefect server instead of standalone mode.",
            ),
            Self::Resolve { .. } => (
                "PP0109",
                "Check that the block or variable exists, that its name is spelled as on the server, and that pushpool may read it.",
            ),
            Self::UseReference { .. } => (
                "PP0110",
                "Name a block as `{{ prefect.blocks.<type>.<name> }}` and, inside other text, a single value of it as `….<name>.<key>`.",
            ),
            Self::Depth { .. } => ("PP0112", "Flatten the base job template or the job variable."),
            Self::Size { .. } => (
                "PP0113",
                "Shorten the job variables: AWS accepts 64 KiB for a task definition. Large inputs belong into S3 or into flow parameters.",
            ),
        };
        let title = CODES.iter().find_map(|(known, title)| (*known == code).then_some(*title)).unwrap_or_default();
        let diagnosis =
            Diagnosis { code, summary: title.to_owned(), detail: self.to_string(), resolution: resolution.to_owned() };
        diagnosis.bounded()
    }
}

impl From<templating::Error> for WorkPoolError {
    fn from(error: templating::Error) -> Self {
        use templating::Error;
        match error {
            Error::Resolve { at, reference, source } => Self::Resolve { at, reference, source },
            Error::Depth { limit } => Self::Depth { limit },
            Error::Size { limit } => Self::Size { limit },
            Error::UseReference { at, problem } => Self::UseReference { at, problem },
            // The policy of job configurations removes what has no value.
            other => Self::UseReference { at: String::new(), problem: other.to_string() },
        }
    }
}
