//! A base job template before a server sees it: read, checked, tried.
//!
//! The server accepts much that can never be launched. So what a server would refuse is refused here, with better words,
//! and what ECS would refuse is said: the template is rendered as for a run and the requests are prepared, exactly as a
//! dispatcher does it.

use ecs::{Attempt, Named, Run, Settings};
use serde_json::{Value, json};
use uuid::Uuid;
use work_pool::{BaseJobTemplate, Diagnosis, Layers, NoReferences, Violation, WorkPoolError};

use super::assign::defaults;
use crate::{
    error::CliError,
    output::{ODD, note, paint, say},
};

/// What a violation says of a variable that nobody gave: a pool may leave that to its deployments.
const MISSING: &str = "missing, but required";
/// Stands for the subnets of the dispatcher's settings.
const PLACEHOLDER_SUBNET: &str = "subnet-00000000";

/// The template a pool gets when none is given.
pub(crate) fn built_in() -> Value {
    serde_json::from_str(include_str!("../../../work-pool/src/built_in.json")).unwrap_or_else(|_| json!({}))
}

/// The template to work on: `{}` is the built-in one. What is no template stays what it is, to be refused.
pub(crate) fn of_pool(template: &Value) -> Value {
    match template {
        Value::Null => built_in(),
        Value::Object(object) if object.is_empty() => built_in(),
        other => other.clone(),
    }
}

/// What trying a template brought up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Worth knowing.
    pub(crate) notes: Vec<String>,
    /// A run with these defaults alone would crash.
    pub(crate) warnings: Vec<Diagnosis>,
}

impl Findings {
    /// Tells them on standard error.
    pub(crate) fn tell(&self) {
        for warning in &self.warnings {
            let Diagnosis { code, detail, resolution, .. } = warning;
            let head = paint(ODD, format_args!("warning[{code}]:"));
            say(format_args!("{head} a run with these defaults alone would crash: {detail}\n  help: {resolution}"));
        }
        self.notes.iter().for_each(note);
    }
}

/// Checks a template and tries it for a run of the pool.
///
/// # Errors
/// The server would refuse it: it is malformed, or a default does not fit its variable.
pub(crate) fn check(template: &Value, pool: &str) -> Result<Findings, CliError> {
    let refused = |error: WorkPoolError| CliError::Refused(error.diagnosis());
    let compiled = BaseJobTemplate::from_value(template).map_err(refused)?;
    let defaults = defaults(template);
    // Given as job variables, defaults are judged like job variables; as defaults they are excused.
    let layers = Layers { deployment: Some(&defaults), flow_run: None };
    if let Err(error) = compiled.validate(layers) {
        misfit(error)?;
    }
    let mut findings = Findings::default();
    let references = compiled.references(Layers::default());
    if !references.is_empty() {
        let names: Vec<String> = references.iter().map(ToString::to_string).collect();
        findings.notes.push(format!("The template was not tried, because it refers to: {}.", names.join(", ")));
        return Ok(findings);
    }
    let configuration = compiled.render(Layers::default(), &NoReferences).map_err(refused)?;
    let region = configuration.values.get("aws_credentials").and_then(|it| it["region_name"].as_str());
    let settings = Settings {
        region: region.unwrap_or("us-east-1").to_owned(),
        prefect_api_url: Some("http://prefect.example/api".to_owned()),
        subnets: vec![PLACEHOLDER_SUBNET.to_owned()],
        ..Settings::default()
    };
    match ecs::prepare(&configuration, &run_of(pool), &settings) {
        Ok(prepared) => {
            findings.notes.extend(prepared.notices);
            if prepared.run_task.to_string().contains(PLACEHOLDER_SUBNET) {
                findings.notes.push(
                    "The pool names no subnets: its tasks run in those of the dispatcher's settings (PUSHPOOL_SUBNETS)."
                        .to_owned(),
                );
            }
        }
        Err(error) => findings.warnings.push(error.diagnosis()),
    }
    Ok(findings)
}

