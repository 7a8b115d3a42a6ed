//! `prefect.yaml`, and the `deployment.yaml` that stood beside it in Prefect 2.10.

use std::collections::BTreeMap;

use prefect_api::models::Object;
use serde_json::{Map, Value, json};

use super::{
    Deployment, Project, ProjectError, artefact, docker,
    old::{Kind, OldFile},
    pool::{Pools, TO_BE_CHOSEN, block_of, pool_name},
    schedules, steps, variables,
};
use crate::{
    estate::Estate,
    mapping::findings::Findings,
    plan::{Action, Level},
};

/// Keys of a deployment that Prefect wrote and no longer reads, or reads elsewhere.
const DROPPED: [&str; 12] = [
    "schedule",
    "is_schedule_active",
    "flow_name",
    "path",
    "manifest_path",
    "parameter_openapi_schema",
    "timestamp",
    "infra_overrides",
    "infrastructure",
    "storage",
    "work_pool_name",
    "work_queue_name",
];

/// The file whose text becomes the new one.
pub(super) struct Base<'a> {
    pub file: &'a OldFile,
    /// Its content in the terms of today, without deployments.
    pub content: Object,
}

/// The file that describes the project: `prefect.yaml`, or else a list of deployments.
pub(super) fn base(files: &[OldFile]) -> Result<Option<Base<'_>>, ProjectError> {
    for kind in [Kind::Project, Kind::Deployments] {
        let mut of_kind = files.iter().filter(|file| file.kind == kind);
        if let Some(first) = of_kind.next() {
            if let Some(second) = of_kind.next() {
                return Err(ProjectError::Twice { first: first.path.clone(), second: second.path.clone() });
            }
            return Ok(Some(Base { file: first, content: first.content.clone() }));
        }
    }
    Ok(None)
}

impl Base<'_> {
    /// Brings the file to the terms of today. Returns its deployments.
    pub(super) fn modernise(
        &mut self,
        project: &Project<'_>,
        findings: &mut Findings,
    ) -> Result<Vec<Deployment>, ProjectError> {
        let old = self.file.deployments()?;
        let is_old = is_of_prefect_2(&self.content, &old);
        if self.content.get("prefect-version").is_some_and(is_version_2) {
            self.content.insert("prefect-version".to_owned(), Value::Null);
        }
        if self.file.kind == Kind::Deployments {
            self.content.entry("name").or_insert_with(|| json!(project.name));
        }
        let has_old_output = docker::is_of_projects(self.content.get("build"));
        set_steps(&mut self.content, project.estate, findings);
        let pull = self.content.get("pull");
        let mut deployments = Translator::new(project, self.file, &old, pull, is_old).deployments(&old);
        if has_old_output {
            deployments.iter_mut().filter_map(|deployment| deployment.value.as_mut()).for_each(docker::rename_output);
        }
        Ok(deployments)
    }
}

/// Brings the steps of a file, or of a deployment, to those of today.
fn set_steps(content: &mut Object, estate: Option<&Estate>, findings: &mut Findings) {
    if let Some(build) = content.get_mut("build") {
        let pushes = docker::split(build, findings);
        if !pushes.is_empty() {
            let given = content.get("push").and_then(Value::as_array).cloned().unwrap_or_default();
            content.insert("push".to_owned(), given.into_iter().chain(pushes).collect());
        }
    }
    for section in ["build", "push", "pull"] {
        if let Some(steps) = content.get_mut(section) {
            *steps = steps::modernise(steps, estate, findings);
        }
    }
}

/// Translates a deployment that stands alone.
pub(super) fn of_single(project: &Project<'_>, file: &OldFile, old: &Object) -> Deployment {
    Translator::new(project, file, std::slice::from_ref(old), None, true).deployment(old)
}

