//! What a local ECS is like: clusters, capacity, timings, limits, and how a task becomes a process.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;

use super::buckets::Throttles;

/// Settings of the ECS side. [`Config::default`] is an account with a `default` cluster, no quotas and no throttles,
/// whose tasks start within a fraction of a second and run as host processes.
#[derive(Debug, Clone)]
pub struct Config {
    /// Clusters that exist from the start, with the capacity providers FARGATE and FARGATE_SPOT.
    pub clusters: Vec<String>,
    /// Whether RunTask makes a cluster that is not there, where AWS refuses: for trying out work pools without building
    /// what they will run in.
    pub clusters_on_demand: bool,
    /// EC2 container instances, the same in every cluster. None: RunTask with launch type EC2 is refused as AWS
    /// refuses it in a cluster without instances.
    pub container_instances: Vec<ContainerInstance>,
    /// How long tasks stay in each state.
    pub dwell: Dwell,
    /// How long a stopped task can still be described, in milliseconds. AWS: "at least one hour" (DescribeTasks).
    pub retention: u64,
    /// How late reads see writes.
    pub lag: Lag,
    /// Events of tasks say why they stopped in words only, as was reported of some
    /// (aws/containers-roadmap#797 and #1565).
    pub events_without_stop_code: bool,
    /// Whether a RunTask answer that started no task at all (only `failures`) is repeated for the same client token.
    /// AWS's page on idempotency leaves that open; `true` is what hurts a client that keeps its token.
    pub replay_failed_answers: bool,
    /// Whether ListTasks refuses every other filter beside `startedBy`, `desiredStatus` too, as the API reference says
    /// ("it must be the only filter that you use"). Public pipelines send both and are answered; `false` is such an ECS.
    pub started_by_alone: bool,
    /// Token buckets of the API, or none.
    pub throttles: Option<Throttles>,
    /// Fargate vCPUs that may be in use at once, on demand and Spot each, or no quota. AWS's default for new accounts
    /// is 6.
    pub vcpu_quota: Option<u32>,
    /// What becomes of a task.
    pub runner: Runner,
    /// How images become host processes, by image as the definition names it, else by image without tag and digest.
    pub images: BTreeMap<String, HostImage>,
    /// For images that are not in `images`.
    pub default_image: HostImage,
    /// What `secrets` and `secretOptions` of containers resolve to.
    pub secrets: Secrets,
    /// Host variables every process inherits; the rest of the host's environment is not passed on.
    pub inherit: Vec<String>,
    /// Variables every process gets unless its container says otherwise, for instance `AWS_ENDPOINT_URL`.
    pub environment: BTreeMap<String, String>,
    /// Directory for the output of the processes, one file per task and container; a fresh directory below the
    /// system's temporary one when absent.
    pub log_directory: Option<PathBuf>,
    /// How many events a slow subscriber may lag behind before it loses the oldest.
    pub event_capacity: usize,
}

impl Default for Config {
    fn default() -> Self {
        let inherit = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SSL_CERT_FILE"];
        Self {
            clusters: vec!["default".into()],
            clusters_on_demand: false,
            container_instances: Vec::new(),
            dwell: Dwell::default(),
            retention: 3_600_000,
            lag: Lag::default(),
            events_without_stop_code: false,
            replay_failed_answers: true,
            started_by_alone: true,
            throttles: None,
            vcpu_quota: None,
            runner: Runner::Process,
            images: BTreeMap::new(),
            default_image: HostImage::default(),
            secrets: Secrets::default(),
            inherit: inherit.map(String::from).to_vec(),
            environment: BTreeMap::new(),
            log_directory: None,
            event_capacity: 16_384,
        }
    }
}

impl Config {
    /// The same on a bad day: reads see writes three seconds late, and events leave stop codes out.
    #[must_use]
    pub fn on_a_bad_day(self) -> Self {
        Self { lag: Lag { tasks: 3_000, definitions: 3_000 }, events_without_stop_code: true, ..self }
    }

    /// How a container of this image becomes a process, and whether the settings name the image.
    pub(super) fn image(&self, image: &str) -> (&HostImage, bool) {
        let untagged = || {
            let name = image.split('@').next().unwrap_or(image);
            // A colon before the last slash belongs to the registry's port.
            let tag = name.rfind(':').filter(|colon| name.rfind('/').is_none_or(|slash| slash < *colon));
            self.images.get(tag.map_or(name, |colon| &name[..colon]))
        };
        match self.images.get(image).or_else(untagged) {
            Some(image) => (image, true),
            None => (&self.default_image, false),
        }
    }
}

/// How long a write takes to be seen by reads, in milliseconds. ECS says so of its API ("The Amazon ECS API follows an eventual
/// consistency model", API reference of RunTask), and not how long. Off by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lag {
    /// A task that RunTask has started is MISSING for DescribeTasks, and not in the answers of ListTasks.
    pub tasks: u64,
    /// A revision that was registered is unknown to RunTask and DescribeTaskDefinition.
    pub definitions: u64,
}

