# A queue that shows messages again while they are handled is refused.

mock_provider "aws" {}

variables {
  name               = "pushpool-poller"
  role_name          = "pushpool-poller"
  description        = "a function"
  architecture       = "arm64"
  memory             = 128
  timeout            = 30
  environment        = { AB = "a", EMPTY = "", UNSET = null }
  code               = { sha256 = "AA==", bucket = "artifacts", key = "poller.zip" }
  statements         = []
  log_level          = "INFO"
  log_retention_days = 365
  tracing            = false
  tags               = {}
}

run "six_times_the_timeout_and_the_window" {
  variables {
    queues = { poll = { arn = "arn:aws:sqs:eu-central-1:111122223333:poll", visibility_timeout = 190, batch_size = 10, batching_window = 10, maximum_concurrency = 2 } }
  }
  assert {
    condition     = length(aws_lambda_event_source_mapping.queue) == 1 && output.environment == { AB = "a" }
    error_message = "It has a mapping, and the variables that are set."
  }
}

run "one_second_less" {
  command = plan
  variables {
    queues = { poll = { arn = "arn:aws:sqs:eu-central-1:111122223333:poll", visibility_timeout = 189, batch_size = 10, batching_window = 10, maximum_concurrency = 2 } }
  }
  expect_failures = [aws_lambda_event_source_mapping.queue["poll"]]
}

run "a_zip_that_is_not_the_manifests" {
  command = plan
  variables {
    code = { sha256 = "AA==", file = "main.tf" }
  }
  expect_failures = [aws_lambda_function.this]
}
