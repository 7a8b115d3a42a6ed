//! A base job template before a server sees it: read, checked, tried.
//!
//! The server accepts templates that can never be launched. So this module renders the template as for a run, and prepares
//! and checks the requests exactly as a dispatcher does. It refuses all defaults that are certain to crash runs, at once,
//! unless the user insists. A value that a deployment may still bring is a warning.

use diagnosis::Diagnosis;
use ecs::{Attempt, Named, Run, Settings};
use serde_json::{Value, json};
use work_pool::{BaseJobTemplate, Layers, Object, Reference, Violation, WorkPoolError, is_reference};

use super::{
    assign::defaults,
    stand_ins::{MARK, StandIns, drop_absent},
};
use crate::error::ManageError;

/// What a violation says of a variable that nobody gave: a pool may leave that to its deployments.
const MISSING: &str = "missing, but required";
/// Stands for the subnets of the dispatcher's settings.
const PLACEHOLDER_SUBNET: &str = "subnet-00000000";

/// The template a pool gets when none is given.
#[must_use]
pub fn built_in() -> Value {
    serde_json::from_str(include_str!("../../../work-pool/src/built_in.json")).unwrap_or_else(|_| json!({}))
}

/// The template to work on: `{}` is the built-in one. A document that is no template stays as it is, to be refused.
#[must_use]
pub fn of_pool(template: &Value) -> Value {
    match template {
        Value::Null => built_in(),
        Value::Object(object) if object.is_empty() => built_in(),
        other => other.clone(),
    }
}

/// The template of a document: a base job template, or a work pool that has one.
#[must_use]
pub fn of_document(document: Value) -> Value {
    let inner = document.get("base_job_template").cloned();
    of_pool(&inner.unwrap_or(document))
}

/// The result of trying a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Worth knowing.
    pub notes: Vec<String>,
    /// A run with these defaults alone crashes, unless its deployment brings the missing values.
    pub warnings: Vec<Diagnosis>,
    /// A run with these defaults crashes.
    pub refusals: Vec<Diagnosis>,
}

/// Findings, divided by what a change may do about them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Judged {
    /// Worth knowing.
    pub notes: Vec<String>,
    /// Told, and stored all the same.
    pub warnings: Vec<Diagnosis>,
    /// Reasons not to store the template.
    pub refusals: Vec<Diagnosis>,
}

impl Findings {
    /// Divides them. A refusal that held `before` the change is a warning, because it must not stop an owner who corrects
    /// something else; with `force` every refusal is one.
    #[must_use]
    pub fn judged(self, before: Option<&Self>, force: bool) -> Judged {
        let was_so = |it: &Diagnosis| before.is_some_and(|before| before.refusals.contains(it));
        let (mut warnings, refusals): (Vec<_>, Vec<_>) = self.refusals.into_iter().partition(|it| force || was_so(it));
        warnings.extend(self.warnings);
        Judged { notes: self.notes, warnings, refusals }
    }
}

/// Checks a template and tries it for a run of the pool.
///
/// # Errors
/// It is malformed.
pub fn check(template: &Value, pool: &str) -> Result<Findings, ManageError> {
    let refused = |error: WorkPoolError| ManageError::Refused(vec![error.diagnosis()]);
    let compiled = BaseJobTemplate::from_value(template).map_err(refused)?;
    let defaults = defaults(template);
    // Given as job variables, defaults are judged like job variables; as defaults they are excused.
    let layers = Layers { deployment: Some(&defaults), flow_run: None };
    let mut findings = Findings::default();
    if let Err(error) = compiled.validate(layers) {
        findings.refusals.extend(misfit(error)?);
    }
    findings.refusals.extend(lint(&defaults));
    findings.notes.extend(compiled.unused(Layers::default()).iter().map(ToString::to_string));
    let references = compiled.references(Layers::default());
    let needed = references.iter().filter(|it| !matches!(it, Reference::Credentials { .. }));
    let names: Vec<String> = needed.map(ToString::to_string).collect();
    if !names.is_empty() {
        findings.notes.push(format!("The values of these are not checked: {}.", names.join(", ")));
    }
    match with_references(template, pool) {
        Ok(tried) => {
            findings.notes.extend(tried.notes);
            findings.warnings.extend(tried.warnings);
            findings.refusals.extend(tried.refusals);
        }
        // What does not fit is the better explanation.
        Err(_) if !findings.refusals.is_empty() => {}
        Err(error) => return Err(refused(error)),
    }
    Ok(findings)
}

