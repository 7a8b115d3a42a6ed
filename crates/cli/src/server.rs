//! The Prefect server a command talks to, and what is said when it does not answer as hoped.
//!
//! Who can run `prefect` needs to configure nothing: address, key, auth string, headers and certificates are read from
//! Prefect's own profiles and variables (`prefect_api::settings`).

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use clap::Args;
use prefect_api::{
    ApiError, Client, Connection, Patience, Transport, TransportError,
    http::HttpTransport,
    models::WorkPool,
    settings::{Origin, Place, Setting, Settings, SettingsError},
};
use work_pool::did_you_mean;

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
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
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
    let server = Server::of(args)?;
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

/// What Prefect's own settings say, with the address of the command line before all others.
pub(crate) fn connection(args: &ServerArgs) -> Result<Connection, CliError> {
    let wrong = |summary: String| CliError::Explained {
        summary,
        detail: String::new(),
        help: "`prefect config view` shows what is set, and where.".to_owned(),
    };
    let place = Place::of_process(args.profile.clone())
        .map_err(|source| CliError::SetUp { what: "find the working directory", source })?;
    let mut settings = Settings::load(&place).map_err(|error| wrong(error.to_string()))?;
    // Prefect would go on with its default profile; who named one meant it.
    if let (Some(name), Some(profile)) = (&args.profile, &settings.profile)
        && !profile.exists
    {
        return Err(CliError::Explained {
            summary: format!("there is no profile `{name}`"),
            detail: profile.path.as_ref().map(|path| format!("Looked for in {}.", path.display())).unwrap_or_default(),
            help: "`prefect profile ls` shows those there are.".to_owned(),
        });
    }
    if let Some(url) = &args.prefect_api_url {
        let origin = Origin::Variable("--prefect-api-url".to_owned());
        settings.api_url = Some(Setting { value: url.clone(), origin });
    }
    settings.connection(Connection::TIMEOUT_FOR_PEOPLE).map_err(|error| match error {
        SettingsError::NoApiUrl { .. } => CliError::Explained {
            summary: "no Prefect API is set".to_owned(),
            detail: error.to_string(),
            help: "Or give it with --prefect-api-url, or another profile with --profile.".to_owned(),
        },
        other => wrong(other.to_string()),
    })
}

/// A Prefect server.
pub(crate) struct Server<T> {
    /// What it is asked with.
    pub(crate) client: Client<T>,
    /// Where it is, for people.
    pub(crate) url: String,
}

impl Server<HttpTransport> {
    /// The server of these arguments. It is not asked anything yet.
    ///
    /// # Errors
    /// The settings are wrong.
    pub(crate) fn of(args: &ServerArgs) -> Result<Self, CliError> {
        let connection = connection(args)?;
        let transport = HttpTransport::new(&connection).map_err(|error| CliError::Explained {
            summary: error.to_string(),
            detail: String::new(),
            help: "`prefect config view` shows where each setting comes from.".to_owned(),
        })?;
        Ok(Self { client: Client::new(transport, Patience::PERSON), url: connection.api_url })
    }
}

impl<T: Transport> Server<T> {
    /// The work pool of a name.
    ///
    /// # Errors
    /// There is none: the error names those with a similar name.
    pub(crate) async fn pool(&self, name: &str) -> Result<WorkPool, CliError> {
        match self.client.work_pool(name).await {
            Ok(pool) => Ok(pool),
            Err(error) if error.is_not_found() => Err(self.no_such_pool(name).await),
            Err(error) => Err(self.told(error)),
        }
    }

    /// There is no pool of that name.
    pub(crate) async fn no_such_pool(&self, name: &str) -> CliError {
        let pools = match self.client.all_work_pools().await {
            Ok(pools) => pools,
            Err(error) => return self.told(error),
        };
        let hint = did_you_mean(name, pools.iter().map(|pool| pool.name.as_str()));
        CliError::Explained {
            summary: format!("there is no work pool \"{name}\" at {}", self.url),
            detail: String::new(),
            help: hint.unwrap_or_else(|| {
                "`pushpool pool ls --all` shows those there are; `pushpool pool create` makes one.".to_owned()
            }),
        }
    }

    /// An error of the API for people, with what to do about it.
    pub(crate) fn told(&self, error: ApiError) -> CliError {
        let url = &self.url;
        let (summary, detail, help) = match error {
            ApiError::Unanswered { source: TransportError::Setting(problem), .. } => {
                ("the Prefect server cannot be asked".to_owned(), problem, "Correct the setting.")
            }
            ApiError::Unanswered { source, .. } => (
                format!("no answer from the Prefect server at {url}"),
                source.to_string(),
                "Check that it runs and can be reached from here. Another address is given with --prefect-api-url, \
                 --profile or PREFECT_API_URL; `prefect config view` shows what is set.",
            ),
            ApiError::Unauthorised { status: 401, detail, .. } => (
                format!("the Prefect server at {url} does not accept the credentials (HTTP 401)"),
                detail,
                "Set PREFECT_API_AUTH_STRING for a self-hosted server or PREFECT_API_KEY for Prefect Cloud, in the \
                 environment or with `prefect config set`.",
            ),
            ApiError::Unauthorised { status, operation, detail } => (
                format!("the Prefect server at {url} does not allow {operation} (HTTP {status})"),
                detail,
                "Use credentials that may do it.",
            ),
            ApiError::Busy { status, detail, .. } => (
                format!("the Prefect server at {url} is busy (HTTP {status})"),
                detail,
                "Try again; if it goes on, look at the server's log.",
            ),
            ApiError::NotFound { operation, detail } => (
                format!("the Prefect server at {url} does not know {operation}"),
                detail,
                "Check the address: that of an API usually ends in /api.",
            ),
            ApiError::Unreadable { operation, detail } => (
                format!("what answers at {url} is no Prefect API: {operation}"),
                detail,
                "Check the address: that of an API usually ends in /api.",
            ),
            ApiError::Refused { operation, status, detail } => (
                format!("the Prefect server refuses {operation} (HTTP {status})"),
                detail,
                "Correct what it objects to.",
            ),
            other => (other.to_string(), String::new(), ""),
        };
        CliError::Explained { summary, detail, help: help.to_owned() }
    }
}
