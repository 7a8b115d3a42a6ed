//! `git_clone`, through the `git` on the path.
//!
//! Credentials go to git in its environment (`GIT_CONFIG_*`, git 2.31), as a rewriting of the repository's URL. So no list of
//! processes shows them, and the clone's configuration keeps the URL without them; Prefect has them in both.

mod url;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::json;

use crate::{
    context::Scene,
    error::Problem,
    inputs,
    process::{Ended, Program},
    step::Object,
};

/// Waits between tries.
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// What cannot be, before anything runs.
pub(crate) fn check(given: &Object) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (branch, commit) = (inputs::settled(given, "branch"), inputs::settled(given, "commit_sha"));
    if inputs::settled(given, "access_token").is_some() && inputs::is_truthy(given, "credentials") {
        problems.push(Problem::invalid("access_token", "give either it or `credentials`, not both"));
    }
    if branch.is_some() && commit.is_some() {
        problems.push(Problem::invalid("commit_sha", "give either it or `branch`, not both"));
    }
    if branch.is_some_and(|branch| branch.starts_with('-')) {
        problems.push(Problem::invalid("branch", "a name of a branch does not begin with `-`"));
    }
    if commit.is_some_and(|commit| !is_commit(commit)) {
        problems.push(Problem::invalid(
            "commit_sha",
            "a commit is 4 to 64 hexadecimal digits; use `branch` for a branch or a tag",
        ));
    }
    if inputs::settled(given, "repository").is_some_and(|repository| repository.starts_with('-')) {
        problems.push(Problem::invalid("repository", "a URL does not begin with `-`"));
    }
    problems
}

