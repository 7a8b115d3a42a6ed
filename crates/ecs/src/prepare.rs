//! From a job configuration to the two requests.
//!
//! A pure function: no clock, no chance, no I/O, and nothing of one run can get into another's. The RunTask request is
//! written in a canonical order (sorted keys, sorted environment, sorted tags), so that every delivery of an attempt asks
//! for the same thing and its `clientToken` never meets other parameters.
//!
//! The semantics are the ECS worker's, stated where they apply. Intended differences, beyond those said in the modules:
//! members of `task_run_request` that are explicitly null are left out (boto3 refuses them, so the worker fails);
//! definitions are shared, so `auto_deregister_task_definition` and `match_latest_revision_in_family` have no effect; the
//! pool's AWS credentials are not used; `name` is not templated, because nothing of an ECS task bears it; a run is one
//! task, so `count` may only be 1.

use std::collections::BTreeSet;

use serde_json::Value;
use work_pool::{JobConfiguration, Object};

use crate::{
    Definition, PrepareError, Prepared, Run, Settings,
    configuration::{Configuration, DEFAULT_CONTAINER},
    definition::Draft,
    environment::Environment,
    locate::{not_allowed, within},
    network::{self, Interface},
    overrides::{self, Overrides},
    placement::{self, Placement},
    secrets::Secrets,
    shape::check_shape,
    tags,
    value::{drop_null, sort_keys, true_member},
};

/// Notices of one run.
const MOST_NOTICES: usize = 50;

/// Characters of a notice.
const LONGEST_NOTICE: usize = 1_000;

/// Prepares the requests of a run.
///
/// # Errors
/// [`PrepareError`]: the requests would be refused, or would do something that must not happen. The same inputs fail the
/// same way again.
pub fn prepare(configuration: &JobConfiguration, run: &Run, settings: &Settings) -> Result<Prepared, PrepareError> {
    let configuration = Configuration::read(configuration)?;
    let mut notices = Vec::new();
    check_credentials(&configuration, settings, &mut notices)?;
    let mut request = configuration.task_run_request.cloned().unwrap_or_default();
    overrides::drop_unset(&mut request);
    drop_null(&mut request);
    let existing = match configuration.existing_definition() {
        None => None,
        Some(Value::String(definition)) => Some(definition.clone()),
        Some(other) => return Err(not_allowed("RunTask", "task_run_request.taskDefinition", other, "a string")),
    };
    let placement = Placement::of(&request)?;
    let secrets = Secrets::read(&configuration, settings, existing.as_deref(), &mut notices)?;
    let mut environment = Environment::of(&configuration, run, settings, placement.on_spot());
    secrets.keep_out_of(&mut environment)?;

    let mut draft = match existing {
        Some(_) => None,
        None => Some(Draft::prepare(&configuration, &placement, run, settings)?),
    };
    if let Some(draft) = &mut draft {
        draft.take_roles(&mut request);
        draft.add_secrets(&secrets)?;
        draft.add_environment(&mut environment);
    } else {
        environment.shared.clear();
    }
    let container_name = match &draft {
        Some(draft) => draft.container_name.clone(),
        None => container_of_existing(&configuration, &mut notices),
    };
    let requires_ec2 = draft.as_ref().is_some_and(|draft| draft.requires("EC2"));
    let on_fargate = placement.on_fargate(requires_ec2);

    let mut overrides = Overrides::prepare(&mut request, &configuration, &container_name)?;
    if on_fargate {
        overrides.check_sizes(draft.as_ref())?;
    }
    overrides.add_environment(&environment, &secrets)?;
    overrides.fit(draft.as_mut(), configuration.private_env, &mut notices)?;
    let own: BTreeSet<&str> = overrides.names().collect();
    let superseded: BTreeSet<&str> =
        environment.shared.keys().map(AsRef::as_ref).filter(|it| own.contains(it)).collect();
    overrides.finish(&mut request);

    placement::place(&mut request, &configuration, &placement, requires_ec2);
    let interface = match &draft {
        Some(draft) if draft.network_mode() == Some("awsvpc") => Interface::Own,
        Some(_) => Interface::Hosts,
        None => Interface::Unknown { fargate: on_fargate },
    };
    network::configure(&mut request, &configuration, interface, settings, &mut notices)?;
    tags::set(&mut request, &configuration, run, &mut notices)?;
    claim(&mut request, run, &mut notices)?;

    let definition = match (draft, existing) {
        (Some(draft), _) => {
            let (family, definition) = draft.finish(&superseded)?;
            Definition::Content { family, request: definition }
        }
        (None, existing) => {
            note_ignored(&configuration, &mut notices);
            Definition::Existing(existing.unwrap_or_default())
        }
    };
    let named = match &definition {
        Definition::Existing(arn) => arn,
        Definition::Content { family, .. } => family,
    };
    request.insert("taskDefinition".to_owned(), named.as_str().into());
    let mut run_task = Value::Object(request);
    sort_keys(&mut run_task);
    check_shape("RunTask", &run_task).map_err(|error| within("task_run_request", error))?;
    if configuration.auto_deregister {
        notices.push("`auto_deregister_task_definition` has no effect: runs share definitions.".to_owned());
    }
    if configuration.match_latest {
        notices
            .push("`match_latest_revision_in_family` has no effect: a definition is found by its content.".to_owned());
    }
    Ok(Prepared { definition, run_task, container_name, notices: bounded(notices) })
}

