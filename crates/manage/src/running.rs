//! The `pushpool dev`s of this user on this machine.
//!
//! Each leaves a note of where its AWS and its logs are. So `logs`, `doctor` and `redrive` look there and not at AWS, and a
//! second `dev` knows of the first. A note outlives its `dev`, for as long as the logs exist.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    time::Duration,
};

use aws::SdkConfig;
use dispatch::infrastructure::LOOPBACK_ACCOUNT;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::doorbell::is_loopback;

/// How long an endpoint of this machine may take to be there.
const CONNECT: Duration = Duration::from_millis(500);

/// Most notes that are kept.
const MOST: usize = 50;

/// A `pushpool dev`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dev {
    /// Id of its process.
    pub process: i32,
    started: Timestamp,
    /// URL of its AWS.
    pub endpoint: String,
    region: String,
    /// Directory of what its tasks wrote.
    logs: PathBuf,
    /// The Prefect API whose work pools it serves; none without `--prefect`.
    pub api_url: Option<String>,
    /// The work pools it was told to serve; none if it serves all of its type.
    #[serde(default)]
    pools: Vec<String>,
}

impl Dev {
    /// This process, which has just begun.
    #[must_use]
    pub fn started(endpoint: String, region: String, logs: PathBuf, api_url: Option<String>, pools: &[String]) -> Self {
        let process = i32::try_from(std::process::id()).unwrap_or_default();
        Self { process, started: Timestamp::now(), endpoint, region, logs, api_url, pools: pools.to_vec() }
    }

    /// Leaves a note. Without one everything but the commands beside it works, so that is no error.
    pub fn write(&self) {
        let Some(directory) = directory() else { return };
        forget(&directory);
        let path = directory.join(format!("{:016}-{}.json", self.started.as_millisecond(), self.process));
        let text = serde_json::to_string(self).unwrap_or_default();
        if let Err(error) = fs::create_dir_all(&directory).and_then(|()| fs::write(&path, text)) {
            tracing::debug!(%error, path = %path.display(), "no note was left");
        }
    }

    /// Those that run, the youngest first.
    #[must_use]
    pub fn running() -> Vec<Self> {
        all().into_iter().filter(Self::is_running).collect()
    }

    /// Others that run and serve pools that a `dev` of this server and these pools would serve as well.
    #[must_use]
    pub fn rivals(api_url: &str, pools: &[String]) -> Vec<Self> {
        let shares = |dev: &Self| {
            let all = pools.is_empty() || dev.pools.is_empty();
            dev.api_url.as_deref().is_some_and(|it| is_same_api(it, api_url))
                && (all || dev.pools.iter().any(|pool| pools.contains(pool)))
        };
        Self::running().into_iter().filter(shares).collect()
    }

    /// The one that ran a task.
    #[must_use]
    pub fn of_task(task_arn: &str) -> Option<Self> {
        all().into_iter().find(|dev| is_local(task_arn) && dev.directory_of(task_arn).is_dir())
    }

    /// The files that the containers of a task wrote to.
    #[must_use]
    pub fn log_files(&self, task_arn: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.directory_of(task_arn)).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
        files.sort();
        files
    }

    /// A directory for each task, as AWS on loopback makes them.
    fn directory_of(&self, task_arn: &str) -> PathBuf {
        self.logs.join(task_arn.rsplit('/').next().unwrap_or(task_arn))
    }

    /// Whether its process is there and its AWS listens.
    #[must_use]
    pub fn is_running(&self) -> bool {
        let process = rustix::process::Pid::from_raw(self.process);
        let lives = process.is_some_and(|process| rustix::process::test_kill_process(process).is_ok());
        let address = self.endpoint.strip_prefix("http://").and_then(|it| it.parse::<SocketAddr>().ok());
        lives && address.is_some_and(|address| TcpStream::connect_timeout(&address, CONNECT).is_ok())
    }

    /// How its AWS is asked.
    pub async fn config(&self) -> SdkConfig {
        aws::loopback_config(&self.endpoint, &self.region).await
    }
}

/// Whether two URLs name one API: this machine has several names.
fn is_same_api(one: &str, other: &str) -> bool {
    let parts = |url: &str| {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.rsplit('@').next()?;
        let place = match is_loopback(url) {
            true => host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.ends_with(']')).unwrap_or_default(),
            false => host,
        };
        Some((scheme.to_owned(), place.to_owned(), path.trim_end_matches('/').to_owned()))
    };
    one == other || (is_loopback(one) == is_loopback(other) && parts(one).is_some() && parts(one) == parts(other))
}

/// Whether a task is one of AWS on loopback.
#[must_use]
pub fn is_local(task_arn: &str) -> bool {
    // arn:PARTITION:ecs:REGION:ACCOUNT:task/CLUSTER/ID
    task_arn.split(':').nth(4) == Some(LOOPBACK_ACCOUNT)
}

/// Where programs of a user keep what they know from one start to the next (XDG base directory specification).
fn directory() -> Option<PathBuf> {
    let of = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = of("XDG_STATE_HOME").or_else(|| of("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("pushpool/dev"))
}

/// All notes, the youngest first.
fn all() -> Vec<Dev> {
    let Some(directory) = directory() else { return Vec::new() };
    files(&directory).into_iter().rev().filter_map(|path| read(&path)).collect()
}

fn read(path: &Path) -> Option<Dev> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// Files of notes, the oldest first.
fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// Removes notes whose logs are gone, and the oldest of too many.
fn forget(directory: &Path) {
    let files = files(directory);
    let too_many = files.len().saturating_sub(MOST);
    for (index, path) in files.iter().enumerate() {
        let is_of_use = read(path).is_some_and(|dev| dev.is_running() || dev.logs.is_dir());
        if index < too_many || !is_of_use {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_of_loopback_is_told_by_its_account() {
        assert!(is_local("arn:aws:ecs:us-east-1:000000000000:task/default/0123"));
        assert!(!is_local("arn:aws:ecs:us-east-1:123456789012:task/default/0123"));
        assert!(!is_local(""));
    }

    #[test]
    fn this_machine_has_several_names() {
        let api = "http://127.0.0.1:4200/api";
        for same in [api, "http://localhost:4200/api", "http://[::1]:4200/api/", "http://0.0.0.0:4200/api"] {
            assert!(is_same_api(api, same) && is_same_api(same, api), "{same}");
        }
        assert!(is_same_api("http://localhost/api", "http://[::1]/api"));
        for other in ["http://localhost:4201/api", "http://prefect.example:4200/api", "https://localhost:4200/api"] {
            assert!(!is_same_api(api, other), "{other}");
        }
    }

    #[test]
    fn the_logs_of_a_task_are_found_where_it_wrote_them() {
        let logs = tempfile::tempdir().unwrap();
        let dev = Dev::started("http://127.0.0.1:1".to_owned(), "r".to_owned(), logs.path().to_owned(), None, &[]);
        fs::create_dir(logs.path().join("0123")).unwrap();
        fs::write(logs.path().join("0123/prefect.log"), "").unwrap();
        let arn = "arn:aws:ecs:us-east-1:000000000000:task/default/0123";
        assert_eq!(dev.log_files(arn), [logs.path().join("0123/prefect.log")]);
        assert!(dev.log_files("arn:aws:ecs:us-east-1:000000000000:task/default/4567").is_empty());
        assert!(!dev.is_running(), "nobody listens there");
    }
}
