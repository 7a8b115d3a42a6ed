//! What can go wrong with placeholders. No variant holds a value, for values may be secret.

use std::fmt;

use crate::{pointer, reference::Reference};

/// Why a document has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplatingError {
    /// Looking up: placeholders have no value, and the policy refuses that.
    #[error("{}", Listed(.places))]
    Missing {
        /// All of them, in the order of the document; of one that uses both passes, those of the first that fails.
        places: Vec<Unfilled>,
    },
    /// Asking the resolver.
    #[error("{reference}, named at `{at}`: {answer}")]
    Resolve {
        /// JSON pointer into the document.
        at: String,
        /// What was asked for.
        reference: Reference,
        /// The resolver's answer.
        answer: ResolveError,
    },
    /// Using what the resolver answered, or asking it at all.
    #[error("the reference at `{at}` cannot be used: {problem}")]
    UseReference {
        /// JSON pointer into the document.
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
    #[error("the result would be larger than {limit} bytes")]
    Size {
        /// The limit.
        limit: usize,
    },
}

/// A placeholder without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfilled {
    /// JSON pointer into the document.
    pub at: String,
    /// The placeholder as it is written, braces included.
    pub placeholder: String,
}

impl fmt::Display for Unfilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at `{}` has no value", self.placeholder, self.at)
    }
}

/// Why a [`Resolver`](crate::Resolver) has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// There is no Prefect server to ask.
    #[error("there is no Prefect server to ask")]
    NeedsServer,
    /// The server has no such thing.
    #[error("it does not exist")]
    NotFound,
    /// The caller did not fetch it beforehand.
    #[error("it was not fetched")]
    NotFetched,
    /// The server refused, or could not be reached. The text must not hold secrets.
    #[error("{0}")]
    Failed(String),
}

struct Listed<'a>(&'a [Unfilled]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, place) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{place}")?;
        }
        Ok(())
    }
}

impl TemplatingError {
    pub(crate) fn missing(placeholder: &str) -> Self {
        Self::Missing { places: vec![Unfilled { at: String::new(), placeholder: placeholder.to_owned() }] }
    }

    /// The same error seen from one level up: its place begins with `token`.
    #[must_use]
    pub fn within(mut self, token: &str) -> Self {
        match &mut self {
            Self::Resolve { at, .. } | Self::UseReference { at, .. } => at.insert_str(0, &pointer::token(token)),
            Self::Missing { places } => {
                places.iter_mut().for_each(|place| place.at.insert_str(0, &pointer::token(token)));
            }
            Self::Depth { .. } | Self::Size { .. } => {}
        }
        self
    }
}

/// Gathers the placeholders without a value of several places, so that a user learns of all of them at once.
#[derive(Default)]
pub(crate) struct Gathered(Vec<Unfilled>);

impl Gathered {
    /// One without a value at the place itself.
    pub(crate) fn add(&mut self, placeholder: &str) {
        self.0.push(Unfilled { at: String::new(), placeholder: placeholder.to_owned() });
    }

    /// The result at the place itself, or nothing if it is an error of the kind that is gathered.
    ///
    /// # Errors
    /// Any other error.
    pub(crate) fn take_here<T>(&mut self, result: Result<T, TemplatingError>) -> Result<Option<T>, TemplatingError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(TemplatingError::Missing { places }) => {
                self.0.extend(places);
                Ok(None)
            }
            Err(other) => Err(other),
        }
    }

    /// The same one level down, at `token`.
    ///
    /// # Errors
    /// Any other error, seen from here.
    pub(crate) fn take<T>(
        &mut self,
        result: Result<T, TemplatingError>,
        token: impl FnOnce() -> String,
    ) -> Result<Option<T>, TemplatingError> {
        self.take_here(result.map_err(|error| error.within(&token())))
    }

    /// # Errors
    /// [`TemplatingError::Missing`] if anything was gathered.
    pub(crate) fn finish(self) -> Result<(), TemplatingError> {
        if self.0.is_empty() { Ok(()) } else { Err(TemplatingError::Missing { places: self.0 }) }
    }
}
