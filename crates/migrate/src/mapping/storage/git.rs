//! Repositories.
//!
//! The blocks clone to a temporary directory and copy the deployment's path out of it, **to the same path** in the working
//! directory. So the entrypoint is relative to the root of the repository, as it is for `git_clone`.

use serde_json::{Map, Value, json};

use super::Storage;

impl Storage<'_> {
    /// A block that clones a repository.
    pub(super) fn git(
        &mut self,
        repository: &str,
        token: Option<&str>,
        credentials: Option<&str>,
    ) -> Result<Value, String> {
        let mut inputs = Map::new();
        inputs.insert("repository".to_owned(), self.place(repository)?.into());
        inputs.extend(self.text("reference").map(|branch| ("branch".to_owned(), branch.into())));
        if let Some(token) = token.and_then(|field| self.secret(field)) {
            inputs.insert("access_token".to_owned(), token.into());
        }
        if let Some(credentials) = credentials.and_then(|field| self.credentials(field)) {
            inputs.insert("credentials".to_owned(), credentials);
        }
        self.describe();
        Ok(json!({"prefect.deployments.steps.git_clone": inputs}))
    }

    fn describe(&mut self) {
        let label = self.block.label();
        let data = &self.block.data;
        let depth = data.get("git_depth");
        match depth.map(Value::as_i64) {
            None | Some(Some(1)) => {}
            Some(None) => self.findings.lost(
                format!("{label}: git_depth null"),
                "the block clones the full history, and the step the newest commit only (depth 1)",
            ),
            Some(Some(depth)) => self
                .findings
                .lost(format!("{label}: git_depth {depth}"), "the step clones the newest commit only (depth 1)"),
        }
        if data.get("include_git_objects") == Some(&Value::Bool(false)) {
            self.findings.lost(format!("{label}: include_git_objects false"), "the step keeps the directory .git");
        }
        self.findings.note("step_needs_git", "The pull step needs git in the image, as the block did.");
        if self.block.block_type.slug == "gitlab-repository" {
            self.findings.note(
                "gitlab_token_user",
                "Before Prefect 2.13, git_clone did not write `oauth2:` in front of a GitLab token, which GitLab needs.",
            );
        }
        if let Some(path) = self.path.filter(|path| !path.is_empty() && *path != ".") {
            self.findings.note(
                "whole_repository",
                format!("The block copied `{path}` out of the repository; the step leaves all of it. The entrypoint stays relative to its root."),
            );
        }
    }
}
