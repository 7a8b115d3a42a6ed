//! The pinned Python environments of the tests, made by the tests.
//!
//! Several proofs need programs that exist in Python only: Prefect's server and its ECS worker, boto3, moto, ministack.
//! Asking people to install them would make the proofs optional, so the first test that needs Python makes a virtual
//! environment under the workspace's `target/test-env/` and every later one, in whichever process, finds it. Its name
//! carries the hash of the list in `tests/python/` which pins every package: a changed list is another environment,
//! never an upgraded one.
//!
//! There is one for each version of Prefect, because two cannot live in one: [`python`] (with all else that tests drive),
//! [`python_3_9`] and [`python_2_20`].
//!
//! Nothing is skipped: without Python the tests fail and say what is missing.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Instant;

use sha2::{Digest, Sha256};

/// The programs tried, in this order, for an interpreter that is new enough.
const INTERPRETERS: &[&str] = &["python3.11", "python3", "python3.12", "python3.13", "python"];

/// A Python interpreter with everything in one list of requirements.
#[derive(Debug)]
pub struct Python {
    interpreter: PathBuf,
    home: PathBuf,
}

/// The environment of `tests/python/requirements.txt`, made on first use: Prefect 3.8 and all else the tests drive.
///
/// # Panics
///
/// When there is no Python 3.11 with `venv` and `pip`, or the packages cannot be installed.
pub fn python() -> &'static Python {
    static PYTHON: OnceLock<Python> = OnceLock::new();
    PYTHON.get_or_init(|| prepare("requirements.txt"))
}

/// The environment of `tests/python/requirements-3.9.txt`, made on first use: Prefect 3.9.
///
/// # Panics
///
/// As [`python`].
pub fn python_3_9() -> &'static Python {
    static PYTHON: OnceLock<Python> = OnceLock::new();
    PYTHON.get_or_init(|| prepare("requirements-3.9.txt"))
}

/// The environment of `tests/python/requirements-2.20.txt`, made on first use: Prefect 2.20 and its `prefect-aws`.
///
/// # Panics
///
/// As [`python`].
pub fn python_2_20() -> &'static Python {
    static PYTHON: OnceLock<Python> = OnceLock::new();
    PYTHON.get_or_init(|| prepare("requirements-2.20.txt"))
}

impl Python {
    /// The interpreter of the environment.
    pub fn interpreter(&self) -> &Path {
        &self.interpreter
    }

    /// Directory of the environment's programs, for a `PATH`.
    pub fn programs(&self) -> &Path {
        self.interpreter.parent().expect("an interpreter lies in a directory")
    }

    /// Directory of the environment, made for this list of requirements and no other.
    pub fn environment(&self) -> &Path {
        self.programs().parent().expect("its programs lie in the environment")
    }

    /// A file of `tests/python`.
    pub fn script(&self, name: &str) -> PathBuf {
        tests_directory().join("python").join(name)
    }

    /// The interpreter with `arguments`, shielded from this machine: no settings, profile, credentials or `.env` of
    /// whoever runs the tests can reach it, and it tells nobody that it ran. Its working directory is a scratch
    /// directory under `target/`. Standard streams are for the caller to set.
    pub fn command<I>(&self, arguments: I) -> Command
    where
        I: IntoIterator,
        I::Item: AsRef<OsStr>,
    {
        let mut command = Command::new(&self.interpreter);
        for (name, _) in std::env::vars_os() {
            let private = ["PREFECT_", "AWS_", "PYTHON", "BOTO_"];
            if name.to_str().is_some_and(|name| private.iter().any(|prefix| name.starts_with(prefix))) {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .current_dir(&self.home)
            .env("HOME", &self.home)
            .env("PREFECT_HOME", self.home.join("prefect"))
            .env("PREFECT_LOGGING_LEVEL", "ERROR")
            .env("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
            .env("DO_NOT_TRACK", "1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", self.home.join("no-aws-config"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.home.join("no-aws-credentials"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("PYTHONUNBUFFERED", "1")
            // Prefect walks sets of placeholders; their order must not differ from one process to the next.
            .env("PYTHONHASHSEED", "0");
        command
    }
}

fn tests_directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn prepare(list: &str) -> Python {
    let requirements_path = tests_directory().join("python").join(list);
    let requirements = fs::read(&requirements_path).expect("the list of requirements can be read");
    let root = tests_directory().join("..").join("target").join("test-env");
    fs::create_dir_all(&root).expect("target/test-env can be created");
    let root = root.canonicalize().expect("target/test-env exists");
    let home = root.join("home");
    fs::create_dir_all(&home).expect("target/test-env/home can be created");

    let hash: String = Sha256::digest(&requirements).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let environment = root.join(format!("python-{hash}"));
    let interpreter = environment.join("bin").join("python");
    // Written last. Names the place because a virtual environment does not survive being moved.
    let marker = environment.join("complete");
    let complete = || fs::read_to_string(&marker).is_ok_and(|place| Path::new(&place) == environment);

    // Test binaries run at the same time; the first one installs and the others wait here.
    let lock = File::create(root.join("lock")).expect("target/test-env/lock can be created");
    lock.lock().expect("target/test-env/lock can be locked");
    if !complete() {
        install(&environment, &interpreter, &requirements_path);
        fs::write(&marker, environment.to_str().expect("the workspace's path is UTF-8"))
            .expect("marker can be written");
    }
    Python { interpreter, home }
}

fn install(environment: &Path, interpreter: &Path, requirements: &Path) {
    let base = base_interpreter();
    let started = Instant::now();
    tell(&format!(
        "making a Python environment of the tests in {} with {base}; this takes a minute or two, once",
        environment.display()
    ));
    if environment.exists() {
        fs::remove_dir_all(environment).expect("an unfinished environment can be removed");
    }
    run("making a virtual environment", Command::new(base).args(["-m", "venv"]).arg(environment));
    run(
        "installing the requirements",
        Command::new(interpreter)
            .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--requirement"])
            .arg(requirements),
    );
    tell(&format!("the Python environment is ready after {} s", started.elapsed().as_secs()));
}

/// Past the test harness, which keeps what `eprintln!` prints until a test fails: someone is waiting.
fn tell(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

fn base_interpreter() -> &'static str {
    let new_enough = "import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 11) else 1)";
    let works = |program: &&&str| {
        Command::new(program)
            .args(["-c", new_enough])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    INTERPRETERS.iter().find(works).unwrap_or_else(|| {
        panic!("the tests need Python 3.11 with pip and venv: none of {} on the PATH is that", INTERPRETERS.join(", "))
    })
}

fn run(what: &str, command: &mut Command) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("the tests need Python 3.11 with pip and venv: {what}: {error}"));
    assert!(
        output.status.success(),
        "the tests need Python 3.11 with pip and venv: {what} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}
