//! A Prefect server, and the words for people when it does not answer as hoped.
//!
//! If `prefect` works in the user's shell, nothing has to be configured: address, key, auth string, headers and certificates
//! are read from Prefect's own profiles and variables ([`prefect_api::settings`]). The texts name the flags of the command
//! line, because they are the shortest way to correct a setting.

use prefect_api::{
    ApiError, Client, Connection, Patience, Transport, TransportError,
    http::HttpTransport,
    models::WorkPool,
    settings::{Origin, Place, Setting, Settings, SettingsError},
};
use work_pool::did_you_mean;

use crate::error::ManageError;

/// Which server, as far as the user says so; Prefect's own settings say the rest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// URL of the Prefect API; it comes before all settings.
    pub api_url: Option<String>,
    /// Profile of Prefect's settings to read instead of the active one.
    pub profile: Option<String>,
}

/// What Prefect's own settings say, with the address of the command line before all others.
///
/// # Errors
/// A setting is missing or wrong, or there is no such profile.
pub fn connection(address: &Address) -> Result<Connection, ManageError> {
    let wrong = |summary: String| ManageError::Explained {
        summary,
        detail: String::new(),
        help: "`prefect config view` shows what is set, and where.".to_owned(),
    };
    let place = Place::of_process(address.profile.clone()).map_err(ManageError::FindWorkingDirectory)?;
    let mut settings = Settings::load(&place).map_err(|error| wrong(error.to_string()))?;
    // Prefect would go on with its default profile. A user who names a profile wants that one.
    if let (Some(name), Some(profile)) = (&address.profile, &settings.profile)
        && !profile.exists
    {
        return Err(ManageError::Explained {
            summary: format!("there is no profile `{name}`"),
            detail: profile.path.as_ref().map(|path| format!("Looked for in {}.", path.display())).unwrap_or_default(),
            help: "`prefect profile ls` shows those there are.".to_owned(),
        });
    }
    if let Some(url) = &address.api_url {
        let origin = Origin::Variable("--prefect-api-url".to_owned());
        settings.api_url = Some(Setting { value: url.clone(), origin });
    }
    settings.connection(Connection::TIMEOUT_FOR_PEOPLE).map_err(|error| match error {
        SettingsError::NoApiUrl { .. } => ManageError::Explained {
            summary: "no Prefect API is set".to_owned(),
            detail: error.to_string(),
            help: "Or give it with --prefect-api-url, or another profile with --profile.".to_owned(),
        },
        other => wrong(other.to_string()),
    })
}

/// A Prefect server.
#[derive(Debug)]
pub struct Server<T> {
    /// Sends the requests.
    pub client: Client<T>,
    /// Its address, for messages.
    pub url: String,
}

impl Server<HttpTransport> {
    /// The server at this address. It is not asked anything yet.
    ///
    /// # Errors
    /// The settings are wrong.
    pub fn at(address: &Address) -> Result<Self, ManageError> {
        Self::of(&connection(address)?)
    }

    /// The server of a connection. It is not asked anything yet.
    ///
    /// # Errors
    /// A certificate, a header or the address cannot be used.
    pub fn of(connection: &Connection) -> Result<Self, ManageError> {
        Self::patient(connection, Patience::PERSON)
    }

    /// The server of a connection, asked with a patience of the caller's own.
    ///
    /// # Errors
    /// As [`Server::of`].
    pub fn patient(connection: &Connection, patience: Patience) -> Result<Self, ManageError> {
        let transport = HttpTransport::new(connection).map_err(|error| ManageError::Explained {
            summary: error.to_string(),
            detail: String::new(),
            help: "`prefect config view` shows where each setting comes from.".to_owned(),
        })?;
        Ok(Self { client: Client::new(transport, patience), url: connection.api_url.clone() })
    }
}

impl<T: Transport> Server<T> {
    /// The work pool of a name.
    ///
    /// # Errors
    /// There is none: the error names those with a similar name.
    pub async fn pool(&self, name: &str) -> Result<WorkPool, ManageError> {
        match self.client.work_pool(name).await {
            Ok(pool) => Ok(pool),
            Err(error) if error.is_not_found() => Err(self.no_such_pool(name).await),
            Err(error) => Err(self.told(error)),
        }
    }

    /// There is no pool of that name.
    pub async fn no_such_pool(&self, name: &str) -> ManageError {
        let pools = match self.client.all_work_pools().await {
            Ok(pools) => pools,
            Err(error) => return self.told(error),
        };
        let hint = did_you_mean(name, pools.iter().map(|pool| pool.name.as_str()));
        ManageError::Explained {
            summary: format!("there is no work pool \"{name}\" at {}", self.url),
            detail: String::new(),
            help: hint.unwrap_or_else(|| {
                "`pushpool pool ls --all` shows those there are; `pushpool pool create` makes one.".to_owned()
            }),
        }
    }

    /// An error of the API for people, with what to do about it.
    #[must_use]
    pub fn told(&self, error: ApiError) -> ManageError {
        let url = &self.url;
        let (summary, detail, help) = match error {
            ApiError::Unanswered { reason: TransportError::Setting(problem), .. } => {
                ("the Prefect server cannot be asked".to_owned(), problem, "Correct the setting.")
            }
            ApiError::Unanswered { reason, .. } => (
                format!("no answer from the Prefect server at {url}"),
                reason.to_string(),
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
        ManageError::Explained { summary, detail, help: help.to_owned() }
    }
}
