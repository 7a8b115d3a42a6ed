variable "name" {
  description = "Name of the cluster."
  type        = string
}

variable "default_spot_weight" {
  description = "How many of 100 tasks that name neither launch type nor strategy run on Spot."
  type        = number
  default     = 0

  validation {
    condition     = var.default_spot_weight >= 0 && var.default_spot_weight <= 100
    error_message = "default_spot_weight is 0 to 100."
  }
}

variable "container_insights" {
  description = "enabled, enhanced or disabled. CloudWatch bills it by the hour for each task definition family, of which pushpool has many (docs/cost.md)."
  type        = string
  default     = "disabled"

  validation {
    condition     = contains(["enabled", "enhanced", "disabled"], var.container_insights)
    error_message = "container_insights is enabled, enhanced or disabled."
  }
}

variable "tags" {
  description = "Tags of everything that takes tags."
  type        = map(string)
  default     = {}
}
