//! Settings of the dispatcher, from environment variables. All mistakes are reported at once.
//!
//! With `PREFECT_API_URL` the dispatcher serves that server's work pools, see [`function::Prefect`] for how it is reached;
//! without, it is standalone: messages carry their runs, and `PUSHPOOL_POOL_DOCUMENTS` says where the pool documents are.
//!
//! <!-- variables of the dispatcher -->
//!
//! | variable | meaning | default | set by |
//! | --- | --- | --- | --- |
//! | `PREFECT_API_URL` | the Prefect API, ending in `/api` (Prefect Cloud: the URL of the workspace); without it the dispatcher is standalone | none | the module |
//! | `PUSHPOOL_API_KEY_SECRET_ARN` | secret with the API key: Secrets Manager ARN, or SSM parameter (ARN or `ssm:/NAME`); containers authenticate with it, too | none | the module |
//! | `PUSHPOOL_API_AUTH_STRING_SECRET_ARN` | secret with the auth string of a self-hosted server, likewise | none | the module |
//! | `PUSHPOOL_CUSTOM_HEADERS_SECRET_ARN` | with a server: secret with a JSON object of headers to add, for instance for a proxy | none | the module |
//! | `PREFECT_API_KEY` | with a server: the API key in the clear, to try things out | none | `more_environment` |
//! | `PREFECT_API_AUTH_STRING` | with a server: the auth string in the clear, likewise | none | `more_environment` |
//! | `PREFECT_CLIENT_CUSTOM_HEADERS` | with a server: the JSON object of headers in the clear | none | `more_environment` |
//! | `PREFECT_API_SSL_CERT_FILE` | with a server: certificates to trust instead of the built-in ones, PEM | none | the module |
//! | `PREFECT_API_TLS_INSECURE_SKIP_VERIFY` | with a server: `true` trusts any certificate | false | `more_environment` |
//! | `PREFECT_API_REQUEST_TIMEOUT` | with a server: seconds for one try of a request | 10 | `more_environment` |
//! | `PUSHPOOL_RUN_QUEUE_URL` | URL of the run queue | required | the module |
//! | `PUSHPOOL_RUN_FIFO_QUEUE_URL` | with a server: URL of the FIFO run queue, for work pools and work queues with a limit | none | the module |
//! | `PUSHPOOL_DLQ_URL` | URL of the dead-letter queue of its queue, for copies of unreadable messages, and standalone of crashed ones | required | the module |
//! | `PUSHPOOL_RUN_QUEUE_ARN` | standalone: ARN of the run queue, which schedules send to | required | the module |
//! | `PUSHPOOL_SCHEDULE_GROUP` | standalone: schedule group for runs that have to wait | required | the module |
//! | `PUSHPOOL_SCHEDULE_ROLE_ARN` | standalone: role that these schedules send as | required | the module |
//! | `PUSHPOOL_POOL_DOCUMENTS` | standalone: where the pool documents are: a directory, `ssm:/PREFIX` or `s3://BUCKET/PREFIX` | required | the module |
//! | `PUSHPOOL_SHADOW_POOLS` | with a server: work pools, comma separated, whose runs are rendered and checked, and neither claimed nor launched | none | the module |
//! | `PUSHPOOL_NAME` | with a server: the name that heartbeats are sent under, and that runs are labelled with | pushpool | the module |
//! | `PUSHPOOL_LABEL_RUNS` | with a server: `true` labels runs with `PUSHPOOL_NAME` as a worker does, for one more request a run | false | the module |
//! | `PUSHPOOL_LAUNCH_LEAD` | with a server: seconds before its time that a run is launched; poller and dispatcher need the same | 0 | the module |
//! | `PUSHPOOL_RUN_TASK_RATE` | RunTask calls a second of one execution environment; 0 is no limit | 20 | the module |
//! | `PUSHPOOL_CAPACITY_TIMEOUT` | seconds after a run was first due that it may wait for capacity, or for a task that starts | 3600 | the module |
//! | `PUSHPOOL_HAND_BACK_DELAY` | standalone: seconds that a run waits after it was handed back for the first time; a schedule adds up to a minute | 10 | `more_environment` |
//! | `PUSHPOOL_DEFAULT_IMAGE` | image of work pools that name none | Prefect's image, see `ecs` | the module |
//! | `PUSHPOOL_SUBNETS` | subnets of work pools that name none, comma separated | none | the module |
//! | `PUSHPOOL_SECURITY_GROUPS` | security groups of work pools that name none, comma separated | none | the module |
//! | `PUSHPOOL_ASSIGN_PUBLIC_IP` | whether tasks in these subnets get a public address | false | the module |
//! | `PUSHPOOL_CONTAINER_PREFECT_API_URL` | the Prefect API as containers reach it | `PREFECT_API_URL` | the module |
//! | `PUSHPOOL_RESCHEDULE_ON_SPOT` | whether a flow run on Spot reschedules itself when it is interrupted | true with a server | `more_environment` |
//! | `PUSHPOOL_ALLOW_ROLE_OVERRIDES` | whether job variables may change the roles of tasks; `false` crashes such a run with PP0223 | true | the module |
//! | `PUSHPOOL_LAUNCH_ROLE_ARN` | role of another account that tasks are launched, looked at and stopped as | the function's own role | the module |
//! | `PUSHPOOL_LAUNCH_EXTERNAL_ID` | external id that the trust policy of this role asks for | none | the module |
//! | `PUSHPOOL_EVENT_BUS` | standalone: name or ARN of an EventBridge bus for outcomes | none | the module |
//! | `PUSHPOOL_METRIC_NAMESPACE` | CloudWatch namespace of the metrics | pushpool | the module |
//! | `AWS_LAMBDA_LOG_LEVEL` | level of the log; Lambda sets it from the logging configuration of the function | info | Lambda |
//! | `AWS_REGION` | region of the clusters; set by Lambda | required | Lambda |
//!
//! <!-- end -->

