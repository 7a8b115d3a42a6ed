//! The requests that a deployment's runs send today.

use ecs::{check_shape, rules::run_task_form};
use prefect_api::models::Object;
use serde_json::Value;
use work_pool::{BaseJobTemplate, Layers};

use super::{
    block::{self, BlockDeployment, BlockRun},
    compare::Context,
    ours,
    resolver::OfEstate,
    worker::{self, WorkerRun},
};
use crate::{
    assess::Subject,
    estate::{Account, WorkPool},
    mapping::ecs_task::{EcsTask, LaunchType},
    plan::Requests,
};

/// Stands before the VPC whose subnets are not known.
const UNKNOWN_SUBNETS: &str = "(subnets of";

/// The requests, and how to read differences from them. An error says why there are none.
pub(crate) struct Old {
    pub requests: Result<Requests, String>,
    pub context: Context,
}

/// The requests of a block with a deployment's overrides, which are in `data` and `task`.
pub(crate) fn of_block(subject: &Subject<'_>, data: &Object, task: &EcsTask) -> Old {
    let of_credentials = data.get("aws_credentials").and_then(|credentials| credentials.get("region_name")?.as_str());
    let region = region(subject, of_credentials);
    let run = BlockRun {
        agent_environment: vec![("PREFECT_API_URL".to_owned(), api_url(subject))],
        flow_run_id: ours::FLOW_RUN.to_string(),
        flow_run_name: ours::FLOW_RUN_NAME.to_owned(),
        version: subject.estate.version.0.clone(),
        deployment: Some(BlockDeployment { name: subject.deployment.view.name.clone(), updated: None }),
        flow: Some(subject.flow_name().to_owned()),
        region,
    };
    let context = Context {
        off_fargate_and_ec2: matches!(task.launch_type, None | Some(LaunchType::External)),
        sized_by_definition: task.task_definition.is_some() || task.task_definition_arn.is_some(),
        network_of_settings: false,
    };
    Old { requests: block_requests(task, &subject.estate.account, &run, subject.options.repair), context }
}

/// The requests of a block, as its own code makes them.
///
/// # Errors
/// Why the block fails.
pub(crate) fn block_requests(
    task: &EcsTask,
    account: &Account,
    run: &BlockRun,
    with_parents: bool,
) -> Result<Requests, String> {
    let existing = task.task_definition_arn.as_deref();
    let described = existing.and_then(|arn| account.task_definitions.get(arn)).and_then(Value::as_object);
    let prepared = match (existing, described) {
        (Some(arn), None) => match &account.region {
            // It was asked.
            Some(region) => return Err(format!("the AWS account has no task definition {arn} in {region}")),
            None => None,
        },
        (Some(_), Some(described)) => Some(block::definition(task, described.clone(), run)?),
        (None, _) => Some(block::definition(task, task.task_definition.clone().unwrap_or_default(), run)?),
    };
    let registered = prepared.as_ref().filter(|prepared| described != Some(*prepared));
    let needs_network =
        prepared.as_ref().map_or_else(|| task.launch_type.is_some_and(LaunchType::is_fargate), block::needs_network);
    let subnets = account.subnets_of(task.vpc_id.as_deref()).map_or_else(
        || vec![format!("{UNKNOWN_SUBNETS} {})", task.vpc_id.as_deref().unwrap_or("the default VPC"))],
        <[String]>::to_vec,
    );
    let family = registered.and_then(|it| it.get("family")?.as_str());
    let named = family.or(existing).unwrap_or_default();
    let network = needs_network.then(|| block::network(&subnets));
    let request = block::unpatched(task, named, network, run);
    let requests = Requests {
        register_task_definition: registered.cloned().map(block::register),
        run_task: block::run_task(task, request, with_parents)?,
    };
    // botocore checks both before it sends them.
    let definition = requests.register_task_definition.iter().map(|it| ("RegisterTaskDefinition", it));
    for (operation, request) in definition.chain([("RunTask", &requests.run_task)]) {
        check_shape(operation, request).map_err(|error| format!("{operation} takes no such request: {error}"))?;
    }
    Ok(requests)
}

