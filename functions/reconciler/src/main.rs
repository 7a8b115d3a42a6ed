//! The reconciler function: one pass for each invocation, whatever invokes it (a schedule, every five minutes at most: the
//! lease of a deployment's concurrency slot lives for that long, and a run whose task comes up slowly needs it renewed).
//!
//! <!-- variables of the reconciler -->
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
//! | `PUSHPOOL_POOLS` | names of work pools to serve whatever their type, comma separated | none | the module |
//! | `PUSHPOOL_PUSH_POOLS` | `false` serves only the pools of `PUSHPOOL_POOLS`, not all of type `ecs:push`; Prefect Cloud needs `false` | true | the module |
//! | `PUSHPOOL_CAPACITY_TIMEOUT` | seconds after a run was first due that it may wait for capacity, or for a task that starts | 3600 | the module |
//! | `PUSHPOOL_INTERRUPTIONS` | how often a run may be interrupted while it runs and start again | 10 | the module |
//! | `PUSHPOOL_CANCEL_GRACE` | seconds that a flow has to cancel itself before its task is stopped | 60 | `more_environment` |
//! | `PUSHPOOL_TASK_START_TIMEOUT` | seconds that a task may take to start; 0 is for ever | 600 | the module |
//! | `PUSHPOOL_ORPHAN_GRACE` | seconds that a task may outlive its claim on a run | 300 | `more_environment` |
//! | `PUSHPOOL_OUTLIVE_GRACE` | seconds that a task may go on after its run has ended, at most 1020; 0 is for ever | 300 | the module |
//! | `PUSHPOOL_LAUNCH_ROLE_ARN` | role of another account that tasks are launched, looked at and stopped as | the function's own role | the module |
//! | `PUSHPOOL_LAUNCH_EXTERNAL_ID` | external id that the trust policy of this role asks for | none | the module |
//! | `PUSHPOOL_CLUSTERS` | clusters that tasks run in, besides those that pools, deployments and runs name, comma separated | none | the module |
//! | `PUSHPOOL_SOLE_OWNER` | `true` if no other pushpool has tasks in these clusters: tasks of runs that the server does not know are stopped | false | the module |
//! | `PUSHPOOL_METRIC_NAMESPACE` | CloudWatch namespace of the metrics | pushpool | the module |
//! | `AWS_LAMBDA_LOG_LEVEL` | level of the log; Lambda sets it from the logging configuration of the function | info | Lambda |
//!
//! <!-- end -->

use std::sync::Arc;

use aws::LogAndMetrics;
use dispatch::{reconcile::Policy, runs};
use function::{BadSettings, Error, Prefect, Settings, serve, start_log};
use installation::{Function, variables};
use serde_json::json;

// One thread: below 1,769 MB Lambda gives less than one processor, and the work is waiting for answers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let settings = Settings::of(Function::Reconciler);
    let role = function::launch_role(&settings);
    let (prefect, policy) = read(settings)?;
    let access = function::access(role);
    let client = prefect.client(access.own())?;
    let reconciler = Arc::new(aws::reconciler(access, client, policy, Arc::new(LogAndMetrics)));
    serve(move |_, deadline| {
        let reconciler = Arc::clone(&reconciler);
        async move {
            let pass = reconciler.pass(deadline).await;
            Ok(json!({
                "looked_at": pass.looked_at, "repaired": pass.repaired, "failed": pass.failed,
                "complete": pass.complete,
            }))
        }
    })
    .await
}

fn read(settings: Settings<'_>) -> Result<(Prefect, Policy), BadSettings> {
    let defaults = Policy::default();
    let prefect = Prefect::required(&settings);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0; more is as good as many")]
    let interruptions = settings.number(&variables::INTERRUPTIONS) as u32;
    let policy = Policy {
        runs: runs::Policy {
            capacity_timeout: settings.seconds(&variables::CAPACITY_TIMEOUT),
            hand_back_delay: settings.seconds(&variables::TEST_HAND_BACK_DELAY),
            interruptions,
            cancel_grace: settings.seconds(&variables::CANCEL_GRACE),
            claim_grace: settings.seconds(&variables::TEST_CLAIM_GRACE),
            shown_after: defaults.runs.shown_after,
            clusters: settings.list(&variables::CLUSTERS).into_iter().map(Into::into).collect(),
        },
        push_pools: settings.flag(&variables::PUSH_POOLS),
        named_pools: settings.list(&variables::POOLS),
        task_start_timeout: settings.seconds(&variables::TASK_START_TIMEOUT),
        orphan_grace: settings.seconds(&variables::ORPHAN_GRACE),
        outlive_grace: settings.seconds(&variables::OUTLIVE_GRACE),
        sole_owner: settings.flag(&variables::SOLE_OWNER),
        pages: defaults.pages,
    };
    settings.finish((prefect, policy))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> Result<(Prefect, Policy), BadSettings> {
        read(Settings::through(Function::Reconciler, |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let bad = read_pairs(&[("PUSHPOOL_TASK_START_TIMEOUT", "-1"), ("PUSHPOOL_SOLE_OWNER", "1")]).unwrap_err();
        assert_eq!(bad.mistakes.len(), 3, "{bad}");
    }

    #[test]
    fn what_is_set_is_used() {
        let pairs = [
            ("PREFECT_API_URL", "http://prefect/api"),
            ("PUSHPOOL_POOLS", "one, two"),
            ("PUSHPOOL_TASK_START_TIMEOUT", "0"),
            ("PUSHPOOL_SOLE_OWNER", "true"),
        ];
        let (_, policy) = read_pairs(&pairs).unwrap();
        let expected = Policy {
            named_pools: vec!["one".to_owned(), "two".to_owned()],
            task_start_timeout: Duration::ZERO,
            sole_owner: true,
            ..Policy::default()
        };
        assert_eq!(policy, expected);
    }
}
