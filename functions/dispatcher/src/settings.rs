//! Settings of the dispatcher, from environment variables. All mistakes are reported at once.
//!
//! With `PREFECT_API_URL` the dispatcher serves that server's work pools, see [`function::Prefect`] for how it is reached;
//! without, it is standalone: messages carry their runs, and `PUSHPOOL_POOLS` says where the pool documents are.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `PUSHPOOL_RUN_QUEUE_URL` | URL of the standard run queue | required |
//! | `PUSHPOOL_DLQ_URL` | URL of the dead-letter queue: copies of unreadable messages, and standalone of crashed ones | required |
//! | `PUSHPOOL_RUN_QUEUE_ARN` | standalone: ARN of the standard run queue, which schedules send to | required standalone |
//! | `PUSHPOOL_SCHEDULE_GROUP` | standalone: schedule group for runs that have to wait | required standalone |
//! | `PUSHPOOL_SCHEDULE_ROLE_ARN` | standalone: role that these schedules send as | required standalone |
//! | `PUSHPOOL_FIFO_QUEUE_URL` | URL of the FIFO run queue, for work pools and queues with limits | none |
//! | `PUSHPOOL_POOLS` | standalone: a directory, `ssm:/PREFIX` or `s3://BUCKET/PREFIX` | required standalone |
//! | `PUSHPOOL_EVENT_BUS` | standalone: name or ARN of an EventBridge bus for outcomes | none |
//! | `PUSHPOOL_NAME`, `PUSHPOOL_LABEL_RUNS` | the name pushpool goes by; `true` labels runs with it as a worker does, for one more request a run | pushpool, false |
//! | `PUSHPOOL_SHADOW_POOLS` | with a server: comma separated; runs of these work pools are rendered and checked, and neither claimed nor launched | none |
//! | `PUSHPOOL_LAUNCH_LEAD` | seconds before its time that a run is launched; the poller needs the same | 0 |
//! | `PUSHPOOL_RUN_TASK_RATE` | RunTask calls a second of one execution environment; 0 is no limit | 20 |
//! | `PUSHPOOL_CAPACITY_TIMEOUT` | seconds after a run was first due that capacity may be missing | 3600 |
//! | `PUSHPOOL_HAND_BACK_DELAY` | seconds a run waits that is handed back for the first time; with a server less than the default may start a run twice; without, a schedule adds up to a minute | 180 with a server, 10 without |
//! | `PUSHPOOL_DEFAULT_IMAGE` | image when the pool names none | see `ecs` |
//! | `PUSHPOOL_SUBNETS`, `PUSHPOOL_SECURITY_GROUPS` | comma separated, when the pool names none | none |
//! | `PUSHPOOL_ASSIGN_PUBLIC_IP` | `true` or `false`, for these subnets | false |
//! | `PUSHPOOL_CONTAINER_PREFECT_API_URL` | Prefect API as containers reach it | `PREFECT_API_URL` |
//! | `PUSHPOOL_API_KEY_SECRET_ARN`, `PUSHPOOL_API_AUTH_STRING_SECRET_ARN` | secrets containers authenticate with | none |
//! | `PUSHPOOL_RESCHEDULE_ON_SPOT` | whether a flow run on Spot reschedules itself when it is interrupted | true with a server |
//! | `PUSHPOOL_ALLOW_ROLE_OVERRIDES` | whether job variables may change the roles of tasks; `false` crashes such a run with PP0223 | true |
//! | `PUSHPOOL_LAUNCH_ROLE_ARN` and what goes with it | see [`function::access`] | the function's role |
//! | `AWS_REGION` | set by Lambda | required |
//! | `AWS_LAMBDA_LOG_LEVEL` | set by Lambda from the function's logging configuration | info |

use std::time::Duration;

use aws::{PrefectSettings, ScheduleSettings, StandaloneSettings};
use dispatch::{dispatcher::Policy, hand_back::HAND_BACK_DELAY, prefect::control::Options, standalone};
use function::{BadSettings, Prefect, Settings};

