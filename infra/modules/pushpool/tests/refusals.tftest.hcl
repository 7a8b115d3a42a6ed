# What must not be applied is refused, by name.

mock_provider "aws" {
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  manifest            = "tests/manifest.json"
  artifacts_bucket    = { name = "artifacts" }
  cluster_arns        = ["arn:aws:ecs:eu-central-1:111122223333:cluster/etl"]
  execution_role_arns = ["arn:aws:iam::111122223333:role/etl-execution"]
  prefect             = { api_url = "https://prefect.example.com/api" }
}

run "few_deliveries" {
  command = plan
  variables {
    max_receive_count = 4
  }
  expect_failures = [var.max_receive_count]
}

run "slow_polls" {
  command = plan
  variables {
    prefect = { api_url = "https://prefect.example.com/api", poll_interval = 60 }
  }
  expect_failures = [var.prefect]
}

run "far_horizon" {
  command = plan
  variables {
    prefect = { api_url = "https://prefect.example.com/api", horizon = 901 }
  }
  expect_failures = [var.prefect]
}

run "a_secrets_value" {
  command = plan
  variables {
    prefect = { api_url = "https://prefect.example.com/api", api_key_secret_arn = "pnu_0123456789" }
  }
  expect_failures = [var.prefect]
}

run "a_bare_host" {
  command = plan
  variables {
    prefect = { api_url = "prefect.example.com" }
  }
  expect_failures = [var.prefect]
}

run "a_doorbell_with_a_token_in_the_clear" {
  command = plan
  variables {
    doorbell = { token_secret_arn = "0123456789abcdef" }
  }
  expect_failures = [var.doorbell]
}

run "a_doorbell_that_takes_no_ring" {
  command = plan
  variables {
    doorbell = { token_secret_arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/pushpool/doorbell", reserved_concurrency = 0 }
  }
  expect_failures = [var.doorbell]
}

run "events_of_anybody" {
  command = plan
  variables {
    event_sender_role_arns = ["*"]
  }
  expect_failures = [var.event_sender_role_arns]
}

run "events_of_an_account_without_a_cluster" {
  command = plan
  variables {
    event_sender_role_arns = ["arn:aws:iam::444455556666:role/etl-events"]
  }
  expect_failures = [aws_sqs_queue_policy.this]
}

run "a_long_prefix" {
  command = plan
  variables {
    prefix = "a-prefix-that-leaves-no-room-for-names"
  }
  expect_failures = [var.prefix]
}

run "another_architecture" {
  command = plan
  variables {
    architecture = "arm46"
  }
  expect_failures = [var.architecture]
}

run "any_family" {
  command = plan
  variables {
    task_definition_families = ["*"]
  }
  expect_failures = [var.task_definition_families]
}

run "any_role" {
  command = plan
  variables {
    task_role_arns = ["arn:aws:iam::111122223333:role/*"]
  }
  expect_failures = [var.task_role_arns]
}

run "no_cluster" {
  command = plan
  variables {
    cluster_arns = []
  }
  expect_failures = [var.cluster_arns]
}

run "a_large_batch" {
  command = plan
  variables {
    batch_size = 11
  }
  expect_failures = [var.batch_size]
}

run "a_long_window" {
  command = plan
  variables {
    batching_window = 301
  }
  expect_failures = [var.batching_window]
}

run "one_at_a_time" {
  command = plan
  variables {
    maximum_concurrency = { run = 1 }
  }
  expect_failures = [var.maximum_concurrency]
}

run "the_old_name_of_a_queue" {
  command = plan
  variables {
    maximum_concurrency = { fifo = 4 }
  }
  expect_failures = [var.maximum_concurrency]
}

run "rare_passes" {
  command = plan
  variables {
    reconcile_minutes = 6
  }
  expect_failures = [var.reconcile_minutes]
}

run "odd_retention" {
  command = plan
  variables {
    log_retention_days = 100
  }
  expect_failures = [var.log_retention_days]
}

run "metrics_that_would_be_dropped" {
  command = plan
  variables {
    functions = { poller = { log_level = "WARN" } }
  }
  expect_failures = [var.functions]
}

run "dead_letters_that_vanish_first" {
  command = plan
  variables {
    message_retention_days = 4
  }
  expect_failures = [var.message_retention_days]
}

run "binaries_for_another_architecture" {
  command = plan
  variables {
    architecture = "x86_64"
  }
  expect_failures = [terraform_data.architecture]
}

run "pools_in_ssm_with_a_server" {
  command = plan
  variables {
    work_pools = { etl = {} }
  }
  expect_failures = [aws_ssm_parameter.pool["etl"]]
}

run "push_pools_of_prefect_cloud" {
  command = plan
  variables {
    prefect = { api_url = "https://api.prefect.cloud/api/accounts/a/workspaces/w", pools = ["etl"], push_pools = true }
  }
  expect_failures = [var.prefect]
}

run "no_pools_of_prefect_cloud" {
  command = plan
  variables {
    prefect = { api_url = "https://api.prefect.cloud/api/accounts/a/workspaces/w" }
  }
  expect_failures = [var.prefect]
}

run "an_unknown_level_of_alarms" {
  command = plan
  variables {
    alarms = { level = "few" }
  }
  expect_failures = [var.alarms]
}
