# What comes with time: a tick a minute, and a pass of the reconciler; standalone, runs that have to wait, for which the
# dispatcher makes a one-time schedule each.

locals {
  schedule_statements = concat(
    [for queue in values(aws_sqs_queue.this) : {
      Sid      = "Tick"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [queue.arn]
    } if local.served && queue.name == "${var.prefix}-poll"],
    [for key, queue in aws_sqs_queue.this : {
      Sid      = "SendWaitingRuns"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [queue.arn]
    } if !local.served && key == "run"],
    [for reconciler in module.reconciler : {
      Sid      = "Reconcile"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = [reconciler.arn]
    }],
    [for key in [var.queue_kms_key_arn] : {
      Sid      = "UseQueueKey"
      Effect   = "Allow"
      Action   = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource = [key]
    } if key != null],
  )
}

resource "aws_iam_role" "schedules" {
  name                 = local.role_name.schedules
  description          = local.served ? "Schedules of ${var.prefix}: tick the poll queue, invoke the reconciler" : "Schedules of ${var.prefix}: send runs that had to wait"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = local.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    }]
  })
}

resource "aws_iam_role_policy" "schedules" {
  name   = "what-schedules-do"
  role   = aws_iam_role.schedules.name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.schedule_statements })
}

resource "aws_scheduler_schedule_group" "this" {
  name = var.prefix
  tags = local.tags
}

resource "aws_scheduler_schedule" "tick" {
  #checkov:skip=CKV_AWS_297:what it sends is no secret: version and tick
  count = local.served ? 1 : 0

  name                = "${var.prefix}-tick"
  description         = "Has every served work pool polled"
  group_name          = aws_scheduler_schedule_group.this.name
  schedule_expression = "rate(1 minute)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_sqs_queue.this["poll"].arn
    role_arn = aws_iam_role.schedules.arn
    # events/poll/minute-tick.json: the poller adds the ticks until the next one.
    input = jsonencode({ version = 1, tick = "minute" })

    # The next tick is as good as a late one.
    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 2
    }
  }

  depends_on = [aws_iam_role_policy.schedules]
}

resource "aws_scheduler_schedule" "reconcile" {
  #checkov:skip=CKV_AWS_297:what it sends is nothing
  count = local.served ? 1 : 0

  name                = "${var.prefix}-reconcile"
  description         = "Has runs and tasks compared that no event told about"
  group_name          = aws_scheduler_schedule_group.this.name
  schedule_expression = var.reconcile_minutes == 1 ? "rate(1 minute)" : "rate(${var.reconcile_minutes} minutes)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.reconciler[0].arn
    role_arn = aws_iam_role.schedules.arn
    input    = jsonencode({})

    retry_policy {
      maximum_event_age_in_seconds = 60
      maximum_retry_attempts       = 0
    }
  }

  depends_on = [aws_iam_role_policy.schedules]
}

# A pass that failed comes again with the schedule, and two at once find the same things.
resource "aws_lambda_function_event_invoke_config" "reconciler" {
  count = local.served ? 1 : 0

  function_name                = module.reconciler[0].name
  maximum_event_age_in_seconds = 60
  maximum_retry_attempts       = 0
}
