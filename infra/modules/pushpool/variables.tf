# What it is called.

variable "prefix" {
  description = "Begins every name, and is the namespace of the metrics. Two installations of one account and region need two."
  type        = string
  default     = "pushpool"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,29}$", var.prefix))
    error_message = "prefix has 1 to 30 lower-case letters, digits and hyphens and begins with a letter."
  }
}

variable "tags" {
  description = "Tags of everything that takes tags."
  type        = map(string)
  default     = {}
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of every role that is made."
  type        = string
  default     = null
}

# The code.

variable "manifest" {
  description = "Path of the manifest.json that `infra/build` writes: version, git revision, and file and SHA-256 of each function and architecture. The zips are beside it, or in artifacts_bucket."
  type        = string
}

variable "artifacts_bucket" {
  description = "S3 bucket with the zips, for accounts that take code from nowhere else; they are at PREFIX/VERSION/ARCHITECTURE/FUNCTION.zip. Null takes them from beside the manifest."
  type = object({
    name   = string
    prefix = optional(string, "pushpool")
  })
  default = null
}

variable "architecture" {
  description = "arm64 (a fifth cheaper) or x86_64. The manifest has to have it."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is arm64 or x86_64."
  }
}

variable "functions" {
  description = "Memory in MB, timeout in seconds and log level of each function. The defaults are those that `cargo lambda deploy` has. Dispatcher and observer work on a batch for 60 s at most, whatever their timeout."
  type = object({
    poller     = optional(object({ memory = optional(number, 256), timeout = optional(number, 30), log_level = optional(string, "INFO") }), {})
    dispatcher = optional(object({ memory = optional(number, 256), timeout = optional(number, 30), log_level = optional(string, "INFO") }), {})
    observer   = optional(object({ memory = optional(number, 256), timeout = optional(number, 30), log_level = optional(string, "INFO") }), {})
    reconciler = optional(object({ memory = optional(number, 256), timeout = optional(number, 120), log_level = optional(string, "INFO") }), {})
    doorbell   = optional(object({ memory = optional(number, 128), timeout = optional(number, 10), log_level = optional(string, "INFO") }), {})
  })
  default = {}

  validation {
    condition     = alltrue([for it in values(var.functions) : it.timeout >= 5 && it.timeout <= 900])
    error_message = "A timeout is 5 to 900 seconds: a function stops taking work 2 s before its end."
  }
  validation {
    condition     = alltrue([for it in values(var.functions) : it.memory >= 128 && it.memory <= 10240])
    error_message = "Memory is 128 to 10240 MB."
  }
  validation {
    condition     = alltrue([for it in values(var.functions) : contains(["TRACE", "DEBUG", "INFO"], it.log_level)])
    error_message = "A log level is TRACE, DEBUG or INFO: Lambda takes lines without a level, which metrics are, for INFO and drops them above it."
  }
}

variable "function_vpc" {
  description = "Subnets and security groups of the functions that talk to Prefect or ECS, for a Prefect server that only a VPC reaches. They need a way out to Prefect and, by NAT or endpoints, to SQS, ECS, CloudWatch Logs and Secrets Manager or SSM."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.function_vpc == null ? true : length(var.function_vpc.subnet_ids) > 0 && length(var.function_vpc.security_group_ids) > 0
    error_message = "function_vpc needs at least one subnet and one security group."
  }
}

variable "log_retention_days" {
  description = "How long the functions' logs are kept."
  type        = number
  default     = 365

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days has to be a period that CloudWatch Logs knows, such as 14, 90 or 365."
  }
}

variable "log_kms_key_arn" {
  description = "KMS key of the log groups. Its policy has to let logs.REGION.amazonaws.com use it."
  type        = string
  default     = null
}

variable "tracing" {
  description = "Whether the functions are traced with X-Ray."
  type        = bool
  default     = false
}

# Prefect.

