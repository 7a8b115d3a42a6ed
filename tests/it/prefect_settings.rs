//! Whether our reader of Prefect's settings and Prefect itself read the same.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Lines, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Stdio},
    time::Duration,
};

use prefect_api::settings::{Place, Settings};
use pushpool_tests::rig::python::python;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

/// A working directory, a home and variables. `DIR` and `HOME` stand for the two directories.
struct Case {
    name: &'static str,
    /// Path below the working directory, or below the home if it begins with `~/`; text.
    files: &'static [(&'static str, &'static str)],
    variables: &'static [(&'static str, &'static str)],
    profile: Option<&'static str>,
}

const fn case(
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    variables: &'static [(&'static str, &'static str)],
) -> Case {
    Case { name, files, variables, profile: None }
}

const PROFILES: &str = r#"
active = "one"
[profiles.one]
PREFECT_API_URL = "http://one/api"
PREFECT_API_KEY = "key-one"
PREFECT_CLIENT_CUSTOM_HEADERS = '{"A": "one", "P": "one"}'
[profiles.two]
PREFECT_API_URL = "http://two/api"
PREFECT_API_AUTH_STRING = "user:two"
PREFECT_API_TLS_INSECURE_SKIP_VERIFY = true
PREFECT_API_REQUEST_TIMEOUT = 12
PREFECT_UI_URL = "http://ui/two"
[profiles.small]
prefect_api_url = "http://small/api"
[profiles.number]
PREFECT_API_KEY = 5
[profiles.table]
PREFECT_CLIENT_CUSTOM_HEADERS = {A = "x"}
"#;

const OF_DEPLOYMENTS: &str = r#"
active = "one"
[profiles.one]
PREFECT_DEFAULT_WORK_POOL_NAME = "profile"
PREFECT_DEPLOYMENTS_DEFAULT_DOCKER_BUILD_NAMESPACE = "registry/profile"
"#;

const PREFECT_TOML: &str = r#"
ui_url = "http://ui/toml"
[api]
url = "http://toml/api"
request_timeout = 7.5
[client]
custom_headers = {A = "toml", T = "toml"}
[client.metrics]
port = 1
"#;

const PYPROJECT: &str = r#"
[project]
name = "x"
[tool.prefect.api]
url = "http://pyproject/api"
key = "key-pyproject"
[tool.prefect.client]
custom_headers = '{"A": "pyproject", "Y": "pyproject"}'
"#;

const DOTENV: &str = r##"# a comment
export PREFECT_API_URL = http://dotenv/api # the server
PREFECT_API_KEY="key \"quoted\"\n\d" # comment
'PREFECT_API_AUTH_STRING'=admin:pa$$word#x
PREFECT_CLIENT_CUSTOM_HEADERS={"A":"dotenv", "D":"${WHO}-${NOBODY:-nobody}-${ALSO_NOBODY}-$WHO"}
this line is none
prefect_api_request_timeout=3
PREFECT_UI_URL
"##;

