//! Recursive loop detection: how long the chain of invocations is that an event belongs to.
//!
//! Lambda gives each invocation a trace header whose `Lineage=ID:N` counts the invocations before it. The SDKs send that
//! header with every call (`X-Amzn-Trace-Id`), SQS keeps it with the message (`AWSTraceHeader`), and the invocation that
//! takes the message continues the chain (Lambda developer guide, "Use Lambda recursive loop detection to prevent infinite
//! loops"; headers with `Lineage` are shown in awslabs/aws-sdk-rust#781). After 16 invocations Lambda refuses the next: the
//! function does not run, the messages return until `maxReceiveCount`, and `RecursiveInvocationsDropped` counts it
//! (boto/boto3#3899, DataBiosphere/azul#5368).
//!
//! AWS does not say what a batch counts as. Here it is the longest chain among its messages, which is the worst case.

use serde_json::Value;
use uuid::Uuid;

use crate::clock::Millis;

/// Most invocations of one chain.
pub const LONGEST_CHAIN: u32 = 16;

/// The chain that an event continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The trace header that the chain came with; none for a new chain.
    header: Option<String>,
    before: u32,
}

impl Chain {
    /// The chain of an event from SQS; any other event begins one.
    #[must_use]
    pub fn of(event: &Value) -> Self {
        let records = event["Records"].as_array().map(Vec::as_slice).unwrap_or_default();
        let headers = records.iter().filter_map(|record| record["attributes"]["AWSTraceHeader"].as_str());
        let longest = headers.filter_map(|header| Some((lineage(header)?.1, header))).max();
        match longest {
            // The count of the invocation that sent the message, which is one of those before.
            Some((count, header)) => Self { header: Some(header.to_owned()), before: count.saturating_add(1) },
            None => Self { header: None, before: 0 },
        }
    }

    /// How many invocations the chain has with the one that takes the event.
    #[must_use]
    pub fn length(&self) -> u32 {
        self.before.saturating_add(1)
    }

    /// Whether Lambda refuses the invocation.
    #[must_use]
    pub fn is_too_long(&self) -> bool {
        self.length() > LONGEST_CHAIN
    }

    /// The invocation's trace header (X-Ray developer guide, "Tracing header"): root and lineage are the chain's.
    #[must_use]
    pub fn trace_header(&self, now: Millis) -> String {
        let hex = |length: usize| Uuid::new_v4().simple().to_string()[..length].to_owned();
        let root = self.header.as_deref().and_then(|header| member(header, "Root")).map(str::to_owned);
        let root = root.unwrap_or_else(|| format!("1-{:08x}-{}", now / 1_000, hex(24)));
        let lineage = self.header.as_deref().and_then(lineage).map(|(id, _)| id.to_owned());
        let lineage = lineage.unwrap_or_else(|| hex(8));
        format!("Root={root};Parent={};Sampled=0;Lineage={lineage}:{}", hex(16), self.before)
    }
}

fn member<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').find_map(|member| member.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Id and count of a header's lineage.
fn lineage(header: &str) -> Option<(&str, u32)> {
    let (id, count) = member(header, "Lineage")?.rsplit_once(':')?;
    Some((id, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(headers: &[Option<&str>]) -> Value {
        let record = |header: &Option<&str>| json!({"attributes": {"AWSTraceHeader": header}});
        json!({"Records": headers.iter().map(record).collect::<Vec<_>>()})
    }

    #[test]
    fn a_chain_goes_on_under_its_id_and_a_batch_is_as_long_as_its_longest() {
        let first = Chain::of(&json!({"rawPath": "/"}));
        let header = first.trace_header(1_700_000_000_000);
        assert_eq!((first.length(), header.ends_with(":0")), (1, true), "{header}");
        let second = Chain::of(&event(&[None, Some(&header)]));
        let next = second.trace_header(1_700_000_000_000);
        assert_eq!(second.length(), 2);
        assert_eq!(member(&next, "Root"), member(&header, "Root"));
        assert_eq!(lineage(&next), lineage(&header).map(|(id, _)| (id, 1)));
        let (short, long) = ("Root=1-a-b;Lineage=1:aa:3", "Root=1-c-d;Parent=e;Sampled=1;Lineage=bb:14");
        let batch = Chain::of(&event(&[Some(short), Some(long), Some("Root=1-x-y;Sampled=0")]));
        assert_eq!((batch.length(), batch.is_too_long()), (16, false));
        assert!(batch.trace_header(0).ends_with("Lineage=bb:15"));
        assert!(Chain::of(&event(&[Some("Root=1-c-d;Lineage=bb:15")])).is_too_long(), "the seventeenth");
    }
}
