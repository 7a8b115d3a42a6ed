//! The sample messages with their pools and jobs, as part of the program: `pushpool dev` shows something wherever it is
//! started. In a clone the files themselves are taken, so that changes to them count.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::error::CliError;

/// Where a clone has them.
const CLONE: &str = "events";

/// The part of `events/` that a `dev` without arguments needs, by its path there.
const FILES: [(&str, &str); 13] = [
    ("images.json", include_str!("../../../../events/images.json")),
    ("jobs/orders.csv", include_str!("../../../../events/jobs/orders.csv")),
    ("jobs/summarise_orders.py", include_str!("../../../../events/jobs/summarise_orders.py")),
    ("pools/demo.json", include_str!("../../../../events/pools/demo.json")),
    ("sqs/batch-of-10.json", include_str!("../../../../events/sqs/batch-of-10.json")),
    ("sqs/failing-job.json", include_str!("../../../../events/sqs/failing-job.json")),
    ("sqs/invalid-job-variable.json", include_str!("../../../../events/sqs/invalid-job-variable.json")),
    ("sqs/mixed.json", include_str!("../../../../events/sqs/mixed.json")),
    ("sqs/poison-body.json", include_str!("../../../../events/sqs/poison-body.json")),
    ("sqs/redelivered.json", include_str!("../../../../events/sqs/redelivered.json")),
    ("sqs/single.json", include_str!("../../../../events/sqs/single.json")),
    ("sqs/unknown-pool.json", include_str!("../../../../events/sqs/unknown-pool.json")),
    ("sqs/unknown-version.json", include_str!("../../../../events/sqs/unknown-version.json")),
];

/// Messages, pools and images of a `dev` that was told of none.
pub(super) struct Samples {
    /// Directory of the messages.
    pub(super) events: PathBuf,
    /// Directory of the pool documents.
    pub(super) pools: PathBuf,
    /// File of the images, if there is one.
    pub(super) images: Option<PathBuf>,
}

impl Samples {
    /// Those of a clone where this is started in one, else those of the program, written to `directory`.
    ///
    /// # Errors
    /// They cannot be written.
    pub(super) fn find(directory: &Path) -> Result<Self, CliError> {
        let clone = PathBuf::from(CLONE);
        if clone.join("sqs").is_dir() && clone.join("pools").is_dir() {
            return Ok(Self::below(&clone));
        }
        let directory = directory.join("samples");
        write(&directory).map_err(|source| CliError::SetUp { what: "write the samples", source })?;
        Ok(Self::below(&directory))
    }

    fn below(directory: &Path) -> Self {
        let images = Some(directory.join("images.json")).filter(|path| path.exists());
        Self { events: directory.join("sqs"), pools: directory.join("pools"), images }
    }
}

fn write(directory: &Path) -> io::Result<()> {
    for (path, content) in FILES {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap_or(directory))?;
        fs::write(path, content)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sample that is added to the clone and not to the list would be missing elsewhere.
    #[test]
    fn every_sample_comes_with_the_program() {
        let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events");
        let mut there: Vec<String> = vec!["images.json".to_owned()];
        for directory in ["jobs", "pools", "sqs"] {
            let files = fs::read_dir(events.join(directory)).unwrap().flatten().filter(|it| it.path().is_file());
            there.extend(files.map(|it| format!("{directory}/{}", it.file_name().to_string_lossy())));
        }
        there.sort();
        assert_eq!(FILES.map(|(path, _)| path.to_owned()).to_vec(), there);
        let directory = tempfile::tempdir().unwrap();
        write(directory.path()).unwrap();
        for path in there {
            assert_eq!(
                fs::read(directory.path().join(&path)).unwrap(),
                fs::read(events.join(&path)).unwrap(),
                "{path}"
            );
        }
    }
}
