//! Where the tasks of a request run: cluster, launch type and capacity provider strategy.

use serde_json::{Value, json};
use work_pool::Object;

use crate::{PrepareError, configuration::Configuration, locate::not_allowed, value::true_member};

/// Where the tasks of a request run, as far as the request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    /// `task_run_request.launchType`, empty when it is not given.
    pub launch_type: String,
    /// Names of the providers in `task_run_request.capacityProviderStrategy`.
    pub providers: Vec<String>,
}

impl Placement {
    pub(crate) fn of(request: &Object) -> Result<Self, PrepareError> {
        let launch_type = match true_member(request, "launchType") {
            None => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => return Err(not_allowed("RunTask", "task_run_request.launchType", other, "a string")),
        };
        let providers = match request.get("capacityProviderStrategy") {
            None => Vec::new(),
            Some(Value::Array(strategy)) => strategy
                .iter()
                .map(|item| item.get("capacityProvider").and_then(Value::as_str).unwrap_or_default().to_owned())
                .collect(),
            Some(other) => {
                return Err(not_allowed("RunTask", "task_run_request.capacityProviderStrategy", other, "a list"));
            }
        };
        Ok(Self { launch_type, providers })
    }

    /// Whether a task may be interrupted because AWS wants its capacity back.
    pub(crate) fn on_spot(&self) -> bool {
        if self.providers.is_empty() {
            self.launch_type == "FARGATE_SPOT"
        } else {
            self.providers.iter().any(|name| name == "FARGATE_SPOT")
        }
    }

    /// Whether the tasks certainly run on Fargate, given what the definition requires.
    pub(crate) fn on_fargate(&self, requires_ec2: bool) -> bool {
        if self.providers.is_empty() {
            matches!(self.launch_type.as_str(), "FARGATE" | "FARGATE_SPOT")
                || (self.launch_type.is_empty() && !requires_ec2)
        } else {
            self.providers.iter().any(|name| matches!(name.as_str(), "FARGATE" | "FARGATE_SPOT"))
        }
    }
}

/// Cluster, launch type and capacity provider strategy.
pub(crate) fn place(
    request: &mut Object,
    configuration: &Configuration<'_>,
    placement: &Placement,
    requires_ec2: bool,
) {
    if true_member(request, "cluster").is_none() {
        request.remove("cluster");
        if let Some(cluster) = configuration.cluster {
            request.insert("cluster".to_owned(), cluster.into());
        }
    }
    if !placement.providers.is_empty() {
        request.remove("launchType");
        return;
    }
    request.remove("capacityProviderStrategy");
    match placement.launch_type.as_str() {
        "FARGATE_SPOT" => {
            request.remove("launchType");
            request.insert(
                "capacityProviderStrategy".to_owned(),
                json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]),
            );
        }
        // A definition for EC2 may leave the choice to the cluster's default strategy.
        "" if requires_ec2 => drop(request.remove("launchType")),
        "" => drop(request.insert("launchType".to_owned(), "FARGATE".into())),
        _ => {}
    }
}
