//! Whether the roles of a run are its work pool's.
//!
//! Any author of a deployment can set job variables, so a job variable that ends in a role reaches every role that the
//! dispatcher may pass on. Where the operator forbids that, the run is rendered a second time from the work pool alone, and
//! each place that decides about a role has to be the same in both. Comparing what is rendered, and not names of variables,
//! covers every way there: another variable in the same place, dotted names, whole objects, references to blocks.
//!
//! References are compared as they are written: the server may say something else about one of them by the time it is asked
//! again, and those that only the pool's defaults name are never fetched. A value that is itself a reference is compared as a
//! whole, because a role may be inside.

use serde_json::Value;
use work_pool::{BaseJobTemplate, Layer, Layers, Object, is_reference};

use crate::{PrepareError, value::is_true};

/// The members of the job configuration that can hold a role.
const MEMBERS: [&str; 2] = ["task_definition", "task_run_request"];

/// Every place that decides about a role: an existing task definition brings its own. The roles of EBS volumes are not among
/// them: they are passed to another service, for which the module grants no `iam:PassRole`.
const PLACES: [&[&str]; 5] = [
    &["task_run_request", "overrides", "taskRoleArn"],
    &["task_run_request", "overrides", "executionRoleArn"],
    &["task_run_request", "taskDefinition"],
    &["task_definition", "taskRoleArn"],
    &["task_definition", "executionRoleArn"],
];

/// Checks that job variables change no role.
///
/// # Errors
/// [`PrepareError::OverrideRole`] for the first place that they change. Layers that cannot be merged are for
/// [`BaseJobTemplate::render`] to refuse.
pub fn check_roles(template: &BaseJobTemplate, layers: Layers<'_>) -> Result<(), PrepareError> {
    let Ok(run) = template.unresolved(layers, &MEMBERS) else { return Ok(()) };
    // A pool that cannot be rendered alone names no role.
    let pool = template.unresolved(Layers::default(), &MEMBERS).unwrap_or_default();
    match PLACES.into_iter().find(|place| decides(&run, place) != decides(&pool, place)) {
        None => Ok(()),
        Some(place) => {
            Err(PrepareError::OverrideRole { path: place.join("."), origin: origin(template, layers, place) })
        }
    }
}

/// What stands at the place, or the reference above it that the server will put something in for. What counts as not given to
/// the worker is nothing here.
fn decides<'v>(values: &'v Object, place: &[&str]) -> Option<&'v Value> {
    let (first, members) = place.split_first()?;
    let mut at = values.get(*first)?;
    for member in members {
        if is_reference(at) {
            break;
        }
        at = at.get(member)?;
    }
    is_true(at).then_some(at)
}

/// The job variable that changes the place, if it still stands there.
fn origin(template: &BaseJobTemplate, layers: Layers<'_>, place: &[&str]) -> Option<(Layer, String)> {
    let sources = template.sources(layers);
    let source = sources.get(&format!("/{}", place.join("/")))?;
    let of_variable = source.origins.iter().find(|it| matches!(it.layer, Layer::Deployment | Layer::FlowRun))?;
    Some((of_variable.layer, of_variable.variable.clone()?))
}
