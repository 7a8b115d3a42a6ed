# The queues, a dead-letter queue for each, and who may send to them besides the functions.

locals {
  # A queue has one name everywhere, which is also that of AWS behind the prefix: crates/installation/src/queue.rs.
  all_queues = {
    "poll"     = { dead_letters = "poll-dlq", fifo = false, function = "poller", retention = 3600 }
    "run"      = { dead_letters = "run-dlq", fifo = false, function = "dispatcher", retention = 345600 }
    "run.fifo" = { dead_letters = "run-dlq.fifo", fifo = true, function = "dispatcher", retention = 345600 }
    "events"   = { dead_letters = "events-dlq", fifo = false, function = "observer", retention = 345600 }
  }
  queues = { for key, queue in local.all_queues : key => queue if local.served || key == "run" }

  chosen_visibility = {
    "poll"     = var.visibility_timeouts.poll
    "run"      = var.visibility_timeouts.run
    "run.fifo" = var.visibility_timeouts.run
    "events"   = var.visibility_timeouts.events
  }
  visibility = {
    for key, queue in local.queues : key => coalesce(
      local.chosen_visibility[key],
      6 * var.functions[queue.function].timeout + var.batching_window
    )
  }

  # What a function's mapping of a queue looks like.
  mapped = {
    for key, queue in local.queues : key => {
      arn                 = aws_sqs_queue.this[key].arn
      visibility_timeout  = local.visibility[key]
      batch_size          = var.batch_size
      batching_window     = queue.fifo ? 0 : var.batching_window
      maximum_concurrency = var.maximum_concurrency[replace(key, ".", "_")]
    }
  }
}

resource "aws_sqs_queue" "this" {
  for_each = local.queues

  name       = "${var.prefix}-${each.key}"
  fifo_queue = each.value.fifo
  # Work pools do not wait for one another.
  deduplication_scope   = each.value.fifo ? "messageGroup" : null
  fifo_throughput_limit = each.value.fifo ? "perMessageGroupId" : null

  visibility_timeout_seconds = local.visibility[each.key]
  message_retention_seconds  = each.value.retention
  receive_wait_time_seconds  = 20

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letter[each.key].arn
    maxReceiveCount     = var.max_receive_count
  })

  sqs_managed_sse_enabled = var.queue_kms_key_arn == null ? true : null
  kms_master_key_id       = var.queue_kms_key_arn

  tags = local.tags
}

resource "aws_sqs_queue" "dead_letter" {
  for_each = local.queues

  name       = "${var.prefix}-${each.value.dead_letters}"
  fifo_queue = each.value.fifo

  message_retention_seconds = var.message_retention_days * 86400

  sqs_managed_sse_enabled = var.queue_kms_key_arn == null ? true : null
  kms_master_key_id       = var.queue_kms_key_arn

  tags = local.tags
}

resource "aws_sqs_queue_redrive_allow_policy" "dead_letter" {
  for_each = local.queues

  queue_url = aws_sqs_queue.dead_letter[each.key].url
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this[each.key].arn]
  })
}

locals {
  # EventBridge sends as itself, so the queue has to say that it may: for this rule and no other.
  from_events = local.served ? [aws_cloudwatch_event_rule.task_state[0].arn] : []
  queue_policies = {
    for key, queue in merge(
      { for key in keys(local.queues) : key => { arn = aws_sqs_queue.this[key].arn, url = aws_sqs_queue.this[key].url } },
      { for key, queue in local.queues : queue.dead_letters => { arn = aws_sqs_queue.dead_letter[key].arn, url = aws_sqs_queue.dead_letter[key].url } },
      ) : key => merge(queue, {
        senders = contains(["events", "events-dlq"], key) ? local.from_events : []
        roles   = key == "events" && length(var.event_sender_role_arns) > 0 ? [var.event_sender_role_arns] : []
    })
  }
}

resource "aws_sqs_queue_policy" "this" {
  for_each = local.queue_policies

  queue_url = each.value.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyOverTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = each.value.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for rule in each.value.senders : {
        Sid       = "TaskStateChanges"
        Effect    = "Allow"
        Principal = { Service = "events.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = each.value.arn
        Condition = { ArnEquals = { "aws:SourceArn" = rule } }
      }],
      [for roles in each.value.roles : {
        Sid       = "TaskStateChangesOfOtherAccounts"
        Effect    = "Allow"
        Principal = { AWS = roles }
        Action    = "sqs:SendMessage"
        Resource  = each.value.arn
      }],
    )
  })

  lifecycle {
    # A sender could make up events of its own account's clusters only, and the observer believes no others.
    precondition {
      condition     = length(setsubtract([for arn in var.event_sender_role_arns : split(":", arn)[4]], [for arn in var.cluster_arns : split(":", arn)[4]])) == 0
      error_message = "A role in event_sender_role_arns is of an account that has no cluster in cluster_arns."
    }
  }
}

# Installations from before the FIFO run queue had its one name.
moved {
  from = aws_sqs_queue.this["fifo"]
  to   = aws_sqs_queue.this["run.fifo"]
}

moved {
  from = aws_sqs_queue.dead_letter["fifo"]
  to   = aws_sqs_queue.dead_letter["run.fifo"]
}

moved {
  from = aws_sqs_queue_redrive_allow_policy.dead_letter["fifo"]
  to   = aws_sqs_queue_redrive_allow_policy.dead_letter["run.fifo"]
}

moved {
  from = aws_sqs_queue_policy.this["fifo"]
  to   = aws_sqs_queue_policy.this["run.fifo"]
}

moved {
  from = aws_sqs_queue_policy.this["fifo-dlq"]
  to   = aws_sqs_queue_policy.this["run-dlq.fifo"]
}

moved {
  from = module.dispatcher.aws_lambda_event_source_mapping.queue["fifo"]
  to   = module.dispatcher.aws_lambda_event_source_mapping.queue["run.fifo"]
}

moved {
  from = aws_cloudwatch_metric_alarm.dead_letters["fifo"]
  to   = aws_cloudwatch_metric_alarm.dead_letters["run.fifo"]
}
