//! Folders of `tests/project`: what is in them, and what comes out.

use std::{fmt::Write as _, fs, path::PathBuf};

use prefect_api::models::Object;
use serde_json::{Value, json};

use super::*;
use crate::estate::Answers;

fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "project", name].iter().collect()
}

fn files(name: &str) -> Vec<ProjectFile> {
    let entries = fs::read_dir(folder(name)).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.retain(|path| !path.ends_with("expected.yaml"));
    paths.sort();
    let file = |path: PathBuf| ProjectFile {
        text: fs::read_to_string(&path).expect("it is text"),
        path: path.file_name().expect("it has a name").to_string_lossy().into_owned(),
    };
    paths.into_iter().map(file).collect()
}

/// Two blocks of a server.
fn estate() -> Estate {
    let s3 = json!({"id": "26d6129b-99a3-411d-8367-793e09aaee97", "name": "code", "block_type": {"slug": "s3"},
        "data": {"bucket_path": "code-bucket/flows", "aws_access_key_id": "********", "aws_secret_access_key": "********"}});
    let ecs = json!({"id": "f972c2ff-e79e-4f48-9554-151dd98c529e", "name": "prod-ecs", "block_type": {"slug": "ecs-task"},
        "data": {}});
    let answers = Answers { version: "2.20.26".to_owned(), block_documents: vec![s3, ecs], ..Answers::default() };
    Estate::from_answers(answers).expect("the documents are blocks")
}

fn source(path: &str) -> Option<String> {
    match path {
        "nightly.py" => Some("@flow(name=\"nightly report\", version=\"2024.1\")".to_owned()),
        ".prefect/flows.json" => Some("{\"ingest\": \"etl/ingest.py:ingest\"}".to_owned()),
        _ => None,
    }
}

