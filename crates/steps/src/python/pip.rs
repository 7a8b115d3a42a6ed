//! `pip_install_requirements`.

use serde_json::json;

use super::{at, interpreter};
use crate::{context::Scene, error::Problem, inputs, process::Program, script::strip, step::Object};

/// Installs the requirements into the project's Python.
pub(crate) async fn install(given: &Object, scene: Scene<'_>) -> Result<Object, Problem> {
    let python = interpreter(scene, || "`pip_install_requirements` installs into the project's Python".to_owned())?;
    let file = inputs::text(given, "requirements_file").unwrap_or("requirements.txt");
    let ended = Program::new(python, scene)
        .args(["-m", "pip", "install", "-r", file])
        .directory(scene.path(inputs::text(given, "directory").unwrap_or_default()))
        .streamed(inputs::flag(given, "stream_output", true))
        .succeed(scene, &format!("`pip install -r {file}`"))
        .await
        .map_err(|problem| at(problem, python))?;
    Ok(Object::from_iter([
        ("stdout".to_owned(), json!(strip(&ended.stdout))),
        ("stderr".to_owned(), json!(strip(&ended.stderr))),
    ]))
}