/// Notices go into a log with the run. Names in them may be as long, and labels as many, as their author likes.
fn bounded(mut notices: Vec<String>) -> Vec<String> {
    notices.truncate(MOST_NOTICES);
    for notice in &mut notices {
        if let Some((end, _)) = notice.char_indices().nth(LONGEST_NOTICE) {
            notice.truncate(end);
            notice.push('…');
        }
    }
    notices
}

/// The dispatcher's own role launches. A pool that says otherwise must not be launched somewhere else by accident.
fn check_credentials(
    configuration: &Configuration<'_>,
    settings: &Settings,
    notices: &mut Vec<String>,
) -> Result<(), PrepareError> {
    let Some(credentials) = configuration.aws_credentials else { return Ok(()) };
    let asked = |member: &str| true_member(credentials, member).map(|value| value.as_str().unwrap_or("no string"));
    if let Some(region) = asked("region_name").filter(|region| *region != settings.region) {
        return Err(PrepareError::UseCredentials {
            member: "region_name",
            asked: region.to_owned(),
            instead: format!("this dispatcher launches in {}", settings.region),
        });
    }
    if let Some(role) = asked("assume_role_arn") {
        return Err(PrepareError::UseCredentials {
            member: "assume_role_arn",
            asked: role.to_owned(),
            instead: "this dispatcher launches with its own role".to_owned(),
        });
    }
    notices.push("`aws_credentials` are not used: the dispatcher launches with its own role.".to_owned());
    Ok(())
}

/// The worker reads the existing definition to find out; that would be a call for each run.
fn container_of_existing(configuration: &Configuration<'_>, notices: &mut Vec<String>) -> String {
    let name = |container: &Value| {
        container.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()).map(str::to_owned)
    };
    let containers = configuration.containers();
    if let Some(name) = configuration.container_name {
        return name.to_owned();
    }
    if containers.iter().any(|container| name(container).as_deref() == Some(DEFAULT_CONTAINER)) {
        return DEFAULT_CONTAINER.to_owned();
    }
    containers.first().and_then(name).unwrap_or_else(|| {
        notices.push(format!(
            "The container of the existing task definition is taken to be {DEFAULT_CONTAINER:?}; set \
             `container_name` if it is another."
        ));
        DEFAULT_CONTAINER.to_owned()
    })
}

/// Token and origin of the task.
fn claim(request: &mut Object, run: &Run, notices: &mut Vec<String>) -> Result<(), PrepareError> {
    if let Some(count) = request.remove("count").filter(|count| *count != 1) {
        return Err(PrepareError::CountTasks { count: count.to_string() });
    }
    for (member, value) in [("clientToken", run.attempt.client_token()), ("startedBy", run.attempt.started_by())] {
        if request.insert(member.to_owned(), value.into()).is_some() {
            notices.push(format!("`task_run_request.{member}` has no effect: it says which run the task is of."));
        }
    }
    Ok(())
}

/// What a pool says about definitions does not apply to an existing one.
fn note_ignored(configuration: &Configuration<'_>, notices: &mut Vec<String>) {
    if configuration.configure_logs {
        notices.push("`configure_cloudwatch_logs` has no effect on an existing task definition.".to_owned());
    }
}
