//! Storage blocks as pull steps.
//!
//! The blocks' classes are gone from Prefect 3, so no step loads one. A step gets the place of the code in plain text and
//! every secret as a placeholder into the raw document, which needs no class. The place is the one that the agent's container
//! **read**, which is not always the one that deployments were uploaded to.

mod files;
mod git;
mod place;
mod stores;

use prefect_api::models::DeploymentDocument;
use serde_json::{Value, json};

use super::findings::Findings;
use crate::{
    estate::{Block, ReferencedBlock},
    mapping::secret,
    plan::Level,
};

/// How a run gets its code.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pull {
    pub steps: Vec<Value>,
    /// The entrypoint, where it has to be another one.
    pub entrypoint: Option<String>,
    pub findings: Findings,
}

/// The pull steps of a deployment that an agent runs. `storage` is its block.
///
/// # Errors
/// Why its runs fail under the agent, or cannot get their code.
pub(crate) fn pull(deployment: &DeploymentDocument, storage: Option<&Block>) -> Result<Pull, String> {
    let entrypoint = deployment.entrypoint.as_deref().filter(|it| !it.is_empty());
    let Some(entrypoint) = entrypoint else {
        return Err("the deployment has no entrypoint: no run of it can start".to_owned());
    };
    let mut findings = Findings::default();
    if !entrypoint.contains(':') {
        findings.note(
            "entrypoint_is_module",
            "The entrypoint is a module of the image. Storage and path were never read, and there are no pull steps.",
        );
        return Ok(Pull { findings, ..Pull::default() });
    }
    let path = deployment.path.as_deref();
    if path.is_some_and(|path| path.contains("$STORAGE_BASE_PATH")) {
        findings.risk(
            Level::High,
            "storage_base_path",
            "The path names $STORAGE_BASE_PATH, which only a runner fills in: set the directory by hand.",
        );
    }
    if let Some(steps) = deployment.pull_steps.as_ref().filter(|steps| !steps.is_empty()) {
        findings.note(
            "has_pull_steps",
            "The deployment has pull steps of its own, which Prefect 2.20 runs instead of reading storage and path: they stay.",
        );
        return Ok(Pull { steps: steps.clone(), entrypoint: None, findings });
    }
    let Some(block) = storage else {
        let steps = vec![files::without_block(path, &mut findings)?];
        return Ok(Pull { steps, entrypoint: None, findings });
    };
    let mut storage = Storage { block, path, findings };
    let (step, entrypoint) = storage.step(entrypoint)?;
    Ok(Pull { steps: vec![step], entrypoint, findings: storage.findings })
}

/// A storage block, and the deployment's path in it.
struct Storage<'a> {
    block: &'a Block,
    path: Option<&'a str>,
    findings: Findings,
}

impl<'a> Storage<'a> {
    fn step(&mut self, entrypoint: &str) -> Result<(Value, Option<String>), String> {
        let step = match self.block.block_type.slug.as_str() {
            "s3" => self.s3()?,
            "s3-bucket" => self.s3_bucket()?,
            "gcs" => self.gcs()?,
            "gcs-bucket" => self.gcs_bucket()?,
            "azure" => self.azure()?,
            "azure-blob-storage-container" => self.azure_container()?,
            "github" => self.git("repository", Some("access_token"), None)?,
            "github-repository" => self.git("repository_url", None, Some("credentials"))?,
            "gitlab-repository" => self.git("repository", None, Some("credentials"))?,
            "bitbucket-repository" => self.git("repository", None, Some("bitbucket_credentials"))?,
            "remote-file-system" => self.remote_file_system()?,
            "local-file-system" => self.local_file_system()?,
            _ => return self.with_block(entrypoint),
        };
        Ok((step, None))
    }

