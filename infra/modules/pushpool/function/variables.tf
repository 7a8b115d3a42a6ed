variable "name" {
  description = "Name of the function."
  type        = string
}

variable "role_name" {
  description = "Name of its role."
  type        = string
}

variable "description" {
  description = "What it does."
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string
}

variable "memory" {
  description = "MB."
  type        = number
}

variable "timeout" {
  description = "Seconds."
  type        = number
}

variable "reserved_concurrency" {
  description = "Invocations at a time that are reserved for it, and no more. -1 reserves nothing."
  type        = number
  default     = -1
}

variable "environment" {
  description = "Variables. Those that are null or empty are left out, which is what the function takes them for."
  type        = map(string)
}

variable "code" {
  description = "The zip with its SHA-256 in base64: a file, or an object in S3."
  type = object({
    file   = optional(string)
    sha256 = string
    bucket = optional(string)
    key    = optional(string)
  })
}

variable "statements" {
  description = "What it may do besides reading its queues and writing its log."
  type        = any
}

variable "queues" {
  description = "Queues that invoke it, by name."
  type = map(object({
    arn                 = string
    visibility_timeout  = number
    batch_size          = number
    batching_window     = number
    maximum_concurrency = number
  }))
  default = {}
}

variable "queue_kms_key_arn" {
  description = "KMS key of the queues."
  type        = string
  default     = null
}

variable "vpc" {
  description = "Where it runs, if in a VPC."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null
}

variable "layer_arns" {
  description = "Layers, such as one with a certificate."
  type        = list(string)
  default     = []
}

variable "log_level" {
  description = "Level of its own lines."
  type        = string
}

variable "log_retention_days" {
  description = "How long its log is kept."
  type        = number
}

variable "log_kms_key_arn" {
  description = "KMS key of its log group."
  type        = string
  default     = null
}

variable "tracing" {
  description = "Whether X-Ray traces it."
  type        = bool
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of its role."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags."
  type        = map(string)
}
