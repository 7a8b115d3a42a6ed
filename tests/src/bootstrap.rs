//! The release binary of the dispatcher, as Lambda would be given it.

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
    BOOTSTRAP.get_or_init(build).clone()
}

fn build() -> PathBuf {
    eprintln!("building the release dispatcher (some minutes the first time)");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--release", "--locked", "--package", "pushpool-dispatcher"])
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the dispatcher does not build:\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .next_back()
        .expect("cargo names the binary it built")
}
