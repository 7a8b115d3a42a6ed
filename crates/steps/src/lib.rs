//! Build, push and pull steps of `prefect.yaml`.
