# What is going on. The names and dimensions of our metrics are held against the code by tests/it/infra.

locals {
  # SEARCH takes whatever work pools there are, so that a new one needs no apply.
  by_pool = { for name, statistic in {
    due_p50       = ["DueToLaunch", "p50"]
    due_p99       = ["DueToLaunch", "p99"]
    launched      = ["Launched", "Sum"]
    adopted       = ["Adopted", "Sum"]
    handed_back   = ["HandedBack", "Sum"]
    crashed       = ["Crashed", "Sum"]
    cancelled     = ["Cancelled", "Sum"]
    oldest_due    = ["OldestDue", "Maximum"]
    blocked       = ["Blocked", "Maximum"]
    claimed_alone = ["ClaimedWithoutTask", "Sum"]
    repaired      = ["Repaired", "Sum"]
  } : name => "SEARCH('{${var.prefix},WorkPool} MetricName=\"${statistic[0]}\"', '${statistic[1]}', 300)" }

  widgets = concat(
    [
      {
        title = "From due to launched, each work pool (s)"
        metrics = [
          [{ expression = local.by_pool.due_p50, id = "p50", label = "p50" }],
          [{ expression = local.by_pool.due_p99, id = "p99", label = "p99" }],
        ]
      },
      {
        title = "Runs in five minutes"
        metrics = [
          [{ expression = "SUM(${local.by_pool.launched})", id = "launched", label = "launched" }],
          [{ expression = "SUM(${local.by_pool.adopted})", id = "adopted", label = "adopted" }],
          [{ expression = "SUM(${local.by_pool.handed_back})", id = "handed_back", label = "handed back" }],
          [{ expression = "SUM(${local.by_pool.crashed})", id = "crashed", label = "crashed" }],
          [{ expression = "SUM(${local.by_pool.cancelled})", id = "cancelled", label = "cancelled" }],
          [{ expression = "SUM(${local.by_pool.blocked})", id = "blocked", label = "cannot start" }],
        ]
      },
    ],
    [for widget in [
      {
        title = "Oldest due run, each work pool (s)"
        metrics = [
          [{ expression = local.by_pool.oldest_due, id = "oldest", label = "" }],
        ]
      },
      {
        title = "Polls in a minute"
        metrics = [
          [var.prefix, "Polls", { stat = "Sum", period = 60, label = "got through" }],
          [var.prefix, "PollFailed", { stat = "Sum", period = 60, label = "failed" }],
        ]
      },
      {
        title = "What no event told: claimed without a task, repaired, not reconciled"
        metrics = [
          [{ expression = "SUM(${local.by_pool.claimed_alone})", id = "claimed", label = "claimed without a task" }],
          [{ expression = "SUM(${local.by_pool.repaired})", id = "repaired", label = "repaired" }],
          [var.prefix, "ReconcileFailed", { stat = "Sum", period = 300, label = "failed" }],
        ]
      },
      {
        title = "From launched to running (s)"
        metrics = [
          [var.prefix, "LaunchToRunning", { stat = "p50", period = 300, label = "p50" }],
          [var.prefix, "LaunchToRunning", { stat = "p99", period = 300, label = "p99" }],
        ]
      },
    ] : widget if local.served],
    [
      {
        title   = "Oldest message of each queue (s)"
        metrics = [for key, queue in aws_sqs_queue.this : ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queue.name, { stat = "Maximum", period = 60, label = key }]]
      },
      {
        title   = "Dead letters"
        metrics = [for key, queue in aws_sqs_queue.dead_letter : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.name, { stat = "Maximum", period = 60, label = key }]]
      },
      {
        title = "Functions: errors and throttles"
        metrics = concat(
          [for name, function in local.function_names : ["AWS/Lambda", "Errors", "FunctionName", function, { stat = "Sum", period = 300, label = "${name} errors" }]],
          [for name, function in local.function_names : ["AWS/Lambda", "Throttles", "FunctionName", function, { stat = "Sum", period = 300, label = "${name} throttles" }]],
        )
      },
      {
        title   = "Functions: duration, p99 (ms)"
        metrics = [for name, function in local.function_names : ["AWS/Lambda", "Duration", "FunctionName", function, { stat = "p99", period = 300, label = name }]]
      },
      {
        title = "Cost of a month like the last day (US dollars; without tasks, logs and metrics)"
        metrics = concat(
          [for name, function in local.function_names : ["AWS/Lambda", "Invocations", "FunctionName", function, { stat = "Sum", period = 86400, id = "i_${name}", visible = false }]],
          [for name, function in local.function_names : ["AWS/Lambda", "Duration", "FunctionName", function, { stat = "Sum", period = 86400, id = "d_${name}", visible = false }]],
          # A message is sent, received and deleted; a receive that finds nothing counts as well.
          [for key, queue in aws_sqs_queue.this : ["AWS/SQS", "NumberOfMessagesSent", "QueueName", queue.name, { stat = "Sum", period = 86400, id = "s_${replace(key, ".", "_")}", visible = false }]],
          [for key, queue in aws_sqs_queue.this : ["AWS/SQS", "NumberOfEmptyReceives", "QueueName", queue.name, { stat = "Sum", period = 86400, id = "e_${replace(key, ".", "_")}", visible = false }]],
          [[{
            id    = "month"
            label = "a month"
            expression = join(" ", ["30*(",
              join("+", concat(
                [for name in keys(local.function_names) : "FILL(i_${name},0)*${var.prices.lambda_million_requests}/1000000"],
                [for name in keys(local.function_names) : "FILL(d_${name},0)/1000*${var.functions[name].memory}/1024*${var.prices.lambda_gb_second}"],
                [for key in keys(local.queues) : "(3*FILL(s_${replace(key, ".", "_")},0)+FILL(e_${replace(key, ".", "_")},0))*${var.prices.sqs_million_requests}/1000000"],
              )),
            ")"])
          }]],
        )
      },
    ],
  )

  reason_logs = compact([
    module.dispatcher.log_group,
    try(module.observer[0].log_group, ""),
    try(module.reconciler[0].log_group, ""),
  ])
  # Codes are a property of the lines, not a dimension: they can be counted, and cost no metrics.
  reasons = {
    type   = "log"
    x      = 0
    y      = 0
    width  = 12
    height = 6
    properties = {
      region = local.region
      title  = "Crashed and handed back, by code (docs/errors.md)"
      view   = "table"
      query = join(" | ", concat(
        ["SOURCE ${join(" | SOURCE ", [for group in local.reason_logs : "'${group}'"])}"],
        ["filter ispresent(Code)", "stats sum(Crashed) as crashed, sum(HandedBack) as handed_back, sum(Returned) as returned by Code", "sort crashed desc, handed_back desc"],
      ))
    }
  }
}

resource "aws_cloudwatch_dashboard" "this" {
  count = var.dashboard ? 1 : 0

  dashboard_name = "${var.prefix}-${local.region}"
  dashboard_body = jsonencode({
    widgets = concat([local.reasons], [for index, widget in local.widgets : {
      type   = "metric"
      x      = (index + 1) % 2 * 12
      y      = floor((index + 1) / 2) * 6
      width  = 12
      height = 6
      properties = {
        region  = local.region
        title   = widget.title
        view    = "timeSeries"
        period  = 300
        metrics = widget.metrics
      }
    }])
  })
}
