//! Why a task never started, in ECS's words, and what follows from them.
//!
//! The question behind every row is whether the same request would fare better later. If so the run is handed back, which
//! is bounded (see [`decide`](mod@super::decide)); if not it crashes at once, because a wrong image name does not become right by
//! waiting.
//!
//! Words: ECS developer guide, "Amazon ECS stopped tasks error messages" with its pages; prefect-aws 0.7.12,
//! `observers/diagnostics.py`; and messages that users of Prefect, Dagster, Airflow and others reported:
//! `events/answers/stopped-tasks.json` has one for each row, with the link. They are sought, in the spelling of
//! [`Words`], in the task's `stoppedReason` and the `reason` of all its containers, because any of them may keep a task from
//! starting. Fargate cuts long messages, so the beginning of a text has to be enough where it says enough.
//!
//! The first row whose `kind` and `words` are both met decides. What no row names is permanent: a run that crashes with
//! ECS's words is better than one that is tried again in silence for an hour.

use diagnosis::{
    Code, PP0601, PP0602, PP0603, PP0604, PP0605, PP0609, PP0610, PP0611, PP0612, PP0613, PP0614, PP0616, PP0617,
    PP0618, PP0619, PP0629,
};
use ecs::{failure::Words, task::Task};

/// What a reason means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// Whether later may be better.
    pub transient: bool,
    /// Code of the failure.
    pub code: Code,
}

struct Row {
    /// One of these must be among the words; none is any.
    kind: &'static [&'static str],
    /// And one of these; none is any.
    words: &'static [&'static str],
    reason: Reason,
}

const fn passing(code: Code) -> Reason {
    Reason { transient: true, code }
}

const fn lasting(code: Code) -> Reason {
    Reason { transient: false, code }
}

const NO_CAPACITY: Reason = passing(PP0602);
const NETWORK: Reason = passing(PP0603);
const IMAGE_LATER: Reason = passing(PP0604);
const FAILED: Reason = passing(PP0605);
const VOLUME_LATER: Reason = passing(PP0609);
const IMAGE: Reason = lasting(PP0610);
const SECRET: Reason = lasting(PP0611);
const LOGS: Reason = lasting(PP0612);
const CONTAINER: Reason = lasting(PP0613);
const ROLE: Reason = lasting(PP0614);
const NO_ACCESS: Reason = lasting(PP0616);
const PLATFORM: Reason = lasting(PP0617);
const DISK: Reason = lasting(PP0618);
const VOLUME: Reason = lasting(PP0619);
const RIGHTS: Reason = lasting(PP0629);

/// What no row names.
const UNKNOWN: Reason = lasting(PP0601);

/// The image is pulled.
const PULL: &[&str] = &["cannotpull", "can't pull the image", "cannot pull the image"];

/// What a task needs before its containers is set up. On EC2, Docker says so without ECS's name for it.
const INIT: &[&str] = &["resourceinitializationerror", "logging driver", "logger args"];

const LOGGING: &[&str] = &["logging driver", "logger args", "log driver", "cloudwatch log"];

const MOUNT: &[&str] = &["efs utils", "mount.nfs4", "volumedriver", "volume plugin", "cannotcreatevolume"];

const DENIED: &[&str] = &[
    "accessdenied",
    "not authorized to perform",
    "access to kms is not allowed",
    "403 forbidden",
    "api error forbidden",
];

const THROTTLED: &[&str] = &["rate exceeded", "throttlingexception", "toomanyrequestsexception"];

