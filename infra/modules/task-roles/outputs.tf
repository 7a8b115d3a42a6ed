output "execution_role_arn" {
  description = "ARN of the execution role, for `execution_role_arns` of the module pushpool."
  value       = aws_iam_role.execution.arn

  depends_on = [aws_iam_role_policy.execution]
}

output "task_role_arn" {
  description = "ARN of the task role, for `task_role_arns` of the module pushpool."
  value       = aws_iam_role.task.arn
}

output "task_role_name" {
  description = "Name of the task role, to attach policies to."
  value       = aws_iam_role.task.name
}
