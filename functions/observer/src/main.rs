//! The observer function: ECS events in, states of flow runs out.
//!
//! <!-- variables of the observer -->
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
//! | `PUSHPOOL_EVENTS_QUEUE_URL` | URL of the events queue: the poller sends runs that are being cancelled, the observer runs to look at again | required | the module |
//! | `PUSHPOOL_DLQ_URL` | URL of the dead-letter queue of its queue, for copies of unreadable messages, and standalone of crashed ones | required | the module |
//! | `PUSHPOOL_CAPACITY_TIMEOUT` | seconds after a run was first due that it may wait for capacity, or for a task that starts | 3600 | the module |
//! | `PUSHPOOL_INTERRUPTIONS` | how often a run may be interrupted while it runs and start again | 10 | the module |
//! | `PUSHPOOL_CANCEL_GRACE` | seconds that a flow has to cancel itself before its task is stopped | 60 | `more_environment` |
//! | `PUSHPOOL_LAUNCH_ROLE_ARN` | role of another account that tasks are launched, looked at and stopped as | the function's own role | the module |
//! | `PUSHPOOL_LAUNCH_EXTERNAL_ID` | external id that the trust policy of this role asks for | none | the module |
//! | `PUSHPOOL_CLUSTERS` | clusters that tasks run in, besides those that pools, deployments and runs name, comma separated | none | the module |
//! | `PUSHPOOL_TASK_EVENTS` | `true` emits an event to the server for every state of a task | false | the module |
//! | `PUSHPOOL_METRIC_NAMESPACE` | CloudWatch namespace of the metrics | pushpool | the module |
//! | `AWS_LAMBDA_LOG_LEVEL` | level of the log; Lambda sets it from the logging configuration of the function | info | Lambda |
//!
//! <!-- end -->

use std::sync::Arc;

use aws::{LogAndMetrics, ObserverQueueUrls, ObserverSettings};
use dispatch::{observe::Options, runs::Policy};
use function::{BadSettings, Error, Prefect, Settings, serve_batches, start_log};
use installation::{Function, timing, variables};

// One thread: below 1,769 MB Lambda gives less than one processor, and the work is waiting for answers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let settings = Settings::of(Function::Observer);
    let role = function::launch_role(&settings);
    let (prefect, settings) = read(settings)?;
    let access = function::access(role);
    let client = prefect.client(access.own())?;
    let observer = Arc::new(aws::observer(access, client, settings, Arc::new(LogAndMetrics)));
    serve_batches(timing::WORK, move |records, deadline| {
        let observer = Arc::clone(&observer);
        async move { observer.handle(records, deadline).await }
    })
    .await
}

fn read(settings: Settings<'_>) -> Result<(Prefect, ObserverSettings), BadSettings> {
    let defaults = Policy::default();
    let prefect = Prefect::required(&settings);
    let queues = ObserverQueueUrls {
        events: settings.required(&variables::EVENTS_QUEUE_URL),
        poll: settings.required(&variables::POLL_QUEUE_URL),
        dead_letter: settings.required(&variables::DLQ_URL),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0; more is as good as many")]
    let interruptions = settings.number(&variables::INTERRUPTIONS) as u32;
    let policy = Policy {
        capacity_timeout: settings.seconds(&variables::CAPACITY_TIMEOUT),
        hand_back_delay: settings.seconds(&variables::TEST_HAND_BACK_DELAY),
        interruptions,
        cancel_grace: settings.seconds(&variables::CANCEL_GRACE),
        claim_grace: settings.seconds(&variables::TEST_CLAIM_GRACE),
        shown_after: defaults.shown_after,
        clusters: settings.list(&variables::CLUSTERS).into_iter().map(Into::into).collect(),
    };
    let options = Options { task_events: settings.flag(&variables::TASK_EVENTS) };
    settings.finish((prefect, ObserverSettings { queues, policy, options }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> Result<(Prefect, ObserverSettings), BadSettings> {
        read(Settings::through(Function::Observer, |name| {
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
            clusters: vec!["a".into(), "b".into()],
            cancel_grace: Duration::from_secs(5),
            ..Policy::default()
        };
        assert_eq!(settings.policy, expected);
        assert!(!settings.options.task_events);
    }
}