/// Tries a template with the values for its references that fit best. A reason counts if all that fit as well have it, too.
fn with_references(template: &Value, pool: &str) -> Result<Findings, WorkPoolError> {
    let mut template = template.clone();
    let mut stand_ins = StandIns::take_over(&mut template);
    let compiled = BaseJobTemplate::from_value(&template)?;
    let mut best = try_with(&compiled, pool, &stand_ins);
    let mut as_good = Vec::new();
    while best.misfit != FITS {
        let better = stand_ins.others().find_map(|others| {
            let tried = try_with(&compiled, pool, &others);
            let is_better = tried.misfit < best.misfit;
            if tried.misfit == best.misfit {
                as_good.extend(tried.findings.as_ref().ok().cloned());
            }
            is_better.then_some((tried, others))
        });
        let Some(better) = better else { break };
        (best, stand_ins) = better;
        as_good.clear();
    }
    let mut findings = best.findings?;
    let is_known = |it: &Diagnosis| ![&it.summary, &it.detail, &it.resolution].iter().any(|text| text.contains(MARK));
    findings.notes.retain(|note| !note.contains(MARK));
    findings.warnings.retain(|it| is_known(it) && as_good.iter().all(|other| other.warnings.contains(it)));
    findings.refusals.retain(|it| is_known(it) && as_good.iter().all(|other| other.refusals.contains(it)));
    Ok(findings)
}

/// How far a template is from a launch: what was not reached (rendering, writing the requests), refusals, warnings.
type Misfit = (u8, usize, usize);
const FITS: Misfit = (0, 0, 0);

/// What came of trying a template with some values for its references.
struct Tried {
    misfit: Misfit,
    findings: Result<Findings, WorkPoolError>,
}

/// Renders and prepares as a dispatcher does.
fn try_with(template: &BaseJobTemplate, pool: &str, references: &StandIns) -> Tried {
    let mut configuration = match template.render(Layers::default(), references) {
        Ok(configuration) => configuration,
        Err(error) => return Tried { misfit: (2, 0, 0), findings: Err(error) },
    };
    drop_absent(configuration.values.values_mut());
    let settings = Settings {
        region: region_of(&configuration.values).to_owned(),
        prefect_api_url: Some("http://prefect.example/api".to_owned()),
        subnets: vec![PLACEHOLDER_SUBNET.to_owned()],
        ..Settings::default()
    };
    let mut findings = Findings::default();
    let mut is_partial = false;
    match ecs::prepare_to_launch(&configuration, &run_of(pool), &settings) {
        Ok(prepared) => {
            findings.notes.extend(prepared.notices);
            if prepared.run_task.to_string().contains(PLACEHOLDER_SUBNET) {
                findings.notes.push(
                    "The pool names no subnets: its tasks run in those of the dispatcher's settings (PUSHPOOL_SUBNETS)."
                        .to_owned(),
                );
            }
            if prepared.run_task.get("cluster").is_none() {
                findings.notes.push("The pool names no cluster: its tasks run in the cluster `default`.".to_owned());
            }
        }
        Err(refused) => {
            is_partial = refused.is_partial();
            findings.notes.extend_from_slice(refused.notes());
            findings.warnings.extend(refused.lacking().cloned());
            let crashing = refused.diagnoses().filter(|it| !findings.warnings.contains(*it));
            findings.refusals.extend(crashing.cloned());
        }
    }
    let misfit = (u8::from(is_partial), findings.refusals.len(), findings.warnings.len());
    Tried { misfit, findings: Ok(findings) }
}

/// Where the pool says that its tasks run. The dispatcher knows its region itself, so any one will do if the pool names none.
fn region_of(configuration: &Object) -> &str {
    let member = |object: &str, key: &str| configuration.get(object)?.get(key)?.as_str();
    let cluster = configuration.get("cluster").and_then(Value::as_str);
    let arns = [cluster, member("task_run_request", "taskDefinition")].into_iter().flatten();
    let of_arns = arns.filter(|it| it.starts_with("arn:")).filter_map(|arn| arn.split(':').nth(3));
    member("aws_credentials", "region_name").into_iter().chain(of_arns).next().unwrap_or("us-east-1")
}

