//! The command line: what can be said, and the help that explains it.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::{doctor::DoctorArgs, doorbell::DoorbellArgs, logs::LogsArgs, pool::PoolArgs, redrive::RedriveArgs};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    it could not be done; standard error says why
  2    the command line is wrong
  130  ended by Ctrl-C

Colours follow the terminal, NO_COLOR, CLICOLOR and CLICOLOR_FORCE.";

const DEV_HELP: &str = "\
Examples:
  pushpool dev
      Run the sample messages that come with pushpool: some succeed, some fail,
      some are refused. In a clone they are those of events/sqs.
  pushpool dev --events my-run.json --pools my-pools
      Try a message of your own against pool documents of your own (NAME.json).
  pushpool dev --events - --output json < messages.jsonl | jq .counts
      For programs: one JSON document on standard output.
  pushpool dev --bootstrap target/release/dispatcher
      The real function binary, invoked as Lambda invokes it.
  pushpool dev --keep --port 4566
      Stay up afterwards, for aws --endpoint-url http://127.0.0.1:4566 and others.
  pushpool dev --prefect
      Serve the ecs:push work pools of the Prefect server that `prefect` talks to,
      until Ctrl-C. Tasks run `prefect flow-run execute` on this machine.
  pushpool dev --prefect &
      The same in the background of this terminal: a line for each step, and
      `kill %1` or `fg` and Ctrl-C end it.
  pushpool dev --prefect --pool my-pool --env-dir .venv --runs 1
      One work pool, until one run has ended.

A file holds an SQS event (with Records), one message, a JSON array of
messages, or JSON lines. Text that is not JSON is sent as it is, to see what
becomes of a message that nobody can read.

Exit codes:
  0    every message reached a recorded outcome, also if that is a failed job
       or a refused message; with --prefect, it ended as it was told to
  1    a message has no outcome (it was lost, or --timeout is over), or nothing
       could be started; with --strict also when a job failed, a run crashed or
       a message was buried
  2    the command line is wrong
  130  ended by Ctrl-C before the summary; with --keep, Ctrl-C after the summary
       is the way to end, and the code is one of the above";

const RENDER_HELP: &str = "\
Examples:
  pushpool render --pool events/pools/demo.json \\
      --deployment events/deployments/orders-report.json
      The requests for a run of a deployment.
  prefect work-pool inspect my-pool --output json | pushpool render --pool - --explain
      Where each value comes from.
  curl -s $PREFECT_API_URL/deployments/$ID |
      pushpool render --pool pool.json --deployment - | jq .runTask
      A deployment as the Prefect API returns it.

Documents are JSON as the Prefect API returns them; a base job template alone
serves as a pool, too. The output has AWS's own names. registerTaskDefinition is
null when the pool brings its own task_definition_arn.

Exit codes:
  0    printed
  1    the run cannot be rendered, or a document cannot be read; standard error
       has the code and what to do
  2    the command line is wrong";

const COMPLETIONS_HELP: &str = "\
Examples:
  pushpool completions bash > ~/.local/share/bash-completion/completions/pushpool
  pushpool completions zsh > ~/.zfunc/_pushpool
  pushpool completions fish > ~/.config/fish/completions/pushpool.fish";

