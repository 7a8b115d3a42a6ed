//! Files that `prefect deployment build` wrote.

use prefect_api::models::Object;
use serde_json::{Map, Value, json};

use super::{
    Deployment, Project, ProjectError,
    blocks::Embedded,
    file,
    judge::{self, Subject},
    old::OldFile,
    schedules, steps, variables,
};
use crate::{
    mapping::findings::Findings,
    plan::{Action, Level, Note, PlannedDeployment, PlannedPool},
};

/// Translates artefacts. The pools are those that their blocks need.
pub(super) fn translate(
    project: &Project<'_>,
    files: &[&OldFile],
) -> Result<(Vec<Deployment>, Vec<PlannedPool>), ProjectError> {
    let artefacts = files.iter().map(|file| Artefact::read(file));
    let (of_workers, mut artefacts): (Vec<_>, Vec<_>) =
        artefacts.partition(|artefact| artefact.is_of_unknown_worker(project));
    let subjects: Vec<&Subject> = artefacts.iter().map(|artefact| &artefact.subject).collect();
    let (planned, pools) = judge::judge(project, &subjects)?;
    let mut deployments = Vec::new();
    for (artefact, planned) in artefacts.iter_mut().zip(planned) {
        let planned = if planned.action == Action::Refuse {
            artefact.judge_without_definition(project, planned)?
        } else {
            planned
        };
        deployments.push(artefact.deployment(project, planned));
    }
    deployments.extend(of_workers.into_iter().map(|artefact| artefact.deployment_of_worker(project)));
    Ok((deployments, pools))
}

/// Overrides that only a worker of ECS pools reads.
const OF_ECS: [&str; 9] = [
    "cpu",
    "memory",
    "cluster",
    "launch_type",
    "task_role_arn",
    "execution_role_arn",
    "vpc_id",
    "family",
    "configure_cloudwatch_logs",
];

struct Artefact<'a> {
    file: &'a OldFile,
    subject: Subject,
    findings: Findings,
}

impl<'a> Artefact<'a> {
    fn read(file: &'a OldFile) -> Self {
        let mut findings = Findings::default();
        let content = &file.content;
        let text = |key: &str| content.get(key).and_then(Value::as_str).map(str::to_owned);
        let overrides = content.get("infra_overrides").or_else(|| content.get("job_variables"));
        if overrides.is_some_and(|overrides| !overrides.is_object() && !overrides.is_null()) {
            findings.lost("infra_overrides", "it is no mapping, and Prefect read it as one only");
        }
        let mut overrides = overrides.and_then(Value::as_object).cloned().unwrap_or_default();
        let mut infrastructure = Embedded::read(content.get("infrastructure"));
        if let Some(block) = infrastructure.as_mut().filter(|block| block.is_anonymous_ecs_task()) {
            block.move_to_overrides(&mut overrides, &mut findings);
        }
        let storage = Embedded::read(content.get("storage"));
        let path = text("path").filter(|path| !reads_whole_bucket(path, storage.as_ref(), &mut findings));
        let subject = Subject {
            flow: text("flow_name").unwrap_or_default(),
            name: text("name").unwrap_or_default(),
            entrypoint: text("entrypoint"),
            path,
            pool: text("work_pool_name"),
            queue: text("work_queue_name"),
            overrides,
            infrastructure,
            storage,
        };
        Self { file, subject, findings }
    }

    /// Whether a worker runs the deployment on a pool that no server was asked about. Prefect wrote a process as its block then,
    /// so only the overrides show it.
    fn is_of_unknown_worker(&self, project: &Project<'_>) -> bool {
        let subject = &self.subject;
        let is_process =
            subject.infrastructure.as_ref().is_none_or(|block| block.name.is_none() && block.slug == "process");
        let is_unknown = |pool: &String| project.estate.is_none_or(|estate| !estate.work_pools.contains_key(pool));
        is_process
            && subject.pool.as_ref().is_some_and(is_unknown)
            && OF_ECS.iter().any(|key| subject.overrides.contains_key(*key))
    }

    fn deployment_of_worker(mut self, project: &Project<'_>) -> Deployment {
        let storage = self.subject.storage.as_ref().and_then(|block| serde_json::from_value(block.document()).ok());
        let pull = json!(steps::pull(storage.as_ref(), self.subject.path.as_deref(), &mut self.findings));
        let work_pool = without_null(json!({"name": self.subject.pool, "work_queue_name": self.subject.queue}));
        let entrypoint = self.subject.entrypoint.clone();
        let mut old =
            self.value(project, entrypoint.as_deref(), pull, work_pool).as_object().cloned().unwrap_or_default();
        old.insert("infra_overrides".to_owned(), Value::Object(self.subject.overrides.clone()));
        let mut deployment = file::of_single(project, self.file, &old);
        self.findings.extend(std::mem::take(&mut deployment.findings));
        Deployment { findings: self.findings, ..deployment }
    }

