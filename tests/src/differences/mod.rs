//! The list of intended differences between pushpool and Prefect's ECS worker. The only one.
//!
//! pushpool means to render what the worker renders. Where it does something else on purpose, the difference has an entry
//! here, with its reason, and an effect as narrow as it can be made: what is not written here is compared exactly. The golden
//! and the differential tests both go through this list, and the differential test fails when an entry was never needed, so
//! that the list cannot outlive the differences.

mod asking;
mod judging;
mod mending;
mod normalising;
mod refusing;

use work_pool::Diagnosis;

use crate::oracle::{Answer, Case, Hello};
use crate::subject::Rendering;

/// One intended difference.
#[derive(Debug, Clone, Copy)]
pub struct Difference {
    /// What is different.
    pub name: &'static str,
    /// Why.
    pub reason: &'static str,
    /// What is done about it before, or instead of, comparing.
    pub effect: Effect,
}

/// How a difference is taken out of a comparison.
#[derive(Debug, Clone, Copy)]
pub enum Effect {
    /// The worker is put into circumstances in which it does what pushpool does in all circumstances. Given its answer so
    /// far, the new question; none if there is nothing to change.
    Ask(fn(&Case, &Answer, &Hello) -> Option<Case>),
    /// The worker sends something that AWS or boto3 refuses and pushpool sends a mended form: mends it. True if there was
    /// something to mend.
    Mend(fn(&mut Answer) -> bool),
    /// Both sides say the same in two ways: writes both in one. True if there was a difference; an error if ours does not
    /// keep what the difference promises.
    Normalise(fn(worker: &mut Rendering, ours: &mut Rendering) -> Result<bool, String>),
    /// Pushpool refuses, with this code, what the worker sends; always and only when the worker's requests are such.
    Refuse {
        /// Code of the refusal.
        code: &'static str,
        /// Whether the worker's requests deserve it.
        when: fn(&Rendering) -> bool,
    },
    /// As `Refuse`, judged by the worker's whole answer and the case.
    RefuseCase {
        /// Code of the refusal.
        code: &'static str,
        /// Whether the case deserves it.
        when: fn(&Case, &Answer) -> bool,
    },
    /// Pushpool's verdict on the job variables is not the server's.
    Judge(fn(&Case, &Answer, Option<&Diagnosis>) -> bool),
}

/// Every intended difference, in the order in which they are applied.
pub const DIFFERENCES: &[&[Difference]] =
    &[asking::DIFFERENCES, mending::DIFFERENCES, normalising::DIFFERENCES, refusing::DIFFERENCES, judging::DIFFERENCES];

/// [`DIFFERENCES`] one by one.
pub fn all() -> impl Iterator<Item = &'static Difference> {
    DIFFERENCES.iter().flat_map(|part| part.iter())
}