/// Why ECS refuses the RunTask request of a block, where that is certain from the request and its definition.
pub(crate) fn refusal(requests: &Requests, account: &Account) -> Option<String> {
    let run_task = &requests.run_task;
    let unknown = |place: &str| place.ends_with("subnets") && run_task.to_string().contains(UNKNOWN_SUBNETS);
    let refused = run_task_form(run_task).into_iter().find(|refusal| !unknown(&refusal.place));
    let named = || account.task_definitions.get(run_task.get("taskDefinition")?.as_str()?);
    let definition = requests.register_task_definition.as_ref().or_else(named).and_then(Value::as_object);
    let has_network = run_task.get("networkConfiguration").is_some_and(|network| !network.is_null());
    let reason = match (refused, definition.map(block::needs_network)) {
        (Some(refused), _) => refused.answer,
        (None, Some(true)) if !has_network => {
            "its patches take the network away, which network mode awsvpc must have".to_owned()
        }
        (None, Some(false)) if has_network => {
            "its patches give it a network, which only network mode awsvpc may have".to_owned()
        }
        _ => return None,
    };
    Some(format!("ECS refuses its RunTask request: {reason}"))
}

/// The requests of a worker of the pool.
pub(crate) fn of_worker(subject: &Subject<'_>, pool: &WorkPool) -> Old {
    Old { requests: worker_requests(subject, pool), context: Context::default() }
}

fn worker_requests(subject: &Subject<'_>, pool: &WorkPool) -> Result<Requests, String> {
    let template = manage::pool::template::of_pool(&pool.base_job_template);
    let template = BaseJobTemplate::from_value(&template).map_err(|error| error.to_string())?;
    let view = &subject.deployment.view;
    let layers = Layers { deployment: view.job_variables.as_ref(), flow_run: None };
    let configuration = template.render(layers, &OfEstate(subject.estate)).map_err(|error| error.to_string())?;
    let in_template = configuration.values.get("aws_credentials").and_then(|it| it["region_name"].as_str());
    let id = view.id.to_string();
    let labels = [
        ("prefect.io/flow-run-id", ours::FLOW_RUN.to_string()),
        ("prefect.io/flow-run-name", ours::FLOW_RUN_NAME.to_owned()),
        ("prefect.io/version", subject.estate.version.0.clone()),
        ("prefect.io/deployment-id", id.clone()),
        ("prefect.io/deployment-name", view.name.clone()),
        ("prefect.io/flow-id", view.flow_id.to_string()),
        ("prefect.io/flow-name", subject.flow_name().to_owned()),
        ("prefect.io/work-pool-id", pool.id.to_string()),
        ("prefect.io/work-pool-name", pool.name.clone()),
    ];
    let environment = [("PREFECT_API_URL", api_url(subject)), ("PREFECT__FLOW_RUN_ID", ours::FLOW_RUN.to_string())];
    let run = WorkerRun {
        pool: &pool.name,
        deployment: id,
        environment: environment.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        labels: labels.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        region: region(subject, in_template),
        account: &subject.estate.account,
    };
    let values: &Object = &configuration.values;
    worker::requests(values, &run)
}

fn api_url(subject: &Subject<'_>) -> String {
    subject.options.settings.prefect_api_url.clone().unwrap_or_else(|| "http://prefect.example/api".to_owned())
}

/// The region of the credentials, of the settings, or of the account. Both renderings get the same one, because the dispatcher
/// refuses credentials of another region.
pub(crate) fn region(subject: &Subject<'_>, of_credentials: Option<&str>) -> String {
    let of_settings = Some(subject.options.settings.region.as_str()).filter(|region| !region.is_empty());
    let of_account = subject.estate.account.region.as_deref();
    of_credentials.or(of_settings).or(of_account).unwrap_or("us-east-1").to_owned()
}
