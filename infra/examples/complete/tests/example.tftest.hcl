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
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
  }
  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:111122223333:cluster/pushpool" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/made" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:made-AbCdEf" }
  }
  mock_resource "aws_db_instance" {
    defaults = {
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:rds-AbCdEf" }]
    }
  }
}

run "complete" {
  variables {
    region           = "eu-central-1"
    manifest         = "../../modules/pushpool/tests/manifest.json"
    allow_plain_http = true
    tags             = { team = "data" }
  }

  assert {
    condition     = length(module.network.private_subnet_ids) == 2 && module.network.task_network.assign_public_ip == false
    error_message = "Tasks have private subnets in two zones."
  }
  assert {
    condition     = startswith(output.prefect_api_url, "http://") && endswith(output.prefect_api_url, "/api")
    error_message = "Where that is allowed, the API speaks HTTP, inside the VPC."
  }
  assert {
    condition     = output.doorbell_url != null
    error_message = "The doorbell is on."
  }
  assert {
    condition     = aws_security_group.functions.tags == tomap({ team = "data" })
    error_message = "Tags reach everything."
  }
}

run "with_a_certificate" {
  variables {
    region          = "eu-central-1"
    manifest        = "../../modules/pushpool/tests/manifest.json"
    certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/c"
    domain_name     = "prefect.example.com"
  }

  assert {
    condition     = output.prefect_api_url == "https://prefect.example.com/api"
    error_message = "With a certificate the API speaks HTTPS, under its name."
  }
}
