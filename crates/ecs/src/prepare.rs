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
    Definition, PrepareError, Prepared, Refused, Run, Settings, command,
    configuration::{Configuration, DEFAULT_CONTAINER},
    definition::Draft,
    environment::Environment,
    findings::Findings,
    ignored,
    locate::{not_allowed, within},
    network::{self, Interface},
    overrides::{self, Overrides},
    placement::{self, Placement},
    refused::Reason,
    rules,
    secrets::Secrets,
    shape::shape_errors,
    tags,
    value::{drop_null, sort_keys, true_member},
};

/// Notices of one run.
const MOST_NOTICES: usize = 50;

/// Characters of a notice.
const LONGEST_NOTICE: usize = 1_000;

/// Prepares the requests of a run: what the worker would send, whether or not ECS takes it.
///
/// # Errors
/// [`PrepareError`]: the requests would do something that must not happen, or cannot be written. The first of the reasons;
/// the same inputs fail the same way again.
pub fn prepare(configuration: &JobConfiguration, run: &Run, settings: &Settings) -> Result<Prepared, PrepareError> {
    let (written, mut findings) = write(configuration, run, settings);
    let mut prepared = match findings.refusals.is_empty() {
        true => written?,
        false => return Err(findings.refusals.remove(0)),
    };
    prepared.notices = bounded(prepared.notices);
    Ok(prepared)
}

/// Prepares the requests of a run, and checks them against what ECS refuses ([`rules`]).
///
/// # Errors
/// [`Refused`]: every reason why they must not be sent, or why ECS would not take them.
pub fn prepare_to_launch(
    configuration: &JobConfiguration,
    run: &Run,
    settings: &Settings,
) -> Result<Prepared, Refused> {
    let (written, findings) = write(configuration, run, settings);
    let mut reasons: Vec<Reason> = findings.refusals.iter().map(PrepareError::reason).collect();
    let prepared = match written {
        Ok(mut prepared) => {
            let checked = rules::check(&prepared, settings, &reasons);
            reasons.extend(checked.refusals);
            prepared.notices.extend(checked.notes);
            prepared.notices = bounded(prepared.notices);
            Ok(prepared)
        }
        Err(error) => {
            reasons.push(error.reason());
            Err(error)
        }
    };
    let notes = prepared.as_ref().map_or_else(|_| bounded(findings.notes), |prepared| prepared.notices.clone());
    match (Refused::of(reasons, notes, prepared.is_err()), prepared) {
        (Some(refused), _) => Err(refused),
        (None, Ok(prepared)) => Ok(prepared),
        (None, Err(_)) => unreachable!("what was not written has a reason"),
    }
}

/// Writes the requests, as far as that can be done, and says what is wrong with them. An error is one after which there are no
/// requests.
fn write(
    configuration: &JobConfiguration,
    run: &Run,
    settings: &Settings,
) -> (Result<Prepared, PrepareError>, Findings) {
    let mut findings = Findings::default();
    let written = try_write(configuration, run, settings, &mut findings);
    (written, findings)
}

