output "pool_create_arguments" {
  description = "What a work pool is made with: `pushpool pool create NAME $(terraform output -raw pool_create_arguments)`."
  value       = module.pushpool.pool_create_arguments
}

output "function_arns" {
  description = "ARNs of the functions, for `cargo lambda deploy`."
  value       = module.pushpool.function_arns
}

output "function_names" {
  description = "Names of the functions."
  value       = module.pushpool.function_names
}