/// A host that runs EC2 tasks, or rather the size of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerInstance {
    /// CPU units.
    pub cpu: u32,
    /// MiB.
    pub memory: u32,
}

/// Milliseconds a task stays in a state before it moves on by itself. `None`: the state is skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dwell {
    /// PROVISIONING: on Fargate the network interface is attached.
    pub provisioning: u64,
    /// PENDING, until the containers are started: on Fargate the image is pulled.
    pub pending: u64,
    /// ACTIVATING: AWS registers services with load balancers and service discovery; a task of RunTask has neither.
    pub activating: Option<u64>,
    /// DEACTIVATING: the same backwards.
    pub deactivating: Option<u64>,
    /// DEPROVISIONING: the network interface is detached.
    pub deprovisioning: u64,
}

impl Dwell {
    /// No time at all in any state.
    pub const ZERO: Self =
        Self { provisioning: 0, pending: 0, activating: None, deactivating: None, deprovisioning: 0 };
}

impl Default for Dwell {
    /// Long enough to be seen, short enough not to be waited for. Fargate takes 20-60 s to RUNNING.
    fn default() -> Self {
        Self { provisioning: 100, pending: 100, activating: None, deactivating: None, deprovisioning: 50 }
    }
}

/// What becomes of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runner {
    /// Its containers run as host processes, or whatever carries out the engine's effects does instead of them.
    Process,
    /// Nothing runs: every container exits with this code the moment it is RUNNING, and no state takes any time. For
    /// load tests.
    Instant {
        /// The exit code.
        exit_code: i32,
    },
}

/// How an image becomes a host process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostImage {
    /// Working directory; the program's own when absent. The definition's `workingDirectory` names a path inside an
    /// image and is not used.
    pub working_directory: Option<PathBuf>,
    /// Words put before the command, for instance `["uv", "run", "--"]`.
    pub wrapper: Vec<String>,
    /// Command of containers that have neither `entryPoint` nor `command`: the image's own.
    pub command: Vec<String>,
    /// Variables of the image, below those of the container.
    pub environment: BTreeMap<String, String>,
}

/// Values of secrets by the ARN or parameter name that containers refer to them with. Functions read the same values
/// with `secretsmanager:GetSecretValue` and `ssm:GetParameter`.
///
/// `valueFrom` may be a key as it stands here, or a Secrets Manager ARN followed by `:json-key:version-stage:version-id`
/// (any of them empty), where the value must be a JSON object with that key.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secrets(BTreeMap<String, String>);

impl Secrets {
    /// These secrets.
    pub fn new(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(values.into_iter().collect())
    }

    /// Keys and values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value a container sees for `value_from`.
    pub(super) fn resolve(&self, value_from: &str) -> Option<String> {
        if let Some(value) = self.0.get(value_from) {
            return Some(value.clone());
        }
        // arn:aws:secretsmanager:region:account:secret:name, then the three optional parts.
        let parts: Vec<&str> = value_from.split(':').collect();
        if parts.len() != 10 || parts[2] != "secretsmanager" {
            return None;
        }
        let value = self.0.get(&parts[..7].join(":"))?;
        match parts[7] {
            "" => Some(value.clone()),
            key => match serde_json::from_str::<serde_json::Value>(value).ok()?.get(key)? {
                serde_json::Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            },
        }
    }
}

impl fmt::Debug for Secrets {
    /// Names only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_exactly_else_without_tag_or_digest() {
        let image = |name: &str| HostImage { command: vec![name.into()], ..HostImage::default() };
        let images = [("registry:5000/flows", image("any")), ("registry:5000/flows:v2", image("v2"))];
        let config = Config {
            images: images.map(|(name, image)| (name.to_owned(), image)).into(),
            default_image: image("default"),
            ..Config::default()
        };
        let command = |name| (config.image(name).0.command[0].as_str(), config.image(name).1);
        assert_eq!(command("registry:5000/flows:v2"), ("v2", true));
        assert_eq!(command("registry:5000/flows:v1"), ("any", true));
        assert_eq!(command("registry:5000/flows"), ("any", true));
        assert_eq!(command("registry:5000/flows@sha256:00"), ("any", true));
        assert_eq!(command("registry:5000/other"), ("default", false));
    }

    #[test]
    fn secrets_resolve_by_name_arn_and_json_key_and_do_not_show() {
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:prefect-AbCdEf";
        let secrets = Secrets::new([
            (arn.to_owned(), r#"{"key": "canary-1"}"#.to_owned()),
            ("/prefect/key".to_owned(), "canary-2".to_owned()),
        ]);
        assert_eq!(secrets.resolve("/prefect/key").as_deref(), Some("canary-2"));
        assert_eq!(secrets.resolve(&format!("{arn}:key::")).as_deref(), Some("canary-1"));
        assert_eq!(secrets.resolve(&format!("{arn}:::")).as_deref(), Some(r#"{"key": "canary-1"}"#));
        assert_eq!(secrets.resolve(&format!("{arn}:other::")), None);
        assert_eq!(secrets.resolve("/prefect/other"), None);
        assert!(!format!("{secrets:?}").contains("canary"));
    }
}
