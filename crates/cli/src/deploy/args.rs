//! The flags of `pushpool deploy`: those of `prefect deploy`, with their names, and some more.

use std::{collections::BTreeMap, env, path::PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use deploy::{Flags, Request};
use prefect_api::settings::{Place, Setting, Settings};

use crate::{error::CliError, server::ServerArgs};

/// How the plan and its outcome are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// For the comment of a pull request
    Markdown,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct DeployArgs {
    #[command(subcommand)]
    pub(crate) command: Option<DeployCommand>,

    /// Flow to deploy: path/to/file.py:function [default: as the file says]
    entrypoint: Option<String>,

    /// Deployment to make, by name or flow/name; `*` stands for any characters; may be repeated
    #[arg(long = "name", short, value_name = "NAME")]
    names: Vec<String>,

    /// Make all deployments of the file
    #[arg(long)]
    all: bool,

    /// Deployment file
    #[arg(long, value_name = "PATH")]
    prefect_file: Option<PathBuf>,

    #[command(flatten)]
    deployment: DeploymentArgs,

    #[command(flatten)]
    way: WayArgs,

    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeployCommand {
    /// Write a first prefect.yaml for the project in this folder
    Init(InitArgs),
}

/// What the first file says.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Name of the project, which `--prune` needs [default: the folder's]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Work pool of its deployment
    #[arg(long, short, value_name = "NAME")]
    pub(crate) pool: Option<String>,

    /// Image of its deployment [default: the pool's]
    #[arg(long, value_name = "IMAGE")]
    pub(crate) image: Option<String>,

    /// File to write
    #[arg(long, value_name = "PATH", default_value = "prefect.yaml")]
    pub(crate) prefect_file: PathBuf,

    /// Recipe of `prefect deploy init` (not supported; named in the error)
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) recipe: Option<String>,

    /// Field of a recipe (not supported; named in the error)
    #[arg(long = "field", short, value_name = "FIELD", hide = true)]
    pub(crate) fields: Vec<String>,
}

/// What lies over the file, key by key.
#[derive(Debug, Args)]
#[command(next_help_heading = "The deployment (these lie over the file, key by key)")]
struct DeploymentArgs {
    /// Description [default: the flow's]
    #[arg(long, short, value_name = "TEXT")]
    description: Option<String>,

    /// Version [default: the commit, the flow's version, or the MD5 of its file]
    #[arg(long, value_name = "TEXT")]
    version: Option<String>,

    /// Where the version comes from: prefect:simple, vcs:git, vcs:github, ...
    #[arg(long, value_name = "TYPE")]
    version_type: Option<String>,

    /// Tag; may be repeated; replaces those of the file
    #[arg(long = "tag", short, value_name = "TAG")]
    tags: Vec<String>,

    /// Runs at once, at most
    #[arg(long, value_name = "NUMBER")]
    concurrency_limit: Option<u32>,

    /// What becomes of runs beyond the limit: ENQUEUE or CANCEL_NEW
    #[arg(long, value_name = "STRATEGY", requires = "concurrency_limit")]
    collision_strategy: Option<String>,

    /// Work pool
    #[arg(long, short, value_name = "NAME")]
    pool: Option<String>,

    /// Work queue [default: the default queue of the pool]
    #[arg(long, short = 'q', value_name = "NAME")]
    work_queue: Option<String>,

    /// Job variable as KEY=VALUE, or several as a JSON object; may be repeated; merged into those of the file
    #[arg(long = "job-variable", value_name = "VARIABLE")]
    job_variables: Vec<String>,

    /// Cron schedule; may be repeated; comes after those of the file
    #[arg(long, value_name = "EXPRESSION")]
    cron: Vec<String>,

    /// Interval schedule in seconds; may be repeated; comes after those of the file
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    interval: Vec<i64>,

    /// Date from which intervals are counted
    #[arg(long, value_name = "DATE")]
    anchor_date: Option<String>,

    /// Recurrence rule; may be repeated; comes after those of the file
    #[arg(long, value_name = "RULE")]
    rrule: Vec<String>,

    /// Time zone of all schedules
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,

    /// Trigger as a JSON object, or a .yaml or .json file with `triggers`; may be repeated; replaces those of the file
    #[arg(long = "trigger", value_name = "TRIGGER")]
    triggers: Vec<String>,

    /// Parameter as KEY=VALUE; may be repeated; merged into those of the file
    #[arg(long, value_name = "PARAMETER")]
    param: Vec<String>,

    /// Parameters as a JSON object; merged into those of the file
    #[arg(long, value_name = "JSON")]
    params: Option<String>,

    /// Let the server check parameters of runs [default: as the file says, else yes]
    #[arg(long, overrides_with = "no_enforce_parameter_schema")]
    enforce_parameter_schema: bool,

