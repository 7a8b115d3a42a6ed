//! Uploading a directory.

use std::path::{Path, PathBuf};

use aws_sdk_s3::{Client, primitives::ByteStream};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::{
    AT_ONCE,
    client::{Failure, in_region},
    files,
    ignored::Ignored,
};
use crate::{
    context::{Scene, Stream},
    error::Problem,
    inputs,
    step::Object,
};

const IGNORE_FILE: &str = ".prefectignore";

/// Uploads the files of the step's directory.
pub(crate) async fn push(given: &Object, scene: Scene<'_>) -> Result<Object, Problem> {
    let bucket = inputs::text(given, "bucket").unwrap_or_default();
    let folder = inputs::text(given, "folder").unwrap_or_default();
    let ignored = ignored(given, scene).await?;
    let root = scene.directory.to_owned();
    let found = tokio::task::spawn_blocking(move || files::below(&root, ignored.as_ref())).await;
    let found = found.map_err(|error| Problem::file("read the directory", scene.directory, error.into()))??;
    let files: Vec<(PathBuf, String)> = found
        .into_iter()
        .map(|file| files::key(folder, &file).map(|key| (scene.directory.join(file), key)))
        .collect::<Result<_, _>>()?;
    in_region(given, scene, async |client| upload_all(client, bucket, &files).await).await?;
    scene.line(Stream::Stdout, &format!("Uploaded {} files to s3://{bucket}/{folder}", files.len()));
    Ok(Object::from_iter([("bucket".to_owned(), json!(bucket)), ("folder".to_owned(), json!(folder))]))
}

/// The patterns of the ignore file, if there is one. Without one all files go.
async fn ignored(given: &Object, scene: Scene<'_>) -> Result<Option<Ignored>, Problem> {
    let file = match given.get("ignore_file") {
        None => IGNORE_FILE,
        // Null and an empty text switch it off.
        Some(_) => match inputs::text(given, "ignore_file") {
            Some(file) => file,
            None => return Ok(None),
        },
    };
    let path = scene.path(file);
    match tokio::fs::read_to_string(&path).await {
        Ok(text) => Ignored::of(&text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::file("read", path, error)),
    }
}

async fn upload_all(client: &Client, bucket: &str, files: &[(PathBuf, String)]) -> Result<(), Failure> {
    // The first alone: it finds out whether the region is right.
    let (first, others) = files.split_at(files.len().min(1));
    for (file, key) in first {
        upload(client, bucket, file, key).await?;
    }
    let uploads = others.iter().map(|(file, key)| upload(client, bucket, file, key));
    stream::iter(uploads).buffer_unordered(AT_ONCE).try_collect().await
}

async fn upload(client: &Client, bucket: &str, file: &Path, key: &str) -> Result<(), Failure> {
    let refuse = |error: aws_sdk_s3::primitives::ByteStreamError| Problem::file("upload", file, error.into());
    let body = ByteStream::from_path(file).await.map_err(refuse)?;
    let sent = client.put_object().bucket(bucket).key(key).body(body).send().await;
    sent.map(drop).map_err(|error| Failure::of(format!("upload to s3://{bucket}/{key}"), &error))
}
