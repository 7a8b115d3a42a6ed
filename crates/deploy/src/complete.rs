//! Running the steps, and filling in what they give.

use diagnosis::{PP0704, PP0708, PP0712};
use jiff::Timestamp;
use manage::server::Server;
use prefect_api::{Client, Transport, models::WorkPool};
use serde_json::Value;
use steps::{Context, Progress, Runner, Step as Action};

use crate::{
    actions::{self, Placed},
    check::{Checked, Ready},
    draft::{Draft, Object},
    fill::problems,
    judge::{enforce, flag, job_variables, judge, limit},
    plan::{self, Planned},
    problem::{Findings, Problem},
    request::{DeployError, found},
    shown::Shown,
    snapshot::Snapshot,
    trigger, version,
    wanted::Wanted,
    write::{self, Outcome},
};

/// Deployments with everything filled in.
#[derive(Debug)]
pub struct Complete {
    /// As they shall be.
    pub wanted: Vec<Wanted>,
    pub(crate) pools: Vec<WorkPool>,
    shown: Shown,
    subject: String,
    prune: Option<String>,
    /// Whether values of steps are missing, because the steps did not run.
    pub without_outputs: bool,
    /// What the user should know, and [`Checked`] did not know yet.
    pub findings: Findings,
}

impl Checked {
    /// Runs the build and push steps and fills their outputs in.
    ///
    /// # Errors
    /// A step fails, or what it gave does not fit.
    pub async fn run(self, mut context: Context) -> Result<Complete, DeployError> {
        context.python = self.request.python.clone();
        context.build_namespace = self.request.build_namespace.clone();
        context.prefect_version = self.server_version.clone();
        context.secrets = self.secrets.clone();
        let runner = Runner::new(context);
        let mut wanted = Vec::new();
        let mut findings = self.findings.clone();
        for ready in &self.ready {
            let mut progress = Progress::new(runner.context());
            for placed in ready.actions.build.iter().chain(&ready.actions.push) {
                self.step(placed, ready, &runner, &mut progress).await.map_err(found)?;
            }
            progress.outputs.extend(ready.flag_outputs.clone());
            wanted.extend(self.complete(ready, Some(&progress.outputs), &mut findings));
        }
        self.finish(wanted, findings, false)
    }

    /// Leaves the steps out: names of their outputs stay as they are written.
    ///
    /// # Errors
    /// Something does not fit.
    pub fn without_steps(self) -> Result<Complete, DeployError> {
        let mut findings = self.findings.clone();
        let has_steps = !self.steps().is_empty();
        let outputs = |ready: &Ready| (!has_steps).then(|| ready.flag_outputs.clone());
        let wanted =
            self.ready.iter().filter_map(|it| self.complete(it, outputs(it).as_ref(), &mut findings)).collect();
        self.finish(wanted, findings, has_steps)
    }

    fn finish(
        self,
        wanted: Vec<Wanted>,
        mut findings: Findings,
        without_outputs: bool,
    ) -> Result<Complete, DeployError> {
        findings.warnings.retain(|it| !self.findings.warnings.contains(it));
        if !findings.is_clean() {
            return Err(DeployError::Found(findings));
        }
        findings.fold_warnings();
        let subject = format!("deployments of {}", self.request.file.display());
        let pools = self.ready.into_iter().map(|it| it.pool).collect();
        let shown = Shown::without(self.secrets);
        Ok(Complete { wanted, pools, shown, subject, prune: self.project, without_outputs, findings })
    }

    async fn step(
        &self,
        placed: &Placed,
        ready: &Ready,
        runner: &Runner,
        progress: &mut Progress,
    ) -> Result<(), Problem> {
        let failed = |text: String| placed.problem(&ready.draft, PP0712, text);
        let filled =
            self.filling.surroundings(&placed.value).and_then(|it| self.filling.outputs(&it, &progress.outputs));
        let value = filled.map_err(|error| {
            let told = problems(&error, &ready.draft, "");
            told.into_iter().next().map_or_else(
                || failed(error.to_string()),
                |it| placed.problem(&ready.draft, PP0704, it.text).help(it.help),
            )
        })?;
        match Action::parse(&value) {
            Ok(Some(step)) => runner.run(&step, progress).await.map_err(|error| failed(manage::with_sources(&error))),
            Ok(None) => Ok(()),
            Err(error) => Err(placed.problem(&ready.draft, PP0708, error.to_string())),
        }
    }

    /// A deployment with outputs put in; without outputs their names stay.
    fn complete(&self, ready: &Ready, outputs: Option<&Object>, findings: &mut Findings) -> Option<Wanted> {
        let mut draft = ready.draft.clone();
        if let Some(outputs) = outputs {
            let mut values = Object::new();
            for (key, value) in ready.values.as_object().into_iter().flatten() {
                let filled = match (key.as_str(), value) {
                    ("triggers", Value::Array(specs)) => self.triggers(specs, outputs),
                    ("description", Value::String(text)) => {
                        Ok(self.filling.foreign(text, outputs).map_or(Value::Null, Value::String))
                    }
                    _ => self.filling.outputs(value, outputs),
                };
                match filled {
                    Ok(value) => {
                        values.insert(key.clone(), value);
                    }
                    Err(error) => {
                        problems(&error, &draft, &format!("/{key}")).into_iter().for_each(|it| findings.problem(it));
                    }
                }
            }
            draft.values = values;
            judge(&mut draft, &ready.flow, Some(&ready.pool), self.cloud, findings);
        }
        let empty = Object::new();
        let pull_steps = self.pull_steps(ready, outputs.unwrap_or(&empty), findings);
        if !findings.is_clean() {
            return None;
        }
        self.wanted(&draft, ready, outputs.unwrap_or(&empty), pull_steps)
    }