/// Passing troubles of a connection. Words that stand in names of images or in account numbers ("429") are sought in full.
const PASSING: &[&str] = &[
    "i/o timeout",
    "timeout exceeded",
    "timed out",
    "deadline exceeded",
    "request canceled",
    "context canceled",
    "client.timeout",
    "tls handshake timeout",
    "connection reset",
    "connection refused",
    "no route to host",
    "network is unreachable",
    "unexpected eof",
    ": eof",
    "dial tcp",
    "no such host",
    "name resolution",
    "server misbehaving",
    "could not reach any registry endpoint",
    "connection issue between the task",
    "check your network",
    "check your task network",
    "send request failed",
    "request send failed",
    "failed to do request",
    "429 too many",
    "toomanyrequests",
    "pull rate limit",
    "rate exceeded",
    "throttlingexception",
    // Whatever a registry, or what stands before it, calls its trouble.
    ": 5## ",
    ": 5##\n",
    ": 5##,",
    "status code 5##",
    "http 5##",
    "500 internal server error",
    "502 bad gateway",
    "503 service",
    "504 gateway",
];

/// The table. The first row that applies decides.
const ROWS: &[Row] = &[
    Row {
        kind: &[],
        words: &[
            "capacity is unavailable",
            "insufficientfreeaddressesinsubnet",
            "not enough free addresses",
            "insufficient free addresses",
            "create network interface with public ip assignment",
            "unable to place",
            "limit on the number of vcpus",
            "configuration is above your limit",
            "networkinterfacelimitexceeded",
            "\nresource:",
            "empty capacity provider",
            "no active instances",
        ],
        reason: NO_CAPACITY,
    },
    Row {
        kind: &[],
        words: &["network interface provisioning", "unexpected ec2 error while attempting to create network interface"],
        reason: NETWORK,
    },
    Row {
        kind: MOUNT,
        words: &["no such file or directory", "access denied", "accessdenied", "not authorized to perform"],
        reason: VOLUME,
    },
    Row { kind: MOUNT, words: &[], reason: VOLUME_LATER },
    Row {
        kind: &[],
        words: &[
            "descriptor matching platform",
            "descriptor for platform",
            "no matching manifest",
            "exec format error",
        ],
        reason: PLATFORM,
    },
    Row { kind: &[], words: &["no space left on device"], reason: DISK },
    Row { kind: PULL, words: DENIED, reason: NO_ACCESS },
    Row {
        kind: PULL,
        words: &[
            "pull access denied",
            "no pull access",
            "401 unauthorized",
            "no basic auth credentials",
            "permissions to pull images",
        ],
        reason: NO_ACCESS,
    },
    Row { kind: PULL, words: PASSING, reason: IMAGE_LATER },
    Row { kind: PULL, words: &[" not found", "manifest unknown"], reason: IMAGE },
    // Fargate has cut what the registry said; the image itself was found. The others are words of Docker for a registry
    // that did not answer or not to the end.
    Row {
        kind: PULL,
        words: &["failed to copy", "error pulling image conf", "invalid memory address"],
        reason: IMAGE_LATER,
    },
    Row { kind: PULL, words: &[], reason: IMAGE },
    Row {
        kind: &[],
        words: &["executable file not found", "new container runtime task", "unable to start container process"],
        reason: CONTAINER,
    },
    Row { kind: INIT, words: &["log group does not exist"], reason: LOGS },
    Row { kind: INIT, words: DENIED, reason: RIGHTS },
    Row {
        kind: INIT,
        words: &[
            "can't find the specified secret",
            "whether the secret exists",
            "did not contain json key",
            "looking for beginning of value",
            "invalid ssm parameters",
            "parameternotfound",
        ],
        reason: SECRET,
    },
    Row { kind: INIT, words: THROTTLED, reason: FAILED },
    Row { kind: INIT, words: PASSING, reason: NETWORK },
    // Fargate kills the check of the log options when CloudWatch Logs does not answer.
    Row { kind: &["logger args"], words: &["signal: killed"], reason: NETWORK },
    Row { kind: INIT, words: LOGGING, reason: LOGS },
    Row {
        kind: INIT,
        words: &["retrieve secret", "fetch secret", "from asm", "from ssm", "parameter store", "secrets manager"],
        reason: SECRET,
    },
    // Every such message begins "unable to pull secrets or registry auth"; this one is about the registry.
    Row { kind: INIT, words: &["ecr registry auth", "registry auth from amazon ecr"], reason: NETWORK },
    Row { kind: &[], words: &["unable to assume"], reason: ROLE },
    Row {
        kind: &[],
        words: &[
            "dockertimeouterror",
            "containerruntimetimeouterror",
            "cannotinspectcontainer",
            "could not transition to",
            "ephemeralstorage provisioning",
        ],
        reason: FAILED,
    },
    Row {
        kind: &[],
        words: &["cannotstartcontainererror", "cannotcreatecontainererror", "outofmemoryerror"],
        reason: CONTAINER,
    },
    Row {
        kind: &[],
        words: &[
            "internal error",
            "internalerror",
            "agent disconnected",
            "agenterror",
            "\nagent\n",
            "host ec2",
            "please try again",
        ],
        reason: FAILED,
    },
];

