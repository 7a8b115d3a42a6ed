output "prefect_api_url" {
  description = "The Prefect API, inside the VPC."
  value       = module.prefect.api_url
}

output "pool_create_arguments" {
  description = "What a work pool is made with: `pushpool pool create NAME $(terraform output -raw pool_create_arguments)`."
  value       = module.pushpool.pool_create_arguments
}

output "doorbell_url" {
  description = "For `pushpool doorbell install --url`."
  value       = module.pushpool.doorbell_url
}

output "doorbell_secret_arn" {
  description = "Secret with the doorbell's token."
  value       = aws_secretsmanager_secret.this["doorbell"].arn
}

output "image_repository" {
  description = "Where images of flows go."
  value       = module.images.url
}

output "alarm_topic_arn" {
  description = "SNS topic of the alarms: subscribe to it."
  value       = aws_sns_topic.alarms.arn
}
