//! The git repository that a project comes from.

use std::{path::Path, process::Command};

/// A repository, and where the project is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remote {
    /// URL of `origin`, without credentials.
    pub url: String,
    /// The branch that is checked out.
    pub branch: String,
    /// The project's folder below the root of the repository; empty if it is the root.
    pub folder: String,
    /// Files of the project that are not committed as they are, relative to its folder.
    pub changed: Vec<String>,
}

impl Remote {
    /// The remote of a folder; none if it has none.
    #[must_use]
    pub fn of(folder: &Path) -> Option<Self> {
        let url = git(folder, &["config", "--get", "remote.origin.url"])?;
        let prefix = git(folder, &["rev-parse", "--show-prefix"]).unwrap_or_default();
        let status = git(folder, &["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", "."]);
        Some(Self {
            url: crate::version::without_credentials(&url),
            branch: git(folder, &["symbolic-ref", "--short", "HEAD"]).unwrap_or_else(|| "main".to_owned()),
            changed: status.map(|status| changed(&status, &prefix)).unwrap_or_default(),
            folder: prefix.trim_end_matches('/').to_owned(),
        })
    }

    /// The URL that a container without a key can clone: that of HTTPS in place of one of SSH.
    pub(super) fn https(&self) -> String {
        let rest = match self.url.split_once("://") {
            Some(("ssh", rest)) => rest.to_owned(),
            // git@host:path
            None => match self.url.split_once(':') {
                Some((host, path)) if !host.contains('/') => format!("{host}/{path}"),
                _ => return self.url.clone(),
            },
            Some(_) => return self.url.clone(),
        };
        let (host, path) = rest.split_once('/').unwrap_or((&rest, ""));
        let host = host.rsplit('@').next().unwrap_or(host);
        let host = host.split(':').next().unwrap_or(host);
        format!("https://{host}/{path}")
    }

    /// Whether a run would miss a file, or get an older one.
    pub(super) fn has_changed(&self, file: &str) -> bool {
        self.changed.iter().any(|changed| changed == file)
    }
}

/// Paths of `git status --porcelain -z`, relative to the project.
fn changed(status: &str, prefix: &str) -> Vec<String> {
    let paths = status.split('\0').filter_map(|entry| entry.get(3..));
    paths.map(|path| path.strip_prefix(prefix).unwrap_or(path).to_owned()).collect()
}

/// What git says; none if there is no git, or it refuses.
fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("-C").arg(folder).args(arguments).output().ok()?;
    // Status lines may begin with a blank.
    let text = String::from_utf8_lossy(&output.stdout).trim_end_matches(['\n', '\r']).to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_for_ssh_becomes_one_for_https() {
        for (url, https) in [
            ("git@github.com:o/r.git", "https://github.com/o/r.git"),
            ("ssh://git@git.test:2222/o/r.git", "https://git.test/o/r.git"),
            ("https://git.test:8443/o/r.git", "https://git.test:8443/o/r.git"),
            ("/srv/repositories/r.git", "/srv/repositories/r.git"),
            ("../r.git", "../r.git"),
        ] {
            assert_eq!(Remote { url: url.to_owned(), ..Remote::default() }.https(), https, "{url}");
        }
    }

    #[test]
    fn a_project_knows_the_repository_it_is_in() {
        let root = tempfile::tempdir().expect("a folder");
        let project = root.path().join("apps/etl");
        std::fs::create_dir_all(&project).expect("a folder");
        std::fs::write(project.join("new.py"), "").expect("written");
        assert_eq!(Remote::of(&project), None);
        for arguments in [
            &["init", "--quiet"][..],
            &["symbolic-ref", "HEAD", "refs/heads/trunk"],
            &["remote", "add", "origin", "https://user:token@git.test/o/r.git"],
        ] {
            let done = Command::new("git").arg("-C").arg(root.path()).args(arguments).status().expect("git");
            assert!(done.success());
        }
        let remote = Remote {
            url: "https://git.test/o/r.git".to_owned(),
            branch: "trunk".to_owned(),
            folder: "apps/etl".to_owned(),
            changed: vec!["new.py".to_owned()],
        };
        assert_eq!(Remote::of(&project), Some(remote));
    }

    #[test]
    fn files_that_are_not_committed_are_found_below_the_project() {
        let status = " M apps/etl/flow.py\0?? apps/etl/new/Ä b.py\0";
        assert_eq!(changed(status, "apps/etl/"), ["flow.py", "new/Ä b.py"]);
        let remote = Remote { changed: changed(status, "apps/etl/"), ..Remote::default() };
        assert!(remote.has_changed("flow.py") && !remote.has_changed("other.py"));
    }
}