/// Deployments of the files beside the base.
pub(super) fn of_other_files(
    project: &Project<'_>,
    files: &[OldFile],
    base: Option<&Base<'_>>,
) -> Result<Vec<Deployment>, ProjectError> {
    let mut deployments = Vec::new();
    for file in files {
        let is_base = base.is_some_and(|base| base.file.path == file.path);
        if matches!(file.kind, Kind::Deployments | Kind::Single) && !is_base {
            let old = file.deployments()?;
            let pull = base.and_then(|base| base.content.get("pull"));
            deployments.extend(Translator::new(project, file, &old, pull, true).deployments(&old));
        }
    }
    Ok(deployments)
}

/// A file of Prefect 2 says so, or has keys and steps that are gone.
fn is_of_prefect_2(content: &Object, deployments: &[Object]) -> bool {
    let has_old_step = |steps: &Value| {
        let names = steps.as_array().into_iter().flatten().filter_map(Value::as_object).flat_map(Map::keys);
        names.into_iter().any(|name| steps::current_name(name) != *name)
    };
    let sections =
        |content: &Object| ["build", "push", "pull"].iter().filter_map(|key| content.get(*key)).any(has_old_step);
    content.get("prefect-version").is_some_and(is_version_2)
        || sections(content)
        || deployments.iter().any(|it| sections(it) || DROPPED.iter().any(|key| it.contains_key(*key)))
}

fn is_version_2(version: &Value) -> bool {
    let text = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
    text.starts_with("2.") || text == "2" || text.starts_with("0.") || text.starts_with("1.")
}

/// Translates the deployments of a file.
struct Translator<'a> {
    project: &'a Project<'a>,
    file: &'a OldFile,
    pools: Pools<'a>,
    /// The steps of the file that a deployment without its own gets.
    pull: Option<&'a Value>,
    /// Whether the file is one of Prefect 2, where nothing checked parameters.
    is_old: bool,
    /// Entrypoints that `prefect project register-flow` wrote down, by flow.
    registered: BTreeMap<String, String>,
}

impl<'a> Translator<'a> {
    fn new(
        project: &'a Project<'a>,
        file: &'a OldFile,
        deployments: &[Object],
        pull: Option<&'a Value>,
        is_old: bool,
    ) -> Self {
        let registered = (project.source)(".prefect/flows.json").and_then(|text| serde_json::from_str(&text).ok());
        let pools = Pools::of(project.estate, deployments);
        Self { project, file, pools, pull, is_old, registered: registered.unwrap_or_default() }
    }

    fn deployments(&self, old: &[Object]) -> Vec<Deployment> {
        old.iter().map(|old| self.deployment(old)).collect()
    }

    fn deployment(&self, old: &Object) -> Deployment {
        let mut findings = Findings::default();
        let new = if self.is_old { self.translated(old, &mut findings) } else { old.clone() };
        let action = if new == *old { Action::Skip } else { Action::Migrate };
        let reasons = match action {
            Action::Skip => vec!["it is up to date".to_owned()],
            _ => Vec::new(),
        };
        Deployment {
            file: self.file.path.clone(),
            name: old.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            action,
            reasons,
            value: Some(Value::Object(new)),
            findings,
        }
    }

    fn translated(&self, old: &Object, findings: &mut Findings) -> Object {
        let kept = old.iter().filter(|(key, _)| !DROPPED.contains(&key.as_str()));
        let mut new: Object = kept.map(|(key, value)| (key.clone(), value.clone())).collect();
        if new.get("tags").is_some_and(Value::is_string) {
            new.insert("tags".to_owned(), artefact::tags(old.get("tags")));
            findings.note("tags_as_list", "Tags as text with commas are a list today.");
        }
        self.set_entrypoint(old, &mut new, findings);
        new.entry("enforce_parameter_schema").or_insert_with(|| json!(false));
        let schedules = schedules::of(old, findings);
        if schedules.is_paused {
            new.entry("paused").or_insert_with(|| json!(true));
        }
        if let Some(items) = schedules.items {
            new.insert("schedules".to_owned(), Value::Array(items));
        }
        self.set_steps(old, &mut new, findings);
        self.set_pool(old, &mut new, findings);
        if old.get("flow_name").is_some_and(|flow| !flow.is_null()) {
            findings.lost("flow_name", "`prefect.yaml` has no such key: the flow comes from the entrypoint");
        }
        new
    }