/// Prefect push work pools on your own AWS account.
#[derive(Debug, Parser)]
#[command(name = "pushpool", version, disable_version_flag = true, max_term_width = 110, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Print version
    // `-v` as well, for `prefect -v` prints its version.
    #[arg(short = 'V', short_alias = 'v', long = "version", action = clap::ArgAction::Version)]
    _version: Option<bool>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run pushpool on this machine, without AWS
    ///
    /// Starts SQS and ECS on a loopback port, the dispatcher behind a queue, and feeds it messages. Tasks run as
    /// processes of this machine. Needs no AWS account and no Prefect server.
    #[command(after_long_help = DEV_HELP, after_help = "See --help for examples and exit codes.")]
    Dev(Box<DevArgs>),
    /// Print the ECS requests of a run, exactly as they would be sent
    ///
    /// Needs no AWS account and no Prefect server.
    #[command(after_long_help = RENDER_HELP, after_help = "See --help for examples and exit codes.")]
    Render(Box<RenderArgs>),
    /// Make, change and watch work pools on a Prefect server
    Pool(Box<PoolArgs>),
    /// Start ad-hoc runs at once, by an automation of the Prefect server that rings pushpool
    Doorbell(Box<DoorbellArgs>),
    /// Show the dead-letter queues, and send back messages whose runs are still to start
    #[command(after_long_help = crate::redrive::HELP, after_help = "See --help for examples.")]
    Redrive(Box<RedriveArgs>),
    /// Diagnose an installation
    #[command(after_long_help = crate::doctor::HELP, after_help = "See --help for examples.")]
    Doctor(Box<DoctorArgs>),
    /// Find the messages, tasks and logs of a flow run
    #[command(after_long_help = crate::logs::HELP, after_help = "See --help for examples.")]
    Logs(Box<LogsArgs>),
    /// Print the completion script of a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

/// How the result is written to standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Serve the work pools of a Prefect server: that of the active profile, or of --prefect-api-url
    #[arg(long, conflicts_with_all = ["events", "pools", "bootstrap", "keep", "timeout", "strict"])]
    pub(crate) prefect: bool,

    /// What stands for the images: {"IMAGE": {"working_directory": …, "wrapper": […], "command": […]}}, directories
    /// relative to the file [default: events/images.json if it is there]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) images: Option<PathBuf>,

    /// Port of the endpoint on 127.0.0.1; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,

    /// Directory for the output of the tasks [default: a new one for temporary files]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) logs: Option<PathBuf>,

    /// Make AWS on loopback behave as on a bad day: ECS shows new tasks and definitions seconds late, and its events leave
    /// out stop codes
    #[arg(long)]
    pub(crate) bad_day: bool,

    /// Form of the summary
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text)]
    pub(crate) output: Output,

    #[command(flatten)]
    pub(crate) messages: MessageArgs,

    #[command(flatten)]
    pub(crate) served: ServedArgs,

    #[command(flatten)]
    pub(crate) requests: RequestArgs,
}

/// What only `dev` without a Prefect server takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Without --prefect")]
pub(crate) struct MessageArgs {
    /// Messages to feed: files, directories, or - for standard input [default: events/sqs if it is there, else the samples
    /// that come with this program]
    #[arg(long, value_name = "PATH", num_args = 1.., value_hint = ValueHint::AnyPath)]
    pub(crate) events: Vec<PathBuf>,

    /// Directory with the pool documents, NAME.json each [default: events/pools if it is there, else those of the samples]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) pools: Option<PathBuf>,

    /// Run this function binary behind a Runtime API, not the dispatcher in this process
    #[arg(long, value_name = "PATH", value_hint = ValueHint::ExecutablePath)]
    pub(crate) bootstrap: Option<PathBuf>,

    /// Seconds after which messages without an outcome count as lost
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    pub(crate) timeout: Duration,

    /// Fail also when a job failed, a run crashed or a message was buried
    #[arg(long)]
    pub(crate) strict: bool,

    /// Stay up after the summary and go on dispatching until ended
    #[arg(long)]
    pub(crate) keep: bool,
}

/// What only `dev --prefect` takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --prefect")]
pub(crate) struct ServedArgs {
    /// Profile of Prefect's own settings [default: PREFECT_PROFILE, then the active one]
    #[arg(long, value_name = "NAME", requires = "prefect")]
    pub(crate) profile: Option<String>,

    /// Serve only this work pool; may be repeated [default: all of type ecs:push]
    #[arg(long = "pool", value_name = "NAME", requires = "prefect")]
    pub(crate) only: Vec<String>,

    /// Python environment whose `prefect` runs the flows [default: the active one]
    #[arg(long, value_name = "DIR", requires = "prefect", value_hint = ValueHint::DirPath)]
    pub(crate) env_dir: Option<PathBuf>,

