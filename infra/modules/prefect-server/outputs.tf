output "api_url" {
  description = "The API, for `prefect.api_url` of the module pushpool."
  value       = local.api_url
}

output "load_balancer" {
  description = "DNS name and zone of the load balancer, for an alias record of `domain_name`."
  value       = { dns_name = aws_lb.this.dns_name, zone_id = aws_lb.this.zone_id }
}

output "database_secret_arn" {
  description = "Secret with the database's password, which RDS changes."
  value       = local.database_secret_arn
}
