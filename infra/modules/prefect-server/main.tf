# A Prefect server on Fargate with a database in RDS, reached inside the VPC through a load balancer. One task: a server keeps
# its schedules and late-run marks in its own loops, and while it is replaced runs wait in the queues.

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  port    = 4200
  https   = var.certificate_arn != null
  host    = coalesce(var.domain_name, aws_lb.this.dns_name)
  api_url = "${local.https ? "https" : "http"}://${local.host}/api"

  assumed_by_tasks = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })

  # RDS makes the password and changes it; a new task reads the new one.
  database_secret_arn = aws_db_instance.this.master_user_secret[0].secret_arn
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:CloudWatch Logs encrypts with its own key
  name              = "/pushpool/${var.name}/prefect-server"
  retention_in_days = var.log_retention_days
  tags              = var.tags
}

# Who talks to whom: clients to the load balancer, that to the server, that to the database.

resource "aws_security_group" "load_balancer" {
  name        = "${var.name}-prefect-lb"
  description = "Load balancer of the Prefect server"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_security_group" "server" {
  name        = "${var.name}-prefect-server"
  description = "Prefect server"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_security_group" "database" {
  name        = "${var.name}-prefect-db"
  description = "Database of the Prefect server"
  vpc_id      = var.vpc_id
  tags        = var.tags
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.load_balancer.id
  description                  = "API and UI for ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.https ? 443 : 80
  to_port                      = local.https ? 443 : 80
}

resource "aws_vpc_security_group_egress_rule" "load_balancer_to_server" {
  security_group_id            = aws_security_group.load_balancer.id
  description                  = "Requests"
  referenced_security_group_id = aws_security_group.server.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_vpc_security_group_ingress_rule" "load_balancer_to_server" {
  security_group_id            = aws_security_group.server.id
  description                  = "Requests"
  referenced_security_group_id = aws_security_group.load_balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_vpc_security_group_egress_rule" "server_out" {
  security_group_id = aws_security_group.server.id
  description       = "Image, secrets, log, the doorbell, and what automations call"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_ingress_rule" "server_to_database" {
  security_group_id            = aws_security_group.database.id
  description                  = "PostgreSQL"
  referenced_security_group_id = aws_security_group.server.id
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_subnet_group" "this" {
  name       = "${var.name}-prefect"
  subnet_ids = var.subnet_ids
  tags       = var.tags
}

# A database that is made again leaves another last snapshot, which needs another name.
resource "terraform_data" "last_snapshot" {}

resource "aws_db_instance" "this" {
  #checkov:skip=CKV_AWS_353:the load is small, and what a query log would hold is in it too
  #checkov:skip=CKV_AWS_118:enhanced monitoring needs a role more and costs; CPU, memory, storage and connections are there without it
  #checkov:skip=CKV_AWS_133:backups are kept for seven days unless the operator says otherwise
  #checkov:skip=CKV_AWS_157:twice the price; `database.multi_az` is the operator's to say
  #checkov:skip=CKV_AWS_161:a Prefect server logs in by password, which RDS makes and changes
  #checkov:skip=CKV2_AWS_30:a query log would hold the parameters of flow runs
  identifier             = "${var.name}-prefect"
  engine                 = "postgres"
  engine_version         = var.database.engine_version
  instance_class         = var.database.instance_class
  allocated_storage      = var.database.allocated_storage
  max_allocated_storage  = var.database.max_allocated_storage
  storage_type           = "gp3"
  storage_encrypted      = true
  db_name                = "prefect"
  username               = "prefect"
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.database.id]
  multi_az               = var.database.multi_az
  publicly_accessible    = false
  deletion_protection    = var.database.deletion_protection
  # What holds every run's history goes with a last snapshot, unless somebody says that it need not.
  skip_final_snapshot             = !var.database.final_snapshot
  final_snapshot_identifier       = "${var.name}-prefect-last-${terraform_data.last_snapshot.id}"
  backup_retention_period         = var.database.backup_days
  copy_tags_to_snapshot           = true
  auto_minor_version_upgrade      = true
  enabled_cloudwatch_logs_exports = ["postgresql"]
  tags                            = var.tags

  manage_master_user_password = true
}

resource "aws_iam_role" "execution" {
  name                 = "${var.name}-prefect-execution-${data.aws_region.current.region}"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.assumed_by_tasks
  tags                 = var.tags
}

resource "aws_iam_role_policy" "execution" {
  name = "start-server"
  role = aws_iam_role.execution.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "WriteLog"
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = ["${aws_cloudwatch_log_group.this.arn}:*"]
      },
      {
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = [local.database_secret_arn, var.auth_string_secret_arn]
      },
    ]
  })
}

