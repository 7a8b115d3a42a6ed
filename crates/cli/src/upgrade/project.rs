//! `pushpool upgrade project`.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use clap::{Args, ValueHint};
use manage::{ManageError, Server, with_sources};
use migrate::{
    Estate, Options,
    plan::{Action, PoolAction},
    project::{self, Project, ProjectFile, Translated},
    read,
};
use serde_json::json;

use super::plan::mapping;
use crate::{
    args::Output,
    error::CliError,
    output::{self, DIM, GOOD, HEAD, note, paint, say},
    server::ServerArgs,
};

pub(crate) const HELP: &str = "\
Examples:
  pushpool upgrade project
      Print a current prefect.yaml for the artefacts (*-deployment.yaml) and the
      old prefect.yaml of this folder. Nothing is written.
  pushpool upgrade project --write
      Write it. Comments and layout of a prefect.yaml stay.
  pushpool upgrade project --with-server flows/*-deployment.yaml
      Ask the Prefect server what pools and blocks the files mean.
  pushpool upgrade project --with-server --map docker-container=etl
      The same, and deployments of Docker blocks go to the push pool etl.

Exit codes:
  0    shown or written
  1    it could not be done, or no deployment can be carried
  2    the command line is wrong";

#[derive(Debug, Args)]
pub(crate) struct ProjectArgs {
    /// Files to translate [default: *-deployment.yaml, prefect.yaml and deployment.yaml of this folder]
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,

    /// Ask the Prefect server what pools and blocks the files mean
    #[arg(long)]
    with_server: bool,

    /// Move deployments of this block, or of a type of blocks, to this push pool of the server
    /// (docker-container/dock=etl, docker-container=etl, flow/name=etl); may be repeated
    #[arg(long, value_name = "WHAT=POOL", value_parser = mapping, requires = "with_server")]
    map: Vec<(String, String)>,

    /// Repair settings that fail under the agent today and have one sensible meaning
    #[arg(long)]
    repair: bool,

    /// Write prefect.yaml instead of printing it
    #[arg(long)]
    write: bool,

    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    output: Output,
}

const TARGET: &str = "prefect.yaml";

/// Runs the command.
///
/// # Errors
/// It could not be done.
pub(super) async fn run(server: &ServerArgs, args: &ProjectArgs) -> Result<u8, CliError> {
    let folder = env::current_dir().map_err(|source| CliError::SetUp { what: "find the working directory", source })?;
    let files = files(args, &folder)?;
    let estate = match args.with_server {
        true => Some(read::estate(&Server::at(&server.address())?).await.map_err(ManageError::from)?),
        false => None,
    };
    let options = Options { map: args.map.iter().cloned().collect(), repair: args.repair, ..Options::default() };
    let translated = translate(&folder, &files, estate.as_ref(), &options)?;
    report(&translated);
    match (&translated.text, args.output) {
        (_, Output::Json) => print(&format!("{:#}\n", json!(translated)))?,
        (None, _) => {}
        (Some(text), _) if !args.write => print(text)?,
        (Some(_), _) => {}
    }
    let Some(text) = &translated.text else {
        say("No deployment of these files goes into a prefect.yaml; nothing was written.");
        return Ok(1);
    };
    if args.write {
        fs::write(TARGET, text).map_err(|source| failed(format!("cannot write {TARGET}"), &source))?;
        say(paint(GOOD, format_args!("Wrote {TARGET}")));
        say("Look through it, then: pushpool deploy --all --check");
    } else if args.output == Output::Text {
        note(format_args!("nothing was written; --write writes {TARGET}"));
    }
    Ok(0)
}

fn print(text: &str) -> Result<(), CliError> {
    output::data(text).map_err(CliError::WriteOutput)
}

fn files(args: &ProjectArgs, folder: &Path) -> Result<Vec<ProjectFile>, CliError> {
    let paths = if args.files.is_empty() { found(folder)? } else { args.files.clone() };
    if paths.is_empty() {
        return Err(CliError::from(ManageError::Explained {
            summary: "this folder has no *-deployment.yaml, prefect.yaml or deployment.yaml".to_owned(),
            detail: String::new(),
            help: "Name the files, or run the command in the folder of the project.".to_owned(),
        }));
    }
    let read = |path: &PathBuf| {
        let shown = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|source| CliError::ReadFile { path: shown.clone(), source })?;
        Ok(ProjectFile { path: shown, text })
    };
    paths.iter().map(read).collect()
}

fn found(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let shown = folder.display().to_string();
    let entries = fs::read_dir(folder).map_err(|source| CliError::ReadFile { path: shown, source })?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut paths: Vec<PathBuf> = names
        .filter(|name| name.ends_with("-deployment.yaml") || name == TARGET || name == "deployment.yaml")
        .map(PathBuf::from)
        .collect();
    paths.sort();
    Ok(paths)
}

fn translate(
    folder: &Path,
    files: &[ProjectFile],
    estate: Option<&Estate>,
    options: &Options,
) -> Result<Translated, CliError> {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    // Files outside of the project are none of its sources.
    let source = |path: &str| {
        let path = folder.join(path).canonicalize().ok()?;
        path.starts_with(folder.canonicalize().ok()?).then(|| fs::read_to_string(path).ok()).flatten()
    };
    let project = Project { name: &name, files, estate, options, source: &source };
    project::translate(&project).map_err(|error| {
        CliError::from(ManageError::Explained {
            summary: with_sources(&error),
            detail: String::new(),
            help: "Nothing was written.".to_owned(),
        })
    })
}

fn failed(summary: String, source: &io::Error) -> CliError {
    CliError::from(ManageError::Explained { summary, detail: source.to_string(), help: String::new() })
}

/// What becomes of each deployment, on standard error.
fn report(translated: &Translated) {
    for deployment in &translated.deployments {
        let what = match deployment.action {
            Action::Migrate => "goes to a push pool",
            Action::Skip => "stays as it is",
            Action::Leave => "is left out",
            Action::Refuse => "is refused",
        };
        let pool = deployment.pool.as_ref().map(|pool| format!(" (pool {pool})")).unwrap_or_default();
        say(format_args!("{} {what}{pool}", paint(HEAD, format_args!("{}: {}", deployment.file, deployment.name))));
        deployment.reasons.iter().for_each(|reason| say(format_args!("  {reason}")));
        deployment.notes.iter().for_each(|note| say(format_args!("  {}", note.text)));
        for lost in &deployment.not_carried {
            say(format_args!("  {} {}: {}", paint(DIM, "not carried:"), lost.setting, lost.reason));
        }
    }
    translated.notes.iter().for_each(|it| note(&it.text));
    for lost in &translated.not_carried {
        say(format_args!("{} {}: {}", paint(DIM, "not carried:"), lost.setting, lost.reason));
    }
    for pool in translated.pools.iter().filter(|pool| pool.action == PoolAction::Create) {
        say(format_args!("The work pool {} has to be made: `pushpool upgrade plan` does that.", pool.name));
    }
}
