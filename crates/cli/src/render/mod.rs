//! `pushpool render`: the requests of a run, exactly as a dispatcher would send them, from documents on disk.
//!
//! The steps are the dispatcher's: validate, render, prepare, check. Nothing here knows a rule of its own; what is printed is
//! what [`ecs::prepare_to_launch`] returns. Where the dispatcher crashes a run for the first reason, all are told here.

mod args;
mod documents;
mod explain;
mod references;

use diagnosis::Diagnosis;
use ecs::{Definition, Prepared};
use serde_json::{Value, json};
use work_pool::{JobConfiguration, Layers, NoReferences, Resolver, Sources};

pub(crate) use self::args::{HELP, RenderArgs};
use self::{documents::Documents, references::References};
use crate::{
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
    let mut refusals: Vec<Diagnosis> =
        template.validate(layers).err().map(|error| error.diagnosis()).into_iter().collect();
    let configuration = match template.render(layers, &*resolver) {
        Ok(configuration) => configuration,
        // What the schema objects to is the better explanation.
        Err(error) if refusals.is_empty() => return Err(CliError::refused(vec![error.diagnosis()])),
        Err(_) => return Err(CliError::refused(refusals)),
    };
    let prepared = ecs::prepare_to_launch(&configuration, &documents.run, &args.requests.settings());
    if let Err(refused) = &prepared {
        refusals.extend(refused.diagnoses().cloned());
        refused.notes().iter().for_each(note);
    }
    let prepared = prepared.ok().filter(|_| refusals.is_empty()).ok_or_else(|| CliError::refused(refusals));
    template.unused(layers).iter().for_each(note);
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
