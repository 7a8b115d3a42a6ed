//! Why a task never started, in ECS's words, and what follows from them.
//!
//! The question behind every row is whether the same request would fare better later. If so the run is handed back, which
//! is bounded in time; if not it crashes at once, because a wrong image name does not become right by waiting.
//!
//! Words: ECS developer guide, "Amazon ECS stopped task error messages" with its pages "CannotPullContainer task errors",
//! "ResourceInitializationError", "Stopped tasks error codes"; prefect-aws 0.7.12, `observers/diagnostics.py`; and
//! messages that users of Prefect, Dagster and Airflow reported. They are sought in lower case in the task's
//! `stoppedReason` and the `reason` of all its containers, because any of them may keep a task from starting. The first
//! row that has one of its words and, if it names a `kind`, that too, decides. What no row names is permanent: a run that
//! crashes with ECS's words is better than one that is tried again in silence for an hour.

use ecs::task::Task;

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
    /// This must be among the words, too.
    kind: &'static str,
    /// One of these must be among the words; none is any.
    words: &'static [&'static str],
    reason: Reason,
}

const LATER: &str = "Nothing now: the run is tried again. If it stays, look at what ECS says.";

const NO_CAPACITY: Reason = Reason {
    transient: true,
    code: "PP0602",
    summary: "There was no room for the task",
    resolution: "Nothing now: the run is tried again. If it stays, allow more subnets or availability zones, or subnets \
                 with more free addresses.",
};

const NETWORK: Reason = Reason {
    transient: true,
    code: "PP0603",
    summary: "The task's network or its start-up did not come in time",
    resolution: "Nothing now: the run is tried again. If it stays, check that the subnets reach ECR, S3, Secrets Manager \
                 and CloudWatch Logs (NAT gateway, public address or VPC endpoints) and that the security groups let \
                 them out.",
};

const IMAGE_LATER: Reason = Reason {
    transient: true,
    code: "PP0604",
    summary: "The registry did not give the image in time",
    resolution: "Nothing now: the run is tried again. If it stays: 429 is the registry's pull limit (log in, or keep the \
                 image in ECR); a timeout is a missing way to the registry.",
};

const FAILED: Reason =
    Reason { transient: true, code: "PP0605", summary: "ECS failed to start the task", resolution: LATER };

const IMAGE: Reason = Reason {
    transient: false,
    code: "PP0610",
    summary: "The image cannot be pulled",
    resolution: "Check the image's name and tag, that it is built for the task's CPU architecture, and that the execution \
                 role may pull it.",
};

const SECRET: Reason = Reason {
    transient: false,
    code: "PP0611",
    summary: "A secret or parameter of the task cannot be read",
    resolution: "Check that it exists in this region and that the execution role may read it (and decrypt with its key).",
};

const LOGS: Reason = Reason {
    transient: false,
    code: "PP0612",
    summary: "The container's log cannot be set up",
    resolution: "Create the log group, or let the execution role create it (`awslogs-create-group`, \
                 logs:CreateLogGroup); check the log options of the pool.",
};

const CONTAINER: Reason = Reason {
    transient: false,
    code: "PP0613",
    summary: "The container cannot be started",
    resolution: "Check the command and the entry point of the image, that the program is there and executable, and that \
                 the image is built for the task's CPU architecture (`runtimePlatform`).",
};

const ROLE: Reason = Reason {
    transient: false,
    code: "PP0614",
    summary: "A role of the task cannot be used",
    resolution: "Check `task_role_arn` and `execution_role_arn`: they must exist and trust ecs-tasks.amazonaws.com.",
};

/// What no row names.
const UNKNOWN: Reason = Reason {
    transient: false,
    code: "PP0601",
    summary: "The task did not start",
    resolution: "Look up what ECS says under \"Amazon ECS stopped task error messages\" in its developer guide.",
};

/// Passing troubles of a connection. Words that stand in names of images or in account numbers ("429") are sought in full.
const PASSING: &[&str] = &[
    "i/o timeout",
    "timeout exceeded",
    "timed out",
    "deadline exceeded",
    "request canceled",
    "client.timeout",
    "tls handshake timeout",
    "connection reset",
    "unexpected eof",
    "429 too many",
    "toomanyrequests",
    "pull rate limit",
    "rate exceeded",
    "throttlingexception",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway timeout",
];

