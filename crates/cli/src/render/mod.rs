//! `pushpool render`: the requests of a run, exactly as a dispatcher would send them, from documents on disk.
//!
//! The steps are the dispatcher's: validate, render, prepare. Nothing here knows a rule of its own; what is printed is
//! what [`ecs::prepare`] returns.

mod documents;
mod references;

use ecs::{Definition, Prepared};
use serde_json::{Value, json};
use work_pool::{Layers, NoReferences, Resolver};

use self::{documents::Documents, references::References};
use crate::{
    args::RenderArgs,
    error::Error,
    output::{self, ODD, paint, say},
};

/// Runs the command.
///
/// # Errors
/// A document cannot be read, or the run cannot be rendered.
pub(crate) fn run(args: &RenderArgs) -> Result<u8, Error> {
    let documents =
        Documents::read(&args.pool, args.deployment.as_deref(), args.flow_run.as_deref(), args.flow.as_deref())?;
    let resolver: Box<dyn Resolver> = match &args.references {
        Some(path) => Box::new(References::read(path)?),
        None => Box::new(NoReferences),
    };
    documents.notices.iter().for_each(note);
    let prepared = prepare(&documents, &*resolver, &args.requests.settings())?;
    prepared.notices.iter().for_each(note);
    let text = format!("{:#}\n", requests(prepared));
    output::data(&text).map_err(Error::WriteOutput)?;
    Ok(0)
}

fn note(text: &String) {
    say(format_args!("{} {text}", paint(ODD, "note:")));
}

fn prepare(documents: &Documents, resolver: &dyn Resolver, settings: &ecs::Settings) -> Result<Prepared, Error> {
    let layers =
        Layers { deployment: Some(&documents.deployment_variables), flow_run: Some(&documents.flow_run_variables) };
    let template = &documents.pool.template;
    template.validate(layers).map_err(|error| Error::Refused(error.diagnosis()))?;
    let configuration = template.render(layers, resolver).map_err(|error| Error::Refused(error.diagnosis()))?;
    ecs::prepare(&configuration, &documents.run, settings).map_err(|error| Error::Refused(error.diagnosis()))
}

/// Both requests in AWS's own names.
fn requests(prepared: Prepared) -> Value {
    let definition = match prepared.definition {
        Definition::Existing(_) => Value::Null,
        Definition::Content { request, .. } => request,
    };
    json!({"registerTaskDefinition": definition, "runTask": prepared.run_task})
}
