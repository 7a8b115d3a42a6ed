//! Places in buckets, as the blocks put them together.

/// `basepath/path` as a RemoteFileSystem resolves it: scheme and host of a path are dropped.
pub(super) fn joined(base: &str, path: Option<&str>) -> String {
    let Some(path) = path else { return base.to_owned() };
    let inner = match path.split_once("://") {
        Some((_, rest)) => rest.split_once('/').map_or("", |(_, inner)| inner),
        None => path,
    };
    let inner = inner.trim_start_matches('/');
    let inner = if inner == "." { "" } else { inner.strip_prefix("./").unwrap_or(inner) };
    format!("{}/{inner}", base.trim_end_matches('/'))
}

/// A folder ends in a slash, or its neighbours are pulled too. None is the whole bucket.
pub(super) fn folder(place: &str) -> String {
    let place = place.trim_start_matches('/').trim_end_matches('/');
    if place.is_empty() { String::new() } else { format!("{place}/") }
}

/// Bucket, and the place in it.
pub(super) fn bucket(path: &str) -> (&str, &str) {
    path.trim_start_matches('/').split_once('/').unwrap_or((path, ""))
}
