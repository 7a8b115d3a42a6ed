# An existing cluster, existing subnets and roles, and a Prefect server or Prefect Cloud.

provider "aws" {
  region = var.region
}

module "pushpool" {
  source = "../../modules/pushpool"

  manifest            = var.manifest
  cluster_arns        = [var.cluster_arn]
  execution_role_arns = [var.execution_role_arn]
  task_role_arns      = var.task_role_arn == null ? [] : [var.task_role_arn]
  network             = { subnets = var.subnet_ids, security_groups = var.security_group_ids, assign_public_ip = var.assign_public_ip }
  function_vpc        = var.function_vpc

  prefect = {
    api_url                = var.prefect_api_url
    api_key_secret_arn     = var.prefect_api_key_secret_arn
    auth_string_secret_arn = var.prefect_auth_string_secret_arn
    pools                  = var.pools
  }
}
