mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "444455556666" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name                = "etl"
  launcher_role_arns  = ["arn:aws:iam::111122223333:role/pushpool-dispatcher-eu-central-1"]
  external_id         = "7f2c1f0e"
  cluster_arns        = ["arn:aws:ecs:eu-central-1:444455556666:cluster/etl"]
  execution_role_arns = ["arn:aws:iam::444455556666:role/etl-execution"]
  events_queue_arn    = "arn:aws:sqs:eu-central-1:111122223333:pushpool-events"
}

run "who_may_take_it" {
  assert {
    condition = jsonencode(jsondecode(aws_iam_role.launch.assume_role_policy).Statement) == jsonencode([{
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "sts:ExternalId" = "7f2c1f0e" } }
      Effect    = "Allow"
      Principal = { AWS = var.launcher_role_arns }
    }])
    error_message = "The functions' roles, with the external id, and nobody else."
  }
}

run "what_it_may" {
  assert {
    condition     = jsonencode([for statement in jsondecode(aws_iam_role_policy.launch.policy).Statement : statement.Resource if statement.Sid == "LaunchTasks"]) == jsonencode([["arn:aws:ecs:eu-central-1:444455556666:task-definition/prefect_*:*"]])
    error_message = "Families of ours, of this account."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.launch.policy).Statement : statement.Sid if statement.Effect == "Deny"] == ["NoPrivilegedContainers"]
    error_message = "No privileged containers here either."
  }
}

run "events" {
  assert {
    condition     = aws_cloudwatch_event_target.events_queue[0].arn == var.events_queue_arn && aws_cloudwatch_event_target.events_queue[0].role_arn == aws_iam_role.events[0].arn
    error_message = "Events go to pushpool's account, by a role."
  }
}

run "standalone" {
  variables {
    events_queue_arn = null
  }
  assert {
    condition     = length(aws_cloudwatch_event_rule.task_state) == 0 && output.event_sender_role_arn == null
    error_message = "Nothing is sent where nothing observes."
  }
}

run "everybody" {
  command = plan
  variables {
    launcher_role_arns = ["arn:aws:iam::111122223333:role/*"]
  }
  expect_failures = [var.launcher_role_arns]
}
