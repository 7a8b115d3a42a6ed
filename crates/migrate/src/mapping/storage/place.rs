//! Places in buckets, as the blocks put them together.

/// `base/path`. A dot is the base itself.
pub(super) fn joined(base: &str, path: Option<&str>) -> String {
    let Some(path) = path else { return base.to_owned() };
    let inner = path.trim_start_matches('/');
    let inner = if inner == "." { "" } else { inner.strip_prefix("./").unwrap_or(inner) };
    format!("{}/{inner}", base.trim_end_matches('/'))
}

/// `basepath/path` as a RemoteFileSystem resolves it (prefect 2.20.26, `filesystems.py`, `_resolve_path`): scheme and host of a
/// path have to be those of the base, and are dropped.
///
/// # Errors
/// They are others, which fails every run.
pub(super) fn resolved(base: &str, path: Option<&str>) -> Result<String, String> {
    // A path is read as a URL, whose query and fragment are no part of the place.
    let path = path.map(|path| path.split(['?', '#']).next().unwrap_or_default());
    let Some((scheme, rest)) = path.and_then(|path| path.split_once("://")) else { return Ok(joined(base, path)) };
    let split = |rest: &str| {
        let (host, inner) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        (host.to_owned(), inner.to_owned())
    };
    let (host, inner) = split(rest);
    if let Some((of_base, rest)) = base.split_once("://") {
        let (base_host, base_inner) = split(rest);
        if scheme != of_base || !host.is_empty() && (host != base_host || !inner.starts_with(&base_inner)) {
            return Err("the deployment's path is outside of its storage block, which fails under the agent".to_owned());
        }
    }
    Ok(joined(base, Some(&inner)))
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