fn try_write(
    configuration: &JobConfiguration,
    run: &Run,
    settings: &Settings,
    findings: &mut Findings,
) -> Result<Prepared, PrepareError> {
    let configuration = Configuration::read(configuration, &mut findings.refusals)?;
    check_credentials(&configuration, settings, findings);
    let mut request = configuration.task_run_request.cloned().unwrap_or_default();
    overrides::drop_unset(&mut request);
    drop_null(&mut request);
    let existing = match configuration.existing_definition() {
        None => None,
        Some(Value::String(definition)) => Some(definition.clone()),
        Some(other) => return Err(not_allowed("RunTask", "task_run_request.taskDefinition", other, "a string")),
    };
    let placement = Placement::of(&request)?;
    let secrets = Secrets::read(&configuration, settings, existing.as_deref(), findings);
    let mut environment = Environment::of(&configuration, run, settings, placement.on_spot());
    if environment.drop_nameless() {
        findings.notes.push("`env` has a variable whose name is empty: it is left out.".to_owned());
    }
    secrets.keep_out_of(&mut environment, findings);

    let mut draft = match existing {
        Some(_) => None,
        None => Some(Draft::prepare(&configuration, &placement, run, settings, findings)?),
    };
    if let Some(draft) = &mut draft {
        draft.take_roles(&mut request);
        draft.add_secrets(&secrets, findings);
        draft.add_environment(&mut environment);
    } else {
        environment.shared.clear();
    }
    let container_name = match &draft {
        Some(draft) => draft.container_name.clone(),
        None => container_of_existing(&configuration, &mut findings.notes),
    };
    let requires_ec2 = draft.as_ref().is_some_and(|draft| draft.requires("EC2"));
    let on_fargate = placement.on_fargate(requires_ec2);

    command::note(configuration.command, &mut findings.notes);
    let mut overrides = Overrides::prepare(&mut request, &configuration, &container_name, findings)?;
    if on_fargate {
        overrides.check_sizes(draft.as_ref(), findings);
    }
    overrides.add_environment(&environment, &secrets, findings);
    overrides.fit(draft.as_mut(), configuration.private_env, findings);
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
    network::configure(&mut request, &configuration, interface, on_fargate, settings, findings)?;
    tags::set(&mut request, &configuration, run, &mut findings.notes)?;
    claim(&mut request, run, findings);

    let definition = match (draft, existing) {
        (Some(draft), _) => {
            let (family, definition) = draft.finish(&superseded, findings);
            Definition::Content { family, request: definition }
        }
        (None, existing) => {
            let existing = existing.unwrap_or_default();
            ignored::note(&configuration, &existing, &mut findings.notes);
            Definition::Existing(existing)
        }
    };
    let named = match &definition {
        Definition::Existing(arn) => arn,
        Definition::Content { family, .. } => family,
    };
    request.insert("taskDefinition".to_owned(), named.as_str().into());
    let mut run_task = Value::Object(request);
    sort_keys(&mut run_task);
    for error in shape_errors("RunTask", &run_task) {
        findings.refuse(within("task_run_request", error));
    }
    if configuration.auto_deregister {
        findings.notes.push("`auto_deregister_task_definition` has no effect: runs share definitions.".to_owned());
    }
    if configuration.match_latest {
        findings
            .notes
            .push("`match_latest_revision_in_family` has no effect: a definition is found by its content.".to_owned());
    }
    Ok(Prepared { definition, run_task, container_name, notices: std::mem::take(&mut findings.notes) })
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

/// The dispatcher's own role launches. A pool that says otherwise, literally or by a block, must not be launched somewhere
/// else by accident.
fn check_credentials(configuration: &Configuration<'_>, settings: &Settings, findings: &mut Findings) {
    let Some(credentials) = configuration.aws_credentials else { return };
    let asked = |member: &str| true_member(credentials, member).map(|value| value.as_str().unwrap_or("no string"));
    let mut refused = false;
    if let Some(region) = asked("region_name").filter(|region| *region != settings.region) {
        refused = true;
        findings.refuse(PrepareError::UseCredentials {
            member: "region_name",
            asked: region.to_owned(),
            instead: format!("this dispatcher launches in {}", settings.region),
        });
    }
    if let Some(role) = asked("assume_role_arn") {
        refused = true;
        findings.refuse(PrepareError::UseCredentials {
            member: "assume_role_arn",
            asked: role.to_owned(),
            instead: "this dispatcher launches with its own role".to_owned(),
        });
    }
    if !refused {
        let note = "`aws_credentials` are not used: the dispatcher launches with its own role, in its own account.";
        findings.notes.push(note.to_owned());
    }
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
fn claim(request: &mut Object, run: &Run, findings: &mut Findings) {
    if let Some(count) = request.remove("count").filter(|count| *count != 1) {
        findings.refuse(PrepareError::CountTasks { count: count.to_string() });
    }
    for (member, value) in [("clientToken", run.attempt.client_token()), ("startedBy", run.attempt.started_by())] {
        if request.insert(member.to_owned(), value.into()).is_some() {
            let note = format!("`task_run_request.{member}` has no effect: it says which run the task is of.");
            findings.notes.push(note);
        }
    }
}
