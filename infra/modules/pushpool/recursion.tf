# Lambda stops a function that is invoked too often in one chain of messages. pushpool's own chains are much shorter
# (docs/guarantees.md, "Chains of invocations"), so the functions keep Lambda's default, `recursive_loop = "Terminate"`, as a
# safety net. Messages that Lambda refuses end in dead-letter queues, which these alarms report.

locals {
  recursion_runbook = "recursive-invocations"

  # Lambda looks for loops in what a queue invokes; schedules invoke the reconciler, and a URL the doorbell.
  functions_of_queues = ["poller", "dispatcher", "observer"]
}

resource "aws_cloudwatch_metric_alarm" "recursive_invocations" {
  for_each = { for name, function in local.function_names : name => function if local.all_alarms && contains(local.functions_of_queues, name) }

  alarm_name          = "${var.prefix}-recursive-invocations-${each.key}"
  alarm_description   = "Lambda has taken the ${each.key} for a part of a loop and not invoked it. What to do: docs/runbook.md#${local.recursion_runbook}"
  namespace           = "AWS/Lambda"
  metric_name         = "RecursiveInvocationsDropped"
  dimensions          = { FunctionName = each.value }
  statistic           = "Sum"
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  period              = 300
  evaluation_periods  = 1
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns
  ok_actions          = var.alarm_topic_arns
  tags                = local.tags
}
