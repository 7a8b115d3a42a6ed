variable "name" {
  description = "Beginning of the roles' names."
  type        = string
}

variable "log_groups" {
  description = "Log groups that tasks may make and write, by name. The default is what pools log to unless they say otherwise."
  type        = list(string)
  default     = ["prefect"]
}

variable "secret_arns" {
  description = "Secrets Manager secrets that containers get as environment: Prefect's API key or auth string, and what pools name. ARNs without a member's name."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.secret_arns : can(regex("^arn:[^:]+:secretsmanager:[^:]+:[^:]+:secret:[^:]+$", arn))])
    error_message = "secret_arns are ARNs of Secrets Manager secrets, without a member's name."
  }
}

variable "parameter_arns" {
  description = "SSM parameters that containers get as environment."
  type        = list(string)
  default     = []
}

variable "kms_key_arns" {
  description = "Keys of these secrets and parameters, unless they are AWS's own."
  type        = list(string)
  default     = []
}

variable "repository_arns" {
  description = "ECR repositories that images are pulled from; public registries need none."
  type        = list(string)
  default     = []
}

variable "task_policy_arns" {
  description = "Policies of what flows may."
  type        = list(string)
  default     = []
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
