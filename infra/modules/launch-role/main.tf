# For tasks in another account than pushpool's. It is applied there: a role that pushpool's functions take to launch, look at and
# stop tasks, and a rule that sends this account's ECS events to pushpool's events queue.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  arn_of = {
    tasks            = [for arn in var.cluster_arns : "${replace(arn, ":cluster/", ":task/")}/*"]
    task_definitions = [for family in var.task_definition_families : "arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:task-definition/${family}:*"]
    # While RegisterTaskDefinition runs there is no revision yet, and ECS asks for the family (aws-cdk issue 25768).
    families       = [for family in var.task_definition_families : "arn:${data.aws_partition.current.partition}:ecs:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:task-definition/${family}"]
    container_logs = [for group in var.container_log_groups : "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:log-group:${group}:log-stream:*"]
  }
  in_clusters = { ArnEquals = { "ecs:cluster" = var.cluster_arns } }

  # What dispatcher, observer and reconciler call on tasks, as in the module pushpool.
  statements = concat([
    { Sid = "LaunchTasks", Effect = "Allow", Action = ["ecs:RunTask"], Resource = local.arn_of.task_definitions, Condition = local.in_clusters },
    {
      Sid      = "TagWhatItMakes"
      Effect   = "Allow"
      Action   = ["ecs:TagResource"]
      Resource = concat(local.arn_of.tasks, local.arn_of.task_definitions, local.arn_of.families)
      Condition = {
        StringEquals = { "ecs:CreateAction" = ["RunTask", "RegisterTaskDefinition"] }
      }
    },
    {
      Sid      = "GiveTasksTheirRoles"
      Effect   = "Allow"
      Action   = ["iam:PassRole"]
      Resource = concat(var.execution_role_arns, var.task_role_arns)
      Condition = {
        StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" }
      }
    },
    { Sid = "RegisterTaskDefinitions", Effect = "Allow", Action = ["ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition"], Resource = ["*"] },
    { Sid = "FindTasks", Effect = "Allow", Action = ["ecs:ListTasks"], Resource = ["*"], Condition = local.in_clusters },
    { Sid = "LookAtAndStopTasks", Effect = "Allow", Action = ["ecs:DescribeTasks", "ecs:StopTask"], Resource = local.arn_of.tasks, Condition = local.in_clusters },
    { Sid = "ReadContainersLastLines", Effect = "Allow", Action = ["logs:GetLogEvents"], Resource = local.arn_of.container_logs },
  ], local.definition_limits)

  # As in the module pushpool: what may not be registered, whoever asks for it.
  definition_limits = concat(
    [for allowed in [var.allow_privileged_containers] : {
      Sid       = "NoPrivilegedContainers"
      Effect    = "Deny"
      Action    = ["ecs:RegisterTaskDefinition"]
      Resource  = ["*"]
      Condition = { StringEqualsIgnoreCase = { "ecs:privileged" = "true" } }
    } if !allowed],
    [for only in [var.fargate_only] : {
      Sid       = "NothingButFargate"
      Effect    = "Deny"
      Action    = ["ecs:RegisterTaskDefinition"]
      Resource  = ["*"]
      Condition = { "ForAnyValue:StringNotEquals" = { "ecs:compute-compatibility" = ["FARGATE"] } }
    } if only],
    [for only in [var.fargate_only] : {
      Sid       = "NothingWithoutCompatibility"
      Effect    = "Deny"
      Action    = ["ecs:RegisterTaskDefinition"]
      Resource  = ["*"]
      Condition = { Null = { "ecs:compute-compatibility" = "true" } }
    } if only],
  )
}

resource "aws_iam_role" "launch" {
  name                 = "${var.name}-launch-${data.aws_region.current.region}"
  description          = "pushpool launches, looks at and stops tasks as this role"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { AWS = var.launcher_role_arns }
      Condition = { StringEquals = { "sts:ExternalId" = var.external_id } }
    }]
  })
}

resource "aws_iam_role_policy" "launch" {
  name   = "tasks"
  role   = aws_iam_role.launch.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_cloudwatch_event_rule" "task_state" {
  count = var.events_queue_arn == null ? 0 : 1

  name        = "${var.name}-task-state"
  description = "Tasks of ${var.name} that started or stopped, to pushpool's account"
  tags        = var.tags

  # As in the module pushpool.
  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = var.cluster_arns
      lastStatus = ["RUNNING", "STOPPED"]
      startedBy  = [{ wildcard = "*-*/*-*" }]
    }
  })
}

# Into another account EventBridge sends as a role, which that account's queue has to let in.
resource "aws_iam_role" "events" {
  count = var.events_queue_arn == null ? 0 : 1

  name                 = "${var.name}-events-${data.aws_region.current.region}"
  description          = "EventBridge sends ECS events to pushpool's account"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "events.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "events" {
  count = var.events_queue_arn == null ? 0 : 1

  name = "send-events"
  role = aws_iam_role.events[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "SendEvents"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [var.events_queue_arn]
    }]
  })
}

resource "aws_cloudwatch_event_target" "events_queue" {
  count = var.events_queue_arn == null ? 0 : 1

  rule      = aws_cloudwatch_event_rule.task_state[0].name
  target_id = "events-queue"
  arn       = var.events_queue_arn
  role_arn  = aws_iam_role.events[0].arn
}