/// What pools are refused though ECS may take it: a mistake in nearly every case, which shows only when a run is launched.
fn lint(defaults: &Object) -> Vec<Diagnosis> {
    let mut found = Vec::new();
    for variable in ["task_role_arn", "execution_role_arn"] {
        let given = defaults.get(variable).filter(|role| !is_reference(role));
        let Some(role) = given.and_then(Value::as_str) else { continue };
        if let Err(problem) = check_role(role) {
            found.push(Diagnosis {
                code: diagnosis::PP0226,
                summary: format!("`{variable}` is not the ARN of a role"),
                detail: format!("{variable}: {role:?} is {problem}."),
                resolution: format!("Set `{variable}` to the whole ARN of the role."),
            });
        }
    }
    if defaults.get("cluster").is_some_and(|cluster| cluster == "") {
        found.push(Diagnosis {
            code: diagnosis::PP0227,
            summary: "`cluster` is empty".to_owned(),
            detail: "An empty name counts as none, and the tasks run in the cluster `default`.".to_owned(),
            resolution: "Name the cluster, or unset the variable with cluster=null.".to_owned(),
        });
    }
    found
}

/// Whether a text is the ARN of a role.
///
/// # Errors
/// The problem.
pub fn check_role(text: &str) -> Result<(), String> {
    match text.starts_with("arn:") && text.contains(":role/") {
        true => Ok(()),
        false => Err("not the ARN of a role: arn:aws:iam::ACCOUNT:role/NAME".to_owned()),
    }
}

/// Everything but what is only missing.
fn misfit(error: WorkPoolError) -> Result<Option<Diagnosis>, ManageError> {
    let WorkPoolError::ValidateVariables { violations } = error else {
        return Err(ManageError::Refused(vec![error.diagnosis()]));
    };
    let wrong: Vec<Violation> = violations.into_iter().filter(|violation| violation.found != MISSING).collect();
    if wrong.is_empty() {
        return Ok(None);
    }
    let mut diagnosis = WorkPoolError::ValidateVariables { violations: wrong.clone() }.diagnosis();
    diagnosis.summary = "Defaults of the base job template do not fit its variables".to_owned();
    diagnosis.detail = wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    diagnosis.resolution = "Change the default with VARIABLE=VALUE, or what the template allows.".to_owned();
    Ok(Some(diagnosis))
}

