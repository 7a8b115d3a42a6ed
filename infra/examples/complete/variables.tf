variable "region" {
  description = "Region."
  type        = string
}

variable "name" {
  description = "Beginning of every name."
  type        = string
  default     = "pushpool"
}

variable "manifest" {
  description = "Path of the build's manifest.json."
  type        = string
}

variable "certificate_arn" {
  description = "ACM certificate of `domain_name`, for the Prefect API. Needed unless `allow_plain_http` is true."
  type        = string
  default     = null
}

variable "allow_plain_http" {
  description = "Whether the Prefect API may speak HTTP, inside the VPC: for trying things out."
  type        = bool
  default     = false
}

variable "domain_name" {
  description = "Name of the Prefect server."
  type        = string
  default     = null
}

variable "doorbell_concurrency" {
  description = "Rings that may run at a time. AWS refuses to reserve them in accounts whose concurrency is less than 102, as new ones have: raise it, or set -1."
  type        = number
  default     = 2
}

variable "keep_database" {
  description = "Whether `terraform destroy` stops at the database. false lets it go, without a last snapshot."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of everything."
  type        = map(string)
  default     = {}
}
