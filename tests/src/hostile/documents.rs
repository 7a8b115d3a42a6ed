//! Documents that somebody wrote: work pools in standalone mode, and the files of Prefect's settings.

use std::{cell::LazyCell, collections::BTreeMap, fs, time::Duration};

use dispatch::pool;
use prefect_api::settings::{Place, Settings};
use serde_json::json;
use tempfile::TempDir;
use work_pool::{Layers, NoReferences};

use super::{CANARY, Dice, Verdict, odd, refused};

/// The document of a work pool.
pub(super) fn pool(dice: &mut Dice) -> Vec<u8> {
    let mut document = match dice.below(4) {
        0 => super::queues::samples_of_pools(dice),
        1 => json!({"name": odd::text(dice), "is_paused": odd::value(dice), "id": odd::text(dice)}),
        _ => json!({"name": "p", "base_job_template": {
            "job_configuration": odd::object(dice),
            "variables": {"properties": odd::object(dice), "required": odd::value(dice)},
        }}),
    };
    if dice.one_in(8) && document.is_object() {
        document[dice.pick(&["is_paused", "id", "name"])] = json!({"secret": CANARY});
    }
    if dice.one_in(8) && document.is_object() {
        document[dice.pick(&["is_paused", "id"])] = json!(CANARY);
    }
    if !dice.one_in(8) {
        dice.spoil(&mut document);
    }
    dice.written(&document)
}

pub(super) fn drive_pool(input: &[u8]) -> Verdict {
    let read = pool::parse("p", input).map_err(|failure| failure.diagnosis);
    let pool = match read.and_then(|document| pool::WorkPool::from_document(&document, "p")) {
        Ok(pool) => pool,
        Err(diagnosis) => return refused(&diagnosis),
    };
    let _ = pool::file_name(&pool.named.name);
    let layers = Layers::default();
    if let Err(error) = pool.template.validate(layers) {
        return refused(&error.diagnosis());
    }
    match pool.template.render(layers, &NoReferences) {
        Ok(_) => Verdict::Accepted,
        Err(error) => refused(&error.diagnosis()),
    }
}

/// The three files in which Prefect's settings stand, one after the other.
pub(super) fn settings(dice: &mut Dice) -> Vec<u8> {
    const LINES: &[&str] = &[
        "[api]",
        "url = \"http://x/api\"",
        "key = \"hunter2-canary\"",
        "[tool.prefect.api]",
        "[tool.prefect]",
        "[client]",
        "custom_headers = {\"a\" = \"b\"}",
        "PREFECT_API_URL=http://x/api",
        "PREFECT_API_KEY='hunter2-canary'",
        "export PREFECT_API_AUTH_STRING=\"hunter2-canary\"",
        "PREFECT_CLIENT_CUSTOM_HEADERS={\"a\": \"hunter2-canary\"}",
        "A=${A:-${B}}",
        "B=\"${A}${A}${A}${A}${A}${A}\"",
        "A=\"${B}${B}${B}${B}${B}${B}\"",
        "active = \"p\"",
        "[profiles.p]",
        "PREFECT_API_REQUEST_TIMEOUT = 1e400",
        "PREFECT_API_REQUEST_TIMEOUT=1e308",
        "request_timeout = -1",
        "[[api]]",
        "PREFECT_API_TLS_INSECURE_SKIP_VERIFY=maybe",
        "'",
        "\"\"\"",
        "# é",
        "=",
        "A",
        "url = [[[[",
        "\\",
        "${",
        "a.b.c.d = 1",
    ];
    let mut text = String::new();
    for file in 0..3 {
        if file > 0 {
            text.push('\u{c}');
        }
        let lines = if dice.one_in(60) { dice.below(400) } else { dice.below(8) };
        for _ in 0..lines {
            text.push_str(dice.pick(LINES));
            if dice.one_in(6) {
                text.push_str(&odd::text(dice));
            }
            text.push_str(dice.pick(&["\n", "\n", "\r\n", " ", ""]));
        }
        if dice.one_in(40) {
            let open = dice.below(3_000);
            text.push_str(&format!("a = {}", dice.pick(&["[", "{a="]).repeat(open)));
        }
    }
    let mut text = text.into_bytes();
    if dice.one_in(3) {
        dice.spoil_text(&mut text);
    }
    text
}

const FILES: [&str; 3] = [".env", "prefect.toml", "profiles.toml"];

thread_local! {
    /// Where the files are written; in memory, where the machine has such a place.
    static DIRECTORY: LazyCell<TempDir> = LazyCell::new(|| {
        tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory is made")
    });
}

pub(super) fn drive_settings(input: &[u8]) -> Verdict {
    DIRECTORY.with(|directory| {
        let directory = directory.path();
        let mut parts = input.splitn(FILES.len(), |byte| *byte == 0xc);
        for file in FILES {
            fs::write(directory.join(file), parts.next().unwrap_or_default()).expect("a file is written");
        }
        let profiles = directory.join("profiles.toml").display().to_string();
        let variables = BTreeMap::from([("PREFECT_PROFILES_PATH".to_owned(), profiles)]);
        let place = Place { directory: directory.to_owned(), variables, home: None, profile: None };
        let loaded = Settings::load(&place).and_then(|settings| settings.connection(Duration::from_secs(10)));
        match loaded {
            Ok(_) => Verdict::Accepted,
            Err(error) => {
                let text = format!("{error} {error:?}");
                assert!(!text.contains(CANARY), "it tells a secret: {text:.300}");
                assert!(text.len() < super::LONGEST, "a text of {} bytes", text.len());
                Verdict::Refused("settings")
            }
        }
    })
}
