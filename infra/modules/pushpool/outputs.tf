output "queue_urls" {
  description = "URLs of the queues, by name: poll, run, run.fifo, events (standalone: run)."
  value       = { for key, queue in aws_sqs_queue.this : key => queue.url }
}

output "queue_arns" {
  description = "ARNs of the queues, by name."
  value       = { for key, queue in aws_sqs_queue.this : key => queue.arn }
}

output "dead_letter_queue_urls" {
  description = "URLs of the dead-letter queues, by the name of their queue."
  value       = { for key, queue in aws_sqs_queue.dead_letter : key => queue.url }
}

output "function_names" {
  description = "Names of the functions, for their logs."
  value       = local.function_names
}

output "function_arns" {
  description = "ARNs of the functions, for `cargo lambda deploy` (docs/building.md)."
  value = merge(
    { dispatcher = module.dispatcher.arn },
    { for name, function in { poller = module.poller, observer = module.observer, reconciler = module.reconciler, doorbell = module.doorbell } : name => function[0].arn if length(function) > 0 },
  )
}

output "role_arns" {
  description = "ARNs of the functions' roles."
  value = merge(
    { dispatcher = module.dispatcher.role_arn },
    { for name, function in { poller = module.poller, observer = module.observer, reconciler = module.reconciler, doorbell = module.doorbell } : name => function[0].role_arn if length(function) > 0 },
  )
}

output "doorbell_url" {
  description = "URL of the doorbell, for `pushpool doorbell install --url`."
  value       = one(aws_lambda_function_url.doorbell[*].function_url)
}

output "version" {
  description = "Version and git revision of the functions, as the manifest has them."
  value       = local.version
}

output "pool_settings" {
  description = "Defaults of a work pool that runs here, by the names that `pushpool pool create --set` takes."
  value       = local.pool_settings
}

output "pool_create_arguments" {
  description = "The same as arguments: `pushpool pool create NAME $(terraform output -raw …)`."
  value       = join(" ", concat(local.cloud ? ["--type ecs"] : [], [for name, value in local.pool_settings : "--set ${name}=${value}"]))
}

output "pools_location" {
  description = "Standalone: where the pool documents are, as PUSHPOOL_POOL_DOCUMENTS has it."
  value       = local.served ? null : "ssm:${local.pools_path}"
}

output "alarm_names" {
  description = "Names of the alarms."
  value = sort(concat(
    [for alarm in aws_cloudwatch_metric_alarm.plain : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.dead_letters : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.function_errors : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.function_throttles : alarm.alarm_name],
    [for alarm in aws_cloudwatch_metric_alarm.recursive_invocations : alarm.alarm_name],
  ))
}
