//! The binaries under test, built by the tests: the dispatcher as Lambda would be given it, and the command line tool.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Builds the dispatcher in release mode (once in a process; cargo does nothing when it is fresh) and returns the binary.
///
/// # Panics
/// When cargo fails.
#[must_use]
pub fn bootstrap() -> PathBuf {
    static BOOTSTRAP: OnceLock<PathBuf> = OnceLock::new();
    BOOTSTRAP.get_or_init(|| build("pushpool-dispatcher", &["--release"])).clone()
}

/// Builds the command line tool (once in a process) and returns the binary. Not in release mode: what it does is the
/// same, and the build is there already when the workspace was built for its tests.
///
/// # Panics
/// When cargo fails.
#[must_use]
pub fn pushpool() -> PathBuf {
    static PUSHPOOL: OnceLock<PathBuf> = OnceLock::new();
    PUSHPOOL.get_or_init(|| build("pushpool", &[])).clone()
}

fn build(package: &str, profile: &[&str]) -> PathBuf {
    eprintln!("building {package} (some minutes the first time)");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--locked", "--package", package])
        .args(profile)
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{package} does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .expect("cargo names the binary it built")
}
