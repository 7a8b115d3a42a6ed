//! Why a run's requests cannot be prepared. Every reason is permanent: the same inputs fail the same way again.

use std::fmt::Write;

use diagnosis::{
    Code, Diagnosis, PP0201, PP0202, PP0203, PP0204, PP0205, PP0206, PP0207, PP0208, PP0209, PP0210, PP0211, PP0212,
    PP0213, PP0214, PP0215, PP0216, PP0217, PP0218, PP0219, PP0220, PP0221, PP0222, PP0223,
};
use work_pool::Layer;

use crate::{command::SplitError, fargate::Size, refused::Reason, shape::ShapeError};

/// Why the requests of a run cannot be prepared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PrepareError {
    /// Reading a key of the job configuration.
    #[error("`{field}` of the job configuration is {found} where {expected} is expected")]
    ReadConfiguration {
        /// The key.
        field: &'static str,
        /// What is there, never its value.
        found: &'static str,
        /// What the worker accepts.
        expected: &'static str,
    },
    /// Finding out what to run.
    #[error("the job configuration has neither a task definition nor the ARN of one")]
    FindDefinition,
    /// Finding the container the flow run executes in.
    #[error("there is no container named {name:?} in the task definition")]
    FindContainer {
        /// `container_name`.
        name: String,
        /// Names of the containers there are.
        known: Vec<String>,
    },
    /// Looking for an essential container.
    #[error("every container of the task definition is marked as not essential")]
    FindEssentialContainer,
    /// Configuring CloudWatch logs without an execution role.
    #[error("`configure_cloudwatch_logs` needs an execution role")]
    ConfigureLogs,
    /// Applying log options while logs are off.
    #[error("`cloudwatch_logs_options` is set and `configure_cloudwatch_logs` is not")]
    ApplyLogOptions,
    /// Splitting a command into words.
    #[error("the command at `{path}` cannot be split: {problem}")]
    SplitCommand {
        /// Where the command is.
        path: String,
        /// What is wrong with it.
        problem: SplitCommandError,
    },
    /// Checking a request against the ECS service model.
    #[error("`{}` is not what {operation} accepts: found {}, allowed: {}", error.path, error.found, error.allowed)]
    CheckShape {
        /// The operation whose request it is.
        operation: &'static str,
        /// What is wrong; its path starts at `task_definition` or `task_run_request`.
        error: ShapeError,
    },
    /// Keeping the API key and the auth string out of plain environment.
    #[error("{name} would travel as plain environment, from {place}")]
    KeepSecret {
        /// Name of the environment variable.
        name: &'static str,
        /// Where its value was found.
        place: String,
        /// Whether an existing definition is used.
        existing_definition: bool,
    },
    /// Adding a secret to an existing definition.
    #[error("`{variable}` cannot be added to the existing task definition {definition}")]
    AddSecret {
        /// The job variable.
        variable: &'static str,
        /// Name of the environment variable it provides.
        name: &'static str,
        /// The existing definition.
        definition: String,
    },
    /// Reading the ARN of a secret.
    #[error("`{variable}` is not the ARN of a Secrets Manager secret or an SSM parameter")]
    ReadSecretArn {
        /// The job variable or setting.
        variable: &'static str,
    },
    /// Reading secrets with no role that may.
    #[error("container {container:?} has secrets and the task definition has no execution role")]
    ReadSecrets {
        /// Name of the container.
        container: String,
    },
    /// Finding subnets.
    #[error("the task runs in a VPC and no subnet is known")]
    FindSubnets,
    /// Matching the launch type and `requiresCompatibilities`.
    #[error("the task definition lacks FARGATE in `requiresCompatibilities` and the launch type is {launch_type}")]
    MatchLaunchType {
        /// `task_run_request.launchType`.
        launch_type: String,
        /// `task_definition.requiresCompatibilities`.
        compatibilities: String,
    },
    /// Matching the launch type and the network mode.
    #[error("network mode {network_mode:?} does not go with launch type {launch_type}")]
    MatchNetworkMode {
        /// `task_definition.networkMode`.
        network_mode: String,
        /// The launch type.
        launch_type: String,
    },
    /// Sizing a Fargate task.
    #[error("Fargate has no task with cpu {cpu} and memory {memory}")]
    SizeTask {
        /// Where the size comes from: `task_definition` or `task_run_request.overrides`.
        place: &'static str,
        /// CPU as given.
        cpu: String,
        /// Memory as given.
        memory: String,
        /// The nearest sizes there are.
        nearest: Vec<Size>,
    },
    /// Sizing ephemeral storage.
    #[error("Fargate has no ephemeral storage of {found} GiB")]
    SizeStorage {
        /// Where it is.
        place: &'static str,
        /// What is there.
        found: i64,
    },
    /// Fitting the overrides into their limit.
    #[error("the overrides have {length} characters and cannot be shortened to 8,192")]
    FitOverrides {
        /// Their characters.
        length: usize,
        /// The largest parts and their characters, largest first.
        largest: Vec<(String, usize)>,
        /// Whether an existing definition is used.
        existing_definition: bool,
    },
    /// Fitting the task definition into its limit.
    #[error("the task definition has {bytes} bytes of at most 65,536")]
    FitDefinition {
        /// Its bytes.
        bytes: usize,
        /// The largest parts and their characters, largest first.
        largest: Vec<(String, usize)>,
    },
    /// Using credentials of the pool.
    #[error("`aws_credentials.{member}` asks for {asked}")]
    UseCredentials {
        /// `region_name` or `assume_role_arn`.
        member: &'static str,
        /// What it asks for.
        asked: String,
        /// What the dispatcher does instead.
        instead: String,
    },
    /// Counting tasks.
    #[error("`task_run_request.count` is {count}")]
    CountTasks {
        /// What is there.
        count: String,
    },
    /// Sizing a container.
    #[error("`task_definition.{member}` is {found} where a whole number is expected")]
    SizeContainer {
        /// `cpu` or `memory`.
        member: &'static str,
        /// What is there.
        found: String,
    },
    /// Taking roles from the work pool only.
    #[error("a job variable changes `{path}`, and this installation takes roles from work pools only")]
    OverrideRole {
        /// Where the role stands in the job configuration.
        path: String,
        /// Who set it, and the job variable, where they are known.
        origin: Option<(Layer, String)>,
    },
}

