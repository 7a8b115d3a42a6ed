//! The command line: all commands, and the help that explains them.

use clap::{Parser, Subcommand};

use crate::{
    deploy::{self, DeployArgs},
    dev::{self, DevArgs},
    doctor::DoctorArgs,
    doorbell::DoorbellArgs,
    logs::LogsArgs,
    pool::PoolArgs,
    redrive::RedriveArgs,
    render::{self, RenderArgs},
    upgrade::UpgradeArgs,
};

const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    it could not be done; standard error says why
  2    the command line is wrong
  130  ended by Ctrl-C

Colours follow the terminal, NO_COLOR, CLICOLOR and CLICOLOR_FORCE.";

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

    /// Never ask anything, as `prefect --no-prompt`
    #[arg(long, conflicts_with = "prompt")]
    pub(crate) no_prompt: bool,

    /// Ask where something is missing, as `prefect --prompt`
    #[arg(long, hide = true)]
    prompt: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run pushpool on this machine, without AWS
    ///
    /// Starts SQS and ECS on a loopback port, the dispatcher behind a queue, and feeds it messages. Tasks run as
    /// processes of this machine. Needs no AWS account and no Prefect server.
    #[command(after_long_help = dev::HELP, after_help = "See --help for examples and exit codes.")]
    Dev(Box<DevArgs>),
    /// Print the ECS requests of a run, exactly as they would be sent
    ///
    /// Needs no AWS account and no Prefect server.
    #[command(after_long_help = render::HELP, after_help = "See --help for examples and exit codes.")]
    Render(Box<RenderArgs>),
    /// Make, change and watch work pools on a Prefect server
    Pool(Box<PoolArgs>),
    /// Create and change the deployments of prefect.yaml
    #[command(after_long_help = deploy::HELP, after_help = "See --help for examples and exit codes.")]
    Deploy(Box<DeployArgs>),
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
    /// Move deployments from agents, workers and blocks to push work pools, and back
    Upgrade(Box<UpgradeArgs>),
    /// Print the completion script of a shell
    #[command(after_help = COMPLETIONS_HELP)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

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
}
