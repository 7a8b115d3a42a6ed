//! Deployments of `prefect.yaml`.