fn is_commit(text: &str) -> bool {
    (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A repository to clone.
struct Clone<'a> {
    scene: Scene<'a>,
    url: &'a str,
    branch: Option<&'a str>,
    commit: Option<&'a str>,
    submodules: bool,
    directories: Vec<&'a str>,
    destination: PathBuf,
    /// A URL and what git takes for it.
    rewriting: Option<(String, String)>,
}

/// Clones the repository, or brings an existing clone up to date.
pub(crate) async fn clone(given: &Object, scene: Scene<'_>) -> Result<Object, Problem> {
    let url = inputs::text(given, "repository").unwrap_or_default();
    let branch = inputs::text(given, "branch");
    let submodules = inputs::flag(given, "include_submodules", false);
    let name =
        inputs::text(given, "clone_directory_name").map_or_else(|| url::directory_name(url, branch), str::to_owned);
    if name.is_empty() {
        return Err(Problem::invalid(
            "repository",
            "its name has no last part to call the directory by; give `clone_directory_name`",
        ));
    }
    let rewriting = url::rewriting(given, url, submodules)?;
    if let Some((_, with_credentials)) = &rewriting {
        scene.context.secrets.add_url(with_credentials);
    }
    let clone = Clone {
        scene,
        url,
        branch,
        commit: inputs::text(given, "commit_sha"),
        submodules,
        directories: inputs::texts(given, "directories"),
        destination: scene.directory.join(&name),
        rewriting,
    };
    if tokio::fs::try_exists(clone.destination.join(".git")).await.unwrap_or(false) {
        clone.update().await?;
    } else {
        clone.create().await?;
    }
    Ok(Object::from_iter([("directory".to_owned(), json!(name))]))
}

impl Clone<'_> {
    async fn create(&self) -> Result<(), Problem> {
        let mut arguments = vec!["clone"];
        if self.submodules {
            arguments.push("--recurse-submodules");
        }
        if !self.directories.is_empty() {
            arguments.push("--sparse");
        }
        if self.commit.is_some() {
            arguments.extend(["--filter=blob:none", "--no-checkout"]);
        } else {
            arguments.extend(self.branch.iter().flat_map(|branch| ["--branch", branch]));
            arguments.extend(["--depth", "1"]);
        }
        let destination = self.destination.to_string_lossy();
        arguments.extend(["--", self.url, &destination]);
        self.git(&arguments, self.scene.directory).await?;
        if let Some(commit) = self.commit {
            self.within(&["fetch", "origin", commit]).await?;
            self.check_out(commit).await?;
        }
        self.narrow().await
    }

    async fn update(&self) -> Result<(), Problem> {
        let origin = self.ask(&["config", "--get", "remote.origin.url"]).await?;
        if url::without_user(&origin) != url::without_user(self.url) {
            return Err(Problem::invalid(
                "repository",
                format!(
                    "`{}` is a clone of another one; remove it, or give `clone_directory_name`",
                    self.destination.display()
                ),
            ));
        }
        if !self.directories.is_empty() && self.ask(&["config", "--get", "core.sparseCheckout"]).await? != "true" {
            self.narrow().await?;
        }
        let Some(commit) = self.commit else { return self.follow_branch().await };
        let wanted = format!("{commit}^{{commit}}");
        let head = self.ask(&["rev-parse", "HEAD"]).await?;
        let found = self.ask(&["rev-parse", "--verify", "--quiet", &wanted]).await?;
        if found.is_empty() {
            let shallow = self.ask(&["rev-parse", "--is-shallow-repository"]).await? == "true";
            let deepen = if shallow { &["--unshallow"][..] } else { &[] };
            let arguments: Vec<&str> = ["fetch", "origin"].iter().chain(deepen).copied().chain([commit]).collect();
            self.within(&arguments).await?;
        } else if found == head {
            return self.update_submodules().await;
        }
        self.check_out(commit).await
    }

    /// To the tip of the branch. Local changes that it would overwrite are an error.
    async fn follow_branch(&self) -> Result<(), Problem> {
        let arguments: Vec<&str> = ["fetch", "origin"].into_iter().chain(self.branch).chain(["--depth", "1"]).collect();
        self.within(&arguments).await?;
        self.within(&["reset", "--keep", "FETCH_HEAD"]).await?;
        self.update_submodules().await
    }

    async fn check_out(&self, commit: &str) -> Result<(), Problem> {
        self.within(&["checkout", "--quiet", commit]).await?;
        self.update_submodules().await
    }

    async fn update_submodules(&self) -> Result<(), Problem> {
        if !self.submodules {
            return Ok(());
        }
        self.within(&["submodule", "update", "--init", "--recursive"]).await.map(drop)
    }

    /// To the wanted directories.
    async fn narrow(&self) -> Result<(), Problem> {
        if self.directories.is_empty() {
            return Ok(());
        }
        let arguments: Vec<&str> = ["sparse-checkout", "set", "--"].iter().chain(&self.directories).copied().collect();
        self.within(&arguments).await.map(drop)
    }

    async fn within(&self, arguments: &[&str]) -> Result<Ended, Problem> {
        self.git(arguments, &self.destination).await
    }

    /// What a question is answered; nothing if git has no answer.
    async fn ask(&self, arguments: &[&str]) -> Result<String, Problem> {
        let ended =
            self.program(arguments, &self.destination).streamed(false).run(self.scene).await.map_err(install)?;
        Ok(if ended.status.success() { ended.stdout.trim().to_owned() } else { String::new() })
    }

    async fn git(&self, arguments: &[&str], directory: &Path) -> Result<Ended, Problem> {
        let mut waits = WAITS.iter();
        loop {
            let ended = self.program(arguments, directory).run(self.scene).await.map_err(install)?;
            if ended.status.success() {
                return Ok(ended);
            }
            match waits.next().filter(|_| is_transient(&ended.stderr)) {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => {
                    let failure = ended.failure(&format!("`git {}`", arguments[0]));
                    return Err(failure.with_hint(hint(&ended.stderr)));
                }
            }
        }
    }

    fn program(&self, arguments: &[&str], directory: &Path) -> Program {
        let program = Program::new("git", self.scene).args(arguments.iter().copied()).directory(directory);
        // A question for a password would wait for a terminal that steps do not have.
        let program = program.env("GIT_TERMINAL_PROMPT", "0");
        let Some((url, with_credentials)) = &self.rewriting else { return program };
        program
            .env("GIT_CONFIG_COUNT", "1")
            .env("GIT_CONFIG_KEY_0", format!("url.{with_credentials}.insteadOf"))
            .env("GIT_CONFIG_VALUE_0", url)
    }
}

fn install(problem: Problem) -> Problem {
    match problem {
        Problem::NoProgram { program, .. } => Problem::NoProgram { program, hint: Some("Install git".to_owned()) },
        other => other,
    }
}

/// Whether another try may do. A wrong name or a missing right stays what it is.
fn is_transient(stderr: &str) -> bool {
    const SIGNS: [&str; 7] = [
        "connection timed out",
        "connection reset",
        "could not resolve host",
        "early eof",
        "remote end hung up unexpectedly",
        "returned error: 429",
        "returned error: 5",
    ];
    let stderr = stderr.to_lowercase();
    SIGNS.iter().any(|sign| stderr.contains(sign))
}

/// What to do about an error of git.
fn hint(stderr: &str) -> Option<&'static str> {
    const HINTS: [(&str, &str); 7] = [
        ("authentication failed", "Check the credentials or the access token."),
        ("could not read username", "The repository needs credentials; give `access_token` or `credentials`."),
        ("could not read password", "The repository needs credentials; give `access_token` or `credentials`."),
        ("repository not found", "Check the URL, and that you may read the repository."),
        ("could not resolve host", "Check the URL and the network."),
        ("permission denied", "Check the SSH key, and that you may read the repository."),
        ("remote branch", "Check the name of the branch."),
    ];
    let stderr = stderr.to_lowercase();
    HINTS.iter().find(|(sign, _)| stderr.contains(sign)).map(|(_, hint)| *hint)
}
