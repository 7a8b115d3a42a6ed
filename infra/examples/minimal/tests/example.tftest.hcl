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

run "minimal" {
  variables {
    region                     = "eu-central-1"
    manifest                   = "../../modules/pushpool/tests/manifest.json"
    cluster_arn                = "arn:aws:ecs:eu-central-1:111122223333:cluster/etl"
    subnet_ids                 = ["subnet-1"]
    security_group_ids         = ["sg-1"]
    execution_role_arn         = "arn:aws:iam::111122223333:role/etl-execution"
    prefect_api_url            = "https://api.prefect.cloud/api/accounts/a/workspaces/w"
    pools                      = ["etl"]
    prefect_api_key_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prefect-AbCdEf"
  }

  assert {
    condition     = toset(keys(output.function_names)) == toset(["poller", "dispatcher", "observer", "reconciler"])
    error_message = "Four functions."
  }
  assert {
    condition     = strcontains(output.pool_create_arguments, "--set subnets=subnet-1")
    error_message = "The output says what a pool needs."
  }
}

run "a_private_server" {
  variables {
    region                         = "eu-central-1"
    manifest                       = "../../modules/pushpool/tests/manifest.json"
    cluster_arn                    = "arn:aws:ecs:eu-central-1:111122223333:cluster/etl"
    subnet_ids                     = ["subnet-1"]
    security_group_ids             = ["sg-1"]
    execution_role_arn             = "arn:aws:iam::111122223333:role/etl-execution"
    prefect_api_url                = "http://prefect.internal:4200/api"
    prefect_auth_string_secret_arn = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:prefect-AbCdEf"
    function_vpc                   = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-2"] }
  }

  assert {
    condition     = strcontains(output.pool_create_arguments, "--set prefect_api_auth_string_secret_arn=arn:aws:secretsmanager:")
    error_message = "Containers authenticate with the auth string, too."
  }
}
