//! Building an image.

use std::{
    io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{buildx, classic, dockerfile, hint, install, name};
use crate::{
    context::{Scene, Stream},
    error::Problem,
    inputs,
    process::Program,
    python::{self, Versions},
    signature::is_buildx,
    step::Object,
};

/// The label of Prefect's images.
const VERSION_LABEL: &str = "io.prefect.version";

/// What is built.
pub(super) struct Image {
    name: String,
    tag: String,
    additional_tags: Vec<String>,
    /// The Dockerfile, or none if docker reads it from its input.
    dockerfile: Option<String>,
    prefect_version: Option<String>,
    /// Holds the file with the image's id.
    directory: TempDir,
}

impl Image {
    /// The tags, with the name.
    pub(super) fn references(&self) -> Vec<String> {
        [&self.tag].into_iter().chain(&self.additional_tags).map(|tag| format!("{}:{tag}", self.name)).collect()
    }

    /// The labels; Prefect's version goes over the user's.
    pub(super) fn labels(&self, given: &Object) -> Vec<String> {
        let own = inputs::entries(given, "labels").map(|(name, value)| (name.to_owned(), inputs::written(value)));
        let mut labels = indexed(own);
        if let Some(version) = &self.prefect_version {
            labels.insert(VERSION_LABEL.to_owned(), json!(version));
        }
        labels.iter().map(|(name, value)| format!("{name}={}", inputs::written(value))).collect()
    }

    /// The Dockerfile. Its path is relative to the context.
    pub(super) fn file(&self, context: &str, is_remote: bool) -> String {
        match &self.dockerfile {
            None => "-".to_owned(),
            Some(file) if is_remote => file.clone(),
            Some(file) => Path::new(context).join(file).to_string_lossy().into_owned(),
        }
    }

    /// Where docker writes the image's id.
    pub(super) fn id_file(&self) -> String {
        self.id_path().to_string_lossy().into_owned()
    }

    fn id_path(&self) -> PathBuf {
        self.directory.path().join("id")
    }

    /// The id, if docker wrote one.
    async fn id(&self) -> Result<Option<String>, Problem> {
        let path = self.id_path();
        match tokio::fs::read_to_string(&path).await {
            Ok(id) => Ok(Some(id.trim().to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Problem::file("read the image's id from", path, error)),
        }
    }
}

fn indexed(labels: impl Iterator<Item = (String, String)>) -> Object {
    labels.map(|(name, value)| (name, Value::String(value))).collect()
}

/// A directory for docker: absolute, without a `.` at its end.
pub(super) fn directory_of(path: &str, directory: &Path) -> String {
    let path = if path.is_empty() || path == "." { directory.to_owned() } else { directory.join(path) };
    path.to_string_lossy().into_owned()
}

/// Builds the image.
pub(crate) async fn build(given: &Object, scene: Scene<'_>) -> Result<Object, Problem> {
    let versions = python::versions(scene).await;
    let generated = generated(given, &versions, scene).await?;
    let image = image(given, versions, generated.is_some(), scene)?;
    let backend = if is_buildx(given) { buildx::arguments } else { classic::arguments };
    let arguments = backend(given, &image, scene.directory);
    let program = Program::new("docker", scene).args(arguments).input(generated.unwrap_or_default());
    let ended = program.run(scene).await.map_err(install)?;
    if !ended.status.success() {
        let command = if is_buildx(given) { "`docker buildx build`" } else { "`docker build`" };
        return Err(ended.failure(command).with_hint(hint(&ended.stderr)));
    }
    let references = image.references();
    // An image that is only in a registry, or in a builder's cache, has no id here.
    let id = image.id().await?.unwrap_or_else(|| references[0].clone());
    Ok(Object::from_iter([
        ("image_name".to_owned(), json!(image.name)),
        ("tag".to_owned(), json!(image.tag)),
        ("image".to_owned(), json!(references[0])),
        ("image_id".to_owned(), json!(id)),
        ("additional_tags".to_owned(), json!(image.additional_tags)),
    ]))
}

fn image(given: &Object, versions: Versions, is_generated: bool, scene: Scene<'_>) -> Result<Image, Problem> {
    let name = inputs::text(given, "image_name").unwrap_or_default();
    let tag = inputs::text(given, "tag").map_or_else(|| name::tag_of(Timestamp::now()), str::to_owned);
    let directory =
        tempfile::tempdir().map_err(|source| Problem::file("make a directory in", std::env::temp_dir(), source))?;
    let file = || inputs::text(given, "dockerfile").unwrap_or("Dockerfile").to_owned();
    Ok(Image {
        name: name::full(name, scene.context),
        tag,
        additional_tags: inputs::texts(given, "additional_tags").into_iter().map(str::to_owned).collect(),
        dockerfile: (!is_generated).then(file),
        prefect_version: versions.prefect,
        directory,
    })
}

/// The Dockerfile for `auto`. Docker reads it from its input, so none lies around when a build is interrupted.
async fn generated(given: &Object, versions: &Versions, scene: Scene<'_>) -> Result<Option<String>, Problem> {
    if inputs::text(given, "dockerfile") != Some("auto") {
        return Ok(None);
    }
    dockerfile::check_unused(scene.directory)?;
    let text = dockerfile::generate(versions, scene)?;
    if inputs::flag(given, "persist_dockerfile", false) {
        let path = scene.path(inputs::text(given, "dockerfile_output_path").unwrap_or("Dockerfile.generated"));
        tokio::fs::write(&path, &text).await.map_err(|source| Problem::file("write", &path, source))?;
        scene.line(Stream::Stdout, &format!("Wrote {}", path.display()));
    }
    Ok(Some(text))
}
