variable "name" {
  description = "Name of the VPC, and beginning of the other names."
  type        = string
}

variable "cidr_block" {
  description = "Addresses of the VPC. Each task takes one."
  type        = string
  default     = "10.42.0.0/16"

  validation {
    condition     = can(cidrsubnet(var.cidr_block, 4, 0))
    error_message = "cidr_block is a block of IPv4 addresses with room for sixteen subnets."
  }
}

variable "availability_zones" {
  description = "Availability zones to have subnets in."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 1 && length(var.availability_zones) <= 8
    error_message = "One to eight availability zones."
  }
}

variable "private" {
  description = "Whether tasks get private subnets with a NAT gateway ($33 a month and zone, and its traffic), instead of public addresses of their own ($0.005 an hour each)."
  type        = bool
  default     = false
}

variable "single_nat_gateway" {
  description = "Whether one NAT gateway serves all zones: cheaper, and gone with its zone."
  type        = bool
  default     = true
}

variable "flow_log_retention_days" {
  description = "How long the VPC's flow log is kept; 0 keeps none."
  type        = number
  default     = 0
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the flow log's role."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that takes tags."
  type        = map(string)
  default     = {}
}
