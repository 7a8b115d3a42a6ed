# With a Prefect server: the promises of the README, on a plan that a mocked provider fills in.

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
  task_role_arns      = ["arn:aws:iam::111122223333:role/etl-task"]
  prefect = {
    api_url            = "https://prefect.example.com/api"
    api_key_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prefect-AbCdEf:api_key::"
  }
}

run "queues" {
  assert {
    condition     = toset(keys(aws_sqs_queue.this)) == toset(["poll", "run", "run.fifo", "events"])
    error_message = "There are four queues."
  }
  assert {
    condition     = aws_sqs_queue.this["run.fifo"].fifo_queue && endswith(aws_sqs_queue.this["run.fifo"].name, ".fifo") && endswith(aws_sqs_queue.dead_letter["run.fifo"].name, ".fifo")
    error_message = "The FIFO run queue and its dead-letter queue are FIFO queues."
  }
  assert {
    condition     = alltrue([for key, queue in aws_sqs_queue.this : jsondecode(queue.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead_letter[key].arn && jsondecode(queue.redrive_policy).maxReceiveCount == 10])
    error_message = "Every queue has a dead-letter queue, after ten deliveries."
  }
  assert {
    condition     = alltrue([for key, queue in aws_sqs_queue.this : queue.visibility_timeout_seconds >= 6 * 30])
    error_message = "Messages are hidden for six times the function's timeout."
  }
  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead_letter)) : queue.sqs_managed_sse_enabled == true && startswith(queue.name, "pushpool-") && queue.tags["pushpool"] == "pushpool"])
    error_message = "Queues are encrypted, named with the prefix and tagged."
  }
  assert {
    condition     = alltrue([for key, queue in aws_sqs_queue.dead_letter : queue.message_retention_seconds > aws_sqs_queue.this[key].message_retention_seconds])
    error_message = "A buried message keeps its age: dead-letter queues keep messages for longer."
  }
  assert {
    condition     = alltrue([for key, policy in aws_sqs_queue_redrive_allow_policy.dead_letter : jsondecode(policy.redrive_allow_policy).sourceQueueArns == [aws_sqs_queue.this[key].arn]])
    error_message = "Each dead-letter queue takes messages of its queue only."
  }
  assert {
    condition     = alltrue([for policy in aws_sqs_queue_policy.this : jsondecode(policy.policy).Statement[0].Effect == "Deny" && jsondecode(policy.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"])
    error_message = "Queues are reached by TLS only."
  }
  assert {
    condition     = toset([for key, policy in aws_sqs_queue_policy.this : key if length(jsondecode(policy.policy).Statement) > 1]) == toset(["events", "events-dlq"])
    error_message = "Only the events queue and its dead-letter queue let somebody from outside send."
  }
  assert {
    condition     = jsondecode(aws_sqs_queue_policy.this["events"].policy).Statement[1].Condition.ArnEquals["aws:SourceArn"] == aws_cloudwatch_event_rule.task_state[0].arn
    error_message = "EventBridge sends to the events queue for this rule and no other."
  }
}

run "functions" {
  assert {
    condition     = length(module.poller) == 1 && length(module.observer) == 1 && length(module.reconciler) == 1 && length(module.doorbell) == 0
    error_message = "The doorbell is off by default, the others are on."
  }
  assert {
    condition     = module.dispatcher.settings.architectures == tolist(["arm64"]) && module.dispatcher.settings.runtime == "provided.al2023" && module.dispatcher.settings.log_format == "JSON"
    error_message = "Functions run on arm64, on the OS-only runtime, with JSON logs."
  }
  assert {
    condition     = alltrue([for settings in [module.poller[0].settings, module.dispatcher.settings, module.observer[0].settings, module.reconciler[0].settings] : settings.reserved_concurrent_executions == null || settings.reserved_concurrent_executions == -1])
    error_message = "No concurrency is reserved."
  }
  assert {
    condition     = alltrue([for settings in [module.poller[0].settings, module.dispatcher.settings, module.observer[0].settings, module.reconciler[0].settings] : settings.log_retention == 365 && settings.tracing == "PassThrough"])
    error_message = "Logs end some day; tracing is off by default."
  }
  assert {
    condition     = alltrue(flatten([for mappings in [module.poller[0].mappings, module.dispatcher.mappings, module.observer[0].mappings] : [for mapping in mappings : mapping.function_response_types == toset(["ReportBatchItemFailures"]) && mapping.batch_size == 10 && mapping.maximum_batching_window_in_seconds == 0 && mapping.scaling_config[0].maximum_concurrency == 2]]))
    error_message = "Mappings report failed items, in batches of ten, without a window, and at most two at once."
  }
  assert {
    condition     = toset(keys(module.dispatcher.mappings)) == toset(["run", "run.fifo"]) && toset(keys(module.poller[0].mappings)) == toset(["poll"]) && toset(keys(module.observer[0].mappings)) == toset(["events"])
    error_message = "Each queue invokes its function."
  }
  # 20 calls a second for four dispatchers.
  assert {
    condition     = module.dispatcher.environment["PUSHPOOL_RUN_TASK_RATE"] == "5"
    error_message = "Dispatchers that may run at once share the account's RunTask calls."
  }
  assert {
    condition     = module.dispatcher.environment["PUSHPOOL_DLQ_URL"] == aws_sqs_queue.dead_letter["run"].url && module.observer[0].environment["PUSHPOOL_DLQ_URL"] == aws_sqs_queue.dead_letter["events"].url
    error_message = "Who buries a message does so in the dead-letter queue of its queue."
  }
  assert {
    condition     = !contains(keys(module.dispatcher.environment), "PUSHPOOL_SUBNETS") && !contains(keys(module.dispatcher.environment), "PUSHPOOL_POOL_DOCUMENTS")
    error_message = "What is not set is left out."
  }
  assert {
    condition     = module.dispatcher.code.s3_key == "pushpool/0.0.0/arm64/code.zip" && module.dispatcher.code.sha256 == "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="
    error_message = "Code is pinned by version, architecture and hash, in S3, too."
  }
}

run "schedules" {
  assert {
    condition     = aws_scheduler_schedule.tick[0].schedule_expression == "rate(1 minute)" && jsondecode(aws_scheduler_schedule.tick[0].target[0].input) == { version = 1, tick = "minute" } && aws_scheduler_schedule.tick[0].target[0].arn == aws_sqs_queue.this["poll"].arn
    error_message = "A tick goes to the poll queue once a minute, as events/poll/minute-tick.json has it."
  }
  assert {
    condition     = aws_scheduler_schedule.reconcile[0].schedule_expression == "rate(5 minutes)" && aws_scheduler_schedule.reconcile[0].target[0].arn == module.reconciler[0].arn
    error_message = "The reconciler passes every five minutes."
  }
  assert {
    condition     = toset([for statement in jsondecode(aws_iam_role_policy.schedules.policy).Statement : one(statement.Action)]) == toset(["sqs:SendMessage", "lambda:InvokeFunction"])
    error_message = "Schedules may do two things."
  }
}

run "events" {
  assert {
    condition     = jsonencode(jsondecode(aws_cloudwatch_event_rule.task_state[0].event_pattern).detail.clusterArn) == jsonencode(var.cluster_arns) && jsondecode(aws_cloudwatch_event_rule.task_state[0].event_pattern).detail.lastStatus == ["RUNNING", "STOPPED"]
    error_message = "The rule takes tasks of these clusters that started or stopped."
  }
  assert {
    condition     = aws_cloudwatch_event_target.events_queue[0].arn == aws_sqs_queue.this["events"].arn && aws_cloudwatch_event_target.events_queue[0].input_path == null && length(aws_cloudwatch_event_target.events_queue[0].input_transformer) == 0
    error_message = "Events go to the events queue, untransformed."
  }
}

run "least_privilege" {
  assert {
    condition     = length(toset([module.poller[0].role_arn, module.dispatcher.role_arn, module.observer[0].role_arn, module.reconciler[0].role_arn])) == 4
    error_message = "One role for each function."
  }
  assert {
    condition     = !strcontains(module.poller[0].policy, "ecs:") && !strcontains(module.observer[0].policy, "ecs:RunTask") && !strcontains(module.reconciler[0].policy, "ecs:RunTask")
    error_message = "The poller may nothing on ECS; observer and reconciler start nothing."
  }
  assert {
    condition = jsonencode([for statement in jsondecode(module.dispatcher.policy).Statement : [statement.Action, statement.Resource, statement.Condition] if contains(statement.Action, "ecs:RunTask")]) == jsonencode([[
      ["ecs:RunTask"],
      ["arn:aws:ecs:eu-central-1:111122223333:task-definition/prefect_*:*"],
      { ArnEquals = { "ecs:cluster" = var.cluster_arns } },
    ]])
    error_message = "Tasks of our families, in these clusters."
  }
  assert {
    condition = jsonencode([for statement in jsondecode(module.dispatcher.policy).Statement : [statement.Action, statement.Resource, statement.Condition] if contains(statement.Action, "iam:PassRole")]) == jsonencode([[
      ["iam:PassRole"],
      concat(var.execution_role_arns, var.task_role_arns),
      { StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" } },
    ]])
    error_message = "Only the given roles are passed on, and only to tasks."
  }
  assert {
    condition     = jsonencode([for statement in jsondecode(module.dispatcher.policy).Statement : statement.Resource if contains(statement.Action, "secretsmanager:GetSecretValue")]) == jsonencode([["arn:aws:secretsmanager:eu-central-1:111122223333:secret:prefect-AbCdEf"]])
    error_message = "The secret is read by its ARN, without the member's name."
  }
  assert {
    condition = alltrue(flatten([for policy in [module.poller[0].policy, module.dispatcher.policy, module.observer[0].policy, module.reconciler[0].policy] : [
      for statement in jsondecode(policy).Statement : alltrue([for action in statement.Action : contains(["ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:ListTasks"], action)]) if contains(statement.Resource, "*")
    ]]))
    error_message = "All resources only where AWS knows no others."
  }
}

run "doorbell" {
  variables {
    doorbell = { token_secret_arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/pushpool/doorbell" }
  }

  assert {
    condition     = aws_lambda_function_url.doorbell[0].authorization_type == "NONE" && aws_lambda_permission.doorbell_url[0].action == "lambda:InvokeFunctionUrl" && aws_lambda_permission.doorbell_url[0].function_url_auth_type == "NONE"
    error_message = "The doorbell is a function URL."
  }
  assert {
    condition     = aws_lambda_permission.doorbell_invoke[0].action == "lambda:InvokeFunction" && aws_lambda_permission.doorbell_invoke[0].invoked_via_function_url == true
    error_message = "The second permission is for calls through the URL only."
  }
  assert {
    condition     = toset(flatten([for statement in jsondecode(module.doorbell[0].policy).Statement : statement.Action])) == toset(["logs:CreateLogStream", "logs:PutLogEvents", "ssm:GetParameter", "sqs:SendMessage"])
    error_message = "The doorbell may read its token and send, nothing else."
  }
  assert {
    condition     = jsonencode([for statement in jsondecode(module.doorbell[0].policy).Statement : statement.Resource if contains(statement.Action, "sqs:SendMessage")]) == jsonencode([[aws_sqs_queue.this["poll"].arn]])
    error_message = "It sends to the poll queue."
  }
  assert {
    condition     = module.doorbell[0].settings.reserved_concurrent_executions == 2
    error_message = "A flood of rings leaves the account's concurrency to the others."
  }
}

run "a_doorbell_in_a_small_account" {
  variables {
    doorbell = { token_secret_arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/pushpool/doorbell", reserved_concurrency = -1 }
  }

  assert {
    condition     = module.doorbell[0].settings.reserved_concurrent_executions == -1
    error_message = "Where nothing can be reserved, nothing is."
  }
}

run "what_may_not_be_registered" {
  assert {
    condition     = [for statement in jsondecode(module.dispatcher.policy).Statement : statement.Sid if statement.Effect == "Deny"] == ["NoPrivilegedContainers"]
    error_message = "No privileged containers, unless the operator allows them."
  }
  assert {
    condition     = module.dispatcher.environment.PUSHPOOL_ALLOW_ROLE_OVERRIDES == "true"
    error_message = "Job variables may choose a role, as with a worker."
  }
}

run "a_stricter_operator" {
  variables {
    allow_role_overrides = false
    fargate_only         = true
  }

  assert {
    condition     = [for statement in jsondecode(module.dispatcher.policy).Statement : statement.Sid if statement.Effect == "Deny"] == ["NoPrivilegedContainers", "NothingButFargate", "NothingWithoutCompatibility"]
    error_message = "Definitions are for Fargate, or not registered."
  }
  assert {
    condition     = module.dispatcher.environment.PUSHPOOL_ALLOW_ROLE_OVERRIDES == "false"
    error_message = "Roles come from pools only."
  }
}

run "a_laxer_operator" {
  variables {
    allow_privileged_containers = true
  }

  assert {
    condition     = length([for statement in jsondecode(module.dispatcher.policy).Statement : statement.Sid if statement.Effect == "Deny"]) == 0
    error_message = "Privileged containers, as asked for."
  }
}

run "what_an_organisation_asks_for" {
  variables {
    prefix                   = "team-a"
    tags                     = { cost-centre = "42" }
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    tracing                  = true
    log_kms_key_arn          = "arn:aws:kms:eu-central-1:111122223333:key/logs"
    queue_kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/queues"
    function_vpc             = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
    alarm_topic_arns         = ["arn:aws:sns:eu-central-1:111122223333:alarms"]
  }

  assert {
    condition     = alltrue([for function in [module.poller[0], module.dispatcher, module.observer[0], module.reconciler[0]] : function.settings.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary" && function.settings.tracing == "Active" && function.settings.log_kms_key == "arn:aws:kms:eu-central-1:111122223333:key/logs" && startswith(function.name, "team-a-") && jsonencode(function.settings.tags) == jsonencode({ pushpool = "team-a", cost-centre = "42" }) && jsonencode(function.settings.subnet_ids) == jsonencode(["subnet-1"])])
    error_message = "Boundary, tracing, keys, tags, prefix and VPC reach every function."
  }
  assert {
    condition     = aws_iam_role.schedules.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    error_message = "The schedules' role has the boundary, too."
  }
  assert {
    condition     = alltrue([for queue in concat(values(aws_sqs_queue.this), values(aws_sqs_queue.dead_letter)) : queue.kms_master_key_id == "arn:aws:kms:eu-central-1:111122223333:key/queues"])
    error_message = "Queues take the key."
  }
  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.plain), values(aws_cloudwatch_metric_alarm.dead_letters)) : alarm.alarm_actions == toset(["arn:aws:sns:eu-central-1:111122223333:alarms"])])
    error_message = "Alarms go to the topic."
  }
  assert {
    condition     = module.dispatcher.environment["PUSHPOOL_METRIC_NAMESPACE"] == "team-a" && aws_cloudwatch_metric_alarm.plain["poll-age"].namespace == "team-a"
    error_message = "The prefix is the metrics' namespace."
  }
}

run "alarms" {
  variables {
    dashboard = true
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.plain : length(alarm.metric_query) == 0 && alarm.dimensions == null])
    error_message = "An alarm is billed as one metric, whatever the number of work pools."
  }
  assert {
    condition = toset(output.alarm_names) == toset([for name in [
      "poll-age", "poll-failed", "reconcile-failed", "oldest-due-run", "blocked-runs", "launch-failures", "no-capacity", "reconciler-repairs",
      "dead-letters-poll", "dead-letters-run", "dead-letters-run.fifo", "dead-letters-events",
      "function-errors-poller", "function-errors-dispatcher", "function-errors-observer", "function-errors-reconciler",
      "function-throttles-poller", "function-throttles-dispatcher", "function-throttles-observer", "function-throttles-reconciler",
      "recursive-invocations-poller", "recursive-invocations-dispatcher", "recursive-invocations-observer",
    ] : "pushpool-${name}"])
    error_message = "These are the alarms."
  }
  assert {
    condition = jsonencode([for alarm in aws_cloudwatch_metric_alarm.recursive_invocations : [alarm.alarm_name, alarm.metric_name, alarm.dimensions]]) == jsonencode([for name in ["dispatcher", "observer", "poller"] : [
      "pushpool-recursive-invocations-${name}", "RecursiveInvocationsDropped", { FunctionName = "pushpool-${name}" },
    ]])
    error_message = "Each function that queues feed has an alarm on its own refused invocations."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.plain["poll-age"].treat_missing_data == "breaching"
    error_message = "No polls are no metric: that is the alarm."
  }
  assert {
    condition     = length(jsondecode(aws_cloudwatch_dashboard.this[0].dashboard_body).widgets) == 12
    error_message = "The dashboard has a table and eleven charts."
  }
}

