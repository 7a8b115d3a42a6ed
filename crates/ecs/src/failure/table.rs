//! The rows.
//!
//! Sources: AWS ECS API reference (Common errors; the errors of RunTask and RegisterTaskDefinition; "API failure
//! reasons") and messages that users of other ECS clients reported; `events/answers/run-task.json` has the links.

use diagnosis::{
    Code, PP0301, PP0302, PP0303, PP0304, PP0310, PP0311, PP0312, PP0313, PP0314, PP0315, PP0316, PP0317, PP0318,
    PP0319, PP0320, PP0321, PP0322, PP0323, PP0324, PP0329, PP0330, PP0331, PP0332, PP0333, PP0339,
};

use super::{Class, when::When};

pub(super) struct Row {
    /// Any of these.
    pub when: &'static [When],
    pub class: Class,
    pub code: Code,
    /// Summary and resolution, where they say more than those of the code.
    pub own: Option<(&'static str, &'static str)>,
}

/// Code of the rows for a definition that is not there.
pub(super) const INACTIVE_DEFINITION: Code = PP0320;

/// Code of the row for a token used before.
pub(crate) const CONFLICT: Code = PP0330;

/// Code of the row for a cluster that is not there.
pub(crate) const NO_CLUSTER: Code = PP0314;

/// Code of the row for a request that AWS refuses for no reason of a row of its own.
pub(crate) const REFUSED: Code = PP0329;

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
        code: PP0301,
        own: None,
    },
    Row {
        when: &[When::Code(&["ConflictException"])],
        class: Class::Transient,
        code: CONFLICT,
        own: Some((
            "The client token of this attempt was used with other parameters",
            "Nothing: the task that was started with it is adopted, or the run is tried again if there is \
                     none. The pool or the deployment was changed between two deliveries.",
        )),
    },
    Row { when: &[When::Words(&["service linked role"])], class: Class::Capacity, code: PP0333, own: None },
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
        code: PP0332,
        own: None,
    },
    Row {
        when: &[When::Words(&[
            "limit on the number of vcpus",
            "limit on the number of tasks you can run",
            "configuration is above your limit",
        ])],
        class: Class::Capacity,
        code: PP0302,
        own: None,
    },
    Row {
        when: &[When::Words(&["no container instances were found"])],
        class: Class::Capacity,
        code: PP0303,
        own: Some((
            "The cluster has no container instances",
            "The run waits for one. With `launch_type` EC2, ECS never scales a capacity provider out: set \
                     `capacity_provider_strategy`, or leave `launch_type` unset so that the cluster's default strategy \
                     applies. Otherwise add instances to the cluster, or use FARGATE.",
        )),
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
        code: PP0303,
        own: None,
    },
    Row {
        when: &[When::Words(&["provisioning capacity limit exceeded", "in the provisioning state"])],
        class: Class::Capacity,
        code: PP0304,
        own: Some((
            "The cluster has as many provisioning tasks as ECS allows",
            "The run waits. If the cluster's capacity providers do not scale out, look at their Auto Scaling \
                     groups.",
        )),
    },
    Row {
        when: &[When::Words(&["iam:passrole"])],
        class: Class::Rejected,
        code: PP0310,
        own: Some((
            "The dispatcher's role may not pass a role to the task",
            "Allow the dispatcher's role iam:PassRole on the task role and the execution role of this pool.",
        )),
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
        code: PP0312,
        own: None,
    },
    Row {
        when: &[
            When::Code(&["AccessDeniedException", "AccessDenied", "UnauthorizedOperation", "NotAuthorized"]),
            When::Words(&["is not authorized to perform"]),
        ],
        class: Class::Rejected,
        code: PP0310,
        own: None,
    },
    Row {
        when: &[When::Code(&["BlockedException", "OptInRequired", "SubscriptionRequiredException"])],
        class: Class::Rejected,
        code: PP0311,
        own: Some(("The AWS account is blocked or not subscribed", "Contact AWS Support.")),
    },
    Row {
        when: &[When::Words(&["task was not found"]), When::Reason(&["MISSING"])],
        class: Class::Stale,
        code: PP0324,
        own: None,
    },
    Row {
        when: &[
            When::Code(&["ClusterNotFoundException"]),
            When::Words(&["cluster not found", "cluster was inactive", "cluster is inactive"]),
        ],
        class: Class::Rejected,
        code: NO_CLUSTER,
        own: None,
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
        own: None,
    },
    Row {
        when: &[When::Words(&["capacity provider", "capacityprovider"])],
        class: Class::Rejected,
        code: PP0321,
        own: None,
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
        code: PP0313,
        own: None,
    },
    Row {
        when: &[When::Words(&["overrides length", "max allowed length", "characters are allowed for overrides"])],
        class: Class::Rejected,
        code: PP0317,
        own: None,
    },
    Row {
        when: &[When::Words(&["at least one of 'memory' or 'memoryreservation' must be specified"])],
        class: Class::Rejected,
        code: PP0316,
        own: Some((
            "A container has no memory",
            "Set `memory` or `memoryReservation` for the container that AWS names, or `memory` for the whole \
                     task.",
        )),
    },
    Row {
        when: &[When::Words(&[
            "no fargate configuration exists",
            "invalid 'cpu' setting",
            "invalid 'memory' setting",
            "invalid setting for container",
        ])],
        class: Class::Rejected,
        code: PP0316,
        own: None,
    },
    Row {
        when: &[When::Words(&["is not a container in the taskdefinition"])],
        class: Class::Rejected,
        code: PP0322,
        own: None,
    },
    Row {
        when: &[When::Words(&["assign public ip is not supported"])],
        class: Class::Rejected,
        code: PP0315,
        own: Some((
            "A public address is for Fargate only",
            "Remove `assignPublicIp` (`assign_public_ip`) from the network configuration of this pool. Tasks on \
                     EC2 reach the internet through a NAT gateway.",
        )),
    },
    Row {
        when: &[When::Words(&["network configuration is not valid for the given networkmode"])],
        class: Class::Rejected,
        code: PP0315,
        own: Some((
            "The task definition's network mode takes no network configuration",
            "Only the network mode awsvpc takes one. For a definition with another mode, set \
                     `network_configuration` to {} in the pool or the deployment.",
        )),
    },
    Row {
        when: &[When::Words(&["network configuration must be provided"])],
        class: Class::Rejected,
        code: PP0315,
        own: Some((
            "The task needs a network configuration",
            "The task definition's network mode is awsvpc: name subnets in the pool's \
                     `network_configuration`.",
        )),
    },
    Row {
        when: &[When::Words(&["does not support launch_type", "launch type"])],
        class: Class::Rejected,
        code: PP0323,
        own: None,
    },
    Row {
        when: &[When::CodeAndWords(
            CLIENT,
            &["subnet", "security group", "securitygroup", "network", "assignpublicip"],
        )],
        class: Class::Rejected,
        code: PP0315,
        own: None,
    },
    Row {
        when: &[When::Code(&[
            "PlatformUnknownException",
            "PlatformTaskDefinitionIncompatibilityException",
            "UnsupportedFeatureException",
        ])],
        class: Class::Rejected,
        code: PP0318,
        own: None,
    },
    Row {
        when: &[When::Reason(&["ATTRIBUTE", "LOCATION", "MemberOf"]), When::Words(&["placement constraint"])],
        class: Class::Rejected,
        code: PP0319,
        own: None,
    },
    Row {
        when: &[When::Code(&["LimitExceededException", "LimitExceeded", "ServiceQuotaExceededException"])],
        class: Class::Capacity,
        code: PP0304,
        own: None,
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
        code: PP0331,
        own: None,
    },
    Row {
        when: &[When::Failure],
        class: Class::Capacity,
        code: PP0303,
        own: Some((
            "There is no capacity for the task",
            "The run waits; the reason is AWS's. If it persists, look it up under \"API failure reasons\" in \
                     the ECS developer guide.",
        )),
    },
    Row { when: &[When::Status(400..=499), When::Code(CLIENT)], class: Class::Rejected, code: REFUSED, own: None },
];

/// The row for what no other row covers.
pub(super) const UNKNOWN: Row = Row { when: &[], class: Class::Transient, code: PP0339, own: None };

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