variable "prefect" {
  description = <<-EOT
    The Prefect server whose work pools are served; null is standalone: no server, messages carry their runs.
    `api_url` ends in /api (Prefect Cloud: the workspace's URL); `container_api_url` is how tasks reach it, if by another URL.
    Secrets are references, never values: Secrets Manager ARN (with `:JSON-KEY::` behind it, or nothing) or SSM parameter ARN.
    `api_key_secret_arn` and `auth_string_secret_arn` are also what containers authenticate with; `secret_kms_key_arns` are the
    keys of these secrets, unless they are AWS's own. `ssl_cert_file` names the certificates to trust (PEM), in a layer of
    `layer_arns`: /opt/ca.pem. `pools` are work pools to serve besides those of type ecs:push;
    `push_pools = false` serves no others. Prefect Cloud submits the runs of push pools itself, so there `pools` names pools of
    type ecs and `push_pools` is false, which is its default there. Runs of `shadow_pools` are rendered and logged, and neither
    claimed nor launched (docs/upgrading.md). `sole_owner = true` if no other pushpool has tasks in the clusters.
  EOT
  type = object({
    api_url                   = string
    container_api_url         = optional(string)
    api_key_secret_arn        = optional(string)
    auth_string_secret_arn    = optional(string)
    custom_headers_secret_arn = optional(string)
    secret_kms_key_arns       = optional(list(string), [])
    ssl_cert_file             = optional(string)
    layer_arns                = optional(list(string), [])
    name                      = optional(string)
    pools                     = optional(list(string), [])
    push_pools                = optional(bool)
    shadow_pools              = optional(list(string), [])
    label_runs                = optional(bool, false)
    task_events               = optional(bool, false)
    sole_owner                = optional(bool, false)
    poll_interval             = optional(number, 20)
    horizon                   = optional(number, 60)
  })
  default = null

  validation {
    condition     = var.prefect == null ? true : can(regex("^https?://", var.prefect.api_url))
    error_message = "prefect.api_url is a URL: https://…/api."
  }
  validation {
    condition     = var.prefect == null ? true : !can(regex("^https?://([^/]*[@.])?prefect\\.cloud([:/]|$)", lower(var.prefect.api_url))) || (var.prefect.push_pools != true && length(var.prefect.pools) > 0)
    error_message = "Prefect Cloud submits the runs of push pools itself. Create work pools of type ecs there, name them in prefect.pools, and leave prefect.push_pools out."
  }
  validation {
    condition     = var.prefect == null ? true : var.prefect.poll_interval >= 1 && var.prefect.poll_interval < 60
    error_message = "prefect.poll_interval is 1 to 59 seconds: the server takes queues that nobody asked for 60 s for abandoned."
  }
  validation {
    condition     = var.prefect == null ? true : var.prefect.horizon >= 0 && var.prefect.horizon <= 900
    error_message = "prefect.horizon is at most 900 seconds, the longest delay of a message."
  }
  validation {
    condition = var.prefect == null ? true : alltrue([
      for arn in [var.prefect.api_key_secret_arn, var.prefect.auth_string_secret_arn, var.prefect.custom_headers_secret_arn] :
      arn == null || can(regex("^arn:[a-z-]+:(secretsmanager:[a-z0-9-]+:[0-9]+:secret:|ssm:[a-z0-9-]+:[0-9]+:parameter/)", arn))
    ])
    error_message = "Secrets are given as the ARN of a Secrets Manager secret or an SSM parameter, never as a value."
  }
  validation {
    condition     = var.prefect == null ? true : var.prefect.name == null || can(regex("^[^/%]+$", var.prefect.name))
    error_message = "prefect.name may not contain / or %, which no name of a worker may."
  }
}

variable "doorbell" {
  description = "The doorbell, which lets the server's automations start ad-hoc runs at once: a public function URL that takes a token. Null is none. `token_secret_arn` is a secret with at least 16 characters: Secrets Manager ARN or SSM parameter ARN. `reserved_concurrency` is how many rings may run at a time; AWS refuses it where less than 100 would be left for other functions, as in new accounts: raise the account's limit, or set -1 for no brake (docs/networks.md)."
  type = object({
    token_secret_arn     = string
    secret_kms_key_arns  = optional(list(string), [])
    reserved_concurrency = optional(number, 2)
  })
  default = null

  validation {
    condition     = var.doorbell == null ? true : can(regex("^arn:[a-z-]+:(secretsmanager:[a-z0-9-]+:[0-9]+:secret:|ssm:[a-z0-9-]+:[0-9]+:parameter/)", var.doorbell.token_secret_arn))
    error_message = "doorbell.token_secret_arn is the ARN of a Secrets Manager secret or an SSM parameter."
  }
  validation {
    condition     = var.doorbell == null ? true : var.doorbell.reserved_concurrency == -1 || (var.doorbell.reserved_concurrency >= 1 && floor(var.doorbell.reserved_concurrency) == var.doorbell.reserved_concurrency)
    error_message = "doorbell.reserved_concurrency is a whole number of at least 1, or -1 to reserve nothing: 0 would refuse every ring."
  }
}

# Where tasks run.

variable "cluster_arns" {
  description = "ARNs of the ECS clusters that tasks run in. The functions may touch no other."
  type        = list(string)

  validation {
    condition     = length(var.cluster_arns) > 0 && alltrue([for arn in var.cluster_arns : can(regex("^arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:cluster/[A-Za-z0-9_-]+$", arn))])
    error_message = "cluster_arns has at least one ARN of a cluster, arn:aws:ecs:REGION:ACCOUNT:cluster/NAME."
  }
}

variable "execution_role_arns" {
  description = "Execution roles that may be given to tasks: they pull images, read the containers' secrets and write their logs. The first is the default of pools."
  type        = list(string)

  validation {
    condition     = length(var.execution_role_arns) > 0 && alltrue([for arn in var.execution_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "execution_role_arns has at least one ARN of a role, and no wildcards."
  }
}

variable "task_role_arns" {
  description = "Task roles that may be given to tasks: what the flows may. The first is the default of pools. No other role can be passed on."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.task_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "task_role_arns are ARNs of roles, without wildcards."
  }
}

variable "task_definition_families" {
  description = "Families that may be run, with * for any characters. pushpool's own begin with prefect_; add those that pools or job variables name by `family` or `task_definition_arn`."
  type        = list(string)
  default     = ["prefect_*"]

  validation {
    condition     = length(var.task_definition_families) > 0 && alltrue([for it in var.task_definition_families : can(regex("^[A-Za-z0-9_-][A-Za-z0-9_*-]*$", it))])
    error_message = "A family begins with a letter, digit, hyphen or underscore: * alone would be every task definition of the account."
  }
}

variable "allow_role_overrides" {
  description = "Whether job variables of deployments and flow runs may change the roles of tasks. With false such a run crashes with PP0223, and roles come from work pools only; anyone who may edit a pool still chooses among `execution_role_arns` and `task_role_arns` (docs/permissions.md)."
  type        = bool
  default     = true
}

variable "allow_privileged_containers" {
  description = "Whether the dispatcher may register task definitions with privileged containers, which have root on their EC2 host."
  type        = bool
  default     = false
}

variable "fargate_only" {
  description = "Whether the dispatcher may register task definitions for Fargate only. IAM has no condition for host mounts, which EC2 tasks may have: this excludes them."
  type        = bool
  default     = false
}

variable "launch_role" {
  description = "A role of another account that tasks run in (module launch-role there): tasks are launched, looked at and stopped as it, and the functions' own roles may nothing on ECS. `cluster_arns`, `execution_role_arns` and the rest are that account's then."
  type = object({
    arn         = string
    external_id = optional(string)
  })
  default = null
}

variable "event_sender_role_arns" {
  description = "Roles of other accounts that send their ECS events to the events queue (output event_sender_role_arn of the module launch-role). They may send events of their own account only, so it has to be that of a cluster in `cluster_arns`."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.event_sender_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "event_sender_role_arns are ARNs of roles, without wildcards."
  }
}

variable "container_log_groups" {
  description = "Log groups of the tasks' containers, with * for any characters: the last lines of a container that crashed stand in its run's log."
  type        = list(string)
  default     = ["prefect"]
}

variable "network" {
  description = "Subnets and security groups of tasks whose pool names none."
  type = object({
    subnets          = optional(list(string), [])
    security_groups  = optional(list(string), [])
    assign_public_ip = optional(bool, false)
  })
  default = {}
}

variable "default_image" {
  description = "Image of tasks whose pool names none."
  type        = string
  default     = null
}

# How it behaves.

variable "run_tasks_per_second" {
  description = "RunTask calls a second of this installation, divided among the dispatchers that may run at once. Fargate takes 20 of an account and region."
  type        = number
  default     = 20

  validation {
    condition     = var.run_tasks_per_second > 0
    error_message = "run_tasks_per_second is more than 0."
  }
}

variable "launch_lead" {
  description = "Seconds before its time that a run is launched."
  type        = number
  default     = 0
}

variable "capacity_timeout" {
  description = "Seconds after a run was first due that capacity may be missing before it crashes."
  type        = number
  default     = 3600
}

variable "outlive_grace" {
  description = "Seconds a task may go on after its flow run has ended before the reconciler stops it. 0 never stops it; its slot of a limited pool is then counted for half an hour only."
  type        = number
  default     = 300

  validation {
    condition     = var.outlive_grace >= 0 && var.outlive_grace <= 1020
    error_message = "outlive_grace is a number of seconds from 0 to 1020: a task has to stop while its slot is still counted (half an hour)."
  }
}

variable "task_start_timeout" {
  description = "Seconds a task may take to start before it is stopped and its run handed back; 0 is for ever."
  type        = number
  default     = 600
}

variable "interruptions" {
  description = "How often a run may be interrupted while it runs and start again."
  type        = number
  default     = 10
}

variable "reconcile_minutes" {
  description = "Minutes between passes of the reconciler."
  type        = number
  default     = 5

  validation {
    condition     = var.reconcile_minutes >= 1 && var.reconcile_minutes <= 5 && floor(var.reconcile_minutes) == var.reconcile_minutes
    error_message = "reconcile_minutes is 1 to 5: the lease of a deployment's concurrency slot lives for five minutes."
  }
}

variable "more_environment" {
  description = "Further variables of the functions, by function: settings that this module has no variable for, such as PUSHPOOL_CANCEL_GRACE of observer and reconciler."
  type        = map(map(string))
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.more_environment), ["poller", "dispatcher", "observer", "reconciler", "doorbell"])) == 0
    error_message = "more_environment has the keys poller, dispatcher, observer, reconciler and doorbell."
  }
}

