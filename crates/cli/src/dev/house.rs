//! AWS on loopback as `dev` furnishes it: an installation, a cluster, images that are directories of this machine.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use installation::{Function, Mode, Queue};
use local::{
    Local,
    ecs::{Dwell, HostImage},
    installation::{Installation, OpenError, Plan},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{args::DevArgs, report::DeadLetter};
use crate::{
    error::CliError,
    input::{self, name_of},
};

/// What an invocation is given, as on AWS. A received message is hidden for twice as long: on AWS it is six times that, which is
/// too long to wait for here. Two invocations at once, so that batches meet each other as they do on AWS.
pub(crate) fn plan(mode: Mode) -> Plan {
    let timeout = Function::Dispatcher.timeout();
    Plan { mode, timeout, visibility: 2 * timeout, dispatchers: CONCURRENCY, observers: CONCURRENCY }
}

/// Most invocations at once that a queue causes.
pub(crate) const CONCURRENCY: usize = 2;

/// Long enough to be seen, short enough not to be waited for, in milliseconds. Fargate takes 20 to 60 s to RUNNING.
pub(crate) const DWELL: Dwell =
    Dwell { provisioning: 300, pending: 400, activating: None, deactivating: None, deprovisioning: 100 };

/// What stands for an image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    /// Relative to the file.
    #[serde(default)]
    working_directory: Option<PathBuf>,
    #[serde(default)]
    wrapper: Vec<String>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
}

/// Reads the file of images.
///
/// # Errors
/// It cannot be read, or has another shape.
pub(crate) fn images(path: &Path) -> Result<BTreeMap<String, HostImage>, CliError> {
    let images: BTreeMap<String, Image> = serde_json::from_value(input::json(path)?)
        .map_err(|error| CliError::WrongDocument { path: name_of(path), problem: error.to_string() })?;
    let directory = path.parent().unwrap_or_else(|| Path::new(""));
    let absolute = |path: PathBuf| -> Result<PathBuf, CliError> {
        let joined = directory.join(path);
        joined.canonicalize().map_err(|source| CliError::ReadFile { path: joined.display().to_string(), source })
    };
    images
        .into_iter()
        .map(|(name, image)| {
            let working_directory = image.working_directory.map(&absolute).transpose()?;
            let Image { wrapper, command, environment, .. } = image;
            Ok((name, HostImage { working_directory, wrapper, command, environment }))
        })
        .collect()
}

/// AWS on loopback with a standalone installation.
pub(crate) struct House {
    pub(crate) local: Local,
    pub(crate) installation: Installation,
    pub(crate) run_queue_url: String,
    pub(crate) dead_letter_queue_url: String,
    /// Where the output of everything goes.
    pub(crate) logs: PathBuf,
    /// Directory of the pool documents.
    pub(crate) pools: PathBuf,
}

impl House {
    /// Opens the endpoint and makes the queues.
    ///
    /// # Errors
    /// The port is taken.
    pub(crate) async fn open(
        args: &DevArgs,
        images: BTreeMap<String, HostImage>,
        logs: PathBuf,
        pools: PathBuf,
    ) -> Result<Self, CliError> {
        let port = args.port;
        let ecs = local::ecs::Config { images, dwell: DWELL, log_directory: Some(logs.clone()), ..Default::default() };
        let config = local::Config {
            region: args.requests.settings().region,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            ecs: if args.bad_day { ecs.on_a_bad_day() } else { ecs },
            ..Default::default()
        };
        let local = Local::start(config).await.map_err(|source| CliError::OpenEndpoint { port, source })?;
        let installation = Installation::open(&local, plan(Mode::Standalone)).await.map_err(|error| failed(&error))?;
        let run_queue_url = installation.url(Queue::Run).to_owned();
        let dead_letter_queue_url = installation.dead_letters(Queue::Run).to_owned();
        Ok(Self { local, installation, run_queue_url, dead_letter_queue_url, logs, pools })
    }

