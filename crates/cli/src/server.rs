//! The Prefect server a command talks to, as the command line names it, and how a command that waits for others is left.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use clap::Args;
use manage::{Address, Server};
use prefect_api::http::HttpTransport;

use crate::error::CliError;

/// Which server, and how.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Prefect server")]
pub(crate) struct ServerArgs {
    /// Address of the Prefect API [default: as `prefect` finds it: PREFECT_API_URL, then the profile]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) prefect_api_url: Option<String>,

    /// Profile of Prefect's own settings [default: PREFECT_PROFILE, then the active one]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// Never ask anything
    // `prefect` takes its `--no-prompt` behind the command, too.
    #[arg(long, alias = "no-prompt", global = true)]
    pub(crate) no_input: bool,
}

impl ServerArgs {
    /// What these arguments say about the server.
    pub(crate) fn address(&self) -> Address {
        Address { api_url: self.prefect_api_url.clone(), profile: self.profile.clone() }
    }
}

/// How long the process has to end by itself after a Ctrl-C.
const GRACE: Duration = Duration::from_millis(500);

/// Does something with the server of these arguments.
///
/// # Errors
/// The settings are wrong, or what `act` says.
pub(crate) fn with_server(
    args: &ServerArgs,
    act: impl AsyncFnOnce(&Server<HttpTransport>) -> Result<u8, CliError>,
) -> Result<u8, CliError> {
    let server = Server::at(&args.address())?;
    until_interrupted(async || act(&server).await)
}

/// Does something that waits for others, and may be left with Ctrl-C.
///
/// # Errors
/// What `act` says, or that it was left.
pub(crate) fn until_interrupted(act: impl AsyncFnOnce() -> Result<u8, CliError>) -> Result<u8, CliError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::SetUp { what: "start the runtime", source })?;
    std::thread::spawn(leave_a_question);
    // Who presses Ctrl-C while a question is on the screen gets the cursor back: the signal must not end the process.
    runtime.block_on(async {
        tokio::select! {
            biased;
            _ = tokio::signal::ctrl_c() => Err(CliError::Interrupted),
            result = act() => result,
        }
    })
}

/// Ends the process when a Ctrl-C has not ended it by itself. A question that reads keys sees Ctrl-C as a key; one that is
/// only just being drawn, or blocks the runtime otherwise, sees neither key nor signal, and the user would press it in vain.
fn leave_a_question() {
    let terminal = rustix::termios::tcgetattr(io::stdin()).ok();
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
    if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
        std::thread::sleep(GRACE);
        // A question reads keys in a mode of its own.
        if let Some(terminal) = terminal {
            let _ = rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &terminal);
        }
        CliError::Declined.tell();
        std::process::exit(i32::from(CliError::Declined.exit_code()));
    }
}

/// Whether there is somebody to ask: a terminal to ask on and one to answer from.
pub(crate) fn may_ask(args: &ServerArgs) -> bool {
    !args.no_input && io::stdin().is_terminal() && io::stderr().is_terminal()
}
