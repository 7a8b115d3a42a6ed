# The functions. Each has its own role, and what it may is in iam.tf.

module "poller" {
  count  = local.served ? 1 : 0
  source = "./function"

  name         = "${var.prefix}-poller"
  role_name    = local.role_name.poller
  description  = "pushpool ${local.version}: ticks and rings in, messages of scheduled runs out"
  architecture = var.architecture
  memory       = var.functions.poller.memory
  timeout      = var.functions.poller.timeout
  environment  = merge(local.environment.poller, lookup(var.more_environment, "poller", {}))
  code         = local.code.poller
  layer_arns   = var.prefect.layer_arns
  statements   = local.policies.poller
  queues       = { poll = local.mapped.poll }
  vpc          = var.function_vpc

  queue_kms_key_arn        = var.queue_kms_key_arn
  log_level                = var.functions.poller.log_level
  log_retention_days       = var.log_retention_days
  log_kms_key_arn          = var.log_kms_key_arn
  tracing                  = var.tracing
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "dispatcher" {
  source = "./function"

  name         = "${var.prefix}-dispatcher"
  role_name    = local.role_name.dispatcher
  description  = "pushpool ${local.version}: messages of scheduled runs in, RunTask out"
  architecture = var.architecture
  memory       = var.functions.dispatcher.memory
  timeout      = var.functions.dispatcher.timeout
  environment  = merge(local.environment.dispatcher, lookup(var.more_environment, "dispatcher", {}))
  code         = local.code.dispatcher
  layer_arns   = try(var.prefect.layer_arns, [])
  statements   = local.policies.dispatcher
  queues       = { for key, queue in local.mapped : key => queue if contains(["run", "run.fifo"], key) }
  vpc          = var.function_vpc

  queue_kms_key_arn        = var.queue_kms_key_arn
  log_level                = var.functions.dispatcher.log_level
  log_retention_days       = var.log_retention_days
  log_kms_key_arn          = var.log_kms_key_arn
  tracing                  = var.tracing
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "observer" {
  count  = local.served ? 1 : 0
  source = "./function"

  name         = "${var.prefix}-observer"
  role_name    = local.role_name.observer
  description  = "pushpool ${local.version}: ECS events in, states of flow runs out"
  architecture = var.architecture
  memory       = var.functions.observer.memory
  timeout      = var.functions.observer.timeout
  environment  = merge(local.environment.observer, lookup(var.more_environment, "observer", {}))
  code         = local.code.observer
  layer_arns   = var.prefect.layer_arns
  statements   = local.policies.observer
  queues       = { events = local.mapped.events }
  vpc          = var.function_vpc

  queue_kms_key_arn        = var.queue_kms_key_arn
  log_level                = var.functions.observer.log_level
  log_retention_days       = var.log_retention_days
  log_kms_key_arn          = var.log_kms_key_arn
  tracing                  = var.tracing
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

module "reconciler" {
  count  = local.served ? 1 : 0
  source = "./function"

  name         = "${var.prefix}-reconciler"
  role_name    = local.role_name.reconciler
  description  = "pushpool ${local.version}: what no event told"
  architecture = var.architecture
  memory       = var.functions.reconciler.memory
  timeout      = var.functions.reconciler.timeout
  environment  = merge(local.environment.reconciler, lookup(var.more_environment, "reconciler", {}))
  code         = local.code.reconciler
  layer_arns   = var.prefect.layer_arns
  statements   = local.policies.reconciler
  vpc          = var.function_vpc

  log_level                = var.functions.reconciler.log_level
  log_retention_days       = var.log_retention_days
  log_kms_key_arn          = var.log_kms_key_arn
  tracing                  = var.tracing
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

# Not in the VPC: it talks to SQS only.
module "doorbell" {
  count  = local.served && var.doorbell != null ? 1 : 0
  source = "./function"

  name         = "${var.prefix}-doorbell"
  role_name    = local.role_name.doorbell
  description  = "pushpool ${local.version}: a POST with the token in, a message of the poll queue out"
  architecture = var.architecture
  memory       = var.functions.doorbell.memory
  timeout      = var.functions.doorbell.timeout
  environment  = merge(local.environment.doorbell, lookup(var.more_environment, "doorbell", {}))
  code         = local.code.doorbell
  statements   = local.policies.doorbell
  # Anybody can call it, and what it uses is missing for the others.
  reserved_concurrency = var.doorbell.reserved_concurrency

  queue_kms_key_arn        = var.queue_kms_key_arn
  log_level                = var.functions.doorbell.log_level
  log_retention_days       = var.log_retention_days
  log_kms_key_arn          = var.log_kms_key_arn
  tracing                  = var.tracing
  permissions_boundary_arn = var.permissions_boundary_arn
  tags                     = local.tags
}

resource "terraform_data" "architecture" {
  input = var.architecture

  lifecycle {
    precondition {
      condition     = alltrue([for code in values(local.code) : code.sha256 != ""])
      error_message = "The manifest has no ${var.architecture} build of ${join(", ", [for name, code in local.code : name if code.sha256 == ""])}: `infra/build ${var.architecture}` makes one."
    }
  }
}

# Anybody can call it; the function asks for the token. Function URLs need both permissions since October 2025.
resource "aws_lambda_function_url" "doorbell" {
  #checkov:skip=CKV_AWS_258:a Prefect automation cannot sign requests; the function asks for a token and may do nothing but send a message
  count = length(module.doorbell)

  function_name      = module.doorbell[0].name
  authorization_type = "NONE"
}

resource "aws_lambda_permission" "doorbell_url" {
  #checkov:skip=CKV_AWS_301:as for the URL: off by default, and the function asks for a token
  count = length(module.doorbell)

  statement_id           = "url"
  function_name          = module.doorbell[0].name
  principal              = "*"
  action                 = "lambda:InvokeFunctionUrl"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "doorbell_invoke" {
  #checkov:skip=CKV_AWS_301:as for the URL, and only through it
  count = length(module.doorbell)

  statement_id             = "invoke-through-url"
  function_name            = module.doorbell[0].name
  principal                = "*"
  action                   = "lambda:InvokeFunction"
  invoked_via_function_url = true
}