    /// Seconds between polls, at least 1; a server on this machine also rings when a run is created
    #[arg(long, value_name = "SECONDS", default_value = "15", value_parser = pause, requires = "prefect")]
    pub(crate) poll_interval: Duration,

    /// Port of the doorbell on 127.0.0.1; 0 is any free one
    #[arg(long, value_name = "PORT", default_value_t = 0, requires = "prefect")]
    pub(crate) doorbell_port: u16,

    /// End when this many runs have ended
    #[arg(long, value_name = "NUMBER", requires = "prefect")]
    pub(crate) runs: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct RenderArgs {
    /// The work pool, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) pool: PathBuf,

    /// A deployment of the pool, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) deployment: Option<PathBuf>,

    /// The flow run, or - for standard input; without one the ids are placeholders
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) flow_run: Option<PathBuf>,

    /// The flow, or - for standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) flow: Option<PathBuf>,

    /// What {{ prefect.blocks… }}, {{ prefect.variables… }} and $ref stand for: {"blocks": {"TYPE/NAME": data},
    /// "block_documents": {"ID": data}, "variables": {"NAME": value}}
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) references: Option<PathBuf>,

    /// Print where each value comes from instead of the requests
    #[arg(long)]
    pub(crate) explain: bool,

    /// Form of the explanation; the requests are JSON always
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Output::Text, requires = "explain")]
    pub(crate) output: Output,

    #[command(flatten)]
    pub(crate) requests: RequestArgs,
}

/// What the account decides about requests; the dispatcher reads the same from the same variables.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the account decides")]
pub(crate) struct RequestArgs {
    /// Region of the cluster
    #[arg(long, env = "AWS_REGION", hide_env_values = true, default_value = "us-east-1")]
    region: String,

    /// Image when the pool names none
    #[arg(long, env = "PUSHPOOL_DEFAULT_IMAGE", hide_env_values = true, value_name = "IMAGE")]
    default_image: Option<String>,

    /// Subnets when the pool names none, comma separated
    #[arg(long, env = "PUSHPOOL_SUBNETS", hide_env_values = true, value_name = "IDS", value_delimiter = ',')]
    subnets: Vec<String>,

    /// Security groups when the pool names none, comma separated
    #[arg(long, env = "PUSHPOOL_SECURITY_GROUPS", hide_env_values = true, value_name = "IDS", value_delimiter = ',')]
    security_groups: Vec<String>,

    /// Whether tasks in these subnets get a public address
    #[arg(
        long,
        env = "PUSHPOOL_ASSIGN_PUBLIC_IP",
        hide_env_values = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_parser = truth
    )]
    assign_public_ip: bool,

    /// Prefect API as containers reach it
    #[arg(long, env = "PUSHPOOL_CONTAINER_PREFECT_API_URL", hide_env_values = true, value_name = "URL")]
    prefect_api_url: Option<String>,

    /// ARN of the secret with the Prefect API key, when the pool names none
    #[arg(long, env = "PUSHPOOL_API_KEY_SECRET_ARN", hide_env_values = true, value_name = "ARN")]
    api_key_secret_arn: Option<String>,

    /// ARN of the secret with the Prefect auth string, when the pool names none
    #[arg(long, env = "PUSHPOOL_API_AUTH_STRING_SECRET_ARN", hide_env_values = true, value_name = "ARN")]
    api_auth_string_secret_arn: Option<String>,
}