fn translated(files: &[ProjectFile]) -> Translated {
    let (estate, options) = (estate(), Options::default());
    translate(&Project { name: "project", files, estate: Some(&estate), options: &options, source: &source })
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A file as Prefect's model takes it: what is null or empty is not there. Pools have our suffix.
fn as_model(text: &str) -> Value {
    fn tidy(value: &mut Value) {
        if let Value::Object(members) = value {
            members.values_mut().for_each(tidy);
            let is_empty = |value: &Value| {
                value.is_null()
                    || value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(Object::is_empty)
            };
            members.retain(|_, value| !is_empty(value));
        } else if let Value::Array(items) = value {
            items.iter_mut().for_each(tidy);
        }
    }
    let mut document = yaml::read(text).expect("it is YAML").to_json();
    for deployment in document["deployments"].as_array_mut().expect("deployments are a list") {
        let name = deployment["work_pool"]["name"].as_str().expect("a deployment has a pool").to_owned();
        deployment["work_pool"]["name"] = name.trim_end_matches("-push").into();
    }
    tidy(&mut document);
    document
}

#[track_caller]
fn check(case: &str) -> Translated {
    let translated = translated(&files(case));
    let expected = fs::read_to_string(folder(case).join("expected.yaml")).expect("it is there");
    let text = translated.text.as_deref().expect("a file is written");
    assert_eq!(as_model(text), as_model(&expected), "{text}");
    translated
}

/// What is said about every deployment.
fn report(translated: &Translated) -> String {
    let mut report = translated.text.clone().unwrap_or_default();
    for deployment in &translated.deployments {
        writeln!(
            report,
            "\n{} of {}: {:?} {:?}",
            deployment.name, deployment.file, deployment.action, deployment.risk.level
        )
        .expect("a string takes text");
        let lines = deployment.reasons.iter().cloned();
        let notes = deployment.notes.iter().map(|note| format!("{}: {}", note.code, note.text));
        let lost = deployment.not_carried.iter().map(|lost| format!("not carried: {}: {}", lost.setting, lost.reason));
        for line in lines.chain(notes).chain(lost) {
            writeln!(report, "  {line}").expect("a string takes text");
        }
    }
    let pools: Vec<&str> = translated.pools.iter().map(|pool| pool.name.as_str()).collect();
    writeln!(report, "\npools: {}", pools.join(", ")).expect("a string takes text");
    report
}

#[test]
fn an_artefact_with_a_bucket_and_a_literal_definition_is_written() {
    let translated = check("03-ecs-td-s3bucket");
    assert_eq!(translated.pools.len(), 1);
    insta::assert_snapshot!(report(&translated));
}

#[test]
fn an_anonymous_block_gives_its_settings_to_the_deployment_and_no_asterisk() {
    let translated = check("07-python-anonymous");
    assert!(!translated.text.as_deref().unwrap().contains("***"));
    insta::assert_snapshot!(report(&translated));
}

#[test]
fn an_artefact_for_an_agent_pool_keeps_its_overrides_as_job_variables() {
    insta::assert_snapshot!(report(&translated(&files("33-overrides-on-agents"))));
}

#[test]
fn artefacts_of_processes_and_kubernetes_are_left() {
    for case in ["01-plain-process", "05-k8s-embedded"] {
        let translated = translated(&files(case));
        assert_eq!((translated.text, translated.deployments[0].action), (None, Action::Leave));
        assert!(!translated.deployments[0].reasons.is_empty());
    }
}

#[test]
fn a_single_schedule_a_paused_deployment_and_foreign_keys_are_translated() {
    insta::assert_snapshot!(report(&check("22-single-schedule-2.13")));
}

#[test]
fn blocks_in_pull_steps_are_replaced_by_steps_that_need_no_class() {
    insta::assert_snapshot!(report(&check("24-blocks-in-pull-2.14")));
}

#[test]
fn projects_of_2_10_become_one_file_with_all_comments() {
    insta::assert_snapshot!(report(&translated(&files("30-projects-2.10"))));
}

#[test]
fn overrides_blocks_and_anchors_become_work_pools_and_pull_steps() {
    insta::assert_snapshot!(report(&translated(&files("31-overrides-and-blocks"))));
}

#[test]
fn artefacts_are_added_to_a_file_of_today_which_stays_as_it_is() {
    let translated = translated(&files("32-build-into-existing"));
    let before = fs::read_to_string(folder("32-build-into-existing").join("prefect.yaml")).unwrap();
    assert!(translated.text.as_deref().unwrap().starts_with(before.trim_end()));
    insta::assert_snapshot!(report(&translated));
}

/// An artefact with the lines given.
fn artefact(lines: &str) -> Translated {
    let text =
        format!("name: x\nflow_name: f\nentrypoint: f.py:f\ntags: []\nparameters: {{}}\nmanifest_path: null\n{lines}");
    translated(&[ProjectFile { path: "f-deployment.yaml".to_owned(), text }])
}

fn deployment(translated: &Translated) -> Value {
    let text = translated.text.as_deref().unwrap_or_else(|| panic!("{:?}", translated.deployments[0].reasons));
    yaml::read(text).expect("it is YAML").to_json()["deployments"][0].clone()
}

#[test]
fn an_artefact_for_a_worker_keeps_its_pool_under_a_new_name() {
    let lines = "version: '7'\nwork_queue_name: q\nwork_pool_name: ecs-pool\nstorage: null\npath: /opt/flows\n\
                 infra_overrides: {env.A: '1', cpu: '512'}\ninfrastructure: {type: process, block_type_slug: process}\n\
                 schedule: {cron: 0 0 * * *, timezone: null, day_or: true}\nis_schedule_active: false\n";
    let translated = artefact(lines);
    assert_eq!(
        deployment(&translated),
        json!({"name": "x", "version": "7", "tags": [], "description": null, "entrypoint": "f.py:f", "parameters": {},
            "enforce_parameter_schema": false, "paused": true,
            "schedules": [{"cron": "0 0 * * *", "day_or": true, "active": false}],
            "pull": [{"prefect.deployments.steps.set_working_directory": {"directory": "/opt/flows"}}],
            "work_pool": {"name": "ecs-pool-push", "work_queue_name": "q", "job_variables": {"env": {"A": "1"}, "cpu": 512}}})
    );
    assert_eq!(translated.deployments[0].risk.level, crate::plan::Level::High);
}

#[test]
fn a_changed_task_definition_of_the_account_is_written_with_a_risk() {
    let translated = artefact(
        "work_queue_name: q\npath: /opt\nstorage: null\ninfra_overrides: {memory: 2048}\ninfrastructure:\n  type: ecs-task\n  \
         task_definition_arn: arn:aws:ecs:eu-west-1:123456789012:task-definition/reports:7\n  image: a:1\n  cpu: 512\n  \
         _block_document_name: arn\n  _is_anonymous: false\n  block_type_slug: ecs-task\n",
    );
    let deployment = deployment(&translated);
    assert_eq!(deployment["work_pool"]["name"], "arn-push");
    assert_eq!(deployment["work_pool"]["job_variables"], json!({"memory": 2048}));
    let codes: Vec<&str> = translated.deployments[0].notes.iter().map(|note| note.code.as_str()).collect();
    assert!(codes.contains(&"pool_needs_account"), "{codes:?}");
    assert!(translated.pools.is_empty());
}

#[test]
fn building_and_pushing_an_image_become_two_steps() {
    let text = "prefect-version: 2.10.0\nbuild:\n- prefect_docker.projects.steps.build_docker_image:\n    image_name: etl # ours\n    \
                push: true\n    credentials: {username: u}\ndeployments:\n- name: x\n  entrypoint: f.py:f\n  work_pool:\n    \
                name: e\n    job_variables: {image: '{{ image_name }}'}\n";
    let files = [ProjectFile { path: "prefect.yaml".to_owned(), text: text.to_owned() }];
    let translated = translated(&files);
    let document = yaml::read(translated.text.as_deref().unwrap()).unwrap().to_json();
    assert_eq!(
        document["build"],
        json!([{"prefect_docker.deployments.steps.build_docker_image": {"image_name": "etl"}}])
    );
    assert_eq!(
        document["push"],
        json!([{"prefect_docker.deployments.steps.push_docker_image":
            {"image_name": "{{ image_name }}", "tag": "{{ tag }}", "credentials": {"username": "u"}}}])
    );
    assert_eq!(document["deployments"][0]["work_pool"]["job_variables"]["image"], "{{ image }}");
    assert!(translated.text.unwrap().contains("image_name: etl # ours"));
}

#[test]
fn a_translated_file_needs_no_translation() {
    for case in ["22-single-schedule-2.13", "24-blocks-in-pull-2.14", "30-projects-2.10", "31-overrides-and-blocks"] {
        let text = translated(&files(case)).text.unwrap();
        let file = ProjectFile { path: "prefect.yaml".to_owned(), text: text.clone() };
        let again = translated(&[file]);
        assert_eq!(again.text.as_deref(), Some(text.as_str()), "{case}");
    }
}

#[test]
fn what_cannot_be_read_names_its_file() {
    let error = |path: &str, text: &str| {
        let files = [ProjectFile { path: path.to_owned(), text: text.to_owned() }];
        let options = Options::default();
        let project = Project { name: "x", files: &files, estate: None, options: &options, source: &source };
        translate(&project).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(error("a.yaml", "a: [\n"), "a.yaml cannot be read");
    assert!(error("docker-compose.yaml", "services: {}\n").starts_with("docker-compose.yaml is neither"));
    assert_eq!(error("prefect.yaml", "deployments: x\n"), "prefect.yaml: `deployments` must be a list");
}