use aws::{PrefectSettings, ScheduleSettings, StandaloneSettings};
use dispatch::{dispatcher::Policy, prefect::control::Options};
use function::{BadSettings, Prefect, Settings};
use installation::variables;

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
    let run_queue_url = settings.required(&variables::RUN_QUEUE_URL);
    let dead_letter_queue_url = settings.required(&variables::DLQ_URL);
    let run_task_rate = settings.number(&variables::RUN_TASK_RATE);
    let policy = policy(&settings, prefect.is_some());
    let mode = match prefect {
        None => Mode::Standalone(StandaloneSettings {
            run_queue_url,
            schedules: ScheduleSettings {
                group: settings.required(&variables::SCHEDULE_GROUP),
                role_arn: settings.required(&variables::SCHEDULE_ROLE_ARN),
                run_queue_arn: settings.required(&variables::RUN_QUEUE_ARN),
            },
            dead_letter_queue_url,
            pools: documents(&settings),
            event_bus: settings.get(&variables::EVENT_BUS),
            run_task_rate,
            policy,
        }),
        Some(server) => {
            let name = settings.get(&variables::NAME).unwrap_or_else(|| installation::PREFIX.to_owned());
            let options = Options {
                launch_lead: settings.seconds(&variables::LAUNCH_LEAD),
                label_as: settings.flag(&variables::LABEL_RUNS).then_some(name),
            };
            let fifo_queue_url = settings.get(&variables::RUN_FIFO_QUEUE_URL);
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
                shadow_pools: settings.list(&variables::SHADOW_POOLS),
            }
        }
    };
    settings.finish(mode)
}

/// Where the pool documents are. Without them a server may have been meant.
fn documents(settings: &Settings<'_>) -> String {
    settings.get(&variables::POOL_DOCUMENTS).unwrap_or_else(|| {
        settings.mistake(format!(
            "{} is not set: {}; or set {} to serve the work pools of a Prefect server",
            variables::POOL_DOCUMENTS.name,
            variables::POOL_DOCUMENTS.meaning,
            variables::API_URL.name
        ));
        String::new()
    })
}