impl RequestArgs {
    /// The settings as `ecs` takes them. An empty value counts as unset, as it does for the functions.
    pub(crate) fn settings(&self) -> ecs::Settings {
        let one = |value: &Option<String>| {
            value.as_deref().map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let list = |values: &[String]| {
            values.iter().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect()
        };
        ecs::Settings {
            region: one(&Some(self.region.clone())).unwrap_or_else(|| "us-east-1".to_owned()),
            prefect_api_url: one(&self.prefect_api_url),
            default_image: one(&self.default_image),
            subnets: list(&self.subnets),
            security_groups: list(&self.security_groups),
            assign_public_ip: self.assign_public_ip,
            api_key_secret_arn: one(&self.api_key_secret_arn),
            api_auth_string_secret_arn: one(&self.api_auth_string_secret_arn),
            reschedule_on_spot: false,
            roles_of_pool_only: false,
        }
    }
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|_| "not a possible number of seconds".to_owned())
}

/// Seconds between two requests to a server that has other things to do: at least one.
pub(crate) fn pause(text: &str) -> Result<Duration, String> {
    let pause = seconds(text)?;
    if pause < Duration::from_secs(1) { Err("less than a second".to_owned()) } else { Ok(pause) }
}

/// Empty is unset, and unset is false.
fn truth(text: &str) -> Result<bool, String> {
    match text.trim() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err("neither true nor false".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Command lines of `pushpool` in the console blocks of a page.
    fn shown(page: &str) -> Vec<String> {
        let blocks = page.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
        let lines = blocks.flat_map(|block| {
            let joined = block.replace("\\\n", " ");
            joined.lines().map(str::to_owned).collect::<Vec<_>>()
        });
        lines
            .filter_map(|line| Some(line.strip_prefix("$ ")?.to_owned()))
            .filter(|it| it.starts_with("pushpool "))
            .collect()
    }

    #[test]
    fn what_readme_and_docs_show_is_a_command_line() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let docs = std::fs::read_dir(root.join("docs")).unwrap().map(|it| it.unwrap().path());
        let pages = docs.filter(|it| it.extension().is_some_and(|it| it == "md")).chain([root.join("README.md")]);
        let mut seen = 0;
        for page in pages {
            for line in shown(&std::fs::read_to_string(&page).unwrap()) {
                // What a shell puts in, and where it sends the output, is its own business.
                let words = line.split(['|', '&', '>']).next().unwrap_or_default().replace("$(", " --set x=$(");
                let words = words.split_whitespace().take_while(|word| !word.starts_with("x=$("));
                let mut words: Vec<&str> = words.collect();
                if words.last() == Some(&"--set") {
                    words.pop();
                }
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{}: {line}: {}", page.display(), parsed.unwrap_err());
                seen += 1;
            }
        }
        assert!(seen > 12, "{seen} command lines");
    }

    #[test]
    fn events_may_be_many_and_the_flag_repeated() {
        let cli = Cli::try_parse_from(["pushpool", "dev", "--events", "a", "b", "--events", "-"]).unwrap();
        let Command::Dev(dev) = cli.command else { panic!("not dev") };
        assert_eq!(dev.messages.events, ["a", "b", "-"].map(PathBuf::from));
    }

    #[test]
    fn lists_are_split_and_empty_values_are_unset() {
        let line = ["pushpool", "render", "--pool", "p", "--subnets", "subnet-a, subnet-b,", "--default-image", ""];
        let Command::Render(render) = Cli::try_parse_from(line).unwrap().command else { panic!("not render") };
        let settings = render.requests.settings();
        assert_eq!(settings.subnets, ["subnet-a", "subnet-b"]);
        assert_eq!(settings.default_image, None);
        assert!(!settings.assign_public_ip);
    }

    #[test]
    fn a_public_address_is_asked_for_with_or_without_a_value() {
        for (flag, expected) in
            [("--assign-public-ip", true), ("--assign-public-ip=true", true), ("--assign-public-ip=false", false)]
        {
            let line = ["pushpool", "render", "--pool", "p", flag];
            let Command::Render(render) = Cli::try_parse_from(line).unwrap().command else { panic!("not render") };
            assert_eq!(render.requests.settings().assign_public_ip, expected, "{flag}");
        }
    }

    #[test]
    fn a_timeout_is_a_possible_number_of_seconds() {
        for wrong in ["soon", "-1", "inf"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
    }
}
