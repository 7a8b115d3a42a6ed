//! A project carried out line by line: its server made ready, the tool run in a copy of it, the server looked at after
//! each step.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::Duration;

use pushpool_tests::rig::prefect::{Api, Proxy, Server};
use regex_lite::{Captures, Regex};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::command::{self, Line, Step};
use super::data;
use super::state::{self, Deployments, State};

/// How long a step may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Files of a project that are not the user's.
const ABOUT: [&str; 5] = ["cmd", "expected.json", "notes", "output.txt", "told.txt"];

/// What is run where a line says `prefect`.
#[derive(Debug, Clone)]
pub(super) enum Tool {
    /// The binary under test, behind a proxy that counts its requests.
    Pushpool(PathBuf),
    /// The real tool of the server's version.
    Prefect,
}

/// A folder of `tests/data/deploy`.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) folder: PathBuf,
    pub(super) lines: Vec<Line>,
    /// `cNN`: names of its flows and pools start with it.
    prefix: String,
}

/// How a step ended.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    /// Both streams, with what differs from run to run replaced.
    pub(super) output: String,
    /// The server before and after.
    pub(super) before: Deployments,
    pub(super) state: State,
    /// Requests that write, by operation.
    pub(super) writes: Vec<String>,
    pub(super) requests: u64,
    /// What the same line wrote when it was run a second time.
    pub(super) again: Option<Vec<String>>,
}

impl Project {
    pub(super) fn read(name: &str) -> Self {
        let folder = data().join(name);
        let text = fs::read_to_string(folder.join("cmd")).unwrap_or_else(|error| panic!("{name}/cmd: {error}"));
        let number = name.split('-').next().unwrap_or_default();
        Self { lines: command::read(&text), prefix: format!("c{number}"), folder }
    }

    /// What the names of its flows and pools start with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Steps in their order.
    pub(super) fn steps(&self) -> impl Iterator<Item = &Step> {
        self.lines.iter().filter_map(|line| if let Line::Step(step) = line { Some(step) } else { None })
    }

    /// Carries all lines out; what became of each step. The real tool leaves out what only pushpool can do.
    pub(super) async fn drive(&self, server: &Server, tool: &Tool) -> Vec<Ran> {
        let mut stage = Stage::set(self, server, tool).await;
        for line in &self.lines {
            stage.make(line).await;
        }
        for line in &self.lines {
            stage.play(line).await;
        }
        stage.ran
    }
}

struct Stage<'a> {
    project: &'a Project,
    tool: &'a Tool,
    api: Api,
    proxy: Option<Proxy>,
    base: TempDir,
    environment: BTreeMap<String, String>,
    state: State,
    ran: Vec<Ran>,
}

impl<'a> Stage<'a> {
    async fn set(project: &'a Project, server: &Server, tool: &'a Tool) -> Self {
        let base = TempDir::with_prefix("deploy-").expect("a scratch directory can be made");
        let proxy = match tool {
            Tool::Pushpool(_) => Some(Proxy::start(server.address()).await),
            Tool::Prefect => None,
        };
        let url = proxy.as_ref().map_or_else(|| server.url(), Proxy::url);
        let programs = server.version().python().programs();
        for folder in ["bin", "home"] {
            fs::create_dir(base.path().join(folder)).expect("a folder can be made");
        }
        let bin = base.path().join("bin");
        match tool {
            Tool::Pushpool(binary) => {
                program(&bin.join("prefect"), binary);
                program(&bin.join("pushpool"), binary);
            }
            Tool::Prefect => program(&bin.join("prefect"), &programs.join("prefect")),
        }
        let mut path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        if project.lines.iter().any(|line| matches!(line, Line::Python)) {
            path = format!("{}:{}:/usr/local/bin:/usr/bin:/bin", bin.display(), programs.display());
        }
        let stage = Self {
            environment: environment(base.path(), path, &url),
            state: State::default(),
            ran: Vec::new(),
            api: server.api(),
            project,
            tool,
            proxy,
            base,
        };
        copy(&project.folder, &stage.work());
        stage
    }

    /// The copy of the project; it has the project's name, which the real tool makes use of.
    fn work(&self) -> PathBuf {
        self.base.path().join(self.project.folder.file_name().expect("a project has a name"))
    }

    /// Makes what a line says there is.
    async fn make(&mut self, line: &Line) {
        match line {
            Line::Pool { name, kind, template } => {
                let mut body = json!({"name": name, "type": kind});
                if let Some(template) = template {
                    let text = fs::read_to_string(data().join(format!("pool-templates/{template}.json")));
                    body["base_job_template"] = serde_json::from_str(&text.expect(template)).expect(template);
                }
                self.api.create_pool_with(body).await;
            }
            Line::Variable { name, value } => {
                self.api.create_variable(name, value.clone()).await;
            }
            Line::Secret { name, value } => {
                self.api.create_secret(name, json!(value)).await;
            }
            Line::Environment { name, value } => {
                self.environment.insert(name.clone(), value.clone());
            }
            Line::Python | Line::Shell(_) | Line::Api { .. } | Line::Step(_) => {}
        }
    }

