//! Every metric there is, in one list: what functions emit, what the dashboard draws and what alarms watch are all held
//! against it.
//!
//! Metrics leave as embedded metric format (EMF) lines on standard output, which CloudWatch turns into metrics without an
//! API call. Few dimensions on purpose: CloudWatch bills each combination as a metric of its own, in every hour in which it
//! is sent. So zeros are not sent, and only metrics that alarms watch are also sent without the work pool.

use std::{fmt::Write, sync::OnceLock};

use serde_json::{Value, json};

/// CloudWatch namespace of every metric unless another is chosen, and source of every event.
pub const NAMESPACE: &str = "pushpool";

/// The only dimension. Its value is the pool's name, see [`dimension_value`].
pub const WORK_POOL: &str = "WorkPool";

/// The longest value of a dimension, in characters.
const LONGEST_VALUE: usize = 1024;

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
    /// Whether it is also sent without the work pool, for an alarm. An alarm on a query by work pool would cost for each.
    pub total: bool,
    /// The functions that emit it.
    pub emitted_by: &'static [&'static str],
}

impl Metric {
    /// Whether CloudWatch has it with, or without, the work pool.
    #[must_use]
    pub fn is_sent(&self, by_pool: bool) -> bool {
        self.dimensions.allow(by_pool) || (self.total && !by_pool)
    }

    const fn with_total(self) -> Self {
        Self { total: true, ..self }
    }
}

