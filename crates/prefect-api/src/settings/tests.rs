//! What people are told. That the values are Prefect's is a differential test's to say, in `tests`.

use std::{fs, path::Path};

use super::*;

fn place(directory: &Path, variables: &[(&str, &str)]) -> Place {
    Place {
        directory: directory.to_owned(),
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        home: Some(directory.to_owned()),
        profile: None,
    }
}

#[test]
fn each_value_says_where_it_was_found() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join(".prefect")).unwrap();
    let write = |name: &str, text: &str| fs::write(root.path().join(name), text).unwrap();
    write(".prefect/profiles.toml", "active = 'home'\n[profiles.home]\nPREFECT_API_URL = 'http://h/api'\n");
    write("prefect.toml", "[client]\ncustom_headers = {A = '1', B = '1'}\n");
    write("pyproject.toml", "[tool.prefect.api]\nrequest_timeout = 3\n");
    write(".env", "prefect_api_key=canary\n");
    let variables = [("PREFECT_CLIENT_CUSTOM_HEADERS", r#"{"B": "2"}"#)];
    let settings = Settings::load(&place(root.path(), &variables)).unwrap();
    let path = |name: &str| root.path().join(name).display().to_string();
    let origins = [
        (&settings.api_url.as_ref().unwrap().origin, format!("profile `home` in {}", path(".prefect/profiles.toml"))),
        (&settings.api_key.as_ref().unwrap().origin, format!("prefect_api_key in {}", path(".env"))),
        (
            &settings.request_timeout.as_ref().unwrap().origin,
            format!("`tool.prefect.api.request_timeout` in {}", path("pyproject.toml")),
        ),
        (&settings.headers[0].1.origin, format!("`client.custom_headers` in {}", path("prefect.toml"))),
        (&settings.headers[1].1.origin, "environment variable PREFECT_CLIENT_CUSTOM_HEADERS".to_owned()),
    ];
    for (origin, expected) in origins {
        assert_eq!(origin.to_string(), expected);
    }
    assert!(!format!("{settings:?}").contains("canary"));
    let connection = settings.connection(Connection::TIMEOUT).unwrap();
    assert_eq!(
        connection,
        Connection {
            auth: Auth::ApiKey("canary".into()),
            headers: vec![("A".into(), "1".into()), ("B".into(), "2".into())],
            timeout: Duration::from_secs(3),
            ..Connection::to("http://h/api")
        }
    );
}

#[test]
fn without_an_api_url_people_hear_what_there_is_instead() {
    let root = tempfile::tempdir().unwrap();
    let told = |variables: &[(&str, &str)]| {
        let settings = Settings::load(&place(root.path(), variables)).unwrap();
        settings.connection(Connection::TIMEOUT).unwrap_err().to_string()
    };
    assert!(told(&[]).starts_with("no Prefect API is set: there is no profile with one. Set the environment variable"));
    assert!(told(&[("PREFECT_API_URL", "")]).contains("set to nothing by environment variable PREFECT_API_URL"));
    fs::create_dir(root.path().join(".prefect")).unwrap();
    let profiles = "active = 'a'\n[profiles.a]\nPREFECT_API_KEY = 'canary'\n";
    fs::write(root.path().join(".prefect/profiles.toml"), profiles).unwrap();
    assert!(told(&[]).contains(": the profile `a` in "), "{}", told(&[]));
    assert!(told(&[("PREFECT_PROFILE", "b")]).contains(": there is no profile `b` in "));
}

#[test]
fn a_mistake_is_told_without_the_value() {
    let root = tempfile::tempdir().unwrap();
    let told = |variables: &[(&str, &str)]| Settings::load(&place(root.path(), variables)).unwrap_err().to_string();
    assert_eq!(
        told(&[("PREFECT_CLIENT_CUSTOM_HEADERS", "X-Door: canary")]),
        "PREFECT_CLIENT_CUSTOM_HEADERS must be a JSON object of header names and texts (environment variable \
         PREFECT_CLIENT_CUSTOM_HEADERS)"
    );
    fs::write(root.path().join("prefect.toml"), "[api]\nkey = canary\n").unwrap();
    assert_eq!(told(&[]), format!("{}: line 2 is not TOML", root.path().join("prefect.toml").display()));
}

#[test]
fn a_function_reads_variables_only() {
    let variables =
        [("PREFECT_API_URL", "http://env/api"), ("PREFECT_API_AUTH_STRING", "u:p"), ("PREFECT_API_KEY", "k")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let settings = Settings::of_environment(&variables).unwrap();
    let connection = settings.connection(Connection::TIMEOUT).unwrap();
    let expected = Connection { auth: Auth::AuthString("u:p".into()), ..Connection::to("http://env/api") };
    assert_eq!((connection, settings.profile), (expected, None));
}

#[test]
fn a_password_with_dollars_survives_dotenv() {
    let text = "AUTH=admin:pa$$word$X\nQUOTED=\"a\\\"b\\n\"\nEMPTY= # comment\nHASH=#x\nREF=${AUTH}-${NO:-d}\nalone\n";
    let values: Vec<_> =
        dotenv::parse(text, &BTreeMap::new()).into_iter().map(|(name, value)| format!("{name} {value:?}")).collect();
    let expected = [
        r#"AUTH Some("admin:pa$$word$X")"#,
        r#"QUOTED Some("a\"b\n")"#,
        r#"EMPTY Some("")"#,
        r##"HASH Some("#x")"##,
        r#"REF Some("admin:pa$$word$X-d")"#,
        "alone None",
    ];
    assert_eq!(values, expected);
}

#[test]
fn a_small_dotenv_stays_small() {
    let mut text = "A0=xxxxxxxxxx\n".to_owned();
    for line in 0..9 {
        text.push_str(&format!("A{}=\"{}\"\n", line + 1, format!("${{A{line}}}").repeat(10)));
    }
    let values = dotenv::parse(&text, &BTreeMap::new());
    let bytes: usize = values.iter().filter_map(|(_, value)| value.as_ref()).map(String::len).sum();
    assert!(bytes < 3 << 20, "{bytes}");
    assert_eq!(values[3].1.as_ref().map(String::len), Some(10_000), "what is not too much is replaced");
    let stays = values.iter().any(|(_, value)| value.as_ref().is_some_and(|value| value.ends_with("${A5}")));
    assert!(stays, "what is too much stays as it is written");
}
