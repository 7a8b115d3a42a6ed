//! The poller function: ticks and rings in, messages of scheduled runs out.
//!
//! <!-- variables of the poller -->
//!
//! | variable | meaning | default | set by |
//! | --- | --- | --- | --- |
//! | `PREFECT_API_URL` | the Prefect API, ending in `/api` (Prefect Cloud: the URL of the workspace); without it the dispatcher is standalone | required | the module |
//! | `PUSHPOOL_API_KEY_SECRET_ARN` | secret with the API key: Secrets Manager ARN, or SSM parameter (ARN or `ssm:/NAME`); containers authenticate with it, too | none | the module |
//! | `PUSHPOOL_API_AUTH_STRING_SECRET_ARN` | secret with the auth string of a self-hosted server, likewise | none | the module |
//! | `PUSHPOOL_CUSTOM_HEADERS_SECRET_ARN` | secret with a JSON object of headers to add, for instance for a proxy | none | the module |
//! | `PREFECT_API_KEY` | the API key in the clear, to try things out | none | `more_environment` |
//! | `PREFECT_API_AUTH_STRING` | the auth string in the clear, likewise | none | `more_environment` |
//! | `PREFECT_CLIENT_CUSTOM_HEADERS` | the JSON object of headers in the clear | none | `more_environment` |
//! | `PREFECT_API_SSL_CERT_FILE` | certificates to trust instead of the built-in ones, PEM | none | the module |
//! | `PREFECT_API_TLS_INSECURE_SKIP_VERIFY` | `true` trusts any certificate | false | `more_environment` |
//! | `PREFECT_API_REQUEST_TIMEOUT` | seconds for one try of a request | 10 | `more_environment` |
//! | `PUSHPOOL_POLL_QUEUE_URL` | URL of the poll queue: the poller adds ticks, the observer has pools with a free slot polled, the doorbell rings | required | the module |
//! | `PUSHPOOL_RUN_QUEUE_URL` | URL of the run queue | required | the module |
//! | `PUSHPOOL_RUN_FIFO_QUEUE_URL` | URL of the FIFO run queue, for work pools and work queues with a limit | required | the module |
//! | `PUSHPOOL_EVENTS_QUEUE_URL` | URL of the events queue: the poller sends runs that are being cancelled, the observer runs to look at again | required | the module |
//! | `PUSHPOOL_POOLS` | names of work pools to serve whatever their type, comma separated | none | the module |
//! | `PUSHPOOL_PUSH_POOLS` | `false` serves only the pools of `PUSHPOOL_POOLS`, not all of type `ecs:push`; Prefect Cloud needs `false` | true | the module |
//! | `PUSHPOOL_NAME` | the name that heartbeats are sent under, and that runs are labelled with | pushpool | the module |
//! | `PUSHPOOL_POLL_INTERVAL` | seconds between polls, 1 to 59; the server takes a queue for abandoned after 60 | 20 | the module |
//! | `PUSHPOOL_HORIZON` | seconds that runs are asked for ahead, at most 900 | 60 | the module |
//! | `PUSHPOOL_LAUNCH_LEAD` | seconds before its time that a run is launched; poller and dispatcher need the same | 0 | the module |
//! | `PUSHPOOL_METRIC_NAMESPACE` | CloudWatch namespace of the metrics | pushpool | the module |
//! | `AWS_LAMBDA_LOG_LEVEL` | level of the log; Lambda sets it from the logging configuration of the function | info | Lambda |
//!
//! <!-- end -->

use std::{sync::Arc, time::Duration};

use aws::{LogAndMetrics, PollerQueueUrls};
use dispatch::poll::Options;
use function::{BadSettings, Error, Prefect, Settings, serve_batches, start_log};
use installation::{Function, timing, variables};

// One thread: below 1,769 MB Lambda gives less than one processor, and the work is waiting for answers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let (prefect, queues, options) = read(Settings::of(Function::Poller))?;
    let config = aws::function_config();
    let client = prefect.client(&config)?;
    let poller = Arc::new(aws::poller(&config, client, queues, options, Arc::new(LogAndMetrics)));
    // A poll may take as long as Lambda lets it: nothing waits for its end.
    serve_batches(Duration::MAX, move |records, deadline| {
        let poller = Arc::clone(&poller);
        async move { poller.handle(&records, deadline).await }
    })
    .await
}

fn read(settings: Settings<'_>) -> Result<(Prefect, PollerQueueUrls, Options), BadSettings> {
    let prefect = Prefect::required(&settings);
    let queues = PollerQueueUrls {
        poll: settings.required(&variables::POLL_QUEUE_URL),
        run: settings.required(&variables::RUN_QUEUE_URL),
        fifo: settings.required(&variables::RUN_FIFO_QUEUE_URL),
        events: settings.required(&variables::EVENTS_QUEUE_URL),
    };
    let options = Options {
        push_pools: settings.flag(&variables::PUSH_POOLS),
        named_pools: settings.list(&variables::POOLS),
        name: settings.get(&variables::NAME).unwrap_or_else(|| installation::PREFIX.to_owned()),
        interval: settings.seconds(&variables::POLL_INTERVAL),
        horizon: settings.seconds(&variables::HORIZON),
        launch_lead: settings.seconds(&variables::LAUNCH_LEAD),
        cloud: prefect.is_cloud(),
    };
    if !(1..timing::ABANDONED.as_secs()).contains(&options.interval.as_secs()) {
        settings.mistake("PUSHPOOL_POLL_INTERVAL is not between 1 and 59 seconds".to_owned());
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
        read(Settings::through(Function::Poller, |name| {
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
        for name in ["API_URL", "POLL_QUEUE", "RUN_FIFO_QUEUE", "EVENTS_QUEUE", "INTERVAL", "HORIZON", "NAME"] {
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
            ("PUSHPOOL_RUN_FIFO_QUEUE_URL", "f"),
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
            ("PUSHPOOL_RUN_FIFO_QUEUE_URL", "f"),
            ("PUSHPOOL_EVENTS_QUEUE_URL", "e"),
        ];
        assert!(read_pairs(&pairs).unwrap().2.cloud);
    }
}
