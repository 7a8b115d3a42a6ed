# What somebody has to know. docs/runbook.md has an entry for each `runbook` here, and tests/it/infra holds the two, and the
# metrics' names and dimensions, against each other and against the code.

locals {
  function_names = merge(
    { dispatcher = module.dispatcher.name },
    { for name, function in { poller = module.poller, observer = module.observer, reconciler = module.reconciler, doorbell = module.doorbell } : name => function[0].name if length(function) > 0 },
  )

  # Metrics of ours that have no work pool.
  plain_alarms = {
    "poll-age" = {
      runbook = "poll-age", says = "No poll got through for three minutes: runs start late, and after a minute the server shows pools and queues as not ready."
      metric  = "Polls", statistic = "Sum", comparison = "LessThanThreshold", threshold = 1, period = 60, periods = 3, of = 3, missing = "breaching"
    }
    "poll-failed" = {
      runbook = "poll-failed", says = "Polls fail, of all work pools or of some."
      metric  = "PollFailed", statistic = "Sum", comparison = "GreaterThanThreshold", threshold = 0, period = 60, periods = 3, of = 5, missing = "notBreaching"
    }
    "reconcile-failed" = {
      runbook = "reconcile-failed", says = "The reconciler cannot look at runs or tasks, or cannot repair them."
      metric  = "ReconcileFailed", statistic = "Sum", comparison = "GreaterThanThreshold", threshold = 0, period = 300, periods = 3, of = 3, missing = "notBreaching"
    }
  }

  # Metrics of ours by work pool, taken together by a query. An alarm cannot take a SEARCH, which knows all pools.
  pool_alarms = {
    "oldest-due-run" = {
      runbook = "oldest-due-run", says = "A run has been due for more than ${var.alarms.oldest_due_seconds} s and is not launched."
      query   = "SELECT MAX(OldestDue) FROM SCHEMA(\"${var.prefix}\", WorkPool)", threshold = var.alarms.oldest_due_seconds, period = 60, periods = 2, of = 2
    }
    "blocked-runs" = {
      runbook = "blocked-runs", says = "Runs are due and cannot start: the limit of their deployment is 0, or something they need cannot be read."
      query   = "SELECT MAX(Blocked) FROM SCHEMA(\"${var.prefix}\", WorkPool)", threshold = var.alarms.blocked, period = 300, periods = 3, of = 3
    }
    "launch-failures" = {
      runbook = "launch-failures", says = "Runs crash: their work pool, image, roles or network are wrong, or their tasks end without a word."
      query   = "SELECT SUM(Crashed) FROM SCHEMA(\"${var.prefix}\", WorkPool)", threshold = var.alarms.crashes, period = 300, periods = 1, of = 1
    }
    "no-capacity" = {
      runbook = "no-capacity", says = "Runs are handed back: AWS has no room for them, or is asked too often."
      query   = "SELECT SUM(HandedBack) FROM SCHEMA(\"${var.prefix}\", WorkPool)", threshold = var.alarms.hand_backs, period = 300, periods = 3, of = 3
    }
    "reconciler-repairs" = {
      runbook = "reconciler-repairs", says = "The reconciler repairs what events should have told: events are lost, or dispatchers end too early."
      query   = "SELECT SUM(Repaired) FROM SCHEMA(\"${var.prefix}\", WorkPool)", threshold = var.alarms.repairs, period = 3600, periods = 1, of = 1
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "plain" {
  for_each = { for name, alarm in local.plain_alarms : name => alarm if var.alarms.enabled && local.served }

  alarm_name          = "${var.prefix}-${each.key}"
  alarm_description   = "${each.value.says} What to do: docs/runbook.md#${each.value.runbook}"
  namespace           = var.prefix
  metric_name         = each.value.metric
  statistic           = each.value.statistic
  comparison_operator = each.value.comparison
  threshold           = each.value.threshold
  period              = each.value.period
  datapoints_to_alarm = each.value.periods
  evaluation_periods  = each.value.of
  treat_missing_data  = each.value.missing
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "pools" {
  # Standalone nothing polls, observes or reconciles.
  for_each = { for name, alarm in local.pool_alarms : name => alarm if var.alarms.enabled && (local.served || contains(["launch-failures", "no-capacity"], name)) }

  alarm_name          = "${var.prefix}-${each.key}"
  alarm_description   = "${each.value.says} What to do: docs/runbook.md#${each.value.runbook}"
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.threshold
  datapoints_to_alarm = each.value.periods
  evaluation_periods  = each.value.of
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags

  metric_query {
    id          = "q"
    expression  = each.value.query
    period      = each.value.period
    return_data = true
  }
}

locals {
  dead_letter_runbook = "dead-letters"
  error_runbook       = "function-errors"
  throttle_runbook    = "function-throttles"
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = var.alarms.enabled ? local.queues : {}

  alarm_name          = "${var.prefix}-dead-letters-${each.key}"
  alarm_description   = "Messages of the ${each.key} queue were buried. What to do: docs/runbook.md#${local.dead_letter_runbook}"
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.dead_letter[each.key].name }
  statistic           = "Maximum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 60
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "function_errors" {
  for_each = { for name, function in local.function_names : name => function if var.alarms.enabled }

  alarm_name          = "${var.prefix}-function-errors-${each.key}"
  alarm_description   = "The ${each.key} fails as a whole: it cannot start, or ends too late. What to do: docs/runbook.md#${local.error_runbook}"
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = each.value }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  datapoints_to_alarm = 2
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}

resource "aws_cloudwatch_metric_alarm" "function_throttles" {
  for_each = { for name, function in local.function_names : name => function if var.alarms.enabled }

  alarm_name          = "${var.prefix}-function-throttles-${each.key}"
  alarm_description   = "Lambda has no room for the ${each.key}. What to do: docs/runbook.md#${local.throttle_runbook}"
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = each.value }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  datapoints_to_alarm = 2
  evaluation_periods  = 3
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}
