//! Downloading a folder.

use std::path::{Path, PathBuf};

use aws_sdk_s3::Client;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tempfile::NamedTempFile;

use super::{
    AT_ONCE,
    client::{Failure, in_region},
    files,
};
use crate::{
    context::{Scene, Stream},
    error::Problem,
    inputs,
    step::Object,
};

/// Downloads the objects of a folder into the step's directory.
pub(crate) async fn pull(given: &Object, scene: Scene<'_>) -> Result<Object, Problem> {
    let bucket = inputs::text(given, "bucket").unwrap_or_default();
    let folder = inputs::text(given, "folder").unwrap_or_default();
    let prefix = if folder.is_empty() || folder.ends_with('/') { folder.to_owned() } else { format!("{folder}/") };
    let count =
        in_region(given, scene, async |client| download_all(client, bucket, &prefix, scene.directory).await).await?;
    scene.line(Stream::Stdout, &format!("Downloaded {count} files from s3://{bucket}/{folder}"));
    Ok(Object::from_iter([
        ("bucket".to_owned(), json!(bucket)),
        ("folder".to_owned(), json!(folder)),
        ("directory".to_owned(), json!(scene.directory)),
    ]))
}

async fn download_all(client: &Client, bucket: &str, prefix: &str, directory: &Path) -> Result<usize, Failure> {
    let found = list(client, bucket, prefix).await?;
    let count = found.len();
    let downloads =
        found.into_iter().map(|(key, path)| async move { download(client, bucket, &key, &directory.join(path)).await });
    stream::iter(downloads).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    Ok(count)
}

/// All keys, and where they go.
async fn list(client: &Client, bucket: &str, prefix: &str) -> Result<Vec<(String, PathBuf)>, Failure> {
    let mut pages = client.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| Failure::of(format!("list s3://{bucket}/{prefix}"), &error))?;
        for key in page.contents().iter().filter_map(|object| object.key()) {
            found.extend(files::target(key, prefix)?.map(|path| (key.to_owned(), path)));
        }
    }
    Ok(found)
}

/// The file appears when it is whole.
async fn download(client: &Client, bucket: &str, key: &str, path: &Path) -> Result<(), Failure> {
    let action = || format!("download s3://{bucket}/{key}");
    let object = client.get_object().bucket(bucket).key(key).send().await;
    let object = object.map_err(|error| Failure::of(action(), &error))?;
    let refuse = |source| Problem::file("write", path, source);
    let directory = path.parent().unwrap_or(path);
    tokio::fs::create_dir_all(directory).await.map_err(refuse)?;
    let part = new_file(directory).map_err(refuse)?;
    let mut file = tokio::fs::File::from_std(part.reopen().map_err(refuse)?);
    let mut body = object.body;
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(|error| Problem::Storage { action: action(), reason: error.to_string() })?;
        tokio::io::AsyncWriteExt::write_all(&mut file, &bytes).await.map_err(refuse)?;
    }
    tokio::io::AsyncWriteExt::flush(&mut file).await.map_err(refuse)?;
    part.persist(path).map(drop).map_err(|error| refuse(error.error).into())
}

/// A file with the rights of any other.
fn new_file(directory: &Path) -> std::io::Result<NamedTempFile> {
    use std::os::unix::fs::PermissionsExt;

    let rights = std::fs::Permissions::from_mode(0o666);
    tempfile::Builder::new().prefix(".pushpool-").permissions(rights).tempfile_in(directory)
}
