//! The poller function: ticks and rings in, messages of scheduled runs out.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PREFECT_API_URL` and what goes with it | see [`function::Prefect`] | required |
//! | `PUSHPOOL_POLL_QUEUE_URL` | URL of the poll queue: where further ticks go | required |
//! | `PUSHPOOL_RUN_QUEUE_URL`, `PUSHPOOL_FIFO_QUEUE_URL` | URLs of the run queues | required |
//! | `PUSHPOOL_EVENTS_QUEUE_URL` | URL of the events queue: runs that are being cancelled | required |
//! | `PUSHPOOL_POOLS` | work pools to serve by name, whatever their type, comma separated | none |
//! | `PUSHPOOL_PUSH_POOLS` | `false` serves only those, not all of type `ecs:push`; Prefect Cloud needs `false` | true |
//! | `PUSHPOOL_NAME` | the name that heartbeats are sent under | pushpool |
//! | `PUSHPOOL_POLL_INTERVAL` | seconds between polls; the server takes a queue for abandoned after 60 | 20 |
//! | `PUSHPOOL_HORIZON` | seconds that runs are asked for ahead, at most 900 | 60 |
//! | `PUSHPOOL_LAUNCH_LEAD` | seconds before its time that a run is launched; the dispatcher needs the same | 0 |

use std::{sync::Arc, time::Duration};

use aws::{LogAndMetrics, PollerQueueUrls};
use dispatch::poll::Options;
use function::{BadSettings, Error, Prefect, Settings, serve_batches, start_log};

// One thread: below 1,769 MB Lambda gives less than one processor, and the work is waiting for answers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let (prefect, queues, options) = read(Settings::of("poller"))?;
    let config = aws::function_config();
    let client = prefect.client(&config)?;
    let poller = Arc::new(aws::poller(&config, client, queues, options, Arc::new(LogAndMetrics)));
    serve_batches(move |records, deadline| {
        let poller = Arc::clone(&poller);
        async move { poller.handle(&records, deadline).await }
    })
    .await
}

fn read(settings: Settings<'_>) -> Result<(Prefect, PollerQueueUrls, Options), BadSettings> {
    let defaults = Options::default();
    let prefect = Prefect::required(&settings);
    let queues = PollerQueueUrls {
        poll: settings.required("PUSHPOOL_POLL_QUEUE_URL", "the URL of the poll queue"),
        run: settings.required("PUSHPOOL_RUN_QUEUE_URL", "the URL of the run queue"),
        fifo: settings.required("PUSHPOOL_FIFO_QUEUE_URL", "the URL of the FIFO run queue"),
        events: settings.required("PUSHPOOL_EVENTS_QUEUE_URL", "the URL of the events queue"),
    };
    let options = Options {
        push_pools: settings.flag("PUSHPOOL_PUSH_POOLS", defaults.push_pools),
        named_pools: settings.list("PUSHPOOL_POOLS"),
        name: settings.get("PUSHPOOL_NAME").unwrap_or(defaults.name),
        interval: settings.seconds("PUSHPOOL_POLL_INTERVAL", defaults.interval),
        horizon: settings.seconds("PUSHPOOL_HORIZON", defaults.horizon),
        launch_lead: settings.seconds("PUSHPOOL_LAUNCH_LEAD", defaults.launch_lead),
        cloud: prefect.is_cloud(),
    };
    if !(1..=60).contains(&options.interval.as_secs()) {
        settings.mistake("PUSHPOOL_POLL_INTERVAL is not between 1 and 60 seconds".to_owned());
    }
    if options.horizon > Duration::from_secs(900) {
        settings.mistake("PUSHPOOL_HORIZON is more than 900 seconds, the longest delay of a message".to_owned());
    }
    if options.name.contains(['/', '%']) {
        settings.mistake("PUSHPOOL_NAME contains / or %, which no name of a worker may".to_owned());
    }
    settings.finish((prefect, queues, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> Result<(Prefect, PollerQueueUrls, Options), BadSettings> {
        read(Settings::through("poller", |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let bad = read_pairs(&[
            ("PUSHPOOL_POLL_INTERVAL", "300"),
            ("PUSHPOOL_HORIZON", "3600"),
            ("PUSHPOOL_NAME", "a/b"),
            ("PUSHPOOL_RUN_QUEUE_URL", "https://queue/run"),
        ])
        .unwrap_err();
        for name in ["API_URL", "POLL_QUEUE", "FIFO_QUEUE", "EVENTS_QUEUE", "INTERVAL", "HORIZON", "NAME"] {
            assert!(bad.to_string().contains(name), "{name} in: {bad}");
        }
        assert_eq!(bad.mistakes.len(), 7, "{bad}");
    }

    #[test]
    fn the_defaults_keep_pools_ready() {
        let pairs = [
            ("PREFECT_API_URL", "http://prefect/api"),
            ("PUSHPOOL_POLL_QUEUE_URL", "p"),
            ("PUSHPOOL_RUN_QUEUE_URL", "r"),
            ("PUSHPOOL_FIFO_QUEUE_URL", "f"),
            ("PUSHPOOL_EVENTS_QUEUE_URL", "e"),
            ("PUSHPOOL_POOLS", "one, two"),
        ];
        let (_, _, options) = read_pairs(&pairs).unwrap();
        assert_eq!(options.named_pools, ["one", "two"]);
        assert!(options.interval < Duration::from_secs(30));
        assert!(!options.cloud);
    }

    #[test]
    fn prefect_cloud_is_recognised() {
        let pairs = [
            ("PREFECT_API_URL", "https://api.prefect.cloud/api/accounts/a/workspaces/w"),
            ("PUSHPOOL_POLL_QUEUE_URL", "p"),
            ("PUSHPOOL_RUN_QUEUE_URL", "r"),
            ("PUSHPOOL_FIFO_QUEUE_URL", "f"),
            ("PUSHPOOL_EVENTS_QUEUE_URL", "e"),
        ];
        assert!(read_pairs(&pairs).unwrap().2.cloud);
    }
}
