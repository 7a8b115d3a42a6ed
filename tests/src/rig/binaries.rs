//! The binaries under test, built by the tests: the dispatcher as Lambda would be given it, and everything in the profile
//! that its dependencies are built in already.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// All binaries, with the features that the dependencies have in `cargo test --workspace`: they are not compiled a second time. A test
/// target (the smallest one) is named because features of development dependencies count only then.
const ALL: [&str; 4] = ["--workspace", "--bins", "--test", "built"];

/// Builds the command line tool and the functions (once in a process; cargo does nothing when they are fresh); the binary
/// of that name.
///
/// # Panics
/// When cargo fails, or there is no such binary.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    static BINARIES: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    let binaries = BINARIES.get_or_init(|| build(&ALL));
    binaries.get(name).unwrap_or_else(|| panic!("there is no binary {name}")).clone()
}

/// The command line tool.
///
/// # Panics
/// When cargo fails.
#[must_use]
pub fn pushpool() -> PathBuf {
    binary("pushpool")
}

/// Builds the dispatcher in release mode (once in a process) and returns the binary.
///
/// # Panics
/// When cargo fails.
#[must_use]
pub fn bootstrap() -> PathBuf {
    static BOOTSTRAP: OnceLock<PathBuf> = OnceLock::new();
    BOOTSTRAP
        .get_or_init(|| {
            eprintln!("building the release dispatcher (some minutes the first time)");
            let mut built = build(&["--package", "pushpool-dispatcher", "--release"]);
            built.remove("dispatcher").expect("cargo names the binary it built")
        })
        .clone()
}

/// Whether cargo has set the variable for the package of this test. The build script of `ring` asks to be run again when one of them
/// changes; then everything above `ring` would be compiled anew, here and by the next cargo that has another package's or none.
fn is_of_this_test(variable: &str) -> bool {
    let prefixes = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
    prefixes.iter().any(|prefix| variable.starts_with(prefix)) || variable == "OUT_DIR"
}

/// Builds what these arguments of cargo name; the executables by name.
fn build(arguments: &[&str]) -> BTreeMap<String, PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests live in the workspace");
    let mut command = Command::new(env!("CARGO"));
    command
        .args(["build", "--locked", "--message-format", "json-render-diagnostics"])
        .args(arguments)
        .current_dir(root);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_this_test) {
            command.env_remove(name);
        }
    }
    let output = command.output().expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo build {} does not build:\n{}",
        arguments.join(" "),
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
