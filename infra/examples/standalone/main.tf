# No Prefect server: EventBridge Scheduler puts a message into the run queue, and a task runs.

provider "aws" {
  region = var.region
}

locals {
  message = {
    version   = 1
    work_pool = "reports"
    # Scheduler puts its own values in the place of these words. Schedule and time name one occurrence, so an occurrence that is
    # sent twice is one attempt and starts one task.
    flow_run_id         = "<aws.scheduler.schedule-arn>/<aws.scheduler.scheduled-time>"
    state_id            = "<aws.scheduler.scheduled-time>"
    expected_start_time = "<aws.scheduler.scheduled-time>"
    run = {
      name              = "nightly"
      flow              = { name = "reports" }
      deployment        = { name = "nightly", job_variables = { command = var.command } }
      parameters        = {}
      parameters_as_env = true
    }
  }
}

module "cluster" {
  source = "../../modules/cluster"

  name = var.name
}

module "task_roles" {
  source = "../../modules/task-roles"

  name       = var.name
  log_groups = ["prefect"]
}

module "pushpool" {
  source = "../../modules/pushpool"

  prefix              = var.name
  manifest            = var.manifest
  cluster_arns        = [module.cluster.arn]
  execution_role_arns = [module.task_roles.execution_role_arn]
  task_role_arns      = [module.task_roles.task_role_arn]
  network             = { subnets = var.subnet_ids, security_groups = var.security_group_ids, assign_public_ip = var.assign_public_ip }

  work_pools = {
    reports = {
      defaults = jsonencode({
        image                     = var.image
        cpu                       = 256
        memory                    = 512
        configure_cloudwatch_logs = true
      })
    }
  }
}

resource "aws_iam_role" "schedule" {
  name = "${var.name}-nightly"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "schedule" {
  name = "send-runs"
  role = aws_iam_role.schedule.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "SendRuns"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [module.pushpool.queue_arns.run]
    }]
  })
}

resource "aws_scheduler_schedule" "nightly" {
  #checkov:skip=CKV_AWS_297:what it sends is no secret
  name                         = "${var.name}-nightly"
  schedule_expression          = var.schedule
  schedule_expression_timezone = var.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.pushpool.queue_arns.run
    role_arn = aws_iam_role.schedule.arn
    # jsonencode writes < and > as \u003c and \u003e, and Scheduler looks for the words as they stand.
    input = replace(replace(jsonencode(local.message), "\\u003c", "<"), "\\u003e", ">")
  }
}
