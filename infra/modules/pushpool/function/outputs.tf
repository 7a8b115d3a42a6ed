output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "role_arn" {
  description = "ARN of its role."
  value       = aws_iam_role.this.arn
}

output "log_group" {
  description = "Name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "policy" {
  description = "What it may, as JSON."
  value       = aws_iam_role_policy.this.policy
}

output "environment" {
  description = "Its variables."
  value       = local.environment
}

output "mappings" {
  description = "The event source mappings, by queue."
  value       = aws_lambda_event_source_mapping.queue
}

output "code" {
  description = "Where its code is from."
  value       = { file = aws_lambda_function.this.filename, s3_bucket = aws_lambda_function.this.s3_bucket, s3_key = aws_lambda_function.this.s3_key, sha256 = aws_lambda_function.this.source_code_hash }
}

output "settings" {
  description = "How it runs, for checks of the module's promises."
  value = {
    architectures                  = aws_lambda_function.this.architectures
    runtime                        = aws_lambda_function.this.runtime
    memory                         = aws_lambda_function.this.memory_size
    timeout                        = aws_lambda_function.this.timeout
    reserved_concurrent_executions = aws_lambda_function.this.reserved_concurrent_executions
    log_format                     = aws_lambda_function.this.logging_config[0].log_format
    log_retention                  = aws_cloudwatch_log_group.this.retention_in_days
    log_kms_key                    = aws_cloudwatch_log_group.this.kms_key_id
    tracing                        = aws_lambda_function.this.tracing_config[0].mode
    permissions_boundary           = aws_iam_role.this.permissions_boundary
    subnet_ids                     = try(aws_lambda_function.this.vpc_config[0].subnet_ids, null)
    tags                           = aws_lambda_function.this.tags
  }
}
