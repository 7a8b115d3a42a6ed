# One function: its code, its role, its log, and the queues that invoke it.

locals {
  # What every function may, whatever it does. The test in tests/it/infra holds these against the code, too.
  statements = concat(
    [
      {
        Sid      = "WriteLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
      },
    ],
    [for arns in [[for queue in var.queues : queue.arn]] : {
      Sid      = "ReadQueues"
      Effect   = "Allow"
      Action   = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
      Resource = arns
    } if length(arns) > 0],
    [for key in [var.queue_kms_key_arn] : {
      Sid      = "UseQueueKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [key]
    } if key != null],
    [for tracing in [var.tracing] : {
      Sid      = "Trace"
      Effect   = "Allow"
      Action   = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"]
      Resource = ["*"]
    } if tracing],
    # EC2 knows no network interface of a function before it has made one, so these cannot name resources.
    [for vpc in [var.vpc] : {
      Sid    = "JoinVpc"
      Effect = "Allow"
      Action = [
        "ec2:CreateNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
      ]
      Resource = ["*"]
    } if vpc != null],
    var.statements,
  )

  environment = { for name, value in var.environment : name => value if value != null && value != "" }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "this" {
  name                 = var.role_name
  description          = var.description
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "what-the-code-calls"
  role   = aws_iam_role.this.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_115:for functions with queues the mapping's maximum concurrency is the brake; throttled deliveries would count as receives and fill the dead-letter queue
  #checkov:skip=CKV_AWS_116:its queues have dead-letter queues; the reconciler's next pass does what a failed one did not
  #checkov:skip=CKV_AWS_173:the variables are URLs and references to secrets, never values, and Lambda encrypts them with its own key
  #checkov:skip=CKV_AWS_272:the code is pinned by SHA-256; a signing profile is the account's to have
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn
  runtime       = "provided.al2023"
  handler       = "bootstrap"
  architectures = [var.architecture]
  memory_size   = var.memory
  timeout       = var.timeout
  tags          = var.tags

  reserved_concurrent_executions = var.reserved_concurrency

  filename = var.code.file
  # The manifest's word, for zips in S3, too. What `cargo lambda deploy` has shipped since is nothing that a plan sees
  # (code_sha256, which would, is not set): the next manifest replaces it. docs/building.md says why.
  source_code_hash = var.code.sha256
  s3_bucket        = var.code.bucket
  s3_key           = var.code.key
  layers           = var.layer_arns

  dynamic "environment" {
    for_each = length(local.environment) > 0 ? [local.environment] : []
    content {
      variables = environment.value
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.this.name
    application_log_level = var.log_level
    # Lambda's own START, END and REPORT lines cost more than they tell.
    system_log_level = "WARN"
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  lifecycle {
    precondition {
      condition     = var.code.file == null ? true : try(filebase64sha256(var.code.file), "") == var.code.sha256
      error_message = "The zip of ${var.name} is not there, or is not the one the manifest names: build again, or fetch the zips of this manifest."
    }
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_lambda_event_source_mapping" "queue" {
  for_each = var.queues

  event_source_arn                   = each.value.arn
  function_name                      = aws_lambda_function.this.arn
  batch_size                         = each.value.batch_size
  maximum_batching_window_in_seconds = each.value.batching_window
  # One strange record does not fail its batch.
  function_response_types = ["ReportBatchItemFailures"]
  tags                    = var.tags

  # The brake. Reserved concurrency would be another, but throttled deliveries count as receives and fill the
  # dead-letter queue.
  scaling_config {
    maximum_concurrency = each.value.maximum_concurrency
  }

  lifecycle {
    precondition {
      condition     = each.value.visibility_timeout >= 6 * var.timeout + each.value.batching_window
      error_message = "The visibility timeout of ${each.key} is less than six times the timeout of ${var.name} and the batching window (${6 * var.timeout + each.value.batching_window} s): messages would come again while they are handled."
    }
  }

  depends_on = [aws_iam_role_policy.this]
}
