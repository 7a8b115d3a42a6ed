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

use std::{collections::BTreeMap, path::PathBuf};

use aws::{PrefectSecrets, SdkConfig, Secret};
use prefect_api::{Auth, Client, Connection, Patience, http::HttpTransport};

use crate::{Error, Settings};

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
        let headers = match settings.get("PREFECT_CLIENT_CUSTOM_HEADERS") {
            None => BTreeMap::new(),
            Some(text) => serde_json::from_str::<BTreeMap<String, String>>(&text).unwrap_or_else(|_| {
                settings.mistake("PREFECT_CLIENT_CUSTOM_HEADERS is not a JSON object of strings".to_owned());
                BTreeMap::new()
            }),
        };
        let connection = Connection {
            auth: Auth::of(settings.get("PREFECT_API_KEY"), settings.get("PREFECT_API_AUTH_STRING")),
            headers: headers.into_iter().collect(),
            ca_file: settings.get("PREFECT_API_SSL_CERT_FILE").map(PathBuf::from),
            ..Connection::to(api_url)
        };
        let [api_key, auth_string, custom_headers] = [
            "PUSHPOOL_API_KEY_SECRET_ARN",
            "PUSHPOOL_API_AUTH_STRING_SECRET_ARN",
            "PUSHPOOL_CUSTOM_HEADERS_SECRET_ARN",
        ]
        .map(|name| settings.get(name));
        Self { connection, api_key, auth_string, custom_headers }
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
