//! A Prefect server as a process.
//!
//! Two things make many of them bearable. Half of a first start is the creation of the database by migrations, so that is
//! done once per environment and copied: 10 s of CPU become 5. And a server must not outlive its tests: statics are never
//! dropped and a test process may be killed, so a shell (`guard.sh`) ends the server when a pipe from this process closes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use tempfile::TempDir;

use super::api::{Api, Csrf};
use super::http;
use crate::rig::python::{Python, python, python_2_20, python_3_9};

/// How long a server may take until it answers; 10 s on a quiet machine.
const START: Duration = Duration::from_secs(180);

/// How long it may take to end when told to.
const END: Duration = Duration::from_secs(10);

/// Lines of the log a failure shows.
const TAIL: usize = 40;

/// Names the version of Prefect that tests use which do not say which: `3.8.8` or `3.9.1`.
pub const VERSION_VARIABLE: &str = "PUSHPOOL_PREFECT";

/// Which Prefect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// The 3.8 of `tests/python/requirements.txt`.
    V3_8,
    /// The 3.9 of `tests/python/requirements-3.9.txt`.
    V3_9,
    /// The 2.20 of `tests/python/requirements-2.20.txt`.
    V2_20,
}

/// The newest, or the one that [`VERSION_VARIABLE`] names.
impl Default for Version {
    fn default() -> Self {
        match std::env::var(VERSION_VARIABLE) {
            Err(_) => Self::V3_9,
            Ok(name) => [Self::V3_8, Self::V3_9]
                .into_iter()
                .find(|version| version.number() == name)
                .unwrap_or_else(|| panic!("{VERSION_VARIABLE} is {name}; the tests have 3.8.8 and 3.9.1")),
        }
    }
}

impl Version {
    /// Its number.
    #[must_use]
    pub fn number(self) -> &'static str {
        match self {
            Self::V3_8 => "3.8.8",
            Self::V3_9 => "3.9.1",
            Self::V2_20 => "2.20.26",
        }
    }

    /// The environment it is installed in.
    #[must_use]
    pub fn python(self) -> &'static Python {
        match self {
            Self::V3_8 => python(),
            Self::V3_9 => python_3_9(),
            Self::V2_20 => python_2_20(),
        }
    }
}

/// Settings of a server to start.
#[derive(Debug, Clone, Default)]
pub struct Options {
    version: Version,
    auth: Option<String>,
    csrf: bool,
    environment: BTreeMap<String, String>,
}

impl Options {
    /// Another version than [`Version::default`].
    #[must_use]
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// `user:password` that every request must show (3.x only).
    #[must_use]
    pub fn auth(mut self, auth: &str) -> Self {
        self.auth = Some(auth.to_owned());
        self
    }

    /// Writing requests need a CSRF token.
    #[must_use]
    pub fn csrf(mut self) -> Self {
        self.csrf = true;
        self
    }

    /// A variable of the server's environment, for instance `PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS`.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not; the end of its log is in the message.
    pub async fn start(self) -> Server {
        // Both wait for other processes, the first for minutes when nothing is installed yet.
        let version = self.version;
        let home = tokio::task::spawn_blocking(move || seeded_home(version)).await.expect("the server has a home");
        // Between finding a port free and using it someone else may take it.
        let mut server = Server { options: self, address: free_address(), home, process: None };
        for _ in 0..3 {
            if server.spawn_and_wait().await {
                return server;
            }
            server.address = free_address();
        }
        panic!("the Prefect server does not start:\n{}", server.log_tail());
    }
}

/// A running server; stopped on drop.
#[derive(Debug)]
pub struct Server {
    options: Options,
    address: SocketAddr,
    home: TempDir,
    process: Option<Child>,
}

