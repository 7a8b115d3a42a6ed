# The two roles of a task. With the execution role ECS starts it: image, log, secrets. The task role is what the flow itself may.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  logs = "arn:${data.aws_partition.current.partition}:logs:${data.aws_region.current.region}:${data.aws_caller_identity.current.account_id}:log-group"

  statements = concat(
    [{
      Sid    = "WriteLog"
      Effect = "Allow"
      # Pools make their log group (awslogs-create-group); without CreateLogGroup such a task does not start.
      Action   = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]
      Resource = flatten([for group in var.log_groups : ["${local.logs}:${group}", "${local.logs}:${group}:*"]])
    }],
    [for arns in [var.secret_arns] : {
      Sid      = "ReadSecrets"
      Effect   = "Allow"
      Action   = ["secretsmanager:GetSecretValue"]
      Resource = arns
    } if length(arns) > 0],
    [for arns in [var.parameter_arns] : {
      Sid      = "ReadParameters"
      Effect   = "Allow"
      Action   = ["ssm:GetParameters"]
      Resource = arns
    } if length(arns) > 0],
    [for arns in [var.kms_key_arns] : {
      Sid      = "DecryptSecrets"
      Effect   = "Allow"
      Action   = ["kms:Decrypt"]
      Resource = arns
    } if length(arns) > 0],
    [for arns in [var.repository_arns] : {
      Sid      = "PullImages"
      Effect   = "Allow"
      Action   = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
      Resource = arns
    } if length(arns) > 0],
    # ECR knows no resource for its login.
    [for arns in [var.repository_arns] : {
      Sid      = "LogInToEcr"
      Effect   = "Allow"
      Action   = ["ecr:GetAuthorizationToken"]
      Resource = ["*"]
    } if length(arns) > 0],
  )

  # Only ECS, only for this account: the confused deputy of the ECS developer guide.
  assumed_by_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role" "execution" {
  name                 = "${var.name}-execution-${data.aws_region.current.region}"
  description          = "ECS starts tasks of ${var.name} with it"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.assumed_by_tasks
  tags                 = var.tags
}

resource "aws_iam_role_policy" "execution" {
  name   = "start-tasks"
  role   = aws_iam_role.execution.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_iam_role" "task" {
  name                 = "${var.name}-task-${data.aws_region.current.region}"
  description          = "What flows of ${var.name} may"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.assumed_by_tasks
  tags                 = var.tags
}

resource "aws_iam_role_policy_attachment" "task" {
  for_each = toset(var.task_policy_arns)

  role       = aws_iam_role.task.name
  policy_arn = each.value
}
