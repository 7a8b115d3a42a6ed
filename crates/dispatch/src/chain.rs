//! How far a message is from what began its chain of invocations.
//!
//! Lambda refuses an invocation when its chain has had 16 (Lambda developer guide, "Use Lambda recursive loop detection to
//! prevent infinite loops"): a function that sends to a queue, which invokes a function, which sends to a queue. The messages
//! then return until they are dead letters. So every message that a function sends to a queue of a function says how many
//! invocations were before it, in `hops`, and none is sent that would be too far. None has to be: a tick begins a new chain
//! every minute, and the reconciler looks at every run every few minutes.
//!
//! Lambda does not say what a batch counts as. Here it is as far as its farthest message, which is the worst case.

use serde::Deserialize;

use crate::sqs_event::Record;

/// A poller has itself polled again at most so far along a chain.
pub const AGAIN: u32 = 6;

/// Nothing is sent farther along. The dispatcher's messages go one farther and end there: with a server it sends to no
/// function's queue. That leaves room below Lambda's 16 for what began a chain elsewhere.
pub const LONGEST: u32 = 12;

/// The chain of an invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chain(u32);

#[derive(Deserialize)]
struct Hops {
    #[serde(default)]
    hops: u32,
}

impl Chain {
    /// The chain of an invocation with these messages. What comes from elsewhere has no `hops` and begins one.
    pub(crate) fn of(records: &[Record]) -> Self {
        let hops = records.iter().filter_map(|record| serde_json::from_str::<Hops>(&record.body).ok());
        Self(hops.map(|it| it.hops).max().unwrap_or(0))
    }

    /// The hops of a message that the invocation sends; none if it would be more than `longest`.
    pub(crate) fn next(self, longest: u32) -> Option<u32> {
        let next = self.0.checked_add(1)?;
        (next <= longest).then_some(next)
    }
}

/// For a body without hops there is no need to say so.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
pub(crate) fn is_zero(hops: &u32) -> bool {
    *hops == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{check::Check, ring::PollMessage, sqs_event::records};

    #[test]
    fn a_batch_is_as_far_as_its_farthest_message() {
        let tick = PollMessage::parse(r#"{"version":1,"tick":"extra"}"#);
        let check = Check { flow_run_id: prefect_ids::FlowRunId::from_u128(0), hops: 4 };
        let bodies =
            [tick.body(), tick.body_after(2), check.body(), "{\"poison".to_owned(), "{\"detail\":{}}".to_owned()];
        let event = |bodies: &[String]| {
            let records: Vec<_> = bodies.iter().map(|body| json!({"messageId": "m", "body": body})).collect();
            Chain::of(&self::records(json!({ "Records": records })).unwrap())
        };
        assert_eq!(event(&bodies[..1]).next(AGAIN), Some(1));
        assert_eq!(event(&bodies), Chain(4));
        assert_eq!(event(&[tick.body_after(AGAIN)]).next(AGAIN), None);
        assert_eq!(event(&[tick.body_after(AGAIN)]).next(LONGEST), Some(AGAIN + 1));
        assert_eq!(event(&[tick.body_after(u32::MAX)]).next(LONGEST), None);
    }
}
