//! Why AWS did not answer a call as hoped.

use aws::call::CallError;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// AWS answered, with an error.
    #[error("{operation} was refused: {code}: {message}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// AWS's code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// There was no answer, or none that could be read.
    #[error("no answer to {operation}: {reason}")]
    NoAnswer {
        /// What was asked.
        operation: &'static str,
        /// As far as that is known.
        reason: String,
    },
}

impl Trouble {
    /// Whether AWS answered with one of these codes.
    #[must_use]
    pub fn is(&self, codes: &[&str]) -> bool {
        matches!(self, Self::Refused { code, .. } if codes.iter().any(|wanted| code.ends_with(wanted)))
    }

    pub(super) fn of_call(operation: &'static str, error: CallError) -> Self {
        match error {
            CallError::Refused { code, message } => Self::Refused { operation, code, message },
            error => Self::NoAnswer { operation, reason: error.to_string() },
        }
    }

    pub(super) fn of<E, R>(operation: &'static str, error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug,
    {
        match error {
            SdkError::ServiceError(service) => {
                let error = service.err();
                let text = |text: Option<&str>, otherwise: &str| text.unwrap_or(otherwise).to_owned();
                Self::Refused {
                    operation,
                    code: text(error.code(), "unknown"),
                    message: text(error.message(), "no message"),
                }
            }
            // The innermost reason names what a person can do something about: no credentials, no region, no route.
            error => {
                let mut innermost: &dyn std::error::Error = error;
                while let Some(source) = innermost.source() {
                    innermost = source;
                }
                Self::NoAnswer { operation, reason: innermost.to_string() }
            }
        }
    }
}
