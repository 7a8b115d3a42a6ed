# What the rooms of this module share: names, ARNs, code, and what each function is told.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region

  # With a Prefect server, or standalone.
  served = var.prefect != null
  tags   = merge({ "pushpool" = var.prefix }, var.tags)

  # Prefect Cloud submits the runs of push pools itself; the variable's validation has the same pattern.
  cloud      = local.served && can(regex("^https?://([^/]*[@.])?prefect\\.cloud([:/]|$)", lower(try(var.prefect.api_url, ""))))
  push_pools = local.served ? coalesce(var.prefect.push_pools, !local.cloud) : false

  manifest = jsondecode(file(var.manifest))
  # What is not built for the architecture is refused by name in functions.tf.
  built = {
    for name in ["poller", "dispatcher", "observer", "reconciler", "doorbell"] :
    name => try(local.manifest.functions[name][var.architecture], { file = "", sha256 = "" })
  }
  code = {
    for name, built in local.built : name => {
      file   = var.artifacts_bucket == null ? "${dirname(var.manifest)}/${built.file}" : null
      sha256 = built.sha256
      bucket = try(var.artifacts_bucket.name, null)
      key    = try("${var.artifacts_bucket.prefix}/${local.manifest.version}/${built.file}", null)
    }
  }
  version = "${local.manifest.version} (${substr(local.manifest.revision, 0, 12)}${local.manifest.clean ? "" : ", changed"})"

  pools_path = "/${var.prefix}/pools"

  # Roles are known in all regions, so the region is part of their name.
  role_name = { for name in ["poller", "dispatcher", "observer", "reconciler", "doorbell", "schedules"] : name => "${var.prefix}-${name}-${local.region}" }

  # Who may run at once shares what the account may call.
  dispatchers   = var.maximum_concurrency.run + (local.served ? var.maximum_concurrency.run_fifo : 0)
  run_task_rate = floor(var.run_tasks_per_second / local.dispatchers * 1000) / 1000

  prefect_environment = local.served ? {
    PREFECT_API_URL                     = var.prefect.api_url
    PREFECT_API_SSL_CERT_FILE           = var.prefect.ssl_cert_file
    PUSHPOOL_API_KEY_SECRET_ARN         = var.prefect.api_key_secret_arn
    PUSHPOOL_API_AUTH_STRING_SECRET_ARN = var.prefect.auth_string_secret_arn
    PUSHPOOL_CUSTOM_HEADERS_SECRET_ARN  = var.prefect.custom_headers_secret_arn
  } : {}

  environment = {
    poller = local.served ? merge(local.prefect_environment, {
      PUSHPOOL_METRIC_NAMESPACE   = var.prefix
      PUSHPOOL_POLL_QUEUE_URL     = aws_sqs_queue.this["poll"].url
      PUSHPOOL_RUN_QUEUE_URL      = aws_sqs_queue.this["run"].url
      PUSHPOOL_RUN_FIFO_QUEUE_URL = aws_sqs_queue.this["run.fifo"].url
      PUSHPOOL_EVENTS_QUEUE_URL   = aws_sqs_queue.this["events"].url
      PUSHPOOL_POOLS              = join(",", var.prefect.pools)
      PUSHPOOL_PUSH_POOLS         = tostring(local.push_pools)
      PUSHPOOL_NAME               = coalesce(var.prefect.name, var.prefix)
      PUSHPOOL_POLL_INTERVAL      = tostring(var.prefect.poll_interval)
      PUSHPOOL_HORIZON            = tostring(var.prefect.horizon)
      PUSHPOOL_LAUNCH_LEAD        = tostring(var.launch_lead)
    }) : {}

    dispatcher = merge(local.prefect_environment, {
      PUSHPOOL_METRIC_NAMESPACE          = var.prefix
      PUSHPOOL_LAUNCH_ROLE_ARN           = try(var.launch_role.arn, null)
      PUSHPOOL_LAUNCH_EXTERNAL_ID        = try(var.launch_role.external_id, null)
      PUSHPOOL_RUN_QUEUE_URL             = aws_sqs_queue.this["run"].url
      PUSHPOOL_DLQ_URL                   = aws_sqs_queue.dead_letter["run"].url
      PUSHPOOL_RUN_FIFO_QUEUE_URL        = try(aws_sqs_queue.this["run.fifo"].url, null)
      PUSHPOOL_POOL_DOCUMENTS            = local.served ? null : "ssm:${local.pools_path}"
      PUSHPOOL_EVENT_BUS                 = local.served ? null : var.event_bus_arn
      PUSHPOOL_RUN_QUEUE_ARN             = local.served ? null : aws_sqs_queue.this["run"].arn
      PUSHPOOL_SCHEDULE_GROUP            = local.served ? null : aws_scheduler_schedule_group.this.name
      PUSHPOOL_SCHEDULE_ROLE_ARN         = local.served ? null : aws_iam_role.schedules.arn
      PUSHPOOL_NAME                      = local.served ? coalesce(var.prefect.name, var.prefix) : null
      PUSHPOOL_LABEL_RUNS                = local.served ? tostring(var.prefect.label_runs) : null
      PUSHPOOL_SHADOW_POOLS              = local.served && length(try(var.prefect.shadow_pools, [])) > 0 ? join(",", var.prefect.shadow_pools) : null
      PUSHPOOL_LAUNCH_LEAD               = local.served ? tostring(var.launch_lead) : null
      PUSHPOOL_RUN_TASK_RATE             = tostring(local.run_task_rate)
      PUSHPOOL_CAPACITY_TIMEOUT          = tostring(var.capacity_timeout)
      PUSHPOOL_DEFAULT_IMAGE             = var.default_image
      PUSHPOOL_SUBNETS                   = join(",", var.network.subnets)
      PUSHPOOL_SECURITY_GROUPS           = join(",", var.network.security_groups)
      PUSHPOOL_ASSIGN_PUBLIC_IP          = tostring(var.network.assign_public_ip)
      PUSHPOOL_CONTAINER_PREFECT_API_URL = local.served ? var.prefect.container_api_url : null
      PUSHPOOL_ALLOW_ROLE_OVERRIDES      = tostring(var.allow_role_overrides)
    })

    observer = local.served ? merge(local.prefect_environment, {
      PUSHPOOL_METRIC_NAMESPACE   = var.prefix
      PUSHPOOL_LAUNCH_ROLE_ARN    = try(var.launch_role.arn, null)
      PUSHPOOL_LAUNCH_EXTERNAL_ID = try(var.launch_role.external_id, null)
      PUSHPOOL_EVENTS_QUEUE_URL   = aws_sqs_queue.this["events"].url
      PUSHPOOL_POLL_QUEUE_URL     = aws_sqs_queue.this["poll"].url
      PUSHPOOL_DLQ_URL            = aws_sqs_queue.dead_letter["events"].url
      PUSHPOOL_CAPACITY_TIMEOUT   = tostring(var.capacity_timeout)
      PUSHPOOL_INTERRUPTIONS      = tostring(var.interruptions)
      PUSHPOOL_CLUSTERS           = join(",", var.cluster_arns)
      PUSHPOOL_TASK_EVENTS        = tostring(var.prefect.task_events)
    }) : {}

    reconciler = local.served ? merge(local.prefect_environment, {
      PUSHPOOL_METRIC_NAMESPACE   = var.prefix
      PUSHPOOL_LAUNCH_ROLE_ARN    = try(var.launch_role.arn, null)
      PUSHPOOL_LAUNCH_EXTERNAL_ID = try(var.launch_role.external_id, null)
      PUSHPOOL_POOLS              = join(",", var.prefect.pools)
      PUSHPOOL_PUSH_POOLS         = tostring(local.push_pools)
      PUSHPOOL_CAPACITY_TIMEOUT   = tostring(var.capacity_timeout)
      PUSHPOOL_INTERRUPTIONS      = tostring(var.interruptions)
      PUSHPOOL_TASK_START_TIMEOUT = tostring(var.task_start_timeout)
      PUSHPOOL_OUTLIVE_GRACE      = tostring(var.outlive_grace)
      PUSHPOOL_CLUSTERS           = join(",", var.cluster_arns)
      PUSHPOOL_SOLE_OWNER         = tostring(var.prefect.sole_owner)
    }) : {}

    doorbell = local.served && var.doorbell != null ? {
      PUSHPOOL_METRIC_NAMESPACE          = var.prefix
      PUSHPOOL_POLL_QUEUE_URL            = aws_sqs_queue.this["poll"].url
      PUSHPOOL_DOORBELL_TOKEN_SECRET_ARN = var.doorbell.token_secret_arn
    } : {}
  }
}
