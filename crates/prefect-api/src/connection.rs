//! Where a Prefect API is, and what lets us in.
//!
//! Nothing here is ever printed but what is no secret: the URL, names of headers, the kind of credentials.

use std::{fmt, path::PathBuf, time::Duration};

/// What lets us in.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Auth {
    /// The server asks for nothing.
    #[default]
    None,
    /// Prefect Cloud's key: `Authorization: Bearer KEY`.
    ApiKey(String),
    /// `user:password` of a self-hosted server: `Authorization: Basic base64(user:password)`.
    AuthString(String),
}

impl Auth {
    /// As Prefect's client chooses: the auth string before the key, and what is empty is not there (prefect 3.8.8,
    /// `client/orchestration/__init__.py`, `PrefectClient.__init__`).
    #[must_use]
    pub fn of(api_key: Option<String>, auth_string: Option<String>) -> Self {
        let filled = |text: &String| !text.is_empty();
        match (auth_string.filter(filled), api_key.filter(filled)) {
            (Some(auth_string), _) => Self::AuthString(auth_string),
            (None, Some(key)) => Self::ApiKey(key),
            (None, None) => Self::None,
        }
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::ApiKey(_) => "ApiKey(…)",
            Self::AuthString(_) => "AuthString(…)",
        })
    }
}

/// Credentials that are read while the process runs: a secret of a function.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// What lets us in.
    pub auth: Auth,
    /// Headers that are secrets, as those of an authenticating proxy. They come after the connection's and replace them.
    pub headers: Vec<(String, String)>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("auth", &self.auth).field("headers", &names(&self.headers)).finish()
    }
}

/// All that is needed to talk to one Prefect API.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    /// Base URL, with or without a slash at its end: `https://prefect.example.com/api`.
    pub api_url: String,
    /// What lets us in.
    pub auth: Auth,
    /// Headers of every request (`PREFECT_CLIENT_CUSTOM_HEADERS`). They may replace `Authorization`, as in Prefect's client.
    pub headers: Vec<(String, String)>,
    /// Certificates to trust, PEM; these alone, as `PREFECT_API_SSL_CERT_FILE`. Without it: those of the system.
    pub ca_file: Option<PathBuf>,
    /// Off: any certificate will do (`PREFECT_API_TLS_INSECURE_SKIP_VERIFY`).
    pub verify_tls: bool,
    /// Longest time for one try of a call, connecting included.
    pub timeout: Duration,
}

impl Connection {
    /// For functions: nearly every call takes well under a second, and one that was lost is better asked again. Prefect's
    /// own default of 60 s is longer than most functions live.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// For people, who would rather wait for a slow server than be told that it is slow.
    pub const TIMEOUT_FOR_PEOPLE: Duration = Duration::from_secs(30);

    /// A connection without credentials and with [`Self::TIMEOUT`].
    pub fn to(api_url: impl Into<String>) -> Self {
        Self {
            api_url: api_url.into(),
            auth: Auth::None,
            headers: Vec::new(),
            ca_file: None,
            verify_tls: true,
            timeout: Self::TIMEOUT,
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("api_url", &without_userinfo(&self.api_url))
            .field("auth", &self.auth)
            .field("headers", &names(&self.headers))
            .field("ca_file", &self.ca_file)
            .field("verify_tls", &self.verify_tls)
            .field("timeout", &self.timeout)
            .finish()
    }
}

/// Whether an API is Prefect Cloud's. Cloud submits the runs of push work pools itself, so nothing else may.
#[must_use]
pub fn is_cloud(api_url: &str) -> bool {
    let rest = api_url.split_once("://").map_or(api_url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default();
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "prefect.cloud" || host.ends_with(".prefect.cloud")
}

fn names(headers: &[(String, String)]) -> Vec<&str> {
    headers.iter().map(|(name, _)| name.as_str()).collect()
}

/// A URL as it may be shown: a user may have put a password into it.
#[must_use]
pub fn without_userinfo(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.rsplit('@').next().unwrap_or_default().to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    format!("{scheme}://{}{path}", authority.rsplit('@').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_auth_string_comes_before_the_key_and_what_is_empty_is_not_there() {
        let of = |key: &str, auth: &str| Auth::of(Some(key.into()), Some(auth.into()));
        assert_eq!(of("key", "user:pass"), Auth::AuthString("user:pass".into()));
        assert_eq!(of("key", ""), Auth::ApiKey("key".into()));
        assert_eq!(of("", ""), Auth::None);
        assert_eq!(Auth::of(None, None), Auth::None);
    }

    #[test]
    fn prefect_cloud_is_known_by_its_host() {
        for cloud in [
            "https://api.prefect.cloud/api/accounts/a/workspaces/w",
            "https://API.Prefect.Cloud:443/api",
            "https://user:x@api.stg.prefect.cloud./api",
        ] {
            assert!(is_cloud(cloud), "{cloud}");
        }
        for own in [
            "http://127.0.0.1:4200/api",
            "https://prefect.example.com/api.prefect.cloud",
            "https://notprefect.cloud/api",
            "https://api.prefect.cloud@example.com/api",
            "",
        ] {
            assert!(!is_cloud(own), "{own}");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let connection = Connection {
            auth: Auth::ApiKey("canary".into()),
            headers: vec![("X-Proxy".into(), "canary".into())],
            ..Connection::to("https://user:canary@host/api")
        };
        let credentials =
            Credentials { auth: Auth::AuthString("u:canary".into()), headers: connection.headers.clone() };
        let shown = format!("{connection:?} {credentials:?}");
        assert!(shown.contains("https://host/api") && shown.contains("X-Proxy"), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
        assert_eq!(without_userinfo("user:canary@host"), "host");
    }
}
