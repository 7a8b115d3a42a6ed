//! The command line tool of pushpool.
//!
//! * `pushpool dev` dispatches messages on this machine, against AWS on loopback;
//! * `pushpool render` prints the ECS requests of a run, exactly as they would be sent;
//! * `pushpool pool` makes, changes and watches work pools on a Prefect server;
//! * `pushpool deploy` creates and changes the deployments of prefect.yaml;
//! * `pushpool doorbell` installs what lets a Prefect server ring pushpool;
//! * `pushpool doctor` says whether an installation is as it has to be for runs to start;
//! * `pushpool logs` says where the messages, tasks and log streams of a flow run are;
//! * `pushpool redrive` shows the dead-letter queues and sends back what still wants to start;
//! * `pushpool upgrade` moves deployments from agents, workers and blocks to push work pools, and back;
//! * `pushpool completions` prints the completion script of a shell.
//!
//! # Manners
//!
//! Data goes to standard output, everything else to standard error. Colours follow the terminal, `NO_COLOR`, `CLICOLOR`
//! and `CLICOLOR_FORCE`. A reader that closes the pipe ends the output quietly.
//!
//! # Exit codes
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | Done. `dev`: every message reached a recorded outcome, also if that is a failed job or a refused message. |
//! | 1 | It could not be done; standard error says why. `dev`: a message has no outcome; with `--strict` also when a job failed, a run crashed or a message was buried. |
//! | 2 | The command line is wrong. `deploy --detailed-exitcode`: there are changes. |
//! | 130 | Ended by Ctrl-C (`dev`, before the summary), or a question was answered with no (`pool`, `deploy`, `redrive`, `upgrade`). |

mod args;
mod command;
mod deploy;
mod dev;
mod doctor;
mod doorbell;
mod error;
mod grid;
mod input;
mod installation;
mod logs;
mod output;
mod plan;
mod pool;
mod redrive;
mod render;
mod server;
mod terminal;
mod upgrade;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::{
    command::{Cli, Command},
    error::CliError,
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version are no errors and go to standard output; a reader that has gone needs neither.
            let _ = usage.print();
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            error.tell();
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(cli: &Cli) -> Result<u8, CliError> {
    match &cli.command {
        Command::Dev(args) => dev::run(args),
        Command::Render(args) => render::run(args),
        Command::Pool(args) => pool::run(args),
        Command::Deploy(args) => deploy::run(args, cli.no_prompt),
        Command::Doorbell(args) => doorbell::run(args),
        Command::Doctor(args) => doctor::run(args),
        Command::Logs(args) => logs::run(args),
        Command::Redrive(args) => redrive::run(args),
        Command::Upgrade(args) => upgrade::run(args),
        Command::Completions { shell } => completions(*shell),
    }
}

fn completions(shell: clap_complete::Shell) -> Result<u8, CliError> {
    // Into memory first: the generator panics when a write fails.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pushpool", &mut script);
    output::data(&String::from_utf8_lossy(&script)).map_err(CliError::WriteOutput)?;
    Ok(0)
}
