//! The proof of a deployment: both renderings and their difference.

use ecs::Named;
use serde_json::Value;
use work_pool::{BaseJobTemplate, Layers};

use super::Subject;
use crate::{
    mapping::findings::Findings,
    plan::{Level, Proof, Target},
    proof::{
        compare,
        old::{self, Old},
        ours,
        resolver::OfEstate,
        shown,
    },
};

/// Renders the new requests and compares them with the old ones. None if there are no old ones.
///
/// # Errors
/// Why pushpool would not launch a run.
pub(super) fn prove(
    subject: &Subject<'_>,
    template: &Value,
    target: &Target,
    old: Old,
    findings: &mut Findings,
) -> Result<Option<Proof>, Vec<String>> {
    let view = &subject.deployment.view;
    let resolver = OfEstate(subject.estate);
    let rendered = ours::render(
        template,
        &ours::Subject {
            pool: &target.pool,
            flow: Named { id: Some(view.flow_id), name: subject.flow_name().to_owned() },
            deployment: Named { id: Some(view.id), name: view.name.clone() },
            job_variables: &target.job_variables,
            region: old::region(subject, region_of(template, target, &resolver).as_deref()),
        },
        &subject.options.settings,
        &resolver,
    );
    let told = |diagnosis: &diagnosis::Diagnosis| {
        let sentence = |text: &str| match text.trim_end_matches('.') {
            "" => String::new(),
            text => format!(" {text}."),
        };
        let diagnosis::Diagnosis { code, summary, detail, resolution } = diagnosis;
        format!(
            "pushpool would not launch it: {}{}{}{}",
            code.id(),
            sentence(summary),
            sentence(detail),
            sentence(resolution)
        )
    };
    let new = match rendered {
        Ok(rendered) if rendered.refusals.is_empty() => rendered.requests,
        Ok(rendered) => return Err(rendered.refusals.iter().map(told).collect()),
        Err(diagnosis) => return Err(vec![told(&diagnosis)]),
    };
    let old_requests = match old.requests {
        Ok(requests) => requests,
        Err(reason) => {
            findings.note("no_old_requests", format!("There are no old requests to compare with: {reason}."));
            return Ok(None);
        }
    };
    let network_of_settings = findings.notes.iter().any(|note| note.code == "subnets_of_dispatcher");
    let context = compare::Context { network_of_settings, ..old.context };
    let differences = compare::compare(&old_requests, &new, context);
    let proof = Proof { old: shown(old_requests), new: shown(new), differences };
    let unexplained: Vec<&str> = proof.unexplained().map(|difference| difference.pointer.as_str()).collect();
    if !unexplained.is_empty() {
        findings.risk(
            Level::High,
            "requests_differ",
            format!("The requests differ without a known reason at {}.", unexplained.join(", ")),
        );
    }
    Ok(Some(proof))
}

/// The region that the pool's credentials name.
fn region_of(template: &Value, target: &Target, resolver: &OfEstate<'_>) -> Option<String> {
    let template = BaseJobTemplate::from_value(template).ok()?;
    let layers = Layers { deployment: Some(&target.job_variables), flow_run: None };
    let configuration = template.render(layers, resolver).ok()?;
    configuration.values.get("aws_credentials")?.get("region_name")?.as_str().map(str::to_owned)
}
