//! Why a task never started, in ECS's words, and what follows from them.
//!
//! The question behind every row is whether the same request would fare better later. If so the run is handed back, which
//! is bounded (see [`super::decide`]); if not it crashes at once, because a wrong image name does not become right by
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

use ecs::{failure::Words, task::Task};

/// What a reason means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reason {
    /// Whether later may be better.
    pub transient: bool,
    /// Code of the failure.
    pub code: &'static str,
    /// One line.
    pub summary: &'static str,
    /// What to do about it.
    pub resolution: &'static str,
}

struct Row {
    /// One of these must be among the words; none is any.
    kind: &'static [&'static str],
    /// And one of these; none is any.
    words: &'static [&'static str],
    reason: Reason,
}

const fn passing(code: &'static str, summary: &'static str, resolution: &'static str) -> Reason {
    Reason { transient: true, code, summary, resolution }
}

const fn lasting(code: &'static str, summary: &'static str, resolution: &'static str) -> Reason {
    Reason { transient: false, code, summary, resolution }
}

const NO_CAPACITY: Reason = passing(
    "PP0602",
    "There was no room for the task",
    "Nothing now: the run is tried again. If it stays: on Fargate, allow more subnets or availability zones, or subnets \
     with more free addresses; on EC2, look at the capacity provider's Auto Scaling group.",
);

const NETWORK: Reason = passing(
    "PP0603",
    "The task's network or its start-up did not come in time",
    "Nothing now: the run is tried again. If it stays, check that the subnets reach ECR, S3, Secrets Manager, Systems \
     Manager and CloudWatch Logs (NAT gateway, public address or VPC endpoints) and that the security groups let them \
     out.",
);

const IMAGE_LATER: Reason = passing(
    "PP0604",
    "The registry did not give the image in time",
    "Nothing now: the run is tried again. If it stays: 429 is the registry's pull limit (log in, or keep the image in \
     ECR); a timeout, or a name that is not resolved, is a missing way from the subnets to the registry (NAT gateway, \
     public address, or VPC endpoints for ECR and S3).",
);

const FAILED: Reason = passing(
    "PP0605",
    "ECS failed to start the task",
    "Nothing now: the run is tried again. If it stays, look at what ECS says; on EC2, at the instance's disk and agent.",
);

const VOLUME_LATER: Reason = passing(
    "PP0609",
    "A volume of the task was not mounted in time",
    "Nothing now: the run is tried again. If it stays: EFS needs a mount target in the task's availability zone, DNS \
     resolution in the VPC, and a security group that lets port 2049 in from the task.",
);

const IMAGE: Reason =
    lasting("PP0610", "The image cannot be pulled", "Check the image's name and tag: the registry has no such image.");

const SECRET: Reason = lasting(
    "PP0611",
    "A secret or parameter of the task cannot be read",
    "Check that it exists in this region, under the name or ARN that the task definition has, and that it is JSON with \
     that key if a key is asked for.",
);

const LOGS: Reason = lasting(
    "PP0612",
    "The container's log cannot be set up",
    "Create the log group, or let the execution role create it (`awslogs-create-group`, logs:CreateLogGroup); check the \
     log options of the pool, above all `awslogs-region`.",
);

const CONTAINER: Reason = lasting("PP0613", "The container cannot be started", COMMAND);

/// What is wrong, as a rule, with a command that does not run the flow.
pub(super) const COMMAND: &str = "Check `command` in the job variables. ECS appends it to the image's entry point: an image whose entry point is \
     `prefect` would run `prefect prefect flow-run execute`. No shell runs it, so `&&`, `|` and `$NAME` are plain \
     arguments: write `sh -c \"…\"`. It is text, not a JSON list. Without a command of its own the pool's default runs \
     `prefect flow-run execute`.";

const ROLE: Reason = lasting(
    "PP0614",
    "A role of the task cannot be used",
    "Check `task_role_arn` and `execution_role_arn`: they must exist and trust ecs-tasks.amazonaws.com.",
);

const NO_ACCESS: Reason = lasting(
    "PP0616",
    "The image may not be pulled",
    "Check the image's name, because registries say the same of an image that is not there. For ECR, allow the execution \
     role (on EC2 the instance's role) ecr:GetAuthorizationToken, ecr:BatchGetImage and ecr:GetDownloadUrlForLayer, and \
     the repository of another account that role. For other registries, set `repositoryCredentials`.",
);

const PLATFORM: Reason = lasting(
    "PP0617",
    "The image is not built for the task's platform",
    "Build it for the task's CPU architecture (`docker build --platform linux/amd64`), or set `runtimePlatform` in the \
     task definition to the image's.",
);

const DISK: Reason = lasting(
    "PP0618",
    "The image does not fit on the task's disk",
    "On Fargate, raise `ephemeralStorage` in the task definition; on EC2, free or enlarge the instance's disk.",
);

const VOLUME: Reason = lasting(
    "PP0619",
    "A volume of the task cannot be mounted",
    "Check the file system's id, that the directory exists on it (an access point can create it), and that the task may \
     mount it.",
);

const RIGHTS: Reason = lasting(
    "PP0629",
    "The execution role may not do what the task's start needs",
    "Allow the execution role (on EC2 the instance's role) the action that AWS names; for secrets under a key of your own, \
     kms:Decrypt as well.",
);

/// What no row names.
const UNKNOWN: Reason = lasting(
    "PP0601",
    "The task did not start",
    "Look up what ECS says under \"Amazon ECS stopped tasks error messages\" in its developer guide.",
);

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
    Row { kind: PULL, words: &["no space left on device"], reason: DISK },
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
            (reason.code, reason.transient)
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
