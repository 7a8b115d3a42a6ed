//! The deployments that a command means: entries of the file, or flags alone.

use std::path::Path;

use diagnosis::{PP0701, PP0702, PP0703};
use flows::Project;
use serde_json::Value;

use crate::{
    draft::{Draft, Object, whole},
    file::File,
    fill::{Fetched, Filling},
    problem::{Findings, Problem},
    request::{DeployError, Request, found},
    select::{Names, select},
};

/// The file; none if there is none and none is needed.
///
/// # Errors
/// It cannot be read, or is needed and not there.
pub(crate) fn read_file(request: &Request) -> Result<Option<File>, Problem> {
    // Shown as the user named it, and read from the folder in which the command runs.
    let file = File::read(&request.folder.join(&request.file), &request.file.display().to_string())?;
    let alone = request.flags.names_a_flow() || request.entry.is_some();
    if file.is_none() && (request.file_is_named || !alone) {
        let name = request.file.display();
        return Err(Problem::new(PP0701, format!("there is no file {name}"))
            .help("`pushpool deploy init` writes a first prefect.yaml; `--prefect-file` names another file."));
    }
    Ok(file)
}

/// The names of the deployments that a file has; none if there is no file.
///
/// # Errors
/// The file cannot be read.
pub fn names_of_file(folder: &Path, file: &Path) -> Result<Vec<String>, DeployError> {
    let read = File::read(&folder.join(file), &file.display().to_string()).map_err(found)?;
    let nodes = read
        .iter()
        .flat_map(|file| file.deployments(&mut Findings::default()).into_iter().cloned().collect::<Vec<_>>());
    Ok(nodes
        .filter_map(|node| node.get("name")?.as_text().map(str::to_owned))
        .filter(|name| !name.is_empty())
        .collect())
}

/// The deployments that the command means.
pub(crate) fn drafts(request: &Request, file: Option<&File>, project: &Project, findings: &mut Findings) -> Vec<Draft> {
    let flags = &request.flags;
    if let Some(entry) = &request.entry {
        return vec![Draft::of_values(entry.clone())];
    }
    let nodes = file.map(|file| file.deployments(findings)).unwrap_or_default();
    // Problems of an entry count if the entry is selected.
    let mut read: Vec<(Draft, Findings)> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        if let Some(file) = file {
            let mut own = Findings::default();
            read.push((Draft::read(file, node, index + 1, &mut own), own));
        }
    }
    let names: Vec<Names> = read.iter().map(|(draft, _)| names_of(draft, request, project)).collect();
    let alone = flags.names_a_flow() && flags.names.len() <= 1 && {
        let mut ignored = Findings::default();
        let drafts: Vec<Draft> = read.iter().map(|(draft, _)| draft.clone()).collect();
        read.is_empty()
            || (!flags.names.is_empty() && select(&names, &drafts, &flags.names, flags.all, &mut ignored).is_empty())
    };
    if alone {
        let mut values = Object::new();
        match flags.names.first() {
            Some(name) => {
                values.insert("name".to_owned(), Value::String(name.rsplit('/').next().unwrap_or(name).to_owned()));
            }
            None => {
                findings
                    .problem(Problem::new(PP0703, "the deployment has no name").help("Give it one with `-n NAME`."));
            }
        }
        return vec![Draft::of_values(values)];
    }
    let drafts: Vec<Draft> = read.iter().map(|(draft, _)| draft.clone()).collect();
    let selected = select(&names, &drafts, &flags.names, flags.all, findings);
    let mut chosen = Vec::new();
    for index in selected {
        let (draft, own) = &read[index];
        if draft.is_blank() && flags.all {
            findings.warning(draft.problem(PP0702, "/name", "an empty deployment is skipped"));
            continue;
        }
        findings.extend(own.clone());
        if draft.text("/name").is_none() && own.problems.iter().all(|it| it.subject.key.as_deref() != Some("name")) {
            findings.problem(draft.problem(PP0702, "/name", "the deployment has no name").help("Add `name:`."));
        }
        chosen.push(draft.clone());
    }
    if flags.names_a_flow() && chosen.len() > 1 {
        findings.problem(
            Problem::new(PP0703, format!("an entrypoint is given for {} deployments", chosen.len()))
                .help("Name one deployment with `-n`, or leave the entrypoint out."),
        );
    }
    chosen
}

/// The names under which a deployment can be asked for.
fn names_of(draft: &Draft, request: &Request, project: &Project) -> Names {
    let name = draft.text("/name").unwrap_or_default().to_owned();
    let filling =
        Filling { environment: request.environment.clone(), allow_undefined: true, fetched: Fetched::default() };
    let filled = filling.surroundings(&Value::String(name.clone())).ok().and_then(|it| it.as_str().map(str::to_owned));
    let mut own = vec![name];
    own.extend(filled.filter(|it| !own.contains(it)));
    own.retain(|it| !it.is_empty());
    let entrypoint = draft.text("/entrypoint").unwrap_or_default();
    let function = entrypoint.rsplit([':', '.']).next().unwrap_or_default().replace('_', "-");
    let mut flows = vec![function];
    if request.flags.names.iter().any(|it| it.contains('/')) {
        flows.extend(project.flow(entrypoint).ok().map(|flow| flow.name));
    }
    Names { own, flows }
}

/// Neither file nor flags name a deployment.
pub(crate) fn nothing_to_do(file: Option<&File>, request: &Request) -> Problem {
    let name = request.file.display().to_string();
    let problem = Problem::new(PP0701, format!("{name} has no deployments"))
        .help("Add some below `deployments:`, or name an entrypoint, a name and a pool on the command line.");
    match file {
        Some(file) => problem.at(whole(file)),
        None => problem,
    }
}
