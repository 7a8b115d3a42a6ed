//! The environment variables of the functions, in the order in which the tables show them.

use crate::{
    Function::{self, Dispatcher, Doorbell, Observer, Poller, Reconciler},
    Mode, Preset, SetBy, Variable, timing,
};

/// The functions that talk to a Prefect server.
const CLIENTS: &[Function] = &[Poller, Dispatcher, Observer, Reconciler];

/// Those of them that need one.
const SERVED: &[Function] = &[Poller, Observer, Reconciler];

/// The functions that touch tasks.
const OF_TASKS: &[Function] = &[Dispatcher, Observer, Reconciler];

/// The functions that repair runs.
const OF_RUNS: &[Function] = &[Observer, Reconciler];

macro_rules! variables {
    ($($(#[$doc:meta])* $name:ident = $variable:expr;)*) => {
        $($(#[$doc])* pub static $name: Variable = $variable;)*

        /// All of them.
        pub static ALL: &[&Variable] = &[$(&$name),*];
    };
}

variables! {
    // The Prefect server.

    /// The API of the server. Without it the dispatcher is standalone.
    API_URL = Variable::new(
        "PREFECT_API_URL",
        CLIENTS,
        "the Prefect API, ending in `/api` (Prefect Cloud: the URL of the workspace); without it the dispatcher is standalone",
    ).required_by(SERVED);
    /// Secret with the API key.
    API_KEY_SECRET_ARN = Variable::new(
        "PUSHPOOL_API_KEY_SECRET_ARN",
        CLIENTS,
        "secret with the API key: Secrets Manager ARN, or SSM parameter (ARN or `ssm:/NAME`); containers authenticate with it, too",
    );
    /// Secret with the auth string.
    API_AUTH_STRING_SECRET_ARN = Variable::new(
        "PUSHPOOL_API_AUTH_STRING_SECRET_ARN",
        CLIENTS,
        "secret with the auth string of a self-hosted server, likewise",
    );
    /// Secret with further headers.
    CUSTOM_HEADERS_SECRET_ARN = Variable::new(
        "PUSHPOOL_CUSTOM_HEADERS_SECRET_ARN",
        CLIENTS,
        "secret with a JSON object of headers to add, for instance for a proxy",
    ).only(Mode::Server);
    /// The API key in the clear.
    API_KEY = Variable::new("PREFECT_API_KEY", CLIENTS, "the API key in the clear, to try things out")
        .only(Mode::Server)
        .set_by(SetBy::Operator);
    /// The auth string in the clear.
    API_AUTH_STRING = Variable::new("PREFECT_API_AUTH_STRING", CLIENTS, "the auth string in the clear, likewise")
        .only(Mode::Server)
        .set_by(SetBy::Operator);
    /// Further headers in the clear.
    CLIENT_CUSTOM_HEADERS = Variable::new("PREFECT_CLIENT_CUSTOM_HEADERS", CLIENTS, "the JSON object of headers in the clear")
        .only(Mode::Server)
        .set_by(SetBy::Operator);
    /// Certificates to trust.
    API_SSL_CERT_FILE = Variable::new(
        "PREFECT_API_SSL_CERT_FILE",
        CLIENTS,
        "certificates to trust instead of the built-in ones, PEM",
    ).only(Mode::Server);
    /// Trust any certificate.
    API_TLS_INSECURE_SKIP_VERIFY = Variable::new(
        "PREFECT_API_TLS_INSECURE_SKIP_VERIFY",
        CLIENTS,
        "`true` trusts any certificate",
    ).flag(false).only(Mode::Server).set_by(SetBy::Operator);
    /// Patience for one request.
    API_REQUEST_TIMEOUT = Variable::new("PREFECT_API_REQUEST_TIMEOUT", CLIENTS, "seconds for one try of a request")
        .number(10.0)
        .only(Mode::Server)
        .set_by(SetBy::Operator);

    // The queues.

    /// URL of the poll queue.
    POLL_QUEUE_URL = Variable::new(
        "PUSHPOOL_POLL_QUEUE_URL",
        &[Poller, Observer, Doorbell],
        "URL of the poll queue: the poller adds ticks, the observer has pools with a free slot polled, the doorbell rings",
    ).required();
    /// URL of the run queue.
    RUN_QUEUE_URL = Variable::new("PUSHPOOL_RUN_QUEUE_URL", &[Poller, Dispatcher], "URL of the run queue").required();
    /// URL of the FIFO run queue.
    RUN_FIFO_QUEUE_URL = Variable::new(
        "PUSHPOOL_RUN_FIFO_QUEUE_URL",
        &[Poller, Dispatcher],
        "URL of the FIFO run queue, for work pools and work queues with a limit",
    ).required_by(&[Poller]).only(Mode::Server);
    /// URL of the events queue.
    EVENTS_QUEUE_URL = Variable::new(
        "PUSHPOOL_EVENTS_QUEUE_URL",
        &[Poller, Observer],
        "URL of the events queue: the poller sends runs that are being cancelled, the observer runs to look at again",
    ).required();
    /// URL of the function's dead-letter queue.
    DLQ_URL = Variable::new(
        "PUSHPOOL_DLQ_URL",
        &[Dispatcher, Observer],
        "URL of the dead-letter queue of its queue, for copies of unreadable messages, and standalone of crashed ones",
    ).required();
    /// ARN of the run queue.
    RUN_QUEUE_ARN = Variable::new(
        "PUSHPOOL_RUN_QUEUE_ARN",
        &[Dispatcher],
        "ARN of the run queue, which schedules send to",
    ).required().only(Mode::Standalone);
    /// Where schedules for waiting runs are kept.
    SCHEDULE_GROUP = Variable::new("PUSHPOOL_SCHEDULE_GROUP", &[Dispatcher], "schedule group for runs that have to wait")
        .required()
        .only(Mode::Standalone);
    /// Who these schedules send as.
    SCHEDULE_ROLE_ARN = Variable::new("PUSHPOOL_SCHEDULE_ROLE_ARN", &[Dispatcher], "role that these schedules send as")
        .required()
        .only(Mode::Standalone);

    // Which pools.

    /// Names of work pools.
    POOLS = Variable::new(
        "PUSHPOOL_POOLS",
        &[Poller, Reconciler],
        "names of work pools to serve whatever their type, comma separated",
    ).only(Mode::Server);
    /// Whether all push pools are served.
    PUSH_POOLS = Variable::new(
        "PUSHPOOL_PUSH_POOLS",
        &[Poller, Reconciler],
        "`false` serves only the pools of `PUSHPOOL_POOLS`, not all of type `ecs:push`; Prefect Cloud needs `false`",
    ).flag(true).only(Mode::Server);
    /// Where pool documents are.
    POOL_DOCUMENTS = Variable::new(
        "PUSHPOOL_POOL_DOCUMENTS",
        &[Dispatcher],
        "where the pool documents are: a directory, `ssm:/PREFIX` or `s3://BUCKET/PREFIX`",
    ).required().only(Mode::Standalone);
    /// Pools that are only rendered.
    SHADOW_POOLS = Variable::new(
        "PUSHPOOL_SHADOW_POOLS",
        &[Dispatcher],
        "work pools, comma separated, whose runs are rendered and checked, and neither claimed nor launched",
    ).only(Mode::Server);
    /// The name of the installation on the server.
    NAME = Variable::new(
        "PUSHPOOL_NAME",
        &[Poller, Dispatcher],
        "the name that heartbeats are sent under, and that runs are labelled with",
    ).preset(Preset::Text("pushpool")).only(Mode::Server);
    /// Whether runs are labelled.
    LABEL_RUNS = Variable::new(
        "PUSHPOOL_LABEL_RUNS",
        &[Dispatcher],
        "`true` labels runs with `PUSHPOOL_NAME` as a worker does, for one more request a run",
    ).flag(false).only(Mode::Server);

    // When.

    /// Time between polls.
    POLL_INTERVAL = Variable::new(
        "PUSHPOOL_POLL_INTERVAL",
        &[Poller],
        "seconds between polls, 1 to 59; the server takes a queue for abandoned after 60",
    ).seconds(timing::POLL_INTERVAL).only(Mode::Server);
    /// How far ahead runs are asked for.
    HORIZON = Variable::new("PUSHPOOL_HORIZON", &[Poller], "seconds that runs are asked for ahead, at most 900")
        .number(60.0)
        .only(Mode::Server);
    /// How early a run is launched.
    LAUNCH_LEAD = Variable::new(
        "PUSHPOOL_LAUNCH_LEAD",
        &[Poller, Dispatcher],
        "seconds before its time that a run is launched; poller and dispatcher need the same",
    ).number(0.0).only(Mode::Server);
    /// Pace of launches.
    RUN_TASK_RATE = Variable::new(
        "PUSHPOOL_RUN_TASK_RATE",
        &[Dispatcher],
        "RunTask calls a second of one execution environment; 0 is no limit",
    ).number(20.0);
    /// How long capacity may be missing.
    CAPACITY_TIMEOUT = Variable::new(
        "PUSHPOOL_CAPACITY_TIMEOUT",
        OF_TASKS,
        "seconds after a run was first due that it may wait for capacity, or for a task that starts",
    ).number(3_600.0);
    /// How long a run waits that is handed back, without a server.
    HAND_BACK_DELAY = Variable::new(
        "PUSHPOOL_HAND_BACK_DELAY",
        &[Dispatcher],
        "seconds that a run waits after it was handed back for the first time; a schedule adds up to a minute",
    ).seconds(timing::STANDALONE_HAND_BACK_DELAY).only(Mode::Standalone).set_by(SetBy::Operator);
    /// How often a run may be interrupted.
    INTERRUPTIONS = Variable::new(
        "PUSHPOOL_INTERRUPTIONS",
        OF_RUNS,
        "how often a run may be interrupted while it runs and start again",
    ).number(10.0).only(Mode::Server);
    /// Time for a flow to cancel itself.
    CANCEL_GRACE = Variable::new(
        "PUSHPOOL_CANCEL_GRACE",
        OF_RUNS,
        "seconds that a flow has to cancel itself before its task is stopped",
    ).seconds(timing::CANCEL_GRACE).only(Mode::Server).set_by(SetBy::Operator);
    /// Time for a task to start.
    TASK_START_TIMEOUT = Variable::new(
        "PUSHPOOL_TASK_START_TIMEOUT",
        &[Reconciler],
        "seconds that a task may take to start; 0 is for ever",
    ).number(600.0).only(Mode::Server);
    /// How long a task may outlive its claim.
    ORPHAN_GRACE = Variable::new("PUSHPOOL_ORPHAN_GRACE", &[Reconciler], "seconds that a task may outlive its claim on a run")
        .seconds(timing::ORPHAN_GRACE)
        .only(Mode::Server)
        .set_by(SetBy::Operator);
    /// How long a task may outlive its run.
    OUTLIVE_GRACE = Variable::new(
        "PUSHPOOL_OUTLIVE_GRACE",
        &[Reconciler],
        "seconds that a task may go on after its run has ended, at most 1020; 0 is for ever",
    ).number(300.0).only(Mode::Server);

    // What is launched, and as whom.

    /// Image of pools that name none.
    DEFAULT_IMAGE = Variable::new("PUSHPOOL_DEFAULT_IMAGE", &[Dispatcher], "image of work pools that name none")
        .preset(Preset::Derived("Prefect's image, see `ecs`"));
    /// Subnets of pools that name none.
    SUBNETS = Variable::new("PUSHPOOL_SUBNETS", &[Dispatcher], "subnets of work pools that name none, comma separated");
    /// Security groups of pools that name none.
    SECURITY_GROUPS = Variable::new(
        "PUSHPOOL_SECURITY_GROUPS",
        &[Dispatcher],
        "security groups of work pools that name none, comma separated",
    );
    /// Whether tasks in these subnets get public addresses.
    ASSIGN_PUBLIC_IP = Variable::new(
        "PUSHPOOL_ASSIGN_PUBLIC_IP",
        &[Dispatcher],
        "whether tasks in these subnets get a public address",
    ).flag(false);
    /// How containers reach the server.
    CONTAINER_PREFECT_API_URL = Variable::new(
        "PUSHPOOL_CONTAINER_PREFECT_API_URL",
        &[Dispatcher],
        "the Prefect API as containers reach it",
    ).preset(Preset::Derived("`PREFECT_API_URL`")).only(Mode::Any);
    /// Whether flow runs reschedule themselves on Spot.
    RESCHEDULE_ON_SPOT = Variable::new(
        "PUSHPOOL_RESCHEDULE_ON_SPOT",
        &[Dispatcher],
        "whether a flow run on Spot reschedules itself when it is interrupted",
    ).preset(Preset::Derived("true with a server")).set_by(SetBy::Operator);
    /// Whether job variables may change roles.
    ALLOW_ROLE_OVERRIDES = Variable::new(
        "PUSHPOOL_ALLOW_ROLE_OVERRIDES",
        &[Dispatcher],
        "whether job variables may change the roles of tasks; `false` crashes such a run with PP0223",
    ).flag(true);
    /// Role for tasks in another account.
    LAUNCH_ROLE_ARN = Variable::new(
        "PUSHPOOL_LAUNCH_ROLE_ARN",
        OF_TASKS,
        "role of another account that tasks are launched, looked at and stopped as",
    ).preset(Preset::Derived("the function's own role"));
    /// External id for that role.
    LAUNCH_EXTERNAL_ID = Variable::new(
        "PUSHPOOL_LAUNCH_EXTERNAL_ID",
        OF_TASKS,
        "external id that the trust policy of this role asks for",
    );
    /// Clusters that tasks run in.
    CLUSTERS = Variable::new(
        "PUSHPOOL_CLUSTERS",
        OF_RUNS,
        "clusters that tasks run in, besides those that pools, deployments and runs name, comma separated",
    ).only(Mode::Server);
    /// Whether the clusters are this installation's alone.
    SOLE_OWNER = Variable::new(
        "PUSHPOOL_SOLE_OWNER",
        &[Reconciler],
        "`true` if no other pushpool has tasks in these clusters: tasks of runs that the server does not know are stopped",
    ).flag(false).only(Mode::Server);

    // What is told.

    /// Whether task states become events of the server.
    TASK_EVENTS = Variable::new(
        "PUSHPOOL_TASK_EVENTS",
        &[Observer],
        "`true` emits an event to the server for every state of a task",
    ).flag(false).only(Mode::Server);
    /// Where outcomes are published.
    EVENT_BUS = Variable::new("PUSHPOOL_EVENT_BUS", &[Dispatcher], "name or ARN of an EventBridge bus for outcomes")
        .only(Mode::Standalone);
    /// The doorbell's secret in the clear.
    DOORBELL_TOKEN = Variable::new(
        "PUSHPOOL_DOORBELL_TOKEN",
        &[Doorbell],
        "the shared secret in the clear, at least 16 characters; this or the next is required",
    ).only(Mode::Server).set_by(SetBy::Operator);
    /// The doorbell's secret.
    DOORBELL_TOKEN_SECRET_ARN = Variable::new(
        "PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN",
        &[Doorbell],
        "secret with it: Secrets Manager ARN, or SSM parameter",
    ).only(Mode::Server);
    /// Namespace of the metrics.
    METRIC_NAMESPACE = Variable::new(
        "PUSHPOOL_METRIC_NAMESPACE",
        &Function::ALL,
        "CloudWatch namespace of the metrics",
    ).preset(Preset::Text("pushpool"));
    /// Level of the log.
    LOG_LEVEL = Variable::new(
        "AWS_LAMBDA_LOG_LEVEL",
        &Function::ALL,
        "level of the log; Lambda sets it from the logging configuration of the function",
    ).preset(Preset::Text("info")).set_by(SetBy::Lambda);
    /// Region of the clusters.
    REGION = Variable::new("AWS_REGION", &[Dispatcher], "region of the clusters; set by Lambda")
        .required()
        .set_by(SetBy::Lambda);

    // Tests.

    /// Another [`timing::HAND_BACK_DELAY`].
    TEST_HAND_BACK_DELAY = Variable::new(
        "PUSHPOOL_TEST_HAND_BACK_DELAY",
        OF_TASKS,
        "seconds that a run waits after it was handed back for the first time, with a server",
    ).seconds(timing::HAND_BACK_DELAY).only(Mode::Server).set_by(SetBy::Tests);
    /// Another [`timing::CLAIM_GRACE`].
    TEST_CLAIM_GRACE = Variable::new("PUSHPOOL_TEST_CLAIM_GRACE", OF_RUNS, "seconds that a claimed run may have no task")
        .seconds(timing::CLAIM_GRACE)
        .only(Mode::Server)
        .set_by(SetBy::Tests);
}

/// The variables that a function reads.
pub fn of(function: Function) -> impl Iterator<Item = &'static Variable> {
    ALL.iter().copied().filter(move |variable| variable.is_read_by(function))
}

/// The variable of that name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Variable> {
    ALL.iter().copied().find(|variable| variable.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Queue, retired};

    #[test]
    fn every_name_is_there_once_and_none_has_been_given_up() {
        let names: BTreeSet<&str> = ALL.iter().map(|variable| variable.name).collect();
        assert_eq!(names.len(), ALL.len());
        for variable in ALL {
            assert!(!variable.readers.is_empty(), "nothing reads {}", variable.name);
            for function in variable.required_by {
                assert!(variable.is_read_by(*function), "the {function} needs {} and does not read it", variable.name);
                let retired = retired::of(*function).any(|it| it.name == variable.name);
                assert!(!retired, "{} is retired for the {function}", variable.name);
            }
        }
    }

    #[test]
    fn the_variable_with_the_url_of_a_queue_is_named_as_the_queue() {
        for queue in Queue::ALL {
            let name = format!("PUSHPOOL_{}_QUEUE_URL", queue.identifier().to_uppercase());
            assert_eq!(queue.url_variable().name, name);
        }
    }
}
