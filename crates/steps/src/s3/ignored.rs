//! `.prefectignore`.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::error::Problem;

/// Patterns of files that are left out, in the language of `.gitignore`.
pub(super) struct Ignored {
    patterns: Gitignore,
}

impl Ignored {
    /// The patterns of a text. Prefect strips its lines.
    pub(super) fn of(text: &str) -> Result<Self, Problem> {
        let mut builder = GitignoreBuilder::new("");
        for line in text.lines() {
            let added = builder.add_line(None, crate::script::strip(line));
            added.map_err(|error| Problem::invalid("ignore_file", format!("a pattern is wrong: {error}")))?;
        }
        let patterns = builder.build().map_err(|error| Problem::invalid("ignore_file", error.to_string()))?;
        Ok(Self { patterns })
    }

    /// Whether a file is left out; the path is relative.
    pub(super) fn leaves_out(&self, file: &Path) -> bool {
        self.patterns.matched_path_or_any_parents(file, false).is_ignore()
    }

    /// Whether everything in a directory is left out. With exceptions (`!`) that takes a look at each file.
    pub(super) fn leaves_out_all(&self, directory: &Path) -> bool {
        self.patterns.num_whitelists() == 0 && self.patterns.matched_path_or_any_parents(directory, true).is_ignore()
    }
}