/// Whether the container the flow run executes in never ran, although others of the task did.
pub(super) fn kept_from_starting(task: &Task) -> bool {
    task.main_container().is_some_and(|main| {
        let words = Words::of(main.reason.as_deref());
        main.exit_code.is_none()
            && words.have_any(&["cannotstart", "cannotcreate", "cannotpull", "resourceinitialization"])
    })
}

/// What kept the task from starting.
#[must_use]
pub fn never_started(task: &Task) -> Reason {
    let reasons = task.containers.iter().filter_map(|container| container.reason.as_deref());
    let words = Words::of(task.stopped_reason.as_deref().into_iter().chain(reasons));
    let met = |sought: &[&str]| sought.is_empty() || words.have_any(sought);
    ROWS.iter().find(|row| met(row.kind) && met(row.words)).map_or(UNKNOWN, |row| row.reason)
}

#[cfg(test)]
mod tests {
    use ecs::failure::plain;

    use super::*;

    #[test]
    fn rules_are_spelt_as_the_words_are() {
        for row in ROWS {
            for sought in row.kind.iter().chain(row.words) {
                assert_eq!(plain(sought), sought.trim(), "never found: {}", row.reason.code);
            }
        }
    }

    #[test]
    fn no_row_stands_behind_one_that_takes_everything_of_its_kind() {
        let takes_all = |row: &Row, kind: &[&str]| row.words.is_empty() && !row.kind.is_empty() && row.kind == kind;
        for (position, row) in ROWS.iter().enumerate() {
            assert!(!ROWS[..position].iter().any(|before| takes_all(before, row.kind)), "{}", row.reason.code);
        }
    }

    #[test]
    fn words_of_ecs_are_told_apart() {
        let reason = |stopped_reason: &str| {
            let mut task = Task::default();
            task.stopped_reason = Some(stopped_reason.to_owned());
            let reason = never_started(&task);
            (reason.code.id(), reason.transient)
        };
        for (words, code, transient) in [
            (
                "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: \
                 exec: \"python\": executable file not found in $PATH",
                "PP0613",
                false,
            ),
            (
                "ContainerRuntimeTimeoutError: Could not transition to running; timed out after waiting 1m",
                "PP0605",
                true,
            ),
            ("Internal error", "PP0605", true),
            (
                "CannotCreateContainerError: Error response from daemon: mkdir /var/lib/docker/overlay2/a: no space left on device",
                "PP0618",
                false,
            ),
            ("", "PP0601", false),
        ] {
            assert_eq!(reason(words), (code, transient), "{words}");
        }
    }

    #[test]
    fn a_containers_words_count_too() {
        let json = serde_json::json!({"taskArn": "a", "stoppedReason": "Task failed to start",
            "containers": [{"name": "prefect"}, {"name": "log", "reason": "CannotPullContainerError: not found"}]});
        let task = Task::of_json(&json).unwrap();
        assert_eq!(never_started(&task).code, "PP0610");
    }
}
