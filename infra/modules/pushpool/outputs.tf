output "queue_urls" {
  description = "URLs of the queues, by name: poll, run, fifo, events (standalone: run)."
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
  description = "Names of the functions, for `cargo lambda deploy` and logs."
  value = merge(
    { dispatcher = module.dispatcher.name },
    { for name, function in { poller = module.poller, observer = module.observer, reconciler = module.reconciler, doorbell = module.doorbell } : name => function[0].name if length(function) > 0 },
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