    /// Let it not check them
    #[arg(long)]
    no_enforce_parameter_schema: bool,

    /// Service level agreement (not supported; named in the error)
    #[arg(long, value_name = "SLA", hide = true)]
    sla: Vec<String>,
}

/// How the command goes about it.
#[derive(Debug, Args)]
#[command(next_help_heading = "The way")]
pub(crate) struct WayArgs {
    /// Show what would change; run no steps, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Check everything and render a run of each deployment as the dispatcher would; run no steps, write nothing
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) check: bool,

    /// Delete deployments of the file's project that the file has no more; asks before, and labels those that stay
    #[arg(long, requires = "all")]
    pub(crate) prune: bool,

    /// Prune without asking
    #[arg(long, short)]
    pub(crate) yes: bool,

    /// Let a placeholder without a value count as empty, as `prefect deploy` does
    #[arg(long)]
    allow_undefined: bool,

    /// Deployments written at once [default: 8 for Prefect Cloud; 2 for a server, which may be on SQLite]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) parallel: Option<u8>,

    /// Python with Prefect, for steps and flows that need it [default: the active or the project's environment, then python3]
    #[arg(long, value_name = "PATH")]
    python: Option<PathBuf>,

    /// Form of the answer
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Form::Text)]
    pub(crate) output: Form,

    /// Exit with 2 if something changes or would change
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
}

impl DeployArgs {
    /// What is asked for, with the process's folder, variables and settings.
    ///
    /// # Errors
    /// There is no working directory.
    pub(crate) fn request(&self) -> Result<Request, CliError> {
        let folder = env::current_dir().and_then(|it| it.canonicalize());
        let folder = folder.map_err(|source| CliError::SetUp { what: "find the working directory", source })?;
        let environment: BTreeMap<String, String> = env::vars().collect();
        let python = self.way.python.clone().or_else(|| find_python(&folder, &environment));
        Ok(Request {
            file: self.prefect_file.clone().unwrap_or_else(|| PathBuf::from("prefect.yaml")),
            file_is_named: self.prefect_file.is_some(),
            flags: self.flags(),
            entry: None,
            environment,
            allow_undefined: self.way.allow_undefined,
            prune: self.way.prune,
            python,
            build_namespace: self.setting(|it| it.docker_build_namespace),
            folder,
        })
    }

    /// Whether the command line says which deployments are meant.
    pub(crate) fn selects(&self) -> bool {
        self.all || !self.names.is_empty() || self.entrypoint.is_some()
    }

    pub(crate) fn way(&self) -> &WayArgs {
        &self.way
    }

    fn flags(&self) -> Flags {
        let it = &self.deployment;
        let enforce = match (it.enforce_parameter_schema, it.no_enforce_parameter_schema) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        };
        Flags {
            entrypoint: self.entrypoint.clone(),
            names: self.names.clone(),
            all: self.all,
            description: it.description.clone(),
            version: it.version.clone(),
            version_type: it.version_type.clone(),
            tags: it.tags.clone(),
            concurrency_limit: it.concurrency_limit,
            collision_strategy: it.collision_strategy.clone(),
            pool: it.pool.clone(),
            default_pool: self.setting(|it| it.default_work_pool),
            queue: it.work_queue.clone(),
            job_variables: it.job_variables.clone(),
            cron: it.cron.clone(),
            interval: it.interval.clone(),
            anchor_date: it.anchor_date.clone(),
            rrule: it.rrule.clone(),
            timezone: it.timezone.clone(),
            triggers: it.triggers.clone(),
            param: it.param.clone(),
            params: it.params.clone(),
            enforce_parameter_schema: enforce,
            sla: it.sla.clone(),
        }
    }

    /// A setting of Prefect's. Settings that cannot be read are told when the server is asked.
    fn setting(&self, pick: fn(Settings) -> Option<Setting<String>>) -> Option<String> {
        let place = Place::of_process(self.server.profile.clone()).ok()?;
        pick(Settings::load(&place).ok()?).map(|it| it.value).filter(|it| !it.is_empty())
    }
}

/// The active environment's Python, else the project's, else the first on the path.
fn find_python(folder: &std::path::Path, environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let bin =
        |root: PathBuf| ["bin/python", "Scripts/python.exe"].map(|it| root.join(it)).into_iter().find(|it| it.exists());
    let active = environment.get("VIRTUAL_ENV").map(PathBuf::from);
    let on_path = || {
        let folders =
            environment.get("PATH").map(|path| env::split_paths(path).collect::<Vec<_>>()).unwrap_or_default();
        ["python3", "python"].iter().find_map(|name| folders.iter().map(|it| it.join(name)).find(|it| it.is_file()))
    };
    active.and_then(bin).or_else(|| bin(folder.join(".venv"))).or_else(on_path)
}
