//! The headers that let us in, and how they are read anew.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hyper::{
    HeaderMap,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use tokio::sync::Mutex;

use super::BadConnection;
use crate::{
    connection::{Auth, Connection, Credentials},
    transport::TransportError,
};

/// Headers that custom ones may not replace: Prefect's client refuses the first three (prefect 3.8.8, `client/base.py`,
/// `PrefectHttpxAsyncClient.__init__`); the others frame the body.
const OURS: [&str; 5] =
    ["user-agent", "prefect-csrf-token", "prefect-csrf-client", "content-length", "transfer-encoding"];

/// How long one look at the source answers for every request that is refused meanwhile. The records of a batch are
/// refused together: one of them reads the secret, and all of them want to know that it changed.
const FRESH: Duration = Duration::from_secs(10);

/// What a source answers: credentials, or why there are none, without secrets.
pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<Credentials, String>> + Send + 'a>>;

/// Where credentials are kept while they may change: a secret store.
pub trait CredentialSource: Send + Sync + 'static {
    /// Reads them as they are now.
    fn fetch(&self) -> Fetched<'_>;
}

pub(super) struct Access {
    /// Those of the connection, without credentials if there is a source.
    fixed: HeaderMap,
    source: Option<Arc<dyn CredentialSource>>,
    /// Held while the source is asked: requests that start meanwhile wait for the answer.
    held: Mutex<Option<Held>>,
}

struct Held {
    credentials: Credentials,
    headers: HeaderMap,
    read_at: Instant,
    /// Whether reading brought other credentials than before.
    changed: bool,
}

impl Access {
    pub(super) fn new(
        connection: &Connection,
        source: Option<Arc<dyn CredentialSource>>,
    ) -> Result<Self, BadConnection> {
        let mut fixed = HeaderMap::new();
        if source.is_none() {
            fixed.extend(authorization(&connection.auth)?);
        }
        add(&mut fixed, &connection.headers)?;
        Ok(Self { fixed, source, held: Mutex::default() })
    }

    /// Headers of a request that starts now.
    pub(super) async fn headers(&self) -> Result<HeaderMap, TransportError> {
        let Some(source) = &self.source else {
            return Ok(self.fixed.clone());
        };
        let mut held = self.held.lock().await;
        if let Some(held) = &*held {
            return Ok(held.headers.clone());
        }
        let credentials = source.fetch().await.map_err(TransportError::Setting)?;
        let headers = self.with(&credentials).map_err(|error| TransportError::Setting(error.to_string()))?;
        *held = Some(Held { credentials, headers: headers.clone(), read_at: Instant::now(), changed: false });
        Ok(headers)
    }

    /// Reads anew; whether that brought others.
    pub(super) async fn refresh(&self) -> bool {
        let Some(source) = &self.source else {
            return false;
        };
        let mut held = self.held.lock().await;
        let Some(held) = &mut *held else {
            return false;
        };
        if held.changed && held.read_at.elapsed() < FRESH {
            return true;
        }
        let fetched = source.fetch().await;
        let known = match fetched {
            Ok(credentials) if credentials == held.credentials => None,
            Ok(credentials) => match self.with(&credentials) {
                Ok(headers) => Some((credentials, headers)),
                Err(error) => {
                    tracing::warn!(%error, "the credentials were read anew and cannot be sent");
                    None
                }
            },
            Err(error) => {
                tracing::warn!(error, "the credentials could not be read anew");
                None
            }
        };
        held.changed = known.is_some();
        held.read_at = Instant::now();
        if let Some((credentials, headers)) = known {
            held.credentials = credentials;
            held.headers = headers;
        }
        held.changed
    }

    fn with(&self, credentials: &Credentials) -> Result<HeaderMap, BadConnection> {
        // Custom headers may replace `Authorization`, so they come after it.
        let mut headers = authorization(&credentials.auth)?;
        headers.extend(self.fixed.clone());
        add(&mut headers, &credentials.headers)?;
        Ok(headers)
    }
}

fn authorization(auth: &Auth) -> Result<HeaderMap, BadConnection> {
    let (text, named) = match auth {
        Auth::None => return Ok(HeaderMap::new()),
        Auth::ApiKey(key) => (format!("Bearer {key}"), "API key"),
        Auth::AuthString(pair) => (format!("Basic {}", STANDARD.encode(pair)), "auth string"),
    };
    let mut value = HeaderValue::try_from(text).map_err(|_| BadConnection::Credentials(named))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
}

fn add(headers: &mut HeaderMap, custom: &[(String, String)]) -> Result<(), BadConnection> {
    for (name, value) in custom {
        let bad = || BadConnection::Header(name.clone());
        let key = HeaderName::try_from(name.as_str()).map_err(|_| bad())?;
        if OURS.contains(&key.as_str()) {
            tracing::warn!(header = name, "a custom header is ignored: pushpool sets this one itself");
            continue;
        }
        let mut value = HeaderValue::try_from(value.as_str()).map_err(|_| bad())?;
        value.set_sensitive(true);
        headers.insert(key, value);
    }
    Ok(())
}
