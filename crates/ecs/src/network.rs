//! Subnets and security groups of a task in a VPC.
//!
//! The worker asks EC2 for the VPC and its subnets at every run (prefect-aws 0.7.12, `ecs_worker.py`,
//! `_load_network_configuration`, `_custom_network_configuration`), needs a `vpc_id` for that, and takes *all* subnets of
//! the default VPC when nothing is said. Here nothing is looked up: subnets come from the pool or from the settings, and
//! whether they exist is for RunTask to say. `network_configuration` is the inner object by name and the whole one by
//! custom, so both shapes are taken, in both places.

use serde_json::{Value, json};
use work_pool::Object;

use crate::{PrepareError, Settings, configuration::Configuration, findings::Findings, locate::not_allowed};

/// Whether the task has an elastic network interface of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interface {
    /// The definition says network mode awsvpc.
    Own,
    /// The definition says another network mode.
    Hosts,
    /// The definition exists and is not known here; on Fargate it must say awsvpc.
    Unknown {
        /// Whether the task runs on Fargate.
        fargate: bool,
    },
}

/// Sets `networkConfiguration` of the RunTask request.
pub(crate) fn configure(
    request: &mut Object,
    configuration: &Configuration<'_>,
    interface: Interface,
    on_fargate: bool,
    settings: &Settings,
    findings: &mut Findings,
) -> Result<(), PrepareError> {
    let in_request = match request.remove("networkConfiguration") {
        None => None,
        Some(Value::Object(object)) => Some(object).filter(|object| !object.is_empty()),
        Some(other) => return Err(not_an_object(&other)),
    };
    // A variable set for this pool, deployment or run is closer than what the template says.
    let from_variable = configuration.network.filter(|_| interface != Interface::Hosts);
    if configuration.network.is_some() && from_variable.is_none() {
        findings.notes.push("`network_configuration` has no effect: the network mode is not awsvpc.".to_owned());
    }
    let given = from_variable.cloned().or(in_request);
    let is_given = given.is_some();
    let wanted = match interface {
        Interface::Own => true,
        Interface::Hosts => is_given,
        Interface::Unknown { fargate } => fargate || is_given,
    };
    if !wanted {
        return Ok(());
    }
    if interface == (Interface::Unknown { fargate: false }) {
        findings.notes.push(
            "The existing task definition is not read; the network configuration is taken to mean that its network mode is \
             awsvpc. If it is another, set `network_configuration` to {}."
                .to_owned(),
        );
    }
    let mut inner = inner(given.unwrap_or_default())?;
    public_address(&mut inner, on_fargate, findings);
    if interface != Interface::Hosts && inner.get("subnets").is_none_or(crate::value::is_empty) {
        if settings.subnets.is_empty() {
            // A misspelt `subnets` is refused by its name.
            if inner.keys().all(|member| MEMBERS.contains(&member.as_str())) {
                findings.refuse(PrepareError::FindSubnets);
                return Ok(());
            }
        } else {
            inner.insert("subnets".to_owned(), json!(settings.subnets));
            let public = if settings.assign_public_ip { "ENABLED" } else { "DISABLED" };
            if on_fargate {
                inner.entry("assignPublicIp").or_insert_with(|| public.into());
            }
            inner.entry("securityGroups").or_insert_with(|| json!(settings.security_groups));
        }
    }
    if !is_given && let Some(vpc) = configuration.vpc_id {
        findings
            .notes
            .push(format!("`vpc_id` {vpc} is not looked up; the subnets come from the dispatcher's settings."));
    }
    request.insert("networkConfiguration".to_owned(), json!({"awsvpcConfiguration": inner}));
    Ok(())
}

/// The members of `awsvpcConfiguration`.
const MEMBERS: [&str; 3] = ["assignPublicIp", "securityGroups", "subnets"];

/// Spells `assignPublicIp` as ECS does, and sends none that it would refuse: only tasks on Fargate take a public address
/// (<https://github.com/hashicorp/waypoint/issues/643>).
fn public_address(inner: &mut Object, on_fargate: bool, findings: &mut Findings) {
    let Some(public) = inner.get_mut("assignPublicIp") else { return };
    if let Value::Bool(flag) = public {
        *public = if *flag { "ENABLED" } else { "DISABLED" }.into();
    }
    if !on_fargate && public == "ENABLED" {
        inner.shift_remove("assignPublicIp");
        findings.notes.push("`assignPublicIp` has no effect: only tasks on Fargate take a public address.".to_owned());
    }
}

/// What stands in `awsvpcConfiguration`, of either shape; also of the whole one within the wrapper of a template.
fn inner(mut given: Object) -> Result<Object, PrepareError> {
    while let Some(wrapped) = given.remove("awsvpcConfiguration") {
        let Value::Object(mut inner) = wrapped else { return Err(not_an_object(&wrapped)) };
        // Anything beside it is refused by the shape check, which sees it inside.
        inner.extend(given);
        given = inner;
    }
    Ok(given)
}

fn not_an_object(found: &Value) -> PrepareError {
    not_allowed("RunTask", "task_run_request.networkConfiguration", found, "an object")
}
