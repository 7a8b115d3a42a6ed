//! `pushpool render`: the requests of a run, exactly as a dispatcher would send them, from documents on disk.
//!
//! The steps are the dispatcher's: validate, render, prepare. Nothing here knows a rule of its own; what is printed is
//! what [`ecs::prepare`] returns.

mod documents;
mod explain;
mod references;

use ecs::{Definition, Prepared};
use serde_json::{Value, json};
use work_pool::{JobConfiguration, Layers, NoReferences, Resolver, Sources};

use self::{documents::Documents, references::References};
use crate::{
    args::RenderArgs,
    error::CliError,
    output::{self, note},
};

/// Runs the command.
///
/// # Errors
/// A document cannot be read, or the run cannot be rendered.
pub(crate) fn run(args: &RenderArgs) -> Result<u8, CliError> {
    let documents =
        Documents::read(&args.pool, args.deployment.as_deref(), args.flow_run.as_deref(), args.flow.as_deref())?;
    let resolver: Box<dyn Resolver> = match &args.references {
        Some(path) => Box::new(References::read(path)?),
        None => Box::new(NoReferences),
    };
    documents.notices.iter().for_each(note);
    let layers =
        Layers { deployment: Some(&documents.deployment_variables), flow_run: Some(&documents.flow_run_variables) };
    let template = &documents.pool.template;
    let valid = template.validate(layers).map_err(|error| CliError::Refused(error.diagnosis()));
    let configuration = match template.render(layers, &*resolver) {
        Ok(configuration) => configuration,
        // What the schema objects to is the better explanation.
        Err(error) => return Err(valid.err().unwrap_or_else(|| CliError::Refused(error.diagnosis()))),
    };
    let prepared = valid.and_then(|()| {
        let prepared = ecs::prepare(&configuration, &documents.run, &args.requests.settings());
        prepared.map_err(|error| CliError::Refused(error.diagnosis()))
    });
    if args.explain {
        return explain_all(args, prepared, &configuration, &template.sources(layers));
    }
    let prepared = prepared?;
    prepared.notices.iter().for_each(note);
    output::data(&format!("{:#}\n", requests(&prepared))).map_err(CliError::WriteOutput)?;
    Ok(0)
}

/// Both requests in AWS's own names.
fn requests(prepared: &Prepared) -> Value {
    let definition = match &prepared.definition {
        Definition::Existing(_) => &Value::Null,
        Definition::Content { request, .. } => request,
    };
    json!({"registerTaskDefinition": definition, "runTask": prepared.run_task})
}

/// Explains the requests, or the job configuration that led to none.
fn explain_all(
    args: &RenderArgs,
    prepared: Result<Prepared, CliError>,
    configuration: &JobConfiguration,
    sources: &Sources,
) -> Result<u8, CliError> {
    let origins = match &prepared {
        Ok(prepared) => explain::of_requests(prepared, &requests(prepared), configuration, sources),
        Err(_) => explain::of_configuration(configuration, sources),
    };
    output::data(&explain::text(&origins, args.output, output::width())).map_err(CliError::WriteOutput)?;
    prepared?.notices.iter().for_each(note);
    Ok(0)
}
