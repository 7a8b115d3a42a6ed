//! What the placeholders of a job configuration may reach, and how large it may become.
//!
//! A pool, a deployment and a run are written by different people, and a user who can create a run chooses its job
//! variables. So nothing reads the environment of the process, and everything is bounded.

use serde_json::Value;
use templating::{Budget, Environment, Limits, Missing, Policy};

use crate::error::WorkPoolError;

/// Levels of nesting, of a template as of a result. An ECS request needs twelve; `serde_json` itself reads 128.
pub(crate) const MAX_DEPTH: usize = 100;

/// Bytes of a rendered configuration, counting strings, keys and eight for every value. AWS accepts 64 KiB.
pub(crate) const MAX_BYTES: usize = 1 << 20;

const LIMITS: Limits = Limits { depth: MAX_DEPTH, bytes: MAX_BYTES };

/// As a worker fills its template in, except that there is no environment to read.
pub(crate) const POLICY: Policy<'static> = Policy {
    environment: Environment::Hidden,
    undefined: Missing::Remove,
    unknown: Missing::Remove,
    kept: &[],
    limits: LIMITS,
};

/// What one rendering may spend.
pub(crate) fn budget() -> Budget {
    Budget::new(LIMITS)
}

/// Refuses what stands too many levels down.
pub(crate) fn within_depth(depth: usize) -> Result<(), WorkPoolError> {
    Ok(LIMITS.within_depth(depth)?)
}

/// Refuses a value that nests too deeply; stops descending at the limit.
pub(crate) fn check_depth(value: &Value, depth: usize) -> Result<(), WorkPoolError> {
    Ok(LIMITS.check_depth(value, depth)?)
}
