output "pool_create_arguments" {
  description = "What a work pool of each region is made with."
  value       = { first = module.first.pool_create_arguments, second = module.second.pool_create_arguments }
}
