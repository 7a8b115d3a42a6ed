variable "region" {
  description = "Region of the cluster."
  type        = string
}

variable "manifest" {
  description = "Path of the build's manifest.json."
  type        = string
}

variable "cluster_arn" {
  description = "ARN of the ECS cluster that tasks run in."
  type        = string
}

variable "subnet_ids" {
  description = "Subnets of tasks."
  type        = list(string)
}

variable "security_group_ids" {
  description = "Security groups of tasks."
  type        = list(string)
}

variable "assign_public_ip" {
  description = "Whether tasks get public addresses: true in public subnets, which have no other way out."
  type        = bool
  default     = false
}

variable "execution_role_arn" {
  description = "Execution role of tasks."
  type        = string
}

variable "task_role_arn" {
  description = "Task role."
  type        = string
  default     = null
}

variable "prefect_api_url" {
  description = "The Prefect API, ending in /api (Prefect Cloud: the workspace's URL)."
  type        = string
}

variable "prefect_api_key_secret_arn" {
  description = "Secret with the API key; none for a server without one."
  type        = string
  default     = null
}

variable "prefect_auth_string_secret_arn" {
  description = "Secret with the auth string (`user:password`) of a self-hosted server; none for a server without one."
  type        = string
  default     = null
}

variable "function_vpc" {
  description = "Subnets and security groups of the functions, for a server that only a VPC reaches."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "pools" {
  description = "Work pools to serve by name. Prefect Cloud needs them, of type ecs; elsewhere all pools of type ecs:push are served anyway."
  type        = list(string)
  default     = []
}
