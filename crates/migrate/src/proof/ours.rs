//! The requests that pushpool will send, rendered as the dispatcher renders them.

use std::collections::BTreeMap;

use diagnosis::Diagnosis;
use ecs::{Attempt, Definition, Named, Run, Settings};
use prefect_api::models::Object;
use serde_json::Value;
use uuid::Uuid;
use work_pool::{BaseJobTemplate, Layers, Resolver};

use crate::plan::Requests;

/// Stands for the subnets of the dispatcher's settings.
const SETTINGS_SUBNET: &str = "subnet-00000000";

/// Flow run of a proof.
pub(crate) const FLOW_RUN: Uuid = Uuid::from_u128(0x3333_3333_3333_3333_3333_3333_3333_3333);

/// Name of that run.
pub(crate) const FLOW_RUN_NAME: &str = "example-run";

/// The run that is rendered.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    pub pool: &'a str,
    pub flow: Named,
    pub deployment: Named,
    pub job_variables: &'a Object,
    /// Region of the dispatcher, where its settings do not say.
    pub region: String,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub requests: Requests,
    /// Why pushpool would not launch them.
    pub refusals: Vec<Diagnosis>,
}

/// Renders the requests.
///
/// # Errors
/// Why they cannot be written.
pub(crate) fn render(
    template: &Value,
    subject: &Subject<'_>,
    settings: &Settings,
    resolver: &dyn Resolver,
) -> Result<Rendered, Diagnosis> {
    let template = BaseJobTemplate::from_value(template).map_err(|error| error.diagnosis())?;
    let layers = Layers { deployment: Some(subject.job_variables), flow_run: None };
    template.validate(layers).map_err(|error| error.diagnosis())?;
    let configuration = template.render(layers, resolver).map_err(|error| error.diagnosis())?;
    let settings = filled(settings, &subject.region);
    let run = Run {
        attempt: Attempt { flow_run_id: FLOW_RUN.into(), ..Attempt::OF_NO_RUN },
        name: Some(FLOW_RUN_NAME.to_owned()),
        work_pool: Named { id: None, name: subject.pool.to_owned() },
        flow: Some(subject.flow.clone()),
        deployment: Some(subject.deployment.clone()),
        environment: BTreeMap::new(),
    };
    let prepared = ecs::prepare(&configuration, &run, &settings).map_err(|error| error.diagnosis())?;
    let refusals = match ecs::prepare_to_launch(&configuration, &run, &settings) {
        Ok(_) => Vec::new(),
        Err(refused) => refused.diagnoses().cloned().collect(),
    };
    let register_task_definition = match prepared.definition {
        Definition::Content { request, .. } => Some(request),
        Definition::Existing(_) => None,
    };
    Ok(Rendered { requests: Requests { register_task_definition, run_task: prepared.run_task }, refusals })
}

/// What an installation sets, as far as the user has not said it.
fn filled(settings: &Settings, region: &str) -> Settings {
    let mut settings = settings.clone();
    if settings.region.is_empty() {
        settings.region = region.to_owned();
    }
    if settings.subnets.is_empty() {
        settings.subnets = vec![SETTINGS_SUBNET.to_owned()];
    }
    if settings.prefect_api_url.is_none() {
        settings.prefect_api_url = Some("http://prefect.example/api".to_owned());
    }
    settings
}
