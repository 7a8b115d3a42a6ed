variable "name" {
  description = "Beginning of every name."
  type        = string
}

variable "launcher_role_arns" {
  description = "Roles of the functions that may take this one: output role_arns of the module pushpool, those of dispatcher, observer and reconciler."
  type        = list(string)

  validation {
    condition     = length(var.launcher_role_arns) > 0 && alltrue([for arn in var.launcher_role_arns : can(regex("^arn:[a-z-]+:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "launcher_role_arns has at least one ARN of a role, and no wildcards."
  }
}

variable "external_id" {
  description = "A text that the functions have to know as well: the external id of `launch_role`."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@:/_-]+$", var.external_id)) && length(var.external_id) >= 2 && length(var.external_id) <= 1224
    error_message = "external_id has 2 to 1224 letters, digits and + = , . @ : / _ -."
  }
}

variable "cluster_arns" {
  description = "Clusters of this account that tasks run in."
  type        = list(string)
}

variable "execution_role_arns" {
  description = "Execution roles of this account that may be given to tasks."
  type        = list(string)
}

variable "task_role_arns" {
  description = "Task roles of this account that may be given to tasks."
  type        = list(string)
  default     = []
}

variable "task_definition_families" {
  description = "Families that may be run, as in the module pushpool."
  type        = list(string)
  default     = ["prefect_*"]
}

variable "container_log_groups" {
  description = "Log groups of the tasks' containers, as in the module pushpool."
  type        = list(string)
  default     = ["prefect"]
}

variable "allow_privileged_containers" {
  description = "Whether task definitions with privileged containers may be registered, as in the module pushpool."
  type        = bool
  default     = false
}

variable "fargate_only" {
  description = "Whether task definitions may be registered for Fargate only, as in the module pushpool."
  type        = bool
  default     = false
}

variable "events_queue_arn" {
  description = "The events queue, `queue_arns.events` of the module pushpool. Null where nothing observes (standalone)."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the roles."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that takes tags."
  type        = map(string)
  default     = {}
}
