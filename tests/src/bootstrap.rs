//! The release binary of the dispatcher, as Lambda would be given it.

use std::{path::PathBuf, sync::OnceLock};

use crate::binaries::build;

/// Builds the dispatcher in release mode (once in a process; cargo does nothing when it is fresh) and returns the binary.
///
/// # Panics
/// When cargo fails.
#[must_use]
pub fn bootstrap() -> PathBuf {
    static BOOTSTRAP: OnceLock<PathBuf> = OnceLock::new();
    BOOTSTRAP
        .get_or_init(|| {
            eprintln!("building the release dispatcher (some minutes the first time)");
            let mut built = build(&["pushpool-dispatcher"], &["--release"]);
            built.remove("dispatcher").expect("cargo names the binary it built")
        })
        .clone()
}