# The server calls nothing of AWS.
resource "aws_iam_role" "task" {
  name                 = "${var.name}-prefect-task-${data.aws_region.current.region}"
  permissions_boundary = var.permissions_boundary_arn
  assume_role_policy   = local.assumed_by_tasks
  tags                 = var.tags
}

resource "aws_ecs_task_definition" "this" {
  family                   = "${var.name}-prefect-server"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  tags                     = var.tags

  container_definitions = jsonencode([{
    name         = "server"
    image        = var.image
    essential    = true
    command      = ["prefect", "server", "start", "--host", "0.0.0.0", "--port", tostring(local.port)]
    portMappings = [{ containerPort = local.port, protocol = "tcp" }]
    environment = [for name, value in {
      PREFECT_SERVER_DATABASE_DRIVER   = "postgresql+asyncpg"
      PREFECT_SERVER_DATABASE_HOST     = aws_db_instance.this.address
      PREFECT_SERVER_DATABASE_PORT     = "5432"
      PREFECT_SERVER_DATABASE_NAME     = "prefect"
      PREFECT_SERVER_DATABASE_USER     = "prefect"
      PREFECT_SERVER_UI_API_URL        = local.api_url
      PREFECT_SERVER_ANALYTICS_ENABLED = "false"
    } : { name = name, value = value }]
    secrets = [
      { name = "PREFECT_SERVER_DATABASE_PASSWORD", valueFrom = "${local.database_secret_arn}:password::" },
      { name = "PREFECT_SERVER_API_AUTH_STRING", valueFrom = var.auth_string_secret_arn },
    ]
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = data.aws_region.current.region
        awslogs-stream-prefix = "server"
      }
    }
  }])
}

resource "aws_lb" "this" {
  #checkov:skip=CKV_AWS_91:access logs need a bucket; the server's own log has each request
  #checkov:skip=CKV_AWS_150:it holds nothing, and `terraform destroy` is to leave nothing
  #checkov:skip=CKV2_AWS_20:the HTTP listener is there only with allow_plain_http, and only inside the VPC
  name                       = "${var.name}-prefect"
  internal                   = true
  load_balancer_type         = "application"
  subnets                    = var.subnet_ids
  security_groups            = [aws_security_group.load_balancer.id]
  drop_invalid_header_fields = true
  # The UI's event stream and large exports outlive a minute.
  idle_timeout = 300
  tags         = var.tags

  lifecycle {
    precondition {
      condition     = var.certificate_arn != null || var.allow_plain_http
      error_message = "The Prefect API has no certificate: set certificate_arn and domain_name, or allow_plain_http = true to have credentials cross the VPC in the clear."
    }
    precondition {
      condition     = var.certificate_arn == null || var.domain_name != null
      error_message = "certificate_arn needs domain_name, the name that the certificate is for: clients would refuse it under the load balancer's own name."
    }
  }
}

resource "aws_lb_target_group" "this" {
  #checkov:skip=CKV_AWS_378:from the load balancer to the server inside the VPC, between two security groups
  name                 = "${var.name}-prefect"
  vpc_id               = var.vpc_id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = local.port
  deregistration_delay = 15
  tags                 = var.tags

  health_check {
    # Answers without the auth string.
    path                = "/api/health"
    matcher             = "200"
    interval            = 15
    healthy_threshold   = 2
    unhealthy_threshold = 4
  }
}

resource "aws_lb_listener" "https" {
  count = local.https ? 1 : 0

  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTPS"
  port              = 443
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn
  tags              = var.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_lb_listener" "http" {
  #checkov:skip=CKV_AWS_2:only with allow_plain_http, and only inside the VPC
  #checkov:skip=CKV_AWS_103:only with allow_plain_http, and only inside the VPC
  count = local.https ? 0 : 1

  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTP"
  port              = 80
  tags              = var.tags

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_ecs_service" "this" {
  name            = "${var.name}-prefect-server"
  cluster         = var.cluster_arn
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = 1
  launch_type     = "FARGATE"
  propagate_tags  = "SERVICE"
  # It migrates its database before it answers.
  health_check_grace_period_seconds = 300
  # Two servers of two releases do not share a database: the old one ends before the new one starts.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  tags                               = var.tags

  network_configuration {
    subnets         = var.subnet_ids
    security_groups = [aws_security_group.server.id]
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "server"
    container_port   = local.port
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  depends_on = [aws_lb_listener.http, aws_lb_listener.https, aws_iam_role_policy.execution]
}
