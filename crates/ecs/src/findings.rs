//! What was found out about a run while its requests were written.

use crate::PrepareError;

/// Refusals and notes, in the order in which they were met.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// Why the requests must not be sent.
    pub refusals: Vec<PrepareError>,
    /// What the operator may want to know although the run goes ahead.
    pub notes: Vec<String>,
}

/// Most refusals of one run: a template may repeat a mistake a thousand times.
const MOST: usize = 20;

impl Findings {
    /// Adds a refusal, once.
    pub(crate) fn refuse(&mut self, refusal: PrepareError) {
        if self.refusals.len() < MOST && !self.refusals.contains(&refusal) {
            self.refusals.push(refusal);
        }
    }

    /// Adds the refusal of a check that others do not depend on.
    pub(crate) fn check(&mut self, result: Result<(), PrepareError>) {
        if let Err(refusal) = result {
            self.refuse(refusal);
        }
    }
}
