output "run_queue_url" {
  description = "Where messages of runs go; the schedule is one sender among others."
  value       = module.pushpool.queue_urls.run
}
