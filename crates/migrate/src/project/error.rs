//! Why the files of a project cannot be translated.

use yaml::{EditError, YamlError};

use crate::estate::EstateError;

/// Why the files of a project cannot be translated. Nothing is written then.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// A file is not YAML.
    #[error("{path} cannot be read")]
    Yaml {
        /// The file.
        path: String,
        /// Where and why.
        source: YamlError,
    },
    /// A file is none that a project of Prefect 2 has.
    #[error(
        "{path} is neither a prefect.yaml nor a deployment.yaml nor a file that `prefect deployment build` wrote: \
         leave it out"
    )]
    Unknown {
        /// The file.
        path: String,
    },
    /// Two files claim to be the project's own.
    #[error("{first} and {second} both describe the project: name one of them")]
    Twice {
        /// One file.
        first: String,
        /// The other.
        second: String,
    },
    /// An entry of a file has the wrong kind of value.
    #[error("{path}: `{key}` must be {wanted}")]
    Kind {
        /// The file.
        path: String,
        /// The key.
        key: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// A block in an artefact is none.
    #[error("a block in the files cannot be read")]
    Block(#[from] EstateError),
    /// The text of a file cannot be brought to its new content.
    #[error("{path} cannot be rewritten")]
    Edit {
        /// The file.
        path: String,
        /// Why.
        source: EditError,
    },
}