/// A run of which nothing is known.
fn run_of(pool: &str) -> Run {
    Run {
        attempt: Attempt::OF_NO_RUN,
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
        findings.refusals.iter().map(|refusal| refusal.code.id()).collect()
    }

    #[test]
    fn the_built_in_template_is_fine_and_leaves_subnets_and_cluster_to_the_account() {
        assert!(built_in()["job_configuration"].is_object());
        let findings = check(&built_in(), "p").unwrap();
        assert!(findings.warnings.is_empty() && findings.refusals.is_empty(), "{findings:?}");
        for word in ["PUSHPOOL_SUBNETS", "cluster `default`"] {
            assert!(findings.notes.iter().any(|note| note.contains(word)), "{findings:?}");
        }
        assert_eq!(check(&with(&["subnets=subnet-a", "cluster=etl"]), "p").unwrap(), Findings::default());
    }

    #[test]
    fn a_default_that_does_not_fit_is_refused_by_name_value_and_what_is_allowed() {
        let findings = check(&with(&["cpu=lots", "launch_type=MOON"]), "p").unwrap();
        assert_eq!(findings.refusals[0].code, "PP0105", "{findings:?}");
        for word in ["`cpu` is \"lots\"", "integer or null", "`launch_type`", "FARGATE_SPOT"] {
            assert!(findings.refusals[0].detail.contains(word), "{word} in {findings:?}");
        }
    }

    #[test]
    fn all_that_would_crash_is_refused_at_once() {
        let findings = check(
            &with(&[
                "env.PREFECT_API_KEY=pnu_canary",
                "cpu=256",
                "memory=8192",
                "assign_public_ip=maybe",
                "cluster=",
                "subnets=foo,bar",
                "execution_role_arn=execution",
                "container_name=my flow",
                "image=111122223333.dkr.ecr.us-east-1.amazonaws.com/etl:7",
            ]),
            "p",
        )
        .unwrap();
        assert_eq!(
            codes(&findings),
            ["PP0226", "PP0227", "PP0209", "PP0216", "PP0208", "PP0225", "PP0227"],
            "{findings:#?}"
        );
        assert!(!format!("{findings:?}").contains("canary"));
        let refused = |before: Option<&Findings>, force| findings.clone().judged(before, force).refusals.len();
        assert_eq!(refused(None, true), 0, "the user may insist");
        assert_eq!(refused(Some(&findings), false), 0, "what was so before does not stop another change");
        assert_eq!(refused(None, false), 7);
        assert_eq!(findings.judged(None, true).warnings.len(), 7, "they are told all the same");
    }

    #[test]
    fn what_fargate_does_not_have_is_refused() {
        assert_eq!(codes(&check(&with(&["cpu=256", "memory=8192"]), "p").unwrap()), ["PP0216"]);
        assert_eq!(codes(&check(&with(&["cpu=1024", "memory=2048"]), "p").unwrap()), Vec::<&str>::new());
        assert_eq!(codes(&check(&with(&["configure_cloudwatch_logs=true"]), "p").unwrap()), ["PP0205"]);
    }

    #[test]
    fn the_region_is_the_dispatchers_to_know() {
        let logs = ["configure_cloudwatch_logs=true", "execution_role_arn=arn:aws:iam::111122223333:role/execution"];
        for cluster in ["etl", "arn:aws:ecs:eu-west-1:111122223333:cluster/etl"] {
            let findings = check(&with(&[&logs[..], &[&format!("cluster={cluster}")]].concat()), "p").unwrap();
            assert!(findings.refusals.is_empty() && findings.warnings.is_empty(), "{cluster}: {findings:#?}");
        }
    }

    #[test]
    fn what_a_deployment_may_bring_is_a_warning() {
        let mut template = with(&["container_name=flow"]);
        template["variables"]["required"] = json!(["image"]);
        assert!(check(&template, "p").unwrap().refusals.is_empty());
        let containers = &mut template["job_configuration"]["task_definition"]["containerDefinitions"];
        containers.as_array_mut().unwrap().push(json!({"name": "side", "image": "{{ side_image }}"}));
        template["variables"]["properties"]["side_image"] = json!({"type": "string"});
        let findings = check(&template, "p").unwrap();
        assert!(findings.refusals.is_empty() && findings.warnings[0].code == "PP0225", "{findings:?}");
    }

    #[test]
    fn a_reference_hides_nothing_that_would_crash() {
        let wrong = ["env.PREFECT_API_KEY=pnu_canary", "cpu=256", "memory=8192", "subnets=foo"];
        let codes_without = codes(&check(&with(&wrong), "p").unwrap());
        assert_eq!(codes_without.len(), 3, "{codes_without:?}");
        for reference in [
            "env.DB={{ prefect.blocks.secret.db }}",
            "env.DB=postgres://{{ prefect.blocks.json.db.host }}:{{ prefect.blocks.json.db.ports[0].tcp }}/etl",
            "image={{ prefect.variables.registry }}/etl:7",
            "cluster={{ prefect.variables.cluster }}",
            "execution_role_arn={{ prefect.blocks.json.roles.execution }}",
            "labels={{ prefect.variables.labels }}",
            "configure_cloudwatch_logs={{ prefect.variables.logs }}",
        ] {
            let findings = check(&with(&[&wrong[..], &[reference]].concat()), "p").unwrap();
            assert_eq!(codes(&findings), codes_without, "{reference}: {findings:#?}");
            assert!(findings.notes.iter().any(|note| note.contains("not checked: ")), "{findings:?}");
        }
        let findings = check(&with(&["env.DB={{ prefect.blocks.secret.db }}"]), "p").unwrap();
        assert!(findings.notes.iter().any(|note| note.contains("PUSHPOOL_SUBNETS")), "{findings:?}");
        // What refers to the key is in plain text when the run starts.
        let key = check(&with(&["env.PREFECT_API_KEY={{ prefect.blocks.secret.key }}"]), "p").unwrap();
        assert_eq!(codes(&key), ["PP0209"]);
    }

    #[test]
    fn a_reference_in_any_place_is_no_reason_to_refuse() {
        let fine = ["image={{ prefect.variables.image }}", "cluster={{ prefect.variables.cluster }}"];
        for others in [
            &["cpu={{ prefect.variables.cpu }}", "memory=8192"][..],
            &["cpu=4096", "memory={{ prefect.variables.memory }}"],
            &["cpu={{ prefect.variables.cpu }}", "memory={{ prefect.variables.memory }}"],
            &["task_role_arn={{ prefect.variables.role }}", "execution_role_arn={{ prefect.variables.role }}"],
            &["configure_cloudwatch_logs=true", "execution_role_arn={{ prefect.variables.role }}"],
            &["configure_cloudwatch_logs={{ prefect.variables.logs }}"],
            &["network_configuration={{ prefect.blocks.json.network }}"],
            &[
                "network_configuration={{ prefect.blocks.json.network }}",
                "cpu={{ prefect.variables.cpu }}",
                "memory=512",
            ],
            &["subnets={{ prefect.variables.subnets }}", "assign_public_ip={{ prefect.variables.public }}"],
            &["launch_type={{ prefect.variables.launch_type }}", "cpu=256", "memory=8192"],
            &["capacity_provider_strategy={{ prefect.variables.strategy }}"],
            &["task_definition_arn={{ prefect.variables.definition }}"],
            &["prefect_api_key_secret_arn={{ prefect.blocks.json.arns.key }}"],
            &["env={{ prefect.blocks.json.env }}", "labels={{ prefect.blocks.json.labels }}"],
            &["command={{ prefect.variables.command }}", "container_name={{ prefect.variables.container }}"],
            &["family={{ prefect.variables.family }}", "vpc_id={{ prefect.variables.vpc }}"],
            &["aws_credentials={{ prefect.blocks.aws-credentials.prod }}"],
        ] {
            let findings = check(&with(&[&fine[..], others].concat()), "p").unwrap();
            assert!(findings.refusals.is_empty() && findings.warnings.is_empty(), "{others:?}: {findings:#?}");
            assert!(!format!("{findings:?}").contains("stand-in"), "{findings:?}");
        }
        let mut template = with(&["image={{ prefect.variables.image }}"]);
        template["job_configuration"]["task_definition"] = json!("{{ prefect.blocks.json.definition }}");
        let findings = check(&template, "p").unwrap();
        assert!(findings.refusals.is_empty() && findings.warnings.is_empty(), "{findings:#?}");
    }

    #[test]
    fn credentials_are_not_read_and_stop_nothing() {
        let block = r#"aws_credentials={"$ref": {"block_document_id": "11111111-2222-3333-4444-555555555555"}}"#;
        let findings = check(&with(&[block, "cpu=1", "memory=1"]), "p").unwrap();
        assert_eq!(codes(&findings), ["PP0216"]);
        let findings = check(&with(&[block]), "p").unwrap();
        assert!(findings.notes.iter().any(|note| note.contains("`aws_credentials` are not used")), "{findings:?}");
    }

    #[test]
    fn a_default_that_the_template_does_not_use_is_named() {
        let mut template = with(&["image=a/b:1"]);
        template["job_configuration"]["task_definition"]["containerDefinitions"] = json!([{"name": "flow"}]);
        let findings = check(&template, "p").unwrap();
        assert!(
            findings.notes.iter().any(|note| note.contains("`image` (pool default) has no effect")),
            "{findings:?}"
        );
    }

    #[test]
    fn a_malformed_template_is_refused_with_its_code() {
        assert_eq!(of_pool(&json!({})), built_in());
        let array = check(&of_pool(&json!([1])), "p").unwrap_err();
        assert!(matches!(&array, ManageError::Refused(all) if all[0].code == "PP0101"), "{array}");
        let refused = check(&json!({"variables": {}}), "p").unwrap_err();
        assert!(matches!(&refused, ManageError::Refused(all) if all[0].code == "PP0102"), "{refused}");
    }
}
