//! The questions that lead to a deployment, and where the answers are kept.
//!
//! The wizard asks through [`Ask`], so that a test can answer, and the command line draws. It writes nothing: it returns
//! an [`Answers`], which [`save()`] puts into the file and [`check`](crate::check()) deploys like any other. So the wizard
//! can do nothing that a file cannot. A user who leaves a question leaves everything as it was.

mod code;
mod git;
mod save;
mod schedule;
#[cfg(test)]
mod tests;

use std::{fmt, path::Path};

use flows::{Found, Project};
use jiff::Timestamp;
use manage::{pool::create::check_name, server::Server};
use prefect_api::{
    Transport,
    models::{ListedPool, NamedBlock},
};
use serde_json::{Map, Value, json};

pub use self::{
    git::Remote,
    save::{First, SaveError, first_file, save},
};
use crate::request::DeployError;

/// The user left a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left;

/// A front end that asks.
pub trait Ask {
    /// One of several; returns its index.
    ///
    /// # Errors
    /// The user left.
    fn choose(&mut self, question: &str, choices: &[String]) -> Result<usize, Left>;

    /// A text that `check` accepts; its error says what is wrong.
    ///
    /// # Errors
    /// The user left.
    fn text(
        &mut self,
        question: &str,
        default: &str,
        check: &dyn Fn(&str) -> Result<(), String>,
    ) -> Result<String, Left>;

    /// A text that is not shown while it is typed.
    ///
    /// # Errors
    /// The user left.
    fn secret(&mut self, question: &str) -> Result<String, Left>;

    /// Yes or no.
    ///
    /// # Errors
    /// The user left.
    fn confirm(&mut self, question: &str, default: bool) -> Result<bool, Left>;

    /// Shows a line between questions.
    fn show(&mut self, line: &str);
}

/// What the wizard can offer.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// Flows of the project.
    pub flows: Vec<Found>,
    /// Names and types of the server's pools.
    pub pools: Vec<(String, String)>,
    /// The repository that the project comes from.
    pub remote: Option<Remote>,
    /// Name of the project's folder.
    pub folder: String,
    /// Names of the deployments that the file has.
    pub taken: Vec<String>,
    /// Whether the project has a `Dockerfile`.
    pub has_dockerfile: bool,
    /// Blocks of the server that may give access to a private repository.
    pub credentials: Vec<NamedBlock>,
}

/// Types of blocks that `git_clone` takes: a Secret with a token, and credentials of the services.
const CREDENTIALS: [&str; 4] = ["secret", "github-credentials", "gitlab-credentials", "bitbucket-credentials"];

impl Offer {
    /// Looks around in a project and on a server.
    ///
    /// # Errors
    /// The server does not answer.
    pub async fn of<T: Transport>(server: &Server<T>, folder: &Path, taken: Vec<String>) -> Result<Self, DeployError> {
        let pools: Vec<ListedPool> = server.client.all_pools().await.map_err(|error| server.told(error))?;
        let usable = pools.into_iter().filter(|pool| pool.pool_type != "prefect-agent");
        let credentials = server.client.blocks_of_types(&CREDENTIALS).await.map_err(|error| server.told(error))?;
        let pools = usable.map(|pool| (pool.name, pool.pool_type)).collect();
        Ok(Self { pools, taken, credentials, ..Self::of_folder(folder) })
    }

    /// Looks around in a project.
    #[must_use]
    pub fn of_folder(folder: &Path) -> Self {
        Self {
            flows: Project::new(folder).find(),
            pools: Vec::new(),
            remote: Remote::of(folder),
            folder: folder.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            taken: Vec::new(),
            has_dockerfile: folder.join("Dockerfile").is_file(),
            credentials: Vec::new(),
        }
    }
}

/// What the user wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// The entry for `deployments`.
    pub deployment: Map<String, Value>,
    /// The pool to create first; none if it exists.
    pub new_pool: Option<String>,
    /// The Secret block to create first, for a private repository.
    pub new_secret: Option<NewSecret>,
    /// Whether the entry goes into the file.
    pub save: bool,
}

