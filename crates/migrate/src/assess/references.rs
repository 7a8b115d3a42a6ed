//! Blocks and Prefect variables that a deployment's settings name: which, and whether they exist.
//!
//! A run looks them up when it starts: the dispatcher those of the template and the job variables, the flow's container those
//! of the pull steps. So they have to stay where they are, on the server that the deployment is on.

use std::collections::BTreeSet;

use serde_json::Value;
use templating::{Reference, References};
use work_pool::{BaseJobTemplate, Layers, references_in};

use crate::{
    estate::{Block, Estate},
    mapping::findings::Findings,
    plan::{Level, Target},
};

/// Says what a deployment refers to in its new place, and what of that does not exist.
pub(super) fn of_deployment(estate: &Estate, template: &Value, target: &Target, findings: &mut Findings) {
    let of_template = of_template(template, Layers { deployment: Some(&target.job_variables), flow_run: None });
    let mut of_steps = References::default();
    target.pull_steps.iter().for_each(|step| of_steps.collect(step));
    describe(estate, of_template.into_iter().chain(of_steps.into_vec()), findings);
}

/// Says the same of a pool whose deployments are on another server.
pub(super) fn of_pool(estate: &Estate, template: &Value, findings: &mut Findings) {
    describe(estate, of_template(template, Layers::default()).into_iter(), findings);
}

fn of_template(template: &Value, layers: Layers<'_>) -> Vec<Reference> {
    BaseJobTemplate::from_value(template).map(|template| template.references(layers)).unwrap_or_default()
}

fn describe(estate: &Estate, references: impl Iterator<Item = Reference>, findings: &mut Findings) {
    let (mut there, mut missing) = (BTreeSet::new(), BTreeSet::new());
    // Of credentials only the region is compared; nothing depends on them.
    for reference in references.filter(|it| !matches!(it, Reference::Credentials { .. })) {
        match known(estate, &reference) {
            Some(inner) => {
                there.insert(called(estate, &reference));
                for variable in inner {
                    let of = if known(estate, &variable).is_some() { &mut there } else { &mut missing };
                    of.insert(called(estate, &variable));
                }
            }
            None => drop(missing.insert(called(estate, &reference))),
        }
    }
    let listed = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
    if !there.is_empty() {
        findings.note("refers_to", format!("Runs look these up when they start, so keep them: {}.", listed(there)));
    }
    if !missing.is_empty() && estate.variables.is_some() {
        findings.risk(
            Level::High,
            "reference_missing",
            format!(
                "The server does not have what the settings refer to: {}. Create it, or correct the setting.",
                listed(missing)
            ),
        );
    }
}

/// The variables in what a reference names; none if it does not exist.
fn known(estate: &Estate, reference: &Reference) -> Option<Vec<Reference>> {
    match reference {
        Reference::Variable { name } => estate.variables.as_ref()?.contains_key(name).then(Vec::new),
        Reference::Credentials { of } => known(estate, of),
        block => match block_of(estate, block) {
            Some(block) => Some(references_in(&Value::Object(block.data.clone()))),
            None => is_nested(estate, block).then(Vec::new),
        },
    }
}

/// Whether a block that is known refers to this one.
fn is_nested(estate: &Estate, reference: &Reference) -> bool {
    let nested = estate.blocks.values().flat_map(|block| block.block_document_references.values());
    nested.map(|nested| &nested.block_document).any(|nested| match reference {
        Reference::BlockDocument { id } => nested.id.to_string() == *id,
        Reference::Block { type_slug, name } => {
            nested.block_type.slug == *type_slug && nested.name.as_ref() == Some(name)
        }
        Reference::Variable { .. } | Reference::Credentials { .. } => false,
    })
}

fn block_of<'a>(estate: &'a Estate, reference: &Reference) -> Option<&'a Block> {
    match reference {
        Reference::BlockDocument { id } => estate.blocks.get(&id.parse().ok()?),
        Reference::Block { type_slug, name } => {
            let is_meant = |block: &&Block| block.block_type.slug == *type_slug && block.usable_name() == Some(name);
            estate.blocks.values().find(is_meant)
        }
        Reference::Variable { .. } | Reference::Credentials { .. } => None,
    }
}

/// How people call it: `block secret/db`, `variable region`.
fn called(estate: &Estate, reference: &Reference) -> String {
    match reference {
        Reference::Variable { name } => format!("variable {name}"),
        Reference::Block { type_slug, name } => format!("block {type_slug}/{name}"),
        Reference::Credentials { of } => called(estate, of),
        Reference::BlockDocument { .. } => block_of(estate, reference)
            .map_or_else(|| reference.to_string(), |block| format!("block {}", block.label())),
    }
}