/// Why a command cannot be split into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct SplitCommandError(#[from] pub(crate) SplitError);

impl PrepareError {
    /// What a person is told.
    #[must_use]
    pub fn diagnosis(&self) -> Diagnosis {
        let (code, detail, resolution) = self.parts();
        let mut summary = self.to_string();
        if let Some(first) = summary.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        Diagnosis { code, summary, detail, resolution }.bounded()
    }

    /// The same with what others need to know about it.
    pub(crate) fn reason(&self) -> Reason {
        let place = match self {
            Self::CheckShape { error, .. } => Some(error.path.clone()),
            _ => None,
        };
        let lacks = match self {
            Self::FindDefinition | Self::FindSubnets => true,
            Self::CheckShape { error, .. } => error.found == "nothing",
            _ => false,
        };
        Reason { diagnosis: self.diagnosis(), place, lacks }
    }

    /// Code, detail and resolution.
    fn parts(&self) -> (Code, String, String) {
        match self {
            Self::ReadConfiguration { field, found, expected } => (
                PP0201,
                format!("job_configuration.{field}: found {found}, allowed: {expected}."),
                format!(
                    "Correct the job variable that `{field}` is templated with, in the flow run, the deployment or the \
                     pool's default; leave it out instead of setting it to null."
                ),
            ),
            Self::FindDefinition => (
                PP0202,
                "job_configuration.task_definition and job_configuration.task_run_request.taskDefinition are both \
                 empty."
                    .to_owned(),
                PP0202.resolution().to_owned(),
            ),
            Self::FindContainer { name, known } => (
                PP0203,
                format!("container_name is {name:?}; the task definition's containers are {known:?}."),
                "Set `container_name` to one of them, or leave it out: then it is `prefect` where there is one, else \
                 the first."
                    .to_owned(),
            ),
            Self::FindEssentialContainer => (
                PP0204,
                "`essential` is false in each of task_definition.containerDefinitions.".to_owned(),
                PP0204.resolution().to_owned(),
            ),
            Self::ConfigureLogs => (
                PP0205,
                "`configure_cloudwatch_logs` is true; neither `execution_role_arn` nor \
                 task_definition.executionRoleArn is set. The execution role is who writes the logs."
                    .to_owned(),
                PP0205.resolution().to_owned(),
            ),
            Self::ApplyLogOptions => (
                PP0206,
                "`cloudwatch_logs_options` only add to the log configuration that `configure_cloudwatch_logs` makes."
                    .to_owned(),
                PP0206.resolution().to_owned(),
            ),
            Self::SplitCommand { path, problem } => (
                PP0207,
                format!("{path}: {problem}. Commands are split as a POSIX shell would split them."),
                PP0207.resolution().to_owned(),
            ),
            Self::CheckShape { operation, error } => (
                PP0208,
                format!("{}: found {}, allowed: {} ({operation}).", error.path, error.found, error.allowed),
                correction(error),
            ),
            Self::KeepSecret { name, place, existing_definition } => (
                PP0209,
                format!(
                    "{name} has a value in {place}. Everyone who may call ecs:DescribeTasks or \
                     ecs:DescribeTaskDefinition could read it there."
                ),
                if *existing_definition {
                    format!(
                        "Store the value in Secrets Manager, name it in the `secrets` of the existing task definition \
                         and remove {name} from {place}."
                    )
                } else {
                    format!(
                        "Store the value in Secrets Manager, set `{}` to the secret's ARN and remove {name} from \
                         {place}.",
                        variable_of(name)
                    )
                },
            ),
            Self::AddSecret { variable, name, definition } => (
                PP0210,
                format!(
                    "`task_definition_arn` is {definition}, which is used as it is; RunTask cannot add secrets to it, \
                     and as plain environment {name} could be read by others."
                ),
                format!("Put {name} into the `secrets` of that task definition and unset `{variable}`."),
            ),
            Self::ReadSecretArn { variable } => (
                PP0211,
                format!(
                    "{variable}: allowed are arn:<partition>:secretsmanager:<region>:<account>:secret:<name> and \
                     arn:<partition>:ssm:<region>:<account>:parameter/<name>."
                ),
                PP0211.resolution().to_owned(),
            ),
            Self::ReadSecrets { container } => (
                PP0212,
                format!(
                    "containerDefinitions {container:?} has `secrets`, executionRoleArn is not set. On Fargate the \
                     execution role is who reads them."
                ),
                PP0212.resolution().to_owned(),
            ),
            Self::FindSubnets => (
                PP0213,
                "Neither `network_configuration` nor task_run_request.networkConfiguration names subnets, and the \
                 dispatcher has none in its settings. Subnets are not looked up in EC2."
                    .to_owned(),
                PP0213.resolution().to_owned(),
            ),
            Self::MatchLaunchType { launch_type, compatibilities } => (
                PP0214,
                format!(
                    "task_run_request.launchType is {launch_type}, task_definition.requiresCompatibilities is \
                     {compatibilities}."
                ),
                PP0214.resolution().to_owned(),
            ),
            Self::MatchNetworkMode { network_mode, launch_type } => (
                PP0215,
                format!("task_definition.networkMode is {network_mode:?}; with {launch_type} it must be \"awsvpc\"."),
                PP0215.resolution().to_owned(),
            ),
            Self::SizeTask { place, cpu, memory, nearest } => (
                PP0216,
                format!("{place}: cpu {cpu}, memory {memory}. Nearest sizes: {}.", list(nearest)),
                "Set `cpu` (units, 1,024 are one vCPU) and `memory` (MiB) to one of these pairs.".to_owned(),
            ),
            Self::SizeStorage { place, found } => (
                PP0217,
                format!("{place}.ephemeralStorage.sizeInGiB is {found}, allowed: 21 to 200."),
                PP0217.resolution().to_owned(),
            ),
            Self::FitOverrides { length, largest, existing_definition } => (
                PP0218,
                format!(
                    "RunTask allows 8,192 characters of overrides, JSON included; these have {length}. Largest: {}.",
                    sizes(largest)
                ),
                if *existing_definition {
                    "Shorten these, or use no `task_definition_arn`: then what does not fit goes into the definition."
                } else {
                    "Shorten these, or pass large values through S3 or a parameter store."
                }
                .to_owned(),
            ),
            Self::FitDefinition { bytes, largest } => (
                PP0219,
                format!("A task definition may have 64 KiB; this one has {bytes} bytes. Largest: {}.", sizes(largest)),
                "Shorten these, or pass large values through S3 or a parameter store.".to_owned(),
            ),
            Self::UseCredentials { member, asked, instead } => (
                PP0220,
                format!("aws_credentials.{member} is {asked}; {instead}."),
                "Remove it from the pool's `aws_credentials`, or run a dispatcher there.".to_owned(),
            ),
            Self::CountTasks { count } => {
                (PP0221, format!("task_run_request.count is {count}, allowed: 1."), PP0221.resolution().to_owned())
            }
            Self::SizeContainer { member, found } => (
                PP0222,
                format!(
                    "task_definition.{member} is {found}. Outside Fargate it becomes the container's own {member}, \
                     which is a whole number."
                ),
                format!("Set `{member}` to a whole number ({}).", if *member == "cpu" { "CPU units" } else { "MiB" }),
            ),
            Self::OverrideRole { path, origin } => (
                PP0223,
                match origin {
                    Some((layer, variable)) => format!(
                        "The job variable `{variable}` of the {layer} changes {path}, which the work pool alone renders \
                         differently."
                    ),
                    None => format!(
                        "The job variables of the deployment or the flow run change {path}, which the work pool alone \
                         renders differently."
                    ),
                },
                PP0223.resolution().to_owned(),
            ),
        }
    }
}

