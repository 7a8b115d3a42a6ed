output "vpc_id" {
  description = "Id of the VPC."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Ids of the public subnets, in the order of the zones."
  value       = [for zone in var.availability_zones : aws_subnet.public[zone].id]
}

output "private_subnet_ids" {
  description = "Ids of the private subnets, in the order of the zones; none unless `private`."
  value       = var.private ? [for zone in var.availability_zones : aws_subnet.private[zone].id] : []
}

output "task_security_group_id" {
  description = "Security group of tasks."
  value       = aws_security_group.tasks.id
}

output "task_network" {
  description = "The value of `network` of the module pushpool."
  value = {
    subnets          = var.private ? [for zone in var.availability_zones : aws_subnet.private[zone].id] : [for zone in var.availability_zones : aws_subnet.public[zone].id]
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = !var.private
  }

  # A task that comes up before there is a way out cannot pull its image.
  depends_on = [aws_route.out, aws_route.nat, aws_route_table_association.public, aws_route_table_association.private, aws_vpc_security_group_egress_rule.out]
}
