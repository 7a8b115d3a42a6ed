//! The settings of Prefect's own command line, read where it reads them.
//!
//! Who can say `prefect deploy` on a machine can say `pushpool` there, with the same server and the same credentials. The
//! order is that of prefect 3.8.8 (`settings/base.py`, `settings_customise_sources`): environment variables, `.env`,
//! `prefect.toml`, `[tool.prefect]` of `pyproject.toml`, the active profile. All files are those of the working directory;
//! Prefect does not look in the directories above it. A differential test holds this against the real package.
//!
//! Worth knowing, because it surprises:
//!
//! * a variable that is set to nothing hides what a file says;
//! * `client.custom_headers` is not replaced but merged, header by header (`deep_update` of pydantic-settings);
//! * names of variables are read in any case, keys of a profile only in capitals;
//! * `PREFECT_HOME` and `PREFECT_PROFILES_PATH` are taken literally, without `~`.
//!
//! On purpose not read: a whole section as JSON in one variable (`PREFECT_API='{"url": …}'`), which pydantic allows and
//! Prefect does not document.
//!
//! Functions have variables only: [`Settings::of_environment`] needs neither files nor a TOML parser.

#[cfg(feature = "settings")]
mod dotenv;
#[cfg(feature = "settings")]
mod files;
mod layer;
#[cfg(all(test, feature = "settings"))]
mod tests;
mod values;

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use self::{
    layer::{Found, Layer},
    values::{headers, number, switch, text},
};
use crate::connection::{Auth, Connection};

/// A value and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// Where it was found.
    pub origin: Origin,
}

/// A value that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The value, for whoever sends it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An environment variable.
    Variable(String),
    /// A variable in `.env`.
    DotEnv {
        /// The variable, as it is written there.
        variable: String,
        /// The file.
        path: PathBuf,
    },
    /// `prefect.toml` or `pyproject.toml`.
    File {
        /// The key with the names of its tables: `api.url`.
        key: String,
        /// The file.
        path: PathBuf,
    },
    /// The active profile.
    Profile {
        /// Its name.
        name: String,
        /// The file; none for the profiles that Prefect has without one.
        path: Option<PathBuf>,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::DotEnv { variable, path } => write!(f, "{variable} in {}", path.display()),
            Self::File { key, path } => write!(f, "`{key}` in {}", path.display()),
            Self::Profile { name, path: Some(path) } => write!(f, "profile `{name}` in {}", path.display()),
            Self::Profile { name, path: None } => write!(f, "Prefect's built-in profile `{name}`"),
        }
    }
}

/// The settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read, or is not what it should be.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, without values.
        problem: String,
    },
    /// A value is not one of its kind.
    #[error("{name} must be {expected} ({origin})")]
    Value {
        /// The setting.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
        /// Where it was found.
        origin: Box<Origin>,
    },
    /// No API URL.
    #[error(
        "no Prefect API is set{hint}. Set the environment variable PREFECT_API_URL, or `url` under [api] in prefect.toml or \
         under [tool.prefect.api] in pyproject.toml, or put it into the active profile with `prefect config set \
         PREFECT_API_URL=…`. (Prefect would start a temporary server here; pushpool needs one that stays.)"
    )]
    NoApiUrl {
        /// What there was instead, with a leading space.
        hint: String,
    },
}

/// The profile that is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveProfile {
    /// Its name.
    pub name: String,
    /// Where profiles were looked for; none for the profiles that Prefect has without a file.
    pub path: Option<PathBuf>,
    /// Off: it is not there, and Prefect's default profile, which has no API URL, is used instead.
    pub exists: bool,
}

/// What pushpool needs of Prefect's settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// `PREFECT_API_URL`. May be empty: set to nothing.
    pub api_url: Option<Setting<String>>,
    /// `PREFECT_API_KEY`.
    pub api_key: Option<Setting<Secret>>,
    /// `PREFECT_API_AUTH_STRING`: `user:password`.
    pub auth_string: Option<Setting<Secret>>,
    /// `PREFECT_CLIENT_CUSTOM_HEADERS`, from all places together.
    pub headers: Vec<(String, Setting<Secret>)>,
    /// `PREFECT_API_SSL_CERT_FILE`, else `SSL_CERT_FILE`.
    pub ssl_cert_file: Option<Setting<PathBuf>>,
    /// `PREFECT_API_TLS_INSECURE_SKIP_VERIFY`.
    pub skip_verify: Option<Setting<bool>>,
    /// `PREFECT_API_REQUEST_TIMEOUT`, seconds.
    pub request_timeout: Option<Setting<Duration>>,
    /// `PREFECT_UI_URL`.
    pub ui_url: Option<Setting<String>>,
    /// `PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME`, or `PREFECT_DEFAULT_WORK_POOL_NAME`: the pool of deployments that name none.
    pub default_work_pool: Option<Setting<String>>,
    /// `PREFECT_DEPLOYMENTS_DEFAULT_DOCKER_BUILD_NAMESPACE`, or `PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE`: the registry and
    /// namespace of images that are built without one.
    pub docker_build_namespace: Option<Setting<String>>,
    /// The active profile; none where profiles are not looked for.
    pub profile: Option<ActiveProfile>,
}

/// Where settings are looked for.
#[derive(Clone)]
#[cfg(feature = "settings")]
pub struct Place {
    /// Working directory.
    pub directory: PathBuf,
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The user's home directory.
    pub home: Option<PathBuf>,
    /// Profile asked for on the command line; goes before `PREFECT_PROFILE`.
    pub profile: Option<String>,
}