# Queues.

variable "max_receive_count" {
  description = "Deliveries of a message before it goes to the dead-letter queue."
  type        = number
  default     = 10

  validation {
    condition     = var.max_receive_count >= 5 && var.max_receive_count <= 1000
    error_message = "max_receive_count is 5 to 1000: fewer buries messages because Lambda was throttled for a moment."
  }
}

variable "batch_size" {
  description = "Most messages of one invocation. FIFO queues have at most 10."
  type        = number
  default     = 10

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10
    error_message = "batch_size is 1 to 10."
  }
}

variable "batching_window" {
  description = "Seconds that Lambda waits for a batch to fill. Anything but 0 delays every run."
  type        = number
  default     = 0

  validation {
    condition     = var.batching_window >= 0 && var.batching_window <= 300
    error_message = "batching_window is 0 to 300 seconds."
  }
}

variable "visibility_timeouts" {
  description = "Visibility timeouts in seconds instead of six times the function's timeout and the batching window; less is refused."
  type = object({
    poll   = optional(number)
    run    = optional(number)
    events = optional(number)
  })
  default = {}
}

variable "maximum_concurrency" {
  description = "Most invocations at once for each queue. No concurrency is reserved, so that accounts with the lowest limit (10) can install it."
  type = object({
    poll     = optional(number, 2)
    run      = optional(number, 2)
    run_fifo = optional(number, 2)
    events   = optional(number, 2)
    fifo     = optional(number)
  })
  default = {}

  validation {
    condition     = var.maximum_concurrency.fifo == null
    error_message = "The queue of maximum_concurrency.fifo is named run_fifo now."
  }
  validation {
    condition     = alltrue([for name, it in var.maximum_concurrency : it >= 2 && it <= 1000 if name != "fifo"])
    error_message = "maximum_concurrency is 2 to 1000."
  }
}

