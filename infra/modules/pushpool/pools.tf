# Work pools of standalone mode as SSM parameters, and what a pool of a Prefect server has to be told.

locals {
  # Named as `pushpool pool create --set` takes them.
  pool_settings = merge(
    {
      cluster            = var.cluster_arns[0]
      execution_role_arn = var.execution_role_arns[0]
    },
    { for arn in slice(var.task_role_arns, 0, min(1, length(var.task_role_arns))) : "task_role_arn" => arn },
    { for subnets in [join(",", var.network.subnets)] : "subnets" => subnets if subnets != "" },
    { for groups in [join(",", var.network.security_groups)] : "security_groups" => groups if groups != "" },
    { for public in [var.network.assign_public_ip] : "assign_public_ip" => public ? "ENABLED" : "DISABLED" if length(var.network.subnets) > 0 },
    { for arn in compact([try(var.prefect.api_key_secret_arn, null)]) : "prefect_api_key_secret_arn" => arn },
    { for arn in compact([try(var.prefect.auth_string_secret_arn, null)]) : "prefect_api_auth_string_secret_arn" => arn },
  )

  pool_template = jsondecode(file("${path.module}/templates/standalone-pool.json"))

  # Subnets reach standalone tasks by the dispatcher's settings.
  pool_defaults = {
    for name, pool in var.work_pools : name => merge(
      { for key, value in local.pool_settings : key => value if contains(["cluster", "execution_role_arn", "task_role_arn"], key) },
      jsondecode(pool.defaults),
    )
  }

  pool_documents = {
    for name, pool in var.work_pools : name => pool.document != null ? pool.document : jsonencode({
      name      = name
      type      = "ecs:push"
      is_paused = pool.is_paused
      base_job_template = {
        job_configuration = local.pool_template.job_configuration
        variables = {
          type = "object"
          properties = {
            for variable, schema in local.pool_template.variables.properties : variable => merge(
              schema,
              { for key, value in local.pool_defaults[name] : "default" => value if key == variable },
            )
          }
        }
      }
    })
  }
}

resource "aws_ssm_parameter" "pool" {
  #checkov:skip=CKV2_AWS_34:pool documents name secrets by reference and hold none
  for_each = local.pool_documents

  name        = "${local.pools_path}/${each.key}"
  description = "Work pool ${each.key} of ${var.prefix}"
  type        = "String"
  tier        = length(each.value) > 4096 ? "Advanced" : "Standard"
  value       = each.value
  tags        = local.tags

  lifecycle {
    precondition {
      condition     = !local.served
      error_message = "work_pools are for standalone mode; with a Prefect server pools are its own: `pushpool pool create` with the output pool_create_arguments."
    }
    precondition {
      condition     = length(each.value) <= 8192
      error_message = "The document of work pool ${each.key} has more than 8192 characters, the most of an SSM parameter."
    }
    precondition {
      condition     = length(setsubtract(keys(local.pool_defaults[each.key]), keys(local.pool_template.variables.properties))) == 0
      error_message = "The template has no such variables: ${join(", ", setsubtract(keys(local.pool_defaults[each.key]), keys(local.pool_template.variables.properties)))}."
    }
  }
}
