# Without a Prefect server: a queue, a dispatcher, and pool documents.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  manifest            = "tests/manifest.json"
  artifacts_bucket    = { name = "artifacts" }
  cluster_arns        = ["arn:aws:ecs:eu-central-1:111122223333:cluster/etl"]
  execution_role_arns = ["arn:aws:iam::111122223333:role/etl-execution"]
  network             = { subnets = ["subnet-1"], security_groups = ["sg-1"] }
  event_bus_arn       = "arn:aws:events:eu-central-1:111122223333:event-bus/outcomes"
  work_pools = {
    etl  = { defaults = "{\"image\": \"etl:1\", \"cpu\": 1024, \"env\": {\"STAGE\": \"prod\"}}" }
    bare = { document = "{\"name\": \"bare\", \"base_job_template\": {}}" }
  }
}

run "only_what_it_needs" {
  assert {
    condition     = keys(aws_sqs_queue.this) == ["run"] && keys(aws_sqs_queue.dead_letter) == ["run"]
    error_message = "One queue and its dead-letter queue."
  }
  assert {
    condition     = length(module.poller) + length(module.observer) + length(module.reconciler) + length(module.doorbell) == 0 && length(aws_scheduler_schedule.tick) == 0 && length(aws_cloudwatch_event_rule.task_state) == 0
    error_message = "Nothing polls, observes or reconciles."
  }
  assert {
    condition     = module.dispatcher.environment["PUSHPOOL_POOL_DOCUMENTS"] == "ssm:/pushpool/pools" && !contains(keys(module.dispatcher.environment), "PREFECT_API_URL") && module.dispatcher.environment["PUSHPOOL_RUN_TASK_RATE"] == "10"
    error_message = "The dispatcher reads pools from SSM."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(module.dispatcher.policy).Statement : statement.Action if contains(["ReadWorkPools", "PublishOutcomes"], statement.Sid)])) == toset(["ssm:GetParameter", "events:PutEvents"])
    error_message = "It may read the pools and publish outcomes."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(module.dispatcher.policy).Statement : statement.Resource if contains(statement.Action, "sqs:SendMessage")])) == toset([aws_sqs_queue.dead_letter["run"].arn])
    error_message = "It buries. To its own queue it sends nothing: Lambda would take that for a loop."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(module.dispatcher.policy).Statement : statement.Resource if contains(["ScheduleWaitingRuns", "GiveSchedulesTheirRole"], statement.Sid)])) == toset(["arn:aws:scheduler:eu-central-1:111122223333:schedule/pushpool/*", aws_iam_role.schedules.arn])
    error_message = "It makes schedules in its group, with their role."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.schedules.policy).Statement : statement.Resource] == [[aws_sqs_queue.this["run"].arn]]
    error_message = "Schedules send to the run queue."
  }
  assert {
    condition     = module.dispatcher.environment["PUSHPOOL_SCHEDULE_GROUP"] == "pushpool" && module.dispatcher.environment["PUSHPOOL_RUN_QUEUE_ARN"] == aws_sqs_queue.this["run"].arn && module.dispatcher.environment["PUSHPOOL_SCHEDULE_ROLE_ARN"] == aws_iam_role.schedules.arn
    error_message = "It is told of them."
  }
}

run "work_pools" {
  assert {
    condition     = jsondecode(aws_ssm_parameter.pool["etl"].value).base_job_template.variables.properties.image.default == "etl:1" && jsondecode(aws_ssm_parameter.pool["etl"].value).base_job_template.variables.properties.cluster.default == var.cluster_arns[0] && jsondecode(aws_ssm_parameter.pool["etl"].value).base_job_template.variables.properties.env.default == { STAGE = "prod" }
    error_message = "Defaults of a pool stand in its document, and the cluster is the module's."
  }
  assert {
    condition     = aws_ssm_parameter.pool["bare"].value == "{\"name\": \"bare\", \"base_job_template\": {}}" && aws_ssm_parameter.pool["bare"].name == "/pushpool/pools/bare"
    error_message = "A document is taken as it is."
  }
}

run "a_variable_that_the_template_lacks" {
  command = plan
  variables {
    work_pools = { etl = { defaults = "{\"imgae\": \"etl:1\"}" } }
  }
  expect_failures = [aws_ssm_parameter.pool["etl"]]
}

run "a_name_that_ssm_does_not_take" {
  command = plan
  variables {
    work_pools = { "data eng" = {} }
  }
  expect_failures = [var.work_pools]
}