    /// A step that loads the block itself, for types that nothing else is known of. It pulls all of the block, so the path
    /// becomes part of the entrypoint.
    fn with_block(&mut self, entrypoint: &str) -> Result<(Value, Option<String>), String> {
        let slug = &self.block.block_type.slug;
        let Some(name) = self.block.usable_name() else {
            return Err(format!(
                "the storage block is anonymous, and no step can pull from a {slug} block without its name"
            ));
        };
        self.findings.risk(
            Level::High,
            "pull_with_block",
            format!("The step loads {slug}/{name} itself: the image needs the class of that block for its Prefect."),
        );
        let step = json!({"prefect.deployments.steps.pull_with_block":
            {"block_type_slug": slug, "block_document_name": name}});
        let path = self.path.map(|path| path.trim_matches('/')).filter(|path| !path.is_empty() && *path != ".");
        if let Some(path) = path {
            self.findings.note(
                "entrypoint_gets_path",
                "The step pulls all of the block, so the entrypoint begins with the deployment's path.",
            );
            return Ok((step, Some(format!("{path}/{entrypoint}"))));
        }
        Ok((step, None))
    }

    /// Text of a field, unless it is empty.
    fn text(&self, field: &str) -> Option<&'a str> {
        self.block.data.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Text of a field without which the block is none.
    fn required(&self, field: &str) -> Result<&'a str, String> {
        self.text(field).ok_or_else(|| format!("{} has no `{field}`", self.block.label()))
    }

    /// The placeholder of a place in the block, or of a part of one. None is said.
    fn reference(&mut self, place: &[&str]) -> Option<String> {
        let name = self.block.usable_name();
        let reference = name.and_then(|name| secret::reference(&self.block.block_type.slug, name, place));
        if reference.is_none() {
            let setting = format!("{}: {}", self.block.label(), place.join("."));
            let why = if name.is_none() { "the block is anonymous, so" } else { "its name is not plain, so" };
            self.findings.lost(
                &setting,
                format!(
                    "{why} no placeholder can refer to it. Use the task's own role, or save credentials as a block"
                ),
            );
            self.findings.risk(Level::High, "credentials_not_carried", format!("{setting} is not carried."));
        }
        reference
    }

    /// A placeholder for a secret of the block, if there is one.
    fn secret(&mut self, field: &str) -> Option<String> {
        self.block.data.get(field).filter(|value| !value.is_null() && **value != "")?;
        self.reference(&[field])
    }

    /// A place that holds a password is referred to as a whole.
    fn place(&mut self, field: &str) -> Result<String, String> {
        let text = self.required(field)?;
        if !secret::looks_secret(text) && !secret::is_masked(&text.into()) {
            return Ok(text.to_owned());
        }
        self.reference(&[field]).ok_or_else(|| {
            format!("`{field}` of {} holds a password, and no placeholder can refer to it", self.block.label())
        })
    }

    /// The placeholder of the block of credentials that a field refers to, or placeholders for what stands in the field itself.
    fn credentials(&mut self, field: &str) -> Option<Value> {
        if let Some(credentials) = self.block.reference(field) {
            return self.credentials_block(credentials).map(Value::from);
        }
        let inline = self.block.data.get(field)?.as_object()?;
        let given: Vec<&String> = inline
            .iter()
            .filter(|(name, value)| value.is_string() && *value != "" && *name != "block_type_slug")
            .map(|(name, _)| name)
            .collect();
        let is_secret = |name: &&&String| secret::is_secret(name, &inline[name.as_str()]);
        given.iter().find(is_secret)?;
        let members = given.into_iter().filter_map(|name| Some((name.clone(), self.reference(&[field, name])?.into())));
        let members: prefect_api::models::Object = members.collect();
        (!members.is_empty()).then_some(Value::Object(members))
    }

    fn credentials_block(&mut self, credentials: &ReferencedBlock) -> Option<String> {
        let name =
            credentials.name.as_deref().filter(|name| !credentials.is_anonymous && !name.starts_with("anonymous"));
        let slug = &credentials.block_type.slug;
        let reference = name.and_then(|name| secret::reference(slug, name, &[]));
        if reference.is_none() {
            let setting = format!("{}: credentials", self.block.label());
            self.findings.lost(
                &setting,
                format!("they are an anonymous {slug} block, which no placeholder can name. Save them under a name, or use the task's own role"),
            );
            self.findings.risk(Level::High, "credentials_not_carried", format!("{setting} are not carried."));
        }
        reference
    }

    /// Says what the image has to have for a step.
    fn needs(&mut self, package: &str) {
        self.findings.risk(
            Level::Medium,
            "step_needs_package",
            format!("The pull step needs {package} in the image, which the block may not have needed."),
        );
    }
}

#[cfg(test)]
mod tests;
