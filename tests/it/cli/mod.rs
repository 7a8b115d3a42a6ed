//! The commands of `pushpool` that talk to a Prefect server, as people and programs meet them.

mod connection;
mod dev;
mod doctor;
mod doorbell;
mod pool;
mod redrive;
mod status;
mod wizard;

use std::process::{Command, Output, Stdio};

use pushpool_tests::rig::prefect::{Server, environment};
use serde_json::Value;

/// The binary with nothing in its environment but what leads to the server.
pub(crate) async fn pushpool(server: &Server, arguments: &[&str]) -> Command {
    let binary = tokio::task::spawn_blocking(pushpool_tests::pushpool).await.unwrap();
    let mut command = Command::new(binary);
    command.args(arguments).env_clear().envs(environment(server)).stdin(Stdio::null());
    command
}

/// What it printed and how it ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Standard output, after it ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    /// Standard error, after it was refused.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        assert!(self.stdout.is_empty(), "{}", self.stdout);
        self.stderr
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }
}

/// The same with AWS on loopback beside the server.
pub(crate) async fn run_with_aws(server: &Server, endpoint: &str, arguments: &[&str]) -> Ended {
    let mut command = pushpool(server, arguments).await;
    with_aws(&mut command, endpoint);
    finish(command).await
}

/// AWS on loopback, and none of the files that an SDK reads besides.
pub(crate) fn with_aws(command: &mut Command, endpoint: &str) {
    command.envs([("AWS_ENDPOINT_URL", endpoint), ("AWS_REGION", "us-east-1"), ("AWS_EC2_METADATA_DISABLED", "true")]);
    command.envs([("AWS_ACCESS_KEY_ID", "loopback"), ("AWS_SECRET_ACCESS_KEY", "loopback")]);
    command.envs([("AWS_CONFIG_FILE", "/dev/null"), ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")]);
}

async fn run(server: &Server, arguments: &[&str]) -> Ended {
    finish(pushpool(server, arguments).await).await
}

pub(crate) async fn finish(mut command: Command) -> Ended {
    Ended::of(tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap())
}
