//! `set_working_directory`.

use std::io;

use serde_json::json;

use crate::{context::Scene, error::Problem, inputs, step::Object};

/// Checks that the directory exists. The runner makes it that of the steps behind it; the process keeps its own, because
/// several deployments share it.
pub(crate) async fn set(inputs: &Object, scene: Scene<'_>) -> Result<Object, Problem> {
    let directory = scene.path(inputs::text(inputs, "directory").unwrap_or_default());
    let refuse = |source| Problem::file("use the directory", &directory, source);
    // Without links and dots, as the system names it to a process in it.
    let found = tokio::fs::canonicalize(&directory).await.map_err(refuse)?;
    if !found.is_dir() {
        return Err(refuse(io::ErrorKind::NotADirectory.into()));
    }
    Ok(Object::from_iter([("directory".to_owned(), json!(found))]))
}
