//! What pushpool does with a case.

use std::collections::BTreeMap;

use diagnosis::Diagnosis;
use ecs::{Attempt, Definition, Named, Run, Settings};
use prefect_ids::StateId;
use serde_json::Value;
use work_pool::{BaseJobTemplate, Layers, Object, ResolveError, Resolver};

use crate::oracle::{Call, Case, Hello, Thing};

/// The two requests of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendering {
    /// RegisterTaskDefinition; none when an existing definition is used.
    pub definition: Option<Value>,
    /// RunTask.
    pub run_task: Value,
}

impl Rendering {
    /// The requests as calls.
    pub fn calls(&self) -> Vec<Call> {
        let call = |api: &str, request: &Value| Call { api: api.to_owned(), request: request.clone() };
        let definition = self.definition.iter().map(|request| call("RegisterTaskDefinition", request));
        definition.chain([call("RunTask", &self.run_task)]).collect()
    }
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It can be launched.
    Rendered(Box<Rendering>),
    /// It cannot.
    Refused {
        /// Code of ours, or class of the exception.
        code: String,
        /// Why.
        reason: String,
    },
}

/// Renders a case with our own code. Also names the container that the flow run executes in, where there are requests.
pub fn render(case: &Case, hello: &Hello) -> (Outcome, Option<String>) {
    let refused = |diagnosis: Diagnosis| {
        let reason = format!("{}: {}", diagnosis.summary, diagnosis.detail);
        (Outcome::Refused { code: diagnosis.code.to_string(), reason }, None)
    };
    let template = match BaseJobTemplate::from_value(&case.template) {
        Ok(template) => template,
        Err(error) => return refused(error.diagnosis()),
    };
    let configuration = match template.render(layers(case), &Server(case)) {
        Ok(configuration) => configuration,
        Err(error) => return refused(error.diagnosis()),
    };
    match ecs::prepare(&configuration, &run(case), &settings(hello)) {
        Ok(prepared) => {
            let definition = match prepared.definition {
                Definition::Content { request, .. } => Some(request),
                Definition::Existing(_) => None,
            };
            let rendering = Rendering { definition, run_task: prepared.run_task };
            (Outcome::Rendered(Box::new(rendering)), Some(prepared.container_name))
        }
        Err(error) => refused(error.diagnosis()),
    }
}

/// What our validation of job variables has against a case.
pub fn validate(case: &Case) -> Option<Diagnosis> {
    match BaseJobTemplate::from_value(&case.template) {
        Ok(template) => template.validate(layers(case)).err().map(|error| error.diagnosis()),
        Err(error) => Some(error.diagnosis()),
    }
}

fn layers(case: &Case) -> Layers<'_> {
    let object = |value| -> Option<&Object> { Value::as_object(value) };
    Layers { deployment: object(&case.deployment_job_variables), flow_run: object(&case.flow_run_job_variables) }
}

fn run(case: &Case) -> Run {
    let named = |thing: &Thing| Named { id: Some(thing.id), name: thing.name.clone() };
    Run {
        attempt: Attempt {
            flow_run_id: case.flow_run.id.into(),
            state_id: StateId::from_u128(!case.flow_run.id.as_u128()),
        },
        name: Some(case.flow_run.name.clone()),
        work_pool: named(&case.work_pool),
        flow: Some(named(&case.flow)),
        deployment: case.deployment.as_ref().map(named),
        environment: BTreeMap::new(),
    }
}

/// The account as the oracle's EC2 describes it.
fn settings(hello: &Hello) -> Settings {
    Settings {
        region: "us-east-1".to_owned(),
        prefect_api_url: Some("http://127.0.0.1:4399/api".to_owned()),
        default_image: Some(hello.default_image.clone()),
        subnets: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
        assign_public_ip: true,
        ..Settings::default()
    }
}

/// The server's blocks and variables.
struct Server<'a>(&'a Case);

impl Resolver for Server<'_> {
    fn block_document(&self, id: &str) -> Result<Value, ResolveError> {
        let known = self.0.blocks.iter().find(|block| block.id.to_string() == id);
        known.map(|block| block.data.clone()).ok_or(ResolveError::NotFound)
    }

    fn block(&self, type_slug: &str, name: &str) -> Result<Value, ResolveError> {
        let known = self.0.blocks.iter().find(|block| block.type_slug == type_slug && block.name == name);
        known.map(|block| block.data.clone()).ok_or(ResolveError::NotFound)
    }

    fn variable(&self, name: &str) -> Result<Option<Value>, ResolveError> {
        Ok(self.0.variables.get(name).cloned())
    }
}
