//! The flows of the tests and the processes that deploy and execute them, with the real command line tool.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use tempfile::TempDir;

use super::server::Server;

/// Where the project says its image has the flows.
const IN_IMAGE: &str = "/opt/prefect/flows";

/// A copy of the project in `tests/python/flows` that a test may change: `flows.py` and `prefect.yaml`, whose pull step
/// names the copy. Removed on drop.
#[derive(Debug)]
pub struct Project {
    directory: TempDir,
}

impl Project {
    /// Copies the project.
    ///
    /// # Panics
    ///
    /// When it cannot.
    #[must_use]
    pub fn copy() -> Self {
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("python").join("flows");
        let directory = TempDir::with_prefix("flows-").expect("a scratch directory can be made");
        for name in ["flows.py", "prefect.yaml"] {
            let text = fs::read_to_string(source.join(name)).expect("the project can be read");
            let here = directory.path().to_str().expect("the scratch directory is UTF-8");
            fs::write(directory.path().join(name), text.replace(IN_IMAGE, here)).expect("the project can be copied");
        }
        Self { directory }
    }

    /// Its directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Path of a file in it, for parameters of flows.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.path().join(name).to_str().expect("the scratch directory is UTF-8").to_owned()
    }
}

/// Environment of a flow process on this host: the programs of the server's Python environment first on the `PATH`, the
/// server's URL and what it asks for, a home of its own. Nothing else of this machine's settings.
///
/// # Panics
///
/// When a path is not UTF-8.
#[must_use]
pub fn environment(server: &Server) -> BTreeMap<String, String> {
    let text = |path: &Path| path.to_str().expect("a path is UTF-8").to_owned();
    let home = server.client_home();
    let path = std::env::var("PATH").unwrap_or_default();
    let mut environment = BTreeMap::from([
        ("PATH".to_owned(), format!("{}:{path}", text(server.version().python().programs()))),
        ("HOME".to_owned(), text(&home)),
        ("PREFECT_HOME".to_owned(), text(&home)),
        ("PREFECT_API_URL".to_owned(), server.url()),
        ("PREFECT_SERVER_ANALYTICS_ENABLED".to_owned(), "false".to_owned()),
        ("DO_NOT_TRACK".to_owned(), "1".to_owned()),
        ("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned()),
        ("PYTHONUNBUFFERED".to_owned(), "1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
    ]);
    if let Some(auth) = server.auth() {
        environment.insert("PREFECT_API_AUTH_STRING".to_owned(), auth.to_owned());
    }
    environment
}

/// `prefect --no-prompt deploy ARGUMENTS` in `directory`, with `POOL` set to `pool`; returns what it printed.
///
/// # Panics
///
/// When it fails.
pub async fn deploy(server: &Server, directory: &Path, pool: &str, arguments: &[&str]) -> String {
    let arguments = [&["--no-prompt", "deploy"], arguments].concat();
    let output = prefect(server, directory, &arguments, &[("POOL", pool)]).await;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "prefect deploy failed ({}):\n{printed}{errors}", output.status);
    printed
}

/// `prefect flow-run execute RUN`, as a task's container does it. The run should be PENDING.
pub async fn execute(server: &Server, run: &str, environment: &[(&str, &str)]) -> Output {
    let directory = server.client_home();
    prefect(server, &directory, &["flow-run", "execute", run], environment).await
}

async fn prefect(server: &Server, directory: &Path, arguments: &[&str], extra: &[(&str, &str)]) -> Output {
    let programs = server.version().python().programs();
    tokio::process::Command::new(programs.join("prefect"))
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .envs(environment(server))
        .envs(extra.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("the command line tool starts")
}
