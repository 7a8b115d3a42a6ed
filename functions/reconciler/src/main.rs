//! The reconciler function: one pass for each invocation, whatever invokes it (a schedule, every five minutes at most: the
//! lease of a deployment's concurrency slot lives for that long, and a run whose task comes up slowly needs it renewed).
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PREFECT_API_URL` and what goes with it | see [`function::Prefect`] | required |
//! | `PUSHPOOL_POOLS` | work pools that are served by name, whatever their type, comma separated | none |
//! | `PUSHPOOL_PUSH_POOLS` | `false` if only those are served, not all of type `ecs:push`; Prefect Cloud needs `false` | true |
//! | `PUSHPOOL_CAPACITY_TIMEOUT` | seconds after a run was first due that it may wait for a task that starts | 3600 |
//! | `PUSHPOOL_HAND_BACK_DELAY` | seconds a run waits that is handed back for the first time; less may start a run twice | 180 |
//! | `PUSHPOOL_INTERRUPTIONS` | how often a run may be interrupted while it runs and start again | 10 |
//! | `PUSHPOOL_CANCEL_GRACE` | seconds a flow has to cancel itself before its task is stopped | 60 |
//! | `PUSHPOOL_CLAIM_GRACE` | seconds a claimed run may have no task; longer than the dispatcher's timeout | 120 |
//! | `PUSHPOOL_TASK_START_TIMEOUT` | seconds a task may take to start; 0 is for ever | 600 |
//! | `PUSHPOOL_ORPHAN_GRACE` | seconds a task may outlive its claim on a run | 300 |
//! | `PUSHPOOL_OUTLIVE_GRACE` | seconds a task may go on after its run has ended, at most 1020; 0 is for ever | 300 |
//! | `PUSHPOOL_LAUNCH_ROLE_ARN` and what goes with it | see [`function::access`] | the function's role |
//! | `PUSHPOOL_CLUSTERS` | clusters that tasks run in, besides those that pools, deployments and runs name, comma separated | none |
//! | `PUSHPOOL_SOLE_OWNER` | `true` if no other pushpool has tasks in these clusters: tasks of runs the server does not know are stopped | false |

use std::sync::Arc;

use aws::LogAndMetrics;
use dispatch::{reconcile::Policy, runs};
use function::{BadSettings, Error, Prefect, Settings, serve, start_log};
use serde_json::json;

// One thread: below 1,769 MB Lambda gives less than one processor, and the work is waiting for answers.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_log();
    let (prefect, policy) = read(Settings::of("reconciler"))?;
    let access = function::access();
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
    let interruptions = settings.number("PUSHPOOL_INTERRUPTIONS", f64::from(defaults.runs.interruptions)) as u32;
    let policy = Policy {
        runs: runs::Policy {
            capacity_timeout: settings.seconds("PUSHPOOL_CAPACITY_TIMEOUT", defaults.runs.capacity_timeout),
            hand_back_delay: settings.seconds("PUSHPOOL_HAND_BACK_DELAY", defaults.runs.hand_back_delay),
            interruptions,
            cancel_grace: settings.seconds("PUSHPOOL_CANCEL_GRACE", defaults.runs.cancel_grace),
            claim_grace: settings.seconds("PUSHPOOL_CLAIM_GRACE", defaults.runs.claim_grace),
            shown_after: defaults.runs.shown_after,
            clusters: settings.list("PUSHPOOL_CLUSTERS"),
        },
        push_pools: settings.flag("PUSHPOOL_PUSH_POOLS", defaults.push_pools),
        named_pools: settings.list("PUSHPOOL_POOLS"),
        task_start_timeout: settings.seconds("PUSHPOOL_TASK_START_TIMEOUT", defaults.task_start_timeout),
        orphan_grace: settings.seconds("PUSHPOOL_ORPHAN_GRACE", defaults.orphan_grace),
        outlive_grace: settings.seconds("PUSHPOOL_OUTLIVE_GRACE", defaults.outlive_grace),
        sole_owner: settings.flag("PUSHPOOL_SOLE_OWNER", defaults.sole_owner),
        pages: defaults.pages,
    };
    settings.finish((prefect, policy))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> Result<(Prefect, Policy), BadSettings> {
        read(Settings::through("reconciler", |name| {
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
