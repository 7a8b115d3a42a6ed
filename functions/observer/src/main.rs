//! The observer function: ECS events in, states of flow runs out.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PREFECT_API_URL` and what goes with it | see [`function::Prefect`] | required |
//! | `PUSHPOOL_EVENTS_QUEUE_URL` | URL of the events queue: runs that have to be looked at again | required |
//! | `PUSHPOOL_POLL_QUEUE_URL` | URL of the poll queue: work pools with a free slot are polled | required |
//! | `PUSHPOOL_DLQ_URL` | URL of the dead-letter queue: copies of unreadable messages | required |
//! | `PUSHPOOL_CAPACITY_TIMEOUT` | seconds after a run was first due that it may wait for a task that starts | 3600 |
//! | `PUSHPOOL_HAND_BACK_DELAY` | seconds a run waits that is handed back for the first time; less may start a run twice | 180 |
//! | `PUSHPOOL_INTERRUPTIONS` | how often a run may be interrupted while it runs and start again | 10 |
//! | `PUSHPOOL_CANCEL_GRACE` | seconds a flow has to cancel itself before its task is stopped | 60 |
//! | `PUSHPOOL_CLAIM_GRACE` | seconds a claimed run may have no task | 120 |
//! | `PUSHPOOL_LAUNCH_ROLE_ARN` and what goes with it | see [`function::access`] | the function's role |
//! | `PUSHPOOL_CLUSTERS` | clusters that tasks run in, besides those that pools, deployments and runs name, comma separated | none |
//! | `PUSHPOOL_TASK_EVENTS` | `true` emits an event to the server for every state of a task | false |

use std::sync::Arc;

use aws::{LogAndMetrics, ObserverQueueUrls, ObserverSettings};
use dispatch::{observe::Options, runs::Policy};
use function::{BadSettings, Error, Prefect, Settings, serve_batches, start_log};

// One thread: below 1,769 MB Lambda gives less than one processor, and the work is waiting for answers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let (prefect, settings) = read(Settings::of("observer"))?;
    let access = function::access();
    let client = prefect.client(access.own())?;
    let observer = Arc::new(aws::observer(access, client, settings, Arc::new(LogAndMetrics)));
    serve_batches(move |records, deadline| {
        let observer = Arc::clone(&observer);
        async move { observer.handle(records, deadline).await }
    })
    .await
}

fn read(settings: Settings<'_>) -> Result<(Prefect, ObserverSettings), BadSettings> {
    let defaults = Policy::default();
    let prefect = Prefect::required(&settings);
    let queues = ObserverQueueUrls {
        events: settings.required("PUSHPOOL_EVENTS_QUEUE_URL", "the URL of the events queue"),
        poll: settings.required("PUSHPOOL_POLL_QUEUE_URL", "the URL of the poll queue"),
        dead_letter: settings.required("PUSHPOOL_DLQ_URL", "the URL of the dead-letter queue"),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0; more is as good as many")]
    let interruptions = settings.number("PUSHPOOL_INTERRUPTIONS", f64::from(defaults.interruptions)) as u32;
    let policy = Policy {
        capacity_timeout: settings.seconds("PUSHPOOL_CAPACITY_TIMEOUT", defaults.capacity_timeout),
        hand_back_delay: settings.seconds("PUSHPOOL_HAND_BACK_DELAY", defaults.hand_back_delay),
        interruptions,
        cancel_grace: settings.seconds("PUSHPOOL_CANCEL_GRACE", defaults.cancel_grace),
        claim_grace: settings.seconds("PUSHPOOL_CLAIM_GRACE", defaults.claim_grace),
        shown_after: defaults.shown_after,
        clusters: settings.list("PUSHPOOL_CLUSTERS"),
    };
    let options = Options { task_events: settings.flag("PUSHPOOL_TASK_EVENTS", false) };
    settings.finish((prefect, ObserverSettings { queues, policy, options }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> Result<(Prefect, ObserverSettings), BadSettings> {
        read(Settings::through("observer", |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let bad = read_pairs(&[("PUSHPOOL_CANCEL_GRACE", "soon"), ("PUSHPOOL_TASK_EVENTS", "yes")]).unwrap_err();
        for name in ["API_URL", "EVENTS_QUEUE", "POLL_QUEUE", "DLQ", "CANCEL_GRACE", "TASK_EVENTS"] {
            assert!(bad.to_string().contains(name), "{name} in: {bad}");
        }
        assert_eq!(bad.mistakes.len(), 6, "{bad}");
    }

    #[test]
    fn what_is_set_is_used() {
        let pairs = [
            ("PREFECT_API_URL", "http://prefect/api"),
            ("PUSHPOOL_EVENTS_QUEUE_URL", "e"),
            ("PUSHPOOL_POLL_QUEUE_URL", "p"),
            ("PUSHPOOL_DLQ_URL", "d"),
            ("PUSHPOOL_INTERRUPTIONS", "3"),
            ("PUSHPOOL_CLUSTERS", "a, b"),
            ("PUSHPOOL_CANCEL_GRACE", "5"),
        ];
        let (_, settings) = read_pairs(&pairs).unwrap();
        let expected = Policy {
            interruptions: 3,
            clusters: vec!["a".to_owned(), "b".to_owned()],
            cancel_grace: Duration::from_secs(5),
            ..Policy::default()
        };
        assert_eq!(settings.policy, expected);
        assert!(!settings.options.task_events);
    }
}
