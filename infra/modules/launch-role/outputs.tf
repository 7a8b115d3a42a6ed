output "launch_role" {
  description = "The value of `launch_role` of the module pushpool."
  value       = { arn = aws_iam_role.launch.arn, external_id = var.external_id }
}

output "event_sender_role_arn" {
  description = "For `event_sender_role_arns` of the module pushpool."
  value       = one(aws_iam_role.events[*].arn)
}
