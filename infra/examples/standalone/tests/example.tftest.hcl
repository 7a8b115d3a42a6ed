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

run "standalone" {
  variables {
    region             = "eu-central-1"
    manifest           = "../../modules/pushpool/tests/manifest.json"
    subnet_ids         = ["subnet-1"]
    security_group_ids = ["sg-1"]
    image              = "reports:1"
    command            = "python3 report.py"
  }

  assert {
    condition     = jsondecode(aws_scheduler_schedule.nightly.target[0].input).flow_run_id == "<aws.scheduler.schedule-arn>/<aws.scheduler.scheduled-time>" && strcontains(aws_scheduler_schedule.nightly.target[0].input, "<aws.scheduler.scheduled-time>")
    error_message = "The message has Scheduler's words as they stand."
  }
  assert {
    condition     = aws_scheduler_schedule.nightly.target[0].arn == module.pushpool.queue_arns.run
    error_message = "The schedule sends to the run queue."
  }
}
