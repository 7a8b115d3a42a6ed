//! The binaries under test, built by the tests in the profile that their dependencies are built in already.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Packages of the functions; the binaries have the same names without the prefix.
const PACKAGES: [&str; 3] = ["pushpool-dispatcher", "pushpool-poller", "pushpool-doorbell"];

/// Paths of the functions' binaries by name.
#[derive(Debug, Clone)]
pub struct Functions(BTreeMap<String, PathBuf>);

impl Functions {
    /// The binary of a function.
    ///
    /// # Panics
    /// When there is no such function.
    #[must_use]
    pub fn path(&self, name: &str) -> &Path {
        self.0.get(name).unwrap_or_else(|| panic!("there is no function {name}"))
    }
}

/// Builds the functions (once in a process; cargo does nothing when they are fresh).
///
/// # Panics
/// When cargo fails.
#[must_use]
pub fn functions() -> Functions {
    static FUNCTIONS: OnceLock<Functions> = OnceLock::new();
    FUNCTIONS.get_or_init(|| Functions(build(&PACKAGES, &[]))).clone()
}

/// Builds packages with further arguments for cargo; the executables by name.
pub(crate) fn build(packages: &[&str], arguments: &[&str]) -> BTreeMap<String, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace");
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--locked", "--message-format", "json-render-diagnostics"])
        .args(arguments)
        .current_dir(root);
    for package in packages {
        command.args(["--package", package]);
    }
    let output = command.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "{} does not build:\n{}",
        packages.join(", "),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| {
            let executable = PathBuf::from(message["executable"].as_str()?);
            Some((executable.file_name()?.to_str()?.to_owned(), executable))
        })
        .collect()
}
