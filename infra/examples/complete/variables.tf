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
  description = "ACM certificate of `domain_name`; without one the Prefect API speaks HTTP inside the VPC."
  type        = string
  default     = null
}

variable "domain_name" {
  description = "Name of the Prefect server."
  type        = string
  default     = null
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