#[cfg(feature = "settings")]
impl Place {
    /// That of this process.
    ///
    /// # Errors
    /// There is no working directory.
    pub fn of_process(profile: Option<String>) -> std::io::Result<Self> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Ok(Self {
            directory: std::env::current_dir()?,
            variables: std::env::vars_os().filter_map(text).collect(),
            home: std::env::home_dir(),
            profile,
        })
    }
}

#[cfg(feature = "settings")]
impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("directory", &self.directory)
            .field("profile", &self.profile)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// From environment variables alone.
    ///
    /// # Errors
    /// [`SettingsError::Value`].
    pub fn of_environment(variables: &BTreeMap<String, String>) -> Result<Self, SettingsError> {
        Self::of(&[Layer::environment(variables)], None, variables)
    }

    /// From everywhere Prefect looks.
    ///
    /// # Errors
    /// [`SettingsError::File`] or [`SettingsError::Value`].
    #[cfg(feature = "settings")]
    pub fn load(place: &Place) -> Result<Self, SettingsError> {
        let (layers, profile) = files::layers(place)?;
        Self::of(&layers, profile, &place.variables)
    }

    /// `layers`: the first that has a value wins.
    fn of(
        layers: &[Layer],
        profile: Option<ActiveProfile>,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let first = |section: &str, name: &str| -> Result<Option<Found>, SettingsError> {
            for layer in layers {
                if let Some(found) = layer.get(section, name, false)? {
                    return Ok(Some(found));
                }
            }
            Ok(None)
        };
        // Settings that also have a name without `deployments`.
        let of_deployments = |name: &str| -> Result<Option<Found>, SettingsError> {
            for layer in layers {
                for section in ["deployments", ""] {
                    if let Some(found) = layer.get(section, name, false)? {
                        return Ok(Some(found));
                    }
                }
            }
            Ok(None)
        };
        let secret = |setting: Setting<String>| Setting { value: Secret(setting.value), origin: setting.origin };
        let path = |setting: Setting<String>| Setting { value: PathBuf::from(setting.value), origin: setting.origin };
        let system = variables
            .get("SSL_CERT_FILE")
            .map(|file| Setting { value: PathBuf::from(file), origin: Origin::Variable("SSL_CERT_FILE".to_owned()) });
        let mut custom = Vec::new();
        for layer in layers {
            custom.extend(layer.get("client", "custom_headers", true)?);
        }
        Ok(Self {
            api_url: text("PREFECT_API_URL", first("api", "url")?)?,
            api_key: text("PREFECT_API_KEY", first("api", "key")?)?.map(secret),
            auth_string: text("PREFECT_API_AUTH_STRING", first("api", "auth_string")?)?.map(secret),
            headers: headers(custom)?,
            ssl_cert_file: text("PREFECT_API_SSL_CERT_FILE", first("api", "ssl_cert_file")?)?.map(path).or(system),
            skip_verify: switch("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", first("api", "tls_insecure_skip_verify")?)?,
            request_timeout: number("PREFECT_API_REQUEST_TIMEOUT", first("api", "request_timeout")?)?,
            ui_url: text("PREFECT_UI_URL", first("", "ui_url")?)?,
            default_work_pool: text(
                "PREFECT_DEPLOYMENTS_DEFAULT_WORK_POOL_NAME",
                of_deployments("default_work_pool_name")?,
            )?,
            docker_build_namespace: text(
                "PREFECT_DEPLOYMENTS_DEFAULT_DOCKER_BUILD_NAMESPACE",
                of_deployments("default_docker_build_namespace")?,
            )?,
            profile,
        })
    }

    /// What a transport needs. `timeout` is that of a call when none is set.
    ///
    /// # Errors
    /// [`SettingsError::NoApiUrl`].
    pub fn connection(&self, timeout: Duration) -> Result<Connection, SettingsError> {
        let Some(url) = self.api_url.as_ref().filter(|url| !url.value.trim().is_empty()) else {
            return Err(SettingsError::NoApiUrl { hint: self.instead() });
        };
        let revealed = |secret: &Option<Setting<Secret>>| secret.as_ref().map(|secret| secret.value.0.clone());
        let filled = |file: &&Setting<PathBuf>| !file.value.as_os_str().is_empty();
        Ok(Connection {
            api_url: url.value.clone(),
            auth: Auth::of(revealed(&self.api_key), revealed(&self.auth_string)),
            headers: self.headers.iter().map(|(name, header)| (name.clone(), header.value.0.clone())).collect(),
            ca_file: self.ssl_cert_file.as_ref().filter(filled).map(|file| file.value.clone()),
            verify_tls: !self.skip_verify.as_ref().is_some_and(|skip| skip.value),
            timeout: self.request_timeout.as_ref().map_or(timeout, |timeout| timeout.value),
        })
    }

    /// What there is where the URL should be.
    fn instead(&self) -> String {
        if let Some(empty) = &self.api_url {
            return format!(": it is set to nothing by {}", empty.origin);
        }
        match &self.profile {
            None => String::new(),
            Some(ActiveProfile { name, path: Some(path), exists: true }) => {
                format!(": the profile `{name}` in {} has no PREFECT_API_URL", path.display())
            }
            Some(ActiveProfile { name, path: Some(path), exists: false }) => {
                format!(": there is no profile `{name}` in {}", path.display())
            }
            Some(ActiveProfile { path: None, .. }) => ": there is no profile with one".to_owned(),
        }
    }
}
