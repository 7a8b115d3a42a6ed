//! The messages of the poll queue: ticks, which come with time, and rings, which come because something happened.
//!
//! Polling is the truth and a ring is a shortcut to it, so nothing here has to be believed: a ring that is lost costs
//! seconds, a false one a poll.

use prefect_ids::FlowRunId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{chain::is_zero, message::LONGEST_NAME};

/// The version this release writes and reads.
const VERSION: u64 = 1;

/// Name of the event that the observer rings for when a task of a limited pool has ended.
const SLOT_FREE: &str = "pushpool.slot-free";

/// A message of the poll queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PollMessage {
    /// Poll every work pool.
    Tick(Tick),
    /// Something happened.
    Ring(Ring),
}

/// Who ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tick {
    /// The schedule, once a minute; the poller adds the ticks in between.
    Minute,
    /// The poller itself.
    Extra,
}

/// What happened, as far as it was told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ring {
    /// The work pool to poll; all of them if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_pool: Option<String>,
    /// The flow run it happened to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_run_id: Option<FlowRunId>,
    /// Name of the event: `prefect.flow-run.Cancelling`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

impl Ring {
    /// Whether a run is to end that may have a task.
    #[must_use]
    pub fn is_about_cancelling(&self) -> bool {
        matches!(self.event.as_deref(), Some("prefect.flow-run.Cancelling" | "prefect.flow-run.Cancelled"))
    }

    /// A ring for a pool whose task has ended.
    #[must_use]
    pub fn about_a_slot(work_pool: Option<String>) -> Self {
        Self { work_pool, event: Some(SLOT_FREE.to_owned()), ..Self::default() }
    }

    /// Whether a slot of its pool may have come free.
    #[must_use]
    pub fn is_about_a_slot(&self) -> bool {
        self.event.as_deref() == Some(SLOT_FREE)
    }

    /// Reads what an automation sends: the event itself (`{{ event | tojson }}`), whatever else, or nothing. The event's
    /// shape: prefect 3.8.8, `server/events/schemas/events.py`, `ReceivedEvent`.
    #[must_use]
    pub fn of_automation(body: &[u8]) -> Self {
        let Ok(event) = serde_json::from_slice::<Value>(body) else {
            return Self::default();
        };
        let flow_run = event["resource"]["prefect.resource.id"].as_str();
        let related = event["related"].as_array();
        let work_pool = related.into_iter().flatten().find(|it| it["prefect.resource.role"] == "work-pool");
        Self {
            // Whatever is sent to the doorbell, what it sends is small: too long a name rings for all pools.
            work_pool: work_pool
                .and_then(|pool| pool["prefect.resource.name"].as_str())
                .filter(|name| name.len() <= LONGEST_NAME)
                .map(str::to_owned),
            flow_run_id: flow_run.and_then(|id| id.strip_prefix("prefect.flow-run.")?.parse().ok()),
            event: event["event"].as_str().filter(|name| name.len() <= 100).map(str::to_owned),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tick: Option<Tick>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ring: Option<Ring>,
    /// Read by [`chain`](crate::chain).
    #[serde(default, skip_serializing_if = "is_zero")]
    hops: u32,
}

impl PollMessage {
    /// Reads a body. Whatever cannot be read is a ring for everything: somebody wanted a poll.
    #[must_use]
    pub fn parse(body: &str) -> Self {
        match serde_json::from_str::<Wire>(body) {
            Ok(Wire { version: VERSION, tick: Some(tick), .. }) => Self::Tick(tick),
            Ok(Wire { version: VERSION, ring: Some(ring), .. }) => Self::Ring(ring),
            _ => Self::Ring(Ring::default()),
        }
    }

    /// The body to send, as the first of a chain.
    #[must_use]
    pub fn body(&self) -> String {
        self.body_after(0)
    }

    /// The body to send after so many invocations, see [`chain`](crate::chain).
    #[must_use]
    pub fn body_after(&self, hops: u32) -> String {
        let wire = match self {
            Self::Tick(tick) => Wire { version: VERSION, tick: Some(*tick), ring: None, hops },
            Self::Ring(ring) => Wire { version: VERSION, tick: None, ring: Some(ring.clone()), hops },
        };
        serde_json::to_string(&wire).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let ring = Ring { work_pool: Some("p".into()), flow_run_id: Some(FlowRunId::from_u128(7)), event: None };
        for message in [PollMessage::Tick(Tick::Minute), PollMessage::Tick(Tick::Extra), PollMessage::Ring(ring)] {
            assert_eq!(PollMessage::parse(&message.body()), message);
            assert_eq!(PollMessage::parse(&message.body_after(3)), message);
        }
        assert_eq!(PollMessage::Tick(Tick::Minute).body(), r#"{"version":1,"tick":"minute"}"#);
    }

    #[test]
    fn anything_else_is_a_ring_for_all() {
        for body in ["", "{}", "[]", r#"{"version":2,"tick":"minute"}"#, r#"{"version":1}"#, "ring!"] {
            assert_eq!(PollMessage::parse(body), PollMessage::Ring(Ring::default()), "{body}");
        }
    }

    #[test]
    fn an_automations_event_names_pool_and_run() {
        let id = FlowRunId::from_u128(9);
        let event = json!({
            "event": "prefect.flow-run.Cancelling",
            "resource": {"prefect.resource.id": format!("prefect.flow-run.{id}")},
            "related": [
                {"prefect.resource.role": "flow", "prefect.resource.name": "f"},
                {"prefect.resource.role": "work-pool", "prefect.resource.name": "data eng"},
            ],
        });
        let ring = Ring::of_automation(event.to_string().as_bytes());
        assert_eq!((ring.work_pool.as_deref(), ring.flow_run_id), (Some("data eng"), Some(id)));
        assert!(ring.is_about_cancelling());
        let mut long = event;
        long["related"][1]["prefect.resource.name"] = "x".repeat(200_000).into();
        assert_eq!(Ring::of_automation(long.to_string().as_bytes()), Ring { work_pool: None, ..ring });
        for other in ["", "null", "{", r#"{"resource": 5, "related": {}, "event": []}"#] {
            assert_eq!(Ring::of_automation(other.as_bytes()), Ring::default(), "{other}");
        }
    }
}
