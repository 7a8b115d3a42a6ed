//! What can go wrong between a call and its answer.

use crate::transport::{Response, TransportError};

/// How much of the server's words is passed on, in characters.
const QUOTED: usize = 1_000;

/// Why a call has no result. `operation` is the path below the base URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// No answer, after all tries. Whether the call took effect is not known.
    #[error("{operation}: {reason}")]
    Unanswered {
        /// What was called.
        operation: String,
        /// Why there is no answer. It is part of the text, so it is no source: one that prints the chain would repeat it.
        reason: TransportError,
    },
    /// The server was busy each time it was asked (408, 429, 500, 502, 503, 504).
    #[error("{operation}: the server is busy (HTTP {status}): {detail}")]
    Busy {
        /// What was called.
        operation: String,
        /// Status of the last answer.
        status: u16,
        /// The server's words.
        detail: String,
    },
    /// Credentials are missing or wrong (401, 403).
    #[error("{operation}: not authorised (HTTP {status}): {detail}")]
    Unauthorised {
        /// What was called.
        operation: String,
        /// Status.
        status: u16,
        /// The server's words.
        detail: String,
    },
    /// There is no such thing (404).
    #[error("{operation}: not found: {detail}")]
    NotFound {
        /// What was called.
        operation: String,
        /// The server's words.
        detail: String,
    },
    /// The server refuses the request (other 4xx).
    #[error("{operation}: refused (HTTP {status}): {detail}")]
    Refused {
        /// What was called.
        operation: String,
        /// Status.
        status: u16,
        /// The server's words.
        detail: String,
    },
    /// Answers that belong together do not fit together, however often they are asked for: it changes meanwhile.
    #[error("{operation}: the answers do not fit together")]
    Unsettled {
        /// What was called.
        operation: String,
    },
    /// The answer is not what the API describes.
    #[error("{operation}: the answer cannot be read: {detail}")]
    Unreadable {
        /// What was called.
        operation: String,
        /// What was expected, without values.
        detail: String,
    },
}

impl ApiError {
    /// What an answer with an error status means.
    pub(crate) fn of_response(operation: &str, response: &Response) -> Self {
        let (operation, detail, status) = (operation.to_owned(), words(&response.body), response.status);
        match status {
            401 | 403 => Self::Unauthorised { operation, status, detail },
            404 => Self::NotFound { operation, detail },
            408 | 429 | 500..=599 => Self::Busy { operation, status, detail },
            _ => Self::Refused { operation, status, detail },
        }
    }

    /// There is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    /// Whether the answer may have failed for what it holds: one item that the server cannot write or this client cannot
    /// read, or too much of everything. Asking for less may help.
    #[must_use]
    pub fn is_of_its_content(&self) -> bool {
        matches!(
            self,
            Self::Busy { status: 500, .. }
                | Self::Unreadable { .. }
                | Self::Unanswered { reason: TransportError::TooLarge(_) | TransportError::Timeout, .. }
        )
    }

    /// There was such a thing, and it has ended (410).
    #[must_use]
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 410, .. })
    }

    /// Such a thing exists already (409).
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }
}

/// The server's own words, and nothing else of the body: a 422 repeats the whole request, which may hold secrets
/// (prefect 3.8.8, `server/api/server.py`, `validation_exception_handler`).
fn words(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<serde_json::Value>(body) else {
        return "no explanation".to_owned();
    };
    let mut said: Vec<String> = Vec::new();
    for name in ["exception_message", "detail"] {
        if let Some(text) = body[name].as_str() {
            said.push(text.to_owned());
        }
    }
    for name in ["exception_detail", "detail"] {
        for problem in body[name].as_array().into_iter().flatten() {
            let place: Vec<String> = problem["loc"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
                .collect();
            if let Some(text) = problem["msg"].as_str() {
                said.push(format!("{}: {text}", place.join(".")));
            }
        }
    }
    if said.is_empty() {
        return "no explanation".to_owned();
    }
    said.join("; ").chars().take(QUOTED).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_without_the_request_it_repeats() {
        let body = br#"{"exception_message":"Invalid request received.","exception_detail":[{"loc":["body","cpu"],
            "msg":"not an integer","input":"canary"}],"request_body":{"secret":"canary"}}"#;
        let response = Response { status: 422, retry_after: None, body: body.to_vec() };
        let error = ApiError::of_response("POST /work_pools/", &response);
        let text = format!("{error} {error:?}");
        assert!(text.contains("body.cpu: not an integer") && !text.contains("canary"), "{text}");
    }

    #[test]
    fn the_reason_for_no_answer_is_said_once() {
        let error = ApiError::Unanswered { operation: "GET /x".to_owned(), reason: TransportError::Timeout };
        let chain = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
        let told: Vec<String> = chain.map(ToString::to_string).collect();
        assert_eq!(told, [format!("GET /x: {}", TransportError::Timeout)]);
    }

    #[test]
    fn a_body_that_is_not_json_is_not_quoted() {
        let response = Response { status: 502, retry_after: None, body: b"<html>canary</html>".to_vec() };
        let error = ApiError::of_response("GET /x", &response);
        assert!(matches!(&error, ApiError::Busy { detail, .. } if detail == "no explanation"), "{error}");
    }
}