variable "message_retention_days" {
  description = "How long messages stay in the dead-letter queues; at most 14. In the others it is four days, in the poll queue an hour."
  type        = number
  default     = 14

  validation {
    condition     = var.message_retention_days > 4 && var.message_retention_days <= 14
    error_message = "message_retention_days is 5 to 14: a buried message keeps the age it had, and may have waited for four."
  }
}

variable "queue_kms_key_arn" {
  description = "KMS key of the queues instead of SQS's own encryption. Its policy has to let events.amazonaws.com use it."
  type        = string
  default     = null
}

# Standalone.

variable "work_pools" {
  description = <<-EOT
    Standalone: work pools by name, put into SSM parameters as pool documents. `document` is a whole work pool as JSON. Without
    it the document is templates/standalone-pool.json, which has the main variables of Prefect's ECS template, and `defaults` is
    a JSON object with defaults of these; cluster, roles and network are this module's unless it says otherwise.
  EOT
  type = map(object({
    document  = optional(string)
    defaults  = optional(string, "{}")
    is_paused = optional(bool, false)
  }))
  default = {}

  validation {
    condition     = alltrue([for name in keys(var.work_pools) : can(regex("^[A-Za-z0-9_.-]+$", name))])
    error_message = "Names of work pools in SSM have letters, digits, _ . and - only."
  }
  validation {
    condition     = alltrue([for pool in values(var.work_pools) : can(keys(jsondecode(pool.defaults))) && (pool.document == null || can(keys(jsondecode(pool.document))))])
    error_message = "`document` and `defaults` of a work pool are JSON objects."
  }
}