/// Which control plane it has.
#[derive(Debug)]
pub(crate) enum Mode {
    /// The message itself.
    Standalone(StandaloneSettings),
    /// A Prefect server.
    Prefect {
        /// The server.
        server: Prefect,
        /// What the dispatcher has to be told.
        settings: PrefectSettings,
        /// Work pools whose runs are only rendered.
        shadow_pools: Vec<String>,
    },
}

/// Reads the settings.
pub(crate) fn read(settings: Settings<'_>) -> Result<Mode, BadSettings> {
    let prefect = Prefect::read(&settings);
    let run_queue_url = settings.required("PUSHPOOL_RUN_QUEUE_URL", "the URL of the run queue");
    let dead_letter_queue_url = settings.required("PUSHPOOL_DLQ_URL", "the URL of the dead-letter queue");
    let run_task_rate = settings.number("PUSHPOOL_RUN_TASK_RATE", 20.0);
    let policy = policy(&settings, prefect.is_some());
    let mode = match prefect {
        None => Mode::Standalone(StandaloneSettings {
            run_queue_url,
            schedules: ScheduleSettings {
                group: settings.required("PUSHPOOL_SCHEDULE_GROUP", "the schedule group for runs that have to wait"),
                role_arn: settings.required("PUSHPOOL_SCHEDULE_ROLE_ARN", "the role that schedules send as"),
                run_queue_arn: settings.required("PUSHPOOL_RUN_QUEUE_ARN", "the ARN of the run queue"),
            },
            dead_letter_queue_url,
            pools: settings.required(
                "PUSHPOOL_POOLS",
                "where the pool documents are; or set PREFECT_API_URL to serve a Prefect server's work pools",
            ),
            event_bus: settings.get("PUSHPOOL_EVENT_BUS"),
            run_task_rate,
            policy,
        }),
        Some(server) => {
            let name = settings.get("PUSHPOOL_NAME").unwrap_or_else(|| "pushpool".to_owned());
            let options = Options {
                launch_lead: settings.seconds("PUSHPOOL_LAUNCH_LEAD", Duration::ZERO),
                label_as: settings.flag("PUSHPOOL_LABEL_RUNS", false).then_some(name),
            };
            let fifo_queue_url = settings.get("PUSHPOOL_FIFO_QUEUE_URL");
            Mode::Prefect {
                server,
                settings: PrefectSettings {
                    run_queue_url,
                    fifo_queue_url,
                    dead_letter_queue_url,
                    run_task_rate,
                    policy,
                    options,
                },
                shadow_pools: settings.list("PUSHPOOL_SHADOW_POOLS"),
            }
        }
    };
    settings.finish(mode)
}