const CASES: &[Case] = &[
    case("nothing", &[], &[]),
    case(
        "variables",
        &[],
        &[("PREFECT_API_URL", "http://env/api"), ("PREFECT_API_KEY", "key"), ("PREFECT_API_AUTH_STRING", "u:p")],
    ),
    case(
        "pool and namespace of deployments by their old names",
        &[("~/.prefect/profiles.toml", OF_DEPLOYMENTS)],
        &[("PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE", "env")],
    ),
    case("pool and namespace of deployments in a profile", &[("~/.prefect/profiles.toml", OF_DEPLOYMENTS)], &[]),
    case(
        "pool and namespace of deployments in prefect.toml",
        &[
            (
                "prefect.toml",
                "[deployments]\ndefault_work_pool_name = 'toml'\ndefault_docker_build_namespace = 'toml/x'\n",
            ),
            ("~/.prefect/profiles.toml", OF_DEPLOYMENTS),
        ],
        &[],
    ),
    case(
        "both names of a setting",
        &[],
        &[
            ("PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE", "old"),
            ("PREFECT_DEPLOYMENTS_DEFAULT_DOCKER_BUILD_NAMESPACE", "new"),
        ],
    ),
    case("variables in small letters", &[], &[("prefect_api_url", "http://small/api")]),
    case("space around a value stays", &[], &[("PREFECT_API_URL", " http://env/api "), ("PREFECT_API_KEY", " k ")]),
    case("the active profile", &[("~/.prefect/profiles.toml", PROFILES)], &[]),
    case("a profile by variable", &[("~/.prefect/profiles.toml", PROFILES)], &[("PREFECT_PROFILE", "two")]),
    case("an empty variable names no profile", &[("~/.prefect/profiles.toml", PROFILES)], &[("PREFECT_PROFILE", "")]),
    case("a profile that is not there", &[("~/.prefect/profiles.toml", PROFILES)], &[("PREFECT_PROFILE", "three")]),
    case(
        "a built-in profile beside a file",
        &[("~/.prefect/profiles.toml", PROFILES)],
        &[("PREFECT_PROFILE", "local")],
    ),
    case("a built-in profile without a file", &[], &[("PREFECT_PROFILE", "local")]),
    case(
        "a built-in profile with a home that has no file",
        &[],
        &[("PREFECT_PROFILE", "local"), ("PREFECT_HOME", "HOME/other")],
    ),
    case(
        "keys in small letters are not read in a profile",
        &[("~/.prefect/profiles.toml", PROFILES)],
        &[("PREFECT_PROFILE", "small")],
    ),
    case("a number is no key", &[("~/.prefect/profiles.toml", PROFILES)], &[("PREFECT_PROFILE", "number")]),
    case("a table in a profile", &[("~/.prefect/profiles.toml", PROFILES)], &[("PREFECT_PROFILE", "table")]),
    case("another home", &[("~/other/profiles.toml", PROFILES)], &[("PREFECT_HOME", "HOME/other")]),
    case("a home with a tilde", &[("~/other/profiles.toml", PROFILES)], &[("PREFECT_HOME", "~/other")]),
    case(
        "another file of profiles",
        &[("p.toml", PROFILES)],
        &[("PREFECT_PROFILES_PATH", "DIR/p.toml"), ("PREFECT_HOME", "HOME/other")],
    ),
    case("a relative file of profiles", &[("p.toml", PROFILES)], &[("PREFECT_PROFILES_PATH", "p.toml")]),
    case("profiles named in .env", &[("p.toml", PROFILES), (".env", "PREFECT_PROFILES_PATH=p.toml\n")], &[]),
    case(
        "a home in .env moves no profiles",
        &[("~/other/profiles.toml", PROFILES), (".env", "PREFECT_HOME=HOME/other\n")],
        &[],
    ),
    case("profiles named in prefect.toml", &[("p.toml", PROFILES), ("prefect.toml", "profiles_path = 'p.toml'")], &[]),
    case(
        "profiles named in pyproject.toml",
        &[("p.toml", PROFILES), ("pyproject.toml", "[tool.prefect]\nprofiles_path = 'p.toml'")],
        &[],
    ),
    case("no active profile", &[("~/.prefect/profiles.toml", "[profiles.one]\nPREFECT_API_URL = 'http://one'")], &[]),
    case("prefect.toml", &[("prefect.toml", PREFECT_TOML)], &[]),
    case("pyproject.toml", &[("pyproject.toml", PYPROJECT)], &[]),
    case("a pyproject.toml of something else", &[("pyproject.toml", "[tool.other]\napi = 1")], &[]),
    case(".env", &[(".env", DOTENV)], &[("WHO", "me")]),
    case(
        "in .env the file goes before the environment",
        &[(".env", "WHO=file\nPREFECT_API_KEY=${WHO}\n")],
        &[("WHO", "env")],
    ),
    case("the last of two in .env", &[(".env", "PREFECT_API_KEY=1\r\nPREFECT_API_KEY='2\\'\\n'\r\n")], &[]),
    case(
        "all at once",
        &[
            ("~/.prefect/profiles.toml", PROFILES),
            ("prefect.toml", PREFECT_TOML),
            ("pyproject.toml", PYPROJECT),
            (".env", DOTENV),
        ],
        &[("PREFECT_CLIENT_CUSTOM_HEADERS", r#"{"A": "env", "E": "env"}"#), ("PREFECT_API_AUTH_STRING", "")],
    ),
    case(
        "all but .env",
        &[("~/.prefect/profiles.toml", PROFILES), ("prefect.toml", PREFECT_TOML), ("pyproject.toml", PYPROJECT)],
        &[],
    ),
    case(
        "set to nothing hides the profile",
        &[("~/.prefect/profiles.toml", PROFILES)],
        &[("PREFECT_API_URL", ""), ("PREFECT_API_KEY", "")],
    ),
    case(
        "files above are not looked for",
        &[("../prefect.toml", PREFECT_TOML), ("../.env", DOTENV), ("../pyproject.toml", PYPROJECT)],
        &[],
    ),
    case("headers that are no JSON", &[], &[("PREFECT_CLIENT_CUSTOM_HEADERS", "A: b")]),
    case("empty headers", &[], &[("PREFECT_CLIENT_CUSTOM_HEADERS", "")]),
    case("headers that are a list", &[], &[("PREFECT_CLIENT_CUSTOM_HEADERS", "[1]")]),
    case("a header that is a number", &[], &[("PREFECT_CLIENT_CUSTOM_HEADERS", r#"{"A": 1}"#)]),
    case(
        "a header that is a number and hidden",
        &[("prefect.toml", "[client]\ncustom_headers = {A = 1}")],
        &[("PREFECT_CLIENT_CUSTOM_HEADERS", r#"{"A": "x"}"#)],
    ),
    case("a list of headers in prefect.toml", &[("prefect.toml", "[client]\ncustom_headers = ['a']")], &[]),
    case("a table for a text is passed over", &[("prefect.toml", "[api.url]\nx = 1")], &[]),
    case("a number for a text is refused", &[("prefect.toml", "[api]\nurl = 1")], &[]),
    case("a section that is none", &[("prefect.toml", "api = 1")], &[]),
    case("what is no TOML", &[("prefect.toml", "[api\n")], &[]),
    case(
        "verification off",
        &[],
        &[("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "Yes"), ("PREFECT_API_SSL_CERT_FILE", "/ca.pem")],
    ),
    case(
        "verification on",
        &[("prefect.toml", "[api]\ntls_insecure_skip_verify = true")],
        &[("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "0")],
    ),
    case("verification perhaps", &[], &[("PREFECT_API_TLS_INSECURE_SKIP_VERIFY", "perhaps")]),
    case("a time limit", &[], &[("PREFECT_API_REQUEST_TIMEOUT", " 2.5 ")]),
    case("no time limit", &[], &[("PREFECT_API_REQUEST_TIMEOUT", "soon")]),
    case("test mode has no profile", &[("~/.prefect/profiles.toml", PROFILES)], &[("PREFECT_TEST_MODE", "1")]),
    Case {
        name: "a profile by option",
        files: &[("~/.prefect/profiles.toml", PROFILES)],
        variables: &[("PREFECT_PROFILE", "one")],
        profile: Some("two"),
    },
];

/// The cases that Prefect refuses: those of values that are not of their kind.
const REFUSED: [&str; 12] = [
    "a number is no key",
    "a table in a profile",
    "headers that are no JSON",
    "empty headers",
    "headers that are a list",
    "a header that is a number",
    "a list of headers in prefect.toml",
    "a number for a text is refused",
    "a section that is none",
    "what is no TOML",
    "verification perhaps",
    "no time limit",
];

#[test]
fn our_settings_are_prefects() {
    let mut prefect = Prefect::start();
    let mut differences = Vec::new();
    let mut refused = Vec::new();
    for case in CASES {
        let (theirs, ours) = prefect.compare(case.files, case.variables, case.profile);
        let both_refuse = theirs["error"].is_string() && ours["error"].is_string();
        if both_refuse {
            refused.push(case.name);
        } else if theirs != ours {
            differences.push(format!("{}:\n  Prefect {theirs}\n  ours    {ours}", case.name));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(refused, REFUSED);
}

#[test]
fn our_dotenv_is_pythons() {
    const WORDS: &[&str] = &[
        "PREFECT_API_KEY=",
        "PREFECT_API_URL = ",
        "prefect_api_key=",
        "'PREFECT_API_URL'=",
        "export ",
        "PREFECT_API_KEY",
        "a",
        "b c",
        "=",
        "'",
        "\"",
        "\\",
        "\\n",
        "#",
        " #",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\r",
        "$",
        "${",
        "}",
        "${A}",
        "${A:-d}",
        "${PREFECT_API_KEY}",
        ":-",
    ];
    let mut prefect = Prefect::start();
    let mut random = StdRng::seed_from_u64(20);
    let (mut differences, mut found) = (Vec::new(), 0);
    for _ in 0..200 {
        let text: String =
            (0..random.random_range(3..20)).map(|_| WORDS[random.random_range(0..WORDS.len())]).collect();
        let (theirs, ours) = prefect.compare(&[(".env", &text)], &[("A", "of-env")], None);
        found += usize::from(theirs["key"].is_string() || theirs["url"].is_string());
        if theirs != ours {
            differences.push(format!("{text:?}:\n  Prefect {theirs}\n  ours    {ours}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(found > 50, "only {found} of the texts set anything");
}

/// A process with the real `prefect.settings`.
struct Prefect {
    process: Child,
    questions: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Drop for Prefect {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prefect {
    fn start() -> Self {
        let mut process = python()
            .command([python().script("prefect_settings.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, questions, answers }
    }

    /// What Prefect reads, and what we read.
    fn compare(&mut self, files: &[(&str, &str)], variables: &[(&str, &str)], profile: Option<&str>) -> (Value, Value) {
        let root = tempfile::tempdir().unwrap();
        let (directory, home) = (root.path().join("above/work"), root.path().join("home"));
        let placed = |text: &str| {
            text.replace("DIR", directory.to_str().unwrap()).replace("HOME/", &format!("{}/", home.to_str().unwrap()))
        };
        for directory in [&directory, &home] {
            fs::create_dir_all(directory).unwrap();
        }
        for (path, text) in files {
            let path = path.strip_prefix("~/").map_or_else(|| directory.join(path), |path| home.join(path));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, placed(text)).unwrap();
        }
        let mut variables: BTreeMap<String, String> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), placed(value))).collect();
        variables.insert("HOME".to_owned(), home.to_str().unwrap().to_owned());
        let question = json!({"directory": directory, "variables": variables, "profile": profile});
        writeln!(self.questions, "{question}").unwrap();
        let theirs = serde_json::from_str(&self.answers.next().unwrap().unwrap()).unwrap();
        (theirs, ours(&directory, &home, variables, profile))
    }
}

fn ours(directory: &Path, home: &Path, variables: BTreeMap<String, String>, profile: Option<&str>) -> Value {
    let place = Place {
        directory: directory.to_owned(),
        home: Some(home.to_owned()),
        variables,
        profile: profile.map(str::to_owned),
    };
    let settings = match Settings::load(&place) {
        Ok(settings) => settings,
        Err(error) => return json!({"error": error.to_string()}),
    };
    let headers: BTreeMap<&str, &str> =
        settings.headers.iter().map(|(name, header)| (name.as_str(), header.value.reveal())).collect();
    json!({
        "url": settings.api_url.as_ref().map(|url| &url.value),
        "key": settings.api_key.as_ref().map(|key| key.value.reveal()),
        "auth_string": settings.auth_string.as_ref().map(|auth| auth.value.reveal()),
        "headers": headers,
        "ssl_cert_file": settings.ssl_cert_file.as_ref().map(|file| &file.value),
        "skip_verify": settings.skip_verify.as_ref().is_some_and(|skip| skip.value),
        // Prefect's default; ours is the caller's.
        "request_timeout": settings.request_timeout.as_ref().map_or(60.0, |time| Duration::as_secs_f64(&time.value)),
        "work_pool": settings.default_work_pool.as_ref().map(|pool| &pool.value),
        "build_namespace": settings.docker_build_namespace.as_ref().map(|namespace| &namespace.value),
        "ui_url": settings.ui_url.as_ref().map(|url| &url.value),
    })
}