variable "event_bus_arn" {
  description = "Standalone: EventBridge bus that outcomes are published to."
  type        = string
  default     = null
}

# Watching.

variable "alarm_topic_arns" {
  description = "SNS topics of the alarms. Without one the alarms notify no one."
  type        = list(string)
  default     = []
}

variable "alarms" {
  description = "Which alarms there are, and thresholds. `level` is all, or essential for those that mean late or lost runs (docs/cost.md); `enabled = false` makes none. `oldest_due_seconds` a run may have been due, `blocked` due runs of a work pool that cannot start, `crashes` and `hand_backs` of runs in five minutes, `repairs` of the reconciler in an hour."
  type = object({
    enabled            = optional(bool, true)
    level              = optional(string, "all")
    oldest_due_seconds = optional(number, 300)
    blocked            = optional(number, 0)
    crashes            = optional(number, 5)
    hand_backs         = optional(number, 20)
    repairs            = optional(number, 10)
  })
  default = {}

  validation {
    condition     = contains(["all", "essential"], var.alarms.level)
    error_message = "alarms.level is all or essential; alarms.enabled = false makes no alarms."
  }
}

variable "dashboard" {
  description = "Whether a dashboard is made. It costs $3 a month, unless the account's free tier covers it (docs/cost.md)."
  type        = bool
  default     = false
}

variable "prices" {
  description = "US dollars for the dashboard's estimate: a GB-second and a million requests of Lambda, a million requests of SQS. The defaults are us-east-1's, arm64."
  type = object({
    lambda_gb_second        = optional(number, 0.0000133334)
    lambda_million_requests = optional(number, 0.20)
    sqs_million_requests    = optional(number, 0.40)
  })
  default = {}
}
