//! Containers as host processes.
//!
//! Each is the leader of its own process group, because a task is a tree of processes (a shell, a wrapper, Python) and
//! all of it must get the signals and all of it must end with the task, as in a container's PID namespace.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use super::config::{Config, HostImage};
use super::engine::{Launch, Signal};

/// A container that could not be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StartError {
    /// Neither the definition nor the image map has a command.
    #[error("CannotStartContainerError: no command specified")]
    NoCommand,
    /// The file for its output can not be made.
    #[error("CannotStartContainerError: cannot open the log file {}: {source}", path.display())]
    OpenLog { path: PathBuf, source: io::Error },
    /// The program or its working directory is not there, or may not be run.
    #[error("CannotStartContainerError: exec {program:?} in {}: {source}", directory.display())]
    Spawn { program: String, directory: PathBuf, source: io::Error },
}

/// Starts a container's process with its output going to `log`.
pub(super) fn start(launch: &Launch, config: &Config, region: &str, log: &Path) -> Result<Child, StartError> {
    let (image, _) = config.image(&launch.image);
    let own = if launch.command.is_empty() { &image.command } else { &launch.command };
    let mut words = image.wrapper.iter().chain(own);
    let program = words.next().filter(|_| !own.is_empty()).ok_or(StartError::NoCommand)?;
    let open = || {
        fs::create_dir_all(log.parent().unwrap_or(log))?;
        let output = File::create(log)?;
        Ok((output.try_clone()?, output))
    };
    let (stdout, stderr) = open().map_err(|source| StartError::OpenLog { path: log.to_owned(), source })?;
    let mut command = Command::new(program);
    command
        .args(words)
        .env_clear()
        .envs(config.inherit.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
        // What Fargate tells a container about where it is, apart from the metadata and credentials endpoints.
        .envs([("AWS_REGION", region), ("AWS_DEFAULT_REGION", region)])
        .envs(&config.environment)
        .envs(&image.environment)
        .envs(&launch.environment.0)
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .kill_on_drop(true);
    if let Some(directory) = &image.working_directory {
        command.current_dir(directory);
    }
    command.spawn().map_err(|source| StartError::Spawn {
        program: program.clone(),
        directory: directory_of(image),
        source,
    })
}

fn directory_of(image: &HostImage) -> PathBuf {
    image.working_directory.clone().unwrap_or_else(|| PathBuf::from("."))
}

/// Waits for the process to end, passing on signals meanwhile; the exit code as Docker counts. A closed channel means
/// that nobody is left to answer to: then it is killed.
pub(super) async fn supervise(mut child: Child, mut signals: mpsc::UnboundedReceiver<Signal>) -> i32 {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            signal = signals.recv() => {
                // Not reaped yet, so the group's number still means this group.
                send(group, signal.unwrap_or(Signal::Kill));
                if signal.is_none() {
                    break child.wait().await;
                }
            }
        }
    };
    // What the leader leaves behind ends with it. A number just freed is the last to be given out again.
    send(group, Signal::Kill);
    status.map_or(137, exit_code)
}

fn send(group: Option<Pid>, signal: Signal) {
    let Some(group) = group else { return };
    let signal = match signal {
        Signal::Terminate => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    // Nobody there is what was wanted.
    if let Err(error) = kill_process_group(group, signal)
        && error != rustix::io::Errno::SRCH
    {
        tracing::warn!(%error, group = group.as_raw_nonzero(), "cannot signal the processes of a container");
    }
}

/// The exit code, or 128 and the number of the signal.
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;

    status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(137)
}