run "essential_alarms" {
  variables {
    alarms = { level = "essential" }
  }
  assert {
    condition     = toset(output.alarm_names) == toset([for name in ["poll-age", "oldest-due-run", "reconcile-failed", "dead-letters-run", "dead-letters-run.fifo"] : "pushpool-${name}"])
    error_message = "These mean late or lost runs."
  }
  assert {
    condition     = length(aws_cloudwatch_dashboard.this) == 0
    error_message = "What costs without being needed is off by default."
  }
}

run "no_alarms" {
  variables {
    alarms = { enabled = false }
  }
  assert {
    condition     = length(output.alarm_names) == 0
    error_message = "None were asked for."
  }
}

run "prefect_cloud" {
  variables {
    prefect = {
      api_url            = "https://api.prefect.cloud/api/accounts/a/workspaces/w"
      api_key_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prefect-AbCdEf"
      pools              = ["etl"]
    }
  }
  assert {
    condition     = alltrue([for environment in [module.poller[0].environment, module.reconciler[0].environment] : environment["PUSHPOOL_PUSH_POOLS"] == "false" && environment["PUSHPOOL_POOLS"] == "etl"])
    error_message = "On Prefect Cloud the named pools are served, and no push pools."
  }
  assert {
    condition     = startswith(output.pool_create_arguments, "--type ecs ")
    error_message = "Pools on Prefect Cloud are made with type ecs."
  }
}

