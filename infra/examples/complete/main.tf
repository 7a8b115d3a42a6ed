# From nothing: network, cluster, Prefect server with its database, roles, a repository for images, pushpool with doorbell and
# alarms. The server is reached inside the VPC only, so the functions run there.

provider "aws" {
  region = var.region
}

data "aws_availability_zones" "available" {
  #checkov:skip=CKV_AWS_394:two of them are taken, and a zone that is added later comes last
  state = "available"
}

module "network" {
  source = "../../modules/network"

  name                    = var.name
  availability_zones      = slice(data.aws_availability_zones.available.names, 0, 2)
  private                 = true
  flow_log_retention_days = 30

  tags = var.tags
}

module "cluster" {
  source = "../../modules/cluster"

  name = var.name

  tags = var.tags
}

module "images" {
  source = "../../modules/ecr"

  name = "${var.name}/flows"

  tags = var.tags
}

# Two secrets that nobody has to think of. They are made once; to change one, write a new version of the secret.
data "aws_secretsmanager_random_password" "this" {
  for_each = toset(["auth-string", "doorbell"])

  password_length     = 32
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "this" {
  #checkov:skip=CKV2_AWS_57:a new version is written by hand: server, containers and functions take it up in turn
  #checkov:skip=CKV_AWS_149:encrypted with the account's own Secrets Manager key
  for_each = {
    auth-string = "user:password of the Prefect server"
    doorbell    = "Token of the doorbell"
  }

  name_prefix = "${var.name}-${each.key}-"
  description = each.value

  tags = var.tags
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = aws_secretsmanager_secret.this

  secret_id     = each.value.id
  secret_string = "${each.key == "auth-string" ? "prefect:" : ""}${data.aws_secretsmanager_random_password.this[each.key].random_password}"

  lifecycle {
    # Every refresh makes new ones.
    ignore_changes = [secret_string]
  }
}

module "task_roles" {
  source = "../../modules/task-roles"

  name            = var.name
  secret_arns     = [aws_secretsmanager_secret.this["auth-string"].arn]
  repository_arns = [module.images.arn]

  tags = var.tags
}

resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5:the functions take it
  name        = "${var.name}-functions"
  description = "Functions of pushpool: out, and nothing in"
  vpc_id      = module.network.vpc_id

  tags = var.tags
}

resource "aws_vpc_security_group_egress_rule" "functions" {
  security_group_id = aws_security_group.functions.id
  description       = "Prefect, SQS, ECS, logs, secrets"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

module "prefect" {
  source = "../../modules/prefect-server"

  name                   = var.name
  cluster_arn            = module.cluster.arn
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.private_subnet_ids
  auth_string_secret_arn = aws_secretsmanager_secret.this["auth-string"].arn
  certificate_arn        = var.certificate_arn
  allow_plain_http       = var.allow_plain_http
  domain_name            = var.domain_name
  database               = { deletion_protection = var.keep_database, final_snapshot = var.keep_database }

  client_security_group_ids = {
    functions = aws_security_group.functions.id
    tasks     = module.network.task_security_group_id
  }

  depends_on = [aws_secretsmanager_secret_version.this]

  tags = var.tags
}

# Without a KMS key: CloudWatch cannot publish to a topic under SNS's own key (alias/aws/sns), and a customer managed key costs
# $1 a month. If you need one, its policy has to allow cloudwatch.amazonaws.com kms:Decrypt and kms:GenerateDataKey*.
resource "aws_sns_topic" "alarms" {
  #checkov:skip=CKV_AWS_26:alarm messages name a queue or function, a threshold and a runbook entry, and hold no secrets
  name = "${var.name}-alarms"

  tags = var.tags
}

module "pushpool" {
  source = "../../modules/pushpool"

  prefix              = var.name
  manifest            = var.manifest
  cluster_arns        = [module.cluster.arn]
  execution_role_arns = [module.task_roles.execution_role_arn]
  task_role_arns      = [module.task_roles.task_role_arn]
  network             = module.network.task_network
  alarm_topic_arns    = [aws_sns_topic.alarms.arn]

  doorbell = {
    token_secret_arn     = aws_secretsmanager_secret.this["doorbell"].arn
    reserved_concurrency = var.doorbell_concurrency
  }

  function_vpc = {
    subnet_ids         = module.network.private_subnet_ids
    security_group_ids = [aws_security_group.functions.id]
  }

  prefect = {
    api_url                = module.prefect.api_url
    auth_string_secret_arn = aws_secretsmanager_secret.this["auth-string"].arn
    sole_owner             = true
  }

  tags = var.tags
}
