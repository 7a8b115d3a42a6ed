//! The files of a project: artefacts of `prefect deployment build` and old `prefect.yaml` files as a current `prefect.yaml`.
//!
//! An *artefact* (`*-deployment.yaml`) is a deployment as a server held it, with its blocks written into it. So artefacts become an
//! estate, [`assess`](crate::assess()) judges them as it judges a server's deployments, and what it plans is written as a
//! deployment of `prefect.yaml`. Pools, job variables, pull steps and refusals are the same on both ways.
//!
//! An old `prefect.yaml` (or the `deployment.yaml` of Prefect 2.10) names pools and blocks and holds none of them. Its keys,
//! steps, schedules and job variables are translated as data, and [`yaml::Editor::update`] brings the text to the result, so
//! comments and layout stay. A server's estate, if there is one, says what the names mean; without it the translation
//! says what it had to assume.
//!
//! Nothing here reads or writes a file, and no secret is copied: blocks are referred to, and asterisks are never written.

mod artefact;
mod blocks;
mod docker;
mod error;
mod file;
mod judge;
mod old;
mod pool;
mod schedules;
mod steps;
mod variables;
mod write;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;

pub use self::error::ProjectError;
use self::old::{Kind, OldFile};
use crate::{
    Estate, Options,
    mapping::findings::Findings,
    plan::{Action, NotCarried, Note, PlannedPool, Risk},
};

/// A file of a project.
#[derive(Debug, Clone)]
pub struct ProjectFile {
    /// Its path, for messages.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What is to be translated.
pub struct Project<'a> {
    /// Name of a new `prefect.yaml`: the folder's.
    pub name: &'a str,
    /// Artefacts, and `prefect.yaml` or `deployment.yaml`.
    pub files: &'a [ProjectFile],
    /// What a server holds, if one was asked: the types of pools, and blocks that files name.
    pub estate: Option<&'a Estate>,
    /// What the user decided.
    pub options: &'a Options,
    /// Text of another file of the project, if there is one.
    pub source: &'a dyn Fn(&str) -> Option<String>,
}

/// A translated project.
#[derive(Debug, Clone, Serialize)]
pub struct Translated {
    /// The new `prefect.yaml`; none if no deployment can be written.
    pub text: Option<String>,
    /// Every deployment of the files.
    pub deployments: Vec<TranslatedDeployment>,
    /// Pools that the deployments of artefacts go to and that have to be made.
    pub pools: Vec<PlannedPool>,
    /// What concerns no single deployment.
    pub notes: Vec<Note>,
    /// Settings of the file that have no counterpart.
    pub not_carried: Vec<NotCarried>,
}

/// A deployment of a file and what becomes of it.
#[derive(Debug, Clone, Serialize)]
pub struct TranslatedDeployment {
    /// The file.
    pub file: String,
    /// Its name.
    pub name: String,
    /// `migrate`: it is in the new file for a push pool. `skip`: it is in the new file as it was.
    pub action: Action,
    /// Why that, one sentence each.
    pub reasons: Vec<String>,
    /// Its pool in the new file.
    pub pool: Option<String>,
    /// How likely a run is to behave differently.
    pub risk: Risk,
    /// What changes in meaning, and what to do by hand.
    pub notes: Vec<Note>,
    /// What is not carried.
    pub not_carried: Vec<NotCarried>,
}

/// A deployment on its way into the new file.
struct Deployment {
    file: String,
    name: String,
    action: Action,
    reasons: Vec<String>,
    /// As the new file has it; none if it is not written.
    value: Option<Value>,
    findings: Findings,
}

impl Deployment {
    fn report(self) -> TranslatedDeployment {
        let pool = self.value.as_ref().and_then(|value| value["work_pool"]["name"].as_str()).map(str::to_owned);
        TranslatedDeployment {
            file: self.file,
            name: self.name,
            action: self.action,
            reasons: self.reasons,
            pool,
            risk: self.findings.risk_of_all(),
            notes: self.findings.notes,
            not_carried: self.findings.not_carried,
        }
    }
}

/// Translates the files of a project.
///
/// # Errors
/// A file cannot be read, or is none of these.
pub fn translate(project: &Project<'_>) -> Result<Translated, ProjectError> {
    let files: Vec<OldFile> = project.files.iter().map(OldFile::read).collect::<Result<_, _>>()?;
    let files = old::joined(files);
    let mut findings = Findings::default();
    let mut base = file::base(&files)?;
    let mut deployments = match &mut base {
        Some(base) => base.modernise(project, &mut findings)?,
        None => Vec::new(),
    };
    let first = deployments.len();
    deployments.extend(file::of_other_files(project, &files, base.as_ref())?);
    let artefacts: Vec<&OldFile> = files.iter().filter(|file| file.kind == Kind::Artefact).collect();
    let (of_artefacts, pools) = artefact::translate(project, &artefacts)?;
    deployments.extend(of_artefacts);
    let text = write::text(project, base.as_ref(), &mut deployments, first)?;
    Ok(Translated {
        text,
        deployments: deployments.into_iter().map(Deployment::report).collect(),
        pools,
        notes: findings.notes,
        not_carried: findings.not_carried,
    })
}
