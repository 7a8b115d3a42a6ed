//! PP07: reserved for reading `prefect.yaml` and deploying from it.

use crate::code::{Family, family};

family! {
    "PP07", "Deployments",
    "Reserved for reading deployment files (prefect.yaml) and deploying from them.";
}
