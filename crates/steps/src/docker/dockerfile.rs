//! Generated Dockerfiles: `dockerfile: auto`.

use std::path::Path;

use crate::{context::Scene, error::Problem, python::Versions};

/// Version of Python in the image if there is no Python to ask: that of `prefecthq/prefect:3-latest`.
const DEFAULT_PYTHON: &str = "3.12";

/// A Dockerfile that copies the project's folder over Prefect's image.
pub(super) fn generate(versions: &Versions, scene: Scene<'_>) -> Result<String, Problem> {
    let folder = scene.directory.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let target = format!("/opt/prefect/{folder}");
    let mut lines = vec![format!("FROM {}", base_image(versions)?)];
    if scene.path("requirements.txt").exists() {
        lines.push(format!("COPY requirements.txt {target}/requirements.txt"));
        lines.push(format!("RUN uv pip install -r {target}/requirements.txt"));
    }
    lines.push(format!("COPY . {target}/"));
    lines.push(format!("WORKDIR {target}/"));
    Ok(lines.join("\n") + "\n")
}

/// Prefect's image for the project's versions of Prefect and Python.
fn base_image(versions: &Versions) -> Result<String, Problem> {
    let Some(prefect) = &versions.prefect else {
        return Err(Problem::invalid(
            "dockerfile",
            "the image to start from depends on Prefect's version, and there is no Python with `prefect` to ask; write a Dockerfile",
        ));
    };
    let python = versions.python.as_deref().unwrap_or(DEFAULT_PYTHON);
    // A version built from source has a local part, and no image.
    let published = prefect.split('+').next().unwrap_or(prefect);
    Ok(format!("prefecthq/prefect:{published}-python{python}"))
}

/// Refuses to leave the user's own Dockerfile out.
pub(super) fn check_unused(directory: &Path) -> Result<(), Problem> {
    if directory.join("Dockerfile").exists() {
        return Err(Problem::invalid(
            "dockerfile",
            "`auto` makes a Dockerfile, and there is one; write `dockerfile: Dockerfile` to use it",
        ));
    }
    Ok(())
}