    /// Does what a line says is done.
    async fn play(&mut self, line: &Line) {
        match line {
            Line::Shell(line) => {
                let (code, output) = self.shell(line).await;
                assert_eq!(code, 0, "{line}\n{output}");
            }
            Line::Api { method, path, body } => self.by_hand(method, path, body).await,
            Line::Step(step) if step.recorded || matches!(self.tool, Tool::Pushpool(_)) => self.step(step).await,
            _ => {}
        }
    }

    async fn step(&mut self, step: &Step) {
        let (code, output, requests) = self.counted(&step.line).await;
        let before = std::mem::take(&mut self.state).deployments;
        self.look().await;
        let mut ran = Ran {
            code,
            output: self.tidy(&output),
            before,
            state: self.state.clone(),
            writes: writes(&requests),
            requests: requests.values().sum(),
            again: None,
        };
        if code == 0 && step.recorded && !step.once && self.proxy.is_some() {
            ran.again = Some(writes(&self.counted(&step.line).await.2));
        }
        self.ran.push(ran);
    }

    /// A shell line and the requests of it, by operation.
    async fn counted(&self, line: &str) -> (i32, String, BTreeMap<String, u64>) {
        if let Some(proxy) = &self.proxy {
            proxy.reset();
        }
        let (code, output) = self.shell(line).await;
        (code, output, self.proxy.as_ref().map(Proxy::counts).unwrap_or_default())
    }

    async fn look(&mut self) {
        self.state = state::look(&self.api, &self.project.prefix, &self.work()).await;
    }

    /// `bash` with both streams in one.
    async fn shell(&self, line: &str) -> (i32, String) {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("exec 2>&1\n{line}")]).current_dir(self.work());
        command.env_clear().envs(&self.environment).stdin(Stdio::null()).kill_on_drop(true);
        let ended = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = ended.unwrap_or_else(|_| panic!("`{line}` takes too long")).expect("the tests need `bash`");
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// What somebody does in the user interface meanwhile.
    async fn by_hand(&mut self, method: &str, path: &str, body: &str) {
        static ID: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{id:([^}]*)\}").expect("a valid pattern"));
        let path = ID.replace_all(path, |found: &Captures<'_>| {
            let id = self.state.ids.get(&found[1]);
            id.unwrap_or_else(|| panic!("{path}: there is no such deployment")).clone()
        });
        if method == "SCHEDULES-OFF" {
            let schedules = self.api.get(&format!("{path}/schedules")).await.ok();
            for schedule in schedules.as_array().expect("schedules are a list") {
                let id = schedule["id"].as_str().expect("a schedule has an id");
                self.api.patch(&format!("{path}/schedules/{id}"), json!({"active": false})).await.ok();
            }
        } else {
            let method = method.parse().expect("a method of HTTP");
            let body: Value = serde_json::from_str(body).expect("a body is JSON");
            self.api.request(method, &path, Some(body)).await.ok();
        }
        self.look().await;
    }

    /// Replaces what differs from run to run.
    fn tidy(&self, output: &str) -> String {
        static ID: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").expect("a valid pattern")
        });
        let work = self.work();
        let real = work.canonicalize().unwrap_or_else(|_| work.clone());
        let url = &self.environment["PREFECT_API_URL"];
        let pairs = [
            (real.display().to_string(), "<PROJECT_DIR>"),
            (work.display().to_string(), "<PROJECT_DIR>"),
            (self.base.path().display().to_string(), "<TMP>"),
            (url.clone(), "<API>"),
            (url.trim_end_matches("/api").to_owned(), "<SERVER>"),
        ];
        let output = pairs.iter().fold(output.to_owned(), |text, (from, to)| text.replace(from, to));
        let output = ID.replace_all(&output, "<UUID>");
        output.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// Operations that change something.
fn writes(requests: &BTreeMap<String, u64>) -> Vec<String> {
    let reads =
        |it: &str| it.starts_with("GET ") || ["/filter", "/count", "/paginate"].iter().any(|end| it.ends_with(end));
    requests.keys().filter(|operation| !reads(operation)).cloned().collect()
}

/// A shell script of that name for a program.
fn program(script: &Path, program: &Path) {
    fs::write(script, format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.display())).expect("a script can be written");
    fs::set_permissions(script, fs::Permissions::from_mode(0o755)).expect("a script can be made executable");
}

/// All that the tool gets to know of this machine.
fn environment(base: &Path, path: String, url: &str) -> BTreeMap<String, String> {
    let home = base.join("home");
    let text = |path: &Path| path.to_str().expect("a scratch directory is UTF-8").to_owned();
    let mut environment: BTreeMap<String, String> = [
        ("LANG", "C.UTF-8"),
        ("COLUMNS", "160"),
        ("TERM", "dumb"),
        ("NO_COLOR", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("DO_NOT_TRACK", "1"),
        ("PREFECT_SERVER_ANALYTICS_ENABLED", "false"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_CONFIG_SYSTEM", "/dev/null"),
        ("PREFECT_API_URL", url),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    environment.insert("PATH".to_owned(), path);
    environment.insert("HOME".to_owned(), text(&home));
    environment.insert("PREFECT_HOME".to_owned(), text(&home.join(".prefect")));
    environment.insert("GIT_CEILING_DIRECTORIES".to_owned(), text(base));
    environment
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a project can be read") {
        let entry = entry.expect("a project can be read");
        let (path, name) = (entry.path(), entry.file_name());
        if ABOUT.iter().any(|it| name == *it) || name == "__pycache__" {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).expect("a file can be copied");
        }
    }
}
