# What the module makes, as `infra/applied.py` writes it to infra/applied for the tests that replay it.

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
  manifest             = "tests/manifest.json"
  artifacts_bucket     = { name = "artifacts" }
  cluster_arns         = ["arn:aws:ecs:eu-central-1:111122223333:cluster/etl"]
  execution_role_arns  = ["arn:aws:iam::111122223333:role/etl-execution"]
  task_role_arns       = ["arn:aws:iam::111122223333:role/etl-task"]
  container_log_groups = ["/ecs/etl"]
  network              = { subnets = ["subnet-1"], security_groups = ["sg-1"] }
  default_image        = "flows:1"
}

run "served" {
  variables {
    prefect = {
      api_url                = "https://prefect.example.com/api"
      auth_string_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prefect-AbCdEf:auth_string::"
    }
    doorbell = { token_secret_arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/pushpool/doorbell" }
  }

  assert {
    condition     = length(output.function_arns) == 5
    error_message = "All functions are there."
  }
}

run "standalone" {
  variables {
    event_bus_arn = "arn:aws:events:eu-central-1:111122223333:event-bus/outcomes"
    work_pools    = { demo = { document = "{\"name\": \"demo\", \"base_job_template\": {}}" } }
  }

  assert {
    condition     = keys(output.function_arns) == ["dispatcher"]
    error_message = "The dispatcher is enough."
  }
}
