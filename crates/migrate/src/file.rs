//! The file between `plan` and `apply`.
//!
//! It is JSON for people: indented, with the plan under `plan` and a digest of the plan before it. `apply` refuses a plan
//! that its digest does not fit, so what was reviewed is what is written. To change a plan, run `plan` with other options.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    error::UpgradeError,
    fingerprint::fingerprint,
    plan::{UpgradePlan, VERSION},
};

/// A plan and what it is recognised by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanFile {
    /// SHA-256 of the plan.
    pub digest: String,
    /// The plan.
    pub plan: UpgradePlan,
}

/// Only the version, to tell a later format from a damaged file.
#[derive(Deserialize)]
struct Versioned {
    plan: Version,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

impl PlanFile {
    /// Seals a plan.
    #[must_use]
    pub fn new(plan: UpgradePlan) -> Self {
        Self { digest: digest(&plan), plan }
    }

    /// The beginning of its digest, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        short(&self.digest)
    }

    /// Writes it to a file that only its owner can read: job variables may hold what a user would not show.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), UpgradeError> {
        let text = format!("{:#}\n", serde_json::json!(self));
        let mut options = OpenOptions::new();
        let written = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        written
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|source| UpgradeError::Write { path: path.to_owned(), source })
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// The file cannot be read, is no plan, or was changed after it was written.
    pub fn read(path: &Path) -> Result<Self, UpgradeError> {
        let text = fs::read(path).map_err(|source| UpgradeError::Read { path: path.to_owned(), source })?;
        let no_plan = |problem: String| UpgradeError::NoPlan { path: path.to_owned(), problem };
        let written_by = serde_json::from_slice::<Versioned>(&text).map(|it| it.plan.version);
        if let Some(version) = written_by.ok().filter(|version| *version != VERSION) {
            return Err(no_plan(format!("its version is {version}, and this pushpool reads version {VERSION}")));
        }
        let file: Self = serde_json::from_slice(&text).map_err(|error| {
            // serde's texts quote values.
            no_plan(format!("line {} column {}: {:?}", error.line(), error.column(), error.classify()))
        })?;
        if file.digest != digest(&file.plan) {
            return Err(no_plan("it was changed after it was written; its digest does not fit".to_owned()));
        }
        Ok(file)
    }
}

/// The beginning of a digest, as people compare it.
#[must_use]
pub fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn digest(plan: &UpgradePlan) -> String {
    fingerprint(&serde_json::json!(plan))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::ServerSeen;

    fn plan() -> UpgradePlan {
        UpgradePlan {
            version: VERSION,
            server: ServerSeen { url: "http://127.0.0.1:4200/api".into(), version: "2.20.26".into() },
            digest: "0".repeat(64),
            pools: Vec::new(),
            deployments: Vec::new(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("upgrade.json");
        let file = PlanFile::new(plan());
        file.write(&path).unwrap();
        assert_eq!(PlanFile::read(&path).unwrap(), file);
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap());
        assert_eq!((mode & 0o777, file.short().len()), (0o600, 12));
    }

    #[test]
    fn a_plan_that_was_edited_cut_off_or_written_by_a_later_release_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("upgrade.json");
        PlanFile::new(plan()).write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let cases = [
            (text.replace("127.0.0.1", "127.0.0.2"), "digest does not fit"),
            (text[..text.len() / 2].to_owned(), "Eof"),
            (text.replace("\"version\": 1", "\"version\": 2"), "this pushpool reads version 1"),
            ("[]".to_owned(), "line 1"),
        ];
        for (text, word) in cases {
            fs::write(&path, text).unwrap();
            let refused = PlanFile::read(&path).unwrap_err().diagnosis().unwrap();
            assert!(refused.code == "PP0802" && refused.detail.contains(word), "{refused:?}");
        }
        let missing = PlanFile::read(&directory.path().join("none")).unwrap_err().diagnosis().unwrap();
        assert!(missing.detail.contains("No such file"), "{missing:?}");
    }
}
