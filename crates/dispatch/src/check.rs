//! A message of the events queue that is no event: somebody should look at a flow run that is being cancelled.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The version this release writes and reads.
const VERSION: u64 = 1;

/// Look at this run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Check {
    /// The run.
    pub flow_run_id: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u64,
    check: Uuid,
}

impl Check {
    /// Reads a body; none if it is something else.
    #[must_use]
    pub fn parse(body: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(body).ok()?;
        (wire.version == VERSION).then_some(Self { flow_run_id: wire.check })
    }

    /// The body to send.
    #[must_use]
    pub fn body(&self) -> String {
        serde_json::to_string(&Wire { version: VERSION, check: self.flow_run_id }).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_events_are_something_else() {
        let check = Check { flow_run_id: Uuid::from_u128(7) };
        assert_eq!(Check::parse(&check.body()), Some(check));
        for other in [r#"{"version":2,"check":"00000000-0000-0000-0000-000000000007"}"#, r#"{"detail":{}}"#, ""] {
            assert_eq!(Check::parse(other), None, "{other}");
        }
    }
}