/// Everything but what is only missing.
fn misfit(error: WorkPoolError) -> Result<(), CliError> {
    let WorkPoolError::ValidateVariables { violations } = error else {
        return Err(CliError::Refused(error.diagnosis()));
    };
    let wrong: Vec<Violation> = violations.into_iter().filter(|violation| violation.found != MISSING).collect();
    if wrong.is_empty() {
        return Ok(());
    }
    let mut diagnosis = WorkPoolError::ValidateVariables { violations: wrong.clone() }.diagnosis();
    diagnosis.summary = "Defaults of the base job template do not fit its variables".to_owned();
    diagnosis.detail = wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    diagnosis.resolution = "Change the default with --set VARIABLE=VALUE, or what the template allows.".to_owned();
    Err(CliError::Refused(diagnosis))
}

/// A run of which nothing is known.
fn run_of(pool: &str) -> Run {
    Run {
        attempt: Attempt { flow_run_id: Uuid::nil(), state_id: Uuid::nil() },
        name: None,
        work_pool: Named { id: None, name: pool.to_owned() },
        flow: None,
        deployment: None,
        environment: std::collections::BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::assign::{apply, parse},
        *,
    };

    fn with(lines: &[&str]) -> Value {
        let mut template = built_in();
        let set: Vec<_> = lines.iter().map(|line| parse(line).unwrap()).collect();
        apply(&mut template, &set, &[]).unwrap();
        template
    }

    fn codes(findings: &Findings) -> Vec<&'static str> {
        findings.warnings.iter().map(|warning| warning.code).collect()
    }

    #[test]
    fn the_built_in_template_is_fine_and_leaves_subnets_to_the_settings() {
        assert!(built_in()["job_configuration"].is_object());
        let findings = check(&built_in(), "p").unwrap();
        assert!(findings.warnings.is_empty(), "{findings:?}");
        assert!(findings.notes.iter().any(|note| note.contains("PUSHPOOL_SUBNETS")), "{findings:?}");
        let own = check(&with(&["subnets=subnet-a"]), "p").unwrap();
        assert!(!own.notes.iter().any(|note| note.contains("PUSHPOOL_SUBNETS")), "{own:?}");
    }

    #[test]
    fn a_default_that_does_not_fit_is_refused_by_name_value_and_what_is_allowed() {
        let CliError::Refused(diagnosis) = check(&with(&["cpu=lots", "launch_type=MOON"]), "p").unwrap_err() else {
            panic!("not refused")
        };
        assert_eq!(diagnosis.code, "PP0105");
        for word in ["`cpu` is \"lots\"", "integer or null", "`launch_type`", "FARGATE_SPOT"] {
            assert!(diagnosis.detail.contains(word), "{word} in {}", diagnosis.detail);
        }
    }

    #[test]
    fn what_fargate_does_not_have_is_a_warning() {
        assert_eq!(codes(&check(&with(&["cpu=256", "memory=8192"]), "p").unwrap()), ["PP0216"]);
        assert_eq!(codes(&check(&with(&["cpu=1024", "memory=2048"]), "p").unwrap()), Vec::<&str>::new());
        assert_eq!(codes(&check(&with(&["configure_cloudwatch_logs=true"]), "p").unwrap()), ["PP0205"]);
    }

    #[test]
    fn required_variables_are_the_business_of_deployments() {
        let mut template = built_in();
        template["variables"]["required"] = json!(["image"]);
        check(&template, "p").unwrap();
    }

    #[test]
    fn what_refers_to_blocks_is_not_tried() {
        let findings = check(&with(&["image={{ prefect.variables.image }}", "cpu=1", "memory=1"]), "p").unwrap();
        assert!(findings.notes[0].contains("image"), "{findings:?}");
        assert!(findings.warnings.is_empty());
    }

    #[test]
    fn a_malformed_template_is_refused_with_its_code() {
        assert_eq!(of_pool(&json!({})), built_in());
        let array = check(&of_pool(&json!([1])), "p").unwrap_err();
        assert!(matches!(&array, CliError::Refused(diagnosis) if diagnosis.code == "PP0101"), "{array}");
        let refused = check(&json!({"variables": {}}), "p").unwrap_err();
        assert!(matches!(&refused, CliError::Refused(diagnosis) if diagnosis.code == "PP0102"), "{refused}");
    }
}