const fn count(name: &'static str, dimensions: Dimensions, emitted_by: &'static [&'static str]) -> Metric {
    Metric { name, unit: "Count", dimensions, total: false, emitted_by }
}

const fn seconds(name: &'static str, dimensions: Dimensions, emitted_by: &'static [&'static str]) -> Metric {
    Metric { name, unit: "Seconds", dimensions, total: false, emitted_by }
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
    seconds("OldestDue", Dimensions::WorkPool, POLLER).with_total(),
    // Due runs that cannot start: the poller's, of a poll; the dispatcher's, one for each that cannot be read.
    count("Blocked", Dimensions::WorkPool, SENDERS).with_total(),
    count("Launched", Dimensions::WorkPool, DISPATCHER),
    count("Adopted", Dimensions::WorkPool, DISPATCHER),
    seconds("DueToLaunch", Dimensions::WorkPool, DISPATCHER),
    count("NotOurs", Dimensions::WorkPool, DISPATCHER),
    // A run of observer and reconciler has a work pool unless its pool was deleted.
    count("HandedBack", Dimensions::WorkPoolIfKnown, CHANGERS).with_total(),
    count("Crashed", Dimensions::WorkPoolIfKnown, CHANGERS).with_total(),
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
    count("Repaired", Dimensions::WorkPoolIfKnown, RECONCILER).with_total(),
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
    let namespace = CHOSEN.get().map_or(NAMESPACE, String::as_str);
    let (totals, others): (Vec<_>, Vec<_>) = values.iter().map(|(name, _)| *name).partition(|name| {
        let metric = METRICS.iter().find(|metric| metric.name == *name);
        debug_assert!(
            metric.is_some_and(|metric| metric.dimensions.allow(work_pool.is_some())),
            "{name} is not listed so"
        );
        work_pool.is_some() && metric.is_some_and(|metric| metric.total)
    });
    let by_pool: Vec<&str> = work_pool.map(|_| WORK_POOL).into_iter().collect();
    let described: Vec<Value> = [(others, json!([by_pool])), (totals, json!([by_pool, []]))]
        .into_iter()
        .filter(|(names, _)| !names.is_empty())
        .map(|(names, dimensions)| {
            let metrics: Vec<Value> = names.into_iter().map(described).collect();
            json!({"Namespace": namespace, "Dimensions": dimensions, "Metrics": metrics})
        })
        .collect();
    let mut line = json!({"_aws": {"Timestamp": now, "CloudWatchMetrics": described}});
    if let Some(work_pool) = work_pool {
        line[WORK_POOL] = json!(dimension_value(work_pool));
    }
    for (name, value) in values {
        line[*name] = json!(value);
    }
    line
}

/// A metric as EMF declares it.
fn described(name: &str) -> Value {
    let unit = METRICS.iter().find(|metric| metric.name == name).map_or("None", |metric| metric.unit);
    json!({"Name": name, "Unit": unit})
}

/// A work pool's name as the value of a dimension. CloudWatch takes printable ASCII with something besides blanks, and drops
/// metrics with anything else, so other characters are percent-encoded, as in a URL. Prefect allows no percent sign in a
/// name: two pools never share a value.
#[must_use]
pub fn dimension_value(name: &str) -> String {
    let blank = name.trim().is_empty();
    let mut value = String::with_capacity(name.len());
    for character in name.chars() {
        let plain = character.is_ascii_graphic() || (character == ' ' && !blank);
        let mut encoded = String::new();
        if plain && character != '%' {
            encoded.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        if value.len() + encoded.len() > LONGEST_VALUE {
            break;
        }
        value += &encoded;
    }
    value
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::outcome::{Blocked, Polled, Polling};

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

    /// CloudWatch takes printable ASCII in the values of dimensions, and drops metrics with others.
    #[test]
    fn a_pool_whose_name_is_not_ascii_keeps_its_metrics() {
        let dimension = |name: &str| line(Some(name), &[("Launched", 1.0)], 7)[WORK_POOL].as_str().unwrap().to_owned();
        for (name, value) in [
            ("data eng-1.x", "data eng-1.x"),
            ("Füße 1", "F%C3%BC%C3%9Fe 1"),
            ("数据", "%E6%95%B0%E6%8D%AE"),
            ("a\u{7}b", "a%07b"),
            ("  ", "%20%20"),
            // A name cannot have a percent sign, so no two names have one value.
            ("a%", "a%25"),
        ] {
            assert_eq!(dimension(name), value);
        }
        for long in ["x".repeat(2000), "ü".repeat(500)] {
            let value = dimension(&long);
            assert!(value.len() <= 1024 && value.len() > 1018, "{}", value.len());
            assert!(!value.ends_with('%') && !value.ends_with("%C"), "cut within a character: {value}");
        }
    }

    /// An alarm on a metric without dimensions costs as one metric, whatever the number of pools.
    #[test]
    fn what_alarms_watch_is_sent_without_the_pool_as_well() {
        let seen = line(Some("etl"), &[("Found", 2.0), ("OldestDue", 3.0)], 7);
        assert_eq!(
            seen["_aws"]["CloudWatchMetrics"],
            json!([
                {"Namespace": "pushpool", "Dimensions": [["WorkPool"]], "Metrics": [{"Name": "Found", "Unit": "Count"}]},
                {"Namespace": "pushpool", "Dimensions": [["WorkPool"], []],
                    "Metrics": [{"Name": "OldestDue", "Unit": "Seconds"}]},
            ])
        );
        // Without a pool there is one set of dimensions anyway.
        let seen = line(None, &[("Crashed", 1.0)], 7);
        assert_eq!(seen["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([[]]));
    }

    #[test]
    fn a_poll_that_finds_nothing_counts_nothing() {
        assert_eq!(Polled { work_pool: "etl".to_owned(), ..Polled::default() }.metrics(), []);
        let busy = Polled { found: 3, sent: 2, oldest_due_seconds: 7.5, ..Polled::default() };
        assert_eq!(busy.metrics(), [("Found", 3.0), ("Sent", 2.0), ("OldestDue", 7.5)]);
    }

    /// Lines with metrics that are not listed panic in tests; the lines of other events are made by the tests of their use
    /// cases.
    #[test]
    fn what_polls_emit_is_listed() {
        let blocked = [(prefect_ids::FlowRunId::from_u128(0), Blocked::Closed)].into();
        let (idle, stuck) = (Polled::default(), Polled { blocked, ..Polled::default() });
        let counts = |polling: Polling<'_>| polling.metrics(7).is_some();
        assert!(!counts(Polling::Polled(&idle)));
        assert!(counts(Polling::Polled(&stuck)) && counts(Polling::Failed("no answer")) && counts(Polling::Ended));
    }
}
