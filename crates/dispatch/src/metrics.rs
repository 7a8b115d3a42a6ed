//! Every metric there is, in one list: what functions emit, what the dashboard draws and what alarms watch are all held
//! against it.
//!
//! Metrics leave as embedded metric format (EMF) lines on standard output, which CloudWatch turns into metrics without an
//! API call. Few dimensions on purpose: each combination is billed as a metric of its own.

use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::outcome::NAMESPACE;

/// The only dimension.
pub const WORK_POOL: &str = "WorkPool";

/// What a metric is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimensions {
    /// Nothing.
    None,
    /// The work pool.
    WorkPool,
    /// The work pool where it is known: two metrics for CloudWatch.
    WorkPoolIfKnown,
}

impl Dimensions {
    /// Whether a line may have, or lack, the work pool.
    #[must_use]
    pub fn allow(self, work_pool: bool) -> bool {
        match self {
            Self::None => !work_pool,
            Self::WorkPool => work_pool,
            Self::WorkPoolIfKnown => true,
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its unit, in CloudWatch's words.
    pub unit: &'static str,
    /// What it is broken down by.
    pub dimensions: Dimensions,
    /// The functions that emit it.
    pub emitted_by: &'static [&'static str],
}

const fn count(name: &'static str, dimensions: Dimensions, emitted_by: &'static [&'static str]) -> Metric {
    Metric { name, unit: "Count", dimensions, emitted_by }
}

const fn seconds(name: &'static str, dimensions: Dimensions, emitted_by: &'static [&'static str]) -> Metric {
    Metric { name, unit: "Seconds", dimensions, emitted_by }
}

const POLLER: &[&str] = &["poller"];
const DISPATCHER: &[&str] = &["dispatcher"];
const OBSERVER: &[&str] = &["observer"];
const RECONCILER: &[&str] = &["reconciler"];
const CHANGERS: &[&str] = &["dispatcher", "observer", "reconciler"];
const SENDERS: &[&str] = &["poller", "dispatcher"];
const WATCHERS: &[&str] = &["observer", "reconciler"];
const READERS: &[&str] = &["dispatcher", "observer"];

/// All of them.
pub const METRICS: [Metric; 24] = [
    count("Polls", Dimensions::None, POLLER),
    count("PollFailed", Dimensions::None, POLLER),
    count("Found", Dimensions::WorkPool, POLLER),
    count("Sent", Dimensions::WorkPool, POLLER),
    seconds("OldestDue", Dimensions::WorkPool, POLLER),
    // Due runs that cannot start: the poller's, of a poll; the dispatcher's, one for each that cannot be read.
    count("Blocked", Dimensions::WorkPool, SENDERS),
    count("Launched", Dimensions::WorkPool, DISPATCHER),
    count("Adopted", Dimensions::WorkPool, DISPATCHER),
    seconds("DueToLaunch", Dimensions::WorkPool, DISPATCHER),
    count("NotOurs", Dimensions::WorkPool, DISPATCHER),
    // A run of observer and reconciler has a work pool unless its pool was deleted.
    count("HandedBack", Dimensions::WorkPoolIfKnown, CHANGERS),
    count("Crashed", Dimensions::WorkPoolIfKnown, CHANGERS),
    count("Returned", Dimensions::WorkPoolIfKnown, READERS),
    count("Malformed", Dimensions::None, READERS),
    // Without the pool: it would have to be asked for.
    seconds("LaunchToRunning", Dimensions::None, OBSERVER),
    count("Cancelled", Dimensions::WorkPoolIfKnown, WATCHERS),
    count("TaskStopped", Dimensions::WorkPoolIfKnown, WATCHERS),
    count("Restored", Dimensions::WorkPoolIfKnown, WATCHERS),
    count("Released", Dimensions::WorkPoolIfKnown, WATCHERS),
    // The reconciler counts it as `ReconcileFailed`, in every pass.
    count("ClusterUnknown", Dimensions::WorkPoolIfKnown, OBSERVER),
    count("Recorded", Dimensions::WorkPoolIfKnown, RECONCILER),
    count("Repaired", Dimensions::WorkPoolIfKnown, RECONCILER),
    count("ClaimedWithoutTask", Dimensions::WorkPoolIfKnown, RECONCILER),
    count("ReconcileFailed", Dimensions::None, RECONCILER),
];

static CHOSEN: OnceLock<String> = OnceLock::new();

/// Chooses the namespace of this process's metrics, once, instead of [`NAMESPACE`]: two installations in one account and
/// region would add up otherwise.
pub fn choose_namespace(namespace: String) {
    // Whoever chose first has been emitting since.
    let _ = CHOSEN.set(namespace);
}

/// A line in the embedded metric format: `values` with their units, under the work pool if there is one; `now` in
/// milliseconds since 1970.
pub(crate) fn line(work_pool: Option<&str>, values: &[(&str, f64)], now: i64) -> Value {
    let described: Vec<Value> = values
        .iter()
        .map(|(name, _)| {
            let metric = METRICS.iter().find(|metric| metric.name == *name);
            debug_assert!(
                metric.is_some_and(|metric| metric.dimensions.allow(work_pool.is_some())),
                "{name} is not listed so"
            );
            json!({"Name": name, "Unit": metric.map_or("None", |metric| metric.unit)})
        })
        .collect();
    let dimensions: Vec<&str> = work_pool.map(|_| WORK_POOL).into_iter().collect();
    let namespace = CHOSEN.get().map_or(NAMESPACE, String::as_str);
    let mut line = json!({
        "_aws": {
            "Timestamp": now,
            "CloudWatchMetrics": [{"Namespace": namespace, "Dimensions": [dimensions], "Metrics": described}],
        },
    });
    if let Some(work_pool) = work_pool {
        line[WORK_POOL] = json!(work_pool);
    }
    for (name, value) in values {
        line[*name] = json!(value);
    }
    line
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        outcome::{LogAndMetrics, PollSink},
        poll::Polled,
    };

    #[test]
    fn names_are_given_once_and_each_is_somebodys() {
        let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        assert!(METRICS.iter().all(|metric| !metric.emitted_by.is_empty()));
    }

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let seen = line(Some("etl"), &[("Launched", 1.0), ("DueToLaunch", 0.5)], 7);
        assert_eq!(
            seen,
            json!({
                "_aws": {"Timestamp": 7, "CloudWatchMetrics": [{
                    "Namespace": "pushpool", "Dimensions": [["WorkPool"]],
                    "Metrics": [{"Name": "Launched", "Unit": "Count"}, {"Name": "DueToLaunch", "Unit": "Seconds"}],
                }]},
                "WorkPool": "etl", "Launched": 1.0, "DueToLaunch": 0.5,
            })
        );
        assert_eq!(line(None, &[("Polls", 1.0)], 7)["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
    }

    /// Lines with metrics that are not listed panic in tests; the other sinks' are emitted by the tests of their use cases.
    #[test]
    fn what_polls_emit_is_listed() {
        LogAndMetrics.polled(&Polled::default());
        let blocked = [(uuid::Uuid::nil(), crate::poll::Blocked::Closed)].into();
        LogAndMetrics.polled(&Polled { blocked, ..Polled::default() });
        LogAndMetrics.poll_failed("no answer");
        LogAndMetrics.poll_ended();
    }
}
