"""Which field of AWS's API stands behind each Terraform argument.

For each resource: the service, the operation that makes it, and the arguments whose field has another name than the argument
(`memory_size` is `MemorySize` without being told). A field is a path into the operation's input; another operation's field is
"Operation:path"; None says that no rule exists: the provider's own argument, or a free text. An argument that is set in these
directories and cannot be found is an error, so that the list stays whole.

DOCUMENTED holds what AWS's documents say and its service models do not. Each has the page it comes from.
"""

# Arguments of the provider's own, on every resource.
EVERYWHERE = {"region", "id", "timeouts", "tags_all"}

POLICY = {"document": "PolicyDocument"}

RESOURCES = {
    "aws_cloudwatch_dashboard": ("cloudwatch", "PutDashboard", {}),
    "aws_cloudwatch_event_rule": ("events", "PutRule", {}),
    "aws_cloudwatch_event_target": (
        "events",
        "PutTargets",
        {
            "target_id": "Targets.Id",
            "arn": "Targets.Arn",
            "role_arn": "Targets.RoleArn",
            "dead_letter_config": "Targets.DeadLetterConfig",
        },
    ),
    "aws_cloudwatch_log_group": (
        "logs",
        "CreateLogGroup",
        {"name": "logGroupName", "retention_in_days": "PutRetentionPolicy:retentionInDays"},
    ),
    "aws_cloudwatch_metric_alarm": ("cloudwatch", "PutMetricAlarm", {"metric_query": "Metrics", "ok_actions": "OKActions"}),
    "aws_db_instance": (
        "rds",
        "CreateDBInstance",
        {
            "identifier": "DBInstanceIdentifier",
            "instance_class": "DBInstanceClass",
            "username": "MasterUsername",
            "vpc_security_group_ids": "VpcSecurityGroupIds",
            "manage_master_user_password": "ManageMasterUserPassword",
            "enabled_cloudwatch_logs_exports": "EnableCloudwatchLogsExports",
            "skip_final_snapshot": "DeleteDBInstance:SkipFinalSnapshot",
            "final_snapshot_identifier": "DeleteDBInstance:FinalDBSnapshotIdentifier",
        },
    ),
    "aws_db_subnet_group": ("rds", "CreateDBSubnetGroup", {"name": "DBSubnetGroupName"}),
    "aws_default_security_group": ("ec2", "CreateSecurityGroup", {"tags": "TagSpecifications.Tags"}),
    "aws_ecr_lifecycle_policy": (
        "ecr",
        "PutLifecyclePolicy",
        {"repository": "repositoryName", "policy": "lifecyclePolicyText"},
    ),
    "aws_ecr_repository": ("ecr", "CreateRepository", {"name": "repositoryName"}),
    "aws_ecs_cluster": ("ecs", "CreateCluster", {"name": "clusterName", "setting": "settings"}),
    "aws_ecs_cluster_capacity_providers": ("ecs", "PutClusterCapacityProviders", {"cluster_name": "cluster"}),
    "aws_ecs_service": (
        "ecs",
        "CreateService",
        {
            "name": "serviceName",
            "deployment_minimum_healthy_percent": "deploymentConfiguration.minimumHealthyPercent",
            "deployment_maximum_percent": "deploymentConfiguration.maximumPercent",
            "deployment_circuit_breaker": "deploymentConfiguration.deploymentCircuitBreaker",
            "network_configuration": "networkConfiguration.awsvpcConfiguration",
        },
    ),
    "aws_ecs_task_definition": ("ecs", "RegisterTaskDefinition", {}),
    "aws_eip": ("ec2", "AllocateAddress", {"tags": "TagSpecifications.Tags"}),
    "aws_flow_log": (
        "ec2",
        "CreateFlowLogs",
        {"vpc_id": "ResourceIds", "iam_role_arn": "DeliverLogsPermissionArn", "tags": "TagSpecifications.Tags"},
    ),
    "aws_iam_role": ("iam", "CreateRole", {"name": "RoleName", "assume_role_policy": "AssumeRolePolicyDocument"}),
    "aws_iam_role_policy": (
        "iam",
        "PutRolePolicy",
        {"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
    ),
    "aws_iam_role_policy_attachment": ("iam", "AttachRolePolicy", {"role": "RoleName"}),
    "aws_internet_gateway": ("ec2", "CreateInternetGateway", {"vpc_id": "AttachInternetGateway:VpcId", "tags": "TagSpecifications.Tags"}),
    "aws_lambda_event_source_mapping": ("lambda", "CreateEventSourceMapping", {}),
    "aws_lambda_function": (
        "lambda",
        "CreateFunction",
        {
            "filename": None,
            "source_code_hash": None,
            "s3_bucket": "Code.S3Bucket",
            "s3_key": "Code.S3Key",
            "reserved_concurrent_executions": "PutFunctionConcurrency:ReservedConcurrentExecutions",
        },
    ),
    "aws_lambda_function_event_invoke_config": (
        "lambda",
        "PutFunctionEventInvokeConfig",
        {"maximum_event_age_in_seconds": "MaximumEventAgeInSeconds"},
    ),
    "aws_lambda_function_recursion_config": ("lambda", "PutFunctionRecursionConfig", {}),
    "aws_lambda_function_url": ("lambda", "CreateFunctionUrlConfig", {"authorization_type": "AuthType"}),
    "aws_lambda_permission": ("lambda", "AddPermission", {}),
    "aws_lb": (
        "elbv2",
        "CreateLoadBalancer",
        # Attributes of a load balancer are pairs of strings.
        {"internal": None, "load_balancer_type": "Type", "drop_invalid_header_fields": None, "idle_timeout": None},
    ),
    "aws_lb_listener": (
        "elbv2",
        "CreateListener",
        {"certificate_arn": "Certificates.CertificateArn", "default_action": "DefaultActions"},
    ),
    "aws_lb_target_group": (
        "elbv2",
        "CreateTargetGroup",
        {
            "deregistration_delay": None,
            "health_check": {
                "path": "HealthCheckPath",
                "matcher": "Matcher.HttpCode",
                "interval": "HealthCheckIntervalSeconds",
                "healthy_threshold": "HealthyThresholdCount",
                "unhealthy_threshold": "UnhealthyThresholdCount",
            },
        },
    ),
    "aws_nat_gateway": ("ec2", "CreateNatGateway", {"tags": "TagSpecifications.Tags"}),
    "aws_route": ("ec2", "CreateRoute", {}),
    "aws_route_table": ("ec2", "CreateRouteTable", {"tags": "TagSpecifications.Tags"}),
    "aws_route_table_association": ("ec2", "AssociateRouteTable", {}),
    "aws_scheduler_schedule": ("scheduler", "CreateSchedule", {}),
    "aws_scheduler_schedule_group": ("scheduler", "CreateScheduleGroup", {}),
    "aws_secretsmanager_secret": (
        "secretsmanager",
        "CreateSecret",
        {"name_prefix": "Name", "recovery_window_in_days": "DeleteSecret:RecoveryWindowInDays"},
    ),
    "aws_secretsmanager_secret_version": ("secretsmanager", "PutSecretValue", {}),
    "aws_security_group": ("ec2", "CreateSecurityGroup", {"name": "GroupName", "tags": "TagSpecifications.Tags"}),
    # Attributes of topics and queues are pairs of strings: DOCUMENTED has them.
    "aws_sns_topic": ("sns", "CreateTopic", {"kms_master_key_id": None, "policy": None}),
    "aws_sns_topic_policy": ("sns", "SetTopicAttributes", {"arn": "TopicArn", "policy": None}),
    "aws_sqs_queue": (
        "sqs",
        "CreateQueue",
        {
            "name": "QueueName",
            "fifo_queue": None,
            "deduplication_scope": None,
            "fifo_throughput_limit": None,
            "visibility_timeout_seconds": None,
            "message_retention_seconds": None,
            "receive_wait_time_seconds": None,
            "redrive_policy": None,
            "sqs_managed_sse_enabled": None,
            "kms_master_key_id": None,
        },
    ),
    "aws_sqs_queue_policy": ("sqs", "SetQueueAttributes", {"policy": None}),
    "aws_sqs_queue_redrive_allow_policy": ("sqs", "SetQueueAttributes", {"redrive_allow_policy": None}),
    "aws_ssm_parameter": ("ssm", "PutParameter", {}),
    "aws_kms_key": (
        "kms",
        "CreateKey",
        {
            "enable_key_rotation": None,
            "deletion_window_in_days": "ScheduleKeyDeletion:PendingWindowInDays",
        },
    ),
    "aws_kms_alias": ("kms", "CreateAlias", {"name": "AliasName"}),
    "aws_subnet": ("ec2", "CreateSubnet", {"tags": "TagSpecifications.Tags"}),
    "aws_vpc": (
        "ec2",
        "CreateVpc",
        {
            "enable_dns_hostnames": "ModifyVpcAttribute:EnableDnsHostnames",
            "enable_dns_support": "ModifyVpcAttribute:EnableDnsSupport",
            "tags": "TagSpecifications.Tags",
        },
    ),
    "aws_vpc_endpoint": ("ec2", "CreateVpcEndpoint", {"tags": "TagSpecifications.Tags"}),
    "aws_vpc_security_group_egress_rule": (
        "ec2",
        "AuthorizeSecurityGroupEgress",
        {
            "security_group_id": "GroupId",
            "description": "IpPermissions.IpRanges.Description",
            "ip_protocol": "IpPermissions.IpProtocol",
            "from_port": "IpPermissions.FromPort",
            "to_port": "IpPermissions.ToPort",
            "cidr_ipv4": "IpPermissions.IpRanges.CidrIp",
            "referenced_security_group_id": "IpPermissions.UserIdGroupPairs.GroupId",
            "tags": "TagSpecifications.Tags",
        },
    ),
}
RESOURCES["aws_vpc_security_group_ingress_rule"] = (
    "ec2",
    "AuthorizeSecurityGroupIngress",
    RESOURCES["aws_vpc_security_group_egress_rule"][2],
)

SQS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"
SG = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html"
SG_RULE = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html"
RDS = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"
RDS_DELETE = "https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DeleteDBInstance.html"
ELB = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html"
ELB_GROUP = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"
RESERVED = "https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html"
LOGS = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"
IAM_SID = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_sid.html"
IAM_QUOTAS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"
ALARM = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
TOPIC = "https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html"
TOPIC_KEY = "https://repost.aws/knowledge-center/cloudwatch-configure-alarm-sns"
SCHEDULE = "https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html"
FARGATE = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html"
INSIGHTS = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ClusterSetting.html"
ECS_NAME = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html"

# Characters that EC2 takes in the descriptions of security groups and their rules.
EC2_TEXT = r"[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*"
ECS_NAMES = r"[a-zA-Z0-9_-]*"

DOCUMENTED = {
    "aws_security_group.description": ({"pattern": EC2_TEXT, "max": 255}, SG),
    "aws_security_group.name": ({"pattern": rf"(?!sg-){EC2_TEXT}", "max": 255}, SG),
    "aws_vpc_security_group_ingress_rule.description": ({"pattern": EC2_TEXT, "max": 255}, SG_RULE),
    "aws_vpc_security_group_egress_rule.description": ({"pattern": EC2_TEXT, "max": 255}, SG_RULE),
    "aws_sqs_queue.name": ({"pattern": r"[a-zA-Z0-9_-]{1,80}|[a-zA-Z0-9_-]{1,75}\.fifo", "max": 80}, SQS),
    "aws_sqs_queue.deduplication_scope": ({"enum": ["messageGroup", "queue"]}, SQS),
    "aws_sqs_queue.fifo_throughput_limit": ({"enum": ["perQueue", "perMessageGroupId"]}, SQS),
    "aws_sqs_queue.visibility_timeout_seconds": ({"min": 0, "max": 43200}, SQS),
    "aws_sqs_queue.message_retention_seconds": ({"min": 60, "max": 1209600}, SQS),
    "aws_sqs_queue.receive_wait_time_seconds": ({"min": 0, "max": 20}, SQS),
    "aws_sqs_queue.redrive_policy": ({"json": {"members": {"deadLetterTargetArn": {}, "maxReceiveCount": {"min": 1, "max": 1000}}}}, SQS),
    "aws_sqs_queue_redrive_allow_policy.redrive_allow_policy": (
        {"json": {"members": {"redrivePermission": {"enum": ["allowAll", "denyAll", "byQueue"]}, "sourceQueueArns": {"max": 10}}}},
        SQS,
    ),
    "aws_sns_topic.name": ({"pattern": r"[a-zA-Z0-9_-]+(\.fifo)?", "max": 256}, TOPIC),
    # Alarms cannot publish to a topic under SNS's own key, and every topic here is one of alarms.
    "aws_sns_topic.kms_master_key_id": ({"pattern": r"(?!(.*[:/])?alias/aws/sns$).*"}, TOPIC_KEY),
    "aws_cloudwatch_log_group.retention_in_days": (
        {"enum": [0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653]},
        LOGS,
    ),
    "aws_cloudwatch_metric_alarm.period": ({"enum": [10, 20, 30], "multiple": 60}, ALARM),
    "aws_cloudwatch_metric_alarm.treat_missing_data": ({"enum": ["breaching", "notBreaching", "ignore", "missing"]}, ALARM),
    "aws_db_instance.identifier": ({"pattern": r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]*(?<!-)", "min": 1, "max": 63}, RDS),
    "aws_db_instance.final_snapshot_identifier": ({"pattern": r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]*(?<!-)", "min": 1, "max": 255}, RDS_DELETE),
    "aws_db_instance.backup_retention_period": ({"min": 0, "max": 35}, RDS),
    # -1 is the provider's word for no reservation.
    "aws_lambda_function.reserved_concurrent_executions": ({"min": -1}, RESERVED),
    "aws_lb.name": ({"pattern": r"(?!internal-)(?!-)[a-zA-Z0-9-]*(?<!-)", "max": 32}, ELB),
    "aws_lb.idle_timeout": ({"min": 1, "max": 4000}, ELB),
    "aws_lb_target_group.name": ({"pattern": r"(?!-)[a-zA-Z0-9-]*(?<!-)", "max": 32}, ELB_GROUP),
    "aws_lb_target_group.deregistration_delay": ({"min": 0, "max": 3600}, ELB_GROUP),
    "aws_iam_role.assume_role_policy": ({"json": "policy", "max": 2048}, IAM_QUOTAS),
    "aws_iam_role_policy.policy": ({"json": "policy", "max": 10240}, IAM_QUOTAS),
    "aws_sqs_queue_policy.policy": ({"json": "policy"}, IAM_SID),
    "aws_sns_topic_policy.policy": ({"json": "policy"}, IAM_SID),
    "aws_kms_key.policy": ({"json": "policy", "max": 32768}, IAM_SID),
    "aws_scheduler_schedule.schedule_expression": (
        {"pattern": r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\((\S+ ){5}\S+\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)"},
        SCHEDULE,
    ),
    "aws_ecs_cluster.name": ({"pattern": ECS_NAMES, "max": 255}, ECS_NAME),
    "aws_ecs_cluster.setting.value": ({"enum": ["enabled", "enhanced", "disabled"]}, INSIGHTS),
    "aws_ecs_service.name": ({"pattern": ECS_NAMES, "max": 255}, ECS_NAME),
    "aws_ecs_task_definition.family": ({"pattern": ECS_NAMES, "max": 255}, FARGATE),
}

# A policy, as far as a text can break it: what a Sid may have, and that there is an effect.
IAM_POLICY = {
    "members": {
        "Version": {"enum": ["2012-10-17", "2008-10-17"]},
        "Id": {},
        "Statement": {
            "list": {
                "members": {
                    "Sid": {"pattern": "[a-zA-Z0-9]*"},
                    "Effect": {"enum": ["Allow", "Deny"]},
                    "Action": {},
                    "NotAction": {},
                    "Resource": {},
                    "NotResource": {},
                    "Principal": {},
                    "NotPrincipal": {},
                    "Condition": {},
                },
            },
        },
    },
}
