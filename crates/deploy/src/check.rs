//! Everything that can be checked before a step runs.

use diagnosis::{PP0702, PP0703};
use flows::{Flow, Project};
use manage::server::Server;
use prefect_api::{Transport, is_cloud, models::WorkPool};
use serde_json::{Map, Value};
use steps::{Secrets, Step as Action};

use crate::{
    actions::Actions,
    draft::{Draft, Object},
    file::File,
    fill::Filling,
    flags::Flags,
    flow,
    judge::{job_variables, judge, names_without_step},
    lookalike,
    problem::{Findings, Problem},
    reading::{drafts, nothing_to_do, read_file},
    request::{DeployError, Request, found},
    surroundings::{Versions, filled, pools, secrets, surroundings},
    version::Version,
};

/// Deployments that passed all checks which need no steps to run.
#[derive(Debug)]
pub struct Checked {
    pub(crate) request: Request,
    pub(crate) ready: Vec<Ready>,
    pub(crate) filling: Filling,
    pub(crate) project: Option<String>,
    pub(crate) server_version: Option<String>,
    pub(crate) cloud: bool,
    pub(crate) secrets: Secrets,
    /// What the user should know.
    pub findings: Findings,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) draft: Draft,
    pub(crate) actions: Actions,
    pub(crate) flow: Flow,
    pub(crate) pool: WorkPool,
    /// The values without steps, with the surroundings filled in.
    pub(crate) values: Value,
    pub(crate) flag_outputs: Object,
    pub(crate) version: Option<Version>,
}

/// Reads and checks everything that can be checked before a step runs.
///
/// # Errors
/// All problems at once; or the server does not answer.
pub async fn check<T: Transport>(server: &Server<T>, request: Request) -> Result<Checked, DeployError> {
    let mut findings = Findings::default();
    let file = read_file(&request).map_err(found)?;
    let project = Project::new(&request.folder);
    let drafts = drafts(&request, file.as_ref(), &project, &mut findings);
    if drafts.is_empty() && findings.is_clean() {
        findings.problem(nothing_to_do(file.as_ref(), &request));
    }
    let mut drafts: Vec<(Draft, Actions)> = drafts
        .into_iter()
        .map(|mut draft| {
            request.flags.lay_over(&mut draft, &mut findings);
            draft.allows_undefined = request.allow_undefined;
            let actions = Actions::of(&mut draft, file.as_ref());
            (draft, actions)
        })
        .collect();
    drafts.iter().for_each(|(draft, actions)| lookalike::check(draft, actions, &mut findings));
    let (filling, server_version) = surroundings(server, &request, &drafts).await?;
    let cloud = is_cloud(&server.url);
    let values: Vec<Option<Value>> = drafts.iter().map(|(draft, _)| filled(draft, &filling, &mut findings)).collect();
    let pools = pools(server, &values, &mut findings, &drafts).await?;
    let secrets = secrets(&drafts, &filling, &mut findings);
    let mut ready = Vec::new();
    let mut versions = Versions::default();
    let mut flows = flow::of_all(&project, &request, &values);
    for ((draft, actions), values) in drafts.iter_mut().zip(values) {
        let known = actions.check(draft, &flag_names(&request.flags), &request.environment, &mut findings);
        actions.check_blocks(draft, &filling.fetched, &mut findings);
        if let Some(Value::Object(values)) = &values {
            draft.values = values.clone();
        }
        let flow = flow::of_draft(&mut flows, draft, &mut findings);
        let (Some(_), Some(flow)) = (values, flow) else { continue };
        names_without_step(draft, &known, &mut findings);
        let pool = draft.text("/work_pool/name").and_then(|name| pools.get(name)).cloned();
        judge(draft, &flow, pool.as_ref(), cloud, &mut findings);
        let Some(pool) = pool else { continue };
        let version = versions.of(draft, &request);
        let flag_outputs = flag_outputs(&request.flags, draft);
        let values = Value::Object(draft.values.clone());
        ready.push(Ready { draft: draft.clone(), actions: actions.clone(), flow, pool, values, flag_outputs, version });
    }
    without_files(&mut ready, &request);
    twins(&ready, &mut findings);
    let project = project_name(file.as_ref(), &request, &mut findings);
    if !findings.is_clean() {
        return Err(DeployError::Found(findings));
    }
    Ok(Checked { request, ready, filling, project, server_version, cloud, secrets, findings })
}

/// A flow has the version of its file. As for `prefect deploy`, it has none if the file cannot be imported, because
/// packages are missing.
fn without_files(ready: &mut [Ready], request: &Request) {
    let by_file = |it: &Ready| it.version.is_none() && it.flow.version.is_none() && it.draft.word("/version").is_none();
    let packages = ready.iter().filter(|it| by_file(it)).flat_map(|it| it.flow.needs.iter().map(String::as_str));
    let missing = flow::missing(&packages.collect(), request);
    for ready in ready.iter_mut().filter(|it| by_file(it)) {
        if ready.flow.needs.iter().any(|package| missing.contains(package)) {
            ready.flow.file = None;
        }
    }
}

/// Deployments that are the same one on the server.
fn twins(ready: &[Ready], findings: &mut Findings) {
    for (index, one) in ready.iter().enumerate() {
        let name = |it: &Ready| it.draft.text("/name").map(|name| (it.flow.name.clone(), name.to_owned()));
        let named = name(one).is_some();
        if named && ready[..index].iter().any(|it| name(it) == name(one)) {
            let text = format!("the flow \"{}\" has another deployment of this name in the file", one.flow.name);
            findings.problem(
                one.draft.problem(PP0702, "/name", text).help("Give each deployment of a flow a name of its own."),
            );
        }
    }
}

/// The project whose deployments are pruned.
fn project_name(file: Option<&File>, request: &Request, findings: &mut Findings) -> Option<String> {
    if !request.prune {
        return None;
    }
    let name = file.and_then(File::project).filter(|it| !it.is_empty()).map(str::to_owned);
    if name.is_none() {
        let text = "`--prune` deletes deployments of the file's project, and the file has no name";
        findings.problem(Problem::new(PP0703, text).help("Add `name: PROJECT` at the top of the file."));
    }
    name
}

fn flag_names(flags: &Flags) -> Vec<String> {
    let pairs = flags.job_variables.iter().filter_map(|it| it.split_once('=')).map(|(key, _)| key.to_owned());
    let objects = flags.job_variables.iter().filter_map(|it| serde_json::from_str::<Map<String, Value>>(it).ok());
    pairs.chain(objects.flat_map(|it| it.into_iter().map(|(key, _)| key))).collect()
}

/// Job variables of flags can be named like outputs, as in Prefect.
fn flag_outputs(flags: &Flags, draft: &Draft) -> Object {
    let names = flag_names(flags);
    job_variables(draft).into_iter().filter(|(name, _)| names.contains(name)).collect()
}

impl Checked {
    /// Names of the steps that will run, each once.
    #[must_use]
    pub fn steps(&self) -> Vec<String> {
        let steps = self.ready.iter().flat_map(|it| it.actions.build.iter().chain(&it.actions.push));
        let mut names: Vec<String> = Vec::new();
        for step in steps {
            if let Ok(Some(step)) = Action::parse(&step.value) {
                let name = step.label().to_owned();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        names
    }
}
