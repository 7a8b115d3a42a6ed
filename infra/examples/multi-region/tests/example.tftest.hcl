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

mock_provider "aws" {
  alias = "second"
  mock_data "aws_caller_identity" {
    defaults = { account_id = "111122223333" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { region = "us-east-1" }
  }
  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c"] }
  }
  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:us-east-1:111122223333:cluster/pushpool" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/made" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:made-AbCdEf" }
  }
  mock_resource "aws_db_instance" {
    defaults = {
      master_user_secret = [{ secret_arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret:rds-AbCdEf" }]
    }
  }
}

run "multi_region" {
  variables {
    regions         = { first = "eu-central-1", second = "us-east-1" }
    manifest        = "../../modules/pushpool/tests/manifest.json"
    prefect_api_url = "https://prefect.example.com/api"
    first = {
      cluster_arn        = "arn:aws:ecs:eu-central-1:111122223333:cluster/etl"
      execution_role_arn = "arn:aws:iam::111122223333:role/etl-execution"
      subnet_ids         = ["subnet-1"]
      security_group_ids = ["sg-1"]
      pools              = ["europe"]
    }
    second = {
      cluster_arn        = "arn:aws:ecs:us-east-1:111122223333:cluster/etl"
      execution_role_arn = "arn:aws:iam::111122223333:role/etl-execution"
      subnet_ids         = ["subnet-2"]
      security_group_ids = ["sg-2"]
      pools              = ["america"]
    }
  }

  assert {
    condition     = strcontains(output.pool_create_arguments.first, "subnet-1") && strcontains(output.pool_create_arguments.second, "us-east-1")
    error_message = "Each region has its own."
  }
}
