//! AWS on loopback as `dev` furnishes it: two queues, a cluster, images that are directories of this machine.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};

use local::{
    Local,
    ecs::{Dwell, HostImage},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{args::DevArgs, report::DeadLetter};
use crate::{
    error::CliError,
    input::{self, name_of},
};

/// Name of the run queue. Queues are called as the Terraform module calls them, so that `redrive`, `doctor` and scripts find
/// them here, too.
const RUN_QUEUE: &str = "pushpool-run";

/// The group of schedules for runs that have to wait.
pub(crate) const SCHEDULE_GROUP: &str = "pushpool";

/// The role that these schedules send as. Nothing checks it here.
pub(crate) const SCHEDULE_ROLE: &str = "arn:aws:iam::000000000000:role/pushpool-schedules";

/// Name of the dead-letter queue.
const DEAD_LETTER_QUEUE: &str = "pushpool-run-dlq";

/// Seconds a message is hidden from other receivers: twice what the function is given for a batch. On AWS it is six
/// times that (Lambda developer guide, "Using Lambda with Amazon SQS"), which nobody wants to sit out here.
const VISIBILITY: u32 = 60;

/// Deliveries before SQS gives a message up.
pub(crate) const MAX_RECEIVE_COUNT: u32 = 10;

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

/// AWS on loopback with the queues of a dispatcher.
pub(crate) struct House {
    pub(crate) local: Local,
    pub(crate) run_queue_url: String,
    pub(crate) run_queue_arn: String,
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
        let create = async |name: &str, attributes: Value| {
            local.sqs().create_queue(name, attributes).await.map_err(|error| refused("CreateQueue", &error))
        };
        let dead_letter_queue_url = create(DEAD_LETTER_QUEUE, json!({})).await?;
        let arn = async |url: &str| {
            let asked = json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]});
            let answer = local.sqs().call("GetQueueAttributes", asked).await;
            let answer = answer.map_err(|error| refused("GetQueueAttributes", &error))?;
            Ok::<_, CliError>(answer["Attributes"]["QueueArn"].as_str().unwrap_or_default().to_owned())
        };
        let redrive =
            json!({"deadLetterTargetArn": arn(&dead_letter_queue_url).await?, "maxReceiveCount": MAX_RECEIVE_COUNT});
        let attributes = json!({"VisibilityTimeout": VISIBILITY.to_string(), "RedrivePolicy": redrive.to_string()});
        let run_queue_url = create(RUN_QUEUE, attributes).await?;
        let run_queue_arn = arn(&run_queue_url).await?;
        local.scheduler().create_group(SCHEDULE_GROUP);
        Ok(Self { local, run_queue_url, run_queue_arn, dead_letter_queue_url, logs, pools })
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
                "VisibilityTimeout": VISIBILITY,
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

pub(crate) fn refused(operation: &'static str, error: &local::wire::AwsError) -> CliError {
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