/// A Secret block that does not exist yet.
#[derive(Clone, PartialEq, Eq)]
pub struct NewSecret {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// The value is secret.
impl fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Asks for a deployment.
///
/// # Errors
/// The user left.
pub fn ask(offer: &Offer, ask: &mut dyn Ask, now: Timestamp) -> Result<Answers, Left> {
    let entrypoint = flow(offer, ask)?;
    let name = name(offer, ask)?;
    let (pool, new_pool) = pool(offer, ask)?;
    let mut deployment = Map::new();
    deployment.insert("name".to_owned(), json!(name));
    deployment.insert("entrypoint".to_owned(), json!(entrypoint));
    let code = code::ask(offer, ask, &entrypoint, &name)?;
    deployment.extend(code.steps);
    let schedules = schedule::ask(ask, now)?;
    if !schedules.is_empty() {
        deployment.insert("schedules".to_owned(), Value::Array(schedules));
    }
    let mut work_pool = Map::from_iter([("name".to_owned(), json!(pool))]);
    if let Some(image) = code.image {
        work_pool.insert("job_variables".to_owned(), json!({"image": image}));
    }
    deployment.insert("work_pool".to_owned(), Value::Object(work_pool));
    let save = ask.confirm("Save this deployment to prefect.yaml?", true)?;
    Ok(Answers { deployment, new_pool, new_secret: code.new_secret, save })
}

fn flow(offer: &Offer, ask: &mut dyn Ask) -> Result<String, Left> {
    let mut choices: Vec<String> = offer.flows.iter().map(|it| format!("{} ({})", it.name, it.entrypoint)).collect();
    if !choices.is_empty() {
        choices.push("another one".to_owned());
        let index = ask.choose("Flow to deploy", &choices)?;
        if let Some(flow) = offer.flows.get(index) {
            return Ok(flow.entrypoint.clone());
        }
    }
    ask.text("Entrypoint (path/to/file.py:function)", "", &|text| match text.contains(':') {
        true => Ok(()),
        false => Err("write it as path/to/file.py:function".to_owned()),
    })
}

fn name(offer: &Offer, ask: &mut dyn Ask) -> Result<String, Left> {
    ask.text("Deployment name", &free_name(&offer.taken), &|text| {
        if text.trim().is_empty() {
            Err("a deployment needs a name".to_owned())
        } else if text.contains(['/', '%', '&', '>', '<']) {
            Err("/ % & < > are not allowed".to_owned())
        } else if offer.taken.iter().any(|it| it == text) {
            Err("prefect.yaml has a deployment of this name".to_owned())
        } else {
            Ok(())
        }
    })
}

/// A name that no deployment has: `default`, `default-2`, and so on.
fn free_name(taken: &[String]) -> String {
    let names = std::iter::once("default".to_owned()).chain((2_u32..).map(|number| format!("default-{number}")));
    names.into_iter().find(|name| !taken.contains(name)).unwrap_or_default()
}

/// Name of the pool, and the same if it has to be created.
fn pool(offer: &Offer, ask: &mut dyn Ask) -> Result<(String, Option<String>), Left> {
    let mut choices: Vec<String> = offer.pools.iter().map(|(name, kind)| format!("{name} ({kind})")).collect();
    choices.push("a new push pool (ecs:push)".to_owned());
    let index = ask.choose("Work pool", &choices)?;
    if let Some((name, _)) = offer.pools.get(index) {
        return Ok((name.clone(), None));
    }
    let exists = |name: &str| offer.pools.iter().any(|(pool, _)| pool == name);
    let name = ask.text("Name of the new work pool", &offer.folder, &|text| {
        check_name(text)?;
        if exists(text) { Err("there is a work pool of this name".to_owned()) } else { Ok(()) }
    })?;
    Ok((name.clone(), Some(name)))
}
