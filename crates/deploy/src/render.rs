//! A run of each deployment, rendered as the dispatcher renders it.

use std::collections::BTreeMap;

use diagnosis::{Diagnosis, PP0714};
use ecs::{Attempt, Named, Run, Settings};
use manage::server::Server;
use prefect_api::{Transport, models::WorkPool};
use serde_json::Value;
use templating::placeholder::{self, Kind};
use uuid::Uuid;
use work_pool::{JobConfiguration, Layers, Reference};

use crate::{
    actions::names_in,
    complete::Complete,
    draft::Object,
    fill::Fetched,
    fit,
    problem::{Findings, Problem},
    wanted::Wanted,
};

impl Complete {
    /// Renders a run of every deployment of an ECS push pool and says what would keep it from starting. Other pools are
    /// rendered by programs that pushpool does not know.
    pub async fn render<T: Transport>(&self, server: &Server<T>) -> Findings {
        let mut findings = Findings::default();
        // What only the account decides: where a dispatcher runs it knows itself, and pools may leave subnets to it.
        let settings = Settings {
            region: String::new(),
            prefect_api_url: Some(server.url.clone()),
            subnets: vec!["subnet-00000000".to_owned()],
            ..Settings::default()
        };
        for wanted in &self.wanted {
            let Some(pool) = self.pools.iter().find(|it| it.name == wanted.pool && it.pool_type == "ecs:push") else {
                continue;
            };
            self.one(server, wanted, pool, &settings, &mut findings).await;
        }
        findings
    }

    async fn one<T: Transport>(
        &self,
        server: &Server<T>,
        wanted: &Wanted,
        pool: &WorkPool,
        settings: &Settings,
        findings: &mut Findings,
    ) {
        let Some(template) = fit::template(pool) else { return };
        let variables = with_stand_ins(&wanted.job_variables, &pool.base_job_template);
        let layers = Layers { deployment: Some(&variables), flow_run: None };
        // Secrets are looked up by name alone: a run that lacks one does not start, whatever it holds.
        let names: Vec<Value> = template.references(layers).iter().filter_map(reference_value).collect();
        let fetched = Fetched::of(&server.client, &names.iter().collect::<Vec<_>>()).await;
        let problem = |diagnosis: &Diagnosis| {
            let text = match diagnosis.detail.is_empty() {
                true => format!("{} ({})", diagnosis.summary, diagnosis.code),
                false => format!("{} ({}): {}", diagnosis.summary, diagnosis.code, diagnosis.detail),
            };
            Problem::new(PP0714, text).of(&wanted.label).key("work_pool.job_variables").help(&diagnosis.resolution)
        };
        let configuration: JobConfiguration = match template.render(layers, &fetched) {
            Ok(configuration) => configuration,
            Err(error) => return findings.problem(problem(&error.diagnosis())),
        };
        match ecs::prepare_to_launch(&configuration, &run_of(wanted, pool), settings) {
            Ok(prepared) => {
                let note = |text: String| Problem::new(PP0714, text).of(&wanted.label);
                prepared.notices.into_iter().for_each(|it| findings.warning(note(it)));
            }
            Err(refused) => {
                // What only the account knows is no fault of the deployment.
                refused.lacking().for_each(|it| findings.warning(problem(it)));
                let lacking: Vec<&Diagnosis> = refused.lacking().collect();
                refused.diagnoses().filter(|it| !lacking.contains(it)).for_each(|it| findings.problem(problem(it)));
            }
        }
    }
}

/// Job variables in which some text stands for the outputs of steps, which did not run. A variable that takes no text
/// has its default.
fn with_stand_ins(variables: &Object, template: &Value) -> Object {
    let waits = |value: &Value| value.as_str().is_some_and(|text| placeholder::find(text).any(|it| it.is_whole(text)));
    let takes_text = |name: &str| {
        let schema = template.pointer("/variables/properties").and_then(|it| it.get(name));
        let kinds = schema.map(|schema| fit::kinds_of(schema, template, 0)).unwrap_or_default();
        kinds.is_empty() || kinds.contains(&"string")
    };
    variables
        .iter()
        .filter(|(name, value)| names_in(value).is_empty() || !waits(value) || takes_text(name))
        .map(|(name, value)| (name.clone(), stand_in(value)))
        .collect()
}

fn stand_in(value: &Value) -> Value {
    match value {
        Value::String(text) if !names_in(value).is_empty() => {
            let mut filled = String::new();
            let mut rest = 0;
            for placeholder in placeholder::find(text) {
                filled.push_str(&text[rest..placeholder.start]);
                filled.push_str(match placeholder.kind() {
                    Kind::Standard(name) if !name.starts_with("ctx.") => "output",
                    _ => placeholder.written(text),
                });
                rest = placeholder.end;
            }
            Value::String(filled + &text[rest..])
        }
        Value::Array(items) => items.iter().map(stand_in).collect(),
        Value::Object(entries) => entries.iter().map(|(key, value)| (key.clone(), stand_in(value))).collect(),
        _ => value.clone(),
    }
}

/// A value that stands for a reference.
fn reference_value(reference: &Reference) -> Option<Value> {
    match reference {
        Reference::Block { type_slug, name } => {
            Some(Value::String(format!("{{{{ prefect.blocks.{type_slug}.{name} }}}}")))
        }
        Reference::BlockDocument { id } => Some(serde_json::json!({"$ref": {"block_document_id": id}})),
        Reference::Variable { name } => Some(Value::String(format!("{{{{ prefect.variables.{name} }}}}"))),
        Reference::Credentials { .. } => None,
    }
}

/// A run that any deployment may get.
fn run_of(wanted: &Wanted, pool: &WorkPool) -> Run {
    let named = |name: &str| Named { id: Some(Uuid::nil()), name: name.to_owned() };
    Run {
        attempt: Attempt::OF_NO_RUN,
        name: Some("a-run".to_owned()),
        work_pool: named(&pool.name),
        flow: Some(named(&wanted.flow)),
        deployment: Some(named(&wanted.name)),
        environment: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn some_text_stands_for_the_outputs_of_steps_that_did_not_run() {
        let template = json!({"variables": {"properties": {"cpu": {"type": "integer"}, "image": {"type": "string"}}}});
        let variables = json!({
            "cpu": "{{ size.cpu }}", "image": "repo:{{ build.tag }}", "name": "{{ build.image }}",
            "env": {"A": "{{ a.stdout }}-{{ ctx.flow_run.name }}", "B": "plain"}
        });
        assert_eq!(
            Value::Object(with_stand_ins(variables.as_object().expect("object"), &template)),
            json!({"image": "repo:output", "name": "output", "env": {"A": "output-{{ ctx.flow_run.name }}", "B": "plain"}})
        );
    }
}
