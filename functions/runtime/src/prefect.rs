//! The Prefect server of a function.
//!
//! | variable | meaning |
//! | --- | --- |
//! | `PREFECT_API_URL` | the API, ending in `/api` (Prefect Cloud: the workspace's URL) |
//! | `PUSHPOOL_API_KEY_SECRET_ARN`, `PUSHPOOL_API_AUTH_STRING_SECRET_ARN` | secret with the API key or the auth string: Secrets Manager ARN, or SSM parameter (ARN or `ssm:/NAME`); read at the first request, and anew after a 401 |
//! | `PREFECT_API_KEY`, `PREFECT_API_AUTH_STRING` | the same in the clear, for trying things out |
//! | `PREFECT_CLIENT_CUSTOM_HEADERS` | JSON object of headers to add, for instance for a proxy |
//! | `PUSHPOOL_CUSTOM_HEADERS_SECRET_ARN` | secret with such an object |
//! | `PREFECT_API_SSL_CERT_FILE` | certificates to trust instead of the system's, PEM |
//! | `PREFECT_API_TLS_INSECURE_SKIP_VERIFY` | `true` trusts any certificate |
//! | `PREFECT_API_REQUEST_TIMEOUT` | seconds for one try of a call (10) |

use std::collections::BTreeMap;

use aws::{PrefectSecrets, SdkConfig, Secret};
use prefect_api::{Client, Connection, Patience, http::HttpTransport, settings::SettingsError};

use crate::{Error, Settings};

/// What of Prefect's own settings a function reads.
const VARIABLES: [&str; 7] = [
    "PREFECT_API_URL",
    "PREFECT_API_KEY",
    "PREFECT_API_AUTH_STRING",
    "PREFECT_CLIENT_CUSTOM_HEADERS",
    "PREFECT_API_SSL_CERT_FILE",
    "PREFECT_API_TLS_INSECURE_SKIP_VERIFY",
    "PREFECT_API_REQUEST_TIMEOUT",
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
        settings.get("PREFECT_API_URL").map(|api_url| Self::at(api_url, settings))
    }

    /// Reads the settings of a function that is nothing without a server.
    #[must_use]
    pub fn required(settings: &Settings<'_>) -> Self {
        Self::at(settings.required("PREFECT_API_URL", "the Prefect API, ending in /api"), settings)
    }

    fn at(api_url: String, settings: &Settings<'_>) -> Self {
        let variables: BTreeMap<String, String> =
            VARIABLES.iter().filter_map(|name| Some(((*name).to_owned(), settings.get(name)?))).collect();
        let read = prefect_api::settings::Settings::of_environment(&variables);
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
            "PUSHPOOL_API_KEY_SECRET_ARN",
            "PUSHPOOL_API_AUTH_STRING_SECRET_ARN",
            "PUSHPOOL_CUSTOM_HEADERS_SECRET_ARN",
        ]
        .map(|name| settings.get(name));
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