fn policy(settings: &Settings<'_>, has_server: bool) -> Policy {
    let api_url = settings.get(&variables::CONTAINER_PREFECT_API_URL).or_else(|| settings.get(&variables::API_URL));
    let hand_back_delay = if has_server { &variables::TEST_HAND_BACK_DELAY } else { &variables::HAND_BACK_DELAY };
    Policy {
        requests: ecs::Settings {
            region: settings.required(&variables::REGION),
            prefect_api_url: api_url,
            default_image: settings.get(&variables::DEFAULT_IMAGE),
            subnets: settings.list(&variables::SUBNETS),
            security_groups: settings.list(&variables::SECURITY_GROUPS),
            assign_public_ip: settings.flag(&variables::ASSIGN_PUBLIC_IP),
            api_key_secret_arn: settings.get(&variables::API_KEY_SECRET_ARN),
            api_auth_string_secret_arn: settings.get(&variables::API_AUTH_STRING_SECRET_ARN),
            reschedule_on_spot: settings.flag_or(&variables::RESCHEDULE_ON_SPOT, has_server),
            roles_of_pool_only: !settings.flag(&variables::ALLOW_ROLE_OVERRIDES),
        },
        capacity_timeout: settings.seconds(&variables::CAPACITY_TIMEOUT),
        hand_back_delay: settings.seconds(hand_back_delay),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use installation::{Function, timing};

    use super::*;

    fn read_pairs(pairs: &[(&str, &str)]) -> Result<Mode, BadSettings> {
        read(Settings::through(Function::Dispatcher, |name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        }))
    }

    const REQUIRED: [(&str, &str); 7] = [
        ("PUSHPOOL_RUN_QUEUE_URL", "https://queue/run"),
        ("PUSHPOOL_DLQ_URL", "https://queue/dlq"),
        ("PUSHPOOL_POOL_DOCUMENTS", "ssm:/pools"),
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
            ("PUSHPOOL_POOL_DOCUMENTS", " "),
            ("AWS_REGION", "eu-west-1"),
        ])
        .unwrap_err();
        assert_eq!(bad.mistakes.len(), 8, "{bad}");
        for name in [
            "RUN_QUEUE_URL",
            "DLQ_URL",
            "POOL_DOCUMENTS",
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
    fn a_location_in_the_variable_that_names_pools_is_refused_with_the_one_to_set() {
        let mut pairs = REQUIRED.to_vec();
        pairs[2].0 = "PUSHPOOL_POOLS";
        let bad = read_pairs(&pairs).unwrap_err().to_string();
        assert!(bad.contains("PUSHPOOL_POOLS is set") && bad.contains("set PUSHPOOL_POOL_DOCUMENTS to"), "{bad}");
        // An environment for all functions of an installation with a server has names in it.
        pairs.push(("PREFECT_API_URL", "https://prefect/api"));
        assert!(read_pairs(&pairs).is_ok());
    }

    #[test]
    fn with_a_server_no_setting_shortens_the_delay_of_a_hand_back() {
        let delay = |more: &[(&str, &str)]| match read_pairs(&[&REQUIRED, more].concat()).unwrap() {
            Mode::Prefect { settings, .. } => settings.policy.hand_back_delay,
            Mode::Standalone(settings) => settings.policy.hand_back_delay,
        };
        let (server, set) = (("PREFECT_API_URL", "https://prefect/api"), ("PUSHPOOL_HAND_BACK_DELAY", "7"));
        assert_eq!(delay(&[server, set]), timing::HAND_BACK_DELAY);
        assert_eq!(delay(&[set]), Duration::from_secs(7));
        assert_eq!(delay(&[]), timing::STANDALONE_HAND_BACK_DELAY);
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