/// What to do about a request that is not of the right shape.
fn correction(error: &ShapeError) -> String {
    let is_scalar = ["a boolean", "an integer", "a number with a fraction"].contains(&error.found.as_str());
    if error.path == "task_definition.taskDefinition" {
        "The definition is what stands inside `taskDefinition`, as DescribeTaskDefinition answers it: put the inner object \
         into the base job template."
            .to_owned()
    } else if is_scalar && error.allowed == "a string" {
        format!(
            "Write `{}` as text: in quotes where it stands, and with type string where the base job template declares the \
             variable that ends up there.",
            error.path
        )
    } else {
        format!(
            "Correct `{}` in the job configuration of the pool's base job template, or the job variable that ends up there.",
            error.path
        )
    }
}

/// The job variable that provides an environment variable as a secret.
fn variable_of(name: &str) -> &'static str {
    if name == "PREFECT_API_KEY" { "prefect_api_key_secret_arn" } else { "prefect_api_auth_string_secret_arn" }
}

fn list(sizes: &[Size]) -> String {
    let pairs: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    pairs.join("; ")
}

fn sizes(largest: &[(String, usize)]) -> String {
    let mut text = String::new();
    for (index, (name, size)) in largest.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}{name} ({size})", if index == 0 { "" } else { ", " });
    }
    text
}
