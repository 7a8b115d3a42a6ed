# What somebody has to know. docs/runbook.md has an entry for each `runbook` here, and tests/it/infra holds the two, and the
# metrics' names and dimensions, against each other and against the code.

locals {
  function_names = merge(
    { dispatcher = module.dispatcher.name },
    { for name, function in { poller = module.poller, observer = module.observer, reconciler = module.reconciler, doorbell = module.doorbell } : name => function[0].name if length(function) > 0 },
  )

  # On metrics of ours without dimensions: AWS bills an alarm for each metric that it analyses, and a query analyses one for each
  # work pool. `essential` alarms mean runs that are late or lost.
  plain_alarms = {
    "poll-age" = {
      runbook = "poll-age", says = "No poll succeeded for three minutes. Runs start late, and after a minute the server shows pools and queues as not ready.", essential = true
      metric  = "Polls", statistic = "Sum", comparison = "LessThanThreshold", threshold = 1, period = 60, periods = 3, of = 3, missing = "breaching"
    }
    "poll-failed" = {
      runbook = "poll-failed", says = "Polls of some or all work pools fail.", essential = false
      metric  = "PollFailed", statistic = "Sum", comparison = "GreaterThanThreshold", threshold = 0, period = 60, periods = 3, of = 5, missing = "notBreaching"
    }
    "reconcile-failed" = {
      runbook = "reconcile-failed", says = "The reconciler cannot read runs or tasks, or cannot repair them.", essential = true
      metric  = "ReconcileFailed", statistic = "Sum", comparison = "GreaterThanThreshold", threshold = 0, period = 300, periods = 3, of = 3, missing = "notBreaching"
    }
    "oldest-due-run" = {
      runbook = "oldest-due-run", says = "A run has been due for more than ${var.alarms.oldest_due_seconds} s and is not launched.", essential = true
      metric  = "OldestDue", statistic = "Maximum", comparison = "GreaterThanThreshold", threshold = var.alarms.oldest_due_seconds, period = 60, periods = 2, of = 2, missing = "notBreaching"
    }
    "blocked-runs" = {
      runbook = "blocked-runs", says = "Runs are due and cannot start: the limit of their deployment is 0, something they need cannot be read, or tasks of runs that wait hold all slots.", essential = false
      metric  = "Blocked", statistic = "Maximum", comparison = "GreaterThanThreshold", threshold = var.alarms.blocked, period = 300, periods = 3, of = 3, missing = "notBreaching"
    }
    "launch-failures" = {
      runbook = "launch-failures", says = "Runs crash: their work pool, image, roles or network are wrong, or their tasks end without reporting a state.", essential = false
      metric  = "Crashed", statistic = "Sum", comparison = "GreaterThanThreshold", threshold = var.alarms.crashes, period = 300, periods = 1, of = 1, missing = "notBreaching"
    }
    "no-capacity" = {
      runbook = "no-capacity", says = "Runs are handed back: AWS has no room for them, or throttles the calls.", essential = false
      metric  = "HandedBack", statistic = "Sum", comparison = "GreaterThanThreshold", threshold = var.alarms.hand_backs, period = 300, periods = 3, of = 3, missing = "notBreaching"
    }
    "reconciler-repairs" = {
      runbook = "reconciler-repairs", says = "The reconciler repairs runs that ECS events should have changed: events are lost, or dispatchers end too early.", essential = false
      metric  = "Repaired", statistic = "Sum", comparison = "GreaterThanThreshold", threshold = var.alarms.repairs, period = 3600, periods = 1, of = 1, missing = "notBreaching"
    }
  }

  # Standalone nothing polls, observes or reconciles.
  standalone_alarms = ["launch-failures", "no-capacity"]

  # The poll queue's dead letters are ticks and rings, and the next tick does their work. The reconciler finds what lost events
  # would have told.
  essential_dead_letters = ["run", "run.fifo"]

  all_alarms = var.alarms.enabled && var.alarms.level == "all"
}

resource "aws_cloudwatch_metric_alarm" "plain" {
  for_each = {
    for name, alarm in local.plain_alarms : name => alarm
    if var.alarms.enabled && (local.all_alarms || alarm.essential) && (local.served || contains(local.standalone_alarms, name))
  }

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

locals {
  dead_letter_runbook = "dead-letters"
  error_runbook       = "function-errors"
  throttle_runbook    = "function-throttles"
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each = { for key, queue in local.queues : key => queue if local.all_alarms || (var.alarms.enabled && contains(local.essential_dead_letters, key)) }

  alarm_name          = "${var.prefix}-dead-letters-${each.key}"
  alarm_description   = "Messages of the ${each.key} queue went to its dead-letter queue. What to do: docs/runbook.md#${local.dead_letter_runbook}"
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
  for_each = { for name, function in local.function_names : name => function if local.all_alarms }

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
  for_each = { for name, function in local.function_names : name => function if local.all_alarms }

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
