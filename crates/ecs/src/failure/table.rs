//! The rows.
//!
//! Sources: AWS ECS API reference (Common errors; the errors of RunTask and RegisterTaskDefinition; "API failure
//! reasons") and messages that users of other ECS clients reported; `events/answers/run-task.json` has the links.

use super::{Class, when::When};

pub(super) struct Row {
    /// Any of these.
    pub when: &'static [When],
    pub class: Class,
    pub code: &'static str,
    pub summary: &'static str,
    pub resolution: &'static str,
}

/// Code of the rows for a definition that is not there.
pub(super) const INACTIVE_DEFINITION: &str = "PP0320";

/// Code of the row for a token used before.
pub(crate) const CONFLICT: &str = "PP0330";

/// Code of the row for a cluster that is not there.
pub(crate) const NO_CLUSTER: &str = "PP0314";

/// Code of the row for a request that AWS refuses for no reason of a row of its own.
pub(crate) const REFUSED: &str = "PP0329";

const CLIENT: &[&str] = &["InvalidParameterException", "ClientException", "ValidationException"];

/// The table. The first row that applies decides.
pub(super) const ROWS: &[Row] = &[
    Row {
        when: &[
            When::Code(&[
                "ThrottlingException",
                "Throttling",
                "ThrottledException",
                "RequestThrottled",
                "RequestThrottledException",
                "RequestLimitExceeded",
                "TooManyRequestsException",
                "BandwidthLimitExceeded",
                "SlowDown",
            ]),
            When::Wrapped(&[
                "RequestLimitExceeded",
                "Throttling",
                "ThrottlingException",
                "RequestThrottled",
                "SlowDown",
            ]),
            When::Words(&[
                "rate exceeded",
                "request limit exceeded",
                "too many concurrent attempts to create a new revision",
            ]),
            When::Status(429..=429),
        ],
        class: Class::Throttled,
        code: "PP0301",
        summary: "AWS is throttling the calls",
        resolution: "Nothing now: the run starts when there is room. If it keeps happening, lower the dispatcher's \
                     RunTask rate or ask AWS Support for a higher one.",
    },
    Row {
        when: &[When::Code(&["ConflictException"])],
        class: Class::Transient,
        code: CONFLICT,
        summary: "The client token of this attempt was used with other parameters",
        resolution: "Nothing: the task that was started with it is adopted, or the run is tried again if there is \
                     none. The pool or the deployment was changed between two deliveries.",
    },
    Row {
        when: &[When::Words(&["service linked role"])],
        class: Class::Capacity,
        code: "PP0333",
        summary: "The service-linked role of ECS is not there yet",
        resolution: "Nothing in an account whose first cluster was made a moment ago: AWS makes the role, and the run \
                     starts then. If it stays, run `aws iam create-service-linked-role --aws-service-name \
                     ecs.amazonaws.com` once.",
    },
    Row {
        // A 400, so nothing was started: the same token would only be sent into the same trouble.
        when: &[When::Wrapped(&[
            "InternalError",
            "InternalFailure",
            "InternalServerError",
            "ServiceUnavailable",
            "Unavailable",
        ])],
        class: Class::Capacity,
        code: "PP0332",
        summary: "EC2 could not tell ECS about the task's network",
        resolution: "Nothing: the run starts when EC2 answers again. If it lasts, look at the AWS Health Dashboard.",
    },
    Row {
        when: &[When::Words(&[
            "limit on the number of vcpus",
            "limit on the number of tasks you can run",
            "configuration is above your limit",
        ])],
        class: Class::Capacity,
        code: "PP0302",
        summary: "The account's Fargate vCPU quota is used up",
        resolution: "Wait for other tasks to end, or ask for more under Service Quotas, AWS Fargate, \"Fargate \
                     On-Demand vCPU resource count\" (Spot has its own). A task that needs more than the whole quota \
                     never starts; new accounts have a small one.",
    },
    Row {
        when: &[When::Words(&["no container instances were found"])],
        class: Class::Capacity,
        code: "PP0303",
        summary: "The cluster has no container instances",
        resolution: "The run waits for one. With `launch_type` EC2, ECS never scales a capacity provider out: set \
                     `capacity_provider_strategy`, or leave `launch_type` unset so that the cluster's default strategy \
                     applies. Otherwise add instances to the cluster, or use FARGATE.",
    },
    Row {
        when: &[
            When::Reason(&["RESOURCE", "AGENT", "Capacity is unavailable"]),
            When::Words(&[
                "capacity is unavailable at this time",
                "empty capacity provider",
                "no active instances",
                "unable to place a task because no container instance met all of its requirements",
                "not enough free addresses",
                "insufficient free addresses",
                "insufficientfreeaddressesinsubnet",
            ]),
        ],
        class: Class::Capacity,
        code: "PP0303",
        summary: "There is no capacity for the task",
        resolution: "The run waits for capacity. On EC2, add container instances with the missing resource; on \
                     Fargate, allow more subnets or availability zones.",
    },
    Row {
        when: &[When::Words(&["provisioning capacity limit exceeded", "in the provisioning state"])],
        class: Class::Capacity,
        code: "PP0304",
        summary: "The cluster has as many provisioning tasks as ECS allows",
        resolution: "The run waits. If the cluster's capacity providers do not scale out, look at their Auto Scaling \
                     groups.",
    },
    Row {
        when: &[When::Words(&["iam:passrole"])],
        class: Class::Rejected,
        code: "PP0310",
        summary: "The dispatcher's role may not pass a role to the task",
        resolution: "Allow the dispatcher's role iam:PassRole on the task role and the execution role of this pool.",
    },
    Row {
        when: &[When::Code(&[
            "ExpiredToken",
            "ExpiredTokenException",
            "RequestExpired",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "IncompleteSignature",
            "IncompleteSignatureException",
            "MissingAuthenticationToken",
            "MissingAuthenticationTokenException",
            "AuthFailure",
        ])],
        // They are renewed without anyone's doing, and the run is not to blame.
        class: Class::Transient,
        code: "PP0312",
        summary: "The dispatcher's AWS credentials are not accepted",
        resolution: "If it lasts: check the credentials of the process, the clock of its machine, and that the region \
                     is enabled for the account.",
    },
    Row {
        when: &[
            When::Code(&["AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "NotAuthorized"]),
            When::Words(&["is not authorized to perform"]),
        ],
        class: Class::Rejected,
        code: "PP0310",
        summary: "The dispatcher's role may not do what is needed",
        resolution: "Allow the dispatcher's role the action that AWS names, on this cluster and these definitions.",
    },
    Row {
        when: &[When::Code(&["BlockedException", "OptInRequired", "SubscriptionRequiredException"])],
        class: Class::Rejected,
        code: "PP0311",
        summary: "The AWS account is blocked or not subscribed",
        resolution: "Contact AWS Support.",
    },
    Row {
        when: &[When::Words(&["task was not found"]), When::Reason(&["MISSING"])],
        class: Class::Stale,
        code: "PP0324",
        summary: "The task is gone",
        resolution: "Nothing: ECS forgets a task about an hour after it stopped.",
    },
    Row {
        when: &[
            When::Code(&["ClusterNotFoundException"]),
            When::Words(&["cluster not found", "cluster was inactive", "cluster is inactive"]),
        ],
        class: Class::Rejected,
        code: NO_CLUSTER,
        summary: "The cluster does not exist",
        resolution: "Set `cluster` to the name or ARN of a cluster in the dispatcher's region, or create it.",
    },
    Row {
        when: &[When::Words(&[
            "taskdefinition is inactive",
            "task definition is inactive",
            "taskdefinition not found",
            "task definition not found",
            "unable to find task definition",
            "unable to describe task definition",
            "task definition does not exist",
        ])],
        class: Class::Rejected,
        code: INACTIVE_DEFINITION,
        summary: "The task definition is inactive or unknown",
        resolution: "Register it again, correct `task_definition_arn`, or remove it from the pool.",
    },
    Row {
        when: &[When::Words(&["capacity provider", "capacityprovider"])],
        class: Class::Rejected,
        code: "PP0321",
        summary: "The capacity provider is refused",
        resolution: "Associate the provider with the cluster, or correct `capacity_provider_strategy`.",
    },
    Row {
        when: &[When::Words(&[
            "unable to assume",
            "cannot be assumed",
            "role is not valid",
            "role arn is not valid",
            "invalid role",
            "trust relationship",
            "task execution role",
            "execution role arn",
            "executionrolearn",
            "taskrolearn",
        ])],
        class: Class::Rejected,
        code: "PP0313",
        summary: "A role of the task cannot be used",
        resolution: "Check `task_role_arn` and `execution_role_arn`: they must exist and trust \
                     ecs-tasks.amazonaws.com.",
    },
    Row {
        when: &[When::Words(&["overrides length", "max allowed length", "characters are allowed for overrides"])],
        class: Class::Rejected,
        code: "PP0317",
        summary: "The request or the definition is too large",
        resolution: "Shorten the environment and the command; pass large values through S3 or a parameter store.",
    },
    Row {
        when: &[When::Words(&["at least one of 'memory' or 'memoryreservation' must be specified"])],
        class: Class::Rejected,
        code: "PP0316",
        summary: "A container has no memory",
        resolution: "Set `memory` or `memoryReservation` for the container that AWS names, or `memory` for the whole \
                     task.",
    },
    Row {
        when: &[When::Words(&[
            "no fargate configuration exists",
            "invalid 'cpu' setting",
            "invalid 'memory' setting",
            "invalid setting for container",
        ])],
        class: Class::Rejected,
        code: "PP0316",
        summary: "CPU or memory is refused",
        resolution: "On Fargate, set `cpu` and `memory` to a pair that Fargate has. Everywhere, what the containers \
                     reserve must fit into the task.",
    },
    Row {
        when: &[When::Words(&["is not a container in the taskdefinition"])],
        class: Class::Rejected,
        code: "PP0322",
        summary: "The container is not in the task definition",
        resolution: "Set `container_name` to the container of the task definition that runs the flow.",
    },
    Row {
        when: &[When::Words(&["assign public ip is not supported"])],
        class: Class::Rejected,
        code: "PP0315",
        summary: "A public address is for Fargate only",
        resolution: "Remove `assignPublicIp` (`assign_public_ip`) from the network configuration of this pool. Tasks on \
                     EC2 reach the internet through a NAT gateway.",
    },
    Row {
        when: &[When::Words(&["network configuration is not valid for the given networkmode"])],
        class: Class::Rejected,
        code: "PP0315",
        summary: "The task definition's network mode takes no network configuration",
        resolution: "Only the network mode awsvpc takes one. For a definition with another mode, set \
                     `network_configuration` to {} in the pool or the deployment.",
    },
    Row {
        when: &[When::Words(&["network configuration must be provided"])],
        class: Class::Rejected,
        code: "PP0315",
        summary: "The task needs a network configuration",
        resolution: "The task definition's network mode is awsvpc: name subnets in the pool's \
                     `network_configuration`.",
    },
    Row {
        when: &[When::Words(&["does not support launch_type", "launch type"])],
        class: Class::Rejected,
        code: "PP0323",
        summary: "The launch type does not go with the task definition",
        resolution: "Make `launch_type` and the definition's `requiresCompatibilities` and `networkMode` agree.",
    },
    Row {
        when: &[When::CodeAndWords(
            CLIENT,
            &["subnet", "security group", "securitygroup", "network", "assignpublicip"],
        )],
        class: Class::Rejected,
        code: "PP0315",
        summary: "The network configuration is refused",
        resolution: "Check that the subnets and security groups exist in the dispatcher's region and belong to one \
                     VPC.",
    },
    Row {
        when: &[When::Code(&[
            "PlatformUnknownException",
            "PlatformTaskDefinitionIncompatibilityException",
            "UnsupportedFeatureException",
        ])],
        class: Class::Rejected,
        code: "PP0318",
        summary: "The Fargate platform cannot run the task",
        resolution: "Check `platformVersion` and what the definition asks for in this region; LATEST is the default.",
    },
    Row {
        when: &[When::Reason(&["ATTRIBUTE", "LOCATION", "MemberOf"]), When::Words(&["placement constraint"])],
        class: Class::Rejected,
        code: "PP0319",
        summary: "No container instance can run the task",
        resolution: "Compare the definition's needs and placement constraints with the attributes of the cluster's \
                     instances and the subnets they are in.",
    },
    Row {
        when: &[When::Code(&["LimitExceededException", "LimitExceeded", "ServiceQuotaExceededException"])],
        class: Class::Capacity,
        code: "PP0304",
        summary: "An AWS quota is used up",
        resolution: "The run waits. Free what is counted, or ask for more under Service Quotas.",
    },
    Row {
        when: &[
            When::Code(&[
                "ServerException",
                "InternalFailure",
                "InternalServerError",
                "InternalServerException",
                "InternalError",
                "ServiceUnavailable",
                "ServiceUnavailableException",
                "RequestTimeout",
                "RequestTimeoutException",
            ]),
            When::Status(500..=599),
            When::Status(408..=408),
        ],
        class: Class::Transient,
        code: "PP0331",
        summary: "AWS failed",
        resolution: "Nothing: the launch is tried again with the same client token. If it lasts, look at the AWS \
                     Health Dashboard.",
    },
    Row {
        when: &[When::Failure],
        class: Class::Capacity,
        code: "PP0303",
        summary: "There is no capacity for the task",
        resolution: "The run waits; the reason is AWS's. If it persists, look it up under \"API failure reasons\" in \
                     the ECS developer guide.",
    },
    Row {
        when: &[When::Status(400..=499), When::Code(CLIENT)],
        class: Class::Rejected,
        code: REFUSED,
        summary: "AWS refuses the request",
        resolution: "Correct what AWS names in the pool's base job template or the job variables; `pushpool render` \
                     shows the request.",
    },
];

/// The row for what no other row covers.
pub(super) const UNKNOWN: Row = Row {
    when: &[],
    class: Class::Transient,
    code: "PP0339",
    summary: "It is not known what AWS did",
    resolution: "Nothing: the launch is tried again with the same client token, which starts no second task.",
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::plain;

    #[test]
    fn rules_are_spelt_as_the_words_are() {
        for row in ROWS {
            for when in row.when {
                let (When::Words(sought) | When::CodeAndWords(_, sought)) = when else { continue };
                for sought in *sought {
                    assert_eq!(plain(sought), *sought, "never found: {}", row.code);
                }
            }
        }
    }
}
