//! The process that `dev` is: its runtime, its signals, its directory, and its end.

use std::path::PathBuf;

use local::ecs::Status;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::DevArgs;
use crate::{error::CliError, output::say};

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let built = builder.worker_threads(2).enable_all().build();
    built.map_err(|source| CliError::SetUp { what: "start the runtime", source })
}

/// Whatever happened, nothing may outlive this process. Further signals wait: the tasks get some seconds.
pub(super) async fn close(local: local::Local) {
    let left = local.ecs().tasks().iter().filter(|task| task.status != Status::Stopped).count();
    if left > 0 {
        say(format_args!("stopping {left} task{}", if left == 1 { "" } else { "s" }));
    }
    local.stop().await;
}

/// Where the output of tasks goes, as other processes find it too.
pub(super) fn log_directory(args: &DevArgs) -> Result<PathBuf, CliError> {
    let new = || std::env::temp_dir().join(format!("pushpool-dev-{}", uuid::Uuid::new_v4().simple()));
    std::path::absolute(args.logs.clone().unwrap_or_else(new))
        .map_err(|source| CliError::SetUp { what: "find the working directory", source })
}

/// The signals that mean that it is enough.
pub(super) struct Interrupts([Signal; 3]);

impl Interrupts {
    pub(super) fn listen() -> Result<Self, CliError> {
        let listen = |kind| signal(kind).map_err(|source| CliError::SetUp { what: "listen for signals", source });
        Ok(Self([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?]))
    }

    pub(super) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
