//! Hundreds of flow runs while everything fails: see [`pushpool_tests::chaos`].
//!
//! `cargo run -p pushpool-tests --bin chaos -- --runs 500 --kills 300 --seed 1`. Prints what was done and what came of it; ends
//! with 1 if anything is not as promised.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};
use pushpool_tests::chaos::{self, Options};

/// Hundreds of flow runs while everything fails.
#[derive(Debug, Parser)]
struct Arguments {
    /// Flow runs.
    #[arg(long, default_value_t = 500)]
    runs: usize,
    /// Processes of functions that are killed.
    #[arg(long, default_value_t = 300)]
    kills: usize,
    /// What decides what is done when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds that it goes on for; 1.3 a run unless given.
    #[arg(long)]
    seconds: Option<u64>,
    /// Database of the Prefect server instead of SQLite, empty: `postgresql+asyncpg://USER:PASSWORD@HOST/DATABASE`.
    #[arg(long)]
    database_url: Option<String>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// What runs in a task.
    #[command(hide = true)]
    Container { notes: PathBuf, behaviour: String, seconds: f64 },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        // A thread is enough for it, and costs less.
        Some(Command::Container { ref notes, ref behaviour, seconds }) => {
            runtime(tokio::runtime::Builder::new_current_thread())
                .block_on(chaos::container::run(notes, behaviour, seconds))
        }
        None => runtime(tokio::runtime::Builder::new_multi_thread()).block_on(everything(&arguments)),
    }
}

fn runtime(mut builder: tokio::runtime::Builder) -> tokio::runtime::Runtime {
    builder.enable_all().build().expect("a runtime can be made")
}

async fn everything(arguments: &Arguments) -> ExitCode {
    let Arguments { runs, kills, seed, .. } = *arguments;
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    let length = arguments.seconds.map_or_else(|| Duration::from_secs_f64(runs as f64 * 1.3), Duration::from_secs);
    let container = std::env::current_exe().expect("this program has a path");
    let database = arguments.database_url.clone();
    let report = chaos::run(&Options { runs, kills, seed, length, database, container }).await;
    println!("{report}");
    if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