fn policy(settings: &Settings<'_>, has_server: bool) -> Policy {
    let api_url = settings.get("PUSHPOOL_CONTAINER_PREFECT_API_URL").or_else(|| settings.get("PREFECT_API_URL"));
    let hand_back_delay = if has_server { HAND_BACK_DELAY } else { standalone::HAND_BACK_DELAY };
    Policy {
        requests: ecs::Settings {
            region: settings.required("AWS_REGION", "the region of the clusters"),
            prefect_api_url: api_url,
            default_image: settings.get("PUSHPOOL_DEFAULT_IMAGE"),
            subnets: settings.list("PUSHPOOL_SUBNETS"),
            security_groups: settings.list("PUSHPOOL_SECURITY_GROUPS"),
            assign_public_ip: settings.flag("PUSHPOOL_ASSIGN_PUBLIC_IP", false),
            api_key_secret_arn: settings.get("PUSHPOOL_API_KEY_SECRET_ARN"),
            api_auth_string_secret_arn: settings.get("PUSHPOOL_API_AUTH_STRING_SECRET_ARN"),
            reschedule_on_spot: settings.flag("PUSHPOOL_RESCHEDULE_ON_SPOT", has_server),
            roles_of_pool_only: !settings.flag("PUSHPOOL_ALLOW_ROLE_OVERRIDES", true),
        },
        capacity_timeout: settings.seconds("PUSHPOOL_CAPACITY_TIMEOUT", Duration::from_secs(3_600)),
        hand_back_delay: settings.seconds("PUSHPOOL_HAND_BACK_DELAY", hand_back_delay),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> Result<Mode, BadSettings> {
        read(Settings::through("dispatcher", |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    const REQUIRED: [(&str, &str); 7] = [
        ("PUSHPOOL_RUN_QUEUE_URL", "https://queue/run"),
        ("PUSHPOOL_DLQ_URL", "https://queue/dlq"),
        ("PUSHPOOL_POOLS", "ssm:/pools"),
        ("PUSHPOOL_RUN_QUEUE_ARN", "arn:aws:sqs:eu-west-1:111122223333:run"),
        ("PUSHPOOL_SCHEDULE_GROUP", "pushpool"),
        ("PUSHPOOL_SCHEDULE_ROLE_ARN", "arn:aws:iam::111122223333:role/schedules"),
        ("AWS_REGION", "eu-west-1"),
    ];

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let bad = read_pairs(&[
            ("PUSHPOOL_RUN_TASK_RATE", "fast"),
            ("PUSHPOOL_ASSIGN_PUBLIC_IP", "yes"),
            ("PUSHPOOL_POOLS", " "),
            ("AWS_REGION", "eu-west-1"),
        ])
        .unwrap_err();
        assert_eq!(bad.mistakes.len(), 8, "{bad}");
        for name in [
            "RUN_QUEUE_URL",
            "DLQ_URL",
            "POOLS",
            "RUN_TASK_RATE",
            "ASSIGN_PUBLIC_IP",
            "RUN_QUEUE_ARN",
            "SCHEDULE_GROUP",
            "SCHEDULE_ROLE_ARN",
        ] {
            assert!(bad.to_string().contains(name), "{name} in: {bad}");
        }
    }

    #[test]
    fn without_a_server_it_is_standalone() {
        let mode = read_pairs(&REQUIRED).unwrap();
        let Mode::Standalone(settings) = mode else { panic!("{mode:?}") };
        assert!((settings.run_task_rate - 20.0).abs() < f64::EPSILON);
        assert_eq!(settings.policy.capacity_timeout, Duration::from_secs(3_600));
        assert!(settings.policy.requests.subnets.is_empty() && !settings.policy.requests.reschedule_on_spot);
    }

    #[test]
    fn pools_in_shadow_are_named_for_a_server() {
        let with = |pairs: &[(&str, &str)]| read_pairs(&[&REQUIRED, pairs].concat()).unwrap();
        let server = ("PREFECT_API_URL", "https://prefect/api");
        let Mode::Prefect { shadow_pools, .. } = with(&[server, ("PUSHPOOL_SHADOW_POOLS", "etl, reports,")]) else {
            panic!("a server is set")
        };
        assert_eq!(shadow_pools, ["etl", "reports"]);
        let Mode::Prefect { shadow_pools, .. } = with(&[server]) else { panic!("a server is set") };
        assert!(shadow_pools.is_empty());
    }

    #[test]
    fn with_a_server_containers_reach_it_by_the_same_url_unless_another_is_set() {
        let url = "https://prefect/api";
        let mut pairs = REQUIRED.to_vec();
        pairs.push(("PREFECT_API_URL", url));
        let requests = |pairs: &[(&str, &str)]| match read_pairs(pairs).unwrap() {
            Mode::Prefect { settings, .. } => settings.policy.requests,
            mode @ Mode::Standalone(_) => panic!("{mode:?}"),
        };
        let seen = requests(&pairs);
        assert_eq!((seen.prefect_api_url.as_deref(), seen.reschedule_on_spot), (Some(url), true));
        pairs.push(("PUSHPOOL_CONTAINER_PREFECT_API_URL", "https://outside/api"));
        assert_eq!(requests(&pairs).prefect_api_url.as_deref(), Some("https://outside/api"));
    }
}
