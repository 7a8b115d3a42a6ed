//! Running steps, those that deployments share once.
//!
//! A step is shared if its function, its inputs and everything that ran before it for its deployment are the same: steps
//! leave files behind, so the same `docker build` after another script may build another image. Prefect shares docker steps
//! by their arguments alone.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::{
    context::{Context, Scene},
    docker,
    error::{Problem, StepError},
    git, python, s3, script,
    signature::{Native, Signature},
    step::{Object, Step},
};

/// Where the steps of one deployment are.
#[derive(Debug, Clone)]
pub struct Progress {
    /// The directory in which the next step runs.
    pub directory: PathBuf,
    /// The outputs so far, by id and flattened: the values for placeholders of what follows.
    pub outputs: Object,
    /// Digest of the steps so far.
    history: Digested,
}

impl Progress {
    /// At the beginning: no outputs, in the directory of the project.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self { directory: context.directory.clone(), outputs: Object::new(), history: Digested::default() }
    }

    /// Adds what a step gave. Later outputs of the same name win, as in Prefect.
    pub fn merge(&mut self, step: &Step, outputs: Object) {
        if let Some(id) = &step.id {
            self.outputs.insert(id.clone(), Value::Object(outputs.clone()));
        }
        self.outputs.extend(outputs);
    }
}

type Digested = [u8; 32];
type Shared = Arc<OnceCell<Result<Object, StepError>>>;

/// Runs steps for many deployments. One that another deployment has already run, after the same steps, gives what that one
/// gave, its error too.
///
/// Steps work on the files of the project, so those of one deployment have to run before those of the next.
#[derive(Debug)]
pub struct Runner {
    context: Context,
    done: Mutex<HashMap<Digested, Shared>>,
}

impl Runner {
    /// A runner that has not run anything.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context, done: Mutex::default() }
    }

    /// Where its steps run.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Runs the step, whose inputs are resolved, after those that `progress` has seen.
    ///
    /// # Errors
    /// The step is wrong or fails; `progress` is unchanged.
    pub async fn run(&self, step: &Step, progress: &mut Progress) -> Result<(), StepError> {
        let key = key_of(step, progress);
        let outputs = if step.inputs.get("ignore_cache") == Some(&Value::Bool(true)) {
            run_in(step, &self.context, &progress.directory).await?
        } else {
            let shared = self.shared(key);
            let ran = shared.get_or_init(|| run_in(step, &self.context, &progress.directory)).await;
            ran.clone().map_err(|error| StepError { step: step.label().to_owned(), ..error })?
        };
        progress.history = key;
        if step.signature().and_then(|known| known.native) == Some(Native::SetWorkingDirectory)
            && let Some(Value::String(directory)) = outputs.get("directory")
        {
            progress.directory = PathBuf::from(directory);
        }
        progress.merge(step, outputs);
        Ok(())
    }

    fn shared(&self, key: Digested) -> Shared {
        Arc::clone(self.done.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default())
    }
}

/// The order of inputs does not matter.
fn key_of(step: &Step, progress: &Progress) -> Digested {
    let mut inputs = Value::Object(step.inputs.clone());
    inputs.sort_all_objects();
    let inputs = inputs.to_string();
    let function = step.signature().map_or_else(|| step.function.clone(), Signature::full_name);
    let directory = progress.directory.as_os_str().as_encoded_bytes();
    let parts = [&progress.history, directory, function.as_bytes(), inputs.as_bytes()];
    // With their lengths, so that no two lists of parts are the same bytes.
    let hashed =
        parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part.len().to_le_bytes()).chain_update(part));
    hashed.finalize().into()
}

/// Runs one step whose inputs are resolved, in the directory of the context; gives its outputs.
///
/// # Errors
/// The step is wrong or fails.
pub async fn run(step: &Step, context: &Context) -> Result<Object, StepError> {
    run_in(step, context, &context.directory).await
}

async fn run_in(step: &Step, context: &Context, directory: &std::path::Path) -> Result<Object, StepError> {
    context.secrets.add_inputs(&step.inputs);
    let failure = |problem: Problem| StepError::new(step.label(), problem.masked(&context.secrets));
    step.check().map_err(|mut errors| failure(errors.swap_remove(0).problem))?;
    let scene = Scene { context, label: step.label(), directory };
    let inputs = &step.inputs;
    let native = step.signature().and_then(|known| known.native).filter(|_| step.is_native());
    let outputs = match native {
        Some(Native::GitClone) => git::clone(inputs, scene).await,
        Some(Native::SetWorkingDirectory) => crate::directory::set(inputs, scene).await,
        Some(Native::RunShellScript) => script::run(inputs, scene).await,
        Some(Native::PipInstallRequirements) => python::pip::install(inputs, scene).await,
        Some(Native::BuildDockerImage) => docker::build(inputs, scene).await,
        Some(Native::PushDockerImage) => docker::push(inputs, scene).await,
        Some(Native::PushToS3) => s3::push(inputs, scene).await,
        Some(Native::PullFromS3) => s3::pull(inputs, scene).await,
        None => python::run(step, scene).await,
    };
    outputs.map_err(failure)
}
