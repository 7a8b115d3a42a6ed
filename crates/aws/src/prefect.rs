//! The transport to Prefect with credentials out of Secrets Manager or SSM.
//!
//! They are read before the first request and again when the server refuses them, so a rotated key costs one more
//! request and no restart.

use std::sync::Arc;

use prefect_api::{
    Auth, Connection, Credentials,
    http::{BadConnection, CredentialSource, Fetched, HttpTransport},
};

use crate::secrets::{Secret, SecretError};

/// Where the credentials are kept. What is not here comes from the connection.
#[derive(Debug, Clone, Default)]
pub struct PrefectSecrets {
    /// Prefect Cloud's key.
    pub api_key: Option<Secret>,
    /// `user:password` of a self-hosted server.
    pub auth_string: Option<Secret>,
    /// A JSON object of header names and texts, as `PREFECT_CLIENT_CUSTOM_HEADERS`.
    pub custom_headers: Option<Secret>,
}

/// A transport for `connection` with these secrets.
///
/// # Errors
/// [`BadConnection`]: a setting is wrong. That a secret cannot be read shows at the first request.
pub fn prefect_transport(connection: &Connection, secrets: PrefectSecrets) -> Result<HttpTransport, BadConnection> {
    let PrefectSecrets { api_key, auth_string, custom_headers } = &secrets;
    if api_key.is_none() && auth_string.is_none() && custom_headers.is_none() {
        return HttpTransport::new(connection);
    }
    HttpTransport::with_source(connection, Arc::new(Source { secrets, otherwise: connection.auth.clone() }))
}

struct Source {
    secrets: PrefectSecrets,
    /// For when only headers are secret.
    otherwise: Auth,
}

impl CredentialSource for Source {
    fn fetch(&self) -> Fetched<'_> {
        Box::pin(async { self.read().await.map_err(|error| error.to_string()) })
    }
}

impl Source {
    async fn read(&self) -> Result<Credentials, SecretError> {
        let PrefectSecrets { api_key, auth_string, custom_headers } = &self.secrets;
        let auth = match Auth::of(text(api_key).await?, text(auth_string).await?) {
            Auth::None => self.otherwise.clone(),
            auth => auth,
        };
        let mut headers = Vec::new();
        if let (Some(secret), Some(json)) = (custom_headers, text(custom_headers).await?) {
            let object = serde_json::from_str::<std::collections::BTreeMap<String, String>>(&json);
            headers.extend(object.map_err(|_| secret.unusable("it is no JSON object of header names and texts"))?);
        }
        Ok(Credentials { auth, headers })
    }
}

/// The value without the line break that comes with values out of files.
async fn text(secret: &Option<Secret>) -> Result<Option<String>, SecretError> {
    match secret {
        Some(secret) => Ok(Some(secret.read().await?.trim_end_matches(['\r', '\n']).to_owned())),
        None => Ok(None),
    }
}
