# One Prefect server, pools in two regions: each region has its own queues, functions and clusters, and serves the pools that it
# names. Fargate's 20 launches a second are each region's own.

provider "aws" {
  region = var.regions.first
}

provider "aws" {
  alias  = "second"
  region = var.regions.second
}

module "first" {
  source = "../../modules/pushpool"

  manifest            = var.manifest
  cluster_arns        = [var.first.cluster_arn]
  execution_role_arns = [var.first.execution_role_arn]
  network             = { subnets = var.first.subnet_ids, security_groups = var.first.security_group_ids }

  # Of one server's pools each is served by one region: named, and no others.
  prefect = {
    api_url            = var.prefect_api_url
    api_key_secret_arn = var.first.api_key_secret_arn
    name               = "pushpool-${var.regions.first}"
    push_pools         = false
    pools              = var.first.pools
  }
}

module "second" {
  source = "../../modules/pushpool"

  providers = {
    aws = aws.second
  }

  manifest            = var.manifest
  cluster_arns        = [var.second.cluster_arn]
  execution_role_arns = [var.second.execution_role_arn]
  network             = { subnets = var.second.subnet_ids, security_groups = var.second.security_group_ids }

  prefect = {
    api_url            = var.prefect_api_url
    api_key_secret_arn = var.second.api_key_secret_arn
    name               = "pushpool-${var.regions.second}"
    push_pools         = false
    pools              = var.second.pools
  }
}
