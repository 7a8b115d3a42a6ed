//! What was played.

use std::collections::BTreeMap;

use serde_json::Value;

/// What was played, to see that it was something.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers to proposals, by verdict and reason.
    pub(super) verdicts: BTreeMap<String, usize>,
    /// Other requests, by kind and status.
    pub(super) requests: BTreeMap<String, usize>,
    /// Runs that polls handed out.
    pub(super) handed_out: usize,
}

impl Tally {
    /// The answers to proposals: verdict and reason.
    pub(super) fn verdicts(&self) -> impl Iterator<Item = &str> {
        self.verdicts.keys().map(String::as_str)
    }

    /// Steps that only make nonsense would let anything pass.
    pub(super) fn check_that_it_proves_something(&self) {
        let seen = |start: &str| self.verdicts().any(|it| it.starts_with(start));
        for verdict in [
            "ACCEPT",
            "WAIT",
            "REJECT This run has already made",
            "REJECT Run is already COMPLETED",
            "REJECT Cannot overwrite a COMPLETED state",
            "REJECT Scheduled flow run has no infrastructure",
            "REJECT Cannot transition flows that are cancelling",
            "REJECT Retrying",
            "REJECT Deployment concurrency limit reached",
            "ABORT This run is in a PENDING state",
            "ABORT This run is in a RUNNING state",
            "ABORT This run is in a CANCELLED state",
            "ABORT Run is already in terminal state",
            "ABORT Deployment not found",
            "HTTP 404",
        ] {
            assert!(seen(verdict), "no proposal was answered with {verdict}: {:#?}", self.verdicts);
        }
        assert!(self.handed_out > 5, "polls handed out {} runs", self.handed_out);
    }
}

impl Tally {
    /// Counts an answer to a proposal.
    pub(super) fn proposal(&mut self, (status, body): &(u16, Value)) {
        let verdict = match body["status"].as_str() {
            Some(verdict) => format!("{verdict} {}", body["details"]["reason"].as_str().unwrap_or_default()),
            None => format!("HTTP {status}"),
        };
        *self.verdicts.entry(verdict).or_default() += 1;
    }
}