    /// Sends a body to the run queue and returns the message's id. Not over the wire: calls on the wire are counted,
    /// and those that count are the dispatcher's.
    ///
    /// # Errors
    /// SQS does not take such a body.
    pub(crate) async fn send(&self, body: &str) -> Result<String, CliError> {
        self.local.sqs().send(&self.run_queue_url, body).await.map_err(|error| refused("SendMessage", &error))
    }

    /// How many messages the dead-letter queue holds.
    pub(crate) fn dead_letter_count(&self) -> usize {
        self.local.sqs().bodies(&self.dead_letter_queue_url).map_or(0, |bodies| bodies.len())
    }

    /// What lies in the dead-letter queue. It stays there, for whoever wants to look with other tools.
    ///
    /// # Errors
    /// AWS on loopback refused a call, which would be an error in it.
    pub(crate) async fn dead_letters(&self) -> Result<Vec<DeadLetter>, CliError> {
        let sqs = self.local.sqs();
        let mut letters = Vec::new();
        let mut handles = Vec::new();
        loop {
            let asked = json!({
                "QueueUrl": self.dead_letter_queue_url,
                "MaxNumberOfMessages": 10,
                "VisibilityTimeout": plan(Mode::Standalone).visibility.as_secs(),
                "MessageAttributeNames": ["All"],
            });
            let answer = sqs.call("ReceiveMessage", asked).await.map_err(|error| refused("ReceiveMessage", &error))?;
            let messages = answer["Messages"].as_array().map(Vec::as_slice).unwrap_or_default();
            if messages.is_empty() {
                break;
            }
            letters.extend(messages.iter().map(dead_letter));
            handles.extend(messages.iter().map(|message| message["ReceiptHandle"].clone()));
        }
        for handle in handles {
            let back = json!({"QueueUrl": self.dead_letter_queue_url, "ReceiptHandle": handle, "VisibilityTimeout": 0});
            let changed = sqs.call("ChangeMessageVisibility", back).await;
            changed.map_err(|error| refused("ChangeMessageVisibility", &error))?;
        }
        Ok(letters)
    }
}

fn dead_letter(message: &Value) -> DeadLetter {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let attribute = |name: &str| text(&message["MessageAttributes"][name]["StringValue"]);
    DeadLetter {
        message_id: text(&message["MessageId"]).unwrap_or_default(),
        code: attribute("ErrorCode"),
        summary: attribute("ErrorSummary"),
        detail: attribute("ErrorDetail"),
        body: text(&message["Body"]).unwrap_or_default(),
    }
}

/// An installation that could not be put together.
pub(crate) fn failed(error: &OpenError) -> CliError {
    match error {
        OpenError::Refused { operation, source } => refused(operation, source),
        OpenError::Mapping(error) => {
            CliError::PrepareLoopback { operation: "CreateEventSourceMapping", reason: error.to_string() }
        }
    }
}

fn refused(operation: &'static str, error: &local::wire::AwsError) -> CliError {
    CliError::PrepareLoopback { operation, reason: format!("{}: {}", error.code, error.message) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn directories_of_images_are_relative_to_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("images.json");
        fs::create_dir(directory.path().join("jobs")).unwrap();
        fs::write(&file, r#"{"a:1": {"working_directory": "jobs", "wrapper": ["env"]}}"#).unwrap();
        let read = images(&file).unwrap();
        let expected = directory.path().canonicalize().unwrap().join("jobs");
        assert_eq!(read["a:1"].working_directory.as_deref(), Some(expected.as_path()));
        assert_eq!(read["a:1"].wrapper, ["env"]);
        fs::write(&file, r#"{"a:1": {"working_dir": "jobs"}}"#).unwrap();
        assert!(images(&file).unwrap_err().to_string().contains("working_dir"));
        fs::write(&file, r#"{"a:1": {"working_directory": "none"}}"#).unwrap();
        assert!(matches!(images(&file), Err(CliError::ReadFile { .. })));
    }
}
