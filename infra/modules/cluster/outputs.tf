output "arn" {
  description = "ARN of the cluster, for `cluster_arns` of the module pushpool."
  value       = aws_ecs_cluster.this.arn

  # Tasks on Spot are refused before.
  depends_on = [aws_ecs_cluster_capacity_providers.this]
}

output "name" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}