    /// The parameters of a trigger are templates of the automation.
    fn triggers(&self, specs: &[Value], outputs: &Object) -> Result<Value, templating::TemplatingError> {
        let fill = |spec: &Value| {
            let mut spec = spec.clone();
            let parameters = spec.as_object_mut().and_then(|it| it.shift_remove("parameters"));
            let mut filled = self.filling.outputs(&spec, outputs)?;
            if let (Some(parameters), Value::Object(entries)) = (parameters, &mut filled) {
                entries.insert("parameters".to_owned(), parameters);
            }
            Ok(filled)
        };
        specs.iter().map(fill).collect::<Result<Vec<Value>, _>>().map(Value::Array)
    }

    fn pull_steps(&self, ready: &Ready, outputs: &Object, findings: &mut Findings) -> Vec<Value> {
        let folder = &self.request.folder;
        let Some(steps) = &ready.actions.pull else {
            let (steps, warning) = ready.actions.default_pull(&ready.draft, folder);
            warning.into_iter().for_each(|it| findings.warning(it));
            return steps;
        };
        let filled: Vec<Value> = steps
            .iter()
            .filter_map(|step| match self.filling.pull(&step.value, outputs) {
                Ok(value) => Some(value),
                Err(error) => {
                    findings.problem(step.problem(&ready.draft, PP0704, error.to_string()));
                    None
                }
            })
            .collect();
        if actions::is_local(&filled, folder) {
            let text = "runs will look for the code in a folder of this machine";
            findings.warning(ready.draft.problem(PP0708, "/pull", text));
        }
        filled
    }

    fn wanted(&self, draft: &Draft, ready: &Ready, outputs: &Object, pull_steps: Vec<Value>) -> Option<Wanted> {
        let text = |pointer: &str| draft.word(pointer);
        let flow = &ready.flow;
        let description = text("/description").or_else(|| self.filling.foreign(flow.description.as_deref()?, outputs));
        let triggers = draft.values.get("triggers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let name = text("/name")?;
        let (limit, options) = limit(draft).ok()?;
        let schedules =
            schedules::parse_all(&draft.values, Timestamp::now()).map(|it| it.schedules).unwrap_or_default();
        let mut wanted = Wanted {
            flow: flow.name.clone(),
            label: draft.label.clone(),
            entrypoint: text("/entrypoint")?,
            version: text("/version"),
            version_info: None,
            description,
            tags: draft.tags(),
            parameters: draft.values.get("parameters").and_then(Value::as_object).cloned().unwrap_or_default(),
            schema: flow.schema.clone(),
            enforce: enforce(draft),
            paused: flag(draft, "paused"),
            schedules,
            limit,
            options,
            pull_steps,
            pool: ready.pool.name.clone(),
            queue: text("/work_pool/work_queue_name"),
            job_variables: job_variables(draft),
            triggers: trigger::read(triggers, &name, self.cloud).unwrap_or_default(),
            project: self.project.clone(),
            name,
        };
        match wanted.version {
            Some(_) => {}
            None if ready.version.is_some() => wanted.set_version(ready.version.clone()),
            None => {
                let of_file = || version::of_file(&self.request.folder.join(flow.file.as_ref()?));
                wanted.version = flow.version.clone().or_else(of_file);
            }
        }
        Some(wanted)
    }
}

impl Complete {
    /// Compares with the server.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn plan<T: Transport>(&self, server: &Server<T>) -> Result<Writing, DeployError> {
        let told = |error| server.told(error);
        let mut flows: Vec<&str> = self.wanted.iter().map(|it| it.flow.as_str()).collect();
        flows.sort_unstable();
        flows.dedup();
        let snapshot = Snapshot::read(&server.client, &flows).await.map_err(told)?;
        let mut planned = plan::plan(&self.wanted, &snapshot, &self.shown, &self.subject);
        if let Some(project) = &self.prune {
            planned = plan::prune(planned, &server.client, &self.wanted, project).await.map_err(told)?;
        }
        Ok(Writing { planned, snapshot })
    }
}

/// A plan and what it was made from.
#[derive(Debug)]
pub struct Writing {
    /// The plan.
    pub planned: Planned,
    snapshot: Snapshot,
}

impl Writing {
    /// Carries the plan out, `at_once` deployments at a time. A failure stops its own deployment only.
    pub async fn write<T: Transport>(
        &self,
        client: &Client<T>,
        at_once: usize,
        told: &(dyn Fn(&Outcome) + Sync),
    ) -> Vec<Outcome> {
        write::write(client, &self.planned, &self.snapshot, at_once, told).await
    }
}