    /// Prefect 2.10 deployed registered flows by their names.
    fn set_entrypoint(&self, old: &Object, new: &mut Object, findings: &mut Findings) {
        if old.get("entrypoint").is_some_and(|entrypoint| !entrypoint.is_null()) {
            return;
        }
        let flow = old.get("flow_name").and_then(Value::as_str);
        match flow.and_then(|flow| self.registered.get(flow)) {
            Some(entrypoint) => {
                new.insert("entrypoint".to_owned(), json!(entrypoint));
            }
            None => findings.risk(
                Level::High,
                "entrypoint_missing",
                "The deployment has no entrypoint: write `path/to/file.py:function`.",
            ),
        }
    }

    fn set_steps(&self, old: &Object, new: &mut Object, findings: &mut Findings) {
        set_steps(new, self.project.estate, findings);
        let path = old.get("path").and_then(Value::as_str);
        let storage = old.get("storage").and_then(Value::as_str).and_then(|block| block.split_once('/'));
        let Some((slug, name)) = storage else {
            if path.is_some() {
                findings.lost("path", "`prefect.yaml` has no such key: pull steps say where the code is");
            }
            return;
        };
        if !steps::is_empty(new.get("pull")) || !steps::is_empty(self.pull) {
            findings.lost("storage", "the deployment has pull steps, which say where its code is");
            return;
        }
        match self.project.estate.and_then(|estate| steps::named(estate, slug, name)) {
            Some(block) => {
                new.insert("pull".to_owned(), Value::Array(steps::pull(Some(block), path, findings)));
            }
            None => findings.risk(
                Level::High,
                "storage_unknown",
                format!(
                    "The block {slug}/{name} is not known here: translate with the server at hand, or write pull steps."
                ),
            ),
        }
    }

    fn set_pool(&self, old: &Object, new: &mut Object, findings: &mut Findings) {
        let Some(name) = pool_name(old).or_else(|| block_of(old).map(|_| "default-agent-pool")) else {
            findings.risk(Level::High, "no_pool", "The deployment names no work pool: choose its push pool.");
            return;
        };
        // A placeholder is filled in at the deploy, and is no pool's name.
        let target = if name.contains("{{") { None } else { Some(self.pools.target(name, old, findings)) };
        let mut pool = old.get("work_pool").and_then(Value::as_object).cloned().unwrap_or_default();
        let (given, overrides) = (object(pool.get("job_variables")), object(old.get("infra_overrides")));
        if block_of(old).is_some() && overrides.get("env").is_some_and(Value::is_object) {
            findings.risk(
                Level::Medium,
                "env_merges",
                "The override `env` replaced the block's environment under the agent, and merges with the pool's: set what must be gone to \
                 null.",
            );
        }
        let mut variables = variables::nested(&overrides, findings);
        variables.extend(variables::nested(&given, findings));
        variables.shift_remove("infrastructure");
        pool.insert("name".to_owned(), json!(target.as_ref().map_or(name, |target| &target.pool)));
        if let Some(queue) = old.get("work_queue_name").filter(|queue| !queue.is_null()) {
            pool.entry("work_queue_name").or_insert_with(|| queue.clone());
        }
        if let Some(target) = target.filter(|target| target.is_ecs && target.pool != TO_BE_CHOSEN) {
            variables::remove_unknown(&mut variables, &target.variables, findings);
        }
        if variables != given {
            pool.insert("job_variables".to_owned(), Value::Object(variables));
        }
        new.insert("work_pool".to_owned(), Value::Object(pool));
    }
}

fn object(value: Option<&Value>) -> Object {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}
