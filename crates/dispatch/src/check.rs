//! A message of the events queue that is no event: somebody should look at a flow run that is being cancelled.

use prefect_ids::FlowRunId;
use serde::{Deserialize, Serialize};

use crate::chain::is_zero;

/// The version this release writes and reads.
const VERSION: u64 = 1;

/// Look at this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// The run.
    pub flow_run_id: FlowRunId,
    /// How many invocations were before it, see [`chain`](crate::chain).
    pub hops: u32,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u64,
    check: FlowRunId,
    #[serde(default, skip_serializing_if = "is_zero")]
    hops: u32,
}

impl Check {
    /// The first of a chain.
    #[must_use]
    pub fn of(flow_run_id: FlowRunId) -> Self {
        Self { flow_run_id, hops: 0 }
    }

    /// Reads a body; none if it is something else.
    #[must_use]
    pub fn parse(body: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(body).ok()?;
        (wire.version == VERSION).then_some(Self { flow_run_id: wire.check, hops: wire.hops })
    }

    /// The body to send.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::to_string(&Wire { version: VERSION, check: self.flow_run_id, hops: self.hops }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_events_are_something_else() {
        let first = Check::of(FlowRunId::from_u128(7));
        for check in [first, Check { hops: 3, ..first }] {
            assert_eq!(Check::parse(&check.body()), Some(check));
        }
        for other in [r#"{"version":2,"check":"00000000-0000-0000-0000-000000000007"}"#, r#"{"detail":{}}"#, ""] {
            assert_eq!(Check::parse(other), None, "{other}");
        }
    }
}