impl Server {
    /// Base of its API, ends in `/api`: for `PREFECT_API_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/api", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Version {
        self.options.version
    }

    /// The `user:password` it asks for.
    #[must_use]
    pub fn auth(&self) -> Option<&str> {
        self.options.auth.as_deref()
    }

    /// A client with what this server asks for: its auth string, and a CSRF token fetched when first needed.
    #[must_use]
    pub fn api(&self) -> Api {
        let api = Api::new(self.address);
        let api = if self.options.csrf { api.with_csrf(Csrf::Fetch) } else { api };
        match &self.options.auth {
            Some(auth) => api.with_auth(auth),
            None => api,
        }
    }

    /// What it has logged so far, over all its restarts.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read(self.log_path()).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Asks it to end and waits until it has, which blocks the thread for a second or so. The database stays for [`Server::restart`].
    pub fn stop(&mut self) {
        self.end("-TERM", END);
    }

    /// Kills it as a crash would. The database stays for [`Server::restart`].
    pub fn kill(&mut self) {
        self.end("-KILL", END);
    }

    /// Stops it if it still runs and starts it again with the same database on the same port.
    ///
    /// # Panics
    ///
    /// As [`Options::start`], and when the port was taken meanwhile.
    pub async fn restart(&mut self) {
        self.stop();
        assert!(self.spawn_and_wait().await, "the Prefect server does not start again:\n{}", self.log_tail());
    }

    /// `PREFECT_HOME` of the processes that use this server.
    pub(super) fn client_home(&self) -> PathBuf {
        let home = self.home.path().join("client");
        fs::create_dir_all(&home).expect("a directory can be made");
        home
    }

    fn end(&mut self, signal: &str, patience: Duration) {
        let Some(mut process) = self.process.take() else { return };
        end_group(&mut process, signal, patience);
    }

    /// Starts the process; true when it answers, false when it ended at once.
    async fn spawn_and_wait(&mut self) -> bool {
        let log = File::options().create(true).append(true).open(self.log_path()).expect("the log can be opened");
        let process = self.process.insert(spawn(&self.options, self.address, self.home.path(), log));
        let started = Instant::now();
        while process.try_wait().expect("the server can be waited for").is_none() {
            if healthy(self.address).await {
                return true;
            }
            if started.elapsed() > START {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.kill();
        false
    }

    fn log_path(&self) -> PathBuf {
        self.home.path().join("server.log")
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(TAIL)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The process, guarded: it ends when this process does.
fn spawn(options: &Options, address: SocketAddr, home: &Path, log: File) -> Child {
    let python = options.version.python();
    // The environment and the working directory of a Python command, the program being a shell.
    let shielded = python.command::<[&str; 0]>([]);
    let mut command = Command::new("sh");
    command.args(["-c", include_str!("guard.sh"), "guard"]).arg(home).arg(python.interpreter());
    command.arg(python.script("prefect_server.py")).arg(python.programs().join("prefect"));
    command.args(["server", "start", "--host", "127.0.0.1", "--port", &address.port().to_string()]);
    for (name, value) in shielded.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
        .current_dir(home)
        .env("PREFECT_HOME", home)
        .env("PREFECT_LOGGING_LEVEL", "INFO")
        // Nobody looks at it, and its files are copied at every start. The two versions name it differently.
        .env("PREFECT_SERVER_UI_ENABLED", "false")
        .env("PREFECT_UI_ENABLED", "false");
    if let Some(auth) = &options.auth {
        command.env("PREFECT_SERVER_API_AUTH_STRING", auth);
    }
    if options.csrf {
        command.env("PREFECT_SERVER_CSRF_PROTECTION_ENABLED", "true");
    }
    command
        .envs(&options.environment)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().expect("a file handle can be cloned"))
        .stderr(log)
        .process_group(0)
        .spawn()
        .expect("the tests need `sh`")
}

/// Ends the group of `process` and waits until its leader is gone.
fn end_group(process: &mut Child, signal: &str, patience: Duration) {
    let group = format!("-{}", process.id());
    let kill = |signal: &str| Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status().ok();
    kill(signal);
    let told = Instant::now();
    while matches!(process.try_wait(), Ok(None)) && told.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(20));
    }
    // Whatever is left, the guard among it.
    kill("-KILL");
    process.wait().ok();
}