    /// Without the AWS account, a block that changes an existing task definition has no template. The deployment can be
    /// written all the same, as if the block had no definition.
    fn judge_without_definition(
        &mut self,
        project: &Project<'_>,
        refused: PlannedDeployment,
    ) -> Result<PlannedDeployment, ProjectError> {
        let mut subject = self.subject.clone();
        let definition = subject.infrastructure.as_mut().and_then(|block| block.data.remove("task_definition_arn"));
        if definition.is_none_or(|arn| arn.is_null()) {
            return Ok(refused);
        }
        // The server's block of this name is another one now.
        let alone = Project { estate: None, ..*project };
        let (planned, _) = judge::judge(&alone, &[&subject])?;
        match planned.into_iter().next().filter(|planned| planned.action == Action::Migrate) {
            Some(planned) => {
                self.findings.risk(
                    Level::High,
                    "pool_needs_account",
                    format!(
                        "The pool cannot be made from this file: {}. `pushpool upgrade plan` makes it.",
                        refused.reasons.join("; ")
                    ),
                );
                Ok(planned)
            }
            None => Ok(refused),
        }
    }

    fn deployment(&mut self, project: &Project<'_>, planned: PlannedDeployment) -> Deployment {
        let target = planned.target.as_ref().filter(|_| planned.action == Action::Migrate);
        let value = target.map(|target| {
            let pull = match &target.path {
                // A worker read the code from the path.
                Some(path) if target.pull_steps.is_empty() => steps::pull(None, Some(path), &mut self.findings),
                _ => target.pull_steps.clone(),
            };
            let job_variables = variables::nested(&target.job_variables, &mut self.findings);
            let work_pool =
                json!({"name": target.pool, "work_queue_name": target.queue, "job_variables": job_variables});
            self.value(project, target.entrypoint.as_deref(), json!(pull), work_pool)
        });
        let mut findings = std::mem::take(&mut self.findings);
        let is_risk = |note: &Note| planned.risk.reasons.contains(&note.text);
        for note in planned.notes {
            if is_risk(&note) {
                findings.risk(planned.risk.level, &note.code, note.text);
            } else {
                findings.note(&note.code, note.text);
            }
        }
        for lost in planned.not_carried {
            findings.lost(lost.setting, lost.reason);
        }
        Deployment {
            file: self.file.path.clone(),
            name: self.subject.name.clone(),
            action: planned.action,
            reasons: planned.reasons,
            value,
            findings,
        }
    }

    /// The deployment as `prefect.yaml` has it.
    fn value(&mut self, project: &Project<'_>, entrypoint: Option<&str>, pull: Value, work_pool: Value) -> Value {
        let content = &self.file.content;
        let given = |key: &str| content.get(key).cloned().unwrap_or_default();
        let schedules = schedules::of(content, &mut self.findings);
        let mut deployment = Map::new();
        let mut put = |key: &str, value: Value| deployment.insert(key.to_owned(), value);
        put("name", given("name"));
        put("version", version(project, content, &mut self.findings));
        put("tags", tags(content.get("tags")));
        put("description", given("description"));
        put("entrypoint", json!(entrypoint));
        put(
            "parameters",
            if content.get("parameters").is_some_and(Value::is_object) { given("parameters") } else { json!({}) },
        );
        put(
            "enforce_parameter_schema",
            json!(content.get("enforce_parameter_schema").and_then(Value::as_bool).unwrap_or(false)),
        );
        if schedules.is_paused {
            put("paused", json!(true));
        }
        if let Some(items) = schedules.items {
            put("schedules", Value::Array(items));
        }
        if content.get("triggers").and_then(Value::as_array).is_some_and(|triggers| !triggers.is_empty()) {
            put("triggers", given("triggers").as_array().into_iter().flatten().cloned().map(without_null).collect());
        }
        put("pull", pull);
        put("work_pool", work_pool);
        Value::Object(deployment)
    }
}

/// `prefect deployment build` wrote the path `''` for S3 buckets. With any path, the block forgets its folder: the agent read
/// the whole bucket, and the upload had gone to the folder.
fn reads_whole_bucket(path: &str, storage: Option<&Embedded>, findings: &mut Findings) -> bool {
    let folder =
        storage.filter(|block| block.slug == "s3-bucket").and_then(|block| block.data.get("bucket_folder")?.as_str());
    let Some(folder) = folder.filter(|folder| path.is_empty() && !folder.is_empty()) else { return false };
    findings.risk(
        Level::Medium,
        "whole_bucket",
        format!("With the path `''`, the agent pulled the whole bucket and found no entrypoint. The step pulls `{folder}`, where the code was uploaded."),
    );
    true
}

/// A version that a user gave. The hash of the flow's file, and the version that the flow itself has, come anew with each deploy.
fn version(project: &Project<'_>, content: &Object, findings: &mut Findings) -> Value {
    let Some(version) = content.get("version").and_then(Value::as_str) else { return Value::Null };
    let is_hash = version.len() == 32 && version.bytes().all(|byte| byte.is_ascii_hexdigit());
    let file = content.get("entrypoint").and_then(Value::as_str).and_then(|entrypoint| entrypoint.split(':').next());
    let source = file.and_then(|file| (project.source)(file));
    let quoted = [format!("\"{version}\""), format!("'{version}'")];
    let is_the_flows = source.is_some_and(|source| quoted.iter().any(|version| source.contains(version)));
    if is_hash || is_the_flows {
        findings.note(
            "version_not_frozen",
            "The version is the flow's own, or its file's hash: it comes anew with each deploy.",
        );
        return Value::Null;
    }
    json!(version)
}

/// Tags, which Prefect 2 took as text with commas, too.
pub(super) fn tags(tags: Option<&Value>) -> Value {
    match tags {
        Some(Value::String(text)) => text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).collect(),
        Some(Value::Array(tags)) => Value::Array(tags.clone()),
        _ => json!([]),
    }
}

fn without_null(value: Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(members.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}
