# What ECS tells of tasks, as far as the observer acts on it.

resource "aws_cloudwatch_event_rule" "task_state" {
  count = local.served ? 1 : 0

  name        = "${var.prefix}-task-state"
  description = "Tasks of ${var.prefix} that started or stopped, to the observer"
  tags        = local.tags

  event_pattern = jsonencode({
    source      = ["aws.ecs"]
    detail-type = ["ECS Task State Change"]
    detail = {
      clusterArn = var.cluster_arns
      lastStatus = var.prefect.task_events ? [
        "PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"
      ] : ["RUNNING", "STOPPED"]
      # Run and attempt, two UUIDs. A service's tasks have ecs-svc/NUMBER, those of others mostly nothing; EventBridge refuses
      # patterns with many wildcards, and the observer knows its own.
      startedBy = [{ wildcard = "*-*/*-*" }]
    }
  })
}

resource "aws_cloudwatch_event_target" "events_queue" {
  count = local.served ? 1 : 0

  rule      = aws_cloudwatch_event_rule.task_state[0].name
  target_id = "events-queue"
  arn       = aws_sqs_queue.this["events"].arn

  # An event that EventBridge cannot deliver is worth as much as one that the observer cannot handle.
  dead_letter_config {
    arn = aws_sqs_queue.dead_letter["events"].arn
  }
}