async fn healthy(address: SocketAddr) -> bool {
    let request = Request::get("/api/health")
        .header("host", address.to_string())
        .body(Full::new(Bytes::new()))
        .expect("a request can be built");
    let answer = tokio::time::timeout(Duration::from_secs(5), http::exchange(address, request)).await;
    answer.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status().is_success()))
}

fn free_address() -> SocketAddr {
    let find = || -> io::Result<SocketAddr> { TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr() };
    find().expect("127.0.0.1 has a free port")
}

/// A fresh `PREFECT_HOME` whose database is migrated and holds the core block types.
fn seeded_home(version: Version) -> TempDir {
    let python = version.python();
    let seed = python.environment().join("server-seed");
    let lock = File::create(python.environment().join("server-seed.lock")).expect("a lock can be created");
    lock.lock().expect("a lock can be locked");
    if !seed.exists() {
        make_seed(version, &seed);
    }
    drop(lock);
    let home = TempDir::with_prefix("prefect-").expect("a scratch directory can be made");
    for file in fs::read_dir(&seed).expect("the seed can be read") {
        let file = file.expect("the seed can be read");
        fs::copy(file.path(), home.path().join(file.file_name())).expect("the seed can be copied");
    }
    home
}

/// Lets a server make its database and keeps the files of it.
fn make_seed(version: Version, seed: &Path) {
    let home = TempDir::with_prefix("prefect-").expect("a scratch directory can be made");
    let options = Options { version, ..Options::default() };
    let log_path = home.path().join("server.log");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let log = File::create(&log_path).expect("a log can be created");
    let address = free_address();
    let mut process = spawn(&options, address, home.path(), log);
    let started = Instant::now();
    while !runtime.block_on(healthy(address)) {
        let ended = process.try_wait().expect("the server can be waited for").is_some();
        if ended || started.elapsed() > START {
            end_group(&mut process, "-KILL", END);
            panic!("no Prefect server starts:\n{}", fs::read_to_string(&log_path).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    end_group(&mut process, "-TERM", END);
    let half = seed.with_extension("half");
    if half.exists() {
        fs::remove_dir_all(&half).expect("an unfinished seed can be removed");
    }
    fs::create_dir(&half).expect("the seed can be made");
    for file in fs::read_dir(home.path()).expect("the home can be read") {
        let file = file.expect("the home can be read");
        // The database, its log and the index of that belong together.
        if file.file_name().to_string_lossy().starts_with("prefect.db") {
            fs::copy(file.path(), half.join(file.file_name())).expect("the seed can be copied");
        }
    }
    fs::rename(half, seed).expect("the seed can be put in its place");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_that_are_installed_and_that_the_readme_names() {
        let lists = [
            (Version::V3_8, include_str!("../../../python/requirements.txt")),
            (Version::V3_9, include_str!("../../../python/requirements-3.9.txt")),
            (Version::V2_20, include_str!("../../../python/requirements-2.20.txt")),
        ];
        for (version, list) in lists {
            let line = format!("prefect=={}", version.number());
            assert!(list.lines().any(|it| it == line), "{line}");
            assert!(include_str!("../../../../README.md").contains(version.number()), "README: {}", version.number());
        }
    }

    /// Also one that does not listen to SIGTERM.
    #[test]
    fn a_server_ends_when_the_pipe_of_the_tests_closes() {
        for script in ["exec sleep 600", "trap '' TERM; while :; do sleep 600; done"] {
            let home = TempDir::new().expect("a scratch directory can be made");
            let mut process = Command::new("sh")
                .args(["-c", include_str!("guard.sh"), "guard"])
                .arg(home.path())
                .args(["sh", "-c", script])
                .stdin(Stdio::piped())
                .process_group(0)
                .spawn()
                .expect("a shell starts");
            drop(process.stdin.take());
            let closed = Instant::now();
            while process.try_wait().expect("the process can be waited for").is_none() {
                if closed.elapsed() > Duration::from_secs(60) {
                    end_group(&mut process, "-KILL", END);
                    panic!("it outlives the tests: {script}");
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            while home.path().exists() {
                assert!(closed.elapsed() < Duration::from_secs(60), "its scratch directory is left");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
}
