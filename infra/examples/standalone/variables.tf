variable "region" {
  description = "Region."
  type        = string
}

variable "name" {
  description = "Beginning of every name."
  type        = string
  default     = "reports"
}

variable "manifest" {
  description = "Path of the build's manifest.json."
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

variable "image" {
  description = "Image of the tasks."
  type        = string
}

variable "command" {
  description = "What the container runs."
  type        = string
}

variable "schedule" {
  description = "When, as EventBridge Scheduler has it."
  type        = string
  default     = "cron(0 3 * * ? *)"
}

variable "timezone" {
  description = "Time zone of the schedule."
  type        = string
  default     = "UTC"
}