/// The table. The first row that applies decides.
const ROWS: &[Row] = &[
    Row {
        kind: "",
        words: &[
            "capacity is unavailable",
            "insufficientfreeaddressesinsubnet",
            "not enough free addresses",
            "insufficient free addresses",
            "unable to place",
            "limit on the number of vcpus",
            "networkinterfacelimitexceeded",
        ],
        reason: NO_CAPACITY,
    },
    Row {
        kind: "",
        words: &["network interface provisioning", "unexpected ec2 error while attempting to create network interface"],
        reason: NETWORK,
    },
    Row { kind: "cannotpull", words: PASSING, reason: IMAGE_LATER },
    Row { kind: "cannotpull", words: &[], reason: IMAGE },
    Row { kind: "resourceinitializationerror", words: PASSING, reason: NETWORK },
    Row {
        kind: "resourceinitializationerror",
        words: &[
            "logger",
            "logging driver",
            "log driver",
            "log group",
            "log stream",
            "cloudwatch",
            "awslogs",
            "loggers",
        ],
        reason: LOGS,
    },
    Row {
        kind: "resourceinitializationerror",
        words: &["secret", "registry auth", "ssm", "asm", "parameter", "kms"],
        reason: SECRET,
    },
    Row { kind: "", words: &["unable to assume", "was unable to assume the role"], reason: ROLE },
    Row { kind: "", words: &["dockertimeouterror", "containerruntimetimeouterror"], reason: FAILED },
    Row {
        kind: "",
        words: &[
            "cannotstartcontainererror",
            "cannotcreatecontainererror",
            "exec format error",
            "executable file not found",
            "outofmemoryerror",
        ],
        reason: CONTAINER,
    },
    Row {
        kind: "",
        words: &["internal error", "internalerror", "agent disconnected", "agenterror", "host ec2", "please try again"],
        reason: FAILED,
    },
];

/// What kept the task from starting.
#[must_use]
pub fn never_started(task: &Task) -> Reason {
    let reasons = task.containers.iter().filter_map(|container| container.reason.as_deref());
    let words: Vec<&str> = task.stopped_reason.as_deref().into_iter().chain(reasons).collect();
    let words = words.join("\n").to_lowercase();
    let applies = |row: &&Row| {
        words.contains(row.kind) && (row.words.is_empty() || row.words.iter().any(|word| words.contains(word)))
    };
    ROWS.iter().find(applies).map_or(UNKNOWN, |row| row.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(stopped_reason: &str) -> (&'static str, bool) {
        let mut task = Task::default();
        task.stopped_reason = Some(stopped_reason.to_owned());
        let reason = never_started(&task);
        (reason.code, reason.transient)
    }

    #[test]
    fn words_of_ecs_are_told_apart() {
        for (words, code, transient) in [
            ("Timeout waiting for network interface provisioning to complete.", "PP0603", true),
            (
                "Unexpected EC2 error while attempting to Create Network Interface in subnet 'subnet-1': \
                 InsufficientFreeAddressesInSubnet",
                "PP0602",
                true,
            ),
            (
                "Capacity is unavailable at this time. Please try again later or in a different availability zone",
                "PP0602",
                true,
            ),
            (
                "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref \
                 docker.io/me/flows:429: not found",
                "PP0610",
                false,
            ),
            (
                "CannotPullContainerError: ref pull has been retried 5 time(s): failed to copy: httpReadSeeker: failed \
                 open: unexpected status code https://registry-1.docker.io/v2/…: 429 Too Many Requests - Server \
                 message: toomanyrequests: You have reached your pull rate limit.",
                "PP0604",
                true,
            ),
            (
                "CannotPullContainerError: ref pull has been retried 5 time(s): failed to do request: Head \
                 https://registry-1.docker.io/v2/…: dial tcp 1.2.3.4:443: i/o timeout",
                "PP0604",
                true,
            ),
            (
                "CannotPullContainerError: failed to resolve reference …: pulling from host 1.dkr.ecr failed with \
                 status code [manifests latest]: 403 Forbidden",
                "PP0610",
                false,
            ),
            (
                "CannotPullContainerError: image Manifest does not contain descriptor matching platform 'linux/arm64'",
                "PP0610",
                false,
            ),
            (
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                 failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch \
                 secret arn:…: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
                "PP0611",
                false,
            ),
            (
                "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval \
                 failed: unable to retrieve ecr registry auth: service call has been retried 3 time(s): \
                 RequestError: send request failed caused by: Post https://api.ecr.…/: dial tcp 1.2.3.4:443: i/o timeout",
                "PP0603",
                true,
            ),
            (
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: \
                 failed to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not \
                 exist.",
                "PP0612",
                false,
            ),
            ("ECS was unable to assume the role 'arn:aws:iam::1:role/r'", "PP0614", false),
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
            ("Task failed to start", "PP0601", false),
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
