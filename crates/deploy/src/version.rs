//! Where a deployment's version comes from when its author names none.
//!
//! As `prefect deploy` of 3.9.1 does: the variables of a CI service, else the commit of the working tree, else the flow's
//! own version, else the MD5 of the flow's file.

use std::{collections::BTreeMap, path::Path, process::Command};

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

/// A version and what the server is told about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Version {
    pub(crate) version: String,
    /// `{"type": "vcs:git", "version": ..., "commit_sha": ..., ...}`; Prefect Cloud keeps it, a server does not.
    pub(crate) info: Map<String, Value>,
}

/// The variables of one CI service.
struct Service {
    kind: &'static str,
    commit: &'static str,
    branch: &'static str,
    repository: &'static str,
    address: &'static str,
    /// Makes the URL of a commit from the address, the repository and the commit.
    url: fn(&str, &str, &str) -> String,
}

const SERVICES: [Service; 4] = [
    Service {
        kind: "vcs:github",
        commit: "GITHUB_SHA",
        branch: "GITHUB_REF_NAME",
        repository: "GITHUB_REPOSITORY",
        address: "GITHUB_SERVER_URL",
        url: |address, repository, commit| format!("{address}/{repository}/tree/{commit}"),
    },
    Service {
        kind: "vcs:gitlab",
        commit: "CI_COMMIT_SHA",
        branch: "CI_COMMIT_REF_NAME",
        repository: "CI_PROJECT_NAME",
        address: "CI_PROJECT_URL",
        url: |address, _, commit| format!("{address}/-/tree/{commit}"),
    },
    Service {
        kind: "vcs:bitbucket",
        commit: "BITBUCKET_COMMIT",
        branch: "BITBUCKET_BRANCH",
        repository: "BITBUCKET_REPO_SLUG",
        address: "BITBUCKET_GIT_HTTP_ORIGIN",
        url: |address, repository, commit| format!("{address}/{repository}/src/{commit}"),
    },
    Service {
        kind: "vcs:azuredevops",
        commit: "BUILD_SOURCEVERSION",
        branch: "BUILD_SOURCEBRANCHNAME",
        repository: "BUILD_REPOSITORY_NAME",
        address: "BUILD_REPOSITORY_URI",
        url: |address, _, commit| format!("{address}?version=GC{commit}"),
    },
];

/// Types of versions, as `--version-type` takes them.
pub(crate) const TYPES: [&str; 6] =
    ["prefect:simple", "vcs:github", "vcs:gitlab", "vcs:bitbucket", "vcs:azuredevops", "vcs:git"];

/// What the surroundings of a folder say: of the given type, or the first type that says something.
pub(crate) fn inferred(folder: &Path, environment: &BTreeMap<String, String>, kind: Option<&str>) -> Option<Version> {
    let message = git(folder, &["log", "-1", "--pretty=%B"])?;
    let message = message.lines().next().unwrap_or_default().to_owned();
    let wanted = |it: &str| kind.is_none_or(|kind| kind == it);
    let of_service = SERVICES.iter().filter(|it| wanted(it.kind)).find_map(|it| it.version(environment, &message));
    of_service.or_else(|| wanted("vcs:git").then(|| of_git(folder, &message)).flatten())
}

impl Service {
    fn version(&self, environment: &BTreeMap<String, String>, message: &str) -> Option<Version> {
        let get = |name: &str| environment.get(name).map(String::as_str).filter(|value| !value.is_empty());
        let (commit, branch, repository) = (get(self.commit)?, get(self.branch)?, get(self.repository)?);
        let url = (self.url)(get(self.address).unwrap_or("None"), repository, commit);
        Some(version(self.kind, commit, message, branch, repository, &url))
    }
}

fn of_git(folder: &Path, message: &str) -> Option<Version> {
    let commit = git(folder, &["rev-parse", "HEAD"])?;
    let branch = git(folder, &["rev-parse", "--abbrev-ref", "HEAD"])?;
    let url = git(folder, &["config", "--get", "remote.origin.url"]).filter(|url| !url.is_empty())?;
    // The path of the URL; of `git@host:owner/name.git`, which is none, the whole text.
    let path =
        url.split_once("://").map_or(url.as_str(), |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    let repository = path.trim_matches('/').trim_end_matches(".git");
    Some(version("vcs:git", &commit, message, &branch, repository, &url))
}

fn version(kind: &str, commit: &str, message: &str, branch: &str, repository: &str, url: &str) -> Version {
    let short: String = commit.chars().take(8).collect();
    let info = json!({"type": kind, "version": short, "commit_sha": commit, "message": message, "branch": branch,
        "repository": repository, "url": without_credentials(url)});
    let Value::Object(info) = info else { unreachable!("an object was written") };
    Version { version: short, info }
}

/// A URL may carry a token, which the server has no use for.
pub(crate) fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    match host.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}/{path}"),
        None => url.to_owned(),
    }
}

/// What git says; none if it says nothing.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The version of a flow of which only the file is known.
pub(crate) fn of_file(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    Some(Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_ci_service_names_the_commit_it_builds() {
        let github = environment(&[
            ("GITHUB_SHA", "1234567890abcdef"),
            ("GITHUB_REF_NAME", "main"),
            ("GITHUB_REPOSITORY", "o/r"),
            ("GITHUB_SERVER_URL", "https://github.test"),
        ]);
        let version = SERVICES[0].version(&github, "first").expect("a version");
        assert_eq!(version.version, "12345678");
        assert_eq!(version.info["url"], "https://github.test/o/r/tree/1234567890abcdef");
        assert_eq!(version.info["type"], "vcs:github");
        assert_eq!(SERVICES[1].version(&github, "first"), None);
        assert_eq!(SERVICES[0].version(&environment(&[("GITHUB_SHA", "1")]), ""), None);
    }

    #[test]
    fn tokens_in_the_url_of_a_repository_are_not_sent() {
        assert_eq!(without_credentials("https://x:token@git.test/o/r.git"), "https://git.test/o/r.git");
        assert_eq!(without_credentials("git@git.test:o/r.git"), "git@git.test:o/r.git");
    }

    #[test]
    fn a_folder_without_a_repository_has_no_version() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(inferred(folder.path(), &environment(&[("GITHUB_SHA", "1")]), None), None);
    }

    #[test]
    fn a_file_has_the_version_that_python_gives_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("flow.py");
        std::fs::write(&path, "x = 1\n").expect("written");
        // python -c 'import hashlib; print(hashlib.md5(b"x = 1\n").hexdigest())'
        assert_eq!(of_file(&path).as_deref(), Some("3253b41059cac6e987c5a5e9233ea5d0"));
        assert_eq!(of_file(&folder.path().join("none.py")), None);
    }
}