run "pool_settings" {
  variables {
    network = { subnets = ["subnet-1", "subnet-2"], security_groups = ["sg-1"] }
  }

  assert {
    condition     = output.pool_create_arguments == "--set assign_public_ip=DISABLED --set cluster=arn:aws:ecs:eu-central-1:111122223333:cluster/etl --set execution_role_arn=arn:aws:iam::111122223333:role/etl-execution --set prefect_api_key_secret_arn=arn:aws:secretsmanager:eu-central-1:111122223333:secret:prefect-AbCdEf:api_key:: --set security_groups=sg-1 --set subnets=subnet-1,subnet-2 --set task_role_arn=arn:aws:iam::111122223333:role/etl-task"
    error_message = "The output is what `pushpool pool create` takes."
  }
}

run "tasks_in_another_account" {
  variables {
    cluster_arns           = ["arn:aws:ecs:eu-central-1:444455556666:cluster/etl"]
    launch_role            = { arn = "arn:aws:iam::444455556666:role/etl-launch", external_id = "7f2c1f0e" }
    event_sender_role_arns = ["arn:aws:iam::444455556666:role/etl-events"]
  }

  assert {
    condition     = alltrue([for function in [module.dispatcher, module.observer[0], module.reconciler[0]] : !strcontains(function.policy, "ecs:") && !strcontains(function.policy, "iam:PassRole") && jsonencode([for statement in jsondecode(function.policy).Statement : statement.Resource if contains(statement.Action, "sts:AssumeRole")]) == jsonencode([["arn:aws:iam::444455556666:role/etl-launch"]])])
    error_message = "The functions may take that role, and nothing on ECS themselves."
  }
  assert {
    condition     = module.observer[0].environment["PUSHPOOL_LAUNCH_ROLE_ARN"] == "arn:aws:iam::444455556666:role/etl-launch" && module.observer[0].environment["PUSHPOOL_LAUNCH_EXTERNAL_ID"] == "7f2c1f0e"
    error_message = "They are told."
  }
  assert {
    condition     = !strcontains(module.poller[0].policy, "sts:")
    error_message = "The poller is not."
  }
  assert {
    condition     = jsonencode([for statement in jsondecode(aws_sqs_queue_policy.this["events"].policy).Statement : statement.Principal if statement.Sid == "TaskStateChangesOfOtherAccounts"]) == jsonencode([{ AWS = ["arn:aws:iam::444455556666:role/etl-events"] }])
    error_message = "That account's events are let in."
  }
}
