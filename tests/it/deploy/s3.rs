//! `push_to_s3` and `pull_from_s3` of a deploy on an S3 that somebody else wrote, beside the real steps of prefect-aws.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use pushpool_tests::conformance::{Emulator, moto};
use pushpool_tests::rig::prefect::unique;
use pushpool_tests::rig::python::python;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::server;
use crate::cli::{finish, pushpool, with_aws};

const FILES: [(&str, &str); 9] = [
    ("flow.py", "from prefect import flow\n\n\n@flow\ndef stored():\n    pass\n"),
    (".prefectignore", "*.log\n!keep.log\n/build/\n__pycache__\n"),
    (".env", "A=1"),
    ("a b/grüße +&=.txt", "x"),
    ("app/keep.log", "kept"),
    ("app/x.log", "left out"),
    ("app/__pycache__/m.pyc", "left out"),
    ("build/out.bin", "left out"),
    ("deep/build/empty", ""),
];

/// Folders in the bucket: plain, with another separator at the end, and none.
const FOLDERS: [&str; 3] = ["code", "a/b/", ""];

/// `tests/python/s3_steps.py` in a folder; what it prints.
fn real(moto: &Emulator, folder: &Path, arguments: &[&str]) -> Value {
    let python = python();
    let mut command = python.command([python.script("s3_steps.py")]);
    command.args(arguments).current_dir(folder);
    with_aws(&mut command, &moto.endpoint());
    let output = command.output().expect("tests/python/s3_steps.py can be started");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "s3_steps.py {arguments:?}: {complaints}\n{}", moto.log());
    serde_json::from_slice(&output.stdout).expect("s3_steps.py prints JSON")
}

async fn deploy(moto: &Emulator, folder: &Path, pool: &str, steps: &Value) {
    let deployment = json!({"name": unique("stored"), "entrypoint": "flow.py:stored", "work_pool": {"name": pool}});
    let mut file = json!({"pull": [], "deployments": [deployment]});
    file.as_object_mut().unwrap().extend(steps.as_object().cloned().unwrap());
    // Beside the project: it shall not be pushed.
    let path = TempDir::new().unwrap();
    let path = path.path().join("prefect.yaml");
    fs::write(&path, file.to_string()).unwrap();
    let mut command = pushpool(server().await, &["deploy", "--all", "--prefect-file", path.to_str().unwrap()]).await;
    with_aws(&mut command, &moto.endpoint());
    command.current_dir(folder);
    finish(command).await.ok();
}

/// Files below a folder, with what they hold.
fn files(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_deploy_stores_and_fetches_what_the_real_steps_do() {
    let moto = tokio::task::spawn_blocking(moto).await.unwrap();
    let pool = unique("stored");
    server().await.api().create_pool_with(json!({"name": pool, "type": "ecs:push"})).await;
    let project = TempDir::new().unwrap();
    for (name, text) in FILES {
        let path = project.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for (number, folder) in FOLDERS.into_iter().enumerate() {
        let (theirs, ours) = (format!("theirs-{number}"), format!("ours-{number}"));
        real(&moto, project.path(), &["create", &theirs, &ours]);
        real(&moto, project.path(), &["push", &theirs, folder]);
        let place = json!({"bucket": ours, "folder": folder});
        let push = json!({"push": [{"prefect_aws.deployments.steps.push_to_s3": place}]});
        deploy(&moto, project.path(), &pool, &push).await;
        let stored = real(&moto, project.path(), &["list", &theirs]);
        assert_eq!(real(&moto, project.path(), &["list", &ours]), stored, "{folder:?}");
        assert_eq!(stored.as_object().unwrap().len(), 6, "{stored}");

        // Each fetches what the other has stored.
        let (there, here) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        real(&moto, there.path(), &["pull", &ours, folder]);
        fs::write(here.path().join("flow.py"), FILES[0].1).unwrap();
        let place = json!({"bucket": theirs, "folder": folder});
        let pull = json!({"build": [{"prefect_aws.deployments.steps.pull_from_s3": place}]});
        deploy(&moto, here.path(), &pool, &pull).await;
        let fetched = files(here.path());
        assert_eq!(fetched, files(there.path()), "{folder:?}");
        assert_eq!(fetched["app/keep.log"], "kept");
    }
}
