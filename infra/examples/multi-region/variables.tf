variable "regions" {
  description = "The two regions."
  type        = object({ first = string, second = string })
}

variable "manifest" {
  description = "Path of the build's manifest.json."
  type        = string
}

variable "prefect_api_url" {
  description = "The Prefect API that both regions reach."
  type        = string
}

variable "first" {
  description = "What there is in the first region, and the work pools that it serves."
  type = object({
    cluster_arn        = string
    execution_role_arn = string
    subnet_ids         = list(string)
    security_group_ids = list(string)
    api_key_secret_arn = optional(string)
    pools              = list(string)
  })
}

variable "second" {
  description = "The same of the second region."
  type = object({
    cluster_arn        = string
    execution_role_arn = string
    subnet_ids         = list(string)
    security_group_ids = list(string)
    api_key_secret_arn = optional(string)
    pools              = list(string)
  })
}
