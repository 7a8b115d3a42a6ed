# What each function may. docs/permissions.md says which call needs what, and tests/it/infra holds both against the code.

locals {
  arn_of = {
    tasks            = [for arn in var.cluster_arns : "${replace(arn, ":cluster/", ":task/")}/*"]
    task_definitions = [for family in var.task_definition_families : "arn:${local.partition}:ecs:${local.region}:${local.account}:task-definition/${family}:*"]
    # While RegisterTaskDefinition runs there is no revision yet, and ECS asks for the family (aws-cdk issue 25768).
    families       = [for family in var.task_definition_families : "arn:${local.partition}:ecs:${local.region}:${local.account}:task-definition/${family}"]
    container_logs = [for group in var.container_log_groups : "arn:${local.partition}:logs:${local.region}:${local.account}:log-group:${group}:log-stream:*"]
    pools          = ["arn:${local.partition}:ssm:${local.region}:${local.account}:parameter${local.pools_path}/*"]
  }

  # References may name a member of a secret, permissions may not.
  prefect_secrets  = local.served ? compact([var.prefect.api_key_secret_arn, var.prefect.auth_string_secret_arn, var.prefect.custom_headers_secret_arn]) : []
  doorbell_secrets = compact([try(var.doorbell.token_secret_arn, null)])
  secret_statements = {
    for reader, secrets in {
      prefect  = { arns = local.prefect_secrets, keys = try(var.prefect.secret_kms_key_arns, []) }
      doorbell = { arns = local.doorbell_secrets, keys = try(var.doorbell.secret_kms_key_arns, []) }
      } : reader => concat(
      [for arns in [[for arn in secrets.arns : regex("^arn:[^:]+:secretsmanager:[^:]+:[^:]+:secret:[^:]+", arn) if strcontains(arn, ":secretsmanager:")]] : {
        Sid      = "ReadSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:GetSecretValue"]
        Resource = arns
      } if length(arns) > 0],
      [for arns in [[for arn in secrets.arns : arn if strcontains(arn, ":ssm:")]] : {
        Sid      = "ReadParameters"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = arns
      } if length(arns) > 0],
      [for keys in [secrets.keys] : {
        Sid      = "DecryptSecrets"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = keys
      } if length(keys) > 0],
    )
  }

  # What may not be registered, whoever asks for it. The keys are those of the Service Authorization Reference.
  definition_limits = concat(
    [for allowed in [var.allow_privileged_containers] : {
      Sid       = "NoPrivilegedContainers"
      Effect    = "Deny"
      Action    = ["ecs:RegisterTaskDefinition"]
      Resource  = ["*"]
      Condition = { StringEqualsIgnoreCase = { "ecs:privileged" = "true" } }
    } if !allowed],
    [for only in [var.fargate_only] : {
      Sid       = "NothingButFargate"
      Effect    = "Deny"
      Action    = ["ecs:RegisterTaskDefinition"]
      Resource  = ["*"]
      Condition = { "ForAnyValue:StringNotEquals" = { "ecs:compute-compatibility" = ["FARGATE"] } }
    } if only],
    [for only in [var.fargate_only] : {
      Sid       = "NothingWithoutCompatibility"
      Effect    = "Deny"
      Action    = ["ecs:RegisterTaskDefinition"]
      Resource  = ["*"]
      Condition = { Null = { "ecs:compute-compatibility" = "true" } }
    } if only],
  )

  # With a role of another account, what is done to tasks is done as that role.
  launch_role_statements = [for role in [var.launch_role] : {
    Sid      = "ActInTheTasksAccount"
    Effect   = "Allow"
    Action   = ["sts:AssumeRole"]
    Resource = [role.arn]
  } if role != null]

  # Observer and reconciler look at tasks and end them; neither starts one.
  task_control_statements = [for statement in [
    {
      Sid       = "LookAtAndStopTasks"
      Effect    = "Allow"
      Action    = ["ecs:DescribeTasks", "ecs:StopTask"]
      Resource  = local.arn_of.tasks
      Condition = { ArnEquals = { "ecs:cluster" = var.cluster_arns } }
    },
    {
      Sid       = "FindTasks"
      Effect    = "Allow"
      Action    = ["ecs:ListTasks"]
      Resource  = ["*"]
      Condition = { ArnEquals = { "ecs:cluster" = var.cluster_arns } }
    },
    {
      Sid      = "ReadTaskDefinitions"
      Effect   = "Allow"
      Action   = ["ecs:DescribeTaskDefinition"]
      Resource = ["*"]
    },
    {
      Sid      = "ReadContainersLastLines"
      Effect   = "Allow"
      Action   = ["logs:GetLogEvents"]
      Resource = local.arn_of.container_logs
    },
  ] : statement if var.launch_role == null]

  policies = {
    poller = concat(local.secret_statements.prefect, [{
      Sid      = "SendTicksRunsAndChecks"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [for queue in values(aws_sqs_queue.this) : queue.arn]
      }, {
      Sid      = "CountWhatWaits"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueAttributes"]
      Resource = [for key, queue in aws_sqs_queue.this : queue.arn if key == "run.fifo"]
    }])

    dispatcher = concat(
      local.secret_statements.prefect,
      local.launch_role_statements,
      [for statement in [
        {
          Sid       = "LaunchTasks"
          Effect    = "Allow"
          Action    = ["ecs:RunTask"]
          Resource  = local.arn_of.task_definitions
          Condition = { ArnEquals = { "ecs:cluster" = var.cluster_arns } }
        },
        {
          Sid      = "TagWhatItMakes"
          Effect   = "Allow"
          Action   = ["ecs:TagResource"]
          Resource = concat(local.arn_of.tasks, local.arn_of.task_definitions, local.arn_of.families)
          Condition = {
            StringEquals = { "ecs:CreateAction" = ["RunTask", "RegisterTaskDefinition"] }
          }
        },
        {
          Sid      = "GiveTasksTheirRoles"
          Effect   = "Allow"
          Action   = ["iam:PassRole"]
          Resource = concat(var.execution_role_arns, var.task_role_arns)
          Condition = {
            StringEquals = { "iam:PassedToService" = "ecs-tasks.amazonaws.com" }
          }
        },
        {
          Sid      = "RegisterTaskDefinitions"
          Effect   = "Allow"
          Action   = ["ecs:RegisterTaskDefinition", "ecs:DescribeTaskDefinition"]
          Resource = ["*"]
        },
        {
          Sid       = "FindTasks"
          Effect    = "Allow"
          Action    = ["ecs:ListTasks"]
          Resource  = ["*"]
          Condition = { ArnEquals = { "ecs:cluster" = var.cluster_arns } }
        },
        {
          Sid       = "LookAtTasks"
          Effect    = "Allow"
          Action    = ["ecs:DescribeTasks"]
          Resource  = local.arn_of.tasks
          Condition = { ArnEquals = { "ecs:cluster" = var.cluster_arns } }
        },
      ] : statement if var.launch_role == null],
      [for statement in local.definition_limits : statement if var.launch_role == null],
      [
        {
          Sid      = "Bury"
          Effect   = "Allow"
          Action   = ["sqs:SendMessage"]
          Resource = [aws_sqs_queue.dead_letter["run"].arn]
        },
        {
          Sid      = "HurryReturnedMessages"
          Effect   = "Allow"
          Action   = ["sqs:ChangeMessageVisibility"]
          Resource = [for key, queue in aws_sqs_queue.this : queue.arn if contains(["run", "run.fifo"], key)]
        },
      ],
      [for standalone in [!local.served] : {
        Sid      = "ReadWorkPools"
        Effect   = "Allow"
        Action   = ["ssm:GetParameter"]
        Resource = local.arn_of.pools
      } if standalone],
      # Not through its own queue: Lambda would take that for a loop.
      [for standalone in [!local.served] : {
        Sid      = "ScheduleWaitingRuns"
        Effect   = "Allow"
        Action   = ["scheduler:CreateSchedule"]
        Resource = ["arn:${local.partition}:scheduler:${local.region}:${local.account}:schedule/${var.prefix}/*"]
      } if standalone],
      [for standalone in [!local.served] : {
        Sid      = "GiveSchedulesTheirRole"
        Effect   = "Allow"
        Action   = ["iam:PassRole"]
        Resource = [aws_iam_role.schedules.arn]
        Condition = {
          StringEquals = { "iam:PassedToService" = "scheduler.amazonaws.com" }
        }
      } if standalone],
      [for bus in [var.event_bus_arn] : {
        Sid      = "PublishOutcomes"
        Effect   = "Allow"
        Action   = ["events:PutEvents"]
        Resource = [bus]
      } if bus != null && !local.served],
    )

    observer = concat(local.secret_statements.prefect, local.launch_role_statements, local.task_control_statements, [
      {
        Sid      = "RingCheckAndBury"
        Effect   = "Allow"
        Action   = ["sqs:SendMessage"]
        Resource = concat([for key, queue in aws_sqs_queue.this : queue.arn if contains(["poll", "events"], key)], [for key, queue in aws_sqs_queue.dead_letter : queue.arn if key == "events"])
      },
      {
        Sid      = "HurryReturnedMessages"
        Effect   = "Allow"
        Action   = ["sqs:ChangeMessageVisibility"]
        Resource = [for key, queue in aws_sqs_queue.this : queue.arn if key == "events"]
      },
    ])

    reconciler = concat(local.secret_statements.prefect, local.launch_role_statements, local.task_control_statements)

    # Anybody can reach it, so this is all.
    doorbell = concat(local.secret_statements.doorbell, [{
      Sid      = "Ring"
      Effect   = "Allow"
      Action   = ["sqs:SendMessage"]
      Resource = [for key, queue in aws_sqs_queue.this : queue.arn if key == "poll"]
    }])
  }
}
