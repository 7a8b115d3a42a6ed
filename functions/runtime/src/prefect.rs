//! The Prefect server of a function.
//!
//! docs/functions.md lists the variables. Secrets are read at the first request, and anew after a 401.

use std::collections::BTreeMap;

use aws::{PrefectSecrets, SdkConfig, Secret};
use installation::{Variable, variables};
use prefect_api::{Client, Connection, Patience, http::HttpTransport, settings::SettingsError};

use crate::{Error, Settings};

/// What of Prefect's own settings a function reads.
const VARIABLES: [&Variable; 7] = [
    &variables::API_URL,
    &variables::API_KEY,
    &variables::API_AUTH_STRING,
    &variables::CLIENT_CUSTOM_HEADERS,
    &variables::API_SSL_CERT_FILE,
    &variables::API_TLS_INSECURE_SKIP_VERIFY,
    &variables::API_REQUEST_TIMEOUT,
];

/// What a function needs to talk to its Prefect server.
#[derive(Debug, Clone)]
pub struct Prefect {
    connection: Connection,
    api_key: Option<String>,
    auth_string: Option<String>,
    custom_headers: Option<String>,
}

impl Prefect {
    /// Reads the settings; none without `PREFECT_API_URL`.
    #[must_use]
    pub fn read(settings: &Settings<'_>) -> Option<Self> {
        settings.get(&variables::API_URL).map(|api_url| Self::at(api_url, settings))
    }

    /// Reads the settings of a function that is nothing without a server.
    #[must_use]
    pub fn required(settings: &Settings<'_>) -> Self {
        Self::at(settings.required(&variables::API_URL), settings)
    }

    fn at(api_url: String, settings: &Settings<'_>) -> Self {
        let set: BTreeMap<String, String> =
            VARIABLES.iter().filter_map(|it| Some((it.name.to_owned(), settings.get(it)?))).collect();
        let read = prefect_api::settings::Settings::of_environment(&set);
        let connection = match read.and_then(|read| read.connection(Connection::TIMEOUT)) {
            Ok(connection) => connection,
            // That there is no URL has been noted where it had to be there.
            Err(SettingsError::NoApiUrl { .. }) => Connection::to(api_url),
            Err(error) => {
                settings.mistake(error.to_string());
                Connection::to(api_url)
            }
        };
        let [api_key, auth_string, custom_headers] = [
            &variables::API_KEY_SECRET_ARN,
            &variables::API_AUTH_STRING_SECRET_ARN,
            &variables::CUSTOM_HEADERS_SECRET_ARN,
        ]
        .map(|variable| settings.get(variable));
        Self { connection, api_key, auth_string, custom_headers }
    }

    /// Whether the server is Prefect Cloud.
    #[must_use]
    pub fn is_cloud(&self) -> bool {
        prefect_api::is_cloud(&self.connection.api_url)
    }

    /// A client of the server.
    ///
    /// # Errors
    /// A setting cannot be used: it says which.
    pub fn client(&self, config: &SdkConfig) -> Result<Client<HttpTransport>, Error> {
        let secret = |reference: &Option<String>| reference.as_ref().map(|it| Secret::at(it, config)).transpose();
        let secrets = PrefectSecrets {
            api_key: secret(&self.api_key)?,
            auth_string: secret(&self.auth_string)?,
            custom_headers: secret(&self.custom_headers)?,
        };
        let transport = aws::prefect_transport(&self.connection, secrets)?;
        Ok(Client::new(transport, Patience::FUNCTION))
    }
}
