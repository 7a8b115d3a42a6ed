variable "name" {
  description = "Name of the repository."
  type        = string
}

variable "keep_images" {
  description = "How many images are kept; a deployment that names an older one does not start any more."
  type        = number
  default     = 100

  validation {
    condition     = var.keep_images >= 1
    error_message = "keep_images is at least 1."
  }
}

variable "kms_key_arn" {
  description = "KMS key of the images instead of AWS's own."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of everything that takes tags."
  type        = map(string)
  default     = {}
}
