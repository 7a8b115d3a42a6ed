mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
  mock_resource "aws_db_instance" {
    defaults = {
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:rds-AbCdEf" }]
    }
  }
}

variables {
  name                      = "etl"
  cluster_arn               = "arn:aws:ecs:eu-central-1:111122223333:cluster/etl"
  vpc_id                    = "vpc-1"
  subnet_ids                = ["subnet-1", "subnet-2"]
  client_security_group_ids = { functions = "sg-1" }
  auth_string_secret_arn    = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prefect-AbCdEf"
  certificate_arn           = "arn:aws:acm:eu-central-1:111122223333:certificate/c"
  domain_name               = "prefect.example.com"
}

run "asks_for_a_password_over_tls" {
  assert {
    condition     = [for secret in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets : secret.valueFrom if secret.name == "PREFECT_SERVER_API_AUTH_STRING"] == [var.auth_string_secret_arn]
    error_message = "The server has its auth string as a secret."
  }
  assert {
    condition     = !anytrue([for variable in jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment : strcontains(variable.name, "AUTH")])
    error_message = "The auth string is in no plain variable."
  }
  assert {
    condition     = length(aws_lb_listener.https) == 1 && length(aws_lb_listener.http) == 0 && output.api_url == "https://prefect.example.com/api"
    error_message = "With a certificate the API speaks HTTPS alone."
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.from_port == 443])
    error_message = "Clients are let in at 443."
  }
  assert {
    condition     = endswith(aws_db_instance.this.final_snapshot_identifier, "-${terraform_data.last_snapshot.id}")
    error_message = "The last snapshot's name is not that of the database before, which RDS would refuse."
  }
  assert {
    condition     = can(regex(":3\\.9\\.1-", var.image))
    error_message = "The image is a current release."
  }
}

run "plain_http_has_to_be_allowed" {
  command = plan
  variables {
    certificate_arn = null
    domain_name     = null
  }
  expect_failures = [aws_lb.this]
}

run "plain_http_where_it_is_allowed" {
  variables {
    certificate_arn  = null
    domain_name      = null
    allow_plain_http = true
  }
  assert {
    condition     = length(aws_lb_listener.https) == 0 && length(aws_lb_listener.http) == 1 && startswith(output.api_url, "http://")
    error_message = "HTTP, as it was asked for."
  }
}

run "a_certificate_is_for_a_name" {
  command = plan
  variables {
    domain_name = null
  }
  expect_failures = [aws_lb.this]
}

run "an_auth_string_in_the_clear" {
  command = plan
  variables {
    auth_string_secret_arn = "admin:open-sesame"
  }
  expect_failures = [var.auth_string_secret_arn]
}
