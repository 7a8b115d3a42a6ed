output "arn" {
  description = "ARN of the repository, for `repository_arns` of the module task-roles."
  value       = aws_ecr_repository.this.arn
}

output "url" {
  description = "URL of the repository: what an image's name begins with."
  value       = aws_ecr_repository.this.repository_url
}
