variable "name" {
  description = "Beginning of every name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,21}$", var.name))
    error_message = "name has 1 to 22 lower-case letters, digits and hyphens: a load balancer's has no room for more."
  }
}

variable "cluster_arn" {
  description = "Cluster that the server runs in."
  type        = string
}

variable "vpc_id" {
  description = "VPC of server, load balancer and database."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets in two availability zones at least, with a way out to the image."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "Load balancer and database need subnets in two availability zones."
  }
}

variable "client_security_group_ids" {
  description = "Security groups that reach the API, by a name of your choice: tasks, functions, a VPN."
  type        = map(string)
}

variable "image" {
  description = "The server's image. A tag that moves would upgrade the database whenever a task is replaced."
  type        = string
  default     = "prefecthq/prefect:3.9.1-python3.12"

  validation {
    condition     = can(regex(":[^/]*[0-9]", var.image)) && !endswith(var.image, "-latest")
    error_message = "image names a release, such as prefecthq/prefect:3.9.1-python3.12."
  }
}

variable "cpu" {
  description = "CPU units of the server."
  type        = number
  default     = 1024
}

variable "memory" {
  description = "MB of the server."
  type        = number
  default     = 2048
}

variable "auth_string_secret_arn" {
  description = "Secrets Manager secret with `user:password`, which API and UI ask for."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^:]+$", var.auth_string_secret_arn))
    error_message = "auth_string_secret_arn is the ARN of a Secrets Manager secret, never its value. Every container that runs a flow holds this credential, and without it anyone in a client's security group could start tasks with your roles."
  }
}

variable "certificate_arn" {
  description = "ACM certificate of `domain_name`, for HTTPS. Needed unless `allow_plain_http` is true."
  type        = string
  default     = null
}

variable "allow_plain_http" {
  description = "Whether the API may speak HTTP where there is no certificate: the auth string, and the values of blocks, then cross the VPC in the clear."
  type        = bool
  default     = false
}

variable "domain_name" {
  description = "Name of the server, which you point at the load balancer; its own name otherwise."
  type        = string
  default     = null
}

variable "database" {
  description = "The PostgreSQL database. `deletion_protection` is on: `terraform destroy` stops there until it is off. With `final_snapshot` it leaves a snapshot, which costs until you delete it."
  type = object({
    instance_class        = optional(string, "db.t4g.micro")
    engine_version        = optional(string, "17")
    allocated_storage     = optional(number, 20)
    max_allocated_storage = optional(number, 100)
    multi_az              = optional(bool, false)
    backup_days           = optional(number, 7)
    deletion_protection   = optional(bool, true)
    final_snapshot        = optional(bool, true)
  })
  default = {}
}

variable "log_retention_days" {
  description = "How long the server's log is kept."
  type        = number
  default     = 365
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
